/**
 * Exact sets of bit strings. A cube is all x with (x & mask) == value: what a prefix, a value/mask, or the match of a flow on
 * one field is. A set is a union of cubes. Everything here is exact; what would need too many cubes throws TooManyCubes, and
 * the question is refused rather than approximated.
 *
 *   a flow's match (k, m) overlaps cube (v, c)       <=>  ((k ^ v) & m & c) == 0
 *   a flow's match lies within a set                 <=>  it overlaps no cube of the set's complement
 */
export interface Cube {
  /** No bit outside `mask`. */
  readonly value: bigint;
  readonly mask: bigint;
}

/** lo..hi, both included. */
export interface Interval {
  readonly lo: bigint;
  readonly hi: bigint;
}

/** Values of `width` bits. `intervals` (ascending, apart) are the same set, where it was written as such. */
export interface ValueSet {
  readonly cubes: readonly Cube[];
  readonly intervals?: readonly Interval[];
}

export class TooManyCubes extends Error {
  override readonly name = 'TooManyCubes';
}

/** Cubes that a list of values or ranges may come to. */
const MAX_LISTED = 65_536;
/** Cubes that sets may come to when they are cut with one another. */
const MAX_CUBES = 4096;

export const ones = (width: number): bigint => (1n << BigInt(width)) - 1n;

export const cube = (value: bigint, mask: bigint): Cube => ({ value: value & mask, mask });

/** The fewest prefixes that make up lo..hi: at most 2 * width - 2. */
export function prefixesOf({ lo, hi }: Interval, width: number): Cube[] {
  const full = ones(width);
  const cubes: Cube[] = [];
  let from = lo;
  while (from <= hi) {
    let size = 1n;
    while ((from & ((size << 1n) - 1n)) === 0n && from + (size << 1n) - 1n <= hi && size << 1n <= full + 1n)
      size <<= 1n;
    cubes.push(cube(from, full & ~(size - 1n)));
    from += size;
  }
  return cubes;
}

/** Ascending, overlapping and adjoining ones joined. */
function joinIntervals(intervals: readonly Interval[]): Interval[] {
  const sorted = [...intervals].sort((a, b) => (a.lo < b.lo ? -1 : a.lo > b.lo ? 1 : 0));
  const joined: { lo: bigint; hi: bigint }[] = [];
  for (const { lo, hi } of sorted) {
    const last = joined.at(-1);
    if (last && lo <= last.hi + 1n) {
      if (hi > last.hi) last.hi = hi;
    } else joined.push({ lo, hi });
  }
  return joined;
}

export function fromIntervals(intervals: readonly Interval[], width: number): ValueSet {
  const joined = joinIntervals(intervals);
  const cubes = joined.flatMap((interval) => prefixesOf(interval, width));
  if (cubes.length > MAX_LISTED) throw new TooManyCubes();
  return { cubes, intervals: joined };
}

/** The interval a cube is, if its mask is a prefix. */
export function intervalOf({ value, mask }: Cube, width: number): Interval | undefined {
  const rest = ones(width) & ~mask;
  return (rest & (rest + 1n)) === 0n ? { lo: value, hi: value | rest } : undefined;
}

/** The union of sets. */
export function union(sets: readonly ValueSet[], width: number): ValueSet {
  if (sets.every((set) => set.intervals)) {
    return fromIntervals(
      sets.flatMap((set) => set.intervals!),
      width,
    );
  }
  const cubes: Cube[] = [];
  for (const c of sets.flatMap((set) => set.cubes)) {
    if (!cubes.some((other) => contains(other, c))) cubes.push(c);
  }
  if (cubes.length > MAX_CUBES) throw new TooManyCubes();
  return { cubes };
}

export const contains = (outer: Cube, inner: Cube): boolean =>
  (outer.mask & ~inner.mask) === 0n && ((outer.value ^ inner.value) & outer.mask) === 0n;

const meet = (a: Cube, b: Cube): Cube | undefined =>
  ((a.value ^ b.value) & a.mask & b.mask) === 0n ? { value: a.value | b.value, mask: a.mask | b.mask } : undefined;

export function intersect(a: readonly Cube[], b: readonly Cube[]): Cube[] {
  const cubes: Cube[] = [];
  for (const x of a) {
    for (const y of b) {
      const both = meet(x, y);
      if (both) cubes.push(both);
      if (cubes.length > MAX_CUBES) throw new TooManyCubes();
    }
  }
  return cubes;
}

/** `from` without `minus`: one cube for each bit that `minus` fixes and `from` does not. */
function subtract(from: Cube, minus: Cube): Cube[] {
  if (!meet(from, minus)) return [from];
  const cubes: Cube[] = [];
  let { value, mask } = from;
  for (let bit = 1n, free = minus.mask & ~from.mask; free !== 0n; bit <<= 1n) {
    if ((free & bit) === 0n) continue;
    free &= ~bit;
    cubes.push({ value: value | (~minus.value & bit), mask: mask | bit });
    value |= minus.value & bit;
    mask |= bit;
  }
  return cubes;
}

/** All values of `width` bits that are not in the set. */
export function complement(set: ValueSet, width: number): Cube[] {
  if (set.intervals) {
    const gaps: Interval[] = [];
    let next = 0n;
    for (const { lo, hi } of set.intervals) {
      if (lo > next) gaps.push({ lo: next, hi: lo - 1n });
      next = hi + 1n;
    }
    if (next <= ones(width)) gaps.push({ lo: next, hi: ones(width) });
    return [...fromIntervals(gaps, width).cubes];
  }
  return subtractAll([{ value: 0n, mask: 0n }], set.cubes);
}

/** `from` without all of `minus`. */
function subtractAll(from: readonly Cube[], minus: readonly Cube[]): Cube[] {
  let rest = [...from];
  for (const other of minus) {
    const next: Cube[] = [];
    for (const c of rest) {
      next.push(...subtract(c, other));
      if (next.length > MAX_CUBES) throw new TooManyCubes();
    }
    rest = next;
  }
  return rest;
}

/** Whether every value of `inner` is in `outer`; false where that takes too long to tell. */
export function isSubset(inner: readonly Cube[], outer: readonly Cube[]): boolean {
  if (inner.every((c) => outer.some((o) => contains(o, c)))) return true;
  try {
    return subtractAll(inner, outer).length === 0;
  } catch (error) {
    if (error instanceof TooManyCubes) return false;
    throw error;
  }
}

/** A set of a part of a field, as a set of the field: `shift` bits up. */
export function shifted(set: ValueSet, shift: number): ValueSet {
  if (shift === 0) return set;
  const by = BigInt(shift);
  const cubes = set.cubes.map(({ value, mask }) => ({ value: value << by, mask: mask << by }));
  return set.intervals
    ? { cubes, intervals: set.intervals.map(({ lo, hi }) => ({ lo: lo << by, hi: hi << by })) }
    : { cubes };
}
