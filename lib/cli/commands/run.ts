/** `ctinspector run FILE...`: C programs and object files, linked and run over the tables. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CtiError } from '../../errors.js';
import { escapeText } from '../../escape.js';
import { TRAPS } from '../../generated/traps.js';
import { type LinkedProgram, link } from '../../linker/link.js';
import { loadObject } from '../../loader/load-object.js';
import type { ObjectSpec } from '../../loader/spec.js';
import { DEFAULT_FUEL, type Output } from '../../runner/program.js';
import type { Context } from '../context.js';
import { type Ended, execute } from '../execute.js';
import { toJson } from '../output.js';
import type { Options, Status } from '../registry.js';
import { type GivenTables, openTables } from '../tables-for-run.js';
import { compileShown } from './compile.js';

const MAX_FUEL = (1n << 63n) - 1n;

const refuse = (option: string, expected: string, received: string) =>
  new CtiError('INVALID_ARGUMENT', `${option}: expected ${expected}, received '${received}'`);

function parseInteger(option: string, text: string, expected: string, min: bigint, max: bigint): bigint {
  const match = /^(-?)(0x[0-9a-f]+|\d+)$/i.exec(text.trim());
  if (!match) throw refuse(option, expected, text);
  const value = BigInt(match[2] ?? '') * (match[1] === '-' ? -1n : 1n);
  if (value < min || value > max) throw refuse(option, expected, text);
  return value;
}

function parseArgs(given: unknown): bigint[] {
  const list = Array.isArray(given) ? (given as string[]) : [];
  if (list.length > 5) throw refuse('--arg', 'at most five', `${list.length} of them`);
  return list.map((text) =>
    parseInteger('--arg', text, 'a number of 64 bits such as 7, -1 or 0xff', -(1n << 63n), (1n << 64n) - 1n),
  );
}

async function readObject(file: string, shownAs = file): Promise<ObjectSpec> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new CtiError('FILE', `cannot read ${shownAs}: ${(error as Error).message}`, { cause: error });
  }
  return loadObject(bytes, shownAs);
}

/** The objects of `files`; those that end in .c are compiled into a directory that is gone afterwards. */
async function objectsOf(context: Context, files: readonly string[]): Promise<ObjectSpec[]> {
  let dir: string | undefined;
  try {
    const objects: ObjectSpec[] = [];
    for (const [i, file] of files.entries()) {
      if (!file.endsWith('.c')) {
        objects.push(await readObject(file));
        continue;
      }
      dir ??= await mkdtemp(join(tmpdir(), 'ctinspector-'));
      const object = join(dir, `${i}-${basename(file, '.c')}.o`);
      await compileShown(context, file, object);
      objects.push(await readObject(object, file));
    }
    return objects;
  } finally {
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Lines and tabs of a program stay; all else that could steer a terminal does not. */
const printable = (text: string): string =>
  text
    .split(/([\n\t])/)
    .map((part, i) => (i % 2 === 1 ? part : escapeText(part)))
    .join('');

function signed(r0: bigint): string {
  const value = BigInt.asIntN(64, r0);
  return value < 0n ? `${r0} (${value})` : String(r0);
}

/** One sentence about an end that is not an exit. */
function stopSentence(linked: LinkedProgram, end: Exclude<Ended, { kind: 'exited' }>): string {
  const where = linked.debug.describe(end.pc);
  if (end.kind === 'out_of_fuel') {
    return `the program used up its fuel (${end.totalFuel}) and stopped at ${where}; give it more with --fuel, or look for an endless loop`;
  }
  const address = end.address === undefined ? '' : `, address 0x${end.address.toString(16)}`;
  return `${end.trap} at ${where}${address}: ${TRAPS[end.trap].doc}`;
}

function reportText(context: Context, linked: LinkedProgram, end: Ended, tables: GivenTables): Status {
  for (const line of tables.footer) context.stderr.write(`${escapeText(line)}\n`);
  if (end.kind === 'exited') {
    context.stdout.write(`result: ${signed(end.r0)}\n`);
    return 0;
  }
  context.stderr.write(`ctinspector: ${escapeText(stopSentence(linked, end))}\n`);
  return 2;
}

function reportJson(
  context: Context,
  linked: LinkedProgram,
  end: Ended,
  tables: GivenTables,
  output: readonly Output[],
): Status {
  const line = linked.debug.locate(end.pc);
  const facts = {
    stop: end.kind,
    ...(end.kind === 'exited' ? { r0: String(end.r0) } : {}),
    ...(end.kind === 'trapped'
      ? { trap: end.trap, ...(end.address === undefined ? {} : { address: end.address }) }
      : {}),
    pc: end.pc,
    function: linked.debug.functionAt(end.pc) ?? null,
    source: line ?? null,
    fuel_used: String(end.totalFuel),
    output: output.map((piece) =>
      piece.kind === 'text' ? { text: piece.text } : { type: String(piece.type), record: hexOf(piece.bytes) },
    ),
    tables: tables.facts,
  };
  context.stdout.write(`${toJson(facts, 2)}\n`);
  return end.kind === 'exited' ? 0 : 2;
}

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const format = options.format ?? 'text';
  if (format !== 'text' && format !== 'json') throw refuse('--format', 'text or json', String(format));
  const programArgs = parseArgs(options.arg);
  const fuel =
    options.fuel === undefined
      ? DEFAULT_FUEL
      : parseInteger('--fuel', String(options.fuel), 'a number from 1 to 2^63 - 1', 1n, MAX_FUEL);
  const entry = typeof options.entry === 'string' ? { entry: options.entry } : {};
  const linked = link(await objectsOf(context, args), entry);
  const needsTables = linked.spec.imports.some((item) => item.name === 'table_open');
  const tables = await openTables(context, options, needsTables);
  try {
    const kept: Output[] = [];
    let nRecords = 0;
    const onOutput = (output: readonly Output[]) => {
      if (format === 'json') kept.push(...output);
      for (const piece of output) {
        if (piece.kind === 'record') nRecords++;
        else if (format === 'text') context.stdout.write(printable(piece.text));
      }
    };
    const given = { args: programArgs, tables: tables.mappings, fuel };
    const end = await execute(linked, given, context.signal, onOutput);
    if (format === 'json') return reportJson(context, linked, end, tables, kept);
    if (nRecords > 0) context.stderr.write(`emitted records: ${nRecords}; --format json shows them\n`);
    return reportText(context, linked, end, tables);
  } finally {
    tables.close();
  }
}
