/** Monitors of granted memory: what they compare, how a program's list of them changes, and the one poller that looks for all who wait. */
import { CtiError } from '../errors.js';

/** As the image stores it. An address has at most one. */
export interface Monitor {
  readonly type: number;
  /** A guest address. */
  readonly address: number;
  readonly value: bigint;
  readonly tag: bigint;
}

/** enum cti_monitor of program.h; the original's numbers. */
export const MONITOR = { larger: 0, smaller: 1, equal: 2, notEqual: 3, clear: 4 } as const;
export const MAX_MONITORS = 64;

/** Whether `word` meets the condition; both unsigned. */
export function isMet(type: number, word: bigint, value: bigint): boolean {
  switch (type) {
    case MONITOR.larger:
      return word > value;
    case MONITOR.smaller:
      return word < value;
    case MONITOR.equal:
      return word === value;
    case MONITOR.notEqual:
      return word !== value;
    default:
      throw new CtiError('INTERNAL', `there is no monitor of type ${type}`);
  }
}

/** The list with `monitor` in it, in the place of one of the same address; null if there is no room for one more. */
export function withMonitor(monitors: readonly Monitor[], monitor: Monitor): Monitor[] | null {
  const at = monitors.findIndex(({ address }) => address === monitor.address);
  if (at >= 0) return monitors.with(at, monitor);
  return monitors.length < MAX_MONITORS ? [...monitors, monitor] : null;
}

/** The list without those of `size` bytes at `address`. */
export const withoutMonitors = (monitors: readonly Monitor[], address: number, size: number): Monitor[] =>
  monitors.filter((monitor) => monitor.address < address || monitor.address >= address + size);

/** The list with one moved to its end, so that of several whose condition stays true each has its turn. */
export const withLast = (monitors: readonly Monitor[], last: Monitor): Monitor[] => [
  ...monitors.filter((monitor) => monitor !== last),
  last,
];

interface Waiter {
  /** Whether it is done: it has then told its promise. */
  look(): boolean;
}

/** Looks for all waiters at the same instants; while nobody waits it does nothing. */
export class Poller {
  readonly #waiters = new Set<Waiter>();
  #timer: NodeJS.Timeout | undefined;

  constructor(readonly pollMs: number) {
    if (!Number.isFinite(pollMs) || pollMs < 1 || pollMs > 60_000) {
      throw new CtiError('INVALID_ARGUMENT', `expected 1 to 60000 ms between two looks but received ${pollMs}`);
    }
  }

  get nWaiters(): number {
    return this.#waiters.size;
  }

  /** What `look` finds, as soon as it finds something; undefined when `timeoutMs` have passed or the signal is aborted. Looks at once. */
  wait<T>(look: () => T | undefined, timeoutMs: number, signal: AbortSignal): Promise<T | undefined> {
    const until = performance.now() + timeoutMs;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        look: () => {
          try {
            const found = look();
            if (found === undefined && performance.now() < until && !signal.aborted) return false;
            resolve(found);
          } catch (error) {
            reject(error as Error);
          }
          return true;
        },
      };
      if (waiter.look()) return;
      this.#waiters.add(waiter);
      this.#timer ??= setTimeout(this.#round, this.pollMs);
    });
  }

  readonly #round = (): void => {
    for (const waiter of this.#waiters) if (waiter.look()) this.#waiters.delete(waiter);
    this.#timer = this.#waiters.size > 0 ? setTimeout(this.#round, this.pollMs) : undefined;
  };
}
