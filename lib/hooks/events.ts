/**
 * Events of hook points on their way to programs. A program subscribes with `NAME(ARGUMENTS)`; what happens from then on is kept for it in a
 * bounded queue that counts what found no room, until it asks. Subscriptions belong to a task of this process: they end with it, and do not travel.
 */
import { errno } from '../errno.js';
import { CtiError } from '../errors.js';
import { timeoutMs } from '../kernel-functions/mapper.js';
import { handlersOf } from '../kernel-functions/typed.js';
import type { KernelCall, KernelFunctions } from '../scheduler/kernel-call.js';

/** enum cti_event_kind of program.h */
export const EVENT_KIND = {
  rowNew: 1,
  rowChanged: 2,
  rowGone: 3,
  portAdded: 16,
  portRemoved: 17,
  portUp: 18,
  portDown: 19,
  pressureOn: 32,
  pressureOff: 33,
} as const;

/** What happened, as a source says it; struct cti_event of program.h has each field's meaning. */
export interface HookEvent {
  readonly kind: number;
  readonly generation?: bigint;
  readonly row?: bigint;
  /** Two words, as rows have them in memory. */
  readonly ufid?: readonly [bigint, bigint];
  readonly values?: readonly bigint[];
  readonly name?: string;
}

export interface EventSink {
  push(event: HookEvent): void;
  /** No more will come. */
  fail(error: CtiError): void;
}

/** One kind of event that a hook point has. */
export interface EventSource {
  /** How it is written, and what it says: `port_changed([NAME])` ... */
  readonly usage: string;
  readonly doc: string;
  /**
   * Sends what happens from now on, until the signal is aborted. Resolves when it has begun to look; rejects with a CtiError: QUERY_* and
   * INVALID_ARGUMENT where the arguments are wrong, OUT_OF_MEMORY where too much is asked for, others where it cannot be seen.
   */
  start(args: string, sink: EventSink, signal: AbortSignal): Promise<void>;
}

export const QUEUE_LENGTH = 1024;
export const EVENT_SIZE = 144;
const NAME_SIZE = 64;
const MAX_OF_TASK = 16;
const MAX_OF_NODE = 1024;
const MAX_TEXT = 4096;
const ALL_ONES = (1n << 64n) - 1n;

/** struct cti_event */
export function encodeEvent(event: HookEvent, dropped: number, timeNs: bigint): Uint8Array {
  const bytes = new Uint8Array(EVENT_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, event.kind, true);
  view.setUint32(4, Math.min(dropped, 0xffff_ffff), true);
  view.setBigUint64(8, timeNs, true);
  view.setBigUint64(16, event.generation ?? 0n, true);
  view.setBigUint64(24, event.row ?? ALL_ONES, true);
  for (const [i, word] of (event.ufid ?? [0n, 0n]).entries()) view.setBigUint64(32 + 8 * i, word, true);
  for (const [i, value] of (event.values ?? []).slice(0, 4).entries()) view.setBigUint64(48 + 8 * i, value, true);
  // The last byte stays 0.
  new TextEncoder().encodeInto(event.name ?? '', bytes.subarray(80, 80 + NAME_SIZE - 1));
  return bytes;
}

/** A program's subscription: a bounded queue, and the call that waits at it, if one does. */
export class Subscription implements EventSink {
  readonly stop = new AbortController();
  readonly #queue: Uint8Array[] = [];
  #dropped = 0;
  #error: CtiError | undefined;
  #wake: (() => void) | undefined;

  push(event: HookEvent): void {
    if (this.#error) return;
    if (this.#queue.length >= QUEUE_LENGTH) {
      this.#dropped++;
      return;
    }
    this.#queue.push(encodeEvent(event, this.#dropped, BigInt(Date.now()) * 1_000_000n));
    this.#dropped = 0;
    this.#wake?.();
  }

  fail(error: CtiError): void {
    this.#error ??= error;
    this.#wake?.();
  }

  /** The oldest event; what ended the subscription, once none is left; undefined after `waitMs`, or when the call is given up. */
  async next(waitMs: number, signal: AbortSignal): Promise<Uint8Array | CtiError | undefined> {
    if (this.#queue.length === 0 && !this.#error && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        const wake = () => {
          clearTimeout(timer);
          resolve();
        };
        this.#wake = wake;
        signal.addEventListener('abort', wake, { once: true });
      });
      this.#wake = undefined;
    }
    return this.#queue.shift() ?? this.#error;
  }
}

/** `NAME(ARGUMENTS)`, or `NAME`. */
function parse(text: string): { name: string; args: string } | undefined {
  const match = /^\s*([a-z][a-z0-9_]*)\s*(?:\(([\s\S]*)\)\s*)?$/.exec(text);
  return match ? { name: match[1]!, args: (match[2] ?? '').trim() } : undefined;
}

function refusal(error: CtiError): bigint {
  if (error.code.startsWith('QUERY_') || error.code === 'INVALID_ARGUMENT') return errno('EINVAL');
  return errno(error.code === 'OUT_OF_MEMORY' ? 'E2BIG' : 'EIO');
}

/** All subscriptions of a node. */
export class Subscriptions {
  readonly #sources: ReadonlyMap<string, EventSource>;
  readonly #onProblem: ((call: KernelCall, error: CtiError) => void) | undefined;
  readonly #tasks = new Map<string, Map<bigint, Subscription>>();
  #n = 0;
  #last = 0n;

  constructor(sources: ReadonlyMap<string, EventSource>, onProblem?: (call: KernelCall, error: CtiError) => void) {
    this.#sources = sources;
    this.#onProblem = onProblem;
  }

  get count(): number {
    return this.#n;
  }

  /** Ends what the task has. */
  release(taskId: string): void {
    for (const id of [...(this.#tasks.get(taskId)?.keys() ?? [])]) this.#end(taskId, id);
  }

  close(): void {
    for (const taskId of [...this.#tasks.keys()]) this.release(taskId);
  }

  readonly functions: KernelFunctions = handlersOf('ctinspector', {
    event_subscribe: ({ what }, call) => this.#subscribe(what, call),
    event_wait: async ({ subscription, timeout_ns, event_size }, call) => {
      if (event_size < EVENT_SIZE) return errno('EINVAL');
      const found = this.#tasks.get(call.task.id)?.get(subscription);
      if (!found) return errno('ENOENT');
      call.waitsFor({ kind: 'event', event: String(subscription) });
      const event = await found.next(timeoutMs(timeout_ns), call.signal);
      if (event instanceof CtiError) {
        this.#onProblem?.(call, event);
        this.#end(call.task.id, subscription);
        return errno('EIO');
      }
      return event ? { r0: 0n, out: { event } } : errno('ETIMEDOUT');
    },
    event_unsubscribe: ({ subscription }, call) => (this.#end(call.task.id, subscription) ? 0n : errno('ENOENT')),
  });

  async #subscribe(what: Uint8Array, call: KernelCall): Promise<bigint> {
    if (what.length > MAX_TEXT) return errno('EINVAL');
    const wanted = parse(new TextDecoder().decode(what));
    if (!wanted) return errno('EINVAL');
    const source = this.#sources.get(wanted.name);
    if (!source) return errno('ENOENT');
    const taskId = call.task.id;
    const own = this.#tasks.get(taskId) ?? new Map<bigint, Subscription>();
    if (own.size >= MAX_OF_TASK || this.#n >= MAX_OF_NODE) return errno('ENOSPC');
    this.#tasks.set(taskId, own);
    this.#n++;
    const id = ++this.#last;
    const subscription = new Subscription();
    own.set(id, subscription);
    const release = () => this.release(taskId);
    call.signal.addEventListener('abort', release, { once: true });
    try {
      await source.start(wanted.args, subscription, subscription.stop.signal);
      return id;
    } catch (error) {
      this.#end(taskId, id);
      if (!(error instanceof CtiError)) throw error;
      if (!call.signal.aborted) this.#onProblem?.(call, error);
      return refusal(error);
    } finally {
      call.signal.removeEventListener('abort', release);
    }
  }

  #end(taskId: string, id: bigint): boolean {
    const own = this.#tasks.get(taskId);
    const found = own?.get(id);
    if (!own || !found) return false;
    own.delete(id);
    if (own.size === 0) this.#tasks.delete(taskId);
    this.#n--;
    found.stop.abort(new Error('unsubscribed'));
    return true;
  }
}
