/** The tables that a program of `ctinspector run` finds with table_open, and what reading them gave and cost. */

import type { TableMapping } from '../runner/program.js';
import { captureDpFlows, readDpFlowsFile } from '../sources/dp-flows.js';
import type { SnapshotFacts, TableSnapshot } from '../tables/snapshot.js';
import { type Context, switchOptions } from './context.js';
import { startProgress } from './progress.js';
import type { Options } from './registry.js';

export interface GivenTables {
  readonly mappings: readonly TableMapping[];
  /** One sentence a line, for people. */
  readonly footer: readonly string[];
  /** The same for scripts; null: no table was read. */
  readonly facts: Readonly<Record<string, unknown>> | null;
  close(): void;
}

/** A snapshot's segments as a run maps them. The descriptors stay the snapshot's. */
export function mappingOf(snapshot: TableSnapshot): TableMapping {
  const { schema, generation, facts, segments } = snapshot;
  return {
    name: schema.name,
    nRows: facts.nRows,
    generation,
    schemaHash: schema.hash,
    segments: segments.map(({ name, fd, size, stride, nRecords }) => ({ name, fd, size, stride, nRecords })),
  };
}

function footerOf(table: string, { source, nRows, beginNs, endNs, rejected, cost }: SnapshotFacts): string[] {
  const ms = Number(endNs - beginNs) / 1e6;
  const lines = [`${table}: ${nRows} rows from ${source}, read in ${ms.toFixed(0)} ms`];
  for (const { what, count, sample } of rejected) lines.push(`${count} rows left out: ${what}, the first: ${sample}`);
  if (cost) {
    const cpu = cost.cpuMs === null ? '' : `, ${cost.cpuMs.toFixed(0)} ms of its processor time`;
    lines.push(`cost to the switch: ${cost.replyBytes} bytes in ${cost.requestMs.toFixed(0)} ms${cpu}`);
  }
  return lines;
}

async function readDpFlows(context: Context, options: Options): Promise<TableSnapshot> {
  const progress = await startProgress(context);
  const onProgress = ({ bytes, rows }: { bytes: number; rows: number }) =>
    progress.update(`reading dp_flows: ${rows} rows, ${(bytes / 1e6).toFixed(0)} MB`);
  try {
    const { signal } = context;
    if (typeof options.from === 'string') return await readDpFlowsFile(options.from, { signal, onProgress });
    return await captureDpFlows({ ...switchOptions(options), signal, onProgress });
  } finally {
    progress.stop();
  }
}

/** Reads dp_flows if the program opens tables. The caller closes it. */
export async function openTables(context: Context, options: Options, isNeeded: boolean): Promise<GivenTables> {
  if (!isNeeded) {
    const footer = options.from === undefined ? [] : ['the program does not call table_open, so --from was not read'];
    return { mappings: [], footer, facts: null, close: () => {} };
  }
  const snapshot = await readDpFlows(context, options);
  return {
    mappings: [mappingOf(snapshot)],
    footer: footerOf(snapshot.schema.name, snapshot.facts),
    facts: { [snapshot.schema.name]: { ...snapshot.facts } },
    close: () => snapshot.close(),
  };
}
