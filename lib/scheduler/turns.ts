/**
 * Turns: lets tasks that are ready run, slice by slice, on the executors there are. A slice is about a millisecond; fairness counts fuel, and what
 * the host does for a program as fuel. What a stop means beyond that is its owner's business (lifecycle.ts).
 */
import { CtiError } from '../errors.js';
import type { PendingCall } from '../runner/program.js';
import { asError, type Entry } from './entry.js';
import type { Reply } from './executor.js';
import type { Placement, Slot } from './placement.js';
import { ReadyQueue } from './ready-queue.js';
import type { TaskEnd, Wait } from './task.js';

export type SlotEntry = Entry<Slot>;

/** What the owner does. */
export interface TurnEvents {
  finish(entry: SlotEntry, end: TaskEnd): void;
  /** It begins to wait; it waits no longer. */
  waits(entry: SlotEntry): void;
  wakes(entry: SlotEntry): void;
  /** Ends a task whose budget is used up; whether it was. */
  isExhausted(entry: SlotEntry, pc: number): boolean;
  /** Has a call answered; whether that was done at once and the task can go on. */
  call(entry: SlotEntry, call: PendingCall, resumed: Wait | undefined): boolean;
  /** What goes wrong in `work` ends the task. */
  guard(entry: SlotEntry, work: () => Promise<void>): Promise<void>;
}

/** How long this thread runs programs before it looks after other things. */
const TURN_MS = 4;
const SLICE_MS = 1;
const FIRST_SLICE = 100_000;
const MIN_SLICE = 1_000;
const MAX_SLICE = 1 << 26;
/** What the host does for a program counts in its turn as fuel: it would be free otherwise, and a flood of it would starve others. */
const CALL_COST = 8_192;
const BEGIN_COST = 65_536;
/** How far behind, in turns at the usual priority, a task must be to be moved to another executor. */
const MOVE_LAG = 64 * FIRST_SLICE;

export class Turns {
  /** Fuel of a task's first slice, and of all if it was fixed. */
  readonly firstSlice: number;
  readonly #isFixed: boolean;
  readonly #placement: Placement;
  readonly #events: TurnEvents;
  readonly #queue = new ReadyQueue<Slot, SlotEntry>();
  #pumping: NodeJS.Immediate | undefined;
  #isStopped = false;

  constructor(placement: Placement, sliceFuel: bigint | undefined, events: TurnEvents) {
    this.#placement = placement;
    this.#events = events;
    this.#isFixed = sliceFuel !== undefined;
    this.firstSlice = sliceFuel === undefined ? FIRST_SLICE : Number(sliceFuel);
  }

  /** The task can run: it gets a turn. */
  ready(entry: SlotEntry): void {
    if (entry.end) return;
    entry.state = 'ready';
    entry.wait = undefined;
    this.#events.wakes(entry);
    if (entry.cooling) {
      void entry.cooling.then(() => {
        if (entry.state === 'ready' && !entry.end) this.#queueUp(entry);
      });
    } else this.#queueUp(entry);
  }

  #queueUp(entry: SlotEntry): void {
    this.#placement.wakes(entry);
    if (!entry.isRunnable) {
      entry.isRunnable = true;
      entry.lineage.nRunnable++;
    }
    this.#queue.wake(entry);
    this.#pumping ??= setImmediate(this.#pump);
  }

  readonly #pump = (): void => {
    this.#pumping = undefined;
    if (this.#isStopped) return;
    const until = performance.now() + TURN_MS;
    let isFree = false;
    for (const slot of this.#placement.slots) {
      while (slot.nRunning < slot.executor.depth) {
        const entry = this.#queue.take(slot, MOVE_LAG);
        if (!entry) break;
        slot.nRunning++;
        entry.state = 'running';
        entry.used = 0;
        this.#place(slot, entry);
        if (performance.now() > until) break;
      }
      isFree ||= slot.nRunning < slot.executor.depth;
    }
    if (isFree && this.#queue.size > 0) this.#pumping ??= setImmediate(this.#pump);
  };

  /** Brings a task to the executor whose turn it takes, if its window is elsewhere. */
  #place(slot: Slot, entry: SlotEntry): void {
    if (!entry.home || entry.home === slot) {
      if (!entry.home) this.#charge(entry, BEGIN_COST);
      this.#advance(slot, entry);
      return;
    }
    void Promise.resolve(this.#placement.cool(entry)).then(() => {
      if (entry.end || entry.home) return this.#leave(slot);
      this.#charge(entry, BEGIN_COST);
      this.#advance(slot, entry);
    });
  }

  #leave(slot: Slot): void {
    slot.nRunning--;
    if (this.#queue.size > 0) this.#pumping ??= setImmediate(this.#pump);
  }

  /** Lets a task use its slice; on this thread in a loop, else reply by reply. */
  #advance(slot: Slot, entry: SlotEntry): void {
    for (;;) {
      let reply: Reply | Promise<Reply>;
      try {
        reply = this.#placement.run(slot, entry, this.#fuelOf(entry));
      } catch (error) {
        this.#events.finish(entry, { kind: 'failed', error: error as CtiError });
        break;
      }
      if (reply instanceof Promise) {
        reply.then(
          (got) => (this.#stopped(entry, got) ? this.#advance(slot, entry) : this.#leave(slot)),
          () => {}, // the executor died: onDeath has said so, and its slot is out of use
        );
        return;
      }
      if (!this.#stopped(entry, reply)) break;
    }
    this.#leave(slot);
  }

  #fuelOf(entry: SlotEntry): bigint {
    const slice = BigInt(Math.max(entry.slice - entry.used, 1));
    const { fuelLeft: fuel } = entry;
    const ofLineage = entry.lineage.limits.fuel - entry.lineage.fuelUsed;
    const least = fuel < ofLineage ? fuel : ofLineage;
    return slice < least ? slice : least < 1n ? 1n : least;
  }

  #charge(entry: SlotEntry, cost: number): void {
    entry.used += cost;
    entry.turn += (cost * Math.max(entry.lineage.nRunnable, 1) * 100) / entry.priority;
  }

  /** Takes note of a stop; whether the task's slice goes on (its call is answered already). */
  #stopped(entry: SlotEntry, reply: Reply): boolean {
    if (reply.kind === 'refused') this.#placement.gone(entry);
    if (entry.end) return false;
    if (reply.kind !== 'stopped') {
      const error =
        reply.kind === 'refused'
          ? new CtiError(reply.code, reply.message)
          : new CtiError('INTERNAL', `reply '${reply.kind}' to run`);
      this.#events.finish(entry, { kind: 'failed', error });
      return false;
    }
    const { stop, memory, output, elapsedMs } = reply;
    entry.pc = stop.pc;
    entry.fuelUsed += stop.fuelUsed;
    entry.fuelLeft -= stop.fuelUsed;
    entry.lineage.fuelUsed += stop.fuelUsed;
    entry.lineage.memory += memory - entry.memory;
    entry.memory = memory;
    this.#charge(entry, Number(stop.fuelUsed) + (stop.kind === 'suspended' ? CALL_COST : 0));
    this.#adapt(entry, Number(stop.fuelUsed), elapsedMs);
    const held = output.length > 0 ? this.#output(entry, output) : undefined;
    if (entry.end) return false;
    if (stop.kind === 'exited' || stop.kind === 'trapped') {
      this.#placement.gone(entry);
      const { pc } = stop;
      if (stop.kind === 'exited') this.#events.finish(entry, { kind: 'exited', r0: stop.r0, pc });
      else
        this.#events.finish(entry, {
          kind: 'trapped',
          trap: stop.trap,
          pc,
          ...(stop.address === undefined ? {} : { address: stop.address }),
        });
      return false;
    }
    if (this.#events.isExhausted(entry, stop.pc)) return false;
    if (held) {
      this.#hold(entry, held, stop.kind === 'suspended' ? stop.call : undefined);
      return false;
    }
    if (stop.kind === 'suspended') return this.#events.call(entry, stop.call, undefined);
    return this.yield(entry);
  }

  /** Makes slices about a millisecond long; turns count fuel, not time. */
  #adapt(entry: SlotEntry, fuel: number, elapsedMs: number): void {
    if (this.#isFixed) return;
    const isShort = elapsedMs < SLICE_MS && fuel < entry.slice / 2; // says little: it was stopped by something else
    if (isShort) return;
    const factor = Math.min(Math.max(SLICE_MS / Math.max(elapsedMs, 0.01), 0.5), 2);
    entry.slice = Math.min(Math.max(Math.round(entry.slice * factor), MIN_SLICE), MAX_SLICE);
  }

  /** The slice is used up, the program is not done. */
  yield(entry: SlotEntry): false {
    entry.state = 'ready';
    if (this.#placement.isCrowded) {
      const cooling = this.#placement.cool(entry);
      if (cooling) void cooling.then(() => entry.state === 'ready' && !entry.end && this.#requeue(entry));
      else if (!entry.end) this.#requeue(entry);
    } else this.#requeue(entry);
    return false;
  }

  #requeue(entry: SlotEntry): void {
    this.#queue.push(entry);
    this.#pumping ??= setImmediate(this.#pump);
  }

  #output(entry: SlotEntry, output: Extract<Reply, { kind: 'stopped' }>['output']): void | Promise<void> {
    try {
      return entry.traits.onOutput?.(output, entry);
    } catch (thrown) {
      this.#events.finish(entry, {
        kind: 'failed',
        error: asError(thrown, `what task ${entry.id} printed could not be taken`),
      });
    }
  }

  /** Whoever takes the output wants the task to wait. */
  #hold(entry: SlotEntry, held: Promise<void>, call: PendingCall | undefined): void {
    this.waits(entry, { kind: 'call', name: 'output' });
    void this.#events.guard(entry, async () => {
      await held;
      if (entry.end) return;
      if (!call) return this.ready(entry);
      await entry.cooling;
      if (entry.end) return;
      if (this.#events.call(entry, call, undefined)) this.ready(entry);
    });
  }

  /** The task cannot run until it is `ready` again. */
  waits(entry: SlotEntry, wait: Wait): void {
    entry.state = 'waiting';
    entry.wait = wait;
    this.#events.waits(entry);
    if (entry.isRunnable) {
      entry.isRunnable = false;
      entry.lineage.nRunnable--;
    }
  }

  /** The task has ended, or leaves the queue for its owner to look after. */
  leaves(entry: SlotEntry): void {
    this.#queue.remove(entry);
    if (entry.isRunnable) entry.lineage.nRunnable--;
    entry.isRunnable = false;
  }

  /** An executor has taken another's place. */
  replaced(): void {
    this.#pumping ??= setImmediate(this.#pump);
  }

  /** No task gets another slice. */
  stop(): void {
    this.#isStopped = true;
    if (this.#pumping) clearImmediate(this.#pumping);
  }
}
