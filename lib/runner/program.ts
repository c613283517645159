/**
 * Programs: loaded once, run as often as one likes, each run in a window of its own. run.ts has the runs.
 *
 *     using run = Program.load({ code, kernelFunctions: 'ctinspector' }).start({ memory });
 *     for (let stop = run.step(1_000_000n); ; stop = run.step(1_000_000n)) if (stop.kind !== 'out_of_fuel') break;
 */
import { CtiError, fromNative } from '../errors.js';
import { KERNEL_FUNCTIONS, type KernelFunctionSet } from '../generated/kernel-functions.js';
import type { ProgramImport, ProgramSpec } from '../program-spec.js';
import { checkArray, checkBytes, checkInteger, checkObject, checkString, invalid } from './check.js';
import { type NativeProgram, native } from './native.js';
import {
  checkEngine,
  DEFAULT_FUEL,
  type End,
  type EngineOptions,
  Run,
  type RunOptions,
  type RunResult,
  type StartOptions,
} from './run.js';

export type { KernelFunctionSet, ProgramImport, ProgramSpec } from '../program-spec.js';
export {
  decodeImage,
  disassembleImage,
  type ImageControl,
  type ImageFacts,
  type ImageMonitor,
  type ImageTable,
  type KeptImage,
  keepImage,
  keptBytes,
  withControl,
} from './image.js';
export { createMemfd } from './memfd.js';
export type { Output } from './output.js';
export {
  type Addressing,
  type Answer,
  type AnswerOutput,
  DEFAULT_FUEL,
  DEFAULT_OUTPUT_LIMIT,
  type End,
  type Engine,
  type EngineOptions,
  type Exited,
  type OutOfFuel,
  type PendingCall,
  type RegionMapping,
  type RegionRange,
  type ResumeOptions,
  Run,
  type RunOptions,
  type RunResult,
  type SegmentMapping,
  type SegmentSource,
  type StartOptions,
  type Stop,
  type Suspended,
  stopError,
  type TableMapping,
  type TableSegmentMapping,
  type Trapped,
} from './run.js';

/** Bytes of an instruction slot. */
export const SLOT_SIZE = 8;
const MAX_SLOTS = 1 << 20;
/** Room for read-only data, and for data and bss (docs/internals.md, Guest ABI). */
const MAX_RODATA = 0x0800_0000;
const MAX_DATA = 0x1000_0000;

function checkSpec(spec: ProgramSpec): ProgramSpec {
  checkObject('spec', spec);
  const sets = Object.keys(KERNEL_FUNCTIONS);
  if (!sets.includes(spec.kernelFunctions)) {
    throw invalid('kernelFunctions', `one of ${sets.join(', ')}`, spec.kernelFunctions);
  }
  const imports: ProgramImport[] = checkArray('imports', spec.imports ?? []).map((item, i) => {
    checkObject(`imports[${i}]`, item);
    const { name, version } = item as Partial<ProgramImport>;
    return {
      name: checkString(`imports[${i}].name`, name),
      version: checkInteger(`imports[${i}].version`, version, 1, 0xffff_ffff),
    };
  });
  return {
    code: checkBytes('code', spec.code),
    kernelFunctions: spec.kernelFunctions,
    imports,
    entry: checkInteger('entry', spec.entry ?? 0, 0, MAX_SLOTS - 1),
    functions: checkArray('functions', spec.functions ?? []).map((slot, i) =>
      checkInteger(`functions[${i}]`, slot, 0, MAX_SLOTS - 1),
    ),
    rodata: checkSize('rodata', checkBytes('rodata', spec.rodata ?? new Uint8Array()), MAX_RODATA),
    data: checkSize('data', checkBytes('data', spec.data ?? new Uint8Array()), MAX_DATA),
    bssSize: checkInteger('bssSize', spec.bssSize ?? 0, 0, MAX_DATA),
  };
}

function checkSize(name: string, bytes: Uint8Array, max: number): Uint8Array {
  if (bytes.length > max) {
    throw new CtiError('WINDOW_FULL', `${name} has ${bytes.length} bytes, the window has room for ${max} there`);
  }
  return bytes;
}

/** One of the function table's rows: an entry and all slots up to the next entry. */
export interface FunctionExtent {
  readonly entry: number;
  readonly nSlots: number;
}

/** A program's machine code. */
export interface MachineCode {
  /** As it runs on this host. */
  readonly code: Uint8Array;
  /** Per slot, and one past the end, where its code starts; 2^32 - 1 for a slot that has none of its own. */
  readonly offsets: Uint32Array;
}

/** A checked and linked eBPF program. Immutable; freed when nothing refers to it any more, runs of it included. */
export class Program {
  readonly kernelFunctions: KernelFunctionSet;
  /** Instruction slots; an lddw takes two. */
  readonly nSlots: number;
  readonly #native: NativeProgram;

  private constructor(spec: ProgramSpec) {
    const checked = checkSpec(spec);
    try {
      this.#native = new (native().NativeProgram)(checked);
    } catch (error) {
      throw fromNative(error);
    }
    this.kernelFunctions = spec.kernelFunctions;
    this.nSlots = checked.code.length / SLOT_SIZE;
  }

  /**
   * Checks the program's structure and links its calls. The bytes are copied.
   *
   * Throws CtiError: PROGRAM_MALFORMED, the message ending in "at pc N"; PROGRAM_UNRESOLVED if it calls what its set
   * does not have; INVALID_ARGUMENT; WINDOW_FULL if its data is larger than the room it has.
   */
  static load(spec: ProgramSpec): Program {
    return new Program(spec);
  }

  /** One line a slot: number, bytes, instruction, and where a jump goes or which kernel function is called. */
  disassemble(): string {
    return this.#native.disassemble();
  }

  /** Per slot the name of its row in the opcode table (`opcodes()`), null for the second slot of an lddw. */
  opcodeNames(): (string | null)[] {
    return this.#native.opcodes();
  }

  /** The function table: what `callx` may call, and what entering a function charges. */
  functions(): FunctionExtent[] {
    return this.#native.functions();
  }

  /**
   * The machine code that runs under these options, compiled if it was not yet; null if that is the interpreter.
   *
   * Throws CtiError INVALID_ARGUMENT where `engine` is `jit` and this machine cannot.
   */
  machineCode(options: EngineOptions = {}): MachineCode | null {
    const { engine, addressing } = checkEngine(options);
    try {
      const { name, code, offsets } = this.#native.machineCode(engine, addressing);
      return name === 'jit' ? { code, offsets } : null;
    } catch (error) {
      throw fromNative(error);
    }
  }

  /**
   * A run of its own window, at the program's entry. It holds memory until it is closed (or collected).
   *
   * Throws CtiError: INVALID_ARGUMENT (a descriptor that is not a sealed memfd among them), WINDOW_FULL, OUT_OF_MEMORY.
   */
  start(options: StartOptions = {}): Run {
    return Run.start(this.#native, options);
  }

  /**
   * The same in the window of a run that has ended, with the tables that it was given: they stay mapped, all else is new. `before` is closed by it.
   *
   * Throws CtiError: INVALID_ARGUMENT unless `before` has ended, cannot suspend and was given nothing but tables; OUT_OF_MEMORY. `before` is then
   * good for nothing but to be closed.
   */
  startIn(before: Run, options: EngineOptions = {}): Run {
    return Run.startIn(this.#native, before, options);
  }

  /**
   * Starts, runs to the end or until `fuel` is used up (DEFAULT_FUEL if absent), and closes. How it ended is in the
   * result: a trap is not an exception; `stopError` makes one. This blocks the thread; to stay in control, use `start`
   * and `step`.
   */
  run(options: RunOptions = {}): RunResult {
    checkObject('options', options);
    const { fuel = DEFAULT_FUEL, ...startOptions } = options;
    // Nobody could answer.
    const run = this.start({ ...startOptions, suspends: false });
    try {
      const stop = run.step(fuel) as End;
      return { ...stop, memory: run.memory(), output: run.output() };
    } finally {
      run.close();
    }
  }
}

/** A row of the opcode table (native/isa/opcodes.def). */
export interface OpcodeRow {
  readonly name: string;
  /** The first byte of its instructions; several rows may share one. */
  readonly code: number;
  /** How its fields are used. */
  readonly form: string;
}

/** The opcode table: every instruction that is known. */
export function opcodes(): OpcodeRow[] {
  return native().opcodeTable();
}
