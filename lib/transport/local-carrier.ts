/**
 * The in-process carrier: nodes of one process, `local://NAME`, and the original's addresses, `ub://A.B.C.D:PORT`. Frames cross as bytes, so
 * that what they mean is checked as it would be from a wire. A test can tell it what goes wrong.
 */

import { type Clock, REAL_CLOCK } from '../clock.js';
import { CtiError } from '../errors.js';
import type { Carrier, Delivery, Listener, Receive } from './carrier.js';
import { checkLocal, checkUb, type NodeUrl } from './url.js';

/** What happens to one request. */
export interface Fault {
  /** The request does not get there; the sender does not know. */
  readonly loseRequest?: boolean;
  /** It gets there, its answer does not come back. */
  readonly loseAnswer?: boolean;
  /** It gets there this often; 1 if absent. The first answer is taken. */
  readonly copies?: number;
  /** Milliseconds on the way there, of copy n after n times as long, and on the way back. */
  readonly delayMs?: number;
  readonly answerDelayMs?: number;
  /** The carrier says at once that it does not know, though it delivers. */
  readonly unknown?: boolean;
}

export type Faults = (from: string, to: string, frame: Uint8Array) => Fault | undefined;

export interface LocalCarrierOptions {
  readonly clock?: Clock;
  readonly faults?: Faults;
}

const NO_FAULT: Fault = {};

export class LocalCarrier implements Carrier {
  readonly schemes = ['local', 'ub'];
  readonly #nodes = new Map<string, Receive>();
  readonly #clock: Clock;
  readonly #faults: Faults;

  constructor(options: LocalCarrierOptions = {}) {
    this.#clock = options.clock ?? REAL_CLOCK;
    this.#faults = options.faults ?? (() => undefined);
  }

  check(url: NodeUrl): string {
    return url.scheme === 'ub' ? checkUb(url) : checkLocal(url);
  }

  listen(url: string, receive: Receive): Listener {
    if (this.#nodes.has(url)) {
      throw new CtiError('INVALID_ARGUMENT', `expected one node at ${url} but received a second; give it another URL`);
    }
    this.#nodes.set(url, receive);
    return {
      close: () => {
        if (this.#nodes.get(url) === receive) this.#nodes.delete(url);
      },
    };
  }

  request(from: string, to: string, frame: Uint8Array, timeoutMs: number): Promise<Delivery> {
    if (!this.#nodes.has(to)) return Promise.resolve({ kind: 'not_delivered', reason: `no node listens at ${to}` });
    const fault = this.#faults(from, to, frame) ?? NO_FAULT;
    return new Promise((resolve) => {
      const callOff = this.#clock.after(timeoutMs, () =>
        resolve({ kind: 'unknown', reason: `no answer from ${to} within ${timeoutMs} ms` }),
      );
      const answered = (answer: Uint8Array) => {
        if (fault.loseAnswer || fault.unknown) return;
        this.#later(fault.answerDelayMs, () => {
          callOff();
          resolve({ kind: 'answered', frame: answer });
        });
      };
      if (!fault.loseRequest) {
        for (let copy = 0; copy < (fault.copies ?? 1); copy++) {
          this.#later((fault.delayMs ?? 0) * (copy + 1), () => {
            // The receiver's own copy, as from a wire: neither side can change what the other holds.
            this.#nodes.get(to)?.(frame.slice(), from).then(answered);
          });
        }
      }
      if (fault.unknown) {
        callOff();
        resolve({ kind: 'unknown', reason: `the carrier cannot say whether ${to} got it` });
      }
    });
  }

  #later(ms: number | undefined, action: () => void): void {
    if (ms) this.#clock.after(ms, action);
    else queueMicrotask(action);
  }
}
