/** `ctinspector tables`: the tables, their sources, and which one is in use. */
import { SOURCES } from '../../sources/registry.js';
import type { TableSchema } from '../../table-schema.js';
import { DP_FLOWS } from '../../tables/generated/dp-flows.js';
import { type Context, formatOf, switchOptions } from '../context.js';
import { type Cell, writeListing } from '../output.js';
import type { Options, Status } from '../registry.js';

const TABLES: readonly TableSchema[] = [DP_FLOWS];

const cell = (text: string): Cell => ({ text, json: text });

export async function run(context: Context, _args: readonly string[], options: Options): Promise<Status> {
  const format = formatOf(options);
  const where = { ...switchOptions(options), signal: context.signal };
  const rows: Cell[][] = [];
  for (const table of TABLES) {
    let isTaken = false;
    for (const source of SOURCES.filter((source) => source.table === table.name)) {
      const found = await source.available(where);
      const inUse = found.ok && !isTaken;
      if (inUse) isTaken = true;
      rows.push([
        cell(table.name),
        cell(source.name),
        { text: inUse ? 'yes' : 'no', json: inUse },
        cell(found.ok ? (inUse ? found.detail : `${found.detail}; a better source is in use`) : found.reason.message),
        cell(source.doc),
      ]);
    }
  }
  await writeListing(context, format, {
    columns: ['table', 'source', 'in use', 'why', 'what it is'].map((name) => ({ name })),
    rows,
    footer: ['A saved dump answers too: --from FILE. Columns of each table: docs/reference/.'],
    facts: { tables: TABLES.map(({ name, version, hash, doc }) => ({ name, version, hash, doc })) },
  });
  return 0;
}
