/**
 * Public API of the package.
 *
 * - Programs: `Program.load(spec)` checks and links raw eBPF; `program.run()` or `program.start()` runs it in a sandbox (docs/vm.md).
 * - Objects: `loadObject(bytes, name)` reads ELF, `link(objects)` makes a program spec with source lines (docs/programs.md).
 * - Scheduler: `new Scheduler()` runs many programs in fair turns with budgets, answers their calls, keeps durable ones in a `Journal` (docs/scheduler.md).
 * - Tables: `captureTable('dp_flows', 'auto', options)` reads a running switch, `watchTable()` again and again, across restarts, `readDpFlowsFile()` a saved dump
 *   (docs/sources.md); `TableView` reads cells.
 * - Snapshots: `saveSnapshots()` and `readSnapshotFile()` keep tables as files (docs/snapshot-format.md); `samplesNeeded()` and `combineSamples()` make
 *   one table of two samples, with rates or what changed (docs/questions.md).
 * - Memory for programs: `createRegion()`, `Regions.grant()`, `SnapshotStore`, `MemoryMapper` (docs/hooks.md); `mapperFunctions()`, `Hooks` and `ovsHook()` are what a scheduler is given.
 * - Nodes: `new LocalNodes(...)` joins several in this process; `Carrier` is what joins others (docs/migration.md).
 * - Questions: `runQuestion(question, snapshot)` compiles one to eBPF and runs it; `explain()` shows what it becomes (docs/questions.md).
 */
export { type Names, parseNames } from './compiler/index.js';
export { CtiError, type ErrorCode } from './errors.js';
export { TRAPS, type TrapKind } from './generated/traps.js';
export type { EventSink, EventSource, HookEvent } from './hooks/events.js';
export { type OvsHookOptions, ovsHook } from './hooks/ovs/hook.js';
export { type HookPoint, Hooks } from './hooks/registry.js';
export { type MapperFunctionsOptions, mapperFunctions, upstreamMapperFunctions } from './kernel-functions/mapper.js';
export { handlersOf } from './kernel-functions/typed.js';
export { type LinkedProgram, type LinkOptions, link } from './linker/link.js';
export { loadObject } from './loader/load-object.js';
export type { ObjectSpec } from './loader/spec.js';
export { MemoryMapper, type MemoryMapperOptions } from './mapper/mapper.js';
export { RawMemory, type RawOptions } from './mapper/raw.js';
export { type Access, createRegion, type Grant, Regions, regionHandle, type SharedMemory } from './mapper/regions.js';
export { type Held, SnapshotStore, type StoreOptions } from './mapper/snapshot-store.js';
export { LocalNodes, type LocalNodesOptions, numberedNodes } from './migration/local-nodes.js';
export { Node, type NodeOptions } from './migration/node.js';
export { type Explanation, explain } from './query/explain.js';
export { type Answer, type QuestionResult, type RunQuestionOptions, runQuestion } from './query/run.js';
export { type SamplesNeeded, samplesNeeded } from './query/samples.js';
export * from './runner/program.js';
export { Journal, type JournalOptions } from './scheduler/journal.js';
export type { KernelCall, KernelFunctionHandler, KernelFunctions, Verdict } from './scheduler/kernel-call.js';
export type { After, EndCondition, Mapper, SubmitOptions } from './scheduler/options.js';
export { Scheduler, type SchedulerOptions } from './scheduler/scheduler.js';
export type { Budget, BudgetLeft, Task, TaskEnd, TaskState, Wait } from './scheduler/task.js';
export { type CaptureOptions, captureDpFlows, type ReadFileOptions, readDpFlowsFile } from './sources/dp-flows.js';
export { DEFAULT_MANNERS, type Manners } from './sources/pace.js';
export { type Captured, captureTable } from './sources/registry.js';
export { type RepeatedOptions, RepeatedReading, type WatchOptions, watchTable } from './sources/repeated.js';
export { type AgainOptions, type CapturedAgain, captureAgain } from './sources/second-sample.js';
export {
  describeSnapshotFile,
  isSnapshotFile,
  loadSnapshotFile,
  readSnapshotFile,
  type SnapshotFileFacts,
  saveSnapshots,
} from './sources/snapshot-file.js';
export { findSwitch, type SwitchInfo, type SwitchOptions } from './sources/unixctl.js';
export type { TableSchema } from './table-schema.js';
export { formatCell, jsonCell } from './tables/format.js';
export { DP_FLOWS } from './tables/generated/dp-flows.js';
export { PMDS } from './tables/generated/pmds.js';
export { PORTS } from './tables/generated/ports.js';
export { type CombineOptions, combineSamples } from './tables/sampled.js';
export type { Note, SampleFacts, SnapshotFacts, TableSnapshot } from './tables/snapshot.js';
export { TableView } from './tables/view.js';
export type { Carrier, Delivery, Listener, Receive } from './transport/carrier.js';
export { LocalCarrier } from './transport/local-carrier.js';
export { Transport } from './transport/transport.js';
