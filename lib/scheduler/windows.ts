/**
 * The windows of one executor: programs and images under way, and the answers to the scheduler's messages (executor.ts). Plain data in, plain
 * data out; what a program does wrong is its stop, what cannot be done is a `refused` reply, and nothing is thrown.
 */
import { CtiError, fromNative } from '../errors.js';
import { type Output, Program, type Run } from '../runner/program.js';
import type { Begin, Reply, Request } from './executor.js';
import { resumeImage, saveImage } from './runner-types.js';

/**
 * A piece of output of n bytes costs at least 1 + n / 8 and holds 16 + n bytes, so one step fills at most 2 MiB: with this room only a piece
 * that is itself larger than half of it finds none, whatever the slice.
 */
const STEP = 131_072n;
const OUTPUT_LIMIT = 4 << 20;
/** A slice ends early when it made so much output, so that whoever takes it can hold the task back. */
const OUTPUT_A_SLICE = 1 << 20;
/** Programs kept compiled that may have no window now. */
const MAX_PROGRAMS = 64;

const sizeOf = (output: readonly Output[]): number =>
  output.reduce((sum, piece) => sum + 16 + (piece.kind === 'text' ? piece.text.length : piece.bytes.length), 0);

export class Windows {
  readonly #windows = new Map<number, Run>();
  /** Least recently used first. */
  readonly #programs = new Map<string, Program>();

  handle(request: Request): Reply {
    try {
      switch (request.kind) {
        case 'begin': {
          const run = this.#open(request);
          if (request.answer) run.answer(request.answer);
          return { kind: 'begun', memory: run.privateBytes, call: run.pending };
        }
        case 'run':
          return this.#run(request);
        case 'save': {
          const image = saveImage(this.#get(request.key), request.control);
          if (request.drop) this.#drop(request.key);
          return { kind: 'saved', image };
        }
        case 'drop':
          this.#drop(request.key);
          return { kind: 'dropped' };
      }
    } catch (thrown) {
      this.#drop(request.key);
      const error = fromNative(thrown);
      if (error instanceof CtiError) return { kind: 'refused', code: error.code, message: error.message };
      return { kind: 'refused', code: 'INTERNAL', message: String((error as Error)?.stack ?? error) };
    }
  }

  /** Gives all windows back. */
  close(): void {
    for (const key of [...this.#windows.keys()]) this.#drop(key);
    this.#programs.clear();
  }

  #get(key: number): Run {
    const run = this.#windows.get(key);
    if (!run) throw new CtiError('INTERNAL', `no window ${key} in this executor`);
    return run;
  }

  #open(request: { key: number; begin?: Begin }): Run {
    return request.begin ? this.#begin(request.key, request.begin) : this.#get(request.key);
  }

  #drop(key: number): void {
    this.#windows.get(key)?.close();
    this.#windows.delete(key);
  }

  #program(hash: string, load: () => Program): Program {
    const program = this.#programs.get(hash) ?? load();
    this.#programs.delete(hash);
    this.#programs.set(hash, program);
    if (this.#programs.size > MAX_PROGRAMS) {
      for (const oldest of this.#programs.keys()) {
        this.#programs.delete(oldest);
        break;
      }
    }
    return program;
  }

  #begin(key: number, begin: Begin): Run {
    const common = { engine: begin.engine, outputLimit: OUTPUT_LIMIT, suspends: true } as const;
    const run =
      begin.kind === 'program'
        ? this.#program(begin.hash, () => Program.load(begin.spec)).start({
            ...common,
            args: begin.args,
            tables: begin.tables,
          })
        : resumeImage(begin.image, { ...common, tables: begin.tables, regions: begin.regions });
    this.#windows.set(key, run);
    return run;
  }

  #run(request: Extract<Request, { kind: 'run' }>): Reply {
    const run = this.#open(request);
    const began = performance.now();
    if (request.answer) run.answer(request.answer);
    if (run.privateBytes > request.memory) {
      const stop = { kind: 'out_of_fuel', pc: 0, fuelUsed: 0n } as const; // it did not run; the scheduler sees why
      return { kind: 'stopped', stop, output: [], memory: run.privateBytes, elapsedMs: 0 };
    }
    let output: Output[] = [];
    let fuelUsed = 0n;
    for (;;) {
      const left = request.fuel - fuelUsed;
      const stop = run.step(left < STEP ? left : STEP);
      fuelUsed += stop.fuelUsed;
      const more = run.output();
      if (more.length > 0) output = output.length === 0 ? more : output.concat(more);
      if (stop.kind !== 'out_of_fuel' || fuelUsed >= request.fuel || sizeOf(output) >= OUTPUT_A_SLICE) {
        const reply: Reply = {
          kind: 'stopped',
          stop: { ...stop, fuelUsed },
          output,
          memory: run.privateBytes,
          elapsedMs: performance.now() - began,
        };
        if (stop.kind === 'exited' || stop.kind === 'trapped') this.#drop(request.key);
        return reply;
      }
    }
  }
}
