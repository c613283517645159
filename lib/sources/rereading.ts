/**
 * Reads one switch's table again and again, as cheaply as it may: only the counters while the rows are the same (second-sample.ts), and the switch
 * itself is asked only now and then. When to read is the caller's (pace.ts).
 */
import { type Clock, REAL_CLOCK } from '../clock.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import type { CaptureOptions } from './dp-flows.js';
import { captureTable } from './registry.js';
import { type CapturedAgain, captureAgain } from './second-sample.js';

/** A table is read in full at least this often. */
const FULL_MS = 60_000;
/** Readings in full after its rows turned out to have changed: one, twice as many each time it happens again, at most these. */
const MAX_PENALTY = 16;
/** How often the switch itself is asked whether all of its datapaths are still in its memory; readings between do without it. */
const LOOK_MS = 10_000;

export class Rereading {
  /** Readings in full before the counters alone are tried again. */
  #nFull = 0;
  #penalty = 1;
  #fullMs = Number.NEGATIVE_INFINITY;
  #lookedMs = Number.NEGATIVE_INFINITY;
  readonly #clock: Clock;

  /** The switch and the source stay the same for life: of another switch, another Rereading. */
  constructor(
    readonly table: string,
    readonly source: string,
    clock: Clock = REAL_CLOCK,
  ) {
    this.#clock = clock;
  }

  /** `last`, which the reading before gave, is still open, and stays so; without it all is read. Rejects as captureTable() does. */
  async read(last: TableSnapshot | undefined, options: CaptureOptions): Promise<CapturedAgain> {
    const nowMs = this.#clock.nowMs();
    const looks = !last || nowMs - this.#lookedMs >= LOOK_MS;
    const refreshes = this.#nFull === 0 && nowMs - this.#fullMs < FULL_MS;
    const captured = last
      ? await captureAgain(last, this.source, options, { looks, refreshes })
      : { ...(await captureTable(this.table, this.source, options)), isRefreshed: false };
    if (looks) this.#lookedMs = nowMs;
    if (captured.isRefreshed) {
      this.#penalty = 1;
      return captured;
    }
    this.#fullMs = nowMs;
    if (last && refreshes) {
      this.#nFull = this.#penalty;
      this.#penalty = Math.min(MAX_PENALTY, 2 * this.#penalty);
    } else if (this.#nFull > 0) this.#nFull--;
    return captured;
  }
}
