/** Time: real, or moved by a test. Whoever waits takes a Clock, so that no test waits for time to pass. */
export interface Clock {
  /** Milliseconds that never go back, from any start. */
  nowMs(): number;
  /** Calls `action` once, after `ms`. The result calls it off. */
  after(ms: number, action: () => void): () => void;
}

export const REAL_CLOCK: Clock = {
  nowMs: () => performance.now(),
  after(ms, action) {
    // A timer of Node goes off at once beyond 2^31 ms.
    const timer = setTimeout(action, Math.min(Math.max(0, ms), 0x7fff_ffff));
    return () => clearTimeout(timer);
  },
};

interface Due {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

/** Time that stands still until it is moved: what is due runs in the order of its time, then of its making. */
export class ManualClock implements Clock {
  #now = 0;
  #made = 0;
  readonly #due: Due[] = [];

  nowMs(): number {
    return this.#now;
  }

  after(ms: number, action: () => void): () => void {
    const entry: Due = { at: this.#now + Math.max(0, ms), order: this.#made++, action };
    this.#due.push(entry);
    return () => {
      const index = this.#due.indexOf(entry);
      if (index >= 0) this.#due.splice(index, 1);
    };
  }

  get pending(): number {
    return this.#due.length;
  }

  /** Moves to what is due next and runs it, if that is within `withinMs`; says whether there was something. */
  next(withinMs = Number.POSITIVE_INFINITY): boolean {
    let first: Due | undefined;
    for (const entry of this.#due) {
      if (!first || entry.at < first.at || (entry.at === first.at && entry.order < first.order)) first = entry;
    }
    if (!first || first.at > this.#now + withinMs) return false;
    this.#due.splice(this.#due.indexOf(first), 1);
    this.#now = first.at;
    first.action();
    return true;
  }
}
