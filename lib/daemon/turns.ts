/** So many at a time; so many more wait, in order; others are refused. */
import { CtiError } from '../errors.js';

export interface TurnLimits {
  readonly atOnce: number;
  readonly waiting: number;
}

export class Turns {
  readonly #limits: () => TurnLimits;
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(limits: () => TurnLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Rejects with BUSY, CANCELLED, or as `work` does. */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { atOnce, waiting } = this.#limits();
    if (this.#running >= atOnce) {
      if (this.#queue.length >= waiting)
        throw new CtiError(
          'BUSY',
          `${this.#running} questions run and ${this.#queue.length} wait (questions.waiting is ${waiting}): ask again later`,
        );
      await new Promise<void>((resolve, reject) => {
        const go = () => {
          signal.removeEventListener('abort', giveUp);
          resolve();
        };
        const giveUp = () => {
          const at = this.#queue.indexOf(go);
          if (at < 0) return;
          this.#queue.splice(at, 1);
          reject(new CtiError('CANCELLED', 'stopped while it waited for its turn'));
        };
        if (signal.aborted) return reject(new CtiError('CANCELLED', 'stopped before its turn'));
        this.#queue.push(go);
        signal.addEventListener('abort', giveUp, { once: true });
      });
    } else this.#running++;
    try {
      return await work();
    } finally {
      // The turn is handed on, or given back.
      const next = this.#queue.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
