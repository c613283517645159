/** Runs of a program: stepping with fuel, answering calls, looking into the window, closing. */
import { CtiError, fromNative } from '../errors.js';
import { type Answer, checkAnswer, checkRegion, type PendingCall, type RegionMapping } from './call.js';
import { checkArray, checkBigint, checkBytes, checkInteger, checkObject } from './check.js';
import { checkControl, decodeImage, type ImageControl, type KeptImage, MAX_TEXT_IMAGE } from './image.js';
import { type NativeProgram, type NativeResumeOptions, type NativeRun, native } from './native.js';
import {
  checkEngine,
  checkOptions,
  checkOutputLimit,
  checkTable,
  type EngineOptions,
  MEMORY_BASE,
  type StartOptions,
  type TableMapping,
} from './options.js';
import { decodeOutput, type Output } from './output.js';
import type { End, Stop, StopFacts } from './stop.js';

export type { Answer, AnswerOutput, PendingCall, RegionMapping, RegionRange } from './call.js';
export * from './options.js';
export * from './stop.js';

const MAX_FUEL = (1n << 63n) - 1n;
const NO_OUTPUT: readonly Output[] = [];
const WINDOW_SIZE = 2 ** 32;

export type RunResult = End & {
  /** The memory after the run. */
  readonly memory: Uint8Array;
  /** What the program printed and emitted. */
  readonly output: readonly Output[];
};

function allocate(size: number): Uint8Array {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new CtiError('OUT_OF_MEMORY', `no room for a copy of ${size} bytes; read less at a time`, { cause });
  }
}

function call<T>(operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw fromNative(error);
  }
}

export interface ResumeOptions extends EngineOptions {
  /** A run of an image can always suspend. */
  readonly suspends?: true;
  readonly tables: readonly (TableMapping | null)[];
  readonly regions: readonly (RegionMapping | null)[];
  /** As for `StartOptions`. */
  readonly outputLimit?: number;
}

function checkResume(options: ResumeOptions): NativeResumeOptions {
  checkObject('options', options);
  const tables = checkArray('tables', options.tables);
  const regions = checkArray('regions', options.regions);
  return {
    tables: tables.map((table, i) => (table === null ? null : checkTable(`tables[${i}]`, table))),
    regions: regions.map((region, i) => (region === null ? null : checkRegion(`regions[${i}]`, region))),
    outputLimit: checkOutputLimit(options.outputLimit),
    ...checkEngine(options),
  };
}

/** A program under way. Made by `Program.start` or `Run.resume`. Holds a window until `close`; without it, until it is collected. */
export class Run implements Disposable {
  /** Where the segments of the options lie, in their order; an empty one has address 0. */
  readonly segments: readonly { readonly name: string; readonly address: number; readonly size: number }[];
  readonly #memorySize: number;
  #native: NativeRun | undefined;
  #end: Stop | undefined;
  #pending: PendingCall | null = null;

  private constructor(run: NativeRun, segments: readonly { name: string; size: number }[], memorySize: number) {
    this.#native = run;
    const addresses = run.segmentAddresses();
    this.segments = segments.map(({ name, size }, i) => ({ name, size, address: addresses[i]! }));
    this.#memorySize = memorySize;
    this.#pending = run.pending();
  }

  /** @internal */
  static start(program: NativeProgram, options: StartOptions): Run {
    const checked = checkOptions(options);
    const run = call(() => new (native().NativeRun)(program, checked));
    return new Run(run, checked.segments, checked.memory?.length ?? 0);
  }

  /** @internal */
  static startIn(program: NativeProgram, before: Run, options: EngineOptions): Run {
    const run = before.#open();
    const { engine, addressing } = checkEngine(options);
    call(() => run.restart(program, engine, addressing));
    before.#native = undefined;
    return new Run(run, [], 0);
  }

  /**
   * Goes on with an image, in a window of its own: at its call, which is then `pending`, or with a step. All images of a program share what
   * is compiled of it. `tables` and `regions` are what the image's are now, in the order of `decodeImage`; an access to one that is null
   * traps `stale`.
   *
   * Throws CtiError: as `decodeImage`; INVALID_ARGUMENT for mappings that are not the image's; OUT_OF_MEMORY.
   */
  static resume(image: Uint8Array, options: ResumeOptions): Run {
    const bytes = checkBytes('image', image);
    const checked = checkResume(options);
    const { memory } = decodeImage(bytes);
    const run = call(() => new (native().NativeRun)(bytes, checked));
    return new Run(run, [], memory.find(({ address }) => address === MEMORY_BASE)?.size ?? 0);
  }

  /**
   * The run as an image: everything, the call that waits included, but what it printed and emitted (take that before). The run stays as it
   * is. Throws CtiError INVALID_ARGUMENT after an end.
   */
  save(control: ImageControl): Uint8Array {
    const run = this.#open();
    const checked = checkControl(control);
    return call(() => run.save(checked, 0)) as Uint8Array;
  }

  /** `save`, a small image as text: for who keeps thousands. */
  saveKept(control: ImageControl): KeptImage {
    const run = this.#open();
    const checked = checkControl(control);
    return call(() => run.save(checked, MAX_TEXT_IMAGE));
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
   * Throws CtiError INVALID_ARGUMENT after an end (exited, trapped) or a close, and while a call waits for its answer.
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
    if (this.#pending) {
      throw new CtiError('INVALID_ARGUMENT', `the run waits for the answer of ${this.#pending.name}; give it first`);
    }
    const stop = call(() => run.step(fuel)) as End | (StopFacts & { kind: 'suspended' });
    if (stop.kind === 'suspended') {
      this.#pending = run.pending();
      return { ...stop, call: this.#pending! };
    }
    if (stop.kind !== 'out_of_fuel') this.#end = stop;
    return stop;
  }

  /** The call that waits for its answer. */
  get pending(): PendingCall | null {
    return this.#pending;
  }

  /** Whether the program has ended (exited, trapped). */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Bytes of memory that the window holds of its own: stack, data, memory, copies; mapped memfds apart. */
  get privateBytes(): number {
    return this.#open().privateBytes();
  }

  /**
   * Answers the call that waits; the next `step` goes on behind it. What the program can do something about (no room in the window, a
   * buffer that is gone) it gets as -errno; CtiError INVALID_ARGUMENT otherwise, and the call waits on.
   */
  answer(answer: Answer): void {
    const run = this.#open();
    if (!this.#pending) {
      throw new CtiError(
        'INVALID_ARGUMENT',
        "no call waits for an answer; only a run that stopped as 'suspended' does",
      );
    }
    const checked = checkAnswer(answer);
    call(() => run.answer(checked));
    this.#pending = null;
  }

  /** @internal The part of `save` that is registers and frames, into a block of the run's own; its bytes. `vm.suspend_resume_ratio`. */
  suspendState(): number {
    return this.#open().suspendState();
  }

  /** @internal The part of `resume`: what is in that block is checked and taken. */
  resumeState(): void {
    this.#open().resumeState();
  }

  /** A copy of `size` bytes of the window. Throws CtiError INVALID_ARGUMENT if not all of them are mapped. */
  read(address: number, size: number): Uint8Array {
    const run = this.#open();
    checkInteger('address', address, 0, WINDOW_SIZE - 1);
    checkInteger('size', size, 0, WINDOW_SIZE);
    const bytes = allocate(size);
    call(() => run.read(address, bytes));
    return bytes;
  }

  /** Stores bytes in the window. Throws CtiError INVALID_ARGUMENT if not all of the range is mapped and writable. */
  write(address: number, bytes: Uint8Array): void {
    const run = this.#open();
    checkInteger('address', address, 0, WINDOW_SIZE - 1);
    const checked = checkBytes('bytes', bytes);
    call(() => run.write(address, checked));
  }

  /** A copy of the memory the run was started on, as it is now. */
  memory(): Uint8Array {
    return this.read(MEMORY_BASE, this.#memorySize);
  }

  /** What the program printed and emitted since the last call, in order. That makes room for more. */
  output(): readonly Output[] {
    const pieces = this.#open().takeOutput();
    return pieces ? decodeOutput(pieces) : NO_OUTPUT;
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
