/** Where a command's rows come from: the switch, by the source asked for, or a saved dump; and what reading them gave and cost, in words. */
import { stat } from 'node:fs/promises';
import { CtiError } from '../errors.js';
import { kindOfPath, openFileSet, readFileSet } from '../sources/file-set.js';
import type { OnProgress } from '../sources/job.js';
import { type Captured, captureTable } from '../sources/registry.js';
import { isSnapshotFile, readSnapshotFile } from '../sources/snapshot-file.js';
import { readTextFile } from '../sources/text-file.js';
import { formOf, TEXT_FORMS } from '../sources/text-forms.js';
import type { TableSchema } from '../table-schema.js';
import { DP_FLOWS } from '../tables/generated/dp-flows.js';
import { TABLES } from '../tables/generated/tables.js';
import type { Note, SampleFacts, SnapshotFacts, TableSnapshot } from '../tables/snapshot.js';
import { type Context, fileOf, sourceOption, switchOptions } from './context.js';
import { bytesText, count, integer, ms } from './figures.js';
import { keepOff } from './keep-off.js';
import type { Progress } from './progress.js';
import type { Options } from './registry.js';

/** The tables of --table, dp_flows without. */
export function tablesOf({ table: given }: Options): readonly TableSchema[] {
  const names = [...new Set(given === undefined ? [DP_FLOWS.name] : (given as readonly string[]))];
  return names.map((name) => {
    const found = TABLES.find((table) => table.name === name);
    if (found) return found;
    const there = TABLES.map((table) => table.name).join(', ');
    throw new CtiError('INVALID_ARGUMENT', `--table: expected a table out of ${there} but received '${name}'`);
  });
}

/** The file of `changes since`. What is no file may have been meant as a time. */
export async function takeSince(
  context: Context,
  table: TableSchema,
  path: string,
  progress: Progress,
): Promise<Captured> {
  try {
    return await takeFile(context, table, path, progress);
  } catch (error) {
    if (!(error instanceof CtiError) || (error.cause as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT')
      throw error;
    throw new CtiError('FILE', `changes since: ${error.message}, or a time with its unit, 10s`, { cause: error.cause });
  }
}

/** A table of a file: of `snapshot save`, or saved texts, one or a set of them. The caller closes the snapshot. */
export async function takeFile(
  { signal }: Context,
  table: TableSchema,
  path: string,
  progress: Progress,
): Promise<Captured> {
  if (path !== '-' && (await isSnapshotFile(path))) {
    progress.update(`reading ${path}`);
    return { snapshot: await readSnapshotFile(path, table, signal), passedOver: [] };
  }
  if (!formOf(table.name)) {
    const names = TEXT_FORMS.map(({ schema }) => schema.name).join(', ');
    throw new CtiError(
      'INVALID_ARGUMENT',
      `--from: the tables that are read from texts are ${names}, not ${table.name}; ask a switch, or a file of snapshot save`,
    );
  }
  const size =
    path === '-'
      ? 0
      : await stat(path).then(
          (file) => file.size,
          () => 0,
        );
  const kind = await kindOfPath(path);
  const isPacked = /\.(gz|xz)$/.test(path) || kind !== 'text';
  const onProgress: OnProgress = ({ bytes, rows }) =>
    progress.update(`reading ${path}: ${count(rows, 'row')}`, bytes, isPacked ? 0 : size);
  if (kind === 'text') return { snapshot: await readTextFile(table, path, { signal, onProgress }), passedOver: [] };
  return readFileSet(await openFileSet(path, kind, { signal }), table, { signal, onProgress });
}

/** What ctinspectord hands over: at most so old (null: as it is configured), and not `last` again. */
export interface HandOver {
  readonly maxAgeMs: number | null;
  readonly last?: TableSnapshot | undefined;
}

/** ctinspectord's snapshot, in memory that is shared with it. */
export async function fromDaemon(
  table: TableSchema,
  options: Options,
  signal: AbortSignal,
  { maxAgeMs, last }: HandOver = { maxAgeMs: null },
): Promise<Captured> {
  const { openDaemon } = await import('./ask-daemon.js');
  const client = openDaemon(options);
  try {
    let handed = await client.snapshot(table.name, maxAgeMs, signal);
    if (handed.snapshot.generation === last?.generation) {
      handed.snapshot.close();
      handed = await client.snapshot(table.name, 0, signal);
    }
    const { snapshot, passedOver, pid } = handed;
    return {
      snapshot,
      passedOver: [
        ...passedOver,
        `the snapshot was handed over by ctinspectord, process ${pid}; the question ran here`,
      ],
    };
  } finally {
    client.close();
  }
}

/** The caller closes the snapshot. */
export async function takeSnapshot(
  context: Context,
  table: TableSchema,
  options: Options,
  progress: Progress,
): Promise<Captured> {
  const { signal } = context;
  if (options.daemon !== undefined) return fromDaemon(table, options, signal);
  const path = fileOf(options);
  const where = { ...switchOptions(options), signal };
  if (path !== undefined) return takeFile(context, table, path, progress);
  const onProgress: OnProgress = ({ bytes, rows }) =>
    progress.update(
      bytes === 0 ? 'waiting for the switch to make its dump' : `reading: ${count(rows, 'row')}, ${bytesText(bytes)}`,
    );
  const captured = await captureTable(table.name, sourceOption(options), { ...where, onProgress });
  if (options.fast !== true) keepOff(captured.snapshot);
  return captured;
}

const noteText = ({ what, sample, count }: Note): string => `${integer.format(count)} × ${what} (first: ${sample})`;

/** How two samples differ in time and in rows. */
function sampleLines({
  intervalMs,
  before,
  rates,
  nBorn,
  nGone,
  nBackwards,
  nUncertain,
  notCompared,
  isBornKnown,
  nAfter,
}: SampleFacts): string[] {
  const apart =
    intervalMs === null ? 'two samples, it is not known how far apart' : `two samples ${ms(intervalMs)} apart`;
  const gone = nAfter === undefined ? `, ${integer.format(nGone)} gone since` : '';
  const said = isBornKnown
    ? 'their rates are of all they counted since'
    : 'their rates are not known: the earlier reading left rows out';
  const born =
    nAfter === undefined
      ? `; ${count(nBorn, 'row')} born in between${rates.length > 0 && nBorn > 0 ? ` (${said})` : ''}`
      : `; ${integer.format(before.nRows)} rows then, ${integer.format(nAfter)} now: ${integer.format(nBorn)} new, ${integer.format(nGone)} gone`;
  const back =
    nBackwards > 0 ? [`${count(nBackwards, 'row')} with a counter that went backwards: rates not known`] : [];
  const unsure =
    nUncertain > 0
      ? [
          `${count(nUncertain, 'row')} of an identity that several rows have: which was which is not certain${rates.length > 0 ? ', rates not known' : ''}`,
        ]
      : [];
  const left =
    notCompared.length > 0
      ? [`not compared, because only one of the two samples says it: ${notCompared.join(', ')}`]
      : [];
  return [`${apart}, the earlier from ${before.source}${born}${gone}`, ...back, ...unsure, ...left];
}

/** When the rows were read, and what of them is not in the table or not understood. */
export function readingLines(about: SnapshotFacts): string[] {
  const lines: string[] = [];
  const span = Number(about.endNs - about.beginNs) / 1e6;
  const begin = new Date(Number(about.beginNs / 1_000_000n)).toISOString();
  lines.push(
    `snapshot taken from ${begin} over ${ms(span)}; rejected: ${about.rejected.length === 0 ? 'none' : about.rejected.map(noteText).join('; ')}`,
  );
  if (about.samples) lines.push(...sampleLines(about.samples));
  if (about.unknown.length > 0) lines.push(`kept as text, not understood: ${about.unknown.map(noteText).join('; ')}`);
  if (about.nVerbatim > 0) lines.push(`${count(about.nVerbatim, 'row')} printed from the text as received`);
  return lines;
}

export function costLine({ cost }: SnapshotFacts): string {
  if (!cost) return 'cost to the switch: none';
  const cpu = cost.cpuMs === null ? 'CPU time not visible' : `${ms(cost.cpuMs)} CPU of its main thread`;
  const memory = cost.rssGrowthBytes === null ? 'memory not visible' : `${bytesText(cost.rssGrowthBytes)} more memory`;
  return `cost to the switch: ${count(cost.requests.length, 'request')}, busy ${ms(cost.requestMs)}, ${cpu}, reply ${bytesText(cost.replyBytes)}, ${memory}`;
}
