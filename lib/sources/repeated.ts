/**
 * A table read again and again for whoever shows it live: with manners (pace.ts), and with only the counters read anew where that is enough. What
 * it gives is the caller's, who keeps the last one open until the next is there.
 */
import type { TableSnapshot } from '../tables/snapshot.js';
import type { CaptureOptions } from './dp-flows.js';
import { type Clock, DEFAULT_MANNERS, type Manners, Pace, periodFor } from './pace.js';
import { type Captured, captureTable } from './registry.js';
import { captureAgain } from './second-sample.js';
import { costOf, systemClock } from './watch.js';

export interface RepeatedOptions extends CaptureOptions {
  readonly source?: string | undefined;
  readonly periodMs: number;
  readonly clock?: Clock | undefined;
}

/** After a table turned out to have other rows: how many readings in full before the counters alone are tried again. */
const FULL_READINGS = 4;

export class RepeatedReading {
  readonly #manners: Manners;
  readonly #pace: Pace;
  readonly #options: RepeatedOptions;
  #periodMs: number;
  #full = 0;

  constructor(
    readonly table: string,
    options: RepeatedOptions,
  ) {
    this.#options = options;
    this.#manners = { ...DEFAULT_MANNERS, periodMs: options.periodMs };
    this.#pace = new Pace(this.#manners, options.clock ?? systemClock);
    this.#periodMs = options.periodMs;
  }

  /** From reading to reading; longer than asked for where a reading costs that much. */
  get periodMs(): number {
    return this.#periodMs;
  }

  /** Waits until the next reading may begin, and reads. Rejects as captureTable() does; the next one keeps its distance then too. */
  async next(last?: TableSnapshot): Promise<Captured> {
    const { signal, source = 'auto', clock = systemClock } = this.#options;
    await this.#pace.wait(signal);
    // The first reading of a switch takes longer to begin (it is proved): rates are over the time asked for all the same.
    const since = last ? Date.now() - Number(last.facts.beginNs / 1_000_000n) : this.#manners.periodMs;
    const early = this.#manners.periodMs - Math.max(0, since);
    if (early > 0) await clock.sleep(early, signal);
    this.#pace.took({ cpuMs: 0, bytes: 0 }); // if it fails
    const captured = await this.#read(last, source);
    const cost = costOf(captured.snapshot.facts);
    this.#pace.took(cost);
    this.#periodMs = periodFor(cost, this.#manners);
    return captured;
  }

  async #read(last: TableSnapshot | undefined, source: string): Promise<Captured> {
    if (!last || this.#full > 0) {
      this.#full = Math.max(0, this.#full - 1);
      return captureTable(this.table, source, this.#options);
    }
    const captured = await captureAgain(last, source, this.#options);
    if (!captured.isRefreshed) this.#full = FULL_READINGS;
    return captured;
  }
}
