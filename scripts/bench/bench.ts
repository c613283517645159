// What every benchmark shares: the shape of a figure, and "best of several, in turn".

export interface Measure {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** What it was measured against, in the same run, with flags. */
  readonly against: string;
  readonly goal: { readonly atMost?: number; readonly atLeast?: number } | null;
}

export type Bench = (report: (measure: Measure) => void) => Promise<void>;

/** Runs the sides in turn, `rounds` times, and returns the best (least) of each: noise only ever adds. */
export async function bestInTurn<Side extends string>(
  sides: Readonly<Record<Side, () => Promise<number> | number>>,
  rounds = 5,
): Promise<Record<Side, number>> {
  const best = {} as Record<Side, number>;
  for (let round = 0; round < rounds; round++) {
    for (const side of Object.keys(sides) as Side[]) {
      const value = await sides[side]();
      best[side] = Math.min(best[side] ?? Number.POSITIVE_INFINITY, value);
    }
  }
  return best;
}
