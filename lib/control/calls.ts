/**
 * Requests and answers over something that carries frames: who asked, who is to be answered, who gave up. Knows neither sockets nor parts.
 */
import { closeSync } from 'node:fs';
import { CtiError } from '../errors.js';
import { decode, encode, fromWire, type Message, toWire } from './wire.js';

/** Data, and descriptors that travel with it. Those received are the receiver's to close. */
export interface Parcel {
  readonly data: unknown;
  readonly fds: readonly number[];
}

export interface Call extends Parcel {
  readonly method: string;
  readonly from: number;
  /** Aborted when who asked gave up or ended. */
  readonly signal: AbortSignal;
}

/** An answer: data, descriptors that stay who answers', and what is to be done once the answer is on its way. */
export interface Answer {
  readonly data: unknown;
  readonly fds?: readonly number[] | undefined;
  readonly afterwards?: (() => void) | undefined;
}

export type Handler = (call: Call) => Promise<Answer> | Answer;

export interface CallsEvents {
  /** Puts a frame on its way; false: there is no way now. */
  send(to: number, payload: Uint8Array, fds: readonly number[]): boolean;
  handle: Handler;
  /** Told without being asked. */
  told?(from: number, method: string, data: unknown, fds: readonly number[]): void;
}

interface Pending {
  readonly to: number;
  readonly resolve: (parcel: Parcel) => void;
  readonly reject: (error: CtiError) => void;
}

export function closeAll(fds: readonly number[]): void {
  for (const fd of fds) closeSync(fd);
}

export class Calls {
  readonly #events: CallsEvents;
  readonly #pending = new Map<number, Pending>();
  /** Answers that are being made, by who asked and its id. */
  readonly #working = new Map<string, AbortController>();
  #nextId = 1;

  constructor(events: CallsEvents) {
    this.#events = events;
  }

  /** Rejects with the other side's error, PART_DIED if it ended before it answered, or CANCELLED. */
  ask(
    to: number,
    method: string,
    data: unknown,
    { fds = [], signal }: { fds?: readonly number[]; signal?: AbortSignal | undefined } = {},
  ): Promise<Parcel> {
    if (signal?.aborted) return Promise.reject(new CtiError('CANCELLED', `${method} was stopped before it was asked`));
    const id = this.#nextId++;
    return new Promise<Parcel>((resolve, reject) => {
      const giveUp = () => {
        this.#pending.delete(id);
        this.#events.send(to, encode({ k: 'cancel', id }), []);
        reject(new CtiError('CANCELLED', `${method} was stopped before it was answered`, { cause: signal?.reason }));
      };
      const done =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener('abort', giveUp);
          this.#pending.delete(id);
          settle(value);
        };
      this.#pending.set(id, { to, resolve: done(resolve), reject: done(reject) });
      signal?.addEventListener('abort', giveUp, { once: true });
      if (!this.#events.send(to, encode({ k: 'ask', id, m: method, p: data }), fds))
        this.#pending
          .get(id)
          ?.reject(new CtiError('PART_DIED', `${method} could not be asked: the other side has ended`));
    });
  }

  tell(to: number, method: string, data: unknown, fds: readonly number[] = []): boolean {
    return this.#events.send(to, encode({ k: 'tell', m: method, p: data }), fds);
  }

  /** A frame came. Throws CtiError PROTOCOL; its descriptors are closed then. */
  receive(from: number, payload: Uint8Array, fds: readonly number[]): void {
    let message: Message;
    try {
      message = decode(payload);
    } catch (error) {
      closeAll(fds);
      throw error;
    }
    if (message.k === 'ask') {
      void this.#work(from, message.id, message.m, message.p, fds);
    } else if (message.k === 'tell') {
      if (this.#events.told) this.#events.told(from, message.m, message.p, fds);
      else closeAll(fds);
    } else if (message.k === 'cancel') {
      this.#working.get(`${from}.${message.id}`)?.abort(new Error('who asked gave up'));
      closeAll(fds);
    } else {
      const pending = this.#pending.get(message.id);
      if (!pending || pending.to !== from) closeAll(fds);
      else if (message.k === 'answer') pending.resolve({ data: message.r, fds });
      else {
        closeAll(fds);
        pending.reject(fromWire(message.e));
      }
    }
  }

  /** The other side has ended: what it was asked fails, what it asked is stopped. */
  ended(other: number, why: string): void {
    for (const { to, reject } of [...this.#pending.values()]) if (to === other) reject(new CtiError('PART_DIED', why));
    for (const [key, stop] of this.#working)
      if (key.startsWith(`${other}.`)) stop.abort(new Error('who asked has ended'));
  }

  async #work(from: number, id: number, method: string, data: unknown, fds: readonly number[]): Promise<void> {
    const key = `${from}.${id}`;
    const stop = new AbortController();
    this.#working.set(key, stop);
    let afterwards: (() => void) | undefined;
    try {
      const answer = await this.#events.handle({ method, data, fds, from, signal: stop.signal });
      this.#events.send(from, encode({ k: 'answer', id, r: answer.data }), answer.fds ?? []);
      afterwards = answer.afterwards;
    } catch (error) {
      this.#events.send(from, encode({ k: 'error', id, e: toWire(error) }), []);
    } finally {
      closeAll(fds);
      this.#working.delete(key);
    }
    afterwards?.();
  }
}
