/**
 * Public API of the package.
 *
 * - Programs: `Program.load(spec)` checks and links raw eBPF; `program.run()` or `program.start()` runs it in a sandbox (docs/vm.md).
 * - Objects: `loadObject(bytes, name)` reads ELF, `link(objects)` makes a program spec with source lines (docs/programs.md).
 * - Scheduler: `new Scheduler()` runs many programs in fair turns with budgets, answers their calls, keeps durable ones in a `Journal` (docs/scheduler.md).
 * - Tables: `captureDpFlows()` reads a running switch, `readDpFlowsFile()` a saved dump (docs/sources.md); `TableView` reads cells.
 * - Questions: `runQuestion(question, snapshot)` compiles one to eBPF and runs it; `explain()` shows what it becomes (docs/questions.md).
 */
export { CtiError, type ErrorCode } from './errors.js';
export { TRAPS, type TrapKind } from './generated/traps.js';
export { type LinkedProgram, type LinkOptions, link } from './linker/link.js';
export { loadObject } from './loader/load-object.js';
export type { ObjectSpec } from './loader/spec.js';
export { type Explanation, explain } from './query/explain.js';
export { type Answer, type QuestionResult, type RunQuestionOptions, runQuestion } from './query/run.js';
export * from './runner/program.js';
export { Journal, type JournalOptions } from './scheduler/journal.js';
export type { KernelCall, KernelFunctionHandler, KernelFunctions, Verdict } from './scheduler/kernel-call.js';
export type { After, EndCondition, Mapper, SubmitOptions } from './scheduler/options.js';
export { Scheduler, type SchedulerOptions } from './scheduler/scheduler.js';
export type { Budget, BudgetLeft, Task, TaskEnd, TaskState, Wait } from './scheduler/task.js';
export { type CaptureOptions, captureDpFlows, type ReadFileOptions, readDpFlowsFile } from './sources/dp-flows.js';
export { findSwitch, type SwitchInfo, type SwitchOptions } from './sources/unixctl.js';
export type { TableSchema } from './table-schema.js';
export { formatCell, jsonCell } from './tables/format.js';
export { DP_FLOWS } from './tables/generated/dp-flows.js';
export type { Note, SnapshotFacts, TableSnapshot } from './tables/snapshot.js';
export { TableView } from './tables/view.js';
