/**
 * The handoff of an image from one node to another, both sides, so that at most one of them can run it.
 *
 *   source                                      target
 *   suspended at the call; transfer `open`
 *   give -------------------------------------> checks everything; holds it, does not run it -> held
 *   commit point: `committed`, never again runnable here
 *   commit, repeated until done --------------> runs it, at an epoch one higher -> done
 *   tombstone (id, epoch, target); the image goes
 *
 * Before the commit point the source may give up: it says `abort`, and goes on; the target remembers that. What the target holds it never
 * runs by itself: it asks. After the commit point without an answer the transfer is in doubt: the image runs nowhere that the source knows of,
 * the commit is repeated, and an operator can `adopt` or `drop` it, on record. A network adds who may send (rights), a journal on disk (this
 * one is in memory: with the process, the transfers are gone), and frames in pieces; the states stay.
 */
import type { Clock } from '../clock.js';
import { Bounded } from './bounded.js';
import type { MeetingRecord } from './meeting.js';
import type { CallAnswer, Decision, Refusal, Reply, Request } from './messages.js';

export interface Gift {
  readonly xfer: string;
  readonly id: string;
  /** That it will have at the target. */
  readonly epoch: bigint;
  readonly answer: CallAnswer;
  readonly meetings: readonly MeetingRecord[];
  readonly image: Uint8Array;
}

/** What a node does for the handoff. */
export interface HandoffHost {
  readonly clock: Clock;
  /** Undefined: no answer, or none that can be read; `certain` if it surely did not get there. */
  send(
    to: string,
    request: Request,
  ): Promise<Reply | { readonly type: 'none'; readonly certain: boolean; readonly reason: string }>;
  /** The newest epoch of the image that is or was here; undefined if it is not known here. */
  newestEpoch(id: string): bigint | undefined;
  /** Looks at everything; says why it is refused. Keeps nothing. */
  inspect(gift: Gift): { readonly code: Refusal; readonly reason: string } | undefined;
  /** Makes it runnable. If it throws, it does not run. */
  run(gift: Gift): void;
  /** For the record: what an operator or the protocol decided. */
  note(entry: HandoffNote): void;
}

export interface HandoffNote {
  readonly action: 'in_doubt' | 'adopt' | 'drop';
  readonly xfer: string;
  readonly id: string;
  readonly epoch: bigint;
  readonly to: string;
  readonly reason: string;
}

/** How a transfer ended, for the source: the words of docs/migration.md. */
export type Outcome =
  | { readonly kind: 'success' }
  /** It is here as before, at the same epoch. */
  | { readonly kind: 'failed'; readonly code: Refusal | 'unreachable'; readonly reason: string }
  /** An operator took it back; `certain`: the target has confirmed that it does not run there. */
  | { readonly kind: 'adopted'; readonly certain: boolean }
  /** An operator gave it up. */
  | { readonly kind: 'dropped' };

export interface Transfer {
  readonly xfer: string;
  readonly id: string;
  readonly epoch: bigint;
  readonly to: string;
  readonly state: 'open' | 'committed' | 'in_doubt';
  readonly sinceMs: number;
}

export interface HandoffLimits {
  /** Images held for others at a time, and their bytes. */
  readonly maxHeld: number;
  readonly maxHeldBytes: number;
  /** After so long without a commit the target asks; then again, each time later. */
  readonly askAfterMs: number;
  /** Before a commit is repeated; twice as long each time, up to a minute. */
  readonly retryMs: number;
}

export const HANDOFF_LIMITS: HandoffLimits = {
  maxHeld: 256,
  maxHeldBytes: 1 << 29,
  askAfterMs: 5000,
  retryMs: 100,
};

/** Answers to a commit that say: this transfer was not run here, and will not be. */
const NEVER_RUN: ReadonlySet<Refusal> = new Set(['aborted', 'old_epoch', 'image']);
const LONGEST_WAIT_MS = 60_000;
/** What is remembered of transfers that are over. */
const MAX_REMEMBERED = 65_536;

interface Outgoing {
  readonly gift: Gift;
  readonly to: string;
  readonly sinceMs: number;
  state: 'open' | 'committed' | 'in_doubt';
  readonly settle: (outcome: Outcome) => void;
  readonly doubt: () => void;
  callOff: (() => void) | undefined;
}

interface Incoming {
  readonly from: string;
  readonly gift: Gift;
  callOff: () => void;
}

export class Handoffs {
  readonly #host: HandoffHost;
  readonly #limits: HandoffLimits;
  readonly #outgoing = new Map<string, Outgoing>();
  /** Decisions about transfers from here that are over. */
  readonly #decided = new Bounded<string, Decision>(MAX_REMEMBERED);
  readonly #held = new Map<string, Incoming>();
  /** What became of transfers to here. */
  readonly #ended = new Bounded<string, 'owned' | 'aborted'>(MAX_REMEMBERED);
  #heldBytes = 0;
  #isClosed = false;

  constructor(host: HandoffHost, limits: HandoffLimits = HANDOFF_LIMITS) {
    this.#host = host;
    this.#limits = limits;
  }

  // The source.

  /** Transfers that are not over. Those in doubt wait for the target's answer or an operator. */
  list(): Transfer[] {
    return [...this.#outgoing.values()].map(({ gift, to, state, sinceMs }) => {
      return { xfer: gift.xfer, id: gift.id, epoch: gift.epoch, to, state, sinceMs };
    });
  }

  /**
   * Gives an image to the node `to`. `outcome` resolves when it is certain, however long that takes; `known` when that is so, or when it is in
   * doubt (then with undefined). Until `outcome` says otherwise, the image must not run here.
   */
  give(to: string, gift: Gift): { readonly outcome: Promise<Outcome>; readonly known: Promise<Outcome | undefined> } {
    let settle: (outcome: Outcome) => void = () => {};
    let doubt: () => void = () => {};
    const outcome = new Promise<Outcome>((resolve) => {
      settle = resolve;
    });
    const inDoubt = new Promise<undefined>((resolve) => {
      doubt = () => resolve(undefined);
    });
    const known = Promise.race([outcome, inDoubt]);
    if (this.#outgoing.has(gift.xfer) || this.#decided.get(gift.xfer)) {
      settle({ kind: 'failed', code: 'aborted', reason: 'this transfer was made before' });
      return { outcome, known };
    }
    const sinceMs = this.#host.clock.nowMs();
    const record: Outgoing = { gift, to, sinceMs, state: 'open', settle, doubt, callOff: undefined };
    this.#outgoing.set(gift.xfer, record);
    void this.#offer(record);
    return { outcome, known };
  }

  async #offer(record: Outgoing): Promise<void> {
    const { gift, to } = record;
    const reply = await this.#host.send(to, { type: 'give', ...gift });
    if (record.state !== 'open' || this.#isClosed) return;
    if (reply.type === 'held') {
      record.state = 'committed';
      await this.#commit(record, this.#limits.retryMs);
      return;
    }
    const [code, reason] =
      reply.type === 'refused'
        ? [reply.code, reply.reason]
        : reply.type === 'none'
          ? (['unreachable', reply.reason] as const)
          : (['unreachable', `an answer that does not belong there: ${reply.type}`] as const);
    this.#over(record, 'aborted', { kind: 'failed', code, reason });
    // It may hold the image: that it need not ask.
    if (reply.type !== 'refused') void this.#host.send(to, { type: 'abort', xfer: gift.xfer });
  }

  async #commit(record: Outgoing, waitMs: number): Promise<void> {
    const reply = await this.#host.send(record.to, { type: 'commit', xfer: record.gift.xfer });
    if (!this.#outgoing.has(record.gift.xfer) || this.#isClosed) return;
    if (reply.type === 'done') {
      this.#over(record, 'committed', { kind: 'success' });
    } else if (reply.type === 'refused' && NEVER_RUN.has(reply.code)) {
      // It holds the image no more, has not run it, and will not.
      this.#over(record, 'aborted', { kind: 'failed', code: reply.code, reason: reply.reason });
    } else {
      if (record.state !== 'in_doubt') {
        record.state = 'in_doubt';
        const { xfer, id, epoch } = record.gift;
        const reason = reply.type === 'none' ? reply.reason : 'the target does not know the transfer (any more)';
        this.#host.note({ action: 'in_doubt', xfer, id, epoch, to: record.to, reason });
        record.doubt();
      }
      record.callOff = this.#host.clock.after(waitMs, () => {
        void this.#commit(record, Math.min(2 * waitMs, LONGEST_WAIT_MS));
      });
    }
  }

  #over(record: Outgoing, decision: Decision, outcome: Outcome): void {
    record.callOff?.();
    this.#outgoing.delete(record.gift.xfer);
    this.#decided.set(record.gift.xfer, decision);
    record.settle(outcome);
  }

  /**
   * An operator takes a transfer in doubt back. If the target can be asked, it decides: `owned` there is a success, else it will not run
   * there. If it cannot, the image goes on here all the same, and `certain` is false. Undefined: no such transfer in doubt.
   */
  async adopt(xfer: string, reason: string): Promise<Outcome | undefined> {
    const record = this.#outgoing.get(xfer);
    if (record?.state !== 'in_doubt') return undefined;
    record.callOff?.();
    const reply = await this.#host.send(record.to, { type: 'abort', xfer });
    if (!this.#outgoing.has(xfer)) return undefined;
    const { id, epoch } = record.gift;
    this.#host.note({ action: 'adopt', xfer, id, epoch, to: record.to, reason });
    const outcome: Outcome =
      reply.type === 'refused' && reply.code === 'owned'
        ? { kind: 'success' }
        : { kind: 'adopted', certain: reply.type === 'done' };
    this.#over(record, outcome.kind === 'success' ? 'committed' : 'aborted', outcome);
    return outcome;
  }

  /** An operator gives an image up whose transfer is in doubt. False: no such transfer in doubt. */
  drop(xfer: string, reason: string): boolean {
    const record = this.#outgoing.get(xfer);
    if (record?.state !== 'in_doubt') return false;
    const { id, epoch } = record.gift;
    this.#host.note({ action: 'drop', xfer, id, epoch, to: record.to, reason });
    this.#over(record, 'aborted', { kind: 'dropped' });
    void this.#host.send(record.to, { type: 'abort', xfer });
    return true;
  }

  /** Its task was killed here: gives up what the target has not been told is its own, and what is in doubt. */
  cancel(xfer: string): void {
    const record = this.#outgoing.get(xfer);
    if (record?.state === 'in_doubt') this.drop(xfer, 'its task was killed');
    if (record?.state !== 'open') return;
    this.#over(record, 'aborted', { kind: 'failed', code: 'aborted', reason: 'its task has ended' });
    void this.#host.send(record.to, { type: 'abort', xfer });
  }

  // The target.

  /** Images held for others, not runnable. */
  get nHeld(): number {
    return this.#held.size;
  }

  onGive(from: string, gift: Gift): Reply {
    const { xfer, id, epoch } = gift;
    if (this.#held.has(xfer)) return { type: 'held' };
    const ended = this.#ended.get(xfer);
    if (ended === 'owned') return { type: 'held' };
    if (ended) return refused('aborted', 'the transfer was given up');
    const newest = this.#host.newestEpoch(id);
    if (newest !== undefined && newest >= epoch) {
      return refused('old_epoch', `epoch ${epoch} is not newer than ${newest}, which was here`);
    }
    const size = gift.image.length;
    if (this.#held.size >= this.#limits.maxHeld || this.#heldBytes + size > this.#limits.maxHeldBytes) {
      return refused('no_room', `${this.#held.size} images of ${this.#heldBytes} bytes wait here for their senders`);
    }
    const wrong = this.#host.inspect(gift);
    if (wrong) return refused(wrong.code, wrong.reason);
    const held: Incoming = { from, gift, callOff: () => {} };
    this.#held.set(xfer, held);
    this.#heldBytes += size;
    this.#askLater(held, this.#limits.askAfterMs);
    return { type: 'held' };
  }

  /** Only who gave it may decide about it. */
  onCommit(from: string, xfer: string): Reply {
    const held = this.#held.get(xfer);
    if (held && held.from === from) return this.#own(held);
    const ended = this.#ended.get(xfer);
    if (ended === 'owned') return { type: 'done' };
    return ended
      ? refused('aborted', 'the transfer was given up')
      : refused('no_transfer', 'no such transfer of yours');
  }

  onAbort(from: string, xfer: string): Reply {
    const held = this.#held.get(xfer);
    if (held && held.from !== from) return refused('no_transfer', 'no such transfer of yours');
    if (this.#ended.get(xfer) === 'owned') return refused('owned', 'it runs here');
    if (held) this.#release(held, 'aborted');
    // Also if it is not known: the `give` may come later.
    else this.#ended.set(xfer, 'aborted');
    return { type: 'done' };
  }

  onAsk(xfer: string): Reply {
    const record = this.#outgoing.get(xfer);
    if (record) return { type: 'decision', decision: record.state === 'open' ? 'open' : 'committed' };
    return { type: 'decision', decision: this.#decided.get(xfer) ?? 'none' };
  }

  #own(held: Incoming): Reply {
    const { id, epoch } = held.gift;
    const newest = this.#host.newestEpoch(id);
    if (newest !== undefined && newest >= epoch) {
      this.#release(held, 'aborted');
      return refused('old_epoch', `epoch ${epoch} is not newer than ${newest}, which was here`);
    }
    try {
      this.#host.run(held.gift);
    } catch (error) {
      this.#release(held, 'aborted');
      return refused('image', (error as Error).message.slice(0, 500));
    }
    this.#release(held, 'owned');
    return { type: 'done' };
  }

  #release(held: Incoming, end: 'owned' | 'aborted'): void {
    held.callOff();
    this.#held.delete(held.gift.xfer);
    this.#heldBytes -= held.gift.image.length;
    this.#ended.set(held.gift.xfer, end);
  }

  #askLater(held: Incoming, waitMs: number): void {
    held.callOff = this.#host.clock.after(waitMs, async () => {
      const { xfer } = held.gift;
      const reply = await this.#host.send(held.from, { type: 'ask', xfer });
      if (this.#held.get(xfer) !== held || this.#isClosed) return;
      if (reply.type === 'decision' && reply.decision === 'committed') this.#own(held);
      else if (reply.type === 'decision' && reply.decision !== 'open') this.#release(held, 'aborted');
      else this.#askLater(held, Math.min(2 * waitMs, LONGEST_WAIT_MS));
    });
  }

  /** Nothing is sent any more. What is held or in doubt is lost with the node. */
  close(): void {
    this.#isClosed = true;
    for (const record of this.#outgoing.values()) record.callOff?.();
    for (const held of this.#held.values()) held.callOff();
  }
}

const refused = (code: Refusal, reason: string): Reply => ({ type: 'refused', code, reason });
