/**
 * Kernel functions that are answered in TypeScript: what a handler gets and what it gives back. Handlers run on the control thread and never
 * touch the window of a program: they get copies of its buffers, and their answer has what is to be written there.
 *
 *     const clock = { uptime: (call) => ({ kind: 'value', r0: process.hrtime.bigint() }) } satisfies KernelFunctions;
 *     new Scheduler({ functions: { ctinspector: { ...clock } } });
 */
import type { MappedRanges } from '../runner/call.js';
import type { Answer } from '../runner/program.js';
import type { Task, Wait } from './task.js';

export type { Answer, AnswerOutput, RegionMapping } from '../runner/program.js';
export type { Budget, BudgetLeft, Resource, Task, TaskEnd, TaskState, Wait } from './task.js';

/** One call of a kernel function, while its program is suspended at it. */
export interface KernelCall {
  readonly task: Task;
  readonly name: string;
  /** r1 to r5, as unsigned 64-bit numbers. */
  readonly args: readonly bigint[];
  /** A copy of the buffer that argument `arg` (0 to 4) points to. Throws CtiError INTERNAL if the function's row names no such buffer. */
  input(arg: number): Uint8Array;
  /** What the program has mapped beside its own memory, and where; null: nothing. */
  readonly mapped: MappedRanges | null;
  /** Names this call among all calls there ever were: a repeated call (after a crash) has the same. */
  readonly id: { readonly image: string; readonly epoch: bigint; readonly call: bigint };
  /** Aborted when the task ends, is killed or leaves, so that a handler can give up what it waits for. */
  readonly signal: AbortSignal;
  /** The same for a function, which costs less where many wait. */
  onEnd(listener: () => void): void;
  /** What `waitsFor` was told of this very call before a restart; undefined the first time. A sleeper goes on with its old end. */
  readonly resumed: Wait | undefined;
  /** Says what the task waits for, for `list` and the journal. To be called before the handler returns its promise. */
  waitsFor(wait: Wait): void;
}

/**
 * `gone`: the image left this scheduler: its task ends as migrated to `to`. `sleeps`: the answer is 0, at `untilNs` of CLOCK_REALTIME; it is a timer of the
 * task's and needs no promise.
 */
export type Verdict =
  | Answer
  | { readonly kind: 'gone'; readonly to: string }
  | { readonly kind: 'sleeps'; readonly untilNs: bigint };

/**
 * Answers a call, at once (that costs a few microseconds) or by a promise; meanwhile the task waits. What a program may expect is an errno
 * as r0. What is thrown ends the task as failed, and no other.
 */
export type KernelFunctionHandler = (call: KernelCall) => Verdict | Promise<Verdict>;

/** Handlers by the function's name. */
export type KernelFunctions = Readonly<Record<string, KernelFunctionHandler>>;
