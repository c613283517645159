/** How a switch fares, by what it says itself: upcalls lost, and how long its revalidators take for a round. */

export interface SwitchHealth {
  /** Of all datapaths, since they were made. */
  readonly lost: number;
  /** The longest round of the last, ms; null: it does not say. */
  readonly dumpDurationMs: number | null;
}

export interface HealthLimits {
  readonly lostUpcalls: number;
  readonly dumpDurationMs: number;
}

const sum = (text: string, pattern: RegExp): number =>
  [...text.matchAll(pattern)].reduce((total, [, n]) => total + Number(n), 0);

/** Two small commands of its main thread. */
export async function readHealth(ask: (command: string) => Promise<string>): Promise<SwitchHealth> {
  const datapaths = await ask('dpctl/show');
  const upcalls = await ask('upcall/show');
  const durations = [...upcalls.matchAll(/dump duration\s*:\s*(\d+)ms/g)].map(([, ms]) => Number(ms));
  return {
    lost: sum(datapaths, /\blost:(\d+)/g),
    dumpDurationMs: durations.length === 0 ? null : Math.max(...durations),
  };
}

/** Why reading should stop, or null. The first look says nothing of what was lost before it. */
export function describeTrouble(
  before: SwitchHealth | undefined,
  now: SwitchHealth,
  limits: HealthLimits,
): string | null {
  const lost = before ? now.lost - before.lost : 0;
  if (lost >= limits.lostUpcalls)
    return `the switch lost ${lost} upcalls since it was looked at last (backoff.lost_upcalls is ${limits.lostUpcalls})`;
  const { dumpDurationMs } = now;
  if (dumpDurationMs !== null && dumpDurationMs > limits.dumpDurationMs)
    return `its revalidators took ${dumpDurationMs} ms for a round (backoff.dump_duration is ${limits.dumpDurationMs} ms)`;
  return null;
}
