/**
 * Requests to the switch on behalf of programs. Each runs on ovs-vswitchd's main thread, so there is one at a time, with a pause after it, for all
 * programs of a node together; those that wait are bounded. What many ask for (ports, upcalls) is asked once a second at most.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CtiError } from '../../errors.js';
import { type SwitchOptions, unixctl } from '../../sources/unixctl.js';

export interface SwitchCallsOptions {
  readonly where: SwitchOptions;
  /** Between two requests; 100 ms if absent: ten a second at most. */
  readonly pauseMs?: number;
  /** How many may wait; 32 if absent. */
  readonly maxWaiting?: number;
}

const CALL_TIMEOUT_MS = 5_000;
/** How long an answer that many ask for is good. */
const SHARED_MS = 1_000;
/** A switch may come back as another version. */
const COMMANDS_MS = 10_000;

interface Shared {
  readonly madeMs: number;
  readonly value: Promise<unknown>;
}

export class SwitchCalls {
  readonly #where: SwitchOptions;
  readonly #pauseMs: number;
  readonly #maxWaiting: number;
  readonly #shared = new Map<string, Shared>();
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  #freeAtMs = 0;
  #commands: Shared | undefined;

  constructor({ where, pauseMs = 100, maxWaiting = 32 }: SwitchCallsOptions) {
    this.#where = where;
    this.#pauseMs = pauseMs;
    this.#maxWaiting = maxWaiting;
  }

  /** Whether another request would have to be turned away. */
  get isFull(): boolean {
    return this.#waiting >= this.#maxWaiting;
  }

  /** The reply to a command, in its turn. Rejects as unixctl() does, or with CANCELLED. */
  async ask(command: string, args: readonly string[], signal?: AbortSignal): Promise<string> {
    if (this.isFull) throw new CtiError('SWITCH_TIMEOUT', `${this.#waiting} requests wait for the switch already`);
    this.#waiting++;
    const before = this.#last;
    let done = (): void => {};
    this.#last = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await before;
      const pause = this.#freeAtMs - performance.now();
      if (pause > 0) await sleep(pause);
      if (signal?.aborted)
        throw new CtiError('CANCELLED', 'stopped before the switch was asked', { cause: signal.reason });
      return await unixctl({ ...this.#where, signal, timeoutMs: CALL_TIMEOUT_MS }, command, args);
    } finally {
      this.#waiting--;
      this.#freeAtMs = performance.now() + this.#pauseMs;
      done();
    }
  }

  /** What `parse` makes of the replies to commands without arguments, at most a second old, the same for all who ask. */
  async shared<T>(commands: readonly string[], parse: (...replies: string[]) => T): Promise<T> {
    const key = commands.join('\0');
    const found = this.#shared.get(key);
    if (found && performance.now() - found.madeMs < SHARED_MS) return parse(...((await found.value) as string[]));
    const value = (async () => {
      const replies: string[] = [];
      for (const command of commands) replies.push(await this.ask(command, []));
      return replies;
    })();
    const shared = { madeMs: performance.now(), value };
    this.#shared.set(key, shared);
    value.catch(() => this.#shared.get(key) === shared && this.#shared.delete(key));
    return parse(...(await value));
  }

  /** Whether the switch has a command. */
  async has(command: string): Promise<boolean> {
    if (!this.#commands || performance.now() - this.#commands.madeMs > COMMANDS_MS) {
      const value = this.ask('list-commands', []).then(
        (text) => new Set(text.split('\n').map((line) => line.trim().split(/\s/)[0])),
      );
      const made = { madeMs: performance.now(), value };
      this.#commands = made;
      value.catch(() => {
        if (this.#commands === made) this.#commands = undefined;
      });
    }
    return ((await this.#commands.value) as Set<string>).has(command);
  }
}
