/** Runs programs on a scheduler to their ends: their output as it comes, Ctrl-C, what the journal brings back. Says how each ended. */
import { once } from 'node:events';
import { escapeText } from '../escape.js';
import type { LinkedProgram } from '../linker/link.js';
import type { Engine, Output, TableMapping } from '../runner/program.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { Budget, Task, TaskEnd } from '../scheduler/task.js';
import type { Context } from './context.js';
import type { NamedProgram } from './program-files.js';

export interface Ran {
  readonly task: Task;
  readonly end: TaskEnd;
  /** Undefined of one that came back from the journal: only its image is there. */
  readonly linked: LinkedProgram | undefined;
  /** All of it, if it was to be kept. */
  readonly output: readonly Output[];
  readonly nRecords: number;
}

export interface RunProgramsOptions {
  readonly args: readonly bigint[];
  readonly tables: readonly TableMapping[];
  readonly budget: Budget;
  /** One for all, or one a program. */
  readonly priorities: readonly number[];
  readonly durable: boolean;
  readonly engine?: Engine;
  /** Is told what to do with the output of children; they are shown as programs are. */
  readonly forked?: { onOutput?: (output: readonly Output[], task: Task) => void | Promise<void> };
  /** Told of each program's task before it runs; not of those that come back from a journal. */
  readonly started?: (task: Task) => void;
  /** Keep the output for the report instead of showing it. */
  readonly keepsOutput: boolean;
}

/** Lines and tabs of a program stay; all else that could steer a terminal does not. */
const printable = (text: string): string =>
  text
    .split(/([\n\t])/)
    .map((part, i) => (i % 2 === 1 ? part : escapeText(part)))
    .join('');

/** One program's output: shown at once, or line by line behind its name where there are several. */
export class Sink {
  readonly kept: Output[] = [];
  nRecords = 0;
  readonly #context: Context;
  readonly #prefix: string;
  readonly #keeps: boolean;
  #line = '';

  constructor(context: Context, prefix: string, keeps: boolean) {
    this.#context = context;
    this.#prefix = prefix;
    this.#keeps = keeps;
  }

  take(output: readonly Output[]): void | Promise<void> {
    let text = '';
    for (const piece of output) {
      if (this.#keeps) this.kept.push(piece);
      if (piece.kind === 'record') this.nRecords++;
      else text += piece.text;
    }
    return this.#keeps ? undefined : this.#show(text);
  }

  /** A promise if standard output wants to be waited for. */
  #show(text: string): void | Promise<void> {
    let shown = printable(text);
    if (this.#prefix !== '') {
      const lines = (this.#line + shown).split('\n');
      this.#line = lines.pop() ?? '';
      shown = lines.map((line) => `${this.#prefix}${line}\n`).join('');
    }
    const { stdout } = this.#context;
    if (shown === '' || stdout.write(shown)) return;
    return once(stdout, 'drain').then(() => {});
  }

  /** A last line that nothing ended. */
  finish(): void {
    if (this.#line !== '') this.#context.stdout.write(`${this.#prefix}${this.#line}\n`);
    this.#line = '';
  }
}

/** Ends when all programs have. The scheduler stays the caller's to close; Ctrl-C closes it early. */
export async function runPrograms(
  context: Context,
  scheduler: Scheduler,
  programs: readonly NamedProgram[],
  options: RunProgramsOptions,
): Promise<{ ran: readonly Ran[]; lost: readonly { name: string; reason: string }[] }> {
  const sinks = new Map<string, Sink>();
  const onOutput = (output: readonly Output[], task: Task): void | Promise<void> => {
    let sink = sinks.get(task.id);
    if (!sink) {
      const isAlone = programs.length === 1 && tasks.length === 1;
      sink = new Sink(context, isAlone ? '' : `${escapeText(task.name)}: `, options.keepsOutput);
      sinks.set(task.id, sink);
    }
    return sink.take(output);
  };
  if (options.forked) options.forked.onOutput = onOutput;
  const { tasks: back, lost } = scheduler.recover({ onOutput });
  const tasks: { task: Task; linked: LinkedProgram | undefined }[] = back.map((task) => ({ task, linked: undefined }));
  for (const [i, { name, linked, image }] of programs.entries()) {
    const priority = options.priorities[i] ?? options.priorities[0];
    const common = {
      name,
      budget: options.budget,
      durable: options.durable,
      engine: options.engine ?? 'auto',
      ...(priority === undefined ? {} : { priority }),
      onOutput,
    };
    const { args, tables: given } = options;
    const task = image
      ? scheduler.submit(image, common)
      : scheduler.submit(linked!.spec, { ...common, args, tables: given });
    options.started?.(task);
    tasks.push({ task, linked });
  }
  const stop = (): void => void scheduler.close('stopped on request');
  context.signal.addEventListener('abort', stop);
  if (context.signal.aborted) stop();
  try {
    const ran: Ran[] = [];
    for (const { task, linked } of tasks) {
      const end = await task.done;
      const sink = sinks.get(task.id);
      sink?.finish();
      ran.push({ task, end, linked, output: sink?.kept ?? [], nRecords: sink?.nRecords ?? 0 });
    }
    // What they forked, and did not wait for.
    for (;;) {
      const left = scheduler.list().filter(({ end }) => end === undefined);
      if (left.length === 0) break;
      await Promise.all(left.map(({ done }) => done));
    }
    for (const sink of sinks.values()) sink.finish();
    return { ran, lost };
  } finally {
    context.signal.removeEventListener('abort', stop);
  }
}
