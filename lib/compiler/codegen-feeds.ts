/**
 * Code that adds a row to the words of its group (accumulators.ts), whose values r5 points to, and what is made of those when all rows are
 * in. r6 and r7 are the row's records, as everywhere.
 */
import type { Accumulators, Feed } from './accumulators.js';
import type { Label } from './assembler.js';
import type { Span } from './ast.js';
import { type Emit, loadValue, placeOf } from './codegen-columns.js';
import { TestCode } from './codegen-tests.js';
import { type Column, partMask } from './columns.js';
import { HEADER } from './memory.js';
import { NEVER } from './values.js';

/** -EOVERFLOW: a sum or an average is too large; HEADER.overflow says which. */
export const TOO_LARGE = -75n;

/** What could be too large: what the user wrote, and where. */
export interface Overflow {
  readonly text: string;
  readonly span: Span;
}

export interface FeedHost {
  readonly exit: Label;
  readonly overflows: Overflow[];
  /** Address of the counter of rows that have no value for the aggregate. */
  leftOut(text: string): number;
}

/** The counter at the address, one up. Loses r2 and r3. */
export function count({ asm }: Emit, counter: number): void {
  asm.constant(3, BigInt(counter));
  asm.load(8, 2, 3, 0);
  asm.aluConstant('add', 2, 1n, 1);
  asm.store(8, 3, 0, 2);
}

export const requirementsOf =
  (emit: Emit, column: Column): ((absent: Label) => void) =>
  (absent) =>
    new TestCode(emit, []).requires(column.requires, absent);

export class FeedCode {
  private readonly stubs: { at: Label; overflow: Overflow }[] = [];

  constructor(
    private readonly emit: Emit,
    private readonly host: FeedHost,
    private readonly accumulators: Accumulators,
  ) {}

  /** Adds the row. */
  add(): void {
    const { feeds } = this.accumulators;
    this.emit.asm.comment('count');
    this.increment(0);
    for (const feed of feeds) if (!feed.firstPass) this.feed(feed);
    const first = feeds.filter(({ firstPass }) => firstPass);
    if (first.length > 0) this.firstPass(first);
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

  /** A word of the group, one up. */
  increment(at: number): void {
    const { asm } = this.emit;
    asm.load(8, 1, 5, at);
    asm.aluConstant('add', 1, 1n, 2);
    asm.store(8, 5, at, 1);
  }

  /** When all rows are in: the first group's values lie at `values`, the next ones each `entrySize` bytes on. */
  averages(values: number, entrySize: number, loadSize: (dst: 9) => void): void {
    const { asm } = this.emit;
    const { averages } = this.accumulators;
    if (averages.length === 0) return;
    const top = asm.label();
    const end = asm.label();
    asm.comment('averages');
    loadSize(9);
    asm.jumpConstant('eq', 9, 0n, end, 1);
    asm.constant(5, BigInt(values));
    asm.bind(top);
    for (const { sum, values: n, at, scale, text, span } of averages) {
      const none = asm.label();
      asm.load(8, 2, 5, n);
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
    asm.aluConstant('add', 5, BigInt(entrySize), 1);
    asm.aluConstant('sub', 9, 1n, 1);
    asm.jumpConstant('ne', 9, 0n, top, 1);
    asm.goto(end);
    this.cold();
    asm.bind(end);
  }

  /** Feeds that are only for rows that a packet's first pass may have. */
  private firstPass(feeds: readonly Feed[]): void {
    const { asm } = this.emit;
    const { passes, fields } = this.accumulators.source;
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
    count(this.emit, HEADER.anyPass);
    asm.bind(first);
    for (const feed of feeds) this.feed(feed);
    asm.goto(end);
    asm.bind(later);
    count(this.emit, HEADER.laterPasses);
    asm.bind(end);
  }

  private feed(feed: Feed): void {
    const { asm } = this.emit;
    const { column, words, texts, finite } = feed;
    const absent = asm.label();
    const done = asm.label();
    asm.comment(texts.join(', '));
    loadValue(this.emit, column, absent, requirementsOf(this.emit, column));
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
    count(this.emit, this.host.leftOut(texts.join(', ')));
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
