/** `ctinspector snapshot save|load|show|list`: tables as files (docs/snapshot-format.md). */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CtiError, fileError } from '../../errors.js';
import { SOURCE_NAMES, sourcesOf } from '../../sources/registry.js';
import {
  describeSnapshotFile,
  isSnapshotFile,
  loadSnapshotFile,
  type SnapshotFileFacts,
  saveSnapshots,
} from '../../sources/snapshot-file.js';
import type { TableSchema } from '../../table-schema.js';
import { TABLES } from '../../tables/generated/tables.js';
import type { TableSnapshot } from '../../tables/snapshot.js';
import { type Context, fileOf, formatOf, sourceOption } from '../context.js';
import { bytesText, count, integer, ms } from '../figures.js';
import { type Cell, writeListing } from '../output.js';
import { startProgress } from '../progress.js';
import type { Options, Status } from '../registry.js';
import { tablesOf, takeSnapshot } from '../take-snapshot.js';

const cell = (text: string, json: unknown = text): Cell => ({ text, json });

const instant = (ns: bigint): string => new Date(Number(ns / 1_000_000n)).toISOString();

const spanMs = ({ beginNs, endNs }: { beginNs: bigint; endNs: bigint }): number => Number(endNs - beginNs) / 1e6;

const one = (action: string, what: string, [path]: readonly string[], n: number): string => {
  if (path !== undefined && path !== '' && n === 1) return path;
  throw new CtiError(
    'INVALID_ARGUMENT',
    `expected one ${what} but received ${n === 0 ? 'none' : n}: ctinspector snapshot ${action} ${what === 'directory' ? 'DIR' : 'FILE'}`,
  );
};

/** What --table says; else every table that the source has. */
async function tablesToSave(options: Options): Promise<readonly TableSchema[]> {
  if (options.table !== undefined) return tablesOf(options);
  const from = fileOf(options);
  if (from === undefined) {
    const wanted = sourceOption(options);
    // A source that there is not is refused by the first table.
    const isAny = wanted === 'auto' || !SOURCE_NAMES.includes(wanted);
    return TABLES.filter(({ name }) => sourcesOf(name).some((source) => isAny || source.name === wanted));
  }
  if (!(await isSnapshotFile(from))) return tablesOf(options);
  const { tables } = await describeSnapshotFile(from);
  return TABLES.filter(({ name }) => tables.some(({ table }) => table === name));
}

async function save(context: Context, path: string, options: Options): Promise<Status> {
  const format = formatOf(options);
  const tables = await tablesToSave(options);
  const progress = await startProgress(context);
  const snapshots: TableSnapshot[] = [];
  const footer: string[] = [];
  let refused: CtiError | undefined;
  try {
    for (const table of tables) {
      try {
        const { snapshot, passedOver } = await takeSnapshot(context, table, options, progress);
        snapshots.push(snapshot);
        footer.push(...passedOver);
      } catch (error) {
        // Who asked for all that there is gets the rest, and is told. A question about it says that the file does not have it.
        const isRefused = error instanceof CtiError && error.code === 'SWITCH_REFUSED';
        if (options.table !== undefined || !isRefused) throw error;
        refused = error;
        footer.push(`${table.name} is not in the file: ${error.message}`);
      }
    }
    if (refused && snapshots.length === 0) throw refused;
    const size = await saveSnapshots(path, snapshots, context.signal);
    progress.stop();
    await writeListing(context, format, {
      columns: COLUMNS.map((name) => ({ name })),
      rows: snapshots.map(({ schema: { name }, facts }) => row(name, facts)),
      footer: [...new Set(footer), `${path}: ${bytesText(size)}; it answers every question with --from ${path}`],
      facts: { file: path, size },
    });
    return 0;
  } finally {
    progress.stop();
    for (const snapshot of snapshots) snapshot.close();
  }
}

const COLUMNS = ['table', 'rows', 'taken', 'over', 'source', 'rejected'];

function row(table: string, facts: SnapshotFileFacts['tables'][number]['facts']): Cell[] {
  const rejected = facts.rejected.reduce((sum, note) => sum + note.count, 0);
  return [
    cell(table),
    cell(integer.format(facts.nRows), facts.nRows),
    cell(instant(facts.beginNs)),
    cell(ms(spanMs(facts)), spanMs(facts)),
    cell(facts.source),
    cell(integer.format(rejected), rejected),
  ];
}

function about(path: string, facts: SnapshotFileFacts): string {
  return `${path}: ${bytesText(facts.size)}, saved ${instant(facts.savedNs)} on ${facts.host}`;
}

async function describe(context: Context, path: string, options: Options, isLoaded: boolean): Promise<Status> {
  const format = formatOf(options);
  let facts: SnapshotFileFacts;
  if (isLoaded) {
    const loaded = await loadSnapshotFile(path, context.signal);
    for (const snapshot of loaded.snapshots) snapshot.close();
    facts = loaded.facts;
  } else facts = await describeSnapshotFile(path);
  const known = new Map(TABLES.map(({ name, hash }) => [name, hash]));
  const other = facts.tables.filter(({ table, schemaHash }) => known.get(table) !== schemaHash);
  const checked = isLoaded
    ? 'every checksum, index and schema is right'
    : 'its tables were not looked at: snapshot load does';
  await writeListing(context, format, {
    columns: COLUMNS.map((name) => ({ name })),
    rows: facts.tables.map(({ table, facts }) => row(table, facts)),
    footer: [
      `${about(path, facts)}; ${checked}`,
      ...other.map(
        ({ table, schemaHash }) => `${table} has a schema (${schemaHash}) that this CTInspector does not read`,
      ),
    ],
    facts: { file: path, ...facts },
  });
  return facts.tables.length === 0 ? 1 : 0;
}

async function list(context: Context, directory: string, options: Options): Promise<Status> {
  const format = formatOf(options);
  let names: string[];
  try {
    names = (await readdir(directory)).sort();
  } catch (error) {
    throw fileError(directory, error as NodeJS.ErrnoException, '; expected a directory with snapshot files');
  }
  const rows: Cell[][] = [];
  let others = 0;
  for (const name of names) {
    const path = join(directory, name);
    if (!(await isSnapshotFile(path))) {
      others++;
      continue;
    }
    try {
      const facts = await describeSnapshotFile(path);
      const first = facts.tables.map((table) => table.facts.beginNs).reduce((a, b) => (a < b ? a : b), facts.savedNs);
      const tables = facts.tables.map(({ table, facts }) => `${table} ${integer.format(facts.nRows)}`).join(', ');
      rows.push([
        cell(name),
        cell(instant(first)),
        cell(facts.host),
        cell(
          tables,
          facts.tables.map(({ table, facts }) => ({ table, rows: facts.nRows })),
        ),
        cell(bytesText(facts.size), facts.size),
      ]);
    } catch (error) {
      if (!(error instanceof CtiError)) throw error;
      rows.push([
        cell(name),
        cell('?', null),
        cell('?', null),
        cell(error.message, { error: error.code }),
        cell('?', null),
      ]);
    }
  }
  await writeListing(context, format, {
    columns: ['file', 'taken', 'host', 'tables and rows', 'size'].map((name) => ({ name })),
    rows,
    footer: [
      `${count(rows.length, 'snapshot file')} in ${directory}; ${integer.format(others)} others; tables were not looked at: snapshot load FILE does`,
    ],
    facts: { directory, others },
  });
  return rows.length === 0 ? 1 : 0;
}

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const [action = '', ...rest] = args;
  switch (action) {
    case 'save':
      return save(context, one(action, 'file to write', rest, rest.length), options);
    case 'load':
    case 'show':
      return describe(context, one(action, 'snapshot file', rest, rest.length), options, action === 'load');
    case 'list':
      return list(context, rest.length === 0 ? '.' : one(action, 'directory', rest, rest.length), options);
    default:
      throw new CtiError('INVALID_ARGUMENT', `snapshot: expected save, load, show or list but received '${action}'`);
  }
}
