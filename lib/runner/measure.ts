/** How long a program takes; for benchmarks. */
import { fromNative } from '../errors.js';
import { checkBytes } from './check.js';
import { native } from './native.js';
import { checkEngine, type EngineOptions } from './run.js';

/** Times in nanoseconds, each the best of several. */
export interface Measured {
  /** Decoding, checks, linking. */
  readonly loadNs: number;
  /** 0 for the interpreter. */
  readonly compileNs: number;
  /** One run. */
  readonly execNs: number;
  readonly r0: bigint;
  readonly nSlots: number;
}

/**
 * Runs a raw program (kernel function 1 = a + b + 1) on a copy of `memory`, r1 its address and r2 its length, for about `seconds`.
 * Where a run changes the memory, each run gets it anew, which is not counted.
 *
 * Throws CtiError: what Program.load throws; PROGRAM_TRAPPED if it does not exit; INVALID_ARGUMENT.
 */
export function measure(code: Uint8Array, memory: Uint8Array, seconds: number, options: EngineOptions = {}): Measured {
  const { engine, addressing } = checkEngine(options);
  try {
    return native().measure(checkBytes('code', code), checkBytes('memory', memory), seconds, engine, addressing);
  } catch (error) {
    throw fromNative(error);
  }
}
