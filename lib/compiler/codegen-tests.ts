/** Code for one test (formula.ts) on the current row. It jumps to one of the labels of its outcome and never falls through. */
import type { Label, Register, Width } from './assembler.js';
import {
  type Emit,
  loadIndex,
  loadSegment,
  type Place,
  placeOf,
  testKnown,
  type Word,
  wordsOf,
} from './codegen-columns.js';
import { type Column, partMask, type Requirement } from './columns.js';
import { type Cube, type Interval, isSubset, ones, type ValueSet } from './cubes.js';
import { TRUE, type TruthTable, UNKNOWN } from './dictionaries.js';
import type { Test } from './formula.js';

export interface Outcomes {
  readonly yes: Label;
  readonly no: Label;
  readonly unknown: Label;
  readonly carry: Label;
}

type TestOf<Kind extends Test['kind']> = Extract<Test, { kind: Kind }>;

/** What earlier tests of the same conjunction have shown: the match overlaps these values of the field. */
export interface Fact {
  readonly field: string;
  readonly cubes: readonly Cube[];
}

const fieldOf = (column: Column): string => `${column.base}+${column.offset}`;

/** What a true literal shows; also one that is only taken to be true because the flow does not look there. */
export function factsOf(test: Test): Fact[] {
  if (test.kind !== 'match') return [];
  const required = test.requires.map(({ column, cubes }) => ({ field: fieldOf(column), cubes }));
  const own = test.meaning === 'overlaps' || test.meaning === 'could' || test.meaning === 'within';
  return own ? [{ field: fieldOf(test.column), cubes: test.set.cubes }, ...required] : required;
}

/** Up to this many ids are compared one by one; more are looked up. */
const FEW_IDS = 2;

export class TestCode {
  constructor(
    private readonly emit: Emit,
    private readonly facts: readonly Fact[],
  ) {}

  test(test: Test, to: Outcomes): void {
    switch (test.kind) {
      case 'constant':
        this.emit.asm.goto(test.value ? to.yes : to.no);
        return;
      case 'match':
        this.match(test, to);
        return;
      case 'value':
        this.value(test, to);
        return;
      case 'known':
        testKnown(this.emit, test.column, to.no);
        this.emit.asm.goto(to.yes);
        return;
      case 'entry':
        this.entry(test, to);
        return;
      case 'does':
        this.does(test, to);
    }
  }

  private match(test: TestOf<'match'>, to: Outcomes): void {
    const { asm } = this.emit;
    const { column, set, looks } = test;
    const absent = asm.label();
    switch (test.meaning) {
      case 'could': {
        const place = this.keyAndMask(column, absent);
        this.exact(column, set, to.yes, to.no);
        this.anyCube(column, place, set.cubes, to.yes, to.no);
        // No record: key and mask 0, which overlaps every cube.
        asm.bind(absent);
        asm.goto(set.cubes.length > 0 ? to.yes : to.no);
        return;
      }
      case 'within': {
        const outside = test.outside!;
        const place = this.keyAndMask(column, absent);
        if (set.cubes.length === 1) this.withinCube(column, place, set.cubes[0]!, to);
        else this.anyCube(column, place, outside, to.no, to.yes);
        asm.bind(absent);
        asm.goto(outside.length > 0 ? to.no : to.yes);
        return;
      }
      case 'exactly': {
        const { mask } = set.cubes[0]!;
        const same = asm.label();
        const place = this.keyAndMask(column, absent);
        this.maskIs(column, place, mask, to.no);
        this.cubeMisses(column, place, set.cubes[0]!, to.no);
        asm.goto(same);
        asm.bind(absent);
        asm.goto(mask === 0n ? same : to.no);
        asm.bind(same);
        this.requires(test.requires, to.no);
        asm.goto(to.yes);
        return;
      }
      case 'looks': {
        const looking = asm.label();
        const place = this.keyAndMask(column, to.no);
        this.looksAt(column, place, looks, looking, to.no);
        asm.bind(looking);
        this.requires(test.requires, to.no);
        asm.goto(to.yes);
        return;
      }
      case 'overlaps':
      case 'disjoint': {
        const hit = asm.label();
        const looking = asm.label();
        const [onHit, onMiss] = test.meaning === 'overlaps' ? [hit, to.no] : [to.no, hit];
        const place = this.keyAndMask(column, absent);
        this.exact(column, set, onHit, onMiss);
        this.looksAt(column, place, looks, looking, absent);
        asm.bind(looking);
        this.anyCube(column, place, set.cubes, onHit, onMiss);
        asm.bind(hit);
        this.requires(test.requires, to.no);
        asm.goto(to.yes);
        asm.bind(absent);
        if (to.carry !== to.no) this.requires(test.requires, to.no);
        asm.goto(to.carry);
      }
    }
  }

  /** Each must be possible for a packet of the flow, unless that is known already. */
  requires(requirements: readonly Requirement[], no: Label): void {
    const { asm } = this.emit;
    for (const { column, cubes } of requirements) {
      if (this.facts.some((fact) => fact.field === fieldOf(column) && isSubset(fact.cubes, cubes))) continue;
      const possible = asm.label();
      const place = this.keyAndMask(column, possible);
      this.anyCube(column, place, cubes, possible, no);
      asm.bind(possible);
    }
  }

  /** Up to 64 bits: r0 = key, r1 = mask. 128 bits are read word by word where they are needed. */
  private keyAndMask(column: Column, absent: Label): Place {
    const place = placeOf(this.emit, column, absent);
    if (column.size !== 16) this.loadWord(column, place, wordsOf(column)[0]!);
    return place;
  }

  private loadWord(column: Column, { base, offset }: Place, word: Word): void {
    this.emit.asm.load(word.width, 1, base, offset + column.maskAt! + word.at);
    this.emit.asm.load(word.width, 0, base, offset + word.at);
  }

  private looksAt(column: Column, { base, offset }: Place, bits: bigint, looking: Label, not: Label): void {
    const { asm } = this.emit;
    for (const word of wordsOf(column)) {
      const part = word.bits(bits);
      if (part === 0n) continue;
      const width = word.width * 8;
      if (column.size === 16) asm.load(8, 1, base, offset + column.maskAt! + word.at);
      if (part === ones(width)) asm.jumpConstant('ne', 1, 0n, looking, 3);
      else asm.jumpConstant('set', 1, part, looking, 3, width);
    }
    asm.goto(not);
  }

  /** The mask, in the column's bits, is `mask`; else to `no`. */
  private maskIs(column: Column, { base, offset }: Place, mask: bigint, no: Label): void {
    const { asm } = this.emit;
    for (const word of wordsOf(column)) {
      const part = word.bits(partMask(column));
      if (part === 0n) continue;
      const width = word.width * 8;
      if (column.size === 16) asm.load(8, 2, base, offset + column.maskAt! + word.at);
      else asm.mov(2, 1);
      if (part !== ones(width)) asm.aluConstant('and', 2, part, 3, width);
      asm.jumpConstant('ne', 2, word.bits(mask), no, 3, width);
    }
  }

  /** The mask has all bits of the cube's, and the key its values: what the flow matches lies in the cube. */
  private withinCube(column: Column, place: Place, { value, mask }: Cube, to: Outcomes): void {
    const { asm } = this.emit;
    for (const word of wordsOf(column)) {
      const bits = word.bits(mask);
      if (bits === 0n) continue;
      const width = word.width * 8;
      if (column.size === 16) this.loadWord(column, place, word);
      for (const [register, wanted] of [
        [1, bits],
        [0, word.bits(value)],
      ] as const) {
        if (bits !== ones(width)) asm.aluConstant('and', register, bits, 3, width);
        asm.jumpConstant('ne', register, wanted, to.no, 3, width);
      }
    }
    asm.goto(to.yes);
  }

  /**
   * Where the match looks at all bits, as most do: the key is in the set, to `hit`, or not, to `miss`. A range or a value is one
   * or two comparisons then, however many cubes it is. Falls through for other masks, and where it would save nothing.
   */
  private exact(column: Column, set: ValueSet, hit: Label, miss: Label): void {
    if (!set.intervals || column.size === 16 || set.cubes.length < 2) return;
    const { asm } = this.emit;
    const width = column.size * 8;
    const part = partMask(column);
    const other = asm.label();
    const bits = (register: Register): Register => {
      if (part === ones(width)) return register;
      asm.mov(2, register);
      asm.aluConstant('and', 2, part, 3, width);
      return 2;
    };
    asm.jumpConstant('ne', bits(1), part, other, 3, width);
    this.anyInterval(bits(0), set.intervals, width, part, hit, miss);
    asm.bind(other);
  }

  /** The intervals ascend: what lies below one, and in none before, is in none. `max` is the largest value there can be. */
  private anyInterval(
    value: Register,
    intervals: readonly Interval[],
    width: number,
    max: bigint,
    hit: Label,
    miss: Label,
  ): void {
    const { asm } = this.emit;
    for (const { lo, hi } of intervals) {
      if (lo === hi) asm.jumpConstant('eq', value, lo, hit, 3, width);
      else {
        if (lo > 0n) asm.jumpConstant('lt', value, lo, miss, 3, width);
        if (hi === max) asm.goto(hit);
        else asm.jumpConstant('le', value, hi, hit, 3, width);
      }
    }
    asm.goto(miss);
  }

  /** The match overlaps one of the cubes: to `hit`, else to `miss`. */
  private anyCube(column: Column, place: Place, cubes: readonly Cube[], hit: Label, miss: Label): void {
    const { asm } = this.emit;
    if (cubes.some(({ mask }) => mask === 0n)) {
      asm.goto(hit);
      return;
    }
    for (const cube of cubes.slice(0, -1)) {
      const next = asm.label();
      if (column.size === 16) {
        this.cubeMisses(column, place, cube, next);
        asm.goto(hit);
      } else {
        this.difference(cube.value, column.size * 8);
        asm.alu('and', 2, 1);
        if (cube.mask !== ones(column.size * 8)) asm.aluConstant('and', 2, cube.mask, 3, column.size * 8);
        asm.jumpConstant('eq', 2, 0n, hit, 3);
      }
      asm.bind(next);
    }
    const last = cubes.at(-1);
    if (last) {
      this.cubeMisses(column, place, last, miss);
      asm.goto(hit);
    } else asm.goto(miss);
  }

  /** r2 = key ^ value, of `width` bits. */
  private difference(value: bigint, width: number): void {
    const { asm } = this.emit;
    asm.mov(2, 0);
    if (value !== 0n) asm.aluConstant('xor', 2, value, 3, width);
  }

  /** ((key ^ value) & mask & cube's mask) != 0: to `miss`, else falls through. */
  private cubeMisses(column: Column, place: Place, { value, mask }: Cube, miss: Label): void {
    const { asm } = this.emit;
    for (const word of wordsOf(column)) {
      const bits = word.bits(mask);
      if (bits === 0n) continue;
      const width = word.width * 8;
      if (column.size === 16) this.loadWord(column, place, word);
      this.difference(word.bits(value), width);
      if (bits === ones(width)) asm.jump('set', 2, 1, miss);
      else {
        asm.alu('and', 2, 1);
        asm.jumpConstant('set', 2, bits, miss, 3, width);
      }
    }
  }

  private value(test: TestOf<'value'>, to: Outcomes): void {
    const { asm } = this.emit;
    const { column, set } = test;
    testKnown(this.emit, column, to.unknown);
    const { base, offset } = placeOf(this.emit, column, to.no);
    if (column.size === 16) {
      for (const { value } of set.cubes) this.wideEquals(column, { base, offset }, value, to.yes);
      asm.goto(to.no);
      return;
    }
    const width = column.size * 8;
    asm.load(column.size as Width, 0, base, offset);
    if (column.signed) asm.aluConstant('xor', 0, 1n << BigInt(column.width - 1), 3);
    if (!set.intervals) {
      asm.constant(1, ones(width));
      this.anyCube(column, { base, offset }, set.cubes, to.yes, to.no);
      return;
    }
    this.anyInterval(0, set.intervals, width, ones(width), to.yes, to.no);
  }

  private wideEquals(column: Column, { base, offset }: Place, value: bigint, yes: Label): void {
    const { asm } = this.emit;
    const next = asm.label();
    for (const word of wordsOf(column)) {
      asm.load(8, 0, base, offset + word.at);
      asm.jumpConstant('ne', 0, word.bits(value), next, 3);
    }
    asm.goto(yes);
    asm.bind(next);
  }

  private entry(test: TestOf<'entry'>, to: Outcomes): void {
    const { asm } = this.emit;
    const { column, truth, meaning } = test;
    const blind = { overlaps: to.carry, disjoint: to.carry, could: to.yes, exactly: to.no }[meaning];
    if (column.derived) {
      loadIndex(this.emit, column, 0);
      this.lookUp(truth, to.yes, to.no, to.unknown);
      return;
    }
    const { base, offset } = placeOf(this.emit, column, blind);
    const width = column.size as Width;
    if (column.maskAt !== undefined) {
      asm.load(width, 1, base, offset + column.maskAt);
      asm.jumpConstant('eq', 1, 0n, blind, 3);
    }
    asm.load(width, 0, base, offset);
    if (meaning === 'disjoint') this.lookUp(truth, to.no, to.yes, to.unknown);
    else this.lookUp(truth, to.yes, to.no, to.unknown);
  }

  /** r0 = an index of the table. */
  private lookUp(truth: TruthTable, hit: Label, miss: Label, unknown: Label): void {
    const { asm, memory } = this.emit;
    const trueIds = [...truth.keys()].filter((id) => truth[id] === TRUE);
    const someUnknown = truth.includes(UNKNOWN);
    if (truth.length > 0 && !someUnknown && trueIds.length <= FEW_IDS) {
      for (const id of trueIds) asm.jumpConstant('eq', 0, BigInt(id), hit, 3, 32);
    } else {
      asm.aluConstant('add', 0, BigInt(memory.rodata(truth)), 3);
      asm.load(1, 0, 0, 0);
      asm.jumpConstant('eq', 0, BigInt(TRUE), hit, 3);
      if (someUnknown) asm.jumpConstant('eq', 0, BigInt(UNKNOWN), unknown, 3);
    }
    asm.goto(miss);
  }

  private does(test: TestOf<'does'>, to: Outcomes): void {
    const { asm, schema } = this.emit;
    const lists = schema.segments.find(({ name }) => name === 'action_lists')!;
    const at = (name: string): number => lists.fields.find((field) => field.name === name)!.offset;
    asm.load(4, 0, 6, test.column.offset);
    asm.aluConstant('mul', 0, BigInt(lists.stride), 3);
    loadSegment(this.emit, 3, lists.name);
    asm.alu('add', 0, 3);
    asm.load(8, 1, 0, at('does'));
    asm.jumpConstant('set', 1, test.bits, to.yes, 3);
    asm.load(4, 2, 0, at('n_unknown'));
    // What a list does that is kept as text could be anything.
    asm.jumpConstant('ne', 2, 0n, to.unknown, 3);
    if (test.orNothing) asm.jumpConstant('eq', 1, 0n, to.yes, 3);
    asm.goto(to.no);
  }
}
