/**
 * The windows of one executor: programs and images under way, and the answers to the scheduler's messages (executor.ts). Plain data in, plain
 * data out; what a program does wrong is its stop, what cannot be done is a `refused` reply, and nothing is thrown.
 */
import { CtiError, fromNative } from '../errors.js';
import { type Answer, type Output, Program, Run } from '../runner/program.js';
import type { Begin, Reply, Request } from './executor.js';

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

interface Window {
  readonly run: Run;
  /** Bytes of its own. Only what an answer maps or unmaps changes it. */
  memory: number;
}

const sizeOf = (output: readonly Output[]): number =>
  output.reduce((sum, piece) => sum + 16 + (piece.kind === 'text' ? piece.text.length : piece.bytes.length), 0);

export class Windows {
  readonly #windows = new Map<number, Window>();
  /** Least recently used first. */
  readonly #programs = new Map<string, Program>();

  handle(request: Request): Reply {
    try {
      switch (request.kind) {
        case 'begin': {
          const { run, memory } = this.#open(request);
          return { kind: 'begun', memory, call: run.pending };
        }
        case 'run':
          return this.#run(request);
        case 'save': {
          const image = this.#get(request.key).run.saveKept(request.control);
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

  #get(key: number): Window {
    const window = this.#windows.get(key);
    if (!window) throw new CtiError('INTERNAL', `no window ${key} in this executor`);
    return window;
  }

  /** The window, made if the request says how, its call answered if the request says what. */
  #open({ key, begin, answer }: { key: number; begin?: Begin; answer?: Answer }): Window {
    const window = begin ? this.#begin(key, begin) : this.#get(key);
    if (!answer) return window;
    window.run.answer(answer);
    if (answer.kind !== 'value' && answer.kind !== 'end') window.memory = window.run.privateBytes;
    return window;
  }

  #drop(key: number): void {
    this.#windows.get(key)?.run.close();
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

  #begin(key: number, begin: Begin): Window {
    const common = { engine: begin.engine, outputLimit: OUTPUT_LIMIT, suspends: true } as const;
    const run =
      begin.kind === 'program'
        ? this.#program(begin.hash, () => Program.load(begin.spec)).start({
            ...common,
            args: begin.args,
            tables: begin.tables,
          })
        : Run.resume(begin.image, { ...common, tables: begin.tables, regions: begin.regions });
    const window = { run, memory: run.privateBytes };
    this.#windows.set(key, window);
    return window;
  }

  #run(request: Extract<Request, { kind: 'run' }>): Reply {
    const began = performance.now();
    const { run, memory } = this.#open(request);
    if (memory > request.memory) {
      const stop = { kind: 'out_of_fuel', pc: 0, fuelUsed: 0n } as const; // it did not run; the scheduler sees why
      return { kind: 'stopped', stop, output: [], memory, elapsedMs: 0 };
    }
    let output: readonly Output[] = [];
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
          memory,
          elapsedMs: performance.now() - began,
        };
        if (stop.kind === 'exited' || stop.kind === 'trapped') this.#drop(request.key);
        return reply;
      }
    }
  }
}
