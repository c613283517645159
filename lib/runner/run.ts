/** Runs of a program: stepping with fuel, looking into the window, closing. */
import { CtiError, fromNative } from '../errors.js';
import { TRAPS, type TrapKind } from '../generated/traps.js';
import { checkArray, checkBigint, checkBytes, checkInteger, checkObject, checkString, invalid } from './check.js';
import {
  type NativeProgram,
  type NativeRun,
  type NativeRunOptions,
  type NativeSegment,
  type NativeTable,
  native,
} from './native.js';
import { decodeOutput, type Output } from './output.js';

/** Guest address of `StartOptions.memory`, which r1 has at entry. */
export const MEMORY_BASE = 0x3000_0000;
/** Guest address of the first of `StartOptions.segments`. */
export const SEGMENTS_BASE = 0x4000_0000;
/** What `Program.run` gives a program if it is not told: seconds of a tight loop. */
export const DEFAULT_FUEL = 1_000_000_000n;

/** Room for what a program prints and emits, each piece with 16 bytes of its own; past it, print and emit answer -ENOSPC. */
export const DEFAULT_OUTPUT_LIMIT = 1 << 20;
const MAX_OUTPUT_LIMIT = 1 << 28;

const MAX_FUEL = (1n << 63n) - 1n;
const MAX_U64 = (1n << 64n) - 1n;
const WINDOW_SIZE = 2 ** 32;
const MAX_MEMORY = SEGMENTS_BASE - MEMORY_BASE;
const MAX_TABLE_SEGMENTS = 16;
const ENGINES = ['auto', 'jit', 'interpreter'] as const;
const ADDRESSINGS = ['auto', 'gs', 'mask'] as const;

/**
 * What executes the instructions; all give the same results, with the same fuel. `jit` is compiled machine code and throws where that
 * cannot be; `auto` then interprets, as it does where the environment has CTINSPECTOR_JIT=off.
 */
export type Engine = (typeof ENGINES)[number];
/** How compiled code confines its accesses to the window: by the segment base gs, or by a 32-bit mask. `auto` takes the faster. */
export type Addressing = (typeof ADDRESSINGS)[number];

export interface EngineOptions {
  /** `auto` if absent. */
  readonly engine?: Engine;
  /** `auto` if absent. */
  readonly addressing?: Addressing;
}

/** A sealed memfd, mapped read-only (it stays the caller's to close), or bytes, which are copied. */
export type SegmentSource = { readonly fd: number } | { readonly bytes: Uint8Array };

/** A segment by itself, mapped from SEGMENTS_BASE up; `Run.segments` says where. */
export type SegmentMapping = SegmentSource & {
  readonly name: string;
  /** Bytes; of `bytes` all, if absent. */
  readonly size?: number;
  /** The program may write its copy. Only with `bytes`. */
  readonly writable?: boolean;
};

export type TableSegmentMapping = SegmentSource & {
  readonly name: string;
  /** Bytes in use; rounded up to pages, the rest is zero. */
  readonly size: number;
  /** Bytes a record; 1 for a blob. */
  readonly stride: number;
  readonly nRecords: number;
};

/** A table that the program finds with table_open. */
export interface TableMapping {
  readonly name: string;
  readonly nRows: number;
  readonly generation: bigint;
  /** 16 hex digits. */
  readonly schemaHash: string;
  /** In the schema's order, at most 16. */
  readonly segments: readonly TableSegmentMapping[];
}

export interface StartOptions extends EngineOptions {
  /** Copied to MEMORY_BASE, readable and writable; at most 256 MiB. */
  readonly memory?: Uint8Array;
  readonly tables?: readonly TableMapping[];
  readonly segments?: readonly SegmentMapping[];
  /** r1 to r5, each a 64-bit number, unsigned or signed. Absent: address and length of `memory`, or 0. */
  readonly args?: readonly bigint[];
  /** Bytes of what is printed and emitted that are held until `output` takes them; DEFAULT_OUTPUT_LIMIT if absent. At most 256 MiB. */
  readonly outputLimit?: number;
}

export interface RunOptions extends StartOptions {
  /** From 1 to 2^63 - 1; DEFAULT_FUEL if absent. */
  readonly fuel?: bigint;
}

interface StopFacts {
  /** An instruction slot: of the exit, of the trap, or where the program goes on. */
  readonly pc: number;
  /** Of this step. More than was given if the last charge was larger than what was left. */
  readonly fuelUsed: bigint;
}
export interface Exited extends StopFacts {
  readonly kind: 'exited';
  readonly r0: bigint;
}
export interface Trapped extends StopFacts {
  readonly kind: 'trapped';
  readonly trap: TrapKind;
  /** A guest address, for the traps that have one. */
  readonly address?: number;
}
export interface OutOfFuel extends StopFacts {
  readonly kind: 'out_of_fuel';
}
/** Why a program no longer runs. `exited` and `trapped` are ends; after `out_of_fuel` the next step goes on. */
export type Stop = Exited | Trapped | OutOfFuel;

export type RunResult = Stop & {
  /** The memory after the run. */
  readonly memory: Uint8Array;
  /** What the program printed and emitted. */
  readonly output: readonly Output[];
};

/** The error that a stop other than `exited` amounts to, for callers that want an exception. */
export function stopError(stop: Trapped | OutOfFuel): CtiError {
  const details = { ...stop, fuelUsed: String(stop.fuelUsed) };
  if (stop.kind === 'out_of_fuel') {
    return new CtiError(
      'OUT_OF_FUEL',
      `the program used up its fuel (${stop.fuelUsed}) and stopped at pc ${stop.pc}; give it more, or look for an endless loop`,
      { details },
    );
  }
  const where = stop.address === undefined ? '' : `, address 0x${stop.address.toString(16)}`;
  return new CtiError('PROGRAM_TRAPPED', `${stop.trap} at pc ${stop.pc}${where}: ${TRAPS[stop.trap].doc}`, { details });
}

function checkSource(name: string, value: unknown): NativeSegment {
  checkObject(name, value);
  const segment = value as { fd?: unknown; bytes?: unknown; name?: unknown; size?: unknown; writable?: unknown };
  const result = { name: checkString(`${name}.name`, segment.name), writable: segment.writable === true };
  if (segment.writable !== undefined && typeof segment.writable !== 'boolean') {
    throw invalid(`${name}.writable`, 'a boolean', segment.writable);
  }
  if ((segment.fd === undefined) === (segment.bytes === undefined)) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `expected either fd or bytes for ${name} but received ${segment.fd === undefined ? 'neither' : 'both'}`,
    );
  }
  if (segment.fd !== undefined) {
    if (result.writable) throw invalid(`${name}.writable`, 'false for a descriptor, which is mapped read-only', true);
    const fd = checkInteger(`${name}.fd`, segment.fd, 0, 0x7fff_ffff);
    return { ...result, fd, size: checkInteger(`${name}.size`, segment.size, 0, Number.MAX_SAFE_INTEGER) };
  }
  const bytes = checkBytes(`${name}.bytes`, segment.bytes);
  const size = segment.size ?? bytes.length;
  if (size !== bytes.length) throw invalid(`${name}.size`, `${bytes.length}, the length of its bytes,`, size);
  return { ...result, bytes, size };
}

function checkTable(name: string, value: unknown): NativeTable {
  checkObject(name, value);
  const table = value as Partial<TableMapping>;
  if (typeof table.schemaHash !== 'string' || !/^[0-9a-f]{16}$/.test(table.schemaHash)) {
    throw invalid(`${name}.schemaHash`, '16 lower-case hex digits', table.schemaHash);
  }
  const segments = checkArray(`${name}.segments`, table.segments);
  if (segments.length > MAX_TABLE_SEGMENTS) {
    throw invalid(`${name}.segments`, `at most ${MAX_TABLE_SEGMENTS} segments`, segments.length);
  }
  return {
    name: checkString(`${name}.name`, table.name),
    nRows: checkInteger(`${name}.nRows`, table.nRows, 0, Number.MAX_SAFE_INTEGER),
    generation: checkBigint(`${name}.generation`, table.generation, 0n, MAX_U64),
    schemaHash: BigInt(`0x${table.schemaHash}`),
    segments: segments.map((item, i) => {
      const segment = checkSource(`${name}.segments[${i}]`, item);
      const { stride, nRecords } = item as Partial<TableSegmentMapping>;
      return {
        ...segment,
        stride: checkInteger(`${name}.segments[${i}].stride`, stride, 0, 0xffff_ffff),
        nRecords: checkInteger(`${name}.segments[${i}].nRecords`, nRecords, 0, 0xffff_ffff),
      };
    }),
  };
}

function checkArgs(value: unknown): bigint[] {
  const args = checkArray('args', value);
  if (args.length > 5) throw invalid('args', 'at most 5 numbers', args.length);
  return args.map((arg, i) => BigInt.asUintN(64, checkBigint(`args[${i}]`, arg, -(1n << 63n), MAX_U64)));
}

/** @internal The engine and addressing to ask the addon for. */
export function checkEngine(options: EngineOptions): { engine: Engine; addressing: Addressing } {
  const { engine = 'auto', addressing = 'auto' } = options;
  if (!ENGINES.includes(engine)) throw invalid('engine', `one of ${ENGINES.join(', ')}`, engine);
  if (!ADDRESSINGS.includes(addressing)) throw invalid('addressing', `one of ${ADDRESSINGS.join(', ')}`, addressing);
  if (process.env.CTINSPECTOR_JIT !== 'off') return { engine, addressing };
  if (engine === 'jit') {
    throw new CtiError(
      'INVALID_ARGUMENT',
      "engine 'jit' is switched off by CTINSPECTOR_JIT=off; use 'auto' or 'interpreter'",
    );
  }
  return { engine: 'interpreter', addressing };
}

function checkOptions(options: StartOptions): NativeRunOptions {
  checkObject('options', options);
  const engine = checkEngine(options);
  const memory = options.memory === undefined ? undefined : checkBytes('memory', options.memory);
  if (memory && memory.length > MAX_MEMORY) {
    throw new CtiError('WINDOW_FULL', `memory has ${memory.length} bytes, the window has room for ${MAX_MEMORY} there`);
  }
  return {
    memory,
    segments: checkArray('segments', options.segments ?? []).map((item, i) => checkSource(`segments[${i}]`, item)),
    tables: checkArray('tables', options.tables ?? []).map((item, i) => checkTable(`tables[${i}]`, item)),
    args: options.args === undefined ? undefined : checkArgs(options.args),
    outputLimit: checkInteger('outputLimit', options.outputLimit ?? DEFAULT_OUTPUT_LIMIT, 0, MAX_OUTPUT_LIMIT),
    ...engine,
  };
}

function allocate(size: number): Uint8Array {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new CtiError('OUT_OF_MEMORY', `no room for a copy of ${size} bytes; read less at a time`, { cause });
  }
}

/** A program under way. Made by `Program.start`. Holds a window until `close`; without it, until it is collected. */
export class Run implements Disposable {
  /** Where the segments of the options lie, in their order; an empty one has address 0. */
  readonly segments: readonly { readonly name: string; readonly address: number; readonly size: number }[];
  readonly #memorySize: number;
  #native: NativeRun | undefined;
  #end: Stop | undefined;

  private constructor(program: NativeProgram, options: StartOptions) {
    const checked = checkOptions(options);
    try {
      this.#native = new (native().NativeRun)(program, checked);
    } catch (error) {
      throw fromNative(error);
    }
    const addresses = this.#native.segmentAddresses();
    this.segments = checked.segments.map(({ name, size }, i) => ({ name, size, address: addresses[i]! }));
    this.#memorySize = checked.memory?.length ?? 0;
  }

  /** @internal */
  static start(program: NativeProgram, options: StartOptions): Run {
    return new Run(program, options);
  }

  /** Whether the run was closed. */
  get closed(): boolean {
    return this.#native === undefined;
  }

  #open(): NativeRun {
    if (!this.#native) throw new CtiError('INVALID_ARGUMENT', 'the run is closed; start another');
    return this.#native;
  }

  /**
   * Goes on with `fuel`, from 1 to 2^63 - 1, and says why it stopped. A slice of 1 still makes progress.
   *
   * Throws CtiError INVALID_ARGUMENT after an end (exited, trapped) or a close.
   */
  step(fuel: bigint): Stop {
    const run = this.#open();
    checkBigint('fuel', fuel, 1n, MAX_FUEL);
    if (this.#end) {
      throw new CtiError(
        'INVALID_ARGUMENT',
        `the run has ended (${this.#end.kind} at pc ${this.#end.pc}); start another`,
      );
    }
    const stop = this.#call(() => run.step(fuel)) as Stop;
    if (stop.kind !== 'out_of_fuel') this.#end = stop;
    return stop;
  }

  /** A copy of `size` bytes of the window. Throws CtiError INVALID_ARGUMENT if not all of them are mapped. */
  read(address: number, size: number): Uint8Array {
    const run = this.#open();
    checkInteger('address', address, 0, WINDOW_SIZE - 1);
    checkInteger('size', size, 0, WINDOW_SIZE);
    const bytes = allocate(size);
    this.#call(() => run.read(address, bytes));
    return bytes;
  }

  /** Stores bytes in the window. Throws CtiError INVALID_ARGUMENT if not all of the range is mapped and writable. */
  write(address: number, bytes: Uint8Array): void {
    const run = this.#open();
    checkInteger('address', address, 0, WINDOW_SIZE - 1);
    const checked = checkBytes('bytes', bytes);
    this.#call(() => run.write(address, checked));
  }

  /** A copy of the memory the run was started on, as it is now. */
  memory(): Uint8Array {
    return this.read(MEMORY_BASE, this.#memorySize);
  }

  /** What the program printed and emitted since the last call, in order. That makes room for more. */
  output(): Output[] {
    return decodeOutput(this.#open().takeOutput());
  }

  #call<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw fromNative(error);
    }
  }

  /** Gives the window back. Closing again does nothing. */
  close(): void {
    this.#native?.close();
    this.#native = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** For `console.log` and errors. */
  toString(): string {
    return `Run(${this.closed ? 'closed' : (this.#end?.kind ?? 'under way')})`;
  }
}
