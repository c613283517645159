/**
 * The questions of a soak, and the right answers: out of `dpctl/dump-flows -m` and `dpctl/show`, by means of this file's own. The flows of the lab's fill
 * do not change between two fills, counters included; what the lab's traffic makes does, so questions are about the fill's port.
 */
import type { Lab } from './lab.js';

const PORT = 'f-tx';

export interface Truth {
  readonly nFlows: number;
  /** The most packets of TCP flows, and bytes of all. */
  readonly packets: readonly number[];
  readonly bytes: readonly number[];
  readonly nPorts: number;
}

export interface Asked {
  readonly result: { readonly rows?: readonly Readonly<Record<string, unknown>>[] } | null;
  readonly error: string | null;
}

type Rows = readonly Readonly<Record<string, unknown>>[];

export interface SoakQuestion {
  readonly words: readonly [string, ...string[]];
  /** What of the answer is compared. */
  readonly of: (rows: Rows) => unknown;
  readonly right: (truth: Truth) => unknown;
  /** It is a number that only grows while flows come. */
  readonly grows?: true;
}

export const QUESTIONS: readonly SoakQuestion[] = [
  {
    words: ['query', `dp_flows | where in_port = ${PORT} | count`],
    of: (rows) => Number(rows[0]?.count),
    right: ({ nFlows }) => nFlows,
    grows: true,
  },
  {
    words: ['query', `dp_flows | where in_port = ${PORT} and tcp | top 10 by packets | show packets`],
    of: (rows) => rows.map(({ packets }) => Number(packets)),
    right: ({ packets }) => packets,
  },
  {
    words: ['flow/top', 'by=bytes', 'n=5', `in_port = ${PORT}`],
    of: (rows) => rows.map((row) => Number(/bytes:(\d+)/.exec(JSON.stringify(row))?.[1])),
    right: ({ bytes }) => bytes,
  },
  {
    words: ['query', 'dp_flows | count by in_port'],
    of: (rows) => Number(rows.find(({ in_port }) => in_port === PORT)?.count),
    right: ({ nFlows }) => nFlows,
    grows: true,
  },
  { words: ['port/show'], of: (rows) => rows.length, right: ({ nPorts }) => nPorts },
  { words: ['query', 'ports | count'], of: (rows) => Number(rows[0]?.count), right: ({ nPorts }) => nPorts },
];

export async function readTruth(lab: Lab): Promise<Truth> {
  const flows = (await lab.dump()).split('\n').filter((line) => line.includes(`in_port(${PORT})`));
  const most = (lines: readonly string[], pattern: RegExp, n: number): number[] =>
    lines
      .map((line) => Number(pattern.exec(line)![1]))
      .sort((a, b) => b - a)
      .slice(0, n);
  return {
    nFlows: flows.length,
    packets: most(
      flows.filter((line) => /proto=6\b/.test(line)),
      /packets:(\d+)/,
      10,
    ),
    bytes: most(flows, /bytes:(\d+)/, 5),
    nPorts: [...(await lab.appctl('dpctl/show')).matchAll(/^ +port \d+:/gm)].length,
  };
}

/** Null, or what is wrong with it. `exact`: the one right answer; null: flows come just now, since `before`. */
export function checkAnswer(
  { of, right, grows }: SoakQuestion,
  { result, error }: Asked,
  before: Truth,
  exact: Truth | null,
): string | null {
  if (error !== null) return error;
  if (!result?.rows) return `no rows: ${JSON.stringify(result)?.slice(0, 200)}`;
  const given = of(result.rows);
  if (exact === null) {
    const least = grows ? Number(right(before)) : 0;
    return grows && !(Number(given) >= least) ? `${given}, at least ${least}` : null;
  }
  const expected = right(exact);
  return JSON.stringify(given) === JSON.stringify(expected)
    ? null
    : `${JSON.stringify(given)}, expected ${JSON.stringify(expected)}`;
}
