/** A table read again and again, with manners: for whoever watches a switch. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CtiError } from '../errors.js';
import type { SnapshotFacts } from '../tables/snapshot.js';
import type { CaptureOptions } from './dp-flows.js';
import { cancelled } from './job.js';
import { type Clock, DEFAULT_MANNERS, type Manners, Pace, type ReadingCost } from './pace.js';
import { type Captured, captureTable } from './registry.js';

export interface WatchOptions extends CaptureOptions {
  /** A source's name; auto unless told otherwise. */
  readonly source?: string | undefined;
  readonly manners?: Partial<Manners> | undefined;
  readonly clock?: Clock | undefined;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await sleep(ms, undefined, { signal });
    } catch (error) {
      throw signal?.aborted ? cancelled(signal) : error;
    }
  },
};

/** What a snapshot cost: reading memory costs us, a reply costs the switch, whose main thread is dearer. */
export function costOf({ reading, cost }: Pick<SnapshotFacts, 'reading' | 'cost'>): ReadingCost {
  return {
    cpuMs: Math.max(reading?.cpuMs ?? 0, cost?.requestMs ?? 0),
    bytes: Math.max(reading?.bytes ?? 0, cost?.replyBytes ?? 0),
  };
}

/** A reading at a time, until the signal is aborted (CANCELLED) or the consumer stops. The consumer closes the snapshots. */
export async function* watchTable(table: string, options: WatchOptions = {}): AsyncGenerator<Captured, never> {
  const { source = 'auto', clock = systemClock, signal } = options;
  const manners = { ...DEFAULT_MANNERS, ...options.manners };
  for (const [name, value] of Object.entries(manners)) {
    if (!(value > 0) || (name === 'share' && value > 1))
      throw new CtiError('INVALID_ARGUMENT', `manners.${name}: expected a number above 0 but received ${value}`);
  }
  const pace = new Pace(manners, clock);
  for (;;) {
    await pace.wait(signal);
    const captured = await captureTable(table, source, options);
    pace.took(costOf(captured.snapshot.facts));
    yield captured;
  }
}
