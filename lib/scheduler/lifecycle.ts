/**
 * What becomes of a task between its turns: it waits for others, its calls are answered, it ends, its executor dies. turns.ts lets it run.
 */
import { errno } from '../errno.js';
import { CtiError } from '../errors.js';
import { decodeImage, type PendingCall } from '../runner/program.js';
import type { Lineage } from './budget.js';
import { type checkAfter, Dependencies, type Outcome } from './dependencies.js';
import type { Durability } from './durability.js';
import { asError, OpenCall } from './entry.js';
import type { Executor } from './executor.js';
import type { KernelFunctions, Verdict } from './kernel-call.js';
import type { Mapper } from './options.js';
import { Placement, type Slot } from './placement.js';
import type { Task, TaskEnd, Wait } from './task.js';
import { realtimeNs, type Timers } from './timers.js';
import { type SlotEntry, type TurnEvents, Turns } from './turns.js';

export interface LifecycleOptions {
  readonly executors: readonly (() => Executor)[];
  readonly timers: Timers;
  /** By set and name. */
  readonly functions: Readonly<Record<string, KernelFunctions>>;
  readonly mapper: Mapper | undefined;
  readonly durability: Durability;
  readonly sliceFuel: bigint | undefined;
  readonly maxWarm: number;
  readonly maxWindows: number;
}

const SLEPT: Verdict = { kind: 'value', r0: 0n };
/** A task that brought down this many executors does not come back. */
const MAX_RESTARTS = 3;
/** Tasks that have ended and are still listed. */
const MAX_ENDED = 1000;

export class Lifecycle implements TurnEvents {
  readonly placement: Placement;
  readonly turns: Turns;
  readonly durability: Durability;
  /** Those that have not ended. */
  readonly tasks = new Map<string, SlotEntry>();
  readonly ended: Task[] = [];
  /** Of lineages whose first task is not here; else that has it. */
  readonly #rootless = new Map<string, Lineage>();
  readonly listeners = new Set<(task: Task, end: TaskEnd) => void>();
  readonly #timers: Timers;
  readonly #functions: Readonly<Record<string, KernelFunctions>>;
  #nCalls = 0;
  readonly #dependencies = new Dependencies<SlotEntry>();

  constructor(options: LifecycleOptions) {
    this.#timers = options.timers;
    this.#functions = options.functions;
    this.durability = options.durability;
    this.placement = new Placement({
      ...options,
      onDeath: (slot, error) => this.#executorDied(slot, error),
      onRefused: (entry, error) => this.finish(entry, { kind: 'failed', error }),
    });
    this.turns = new Turns(this.placement, options.sliceFuel, this);
  }

  get(id: string): Task | undefined {
    return this.tasks.get(id) ?? this.ended.findLast((task) => task.id === id);
  }

  enter(entry: SlotEntry): void {
    const { id, root, lineage } = entry;
    this.tasks.set(id, entry);
    lineage.nTasks++;
    if (root === id) this.#rootless.delete(id);
    else if (!this.tasks.has(root)) this.#rootless.set(root, lineage);
  }

  lineageOf(root: string): Lineage | undefined {
    return this.tasks.get(root)?.lineage ?? this.#rootless.get(root);
  }

  /** The image of what has not run here yet, which is all that is left of it. */
  async imageOf(entry: SlotEntry): Promise<Uint8Array> {
    await this.placement.begin(entry);
    await this.placement.cool(entry);
    const { image } = entry;
    if (!image) throw new CtiError('EXECUTOR_DIED', `task ${entry.id} (${entry.name}) was gone before it began`);
    return image;
  }

  /** Waits for other tasks; false if it may start. */
  dependOn(entry: SlotEntry, after: ReturnType<typeof checkAfter>): boolean {
    const decision = this.#dependencies.add(entry, after, (id) => this.outcomeOf(id));
    if (decision?.kind === 'start') return false;
    this.turns.waits(entry, { kind: 'task', ids: after.tasks });
    if (decision) this.finish(entry, { kind: 'not_started', reason: decision.reason });
    return true;
  }

  outcomeOf(id: string): Outcome | undefined {
    const end = this.get(id)?.end;
    if (end) return { end: end.kind, ...(end.kind === 'exited' ? { r0: end.r0 } : {}) };
    return this.tasks.has(id) ? undefined : this.durability.outcomeOf(id);
  }

  /** Runs, or asks anew for the answer of the call that its image waits at. */
  goOn(entry: SlotEntry, resumed: Wait | undefined): void {
    const image = entry.answer ? undefined : entry.image;
    const waits = image && decodeImage(image).pending;
    if (!waits) {
      this.turns.ready(entry);
      return;
    }
    this.turns.waits(entry, { kind: 'call', name: waits.name });
    void this.guard(entry, async () => {
      const call = await this.placement.begin(entry);
      if (!entry.end && call && this.call(entry, call, resumed)) this.turns.ready(entry);
    });
  }

  /** What goes wrong in `work` ends the task. */
  async guard(entry: SlotEntry, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const isError = thrown instanceof CtiError;
      if (isError && thrown.code === 'EXECUTOR_DIED') return; // #executorDied says what becomes of it
      const error = isError
        ? thrown
        : new CtiError('INTERNAL', String((thrown as Error)?.stack ?? thrown), { cause: thrown });
      this.finish(entry, { kind: 'failed', error });
    }
  }

  /** Has a call answered; whether that was done at once and the slice goes on. */
  call(entry: SlotEntry, pending: PendingCall, resumed: Wait | undefined): boolean {
    const call = new OpenCall(entry, ++this.#nCalls, pending, resumed);
    entry.call = call.number;
    entry.onCallEnd = undefined;
    if (!entry.durable) return this.#ask(entry, call);
    this.turns.waits(entry, resumed ?? { kind: 'call', name: call.name });
    void this.guard(entry, async () => {
      // Before the call has an effect: a crash repeats it, under the same id, and nothing that came before.
      const image = resumed ? undefined : await this.placement.image(entry);
      if (image) await this.durability.keep(entry, image);
      if (entry.end || entry.call !== call.number) return;
      if (this.#ask(entry, call)) return this.turns.ready(entry);
      // Now it is known until when it sleeps.
      if (image && entry.call === call.number && entry.wait?.kind === 'timer') await this.durability.keep(entry, image);
    });
    return false;
  }

  #ask(entry: SlotEntry, call: OpenCall): boolean {
    const handler = this.#functions[entry.traits.set]?.[call.name];
    let verdict: Verdict | Promise<Verdict>;
    try {
      verdict = handler ? handler(call) : { kind: 'value', r0: errno('ENOSYS') };
    } catch (thrown) {
      this.#callFailed(entry, call.number, call.name, thrown);
      return false;
    }
    if (!(verdict instanceof Promise)) return this.#answered(entry, call.number, verdict);
    if (entry.end) return false;
    this.turns.waits(entry, entry.wait ?? { kind: 'call', name: call.name });
    this.placement.waits(entry);
    this.#await(entry, call.number, call.name, verdict);
    return false;
  }

  /** Apart from #ask, so that what waits here does not hold the call with its arguments and inputs. */
  #await(entry: SlotEntry, call: number, name: string, verdict: Promise<Verdict>): void {
    verdict.then(
      (later) => {
        if (this.#answered(entry, call, later)) this.turns.ready(entry);
      },
      (thrown) => this.#callFailed(entry, call, name, thrown),
    );
  }

  #sleep(entry: SlotEntry, untilNs: bigint): void {
    this.#arm(entry, performance.now() + Number(untilNs - realtimeNs()) / 1e6);
    this.turns.waits(entry, { kind: 'timer', untilNs });
    this.placement.waits(entry);
  }

  /** A task has a timer only while it waits: at its stops its deadline is looked at anyway. */
  waits(entry: SlotEntry): void {
    if (!entry.timer) this.#arm(entry, entry.deadlineMs);
  }

  wakes(entry: SlotEntry): void {
    if (entry.timer) this.#timers.cancel(entry.timer);
    entry.timer = undefined;
  }

  #arm(entry: SlotEntry, atMs: number): void {
    if (entry.end) return;
    this.wakes(entry);
    entry.timer = this.#timers.at(Math.min(atMs, entry.deadlineMs), this.#due, entry);
  }

  readonly #due = (entry: SlotEntry): void => {
    entry.timer = undefined;
    if (this.#isTooOld(entry, entry.pc)) return;
    if (entry.call !== undefined && this.#answered(entry, entry.call, SLEPT)) this.turns.ready(entry);
  };

  #isTooOld(entry: SlotEntry, pc: number | undefined): boolean {
    const { deadlineMs, lineage } = entry;
    if (performance.now() < deadlineMs) return false;
    this.exhausted(entry, 'lifetime', lineage.deadlineMs <= deadlineMs ? 'lineage' : 'program', pc);
    return true;
  }

  /** Takes the verdict; whether the task can go on. */
  #answered(entry: SlotEntry, call: number, verdict: Verdict): boolean {
    if (entry.call !== call) return false; // ended meanwhile, or asked anew
    if (verdict.kind === 'gone') {
      this.finish(entry, { kind: 'migrated', to: verdict.to });
      return false;
    }
    if (verdict.kind === 'sleeps') {
      this.#sleep(entry, verdict.untilNs);
      return false;
    }
    entry.call = undefined;
    entry.onCallEnd = undefined;
    entry.wait = undefined;
    entry.answer = verdict;
    if (entry.state !== 'running') return true;
    if (entry.used < entry.slice) return true;
    return this.turns.yield(entry);
  }

  #callFailed(entry: SlotEntry, call: number, name: string, thrown: unknown): void {
    if (entry.call === call)
      this.finish(entry, { kind: 'failed', error: asError(thrown, `kernel function ${name} failed`) });
  }

  isExhausted(entry: SlotEntry, pc: number): boolean {
    const ofLineage = entry.lineage.exceeded();
    const { onOutOfFuel } = entry;
    if (entry.fuelLeft <= 0n && onOutOfFuel) {
      this.turns.waits(entry, { kind: 'call', name: 'image' });
      void this.guard(entry, async () => {
        onOutOfFuel(await this.placement.image(entry));
        this.exhausted(entry, 'fuel', 'program', pc);
      });
      return true;
    }
    if (entry.fuelLeft <= 0n) this.exhausted(entry, 'fuel', 'program', pc);
    else if (entry.memory > entry.memoryLimit) this.exhausted(entry, 'memory', 'program', pc);
    else if (ofLineage) this.exhausted(entry, ofLineage, 'lineage', pc);
    else this.#isTooOld(entry, pc);
    return entry.end !== undefined;
  }

  exhausted(entry: SlotEntry, resource: 'fuel' | 'memory' | 'lifetime', of: 'program' | 'lineage', pc?: number): void {
    this.finish(entry, { kind: 'budget', resource, of, ...(pc === undefined ? {} : { pc }) });
  }

  kill(entry: SlotEntry, reason: string): void {
    this.finish(entry, { kind: 'killed', reason, ...(entry.pc === undefined ? {} : { pc: entry.pc }) });
  }

  finish(entry: SlotEntry, end: TaskEnd): void {
    if (entry.end) return;
    const { onCallEnd, lineage } = entry;
    this.turns.leaves(entry);
    if (entry.wait?.kind === 'task') this.#dependencies.remove(entry);
    lineage.memory -= entry.memory;
    lineage.nTasks--;
    this.wakes(entry);
    this.placement.drop(entry);
    this.tasks.delete(entry.id);
    if (lineage.nTasks === 0) this.#rootless.delete(entry.root);
    else if (entry.id === entry.root) this.#rootless.set(entry.root, lineage);
    entry.settle(end);
    for (const listener of onCallEnd ?? []) listener();
    this.ended.push(entry);
    if (this.ended.length > MAX_ENDED) this.ended.shift();
    this.durability.ended(entry, end);
    if (end.kind !== 'kept') {
      for (const { task, decision } of this.#dependencies.ended(entry.id, this.outcomeOf(entry.id)!)) {
        if (decision.kind === 'never') this.finish(task, { kind: 'not_started', reason: decision.reason });
        else this.goOn(task, undefined);
      }
    }
    for (const listener of this.listeners) listener(entry, end);
  }

  /** Durable tasks come back from the journal; the others are gone with the executor, and say so. */
  #executorDied(slot: Slot, error: Error): void {
    for (const entry of [...this.tasks.values()]) {
      if (entry.home !== slot) continue;
      this.placement.gone(entry);
      this.turns.leaves(entry);
      const canReturn = entry.durable && entry.restarts++ < MAX_RESTARTS;
      if (!canReturn) {
        const message = `${error.message}: ${entry.name} (${entry.id}) among them`;
        this.finish(entry, { kind: 'failed', error: new CtiError('EXECUTOR_DIED', message, { cause: error }) });
        continue;
      }
      const waits = entry.call !== undefined;
      // An answer that comes meanwhile waits for the image.
      const restored = this.guard(entry, async () => {
        const image = await this.durability.read(entry);
        if (entry.end) return;
        if (!image) return this.finish(entry, { kind: 'failed', error: new CtiError('EXECUTOR_DIED', error.message) });
        entry.image = image;
        if (waits) return; // on, or has its answer by now: the image can take it
        entry.answer = undefined;
        this.turns.waits(entry, { kind: 'call', name: 'journal' });
        this.goOn(entry, undefined);
      });
      entry.cooling = restored.then(() => {
        entry.cooling = undefined;
      });
    }
    this.turns.replaced();
  }
}
