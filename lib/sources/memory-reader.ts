/**
 * Reads one switch's megaflows again and again: in full, or only the counters, and attaches anew by itself when the switch is restarted or replaced
 * by another build. What it gives is of the process that runs now; a reading in which the process ended is thrown away.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CtiError } from '../errors.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import { attachMemory, type MemoryAttachment, type MemoryCapture, type MemoryRefresh } from './memory.js';
import type { SwitchOptions } from './unixctl.js';

export interface MemoryReaderOptions extends SwitchOptions {
  /** How long to wait for a switch that is not there, or comes up; 2000 unless told. */
  readonly patienceMs?: number;
}

/** What a switch that goes, is not there, or comes up gives; it may be another a moment later. */
const PASSING: ReadonlySet<string> = new Set([
  'NO_SWITCH',
  'SWITCH_STALE',
  'SWITCH_CLOSED',
  'SWITCH_FOREIGN',
  'SWITCH_REFUSED',
  'PROTOCOL',
]);
const RETRY_MS = 20;

export type MemoryReading = ({ readonly full: true } & MemoryCapture) | ({ readonly full: false } & MemoryRefresh);

export class MemoryReader {
  readonly #options: MemoryReaderOptions;
  #attachment: MemoryAttachment | null = null;
  #nAttached = 0;

  constructor(options: MemoryReaderOptions = {}) {
    this.#options = options;
  }

  /** How many processes it has been attached to. */
  get nAttached(): number {
    return this.#nAttached;
  }

  /** All megaflows of the switch that runs now. Rejects with the last error if there is none for `patienceMs`. */
  async capture(): Promise<MemoryCapture> {
    const { patienceMs = 2000, signal } = this.#options;
    const giveUp = performance.now() + patienceMs;
    for (;;) {
      try {
        return await this.#captureOnce();
      } catch (error) {
        if (!(error instanceof CtiError) || !PASSING.has(error.code) || performance.now() >= giveUp) throw error;
      }
      await sleep(RETRY_MS, undefined, signal ? { signal } : {}).catch(() => {}); // the next attempt says CANCELLED
    }
  }

  /** The counters of `before`, which this reader gave, anew; all of it if the switch is no longer the one `before` was read from. */
  async refresh(before: TableSnapshot): Promise<MemoryReading> {
    const attachment = this.#attachment;
    if (attachment?.alive && attachment.gave(before)) {
      try {
        return { full: false, ...(await attachment.refresh(before, this.#options.signal)) };
      } catch (error) {
        if (!(error instanceof CtiError) || !PASSING.has(error.code)) throw error;
      }
    }
    return { full: true, ...(await this.capture()) };
  }

  async #captureOnce(): Promise<MemoryCapture> {
    if (this.#attachment?.alive) return this.#attachment.capture(this.#options.signal);
    const { attachment, proof } = await attachMemory(this.#options);
    if (attachment !== this.#attachment) this.#nAttached++;
    this.#attachment = attachment;
    return proof?.capture ?? attachment.capture(this.#options.signal);
  }
}
