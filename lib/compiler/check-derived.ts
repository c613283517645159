/**
 * Third pass, conditions on derived columns. A condition is decided once for each distinct value: elements are compared by the
 * column's type, with the values read by the same reader as those of other columns.
 */
import type { Atom, FieldCondition, Operator, Pattern, Span, Value } from './ast.js';
import type { ConditionChecker } from './check-conditions.js';
import type { Column } from './columns.js';
import { contains, cube, ones, type ValueSet } from './cubes.js';
import { derivedTruth, every, present, some, type ValueTruth } from './derived.js';
import { FALSE, named, TRUE, type Truth, UNKNOWN } from './dictionaries.js';
import type { Formula } from './formula.js';

type Condition = Exclude<FieldCondition, { kind: 'bare' | 'sets' }>;
type Is = (element: bigint | string) => Truth;

const truth = (value: boolean): Truth => (value ? TRUE : FALSE);
const IPV4_PREFIX = 0xffffn << 32n;

const inSet =
  ({ cubes, intervals }: ValueSet): Is =>
  (element) => {
    const value = BigInt(element);
    if (intervals) return truth(intervals.some(({ lo, hi }) => value >= lo && value <= hi));
    return truth(cubes.some((c) => contains(c, { value, mask: -1n })));
  };

/** IPv4 addresses lie at ::ffff:0:0/96. */
const mappedSet = ({ cubes }: ValueSet): ValueSet => ({
  cubes: cubes.map(({ value, mask }) => cube(IPV4_PREFIX | value, (ones(96) << 32n) | mask)),
});

class DerivedChecker {
  constructor(
    private readonly checker: ConditionChecker,
    private readonly column: Column,
    private readonly span: Span,
  ) {}

  private get type() {
    return this.column.derived!.type;
  }

  private get words(): Record<string, number> {
    return { ...this.column.values };
  }

  private fail(span: Span, message: string): never {
    return this.checker.fail(span, message);
  }

  /** The formula of what is said of a value. */
  formula(of: ValueTruth): Formula {
    const { column } = this;
    const table = derivedTruth(this.checker.context.dictionaries, column.derived!, of);
    return this.checker.test({ kind: 'entry', column, meaning: 'could', truth: table }, this.span);
  }

  /** Whether an element is one of the values. */
  is(values: readonly Value[]): Is {
    const { source, dictionaries } = this.checker.context;
    if (this.type === 'port') {
      const ids = named(source, dictionaries, 'port', this.checker.atoms(this.column, values));
      return (element) => (ids[Number(element)] ?? UNKNOWN) as Truth;
    }
    if (this.type === 'text') {
      const texts = this.checker.atoms(this.column, values).map(({ text }) => text);
      return (element) => truth(texts.includes(String(element)));
    }
    const tests = values.map((value) => inSet(this.read(value)));
    return (element) => truth(tests.some((test) => test(element) === TRUE));
  }

  private read(value: Value): ValueSet {
    if (this.type !== 'address') return this.reader().read(value).set;
    const first: Atom = value.kind === 'atom' ? value : value.lo;
    const isIpv4 = !first.text.includes(':');
    const { set } = this.checker.reader({ ...this.column, ...(isIpv4 ? IPV4 : IPV6) }).read(value);
    return isIpv4 ? mappedSet(set) : set;
  }

  private reader() {
    const kind = this.type === 'enum' ? 'enum' : this.type === 'duration' ? 'duration' : 'number';
    return this.checker.reader({ ...this.column, kind, width: 64 });
  }

  compare(op: Operator, value: Value): Formula {
    if (op === '=') return this.equals([value], false);
    if (op === '!=') return this.equals([value], true);
    const { name } = this.column;
    if (value.kind === 'range') this.fail(value.span, `${op} takes one value: for a range write ${name} in LO..HI`);
    if (this.type !== 'number' && this.type !== 'duration')
      this.fail(this.span, `${name} has no order, so ${op} means nothing there: use =, != or in {...}`);
    const set = this.reader().side(op, value)?.set ?? { cubes: [], intervals: [] };
    return this.formula((v) => some(v, inSet(set)));
  }

  /** Negated: there is a value, and none is among those. */
  equals(values: readonly Value[], negated: boolean): Formula {
    const is = this.is(values);
    if (!negated) return this.formula((v) => some(v, is));
    return this.formula((v) => {
      const found = some(v, is);
      if (found === TRUE || present(v) === FALSE) return FALSE;
      return found === UNKNOWN ? UNKNOWN : TRUE;
    });
  }

  /** All of a list. */
  within(values: readonly Value[]): Formula {
    const { name } = this.column;
    if (this.type !== 'address')
      this.fail(this.span, `within is for addresses and for what a flow matches: write ${name} in ...`);
    const is = this.is(values);
    return this.formula((v) => every(v, is));
  }

  matches(pattern: Pattern): Formula {
    const { dictionaries } = this.checker.context;
    const { name } = this.column;
    const regex = this.checker.regex(pattern);
    if (this.type === 'text') return this.formula((v) => some(v, (element) => truth(regex.test(String(element)))));
    if (this.type === 'port') {
      return this.formula((v) =>
        some(v, (id) => {
          const port = dictionaries.ports[Number(id)]?.name;
          return port === undefined ? UNKNOWN : truth(regex.test(port));
        }),
      );
    }
    if (this.type === 'enum') {
      const words = new Map(Object.entries(this.words).map(([word, n]) => [BigInt(n), word]));
      return this.formula((v) => some(v, (n) => truth(regex.test(words.get(BigInt(n)) ?? String(n)))));
    }
    return this.fail(this.span, `matches is for text, and ${name} is no text: use = or in {...}`);
  }

  /** Nothing of it is missing. */
  known(): Formula {
    const { dictionaries } = this.checker.context;
    const isPort = this.type === 'port';
    return this.formula(({ elements, partial }) => {
      const nameless = isPort && elements.some((id) => dictionaries.ports[Number(id)]?.name === undefined);
      return truth(!partial && !nameless);
    });
  }
}

const IPV4 = { kind: 'ipv4', width: 32 } as const;
const IPV6 = { kind: 'ipv6', width: 128 } as const;

/** A condition on a derived column. */
export function checkDerived(checker: ConditionChecker, column: Column, condition: Condition): Formula {
  const derived = new DerivedChecker(checker, column, condition.span);
  const negate = (term: Formula, when: boolean): Formula => (when ? { kind: 'not', term } : term);
  switch (condition.kind) {
    case 'compare':
      return derived.compare(condition.op, condition.value);
    case 'in':
      return derived.equals(condition.values, condition.negated);
    case 'within':
      return negate(derived.within(condition.values), condition.negated);
    case 'matches':
      return negate(derived.matches(condition.pattern), condition.negated);
    case 'unknown':
      return negate(derived.known(), !condition.negated);
    case 'has':
      return derived.formula(present);
    case 'exactly':
      return checker.fail(
        condition.span,
        `exactly is about what a flow matches, and ${column.name} is not part of the match: write ${column.name} = ...`,
      );
  }
}

/** `drop` alone: a derived column of yes and no that is not no. */
export const bareDerived = (checker: ConditionChecker, column: Column, no: Atom, span: Span): Formula =>
  new DerivedChecker(checker, column, span).equals([no], true);
