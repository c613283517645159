/**
 * The scheduler: which program runs when, what it may use, what it waits for, how it ends.
 *
 *     const scheduler = new Scheduler({ workers: 2, functions: { ctinspector: { my_function: (call) => ({ kind: 'value', r0: 1n }) } } });
 *     const task = scheduler.submit(link(objects).spec, { name: 'watch', budget: { fuel: 10_000_000n } });
 *     const end = await task.done;            // { kind: 'exited', r0 } and others
 *     await scheduler.close();
 *
 * Neighbours: ready-queue.ts says whose turn it is, placement.ts where windows are, executor.ts how they are spoken to, durability.ts what survives;
 * this file takes a task from one state to the next. All of it belongs to one thread; programs run there (workers: 0) or on others.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { errno } from '../errno.js';
import { CtiError } from '../errors.js';
import type { KernelFunctionSet } from '../generated/kernel-functions.js';
import type { ProgramSpec } from '../program-spec.js';
import { decodeImage, type ImageFacts, withControl } from '../runner/program.js';
import { beginProgram, budgetOf, carriedOf, checkName, checkPriority, NEW_CONTROL, newId } from './admission.js';
import { completeBudget, DEFAULT_BUDGET, Lineage, splitBudget, UNLIMITED } from './budget.js';
import { checkAfter } from './dependencies.js';
import { Durability, type Restored } from './durability.js';
import { type CarriedControl, Entry, type EntryFacts, type EntryTraits, type OnOutput } from './entry.js';
import { InProcessExecutor } from './in-process.js';
import type { TaskJournal } from './journal.js';
import type { Answer, KernelFunctions } from './kernel-call.js';
import { Lifecycle } from './lifecycle.js';
import type { AdoptOptions, Mapper, SubmitOptions, TaskScheduler } from './options.js';
import type { Slot } from './placement.js';
import type { Budget, BudgetLeft, Task, TaskEnd } from './task.js';
import { TIME_FUNCTIONS } from './time-functions.js';
import { Timers } from './timers.js';
import { WorkerExecutor } from './worker-executor.js';

type SlotEntry = Entry<Slot>;

export interface SchedulerOptions {
  /** Kernel functions answered in TypeScript, by set and name. Those of time.yaml are there already. */
  readonly functions?: Readonly<Partial<Record<KernelFunctionSet, KernelFunctions>>>;
  readonly mapper?: Mapper | undefined;
  readonly journal?: TaskJournal | undefined;
  /** Threads that run programs; 0 (if absent): this one does. */
  readonly workers?: number;
  /** What a task may use if its submission does not say. */
  readonly budget?: Budget;
  /** Fuel of every slice, instead of about a millisecond's. */
  readonly sliceFuel?: bigint;
  /** Windows that waiting tasks may keep for a moment; 64 if absent. */
  readonly maxWarm?: number;
  /** Windows past which also tasks that are ready give theirs back after a slice; 512 if absent. */
  readonly maxWindows?: number;
  /** What an image that is recovered or adopted prints, where that was not said. */
  readonly onOutput?: OnOutput;
}

/** Without a mapper there are no tables but those a program was given. */
const NO_TABLE: KernelFunctions = { table_open: () => ({ kind: 'value', r0: errno('ENOENT') }) };

export class Scheduler implements TaskScheduler {
  /** One heap of timers, for kernel functions too. */
  readonly timers = new Timers();
  readonly #options: SchedulerOptions;
  readonly #budget: BudgetLeft;
  readonly #core: Lifecycle;
  // One function of each kind for all tasks.
  readonly #kill = (id: string, reason: string): void => {
    const task = this.#core.tasks.get(id);
    if (task) this.#core.kill(task, reason);
  };
  /** Of the task that came last. */
  #traits: EntryTraits | undefined;
  #nextKey = 1;
  #isClosing = false;

  constructor(options: SchedulerOptions = {}) {
    this.#options = options;
    this.#budget = completeBudget('budget', options.budget, DEFAULT_BUDGET);
    const { workers = 0 } = options;
    if (!Number.isInteger(workers) || workers < 0 || workers > 256) {
      throw new CtiError('INVALID_ARGUMENT', `expected an integer from 0 to 256 for workers but received ${workers}`);
    }
    const { conformance = {}, upstream = {}, ctinspector = {} } = options.functions ?? {};
    this.#core = new Lifecycle({
      executors:
        workers === 0
          ? [() => new InProcessExecutor()]
          : Array.from({ length: workers }, (_, i) => () => new WorkerExecutor(`worker ${i + 1}`)),
      timers: this.timers,
      functions: { conformance, upstream, ctinspector: { ...NO_TABLE, ...TIME_FUNCTIONS, ...ctinspector } },
      mapper: options.mapper,
      durability: new Durability(options.journal),
      sliceFuel: options.sliceFuel,
      maxWarm: options.maxWarm ?? 64,
      maxWindows: options.maxWindows ?? 512,
    });
  }

  // What tasks come from.

  submit(program: ProgramSpec | Uint8Array, options: SubmitOptions = {}): Task {
    this.#checkOpen();
    if (options.durable && !this.#options.journal) {
      throw new CtiError(
        'INVALID_ARGUMENT',
        'a durable task needs a journal; give the scheduler one (new Scheduler({ journal }))',
      );
    }
    const after = options.after && checkAfter(options.after);
    const unknown = after?.tasks.find((id) => !this.#core.outcomeOf(id) && !this.#core.tasks.has(id));
    if (unknown !== undefined)
      throw new CtiError('INVALID_ARGUMENT', `expected ids of tasks for after.tasks but received '${unknown}'`);
    if (program instanceof Uint8Array) return this.#submitImage(program, options, after);

    const parent = options.parent && this.#live(options.parent);
    const left = parent ? this.#share(parent, options.budget) : completeBudget('budget', options.budget, this.#budget);
    const id = newId();
    const root = parent?.root ?? id;
    const entry = this.#enter(
      {
        id,
        root,
        parent: parent?.id,
        ...this.#factsOf(options),
        name: checkName(options.name),
        set: program.kernelFunctions,
        control: NEW_CONTROL,
      },
      left,
      this.#lineage(root, options.lineageBudget),
      parent?.turn,
    );
    entry.onOutOfFuel = options.onOutOfFuel;
    entry.begin = beginProgram(program, options);
    entry.tables = options.tables?.length ? options.tables : undefined;
    this.#admit(entry, after);
    return entry;
  }

  adopt(image: Uint8Array, answer: Answer, options: AdoptOptions = {}): Task {
    this.#checkOpen();
    const facts = decodeImage(image);
    if (!facts.pending)
      throw new CtiError('INVALID_ARGUMENT', `the image ${facts.id} does not wait at a call that could be answered`);
    const entry = this.#enterImage(image, facts, options);
    entry.answer = answer;
    this.#admit(entry, undefined);
    return entry;
  }

  /**
   * Takes up what the journal has from before: durable tasks go on, the others are reported (once). What cannot go on is among the lost, with the
   * reason.
   */
  recover(options: AdoptOptions = {}): {
    readonly tasks: readonly Task[];
    readonly lost: readonly { id: string; name: string; reason: string }[];
  } {
    this.#checkOpen();
    const { restored, lost } = this.#core.durability.restore();
    const entries: [SlotEntry, Restored][] = [];
    for (const item of restored) {
      try {
        entries.push([this.#enterImage(item.image, decodeImage(item.image), options), item]);
      } catch (error) {
        const { id, name } = item.record;
        lost.push({ id, name, reason: (error as Error).message });
        this.#core.durability.lost(id);
      }
    }
    for (const [entry, { record }] of entries) {
      if (record.after && this.#core.dependOn(entry, checkAfter(record.after))) continue;
      this.#core.goOn(entry, record.wait);
    }
    return { tasks: entries.map(([entry]) => entry), lost };
  }

  #submitImage(image: Uint8Array, options: SubmitOptions, after: ReturnType<typeof checkAfter> | undefined): Task {
    const facts = decodeImage(image);
    const changes = {
      ...(options.name === undefined ? {} : { name: checkName(options.name) }),
      ...(options.priority === undefined ? {} : { priority: checkPriority(options.priority) }),
      ...(options.durable === undefined ? {} : { durable: options.durable }),
    };
    if (options.args || options.tables || options.parent) {
      throw new CtiError('INVALID_ARGUMENT', 'args, tables and parent are for programs; an image has its own');
    }
    const entry = this.#enterImage(image, { ...facts, ...changes }, options, options.budget);
    entry.onOutOfFuel = options.onOutOfFuel;
    this.#admit(entry, after);
    return entry;
  }

  #factsOf(options: SubmitOptions) {
    return {
      priority: checkPriority(options.priority),
      durable: options.durable === true,
      engine: options.engine ?? ('auto' as const),
      onOutput: options.onOutput ?? this.#options.onOutput,
    };
  }

  #enterImage(image: Uint8Array, facts: ImageFacts, options: AdoptOptions, budget?: Budget): SlotEntry {
    const root = facts.root ?? facts.id;
    this.#options.mapper?.restore?.(facts);
    const entry = this.#enter(
      {
        id: facts.id,
        root,
        parent: facts.parent,
        name: facts.name === '' ? 'image' : facts.name,
        priority: checkPriority(facts.priority),
        durable: facts.durable === true && this.#options.journal !== undefined,
        engine: options.engine ?? 'auto',
        set: facts.set,
        onOutput: options.onOutput ?? this.#options.onOutput,
        control: carriedOf(facts),
      },
      completeBudget('budget', budget, budgetOf(facts, this.#budget)),
      this.#lineage(root, undefined),
      undefined,
    );
    entry.fuelUsed = facts.fuelUsed ?? 0n;
    entry.image = image;
    return entry;
  }

  #enter(facts: EntryFacts, left: BudgetLeft, lineage: Lineage, turn: number | undefined): SlotEntry {
    if (this.#core.tasks.has(facts.id)) {
      throw new CtiError('INVALID_ARGUMENT', `task ${facts.id} (${facts.name}) is here already`);
    }
    const slice = this.#core.turns.firstSlice;
    const entry: SlotEntry = new Entry(this.#nextKey++, facts, this.#traitsOf(facts), left, lineage, slice);
    entry.turn = turn ?? 0;
    this.#core.enter(entry);
    entry.deadlineMs = Math.min(performance.now() + Number(left.lifetimeNs) / 1e6, lineage.deadlineMs);
    return entry;
  }

  /** The last task's, if this one's are the same. */
  #traitsOf({ name, priority, durable, engine, set, onOutput }: EntryFacts): EntryTraits {
    const last = this.#traits;
    const isSame =
      last?.name === name &&
      last.priority === priority &&
      last.durable === durable &&
      last.engine === engine &&
      last.set === set &&
      last.onOutput === onOutput;
    if (last && isSame) return last;
    this.#traits = { name, priority, durable, engine, set, onOutput, kill: this.#kill };
    return this.#traits;
  }

  #lineage(root: string, budget: Budget | undefined): Lineage {
    const limits = completeBudget('lineageBudget', budget, UNLIMITED);
    return this.#core.lineageOf(root) ?? new Lineage(limits);
  }

  /** A child's part of its parent's budget, at most what it asks for. */
  #share(parent: SlotEntry, budget: Budget | undefined): BudgetLeft {
    const share = this.split(parent, 1)?.[0];
    if (!share) throw new CtiError('BUDGET_EXHAUSTED', `task ${parent.id} (${parent.name}) may not fork any more`);
    const asked = completeBudget('budget', budget, share);
    const less = <N extends number | bigint>(a: N, b: N): N => (a < b ? a : b);
    return {
      fuel: less(asked.fuel, share.fuel),
      memory: less(asked.memory, share.memory),
      forks: less(asked.forks, share.forks),
      lifetimeNs: less(asked.lifetimeNs, share.lifetimeNs),
    };
  }

  /** From a submission to its first turn: dependencies, then the journal. */
  #admit(entry: SlotEntry, after: ReturnType<typeof checkAfter> | undefined): void {
    if (!entry.durable) {
      this.#core.durability.note(entry);
      if (!after || !this.#core.dependOn(entry, after)) this.#core.goOn(entry, undefined);
      return;
    }
    entry.state = 'ready';
    void this.#core.guard(entry, async () => {
      // An adopted image goes into the journal with its answer: asked anew, its call would be another.
      const image = (entry.answer ? undefined : entry.image) ?? (await this.#core.imageOf(entry));
      await this.#core.durability.keep(entry, image, after);
      if (entry.end || (after && this.#core.dependOn(entry, after))) return;
      this.#core.goOn(entry, undefined);
    });
  }

  // What others ask.

  get(id: string): Task | undefined {
    return this.#core.get(id);
  }

  list(): Task[] {
    return [...this.#core.ended, ...this.#core.tasks.values()];
  }

  onEnd(listener: (task: Task, end: TaskEnd) => void): () => void {
    this.#core.listeners.add(listener);
    return () => void this.#core.listeners.delete(listener);
  }

  async image(task: Task): Promise<Uint8Array> {
    const entry = this.#live(task);
    if (!entry.call) {
      throw new CtiError(
        'INVALID_ARGUMENT',
        `task ${entry.id} (${entry.name}) is ${entry.state} and waits at no call; only then it has an image`,
      );
    }
    const image = await this.#core.placement.image(entry);
    return withControl(image, entry.controlNow(this.#options.mapper?.control?.(entry.id)));
  }

  split(task: Task, n: number): BudgetLeft[] | null {
    const entry = this.#live(task);
    const { lineage } = entry;
    const parts = splitBudget(entry.budgetLeft, n, entry.memory);
    if (!parts || lineage.forksUsed + n > lineage.limits.forks) return null;
    lineage.forksUsed += n;
    const { fuel, memory, forks } = parts.stays;
    entry.take({ fuel, memory, forks });
    return Array.from({ length: n }, () => parts.share);
  }

  /** What an image of the task will say besides what the scheduler itself knows. */
  control(task: Task): CarriedControl {
    return this.#live(task).control;
  }

  /** @internal For tests of what happens then: ends an executor as if it had died. */
  async endExecutor(index: number): Promise<void> {
    await this.#core.placement.slots[index]?.executor.close();
  }

  #live(task: Task): SlotEntry {
    const entry = this.#core.tasks.get(task.id);
    if (entry) return entry;
    throw new CtiError('INVALID_ARGUMENT', `task ${task.id} (${task.name}) is not under way here`);
  }

  #checkOpen(): void {
    if (this.#isClosing) throw new CtiError('INVALID_ARGUMENT', 'the scheduler is closed; make another');
  }

  /**
   * Ends all tasks in the order of their submission and gives everything back: those that are durable are kept (`kept`), from where they are if
   * they wait, else from where they stopped last; the others are killed for `reason`. Does not close the journal.
   */
  async close(reason = 'the scheduler was closed'): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#core.turns.stop();
    const tasks = [...this.#core.tasks.values()];
    for (const entry of tasks) if (!entry.durable) this.#core.kill(entry, reason);
    while (tasks.some((entry) => entry.state === 'running')) await nextTurn();
    for (const entry of tasks) {
      if (entry.end) continue;
      await this.#core.guard(entry, () => this.#keepNow(entry));
      this.#core.finish(entry, { kind: 'kept' });
    }
    await this.#core.durability.settled();
    await this.#core.placement.close();
  }

  /** A durable task that is between two calls is journalled where it is; one that waits is so already. */
  async #keepNow(entry: SlotEntry): Promise<void> {
    if (entry.state !== 'ready' || (!entry.home && !entry.hasImage)) return;
    this.#core.turns.leaves(entry);
    await this.#core.placement.begin(entry);
    const image = await this.#core.placement.image(entry);
    await this.#core.durability.keep(entry, image);
  }
}
