/** A task as the scheduler keeps it. Ten thousand of them may wait: what is seldom needed is made when it is asked for. */
import { CtiError } from '../errors.js';
import type { KernelFunctionSet } from '../generated/kernel-functions.js';
import {
  type Engine,
  type ImageControl,
  type KeptImage,
  keepImage,
  keptBytes,
  type Output,
  type PendingCall,
  type TableMapping,
} from '../runner/program.js';
import type { Lineage } from './budget.js';
import type { Begin } from './executor.js';
import type { Answer, KernelCall } from './kernel-call.js';
import type { MapperControl } from './options.js';
import type { Queued } from './ready-queue.js';
import type { BudgetLeft, Task, TaskEnd, TaskState, Wait } from './task.js';
import type { Timer } from './timers.js';

export type OnOutput = (output: readonly Output[], task: Task) => void | Promise<void>;

/** Members of ImageControl that the scheduler itself says; the others it only carries. */
export type CarriedControl = Omit<
  ImageControl,
  | 'id'
  | 'name'
  | 'parent'
  | 'root'
  | 'fuelLeft'
  | 'fuelUsed'
  | 'memoryLimit'
  | 'forksLeft'
  | 'lifetimeLeftNs'
  | 'priority'
  | 'durable'
>;

/** What many tasks have alike: those that do share one object. */
export interface EntryTraits {
  readonly name: string;
  readonly priority: number;
  readonly durable: boolean;
  readonly engine: Engine;
  /** The functions it is linked against. */
  readonly set: KernelFunctionSet;
  readonly onOutput: OnOutput | undefined;
  readonly kill: (id: string, reason: string) => void;
}

export interface EntryFacts extends Omit<EntryTraits, 'kill'> {
  readonly id: string;
  readonly parent: string | undefined;
  readonly root: string;
  readonly control: CarriedControl;
}

const STATES: Readonly<Record<TaskEnd['kind'], TaskState>> = {
  exited: 'done',
  trapped: 'failed',
  budget: 'failed',
  failed: 'failed',
  not_started: 'failed',
  killed: 'killed',
  kept: 'kept',
  migrated: 'migrated',
};

/** `Home`: the executor that has its window. */
export class Entry<Home> implements Task, Queued<Home> {
  readonly id: string;
  readonly parent: string | undefined;
  readonly root: string;
  readonly traits: EntryTraits;
  readonly key: number;
  readonly lineage: Lineage;
  // What is left of its budget; of its lifetime `deadlineMs` says it.
  fuelLeft = 0n;
  memoryLimit = 0;
  forksLeft = 0;
  fuelUsed = 0n;
  memory = 0;
  pc: number | undefined;
  control: CarriedControl;
  state: TaskState = 'waiting';
  /** Of a sleep, which is what thousands do at once, only its end. */
  #wait: Wait | bigint | undefined;
  end: TaskEnd | undefined;
  /** End of its lifetime, or of its lineage's if that is earlier; of performance.now(). */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** While it waits: of its deadline, or of its sleep if that ends earlier. */
  timer: Timer | undefined;

  // Its turn.
  turn = 0;
  isQueued = false;
  /** Whether it counts among the lineage's that share a turn. */
  isRunnable = false;
  /** Fuel of a slice, and what this one has used of it. */
  slice: number;
  used = 0;

  // Where it is: in a window at `home`, or not begun (`begin`), or an image.
  home: Home | undefined;
  begin: Begin | undefined;
  #image: KeptImage | undefined;
  /** Its window is being saved and given back. */
  cooling: Promise<void> | undefined;
  /** Tables it was given at its start, for when its image comes into a window again. */
  tables: readonly TableMapping[] | undefined;
  /** What its next run gives the call it waits at. */
  answer: Answer | undefined;
  /** Gets its image before it ends for want of fuel. */
  onOutOfFuel: ((image: Uint8Array) => void) | undefined;
  /** While a kernel function answers: the call's number on this scheduler. The call itself is its handler's to keep. */
  call: number | undefined;
  /** What is to be told if the task ends before that. */
  onCallEnd: (() => void)[] | undefined;
  /** How often it came back from the journal because its executor died. */
  restarts = 0;
  #done: { promise: Promise<TaskEnd>; resolve: (end: TaskEnd) => void } | undefined;

  constructor(key: number, facts: EntryFacts, traits: EntryTraits, left: BudgetLeft, lineage: Lineage, slice: number) {
    this.key = key;
    this.id = facts.id;
    this.parent = facts.parent;
    this.root = facts.root;
    this.traits = traits;
    this.take(left);
    this.control = facts.control;
    this.lineage = lineage;
    this.slice = slice;
  }

  get wait(): Wait | undefined {
    return typeof this.#wait === 'bigint' ? { kind: 'timer', untilNs: this.#wait } : this.#wait;
  }
  set wait(wait: Wait | undefined) {
    this.#wait = wait?.kind === 'timer' ? wait.untilNs : wait;
  }

  get image(): Uint8Array | undefined {
    return this.#image === undefined ? undefined : keptBytes(this.#image);
  }
  set image(image: Uint8Array | undefined) {
    this.#image = image && keepImage(image);
  }
  keep(image: KeptImage): void {
    this.#image = image;
  }
  get hasImage(): boolean {
    return this.#image !== undefined;
  }

  get name(): string {
    return this.traits.name;
  }
  get epoch(): bigint {
    return this.control.epoch;
  }
  get priority(): number {
    return this.traits.priority;
  }
  get durable(): boolean {
    return this.traits.durable;
  }

  get budgetLeft(): BudgetLeft {
    return {
      fuel: this.fuelLeft,
      memory: this.memoryLimit,
      forks: this.forksLeft,
      lifetimeNs: this.lifetimeLeftNs,
    };
  }

  /** What is left from now on. */
  take({ fuel, memory, forks }: Omit<BudgetLeft, 'lifetimeNs'>): void {
    this.fuelLeft = fuel;
    this.memoryLimit = memory;
    this.forksLeft = forks;
  }

  get lifetimeLeftNs(): bigint {
    const ms = Math.max(this.deadlineMs - performance.now(), 0);
    return ms === Number.POSITIVE_INFINITY ? (1n << 63n) - 1n : BigInt(Math.round(ms * 1e6));
  }

  get done(): Promise<TaskEnd> {
    if (this.end) return Promise.resolve(this.end);
    if (!this.#done) {
      let resolve: (end: TaskEnd) => void = () => {};
      const promise = new Promise<TaskEnd>((found) => {
        resolve = found;
      });
      this.#done = { promise, resolve };
    }
    return this.#done.promise;
  }

  kill(reason: string): void {
    this.traits.kill(this.id, reason);
  }

  /** What the scheduler writes into its image; `mapper` is what the mapper adds. */
  controlNow(mapper?: MapperControl): ImageControl {
    const { id, name, parent, root, priority, durable } = this;
    return {
      ...this.control,
      ...mapper,
      id,
      name,
      ...(parent === undefined ? {} : { parent }),
      ...(root === id ? {} : { root }),
      fuelLeft: this.fuelLeft > 0n ? this.fuelLeft : 0n,
      fuelUsed: this.fuelUsed,
      memoryLimit: this.memoryLimit,
      forksLeft: this.forksLeft,
      lifetimeLeftNs: this.lifetimeLeftNs,
      priority,
      durable,
    };
  }

  /** Settles it. The scheduler has given back what it held. */
  settle(end: TaskEnd): void {
    this.end = end;
    this.state = STATES[end.kind];
    this.wait = undefined;
    this.answer = undefined;
    this.call = undefined;
    this.onCallEnd = undefined;
    this.begin = undefined;
    this.image = undefined;
    this.tables = undefined;
    this.#done?.resolve(end);
    this.#done = undefined;
  }
}

/** A call while its handler answers, or until its task ends: nobody else holds it. */
export class OpenCall implements KernelCall {
  readonly task: Entry<unknown>;
  readonly resumed: Wait | undefined;
  readonly number: number;
  readonly #call: PendingCall;
  #abort: AbortController | undefined;

  constructor(task: Entry<unknown>, number: number, call: PendingCall, resumed: Wait | undefined) {
    this.task = task;
    this.number = number;
    this.#call = call;
    this.resumed = resumed;
  }

  get name(): string {
    return this.#call.name;
  }

  get args(): readonly bigint[] {
    return this.#call.args;
  }

  get mapped(): KernelCall['mapped'] {
    return this.#call.mapped;
  }

  get id(): KernelCall['id'] {
    return { image: this.task.id, epoch: this.task.epoch, call: this.#call.callNumber };
  }

  input(arg: number): Uint8Array {
    const bytes = this.#call.inputs[arg];
    if (bytes) return bytes;
    throw new CtiError(
      'INTERNAL',
      `kernel function ${this.name} has no bytes at argument ${arg}: its row names no input there, or the memory is gone`,
    );
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      const abort = new AbortController();
      this.#abort = abort;
      this.onEnd(() => abort.abort());
    }
    if (this.task.end) this.#abort.abort();
    return this.#abort.signal;
  }

  onEnd(listener: () => void): void {
    const { task } = this;
    if (task.call !== this.number) return;
    if (task.onCallEnd) task.onCallEnd.push(listener);
    else task.onCallEnd = [listener];
  }

  waitsFor(wait: Wait): void {
    if (!this.task.end) this.task.wait = wait;
  }
}

/** What a handler threw, as the error that its task ends with. */
export function asError(thrown: unknown, what: string): CtiError {
  if (thrown instanceof CtiError) return thrown;
  return new CtiError('INTERNAL', `${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
    cause: thrown,
  });
}
