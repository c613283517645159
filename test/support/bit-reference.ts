/**
 * What conditions mean, decided bit by bit, for fields of any width: "some packet" and "every packet" are searches over the bits of
 * a value, most significant first, in which a flow allows a bit or not and each value asked for is still possible or not. Shares
 * nothing with the compiler; the sentences are those of docs/questions.md. brute-force.ts goes through all packets of a small field.
 */

/** Three-valued: undefined is unknown. */
export type Known = boolean | undefined;

export interface Match {
  readonly key: bigint;
  readonly mask: bigint;
}

/** One value of a condition: what a bit does to "may still be it". */
export interface Asked {
  readonly text: string;
  /** Bits that decide whether a value is it; all of the field's, if none does. */
  readonly bits: bigint;
  /** From a state, by bit `b` being `bit`: the next state, or -1. State 0 is the first. */
  next(state: number, b: number, bit: number): number;
  readonly cube?: Match;
}

const ones = (width: number): bigint => (1n << BigInt(width)) - 1n;
const bitOf = (value: bigint, b: number): number => Number((value >> BigInt(b)) & 1n);

export function askCube(text: string, value: bigint, mask: bigint, width: number): Asked {
  const [v, m] = [value & mask, mask];
  const next = (_state: number, b: number, bit: number): number => (bitOf(m, b) === 1 && bitOf(v, b) !== bit ? -1 : 0);
  return { text, bits: m === 0n ? ones(width) : m, next, cube: { key: v, mask: m } };
}

/** States: bit 0: already above lo, bit 1: already below hi. */
export function askRange(text: string, lo: bigint, hi: bigint, width: number): Asked {
  let bits = 0n;
  for (let b = 0; b < width; b++) {
    // Turning the bit over keeps every value inside only if both ends lie on multiples of twice the bit.
    const block = 2n << BigInt(b);
    if (lo % block !== 0n || (hi + 1n) % block !== 0n) bits |= 1n << BigInt(b);
  }
  const next = (state: number, b: number, bit: number): number => {
    let [above, below] = [(state & 1) !== 0, (state & 2) !== 0];
    if (!above) {
      if (bit < bitOf(lo, b)) return -1;
      above = bit > bitOf(lo, b);
    }
    if (!below) {
      if (bit > bitOf(hi, b)) return -1;
      below = bit < bitOf(hi, b);
    }
    return (above ? 1 : 0) + (below ? 2 : 0);
  };
  return { text, bits: bits === 0n ? ones(width) : bits, next };
}

/** Whether the flow matches a value for which `wanted` is true of which of `asked` it is. */
function exists(
  { key, mask }: Match,
  width: number,
  asked: readonly Asked[],
  wanted: (is: readonly boolean[]) => boolean,
): boolean {
  // A state of all of them: five each, -1 to 3, as digits.
  let states = new Map<string, number[]>([['', asked.map(() => 0)]]);
  for (let b = width - 1; b >= 0; b--) {
    const after = new Map<string, number[]>();
    for (const state of states.values()) {
      for (const bit of bitOf(mask, b) === 1 ? [bitOf(key, b)] : [0, 1]) {
        const reached = state.map((s, i) => (s < 0 ? -1 : asked[i]!.next(s, b, bit)));
        after.set(reached.join(), reached);
      }
    }
    states = after;
  }
  return [...states.values()].some((state) => wanted(state.map((s) => s >= 0)));
}

export const some = (match: Match, width: number, asked: Asked): boolean =>
  exists(match, width, [asked], ([is]) => is === true);

export const every = (match: Match, width: number, asked: readonly Asked[]): boolean =>
  !exists(match, width, asked, (is) => !is.includes(true));
