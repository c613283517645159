/**
 * What conditions mean, by going through packets: for small fields every packet there is. Shares nothing with the compiler: a
 * condition is made together with its text and a plain predicate on a value, and the meanings are their sentences in
 * docs/questions.md, with loops for "some packet" and "every packet".
 */

/** A seeded generator (mulberry32), so that a failure can be had again. */
export function random(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) % n) >>> 0;
  };
}

/** A set of 8-bit values as a question writes it. */
export interface ValueText {
  readonly text: string;
  has(value: number): boolean;
  /** The bits that decide whether a value is in the set; all of them if none does. */
  readonly bits: number;
  /** Value and mask, where it is one value with one mask. */
  readonly cube?: readonly [value: number, mask: number];
}

const ALL = Array.from({ length: 256 }, (_, value) => value);

/** A bit decides if turning it over takes some value in or out of the set. */
function decidingBits(has: (value: number) => boolean): number {
  let bits = 0;
  for (let bit = 1; bit < 256; bit <<= 1) if (ALL.some((value) => has(value) !== has(value ^ bit))) bits |= bit;
  return bits || 255;
}

export function someValue(rand: (n: number) => number): ValueText {
  const a = rand(256);
  const b = rand(256);
  switch (rand(4)) {
    case 0:
      return { text: `${a}`, has: (value) => value === a, bits: 255, cube: [a, 255] };
    case 1: {
      const has = (value: number): boolean => (value & b) === (a & b);
      return { text: `${a}/0x${b.toString(16)}`, has, bits: decidingBits(has), cube: [a & b, b] };
    }
    case 2: {
      const has = (value: number): boolean => value === a;
      return { text: `0x${a.toString(16)}`, has, bits: 255, cube: [a, 255] };
    }
    default: {
      const [lo, hi] = a < b ? [a, b] : [b, a];
      const has = (value: number): boolean => value >= lo && value <= hi;
      return { text: `${lo}..${hi}`, has, bits: decidingBits(has) };
    }
  }
}

/** A flow of this test: what it matches of the two fields a condition can be about, and whether it can have them. */
export interface TinyFlow {
  readonly key: number;
  readonly mask: number;
  /** Kinds of packet it matches: of IP packets, and of others. */
  readonly ip: boolean;
  readonly other: boolean;
}

export interface Verdict {
  /** The row is shown. */
  readonly shown: boolean;
  /** It would be, if it had what it does not look at. */
  readonly carry: boolean;
}

const yes: Verdict = { shown: true, carry: true };
const no: Verdict = { shown: false, carry: false };
const verdict = (shown: boolean): Verdict => (shown ? yes : no);

export interface ConditionText {
  readonly text: string;
  of(flow: TinyFlow): Verdict;
}

/** All values of the field in packets that the flow matches. */
const matched = (flow: TinyFlow): number[] => ALL.filter((value) => (value & flow.mask) === (flow.key & flow.mask));

const looks = (flow: TinyFlow, bits: number): boolean => (flow.mask & bits) !== 0;

function equals(field: string, value: ValueText): ConditionText {
  return {
    text: `${field} = ${value.text}`,
    of(flow) {
      const some = flow.ip && matched(flow).some((v) => value.has(v));
      if (looks(flow, value.bits)) return verdict(some);
      return { shown: false, carry: flow.ip };
    },
  };
}

function differs(field: string, value: ValueText): ConditionText {
  return {
    text: `${field} != ${value.text}`,
    of(flow) {
      if (!looks(flow, value.bits)) return { shown: false, carry: flow.ip };
      return verdict(flow.ip && !matched(flow).some((v) => value.has(v)));
    },
  };
}

const any = (conditions: readonly ConditionText[], text: string): ConditionText => ({
  text,
  of: (flow) => ({
    shown: conditions.some((condition) => condition.of(flow).shown),
    carry: conditions.some((condition) => condition.of(flow).carry),
  }),
});

const all = (conditions: readonly ConditionText[], text: string): ConditionText => ({
  text,
  of: (flow) => ({
    shown: conditions.every((condition) => condition.of(flow).shown),
    carry: conditions.every((condition) => condition.of(flow).carry),
  }),
});

/** The row is not one that the condition shows, and nothing it does not look at changes that. */
const not = (condition: ConditionText, text: string): ConditionText => ({
  text,
  of: (flow) => verdict(!condition.of(flow).shown),
});

function ordered(rand: (n: number) => number, field: string): ConditionText {
  const a = rand(256);
  const [op, has] = (
    [
      ['<', (v: number) => v < a],
      ['<=', (v: number) => v <= a],
      ['>', (v: number) => v > a],
      ['>=', (v: number) => v >= a],
    ] as const
  )[rand(4)]!;
  if (!ALL.some(has)) return { text: `${field} ${op} ${a}`, of: () => no };
  const range = equals(field, { text: '', has, bits: decidingBits(has) });
  return { ...range, text: `${field} ${op} ${a}` };
}

function within(field: string, values: readonly ValueText[]): ConditionText {
  const list = values.map(({ text }) => text).join(', ');
  return {
    text: values.length === 1 ? `${field} within ${list}` : `${field} within {${list}}`,
    of: (flow) => verdict(!flow.other && matched(flow).every((v) => values.some((value) => value.has(v)))),
  };
}

/** A condition on `field`, whose packets are IP. */
export function someLeaf(rand: (n: number) => number, field: string): ConditionText {
  const values = Array.from({ length: 1 + rand(4) }, () => someValue(rand));
  const [first] = values;
  const list = values.map(({ text }) => text).join(', ');
  switch (rand(9)) {
    case 0:
      return equals(field, first!);
    case 1:
      return differs(field, first!);
    case 2:
      return any(
        values.map((value) => equals(field, value)),
        `${field} in {${list}}`,
      );
    case 3:
      return all(
        values.map((value) => differs(field, value)),
        `${field} not in {${list}}`,
      );
    case 4:
      return within(field, values);
    case 5: {
      const [value, mask] = first!.cube ?? [rand(256), 255];
      return {
        text: `exactly ${field} = ${value}/${mask}`,
        of: (flow) => verdict(flow.ip && flow.mask === mask && (flow.key & mask) === value),
      };
    }
    case 6:
      return {
        text: `covers(${field} = ${first!.text})`,
        of: (flow) => verdict(flow.ip && matched(flow).some((v) => first!.has(v))),
      };
    case 7:
      return { text: `has ${field}`, of: (flow) => verdict(flow.ip && flow.mask !== 0) };
    default:
      return ordered(rand, field);
  }
}

/** and, or, not over leaves. Negations are worked down to the leaves first, as three-valued logic has it. */
export function someCondition(
  rand: (n: number) => number,
  field: string,
  depth: number,
  negated = false,
): ConditionText {
  const kind = depth === 0 ? 0 : rand(4);
  if (kind === 0) {
    const leaf = someLeaf(rand, field);
    return negated ? not(leaf, leaf.text) : leaf;
  }
  if (kind === 3) {
    const inner = someCondition(rand, field, depth - 1, !negated);
    return { text: `not (${inner.text})`, of: inner.of };
  }
  const terms = Array.from({ length: 2 + rand(2) }, () => someCondition(rand, field, depth - 1, negated));
  const word = kind === 1 ? 'and' : 'or';
  const text = terms.map((term) => `(${term.text})`).join(` ${word} `);
  return (word === 'and') === negated ? any(terms, text) : all(terms, text);
}
