/**
 * A node: a URL under which images come and go, a scheduler that runs them, and the meetings of its programs. Nodes know each other by
 * messages alone (messages.ts), also where they share a process.
 *
 *     const network = new Transport([new LocalCarrier()]);
 *     const a = new Node({ url: 'local://a', transport: network, scheduler: (functions) => new Scheduler({ functions }) });
 *
 * Thread-safety: the control thread only.
 */

import { type Clock, REAL_CLOCK } from '../clock.js';
import { CtiError } from '../errors.js';
import type { Output } from '../runner/program.js';
import type { KernelCall, KernelFunctions } from '../scheduler/kernel-call.js';
import type { TaskScheduler } from '../scheduler/options.js';
import type { BudgetLeft, Task, TaskEnd } from '../scheduler/task.js';
import type { Listener } from '../transport/carrier.js';
import type { Transport } from '../transport/transport.js';
import { MeetingBook } from './book.js';
import { Bounded } from './bounded.js';
import { meetingFunctions } from './functions.js';
import {
  type Gift,
  HANDOFF_LIMITS,
  type HandoffLimits,
  type HandoffNote,
  Handoffs,
  type Outcome,
  type Transfer,
} from './handoff.js';
import { childId, meetingId, newSecret, slotToken, transferId } from './ids.js';
import { decodeImage, type ImageControl, inspectImage, withControl } from './images.js';
import type { Failure, SlotEnd } from './meeting.js';
import { type CallAnswer, decodeReply, decodeRequest, encode, type Reply, type Request } from './messages.js';
import { Reports } from './reports.js';
import { upstreamFunctions } from './upstream.js';

/** How often an image may go on to another node, if nothing was said when it started. */
export const DEFAULT_HOPS = 64;
/** An answer of another node is waited for as long. */
const REQUEST_MS = 5000;
const MAX_EPOCHS = 65_536;
const MAX_NOTES = 1024;

export interface NodeOptions {
  readonly url: string;
  /** Other URLs it listens at, for example ub:// of the original's programs. */
  readonly aliases?: readonly string[];
  readonly transport: Transport;
  /** Makes the node's scheduler; it is given the functions that the node answers, by set, to put beside its own. */
  readonly scheduler: (functions: Readonly<Record<'ctinspector' | 'upstream', KernelFunctions>>) => TaskScheduler;
  readonly clock?: Clock;
  /** Output of what came from another node, or was forked here. */
  readonly onOutput?: (output: readonly Output[], task: Task) => void;
  /** Tells of each task that starts here by a fork, a clone or a migration. */
  readonly onTask?: (task: Task) => void;
  readonly limits?: HandoffLimits;
  readonly requestMs?: number;
  /** Most hops that an image which comes here has left. */
  readonly maxHops?: number;
  /** Whether a task may go to another node; text says why not. All may, if absent. */
  readonly mayLeave?: (task: Task) => string | undefined;
}

/** Why nothing was moved or forked; functions.ts and upstream.ts turn it into what a program gets. */
export type NotDone =
  | { readonly kind: 'url'; readonly reason: string }
  | { readonly kind: 'hops' }
  | { readonly kind: 'budget' }
  | { readonly kind: 'confined'; readonly reason: string }
  | { readonly kind: 'meetings' }
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string };

export type Moved = { readonly kind: 'gone'; readonly to: string } | { readonly kind: 'stays' } | NotDone;

/** What a fork makes at each place: `to` undefined is this node. */
export interface ChildPlan {
  readonly to: string | undefined;
  readonly answer: CallAnswer;
}

export interface Forked {
  readonly kind: 'forked';
  readonly ids: readonly string[];
  /** Whether the child of each plan is known to be there. */
  readonly reached: readonly boolean[];
}

export class Node {
  readonly url: string;
  readonly clock: Clock;
  readonly book: MeetingBook;
  readonly scheduler: TaskScheduler;
  readonly transport: Transport;
  readonly #options: NodeOptions;
  readonly #names: ReadonlySet<string>;
  readonly #handoffs: Handoffs;
  readonly #reports: Reports;
  readonly #secret = newSecret();
  /** Image -> the newest epoch that was here. */
  readonly #epochs = new Bounded<string, bigint>(MAX_EPOCHS);
  readonly #notes: (HandoffNote & { readonly atMs: number })[] = [];
  /** Images that were taken back under a newer epoch, until their old task has ended. */
  readonly #returning = new Map<string, Gift>();
  readonly #listeners: Listener[] = [];

  constructor(options: NodeOptions) {
    this.#options = options;
    this.transport = options.transport;
    this.clock = options.clock ?? REAL_CLOCK;
    this.url = this.transport.check(options.url);
    this.#names = new Set([this.url, ...(options.aliases ?? []).map((url) => this.transport.check(url))]);
    this.book = new MeetingBook(this.clock);
    this.#reports = new Reports({
      clock: this.clock,
      isHere: (url) => this.#names.has(url),
      endHere: (token, child, end) => this.book.end(token, child, end),
      send: (to, request) => this.#send(to, request),
    });
    this.#handoffs = new Handoffs(
      {
        clock: this.clock,
        send: (to, request) => this.#send(to, request),
        newestEpoch: (id) => this.#newestEpoch(id),
        inspect: (gift) => inspectImage(gift, options.maxHops ?? DEFAULT_HOPS),
        run: (gift) => this.#start(gift),
        note: (entry) => this.#note(entry),
      },
      options.limits ?? HANDOFF_LIMITS,
    );
    this.scheduler = options.scheduler({ ctinspector: meetingFunctions(this), upstream: upstreamFunctions(this) });
    this.scheduler.onEnd((task, end) => this.#ended(task, end));
    for (const url of this.#names)
      this.#listeners.push(this.transport.listen(url, (frame, from) => this.#receive(frame, from)));
  }

  /** The URL's canonical form, or this node's own for one of its aliases. Throws CtiError INVALID_ARGUMENT. */
  resolve(url: string): string {
    const checked = this.transport.check(url);
    return this.#names.has(checked) ? this.url : checked;
  }

  // For operators.

  /** Transfers from here that are not over; those in doubt wait for an answer, `adopt` or `drop`. */
  transfers(): Transfer[] {
    return this.#handoffs.list();
  }

  /** Takes back an image whose transfer is in doubt (Handoffs.adopt). */
  adopt(xfer: string, reason: string): Promise<Outcome | undefined> {
    return this.#handoffs.adopt(xfer, reason);
  }

  drop(xfer: string, reason: string): boolean {
    return this.#handoffs.drop(xfer, reason);
  }

  /** What was in doubt, adopted and dropped; the last 1024. */
  get notes(): readonly (HandoffNote & { readonly atMs: number })[] {
    return this.#notes;
  }

  /** Images that others gave and have not committed. */
  get nHeld(): number {
    return this.#handoffs.nHeld;
  }

  // For kernel functions.

  /** The meeting of the children that this call makes. */
  meetingOf(call: KernelCall): string {
    return meetingId(call.id);
  }

  /** Moves the caller to another node. Resolves when that is certain. `failed`: what the call gives if the image has to begin anew here. */
  async move(call: KernelCall, url: string, failed: bigint): Promise<Moved> {
    const { task } = call;
    let to: string;
    try {
      to = this.resolve(url);
    } catch (error) {
      return { kind: 'url', reason: (error as Error).message };
    }
    if (to === this.url) return { kind: 'stays' };
    const confined = this.#options.mayLeave?.(task);
    if (confined !== undefined) return { kind: 'confined', reason: confined };
    const image = await this.scheduler.image(task);
    const hops = this.#hopsLeft(image);
    if (hops < 1) return { kind: 'hops' };
    const changes = { epoch: task.epoch + 1n, hopsLeft: hops - 1 };
    const gift: Gift = {
      xfer: transferId(call.id, 0),
      id: task.id,
      epoch: changes.epoch,
      answer: { r0: 0n, outputs: [] },
      meetings: this.book.freeze(task.id),
      image: withControl(image, changes),
    };
    call.signal.addEventListener('abort', () => this.#handoffs.cancel(gift.xfer));
    const outcome = await this.#handoffs.give(to, gift).outcome;
    switch (outcome.kind) {
      case 'success':
        this.book.leave(task.id, to);
        return { kind: 'gone', to };
      case 'failed':
        this.book.thaw(task.id);
        return outcome;
      case 'dropped':
        task.kill(`its transfer to ${to} was in doubt and an operator dropped it`);
        return { kind: 'stays' };
      case 'adopted':
        this.book.thaw(task.id);
        if (outcome.certain) return { kind: 'failed', code: 'aborted', reason: 'an operator took it back' };
        return this.#return(gift, failed);
    }
  }

  /** Goes on here two epochs later, so that what may still run at the target is the older one. */
  #return(gift: Gift, failed: bigint): Moved {
    const epoch = gift.epoch + 1n;
    const answer = { r0: failed, outputs: [] };
    this.#returning.set(gift.id, { ...gift, epoch, answer, meetings: [], image: withControl(gift.image, { epoch }) });
    return { kind: 'gone', to: this.url };
  }

  /**
   * Makes children of the caller, each of which has its own answer to the call. With `meets` they have slots in a meeting of the caller's.
   * Forks, fuel and memory are shares of the caller's own.
   */
  async fork(call: KernelCall, plans: readonly ChildPlan[], meets: boolean): Promise<Forked | NotDone> {
    const { task } = call;
    const leaves = plans.some(({ to }) => to !== undefined);
    const confined = leaves ? this.#options.mayLeave?.(task) : undefined;
    if (confined !== undefined) return { kind: 'confined', reason: confined };
    const image = await this.scheduler.image(task);
    const hops = this.#hopsLeft(image);
    if (leaves && hops < 1) return { kind: 'hops' };
    const shares = this.scheduler.split(task, plans.length);
    if (!shares) return { kind: 'budget' };
    const ids = plans.map((_, i) => childId(call.id, i));
    const meeting = meetingId(call.id);
    const tokens = plans.map((_, i) => slotToken(this.#secret, meeting, i));
    if (meets) {
      const slots = ids.map((child, i) => ({ child, token: tokens[i]! }));
      if (!this.book.open({ id: meeting, owner: task.id, slots })) return { kind: 'meetings' };
    }
    const facts = { image, hops, meeting };
    const reached = await Promise.all(
      plans.map(async (plan, i) => {
        const place = meets ? { meeting: tokens[i]!, meetingSlot: i, meetingHome: this.url } : {};
        const failure = await this.#makeChild(call, facts, plan, i, shares[i]!, place);
        if (failure && meets) this.book.end(tokens[i]!, ids[i]!, { kind: 'failed', reason: failure });
        return failure === undefined;
      }),
    );
    return { kind: 'forked', ids, reached };
  }

  /** Undefined: it is there, or may be. */
  async #makeChild(
    call: KernelCall,
    facts: { readonly image: Uint8Array; readonly hops: number },
    plan: ChildPlan,
    index: number,
    share: BudgetLeft,
    place: Partial<ImageControl>,
  ): Promise<Failure | undefined> {
    const { task } = call;
    const id = childId(call.id, index);
    const image = withControl(facts.image, {
      id,
      epoch: 1n,
      name: `${task.name}.${index + 1}`.slice(0, 60),
      parent: task.id,
      root: task.root,
      childIndex: index,
      hopsLeft: plan.to === undefined ? facts.hops : facts.hops - 1,
      fuelLeft: share.fuel,
      fuelUsed: 0n,
      memoryLimit: share.memory,
      forksLeft: share.forks,
      lifetimeLeftNs: share.lifetimeNs,
      meeting: undefined,
      meetingSlot: undefined,
      meetingHome: undefined,
      ...place,
    });
    const gift = { xfer: transferId(call.id, index), id, epoch: 1n, answer: plan.answer, meetings: [], image };
    if (plan.to === undefined) {
      try {
        this.#start(gift);
        return undefined;
      } catch (error) {
        if (error instanceof CtiError) return 'failed';
        throw error;
      }
    }
    const outcome = await this.#handoffs.give(plan.to, gift).known;
    return outcome?.kind === 'failed' ? 'unreachable' : undefined;
  }

  #hopsLeft(image: Uint8Array): number {
    return decodeImage(image).hopsLeft ?? this.#options.maxHops ?? DEFAULT_HOPS;
  }

  // Tasks that come and end.

  #newestEpoch(id: string): bigint | undefined {
    const known = this.#epochs.get(id);
    const running = this.scheduler.get(id)?.epoch;
    if (known === undefined || running === undefined) return known ?? running;
    return known > running ? known : running;
  }

  #start(gift: Gift): void {
    const facts = decodeImage(gift.image);
    const { onOutput } = this.#options;
    const { r0, outputs } = gift.answer;
    const task = this.scheduler.adopt(gift.image, { kind: 'value', r0, outputs }, onOutput ? { onOutput } : {});
    this.#epochs.set(gift.id, gift.epoch);
    for (const meeting of gift.meetings) this.book.open(meeting);
    const { meeting, meetingHome } = facts;
    if (meeting !== undefined && meetingHome !== undefined) this.#reports.expect(task.id, meeting, meetingHome);
    this.#options.onTask?.(task);
  }

  #ended(task: Task, end: TaskEnd): void {
    this.#epochs.set(task.id, this.#newestEpoch(task.id) ?? task.epoch);
    if (end.kind === 'migrated') {
      const back = this.#returning.get(task.id);
      if (back) {
        this.#returning.delete(task.id);
        this.#start(back);
      } else {
        this.#reports.forget(task.id);
      }
      return;
    }
    // Kept: a journal has it, and it goes on in another process.
    if (end.kind === 'kept') return;
    this.book.drop(task.id);
    this.#reports.ended(task.id, slotEnd(end));
  }

  #note(entry: HandoffNote): void {
    this.#notes.push({ ...entry, atMs: Date.now() });
    if (this.#notes.length > MAX_NOTES) this.#notes.shift();
  }

  // Frames.

  async #send(
    to: string,
    request: Request,
  ): Promise<Reply | { readonly type: 'none'; readonly certain: boolean; readonly reason: string }> {
    const delivery = await this.transport.request(this.url, to, encode(request), this.#options.requestMs ?? REQUEST_MS);
    if (delivery.kind !== 'answered') {
      return { type: 'none', certain: delivery.kind === 'not_delivered', reason: delivery.reason };
    }
    try {
      return decodeReply(delivery.frame);
    } catch (error) {
      return { type: 'none', certain: false, reason: (error as Error).message };
    }
  }

  async #receive(frame: Uint8Array, from: string): Promise<Uint8Array> {
    return encode(this.#answer(frame, from));
  }

  #answer(frame: Uint8Array, from: string): Reply {
    let request: Request;
    try {
      request = decodeRequest(frame);
    } catch (error) {
      return { type: 'refused', code: 'malformed', reason: (error as Error).message };
    }
    switch (request.type) {
      case 'give':
        return this.#handoffs.onGive(from, request);
      case 'commit':
        return this.#handoffs.onCommit(from, request.xfer);
      case 'abort':
        return this.#handoffs.onAbort(from, request.xfer);
      case 'ask':
        return this.#handoffs.onAsk(request.xfer);
      case 'end': {
        const reply = this.book.end(request.token, request.child, request.end);
        if (reply.kind === 'taken') return { type: 'done' };
        if (reply.kind === 'moved') return { type: 'moved', to: reply.to };
        return reply.kind === 'later' ? { type: 'later' } : { type: 'refused', code: 'slot', reason: reply.reason };
      }
    }
  }

  /** Leaves the network; tasks go on until the scheduler is closed. What is held for others or in doubt is lost. */
  close(): void {
    for (const listener of this.#listeners) listener.close();
    this.#handoffs.close();
    this.#reports.close();
  }
}

/** How a task's end counts in its meeting. */
function slotEnd(end: Exclude<TaskEnd, { kind: 'migrated' | 'kept' }>): SlotEnd {
  switch (end.kind) {
    case 'exited':
      return { kind: 'arrived', result: end.r0 };
    case 'trapped':
    case 'budget':
    case 'killed':
      return { kind: 'failed', reason: end.kind };
    case 'failed':
    case 'not_started':
      return { kind: 'failed', reason: 'failed' };
  }
}
