/** `ctinspector image show|save|resume`: programs that have stopped, as files (docs/image-format.md). */
import { readFile, writeFile } from 'node:fs/promises';
import { errno } from '../../errno.js';
import { CtiError, fileError } from '../../errors.js';
import { DEFAULT_FUEL, decodeImage, disassembleImage, type Engine, Program } from '../../runner/program.js';
import { newId } from '../../scheduler/admission.js';
import { Scheduler } from '../../scheduler/scheduler.js';
import type { Context } from '../context.js';
import { imageText } from '../image-text.js';
import { parseFuel, refuse } from '../numbers.js';
import { toJson } from '../output.js';
import { linkPrograms } from '../program-files.js';
import type { Options, Status } from '../registry.js';
import { runPrograms } from '../run-programs.js';
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

/** Runs until the fuel is used up or the program waits at the call that was named (at any, if none was), and writes the image. */
async function save(context: Context, files: readonly string[], options: Options): Promise<Status> {
  const [program, ...others] = await linkPrograms(
    context,
    files,
    typeof options.entry === 'string' ? { entry: options.entry } : {},
  );
  if (!program || others.length > 0) throw new CtiError('INVALID_ARGUMENT', 'expected the files of one program');
  const into = typeof options.output === 'string' ? options.output : `${program.name}.img`;
  const fuel = options.fuel === undefined ? DEFAULT_FUEL : parseFuel('--fuel', String(options.fuel));
  using run = Program.load(program.linked!.spec).start({
    suspends: true,
    engine: parseEngine(options.engine),
    args: parseArgs(options.arg),
  });
  let fuelUsed = 0n;
  for (;;) {
    const stop = run.step(fuel - fuelUsed);
    fuelUsed += stop.fuelUsed;
    if (stop.kind === 'exited' || stop.kind === 'trapped') {
      throw new CtiError(
        'INVALID_ARGUMENT',
        `the program ${stop.kind} at ${program.linked!.debug.describe(stop.pc)} before it stopped at ${options.at ?? 'a call'}; there is no image of one that has ended (--fuel stops it earlier)`,
      );
    }
    if (stop.kind === 'suspended' && options.at !== undefined && stop.call.name !== options.at && fuelUsed < fuel) {
      run.answer({ kind: 'value', r0: errno('ENOSYS') });
      continue;
    }
    const image = run.save({ id: newId(), epoch: 0n, name: program.name, fuelUsed });
    await writeFile(into, image).catch((error) => {
      throw new CtiError('FILE', `cannot write ${into}: ${(error as Error).message}`, { cause: error });
    });
    const what = stop.kind === 'suspended' ? `waits at ${stop.call.name}` : 'is out of fuel';
    context.stdout.write(
      `${into}: ${image.length} bytes; ${program.name} ${what} at ${program.linked!.debug.describe(stop.pc)}\n`,
    );
    return 0;
  }
}

async function resume(context: Context, files: readonly string[], options: Options): Promise<Status> {
  const format = parseFormat(options);
  const image = await readImage(theFile(files));
  const { name } = decodeImage(image);
  const scheduler = new Scheduler();
  try {
    const { ran, lost } = await runPrograms(context, scheduler, [{ name, image }], {
      args: [],
      tables: [],
      budget: parseBudget(options),
      priorities: [],
      durable: false,
      keepsOutput: format === 'json',
      engine: parseEngine(options.engine),
    });
    return report(context, format, { ran, lost, tables: NO_TABLES });
  } finally {
    await scheduler.close();
  }
}

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const [action, ...files] = args;
  if (action === 'show') return show(context, files, options);
  if (action === 'save') return save(context, files, options);
  if (action === 'resume') return resume(context, files, options);
  throw new CtiError('INVALID_ARGUMENT', `expected show, save or resume, received '${action}'`);
}
