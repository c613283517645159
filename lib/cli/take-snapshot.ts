/** Where a command's rows come from: the switch, by the source asked for, or a saved dump; and what reading them gave and cost, in words. */
import { stat } from 'node:fs/promises';
import { CtiError } from '../errors.js';
import { kindOfPath, openFileSet, readFileSet } from '../sources/file-set.js';
import type { OnProgress } from '../sources/job.js';
import { type Captured, captureTable } from '../sources/registry.js';
import { readTextFile } from '../sources/text-file.js';
import { formOf, TEXT_FORMS } from '../sources/text-forms.js';
import type { TableSchema } from '../table-schema.js';
import type { Note, SnapshotFacts } from '../tables/snapshot.js';
import { type Context, fileOf, sourceOption, switchOptions } from './context.js';
import { bytesText, count, integer, ms } from './figures.js';
import type { Progress } from './progress.js';
import type { Options } from './registry.js';

/** The caller closes the snapshot. */
export async function takeSnapshot(
  context: Context,
  table: TableSchema,
  options: Options,
  progress: Progress,
): Promise<Captured> {
  const { signal } = context;
  const path = fileOf(options);
  const where = { ...switchOptions(options), signal };
  if (path !== undefined) {
    if (!formOf(table.name)) {
      const names = TEXT_FORMS.map(({ schema }) => schema.name).join(', ');
      throw new CtiError(
        'INVALID_ARGUMENT',
        `--from: the tables that are read from files are ${names}, not ${table.name}; ask a switch`,
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
  const onProgress: OnProgress = ({ bytes, rows }) =>
    progress.update(
      bytes === 0 ? 'waiting for the switch to make its dump' : `reading: ${count(rows, 'row')}, ${bytesText(bytes)}`,
    );
  return captureTable(table.name, sourceOption(options), { ...where, onProgress });
}

const noteText = ({ what, sample, count }: Note): string => `${integer.format(count)} × ${what} (first: ${sample})`;

/** When the rows were read, and what of them is not in the table or not understood. */
export function readingLines(about: SnapshotFacts): string[] {
  const lines: string[] = [];
  const span = Number(about.endNs - about.beginNs) / 1e6;
  const begin = new Date(Number(about.beginNs / 1_000_000n)).toISOString();
  lines.push(
    `snapshot taken from ${begin} over ${ms(span)}; rejected: ${about.rejected.length === 0 ? 'none' : about.rejected.map(noteText).join('; ')}`,
  );
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
