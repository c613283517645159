/**
 * What the scheduler says of a task: its state, what it waits for, what it may still use, how it ended. The scheduler alone changes it.
 */
import type { CtiError } from '../errors.js';
import type { TrapKind } from '../generated/traps.js';

/** What a waiting task waits for. A kernel function says so with `KernelCall.waitsFor`; without that it is its call. */
export type Wait =
  /** A time of CLOCK_REALTIME, ns since 1970. */
  | { readonly kind: 'timer'; readonly untilNs: bigint }
  /** A change of granted memory that it monitors. */
  | { readonly kind: 'address' }
  /** A newer generation of a table. */
  | { readonly kind: 'table'; readonly table: string }
  /** An event of a hook point. */
  | { readonly kind: 'event'; readonly event: string }
  | { readonly kind: 'meeting'; readonly id: string }
  /** An answer of this kernel function. */
  | { readonly kind: 'call'; readonly name: string }
  /** Other tasks' ends (`SubmitOptions.after`). */
  | { readonly kind: 'task'; readonly ids: readonly string[] };

/** What a budget bounds. */
export type Resource = 'fuel' | 'memory' | 'forks' | 'lifetime';

/** Limits of a task, or of a lineage (a task and all that descend from it on this scheduler). Absent: the scheduler's default. */
export interface Budget {
  /** CPU. */
  readonly fuel?: bigint;
  /** Bytes of the window that are its own, and of output that nobody took yet. Tables that are shared do not count. */
  readonly memory?: number;
  /** How many tasks may descend from it. */
  readonly forks?: number;
  /** From its submission, waiting included. */
  readonly lifetimeNs?: bigint;
}

/** A budget with every limit set: what is left of it. */
export type BudgetLeft = Required<Budget>;

/** How a task ended. */
export type TaskEnd =
  | { readonly kind: 'exited'; readonly r0: bigint; readonly pc: number }
  | { readonly kind: 'trapped'; readonly trap: TrapKind; readonly pc: number; readonly address?: number }
  /** It used up `resource`; `of` says whose budget. */
  | {
      readonly kind: 'budget';
      readonly resource: Resource;
      readonly of: 'program' | 'lineage';
      readonly pc?: number;
    }
  /** A kernel function or an executor failed, or its image could not go on. */
  | { readonly kind: 'failed'; readonly error: CtiError }
  | { readonly kind: 'killed'; readonly reason: string; readonly pc?: number }
  /** What it was to run after did not end as its condition says. */
  | { readonly kind: 'not_started'; readonly reason: string }
  /** The scheduler was closed; the journal has it, and it goes on with the next that uses the same state directory. */
  | { readonly kind: 'kept' }
  /** It goes on elsewhere. */
  | { readonly kind: 'migrated'; readonly to: string };

/** `done`: exited. `failed`: trapped, out of budget, failed, not started. */
export type TaskState = 'ready' | 'running' | 'waiting' | 'done' | 'failed' | 'killed' | 'kept' | 'migrated';

/** A program under way, or one that has ended. */
export interface Task {
  /** 32 hex digits: of the image, wherever it goes. */
  readonly id: string;
  readonly name: string;
  readonly epoch: bigint;
  readonly parent: string | undefined;
  /** The first of its lineage; itself if it was not forked. */
  readonly root: string;
  readonly priority: number;
  /** Whether it survives this process (a journal keeps its image). */
  readonly durable: boolean;
  readonly state: TaskState;
  /** While it waits. */
  readonly wait: Wait | undefined;
  /** Undefined until it has ended. */
  readonly end: TaskEnd | undefined;
  readonly fuelUsed: bigint;
  /** The instruction slot where it stopped last; undefined before its first stop here. */
  readonly pc: number | undefined;
  readonly budgetLeft: BudgetLeft;
  /** Bytes of its own that it held when it last stopped. */
  readonly memory: number;
  /** Resolves when it has ended, however. Never rejects. */
  readonly done: Promise<TaskEnd>;
  /** Ends it; does nothing after its end. */
  kill(reason: string): void;
}
