/**
 * Code of a loop whose rows go into groups (groups.ts): the key, its entry, what is added to the entry's words (accumulators.ts), and what
 * is made of those when all rows are in. While a row is added, r5 has the address of its group's values.
 *
 * Rows go into a batch first, as their keys and their records; when it is full, and at the end, the groups of all are looked up in one
 * call, and the rows added. So the table's memory is fetched for many rows at a time, not waited for at each.
 */
import type { Feed } from './accumulators.js';
import type { Label } from './assembler.js';
import type { Span } from './ast.js';
import { type Emit, loadValue, placeOf, storeKey, testLooks } from './codegen-columns.js';
import { TestCode } from './codegen-tests.js';
import { type Column, partMask } from './columns.js';
import type { GroupKey } from './group-keys.js';
import { GROUPS_HEADER, type GroupLayout } from './groups.js';
import { HEADER } from './memory.js';
import { NEVER } from './values.js';

/** -EOVERFLOW: a sum or an average is too large; HEADER.overflow says which. */
export const TOO_LARGE = -75n;
/** group_entries: bytes of a slot. */
const SLOT_SIZE = 8;
/** Rows of a batch. */
const BATCH = 64;

/** What could be too large: what the user wrote, and where. */
export interface Overflow {
  readonly text: string;
  readonly span: Span;
}

export interface GroupHost {
  /** Most groups there can be. */
  readonly maxGroups: number;
  readonly exit: Label;
  readonly overflows: Overflow[];
  import(name: 'group_entries'): void;
  /** Address of the counter of rows that have no value for the aggregate. */
  leftOut(text: string): number;
}

/** Where a table of keys lies: its header, and its entries. */
interface Table {
  readonly header: number;
  readonly entries: number;
}

/** Where rows wait for their groups: u64 arrays of BATCH each. */
interface Batch {
  /** How many. */
  readonly size: number;
  readonly keys: number;
  /** The address of the group's values; behind it the rows' records, r6 and r7. */
  readonly values: number;
  /** Registers of the loop, meanwhile. */
  readonly saved: number;
}
const RECORDS = [6, 7] as const;
const SAVED = [6, 7, 8, 9] as const;

export class GroupCode {
  /** Address of the first entry. */
  readonly entries: number;
  private readonly table: Table | undefined;
  private readonly distincts: readonly Table[];
  /** The key of a distinct value. */
  private readonly key: number;
  private readonly batch: Batch;
  private readonly flush: Label;
  private readonly stubs: { at: Label; overflow: Overflow }[] = [];

  constructor(
    private readonly emit: Emit,
    private readonly host: GroupHost,
    readonly layout: GroupLayout,
  ) {
    const { keys, keySize, accumulators } = layout;
    const { distincts, size } = accumulators;
    const { memory } = emit;
    this.flush = emit.asm.label();
    this.key = memory.bss(Math.max(8, ...distincts.map((distinct) => distinct.keySize)), 'a key');
    this.batch = {
      size: memory.bss(8, 'a batch'),
      keys: memory.bss(BATCH * keySize, 'a batch'),
      values: memory.bss(BATCH * 8 * (1 + RECORDS.length), 'a batch'),
      saved: memory.bss(8 * SAVED.length, 'a batch'),
    };
    if (keys.length > 0) {
      this.table = this.newTable(keySize, size);
      this.entries = this.table.entries;
    } else this.entries = memory.bss(layout.entrySize, 'the group');
    this.distincts = distincts.map((distinct) => this.newTable(distinct.keySize, 8));
  }

  /** The number of groups into `dst`. */
  loadSize(dst: 9): void {
    const { asm } = this.emit;
    if (!this.table) {
      asm.constant(dst, 1n);
      return;
    }
    asm.constant(dst, BigInt(this.table.header));
    asm.load(4, dst, dst, 4);
  }

  /** Takes the row: into the one group, or into the batch. Goes on at `next`. */
  take(next: Label): void {
    const { asm } = this.emit;
    const { keySize, keys } = this.layout;
    if (!this.table) {
      asm.constant(5, BigInt(this.entries));
      this.add();
      return;
    }
    asm.constant(5, BigInt(this.batch.size));
    asm.load(8, 5, 5, 0);
    asm.aluConstant('mul', 5, BigInt(keySize), 1);
    asm.aluConstant('add', 5, BigInt(this.batch.keys), 1);
    this.storeKeys(keys);
    asm.comment('the row waits for its group');
    asm.constant(1, BigInt(this.batch.size));
    asm.load(8, 2, 1, 0);
    asm.mov(3, 2);
    asm.aluConstant('lsh', 3, 3n, 4);
    asm.aluConstant('add', 3, BigInt(this.batch.values), 4);
    for (const [i, register] of RECORDS.entries()) asm.store(8, 3, 8 * BATCH * (1 + i), register);
    asm.aluConstant('add', 2, 1n, 4);
    asm.store(8, 1, 0, 2);
    asm.jumpConstant('lt', 2, BigInt(BATCH), next, 1);
    asm.goto(this.flush);
  }

  /** When the loop has ended, or the batch is full: then it goes on at `next`. */
  finish(next: Label): void {
    if (this.table) this.addBatch(this.table, next);
    this.averages();
  }

  private addBatch(table: Table, next: Label): void {
    const { asm } = this.emit;
    const { size, keys, values, saved } = this.batch;
    const top = asm.label();
    const end = asm.label();
    asm.bind(this.flush);
    asm.comment('the groups of the rows that wait');
    asm.constant(1, BigInt(size));
    asm.load(8, 3, 1, 0);
    asm.jumpConstant('eq', 3, 0n, end, 2);
    asm.constant(1, BigInt(saved));
    for (const [i, register] of SAVED.entries()) asm.store(8, 1, 8 * i, register);
    asm.constant(8, BigInt(values));
    asm.mov(9, 3);
    asm.aluConstant('lsh', 9, 3n, 1);
    asm.alu('add', 9, 8);
    asm.constant(1, BigInt(table.header));
    asm.constant(2, BigInt(keys));
    asm.mov(4, 8);
    this.host.import('group_entries');
    asm.jumpConstant('ne', 0, 0n, this.host.exit, 1);
    asm.bind(top);
    asm.load(8, 5, 8, 0);
    for (const [i, register] of RECORDS.entries()) asm.load(8, register, 8, 8 * BATCH * (1 + i));
    this.add();
    asm.aluConstant('add', 8, 8n, 1);
    asm.jump('lt', 8, 9, top);
    asm.constant(1, BigInt(size));
    asm.storeConstant(8, 1, 0, 0);
    asm.constant(1, BigInt(saved));
    for (const [i, register] of SAVED.entries()) asm.load(8, register, 1, 8 * i);
    asm.comment('the loop has not ended');
    asm.jump('lt', 8, 9, next);
    asm.goto(end);
    this.cold();
    asm.bind(end);
  }

  /** Adds the row to the group whose values r5 points to. */
  private add(): void {
    const { asm } = this.emit;
    const { feeds, distincts } = this.layout.accumulators;
    if (distincts.length > 0) {
      asm.constant(1, BigInt(HEADER.values));
      asm.store(8, 1, 0, 5);
      for (const i of distincts.keys()) this.addDistinct(i);
      this.loadValues();
    }
    asm.comment('count');
    this.increment(0);
    for (const feed of feeds) if (!feed.firstPass) this.feed(feed);
    const first = feeds.filter(({ firstPass }) => firstPass);
    if (first.length > 0) this.firstPass(first);
  }

  private storeKeys(keys: readonly GroupKey[]): void {
    for (const { column, at, title } of keys) {
      this.emit.asm.comment(`key ${title}`);
      storeKey(this.emit, column, at, this.requires(column));
    }
  }

  /** What is out of the loop's way. */
  cold(): void {
    const { asm } = this.emit;
    for (const { at, overflow } of this.stubs) {
      asm.bind(at);
      asm.comment(`${overflow.text} is too large`);
      asm.constant(1, BigInt(HEADER.overflow));
      asm.storeConstant(8, 1, 0, this.host.overflows.push(overflow) - 1);
      asm.constant(0, TOO_LARGE);
      asm.goto(this.host.exit);
    }
    this.stubs.length = 0;
  }

  private averages(): void {
    const { asm } = this.emit;
    const { averages } = this.layout.accumulators;
    if (averages.length === 0) return;
    const top = asm.label();
    const end = asm.label();
    asm.comment('averages');
    this.loadSize(9);
    asm.jumpConstant('eq', 9, 0n, end, 1);
    asm.constant(5, BigInt(this.entries + this.layout.keySize));
    asm.bind(top);
    for (const { sum, values, at, scale, text, span } of averages) {
      const none = asm.label();
      asm.load(8, 2, 5, values);
      asm.jumpConstant('eq', 2, 0n, none, 1);
      asm.load(8, 3, 5, sum);
      asm.mov(4, 3);
      asm.alu('div', 3, 2);
      if (scale !== 1n) {
        asm.alu('mod', 4, 2);
        asm.aluConstant('mul', 4, scale, 1);
        asm.alu('div', 4, 2);
        asm.jumpConstant('ge', 3, ((1n << 64n) - 1n) / scale, this.overflow({ text, span }), 1);
        asm.aluConstant('mul', 3, scale, 1);
        asm.alu('add', 3, 4);
      }
      asm.store(8, 5, at, 3);
      asm.bind(none);
    }
    asm.aluConstant('add', 5, BigInt(this.layout.entrySize), 1);
    asm.aluConstant('sub', 9, 1n, 1);
    asm.jumpConstant('ne', 9, 0n, top, 1);
    asm.goto(end);
    this.cold();
    asm.bind(end);
  }

  private newTable(keySize: number, valueSize: number): Table {
    const { asm, memory } = this.emit;
    const { maxGroups } = this.host;
    let slots = 1;
    while (slots < 2 * maxGroups) slots *= 2;
    const header = memory.bss(GROUPS_HEADER, 'groups');
    const entries = memory.bss(maxGroups * (keySize + valueSize), 'groups');
    const slotsAt = memory.bss(slots * SLOT_SIZE, 'groups');
    asm.comment('groups');
    asm.constant(1, BigInt(header));
    for (const [offset, value] of [
      [0, maxGroups],
      [8, keySize],
      [12, valueSize],
      [20, slots],
    ] as const)
      asm.storeConstant(4, 1, offset, value);
    asm.storeConstant(8, 1, 24, entries);
    asm.storeConstant(8, 1, 32, slotsAt);
    return { header, entries };
  }

  private requires(column: Column): (absent: Label) => void {
    return (absent) => new TestCode(this.emit, []).requires(column.requires, absent);
  }

  private loadValues(): void {
    const { asm } = this.emit;
    asm.constant(5, BigInt(HEADER.values));
    asm.load(8, 5, 5, 0);
  }

  /** A word of the group, one up. */
  private increment(at: number): void {
    const { asm } = this.emit;
    asm.load(8, 1, 5, at);
    asm.aluConstant('add', 1, 1n, 2);
    asm.store(8, 5, at, 1);
  }

  private count(counter: number): void {
    const { asm } = this.emit;
    asm.constant(3, BigInt(counter));
    asm.load(8, 2, 3, 0);
    asm.aluConstant('add', 2, 1n, 1);
    asm.store(8, 3, 0, 2);
  }

  private addDistinct(i: number): void {
    const { asm } = this.emit;
    const { keys, at, text } = this.layout.accumulators.distincts[i]!;
    const done = asm.label();
    const absent = asm.label();
    asm.comment(text);
    for (const { column } of keys) testLooks(this.emit, column, absent, this.requires(column));
    asm.constant(5, BigInt(this.key));
    this.storeKeys([...this.layout.keys, ...keys]);
    asm.constant(1, BigInt(this.distincts[i]!.header));
    asm.mov(2, 5);
    asm.constant(3, 1n);
    asm.constant(4, BigInt(HEADER.distinct));
    this.host.import('group_entries');
    asm.jumpConstant('ne', 0, 0n, this.host.exit, 1);
    asm.constant(1, BigInt(HEADER.distinct));
    asm.load(8, 1, 1, 0);
    asm.load(8, 2, 1, 0);
    asm.jumpConstant('ne', 2, 0n, done, 3);
    asm.storeConstant(8, 1, 0, 1);
    this.loadValues();
    this.increment(at);
    asm.goto(done);
    asm.bind(absent);
    this.count(this.host.leftOut(text));
    asm.bind(done);
  }

  /** Feeds that are only for rows that a packet's first pass may have. */
  private firstPass(feeds: readonly Feed[]): void {
    const { asm } = this.emit;
    const { passes, fields } = this.layout.accumulators.source;
    const column = fields.get(passes!.by)!;
    const [later, end, any, first] = [asm.label(), asm.label(), asm.label(), asm.label()];
    const { base, offset } = placeOf(this.emit, column, any);
    const width = column.size as 1 | 2 | 4 | 8;
    asm.comment(`first passes: ${column.name} 0`);
    asm.load(width, 1, base, offset + column.maskAt!);
    asm.load(width, 0, base, offset);
    asm.jump('set', 0, 1, later);
    asm.jumpConstant('eq', 1, partMask(column), first, 2, 8 * width);
    asm.bind(any);
    this.count(HEADER.anyPass);
    asm.bind(first);
    for (const feed of feeds) this.feed(feed);
    asm.goto(end);
    asm.bind(later);
    this.count(HEADER.laterPasses);
    asm.bind(end);
  }

  private feed(feed: Feed): void {
    const { asm } = this.emit;
    const { column, words, texts, finite } = feed;
    const absent = asm.label();
    const done = asm.label();
    asm.comment(texts.join(', '));
    loadValue(this.emit, column, absent, this.requires(column));
    if (finite) asm.jumpConstant('eq', 2, NEVER, absent, 1);
    if (words.sum !== undefined) {
      asm.load(8, 1, 5, words.sum);
      asm.alu('add', 1, 2);
      asm.jump('lt', 1, 2, this.overflow({ text: texts[0]!, span: feed.span }));
      asm.store(8, 5, words.sum, 1);
    }
    if (words.values !== undefined) {
      asm.load(8, 4, 5, words.values);
      asm.mov(1, 4);
      asm.aluConstant('add', 1, 1n, 3);
      asm.store(8, 5, words.values, 1);
    }
    // r4: how many came before.
    for (const end of ['min', 'max'] as const) if (words[end] !== undefined) this.extreme(end, words[end], column);
    asm.goto(done);
    asm.bind(absent);
    this.count(this.host.leftOut(texts.join(', ')));
    asm.bind(done);
  }

  private extreme(which: 'min' | 'max', at: number, column: Column): void {
    const { asm } = this.emit;
    const better = asm.label();
    const worse = asm.label();
    asm.jumpConstant('eq', 4, 0n, better, 3);
    asm.load(8, 1, 5, at);
    asm.mov(0, 2);
    if (column.signed)
      for (const register of [0, 1] as const) asm.aluConstant('xor', register, 1n << BigInt(column.width - 1), 3);
    asm.jump(which === 'min' ? 'ge' : 'le', 0, 1, worse);
    asm.bind(better);
    asm.store(8, 5, at, 2);
    asm.bind(worse);
  }

  private overflow(overflow: Overflow): Label {
    const known = this.stubs.find(({ overflow: { text } }) => text === overflow.text);
    if (known) return known.at;
    const at = this.emit.asm.label();
    this.stubs.push({ at, overflow });
    return at;
  }
}
