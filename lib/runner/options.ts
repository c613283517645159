/** What a run is given: option types, and their checks before the addon is called. */
import { CtiError } from '../errors.js';
import {
  checkArray,
  checkBigint,
  checkBoolean,
  checkBytes,
  checkInteger,
  checkName,
  checkObject,
  checkString,
  invalid,
  MAX_U64,
} from './check.js';
import type { NativeRunOptions, NativeSegment, NativeTable } from './native.js';

/** Guest address of `StartOptions.memory`, which r1 has at entry. */
export const MEMORY_BASE = 0x3000_0000;
/** Guest address of the first of `StartOptions.segments`. */
export const SEGMENTS_BASE = 0x4000_0000;
/** What `Program.run` gives a program if it is not told: seconds of a tight loop. */
export const DEFAULT_FUEL = 1_000_000_000n;

/** Room for what a program prints and emits, each piece with 16 bytes of its own; past it, print and emit answer -ENOSPC. */
export const DEFAULT_OUTPUT_LIMIT = 1 << 20;
const MAX_OUTPUT_LIMIT = 1 << 28;

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
  /** The URL of the node where it was read; this one, if absent. */
  readonly node?: string;
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
  /** Kernel functions that suspend do so, and the run waits for `answer`; absent, they answer -ENOSYS. */
  readonly suspends?: boolean;
}

export interface RunOptions extends StartOptions {
  /** From 1 to 2^63 - 1; DEFAULT_FUEL if absent. */
  readonly fuel?: bigint;
}

function checkSource(name: string, value: unknown): NativeSegment {
  checkObject(name, value);
  const segment = value as { fd?: unknown; bytes?: unknown; name?: unknown; size?: unknown; writable?: unknown };
  const result = { name: checkString(`${name}.name`, segment.name), writable: segment.writable === true };
  if (segment.writable !== undefined) checkBoolean(`${name}.writable`, segment.writable);
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

/** @internal */
export function checkTable(name: string, value: unknown): NativeTable {
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
    node: checkName(`${name}.node`, table.node ?? ''),
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

/** @internal */
export const checkOutputLimit = (value: unknown): number =>
  checkInteger('outputLimit', value ?? DEFAULT_OUTPUT_LIMIT, 0, MAX_OUTPUT_LIMIT);

/** @internal */
export function checkOptions(options: StartOptions): NativeRunOptions {
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
    suspends: checkBoolean('suspends', options.suspends ?? false),
    outputLimit: checkOutputLimit(options.outputLimit),
    ...engine,
  };
}
