/**
 * Code of a loop whose rows go into groups (groups.ts): their keys, and the entries of those.
 *
 * Rows go into a batch first, as their keys and their records; when it is full, and at the end, the groups of all are looked up in one
 * call, and the rows added (codegen-feeds.ts). So the table's memory is fetched for many rows at a time, not waited for at each. Values that
 * are to be counted once (`count(distinct ...)`) wait beside, as keys of tables of their own.
 */
import type { Distinct } from './accumulators.js';
import type { Label, Register } from './assembler.js';
import { type Emit, storeKey, testLooks } from './codegen-columns.js';
import { count, FeedCode, type FeedHost, requirementsOf } from './codegen-feeds.js';
import type { GroupKey } from './group-keys.js';
import { GROUPS_HEADER, type GroupLayout } from './groups.js';

/** group_entries: bytes of a slot. */
const SLOT_SIZE = 8;
/** Rows of a batch. */
const BATCH = 64;

export interface GroupHost extends FeedHost {
  /** Most groups there can be. */
  readonly maxGroups: number;
  import(name: 'group_entries'): void;
}

/** A table of keys, and keys that wait to be looked up in it. */
interface Table {
  readonly header: number;
  readonly entries: number;
  readonly keySize: number;
  /** u64: how many wait. */
  readonly size: number;
  readonly keys: number;
  /** u64 arrays of BATCH each: the address of the key's values; and what goes with the key, by its place in `with`. */
  readonly values: number;
}

/** What goes with the key of a row's group: its records. With that of a distinct value: the row's place in the batch. */
const RECORDS = [6, 7] as const;
const WITH = RECORDS.length;
/** Registers of the loop that a batch uses itself. */
const SAVED = [6, 7, 8, 9] as const;

export class GroupCode {
  /** Address of the first entry. */
  readonly entries: number;
  /** None if there are no keys: then there is one entry. */
  private readonly table: Table | undefined;
  private readonly distincts: readonly { readonly of: Distinct; readonly table: Table }[];
  private readonly feeds: FeedCode;
  private readonly saved: number;
  /** u64: rows of the batch. */
  private readonly rows: number;
  private readonly flush: Label;

  constructor(
    private readonly emit: Emit,
    private readonly host: GroupHost,
    readonly layout: GroupLayout,
  ) {
    const { keys, keySize, accumulators, entrySize } = layout;
    this.flush = emit.asm.label();
    this.feeds = new FeedCode(emit, host, accumulators);
    this.saved = emit.memory.bss(8 * SAVED.length, 'a batch');
    if (keys.length > 0) this.table = this.newTable(keySize, accumulators.size);
    this.entries = this.table?.entries ?? emit.memory.bss(entrySize, 'the group');
    this.rows = this.table?.size ?? emit.memory.bss(8, 'a batch');
    this.distincts = accumulators.distincts.map((of) => ({ of, table: this.newTable(of.keySize, 8) }));
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
    if (this.table) {
      this.keyAddress(this.table, 5);
      this.storeKeys(this.layout.keys);
    } else {
      asm.constant(5, BigInt(this.entries));
      this.feeds.add();
      if (this.distincts.length === 0) return;
    }
    for (const { of, table } of this.distincts) this.takeDistinct(of, table);
    asm.comment('the row waits for its group');
    asm.constant(1, BigInt(this.rows));
    asm.load(8, 2, 1, 0);
    if (this.table) {
      this.placeIn(this.table, 3, 2);
      for (const [i, register] of RECORDS.entries()) asm.store(8, 3, 8 * BATCH * (1 + i), register);
    }
    asm.aluConstant('add', 2, 1n, 4);
    asm.store(8, 1, 0, 2);
    asm.jumpConstant('lt', 2, BigInt(BATCH), next, 1);
    asm.goto(this.flush);
  }

  /** What is out of the loop's way. */
  cold(): void {
    this.feeds.cold();
  }

  /** When the loop has ended, or the batch is full: then it goes on at `next`. */
  finish(next: Label): void {
    if (this.table || this.distincts.length > 0) this.addBatch(next);
    const { keySize, entrySize } = this.layout;
    this.feeds.averages(this.entries + keySize, entrySize, (dst) => this.loadSize(dst));
  }

  private addBatch(next: Label): void {
    const { asm } = this.emit;
    const end = asm.label();
    asm.bind(this.flush);
    asm.comment('the groups of the rows that wait');
    asm.constant(1, BigInt(this.rows));
    asm.load(8, 3, 1, 0);
    asm.jumpConstant('eq', 3, 0n, end, 2);
    asm.constant(1, BigInt(this.saved));
    for (const [i, register] of SAVED.entries()) asm.store(8, 1, 8 * i, register);
    if (this.table) this.find(this.table);
    for (const { of, table } of this.distincts) this.addDistinct(of, table);
    if (this.table) this.addRows(this.table);
    asm.constant(1, BigInt(this.rows));
    asm.storeConstant(8, 1, 0, 0);
    asm.constant(1, BigInt(this.saved));
    for (const [i, register] of SAVED.entries()) asm.load(8, register, 1, 8 * i);
    asm.comment('the loop has not ended');
    asm.jump('lt', 8, 9, next);
    asm.goto(end);
    this.cold();
    asm.bind(end);
  }

  /** Looks up the keys that wait, at least one: r8 to r9 are then the addresses of their values. */
  private find({ header, size, keys, values }: Table): void {
    const { asm } = this.emit;
    asm.constant(1, BigInt(size));
    asm.load(8, 3, 1, 0);
    asm.constant(8, BigInt(values));
    asm.mov(9, 3);
    asm.aluConstant('lsh', 9, 3n, 1);
    asm.alu('add', 9, 8);
    asm.constant(1, BigInt(header));
    asm.constant(2, BigInt(keys));
    asm.mov(4, 8);
    this.host.import('group_entries');
    asm.jumpConstant('ne', 0, 0n, this.host.exit, 1);
  }

  private addRows({ values }: Table): void {
    const { asm } = this.emit;
    const top = asm.label();
    if (this.distincts.length > 0) {
      // Distinct values had r8 and r9 meanwhile.
      asm.constant(9, BigInt(this.rows));
      asm.load(8, 9, 9, 0);
      asm.aluConstant('lsh', 9, 3n, 1);
      asm.constant(8, BigInt(values));
      asm.alu('add', 9, 8);
    }
    asm.bind(top);
    asm.load(8, 5, 8, 0);
    for (const [i, register] of RECORDS.entries()) asm.load(8, register, 8, 8 * BATCH * (1 + i));
    this.feeds.add();
    asm.aluConstant('add', 8, 8n, 1);
    asm.jump('lt', 8, 9, top);
  }

  /** The row's values of `count(distinct ...)`, behind the key of its group; not of a row that does not look at one of them. */
  private takeDistinct({ keys, text }: Distinct, table: Table): void {
    const { asm } = this.emit;
    const done = asm.label();
    const absent = asm.label();
    asm.comment(text);
    for (const { column } of keys) testLooks(this.emit, column, absent, requirementsOf(this.emit, column));
    this.keyAddress(table, 5);
    if (this.table) this.keyAddress(this.table, 4);
    for (let at = 0; at < this.layout.keySize; at += 8) {
      asm.load(8, 1, 4, at);
      asm.store(8, 5, at, 1);
    }
    this.storeKeys(keys);
    asm.constant(1, BigInt(table.size));
    asm.load(8, 2, 1, 0);
    this.placeIn(table, 3, 2);
    asm.constant(4, BigInt(this.rows));
    asm.load(8, 4, 4, 0);
    asm.store(8, 3, 8 * BATCH, 4);
    asm.aluConstant('add', 2, 1n, 4);
    asm.store(8, 1, 0, 2);
    asm.goto(done);
    asm.bind(absent);
    count(this.emit, this.host.leftOut(text));
    asm.bind(done);
  }

  /** Values that are new count in the group of their row, whose address is known by now. */
  private addDistinct({ at, text }: Distinct, table: Table): void {
    const { asm } = this.emit;
    const top = asm.label();
    const seen = asm.label();
    const none = asm.label();
    asm.comment(text);
    asm.constant(1, BigInt(table.size));
    asm.load(8, 3, 1, 0);
    asm.jumpConstant('eq', 3, 0n, none, 2);
    this.find(table);
    asm.bind(top);
    asm.load(8, 1, 8, 0);
    asm.load(8, 2, 1, 0);
    asm.jumpConstant('ne', 2, 0n, seen, 3);
    asm.storeConstant(8, 1, 0, 1);
    if (this.table) {
      asm.load(8, 4, 8, 8 * BATCH);
      this.placeIn(this.table, 5, 4);
      asm.load(8, 5, 5, 0);
    } else asm.constant(5, BigInt(this.entries));
    this.feeds.increment(at);
    asm.bind(seen);
    asm.aluConstant('add', 8, 8n, 1);
    asm.jump('lt', 8, 9, top);
    asm.constant(1, BigInt(table.size));
    asm.storeConstant(8, 1, 0, 0);
    asm.bind(none);
  }

  /** dst = where the next key goes. Loses r1. */
  private keyAddress({ size, keySize, keys }: Table, dst: 4 | 5): void {
    const { asm } = this.emit;
    asm.constant(dst, BigInt(size));
    asm.load(8, dst, dst, 0);
    asm.aluConstant('mul', dst, BigInt(keySize), 1);
    asm.aluConstant('add', dst, BigInt(keys), 1);
  }

  /** dst = the address of number `index` of the arrays. */
  private placeIn({ values }: Table, dst: Register, index: Register): void {
    const { asm } = this.emit;
    asm.mov(dst, index);
    asm.aluConstant('lsh', dst, 3n, dst);
    asm.aluConstant('add', dst, BigInt(values), dst);
  }

  private storeKeys(keys: readonly GroupKey[]): void {
    for (const { column, at, title } of keys) {
      this.emit.asm.comment(`key ${title}`);
      storeKey(this.emit, column, at, requirementsOf(this.emit, column));
    }
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
    return {
      header,
      entries,
      keySize,
      size: memory.bss(8, 'a batch'),
      keys: memory.bss(BATCH * keySize, 'a batch'),
      values: memory.bss(BATCH * 8 * (1 + WITH), 'a batch'),
    };
  }
}
