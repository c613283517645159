/**
 * Timers: one heap and one timer of the event loop, however many wait. Nothing runs until the earliest is due.
 */
import { Heap } from './heap.js';

/** The event loop's timers hold at most this; a later time is reached in several steps. */
const MAX_DELAY_MS = 2 ** 31 - 1;
const NS_PER_MS = 1_000_000;

/** One function may serve many timers, each with its own `item`: ten thousand tasks may wait. */
export class Timer {
  /** Undefined once it was called off or has fired. */
  fire: ((item: never) => void) | undefined;
  readonly item: unknown;

  constructor(fire: (item: never) => void, item: unknown) {
    this.fire = fire;
    this.item = item;
  }
}

/** CLOCK_REALTIME in ns since 1970, as exactly as the event loop's clock has it. */
export const realtimeNs = (): bigint =>
  BigInt(Math.round(performance.timeOrigin * NS_PER_MS)) + BigInt(Math.round(performance.now() * NS_PER_MS));

export class Timers {
  readonly #timers = new Heap<Timer>();
  #nCancelled = 0;
  #handle: NodeJS.Timeout | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  /** Calls `fire` once, with `item`, `delayNs` from now or up to about a millisecond later. It keeps the process alive until then. */
  after(delayNs: bigint, fire: () => void): Timer;
  after<T>(delayNs: bigint, fire: (item: T) => void, item: T): Timer;
  after(delayNs: bigint, fire: (item: never) => void, item?: unknown): Timer {
    return this.at(performance.now() + Number(delayNs) / NS_PER_MS, fire, item as never);
  }

  /** `after`, at a time of performance.now() and not earlier. */
  at<T>(dueMs: number, fire: (item: T) => void, item: T): Timer {
    const timer = new Timer(fire as (item: never) => void, item);
    this.#timers.push(dueMs, timer);
    if (dueMs < this.#dueMs) this.#arm(dueMs);
    return timer;
  }

  cancel(timer: Timer): void {
    if (!timer.fire) return;
    timer.fire = undefined;
    this.#nCancelled++;
    if (this.#nCancelled * 2 > this.#timers.size) this.#sweep();
  }

  /** How many are waiting. */
  get size(): number {
    return this.#timers.size - this.#nCancelled;
  }

  #sweep(): void {
    this.#timers.retain((timer) => timer.fire !== undefined);
    this.#nCancelled = 0;
    this.#armNext();
  }

  /** For the earliest that was not called off; none keeps the process alive for nothing. */
  #armNext(): void {
    for (let next = this.#timers.peek(); next && !next.fire; next = this.#timers.peek()) {
      this.#timers.pop();
      this.#nCancelled--;
    }
    const dueMs = this.#timers.leastKey;
    if (dueMs !== undefined) this.#arm(dueMs);
    else this.#disarm();
  }

  #disarm(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  #arm(dueMs: number): void {
    if (dueMs === this.#dueMs) return;
    clearTimeout(this.#handle);
    this.#dueMs = dueMs;
    const delay = Math.min(Math.max(Math.ceil(dueMs - performance.now()), 0), MAX_DELAY_MS);
    this.#handle = setTimeout(() => this.#fire(), delay);
  }

  #fire(): void {
    this.#handle = undefined;
    this.#dueMs = Number.POSITIVE_INFINITY;
    const now = performance.now();
    for (let dueMs = this.#timers.leastKey; dueMs !== undefined && dueMs <= now; dueMs = this.#timers.leastKey) {
      const timer = this.#timers.pop()!;
      const { fire, item } = timer;
      timer.fire = undefined;
      if (fire) fire(item as never);
      else this.#nCancelled--;
    }
    this.#armNext();
  }
}
