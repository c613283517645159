/** Where a command's rows come from: the switch, by the source asked for, or a saved dump; and what reading them gave and cost, in words. */
import { stat } from 'node:fs/promises';
import { CtiError } from '../errors.js';
import { readDpFlowsFile } from '../sources/dp-flows.js';
import type { OnProgress } from '../sources/job.js';
import { type Captured, captureTable } from '../sources/registry.js';
import type { TableSchema } from '../table-schema.js';
import { DP_FLOWS } from '../tables/generated/dp-flows.js';
import type { Note, SnapshotFacts } from '../tables/snapshot.js';
import { type Context, fileOf, sourceOption, switchOptions } from './context.js';
import { bytesText, count, integer, ms } from './figures.js';
import type { Progress } from './progress.js';
import type { Options } from './registry.js';

/** ctinspectord's snapshot, in memory that is shared with it. */
async function fromDaemon(table: TableSchema, options: Options, signal: AbortSignal): Promise<Captured> {
  const { openDaemon } = await import('./ask-daemon.js');
  const client = openDaemon(options);
  try {
    const { snapshot, passedOver, pid } = await client.snapshot(table.name, null, signal);
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
  if (path !== undefined) {
    if (table.name !== DP_FLOWS.name) {
      throw new CtiError(
        'INVALID_ARGUMENT',
        `--from: a saved dpctl/dump-flows has the table ${DP_FLOWS.name}, not ${table.name}; ask a switch`,
      );
    }
    const size =
      path === '-'
        ? 0
        : await stat(path).then(
            (file) => file.size,
            () => 0,
          );
    const isPacked = path.endsWith('.gz');
    const onProgress: OnProgress = ({ bytes, rows }) =>
      progress.update(`reading ${path}: ${count(rows, 'row')}`, bytes, isPacked ? 0 : size);
    return { snapshot: await readDpFlowsFile(path, { signal, onProgress }), passedOver: [] };
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
