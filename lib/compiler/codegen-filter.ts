/**
 * Code for a loop's filter. A row passes if the formula is true with everything undecided taken as false. For the footer,
 * rows that do not pass are counted that would
 *   - if all that is unknown were true: undecided;
 *   - if flows that do not look at a field had the values asked for: could carry (and for each field, how many of those rows
 *     do not look at it).
 * Only rows whose first evaluation met something soft can be such (the formula is monotone, normal-form.ts), so the others are
 * off the common path. Where something soft ends the first evaluation (no `or` around it goes on to other terms), the second
 * would come to the same test and pass it: it is entered there. Otherwise r5 notes what was met, for when all has failed.
 */
import type { Label } from './assembler.js';
import type { Emit } from './codegen-columns.js';
import { type Fact, factsOf, TestCode } from './codegen-tests.js';
import { UNKNOWN } from './dictionaries.js';
import type { Test } from './formula.js';
import { HEADER } from './memory.js';
import { type Literal, literals, type Normal } from './normal-form.js';

const MET_UNKNOWN = 1;
const MET_CARRY = 2;

type Mode = 'strict' | 'unknown' | 'carry';

/** What an evaluation supposes, for comments. */
const SUPPOSED: Readonly<Record<Mode, string>> = {
  strict: '',
  unknown: ', if all that is unknown were true',
  carry: ', if flows had what they do not look at',
};

const canBeUnknown = (test: Test): boolean =>
  test.kind === 'does' ||
  (test.kind === 'value' && test.column.known !== undefined) ||
  (test.kind === 'entry' && (test.truth.length === 0 || test.truth.includes(UNKNOWN)));

const canCarry = ({ test, negated }: Literal): boolean =>
  !negated &&
  (test.kind === 'match' || test.kind === 'entry') &&
  (test.meaning === 'overlaps' || test.meaning === 'disjoint') &&
  test.column.maskAt !== undefined;

export interface FilterOptions {
  /** The question, for comments. */
  readonly source: string;
  /** Whether rows that could carry are counted: flows are, groups are not. */
  readonly carries: boolean;
  /** Address of the counter of a field's rows. */
  carryCounter(field: string): number;
}

export class FilterCode {
  readonly softUnknown: boolean;
  readonly softCarry: boolean;
  private mode: Mode = 'strict';
  private readonly notes: boolean;
  /** Without notes, where the second evaluations go on after a literal. */
  private readonly entries = { unknown: new Map<Literal, Label>(), carry: new Map<Literal, Label>() };
  private readonly stubs = new Map<string, { at: Label; flag: number; to: Label }>();

  constructor(
    private readonly emit: Emit,
    private readonly filter: Normal,
    private readonly options: FilterOptions,
  ) {
    const all = [...literals(filter)];
    this.softUnknown = all.some(({ test }) => canBeUnknown(test));
    this.softCarry = options.carries && all.some(canCarry);
    this.notes = this.goesOn(filter, true);
  }

  private isSoft(literal: Literal): boolean {
    return canBeUnknown(literal.test) || (this.options.carries && canCarry(literal));
  }

  /** Whether something soft is not the end of the evaluation. `isLast`: where this part fails, the filter does. */
  private goesOn(normal: Normal, isLast: boolean): boolean {
    if (normal.kind === 'constant') return false;
    if (normal.kind === 'literal') return !isLast && this.isSoft(normal);
    const { kind, terms } = normal;
    return terms.some((term, i) => this.goesOn(term, isLast && (kind === 'and' || i === terms.length - 1)));
  }

  /** The common path: to `pass` or `next`. */
  hot(pass: Label, next: Label, cold: Label): void {
    const { asm } = this.emit;
    if (this.filter.kind === 'constant') {
      asm.goto(this.filter.value ? pass : next);
      return;
    }
    if (!this.notes) {
      this.formula(this.filter, pass, next, []);
      return;
    }
    asm.constant(5, 0n);
    const fail = asm.label();
    this.formula(this.filter, pass, fail, []);
    asm.bind(fail);
    asm.jumpConstant('ne', 5, 0n, cold, 3);
    asm.goto(next);
  }

  /** What is done for rows that failed on something soft; emitted out of the loop's way. */
  cold(cold: Label, next: Label): void {
    if (!this.softUnknown && !this.softCarry) return;
    const { asm } = this.emit;
    for (const { at, flag, to } of this.stubs.values()) {
      asm.bind(at);
      asm.aluConstant('or', 5, BigInt(flag), 3);
      asm.goto(to);
    }
    const [wouldBeKnown, carry, wouldCarry] = [asm.label(), asm.label(), asm.label()];
    asm.bind(cold);
    if (this.notes && this.softUnknown) asm.jumpConstant('set', 5, BigInt(MET_UNKNOWN), wouldBeKnown, 3);
    asm.goto(carry);
    if (this.softUnknown) {
      const passes = asm.label();
      asm.bind(wouldBeKnown);
      this.again('unknown', passes, carry);
      asm.bind(passes);
      this.increment(HEADER.undecided);
    }
    asm.bind(carry);
    if (this.notes && this.softCarry) asm.jumpConstant('set', 5, BigInt(MET_CARRY), wouldCarry, 3);
    asm.goto(next);
    if (this.softCarry) {
      const passes = asm.label();
      asm.bind(wouldCarry);
      this.again('carry', passes, next);
      asm.bind(passes);
      this.increment(HEADER.couldCarry);
      this.countFields();
      asm.goto(next);
    }
  }

  private again(mode: Mode, pass: Label, fail: Label): void {
    this.mode = mode;
    this.formula(this.filter, pass, fail, []);
    this.mode = 'strict';
  }

  /** For each field, whether this row does not look at it. */
  private countFields(): void {
    const { asm } = this.emit;
    const byField = new Map<string, Literal[]>();
    for (const literal of literals(this.filter)) {
      if (!canCarry(literal) || !('column' in literal.test)) continue;
      const { name } = literal.test.column;
      byField.set(name, [...(byField.get(name) ?? []), literal]);
    }
    for (const [name, of] of byField) {
      const count = asm.label();
      const done = asm.label();
      for (const { test } of of) {
        const next = asm.label();
        new TestCode(this.emit, []).test(test, { yes: next, no: next, unknown: next, carry: count });
        asm.bind(next);
      }
      asm.goto(done);
      asm.bind(count);
      asm.comment(`does not look at ${name}`);
      this.increment(this.options.carryCounter(name));
      asm.bind(done);
    }
  }

  private formula(normal: Normal, pass: Label, fail: Label, facts: readonly Fact[]): void {
    const { asm } = this.emit;
    if (normal.kind === 'constant') asm.goto(normal.value ? pass : fail);
    else if (normal.kind === 'literal') this.literal(normal, pass, fail, facts);
    else {
      const known = [...facts];
      for (const [i, term] of normal.terms.entries()) {
        const next = asm.label();
        const last = i === normal.terms.length - 1;
        const onward = last ? (normal.kind === 'and' ? pass : fail) : next;
        if (normal.kind === 'and') this.formula(term, onward, fail, known);
        else this.formula(term, pass, onward, known);
        asm.bind(next);
        if (normal.kind === 'and' && term.kind === 'literal' && !term.negated) known.push(...factsOf(term.test));
      }
    }
  }

  private literal(literal: Literal, pass: Label, fail: Label, facts: readonly Fact[]): void {
    const { asm } = this.emit;
    const { test, negated, span } = literal;
    const text = this.options.source.slice(span.start, span.end).replace(/\s+/g, ' ').trim();
    asm.comment(`${negated ? 'not ' : ''}${text}${SUPPOSED[this.mode]}`);
    const [yes, no] = negated ? [fail, pass] : [pass, fail];
    const unknown = this.mode === 'unknown' ? pass : this.soft('unknown', literal, fail);
    // Negated: the row is not one that `=` shows, and that is decided.
    const carry =
      negated || !this.options.carries ? no : this.mode === 'carry' ? pass : this.soft('carry', literal, fail);
    new TestCode(this.emit, facts).test(test, { yes, no, unknown, carry });
    const entry = this.mode === 'strict' ? undefined : this.entries[this.mode].get(literal);
    if (!entry) return;
    asm.bind(entry);
    asm.goto(pass);
  }

  /** Where to go on where something soft was met: into the second evaluation, or with a note in r5 to `to`. */
  private soft(mode: 'unknown' | 'carry', literal: Literal, to: Label): Label {
    if (this.mode !== 'strict') return to;
    if (!this.notes) {
      const entry = this.entries[mode].get(literal) ?? this.emit.asm.label();
      this.entries[mode].set(literal, entry);
      return entry;
    }
    const flag = mode === 'unknown' ? MET_UNKNOWN : MET_CARRY;
    const key = `${flag} ${to.id}`;
    const known = this.stubs.get(key);
    if (known) return known.at;
    const at = this.emit.asm.label();
    this.stubs.set(key, { at, flag, to });
    return at;
  }

  increment(counter: number): void {
    const { asm } = this.emit;
    asm.constant(3, BigInt(counter));
    asm.load(8, 2, 3, 0);
    asm.aluConstant('add', 2, 1n, 1);
    asm.store(8, 3, 0, 2);
  }
}
