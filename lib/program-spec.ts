/**
 * What a program is before it is loaded: pure data, made by the query compiler, a loader of object files, or by hand.
 * A leaf, because those must not know the runner; lib/runner/program.ts turns it into a Program.
 */
import type { KernelFunctionSet } from './generated/kernel-functions.js';

export type { KernelFunctionSet };

/** A kernel function by name; resolved against the program's set when it is loaded. */
export interface ProgramImport {
  readonly name: string;
  /** Of the signature (docs/reference/kernel-functions.md). */
  readonly version: number;
}

export interface ProgramSpec {
  /** eBPF, 8 bytes a slot, little-endian (RFC 9669). At most 1,048,576 slots. */
  readonly code: Uint8Array;
  /** The one set of kernel functions the program may call. */
  readonly kernelFunctions: KernelFunctionSet;
  /** A call with source 2 has an index into these as its immediate. */
  readonly imports?: readonly ProgramImport[];
  /** The slot where it starts; 0 if absent. */
  readonly entry?: number;
  /** Slots that are function entries besides those the code shows (targets of local calls, code addresses). */
  readonly functions?: readonly number[];
  /** Mapped read-only at 0x18000000. */
  readonly rodata?: Uint8Array;
  /** Mapped at 0x20000000. */
  readonly data?: Uint8Array;
  /** Zeroed bytes at the next multiple of 8 after `data`. */
  readonly bssSize?: number;
}
