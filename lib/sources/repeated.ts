/**
 * A table read again and again, for whoever watches a switch: with manners (pace.ts), with only the counters read anew where that is enough, and
 * across restarts of the switch. What it gives is of the process that runs now; a reading in which that process ended is thrown away.
 */
import { type Clock, REAL_CLOCK } from '../clock.js';
import type { CtiError } from '../errors.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import type { CaptureOptions } from './dp-flows.js';
import { costOf, type Manners, mannersOf, Pace, periodFor } from './pace.js';
import type { Captured } from './registry.js';
import { Rereading } from './rereading.js';
import { isPassing } from './switch-life.js';

export interface RepeatedOptions extends CaptureOptions {
  /** A source's name; auto unless told otherwise. */
  readonly source?: string | undefined;
  readonly manners?: Partial<Manners> | undefined;
  readonly clock?: Clock | undefined;
  /** Reads in place of this process: what another has read and hands over. `last`: as for next(). */
  readonly read?: ((last: TableSnapshot | undefined) => Promise<Captured>) | undefined;
}

export interface WaitOptions {
  /** Hears once of each time that the switch is gone, with the error that said so. */
  readonly onGone?: ((error: CtiError) => void) | undefined;
  /** How long it may be gone before its error is given; without end unless told. */
  readonly patienceMs?: number | undefined;
}

/** From an attempt at a switch that has gone to the next: the first, doubled each time, and the most. */
const [FIRST_RETRY_MS, LAST_RETRY_MS] = [50, 500];

export class RepeatedReading {
  readonly #manners: Manners;
  readonly #clock: Clock;
  readonly #pace: Pace;
  readonly #options: RepeatedOptions;
  readonly #rereading: Rereading;
  #periodMs: number;
  #nFailed = 0;

  /** INVALID_ARGUMENT. */
  constructor(
    readonly table: string,
    options: RepeatedOptions = {},
  ) {
    this.#options = options;
    this.#manners = mannersOf(options.manners);
    this.#clock = options.clock ?? REAL_CLOCK;
    this.#pace = new Pace(this.#manners, this.#clock);
    this.#periodMs = this.#manners.periodMs;
    this.#rereading = new Rereading(table, options.source ?? 'auto', this.#clock);
  }

  /** From reading to reading; longer than asked for where a reading costs that much. */
  get periodMs(): number {
    return this.#periodMs;
  }

  /**
   * Waits until the next reading may begin, and reads; the caller closes what it gives. `last`, which the one before gave, is still open: then its
   * counters alone may be read anew. Rejects as captureTable() does. After an error that may pass (isPassing) the next attempt is soon, else as after
   * a reading.
   */
  async next(last?: TableSnapshot): Promise<Captured> {
    await this.#pace.wait(this.#options.signal);
    const askedMs = Date.now();
    try {
      const { read } = this.#options;
      const captured = read ? await read(last) : await this.#rereading.read(last, this.#options);
      const { facts } = captured.snapshot;
      const cost = costOf(facts);
      // The first reading of a switch takes longer to begin (it is proved): the period is from rows to rows all the same.
      const lateMs = Number(facts.beginNs / 1_000_000n) - askedMs;
      this.#pace.took(cost, Math.min(Math.max(0, lateMs), this.#manners.periodMs));
      this.#periodMs = periodFor(cost, this.#manners);
      this.#nFailed = 0;
      return captured;
    } catch (error) {
      const retryMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#nFailed++);
      this.#pace.failed(isPassing(error) ? retryMs : this.#manners.periodMs);
      throw error;
    }
  }

  /** As next(), and while a switch has gone, or comes up, waits for it. */
  async nextWhenThere(last: TableSnapshot | undefined, { onGone, patienceMs }: WaitOptions = {}): Promise<Captured> {
    let goneMs: number | undefined;
    for (;;) {
      try {
        return await this.next(last);
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (goneMs === undefined) onGone?.(error);
        goneMs ??= this.#clock.nowMs();
        if (this.#clock.nowMs() - goneMs >= (patienceMs ?? Number.POSITIVE_INFINITY)) throw error;
      }
    }
  }
}

export interface WatchOptions extends RepeatedOptions, WaitOptions {}

/**
 * A reading at a time, all of the table, until the signal is aborted (CANCELLED) or the consumer stops, who closes the snapshots. The first one rejects
 * as captureTable() does; later a switch that has gone is waited for.
 */
export async function* watchTable(table: string, options: WatchOptions = {}): AsyncGenerator<Captured, never> {
  const reading = new RepeatedReading(table, options);
  yield await reading.next();
  for (;;) yield await reading.nextWhenThere(undefined, options);
}
