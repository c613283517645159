/** A task as the scheduler keeps it. Ten thousand of them may wait: what is seldom needed is made when it is asked for. */
import { CtiError } from '../errors.js';
import type { Engine, ImageControl, Output, PendingCall, TableMapping } from '../runner/program.js';
import type { Lineage } from './budget.js';
import type { Timer } from './clock.js';
import type { Begin } from './executor.js';
import type { Answer, KernelCall } from './kernel-call.js';
import type { MapperControl } from './options.js';
import type { Queued } from './ready-queue.js';
import type { BudgetLeft, Task, TaskEnd, TaskState, Wait } from './task.js';

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

export interface EntryFacts {
  readonly id: string;
  readonly name: string;
  readonly parent: string | undefined;
  readonly root: string;
  readonly priority: number;
  readonly durable: boolean;
  readonly engine: Engine;
  readonly onOutput: OnOutput | undefined;
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
  readonly facts: EntryFacts;
  readonly key: number;
  readonly lineage: Lineage;
  /** Of its budget; lifetime is `deadlineMs`. */
  left: { fuel: bigint; memory: number; forks: number };
  fuelUsed = 0n;
  memory = 0;
  pc: number | undefined;
  control: CarriedControl;
  /** The functions it is linked against. */
  set: string = 'ctinspector';
  state: TaskState = 'waiting';
  wait: Wait | undefined;
  end: TaskEnd | undefined;
  /** Of performance.now(). */
  deadlineMs = Number.POSITIVE_INFINITY;
  lifetime: Timer | undefined;

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
  image: Uint8Array | undefined;
  /** Its window is being saved and given back. */
  cooling: Promise<void> | undefined;
  /** Tables it was given at its start, for when its image comes into a window again. */
  tables: readonly TableMapping[] | undefined;
  /** What its next run gives the call it waits at. */
  answer: Answer | undefined;
  /** Gets its image before it ends for want of fuel. */
  onOutOfFuel: ((image: Uint8Array) => void) | undefined;
  /** While a kernel function answers. */
  call: OpenCall | undefined;
  /** How often it came back from the journal because its executor died. */
  restarts = 0;
  #done: { promise: Promise<TaskEnd>; resolve: (end: TaskEnd) => void } | undefined;
  readonly #kill: (id: string, reason: string) => void;

  constructor(
    key: number,
    facts: EntryFacts,
    left: BudgetLeft,
    lineage: Lineage,
    slice: number,
    kill: (id: string, reason: string) => void,
  ) {
    this.key = key;
    this.facts = facts;
    this.left = { fuel: left.fuel, memory: left.memory, forks: left.forks };
    this.control = facts.control;
    this.lineage = lineage;
    this.slice = slice;
    this.#kill = kill;
  }

  get id(): string {
    return this.facts.id;
  }
  get name(): string {
    return this.facts.name;
  }
  get epoch(): bigint {
    return this.control.epoch;
  }
  get parent(): string | undefined {
    return this.facts.parent;
  }
  get root(): string {
    return this.facts.root;
  }
  get priority(): number {
    return this.facts.priority;
  }
  get durable(): boolean {
    return this.facts.durable;
  }

  get budgetLeft(): BudgetLeft {
    const { fuel, memory, forks } = this.left;
    return { fuel, memory, forks, lifetimeNs: this.lifetimeLeftNs };
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
    this.#kill(this.id, reason);
  }

  /** What the scheduler writes into its image; `mapper` is what the mapper adds. */
  controlNow(mapper?: MapperControl): ImageControl {
    const { id, name, parent, root, priority, durable } = this.facts;
    return {
      ...this.control,
      ...mapper,
      id,
      name,
      ...(parent === undefined ? {} : { parent }),
      ...(root === id ? {} : { root }),
      fuelLeft: this.left.fuel > 0n ? this.left.fuel : 0n,
      fuelUsed: this.fuelUsed,
      memoryLimit: this.left.memory,
      forksLeft: this.left.forks,
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
    this.begin = undefined;
    this.image = undefined;
    this.tables = undefined;
    this.#done?.resolve(end);
    this.#done = undefined;
  }
}

/** A call while its handler answers, or until its task ends. */
export class OpenCall implements KernelCall {
  readonly task: Entry<unknown>;
  readonly resumed: Wait | undefined;
  readonly #call: PendingCall;
  #listeners: (() => void)[] | undefined;
  #abort: AbortController | undefined;

  constructor(task: Entry<unknown>, call: PendingCall, resumed: Wait | undefined) {
    this.task = task;
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
    this.#abort ??= new AbortController();
    if (this.task.end) this.#abort.abort();
    return this.#abort.signal;
  }

  onEnd(listener: () => void): void {
    this.#listeners ??= [];
    this.#listeners.push(listener);
  }

  waitsFor(wait: Wait): void {
    if (!this.task.end) this.task.wait = wait;
  }

  /** The task ended before the call was answered. */
  abandon(): void {
    this.#abort?.abort();
    for (const listener of this.#listeners ?? []) listener();
    this.#listeners = undefined;
  }
}

/** What a handler threw, as the error that its task ends with. */
export function asError(thrown: unknown, what: string): CtiError {
  if (thrown instanceof CtiError) return thrown;
  return new CtiError('INTERNAL', `${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
    cause: thrown,
  });
}
