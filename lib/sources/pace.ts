/**
 * How often a switch may be read. A reading is not slowed down, because a long one smears; the pause after it grows instead, so that over time
 * readings use at most a share of a core and so many bytes a second, ours or the switch's.
 */
export interface Manners {
  /** Of one core. */
  readonly share: number;
  readonly bytesPerSecond: number;
  /** From the begin of a reading to that of the next, at least. */
  readonly periodMs: number;
}

export const DEFAULT_MANNERS: Manners = { share: 0.1, bytesPerSecond: 256 << 20, periodMs: 1000 };

/** What a reading cost: the CPU time of the thread that read, or of the switch's main thread; bytes copied, or of replies. */
export interface ReadingCost {
  readonly cpuMs: number;
  readonly bytes: number;
}

/** The time from the begin of a reading to that of the next that its cost asks for. */
export function periodFor({ cpuMs, bytes }: ReadingCost, manners: Manners): number {
  return Math.max(manners.periodMs, cpuMs / manners.share, (bytes / manners.bytesPerSecond) * 1000);
}

export interface Clock {
  /** Milliseconds that only grow. */
  now(): number;
  /** Rejects when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal | undefined): Promise<void>;
}

/** Keeps the pace: wait() before each reading, took() after it. */
export class Pace {
  #next = Number.NEGATIVE_INFINITY;
  #began = Number.NEGATIVE_INFINITY;

  constructor(
    readonly manners: Manners,
    readonly clock: Clock,
  ) {}

  /** Returns when the next reading may begin: at once the first time. */
  async wait(signal?: AbortSignal): Promise<void> {
    const left = this.#next - this.clock.now();
    if (left > 0) await this.clock.sleep(left, signal);
    this.#began = this.clock.now();
  }

  /** The reading since wait() cost this much. */
  took(cost: ReadingCost): void {
    this.#next = this.#began + periodFor(cost, this.manners);
  }
}
