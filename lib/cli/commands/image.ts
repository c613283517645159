/** `ctinspector image show|save|resume`: programs that have stopped, as files (docs/image-format.md). */
import { readFile, writeFile } from 'node:fs/promises';
import { CtiError, fileError } from '../../errors.js';
import { KERNEL_FUNCTIONS } from '../../generated/kernel-functions.js';
import { DEFAULT_FUEL, decodeImage, disassembleImage, type Engine, withControl } from '../../runner/program.js';
import type { KernelFunctionHandler } from '../../scheduler/kernel-call.js';
import type { Scheduler } from '../../scheduler/scheduler.js';
import type { Context } from '../context.js';
import { imageText } from '../image-text.js';
import { parseFuel, refuse } from '../numbers.js';
import { toJson } from '../output.js';
import { linkPrograms } from '../program-files.js';
import type { Options, Status } from '../registry.js';
import { openRunHost, type RunHost, THIS_NODE } from '../run-maps.js';
import { aloneOnNode, type HostedOptions, hostedScheduler, mayLeaveFrom } from '../run-nodes.js';
import { type RunProgramsOptions, runPrograms } from '../run-programs.js';
import { report } from '../run-report.js';
import { NO_TABLES } from '../tables-for-run.js';
import { parseArgs, parseBudget, parseFormat } from './run.js';

async function readImage(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw fileError(file, error as NodeJS.ErrnoException, '; expected an image, as `ctinspector image save` writes it');
  }
}

function theFile(files: readonly string[]): string {
  const [file] = files;
  if (file !== undefined && files.length === 1) return file;
  throw new CtiError('INVALID_ARGUMENT', `expected one file, received ${files.length}`);
}

function parseEngine(value: unknown): Engine {
  const engine = value ?? 'auto';
  if (engine === 'auto' || engine === 'jit' || engine === 'interpreter') return engine;
  throw refuse('--engine', 'auto, jit or interpreter', String(engine));
}

async function show(context: Context, files: readonly string[], options: Options): Promise<Status> {
  const image = await readImage(theFile(files));
  const facts = decodeImage(image);
  if (parseFormat(options) === 'json') {
    context.stdout.write(
      `${toJson({ size: image.length, ...facts, code: disassembleImage(image).trimEnd().split('\n') }, 2)}\n`,
    );
  } else {
    context.stdout.write(`${imageText(facts, image.length)}\n${disassembleImage(image)}`);
  }
  return 0;
}

interface OnHost {
  readonly host: RunHost;
  /** As `run` gives it: regions, tables, hooks, a node by itself. */
  scheduler(options: HostedOptions): Scheduler;
}

/** What `run` gives its programs, for one of them; tables are read when it opens them. */
async function onHost(context: Context, options: Options, act: (on: OnHost) => Promise<Status>): Promise<Status> {
  const host = await openRunHost(context, options, THIS_NODE);
  let scheduler: Scheduler | undefined;
  try {
    return await act({
      host,
      scheduler: (more) => {
        const leave = mayLeaveFrom([host]);
        scheduler = aloneOnNode((functions) => hostedScheduler(host, functions, more), leave);
        return scheduler;
      },
    });
  } finally {
    await scheduler?.close();
    host.close();
  }
}

/** An image by itself: fuel and time that were left are of the run that made it. */
const withoutBudget = (image: Uint8Array): Uint8Array =>
  withControl(image, { fuelLeft: undefined, lifetimeLeftNs: undefined });

/** Runs until the fuel is used up or the program waits at the call that was named (at any, if none was), and writes the image. */
async function save(context: Context, files: readonly string[], options: Options): Promise<Status> {
  const [program, ...others] = await linkPrograms(
    context,
    files,
    typeof options.entry === 'string' ? { entry: options.entry } : {},
  );
  const linked = program?.linked;
  if (!linked || others.length > 0) throw new CtiError('INVALID_ARGUMENT', 'expected the files of one program');
  const into = typeof options.output === 'string' ? options.output : `${program.name}.img`;
  const { spec, debug } = linked;
  const set = KERNEL_FUNCTIONS[spec.kernelFunctions ?? 'ctinspector'];
  const suspending = Object.entries(set).flatMap(([name, { suspends }]) => (suspends ? [name] : []));
  const { at } = options;
  if (at !== undefined && !suspending.includes(String(at))) {
    throw refuse('--at', `a kernel function that suspends: ${suspending.join(', ')}`, String(at));
  }
  const fuel = options.fuel === undefined ? DEFAULT_FUEL : parseFuel('--fuel', String(options.fuel));
  const engine = parseEngine(options.engine);
  return onHost(context, options, async ({ host, scheduler: make }) => {
    const args = parseArgs(options.arg, host.handle);
    const stopped: { image?: Uint8Array } = {};
    const stopHere: KernelFunctionHandler = async ({ task }) => {
      stopped.image ??= await scheduler.image(task);
      task.kill('its image is saved');
      return { kind: 'value', r0: 0n };
    };
    const stops = Object.fromEntries((at === undefined ? suspending : [String(at)]).map((name) => [name, stopHere]));
    const scheduler = make({ wrap: (functions) => ({ ...functions, ...stops }) });
    const task = scheduler.submit(spec, {
      name: program.name,
      args,
      budget: { fuel },
      engine,
      onOutOfFuel: (image) => {
        stopped.image = image;
      },
    });
    host.started(task);
    const stop = (): void => void scheduler.close('stopped on request');
    context.signal.addEventListener('abort', stop);
    const end = await task.done;
    context.signal.removeEventListener('abort', stop);
    if (!stopped.image) {
      const where = 'pc' in end && end.pc !== undefined ? ` at ${debug.describe(end.pc)}` : '';
      throw new CtiError(
        'INVALID_ARGUMENT',
        `the program ${end.kind}${where} before it stopped at ${at ?? 'a call'}; there is no image of one that has ended (--fuel stops it earlier)`,
      );
    }
    const image = withoutBudget(stopped.image);
    await writeFile(into, image).catch((error) => {
      throw new CtiError('FILE', `cannot write ${into}: ${(error as Error).message}`, { cause: error });
    });
    const { pc, pending } = decodeImage(image);
    const what = pending ? `waits at ${pending.name}` : 'is out of fuel';
    context.stdout.write(`${into}: ${image.length} bytes; ${program.name} ${what} at ${debug.describe(pc)}\n`);
    return 0;
  });
}

async function resume(context: Context, files: readonly string[], options: Options): Promise<Status> {
  const format = parseFormat(options);
  const image = await readImage(theFile(files));
  const { name } = decodeImage(image);
  const engine = parseEngine(options.engine);
  const budget = parseBudget(options);
  return onHost(context, options, async ({ host, scheduler: make }) => {
    const forked: NonNullable<RunProgramsOptions['forked']> = {};
    const scheduler = make({ onOutput: (output, task) => forked.onOutput?.(output, task) });
    const { ran, lost } = await runPrograms(context, scheduler, [{ name, image }], {
      args: [],
      tables: [],
      budget,
      priorities: [],
      durable: false,
      keepsOutput: format === 'json',
      engine,
      started: host.started,
      forked,
    });
    return report(context, format, { ran, lost, tables: { ...NO_TABLES, footer: host.lines } });
  });
}

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const [action, ...files] = args;
  if (action === 'show') return show(context, files, options);
  if (action === 'save') return save(context, files, options);
  if (action === 'resume') return resume(context, files, options);
  throw new CtiError('INVALID_ARGUMENT', `expected show, save or resume, received '${action}'`);
}
