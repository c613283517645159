/**
 * How often a switch may be read. A reading is not slowed down, because a long one smears; the pause after it grows instead, so that over time
 * readings use at most a share of a core and so many bytes a second, ours or the switch's.
 */
import { type Clock, REAL_CLOCK } from '../clock.js';
import { CtiError } from '../errors.js';
import type { SnapshotFacts } from '../tables/snapshot.js';
import { cancelled } from './job.js';

export interface Manners {
  /** Of one core. */
  readonly share: number;
  readonly bytesPerSecond: number;
  /** From the begin of a reading to that of the next, at least. */
  readonly periodMs: number;
}

export const DEFAULT_MANNERS: Manners = { share: 0.1, bytesPerSecond: 256 << 20, periodMs: 1000 };

/** The defaults with what is given in their place. INVALID_ARGUMENT. */
export function mannersOf(given: Partial<Manners> = {}): Manners {
  const manners = { ...DEFAULT_MANNERS, ...given };
  for (const [name, value] of Object.entries(manners)) {
    if (value > 0 && (name !== 'share' || value <= 1)) continue;
    const expected = name === 'share' ? 'a number above 0, at most 1' : 'a number above 0';
    throw new CtiError('INVALID_ARGUMENT', `manners.${name}: expected ${expected}, but received ${value}`);
  }
  return manners;
}

/** What a reading cost: the CPU time of the thread that read (crowded), or of the switch's main thread; bytes copied, or of replies. */
export interface ReadingCost {
  readonly cpuMs: number;
  readonly bytes: number;
}

/** A reading on a machine without a CPU to spare counts this many times at most. */
const CROWDED = 4;

/**
 * CPU time that counts for more if it had to be waited for. On a machine with a CPU to spare what we use is taken from nobody; where we stand in line,
 * all of it is taken from others, and the switch may be one of them. As long in line as on a CPU: four times.
 */
export function crowded(cpuMs: number, waitedMs: number | null | undefined): number {
  return cpuMs > 0 ? cpuMs * Math.min(CROWDED, (1 + (waitedMs ?? 0) / cpuMs) ** 2) : 0;
}

/** What a snapshot cost: reading memory costs us, a reply costs the switch, whose main thread is dearer. */
export function costOf({ reading, cost }: Pick<SnapshotFacts, 'reading' | 'cost'>): ReadingCost {
  return {
    cpuMs: Math.max(crowded(reading?.cpuMs ?? 0, reading?.waitedMs), cost?.requestMs ?? 0),
    bytes: Math.max(reading?.bytes ?? 0, cost?.replyBytes ?? 0),
  };
}

/** The time from the begin of a reading to that of the next that its cost asks for. */
export function periodFor({ cpuMs, bytes }: ReadingCost, manners: Manners): number {
  return Math.max(manners.periodMs, cpuMs / manners.share, (bytes / manners.bytesPerSecond) * 1000);
}

/** Returns after `ms`; CANCELLED as soon as the signal is aborted. */
export async function sleep(ms: number, signal: AbortSignal | undefined, clock: Clock = REAL_CLOCK): Promise<void> {
  const end = clock.nowMs() + ms;
  // A clock may wake early: beyond its longest timer, or by a part of a millisecond.
  for (let left = ms; left > 0; left = end - clock.nowMs()) {
    if (signal?.aborted) throw cancelled(signal);
    await new Promise<void>((resolve, reject) => {
      const stop = () => {
        callOff();
        reject(cancelled(signal));
      };
      const callOff = clock.after(left, () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      });
      signal?.addEventListener('abort', stop, { once: true });
    });
  }
}

/** Keeps the pace: wait() before each reading, took() or failed() after it. */
export class Pace {
  #nextMs = Number.NEGATIVE_INFINITY;
  #beganMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly manners: Manners,
    readonly clock: Clock = REAL_CLOCK,
  ) {}

  /** Returns when the next reading may begin: at once the first time. */
  async wait(signal?: AbortSignal): Promise<void> {
    await sleep(this.#nextMs - this.clock.nowMs(), signal, this.clock);
    this.#beganMs = this.clock.nowMs();
  }

  /** The reading since wait() cost this much. `lateMs`: it began that much later than wait() returned, because something came before it. */
  took(cost: ReadingCost, lateMs = 0): void {
    this.#nextMs = this.#beganMs + lateMs + periodFor(cost, this.manners);
  }

  /** There was none: the next attempt may begin this much later than this one did. */
  failed(afterMs: number): void {
    this.#nextMs = this.#beganMs + afterMs;
  }
}
