/** What the scheduler is given: functions, a mapper, limits; and what a task is submitted with. scheduler.ts acts on it. */
import type { ProgramSpec } from '../program-spec.js';
import type {
  Answer,
  Engine,
  ImageControl,
  ImageTable,
  Output,
  RegionMapping,
  RegionRange,
  TableMapping,
} from '../runner/program.js';
import type { Budget, BudgetLeft, Task, TaskEnd } from './task.js';

/** What an image needs mapped when it comes into a window again; null where it is not there any more: the range is stale. */
export interface Mappings {
  readonly tables: readonly (TableMapping | null)[];
  readonly regions: readonly (RegionMapping | null)[];
}

/** What an image stores for the mapper. */
export type MapperControl = Pick<ImageControl, 'addressSpace' | 'monitors'>;

/** Gives names a meaning on this node. lib/mapper implements it. */
export interface Mapper {
  /** What the image's ranges are now, in their order; holds each until `release`. */
  resolve(facts: {
    readonly id: string;
    readonly tables: readonly ImageTable[];
    readonly regions: readonly RegionRange[];
  }): Mappings;
  /** A task's address space and monitors, for its image; undefined: it is what it came with. */
  control?(taskId: string): MapperControl | undefined;
  /** An image has come here: its address space and monitors. */
  restore?(facts: { readonly id: string } & Partial<MapperControl>): void;
  /** The task has ended or left: what was held for it (resolved, or given out by kernel functions) may go. */
  release(taskId: string): void;
}

/** How a task that this one comes after has to end. `exited`: with any r0. `failed`: in any other way. `ended`: however. */
export type EndCondition = 'exited' | 'failed' | 'ended' | { readonly r0: bigint };

/** Waits for ends of other tasks before it starts. If that can no longer come true, it ends as `not_started`. */
export interface After {
  readonly tasks: readonly (Task | string)[];
  /** `all` if absent. */
  readonly mode?: 'all' | 'any';
  /** `exited` if absent. */
  readonly condition?: EndCondition;
}

export interface SubmitOptions {
  /** For people; 'program' if absent. */
  readonly name?: string;
  /** r1 to r5. Only with a program, not with an image. */
  readonly args?: readonly bigint[];
  /** Tables it has from the start (table_open finds them). Only with a program. */
  readonly tables?: readonly TableMapping[];
  /** 1 to 1000, 100 if absent: with twice the number a task gets twice the fuel. */
  readonly priority?: number;
  readonly budget?: Budget;
  /** Of the whole lineage; only for a task without a parent. */
  readonly lineageBudget?: Budget;
  /** Its lineage's; it counts as a fork of it. */
  readonly parent?: Task;
  /** Survives this process; needs a journal. */
  readonly durable?: boolean;
  readonly after?: After;
  readonly engine?: Engine;
  /** What it prints and emits, soon after it did. Without it the output is dropped. */
  readonly onOutput?: (output: readonly Output[], task: Task) => void;
  /** Gets the image of where it stopped when its own fuel is used up, before it ends. */
  readonly onOutOfFuel?: (image: Uint8Array) => void;
}

export type AdoptOptions = Pick<SubmitOptions, 'engine' | 'onOutput'>;

/** The scheduler as kernel functions and nodes see it. */
export interface TaskScheduler {
  /** Runs a program, or goes on with an image (one that waits at a call has the call answered anew). */
  submit(program: ProgramSpec | Uint8Array, options?: SubmitOptions): Task;
  get(id: string): Task | undefined;
  /** Tasks that have not ended, and the last that have. */
  list(): Task[];
  /** The image of a task that waits, with the call it waits at. Its handler may ask while it answers. */
  image(task: Task): Promise<Uint8Array>;
  /**
   * Makes an image that waits at a call a task whose call gets `answer`. Identity, budget, lineage, priority and durability are the
   * image's. Throws CtiError INVALID_ARGUMENT if a task of that id and epoch is here already.
   */
  adopt(image: Uint8Array, answer: Answer, options?: AdoptOptions): Task;
  /**
   * Takes `n` shares of fuel, forks and memory from what is left of the budget and gives them back as `n` budgets; the task keeps one
   * share more. Null, and nothing is taken, if its forks do not suffice or a share of memory would not hold what it has now.
   */
  split(task: Task, n: number): BudgetLeft[] | null;
  onEnd(listener: (task: Task, end: TaskEnd) => void): () => void;
}
