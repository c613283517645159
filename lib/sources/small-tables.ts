/**
 * The tables that are read whole at one go (pmds, ports): from a switch's memory, or by what it prints. native/ovs/small_tables.cc has the
 * readers of both; here they are proved against each other.
 */
import { addon } from '../addon.js';
import { CtiError } from '../errors.js';
import type { TableSchema } from '../table-schema.js';
import { formatCell } from '../tables/format.js';
import { type RequestCost, sumCost, type TableSnapshot } from '../tables/snapshot.js';
import { TableView } from '../tables/view.js';
import { type Asked, askSwitch, openAsked, type Where } from './asked.js';
import type { CaptureOptions } from './dp-flows.js';
import type { NativeJob } from './job.js';
import { type MemoryAttachment, openMemory } from './memory.js';
import { type Ask, compareFlowCount } from './memory-proof.js';
import { type SwitchOptions, unixctlWithCost } from './unixctl.js';

interface SmallTablesAddon {
  captureSmallTable(...args: [...where: Where, table: string]): NativeJob<Asked>;
}

/** The table as the switch prints it. What it does not print is unknown. */
export const askTable = async (schema: TableSchema, options: SwitchOptions): Promise<TableSnapshot> =>
  openAsked(
    schema,
    await askSwitch(options, (where) => addon<SmallTablesAddon>().captureSmallTable(...where, schema.name)),
  );

/** Attachments whose reading of a table agreed with the switch, by table. */
const proved = new Map<string, WeakSet<MemoryAttachment>>();

/** The table out of memory, proved once an attachment. LAYOUT_MISMATCH if it does not agree with what the switch prints. */
export async function readTable(schema: TableSchema, options: CaptureOptions): Promise<TableSnapshot> {
  const attachment = await openMemory(options);
  const done = proved.get(schema.name) ?? new WeakSet();
  proved.set(schema.name, done);
  const requests: RequestCost[] = [];
  if (!done.has(attachment)) {
    const proof = await proveTable(schema, attachment, options);
    requests.push(...proof.requests);
    if (proof.saysSomething) done.add(attachment);
  }
  const snapshot = await attachment.readTable(schema, options.signal, options.fast);
  snapshot.facts.cost = sumCost(requests);
  return snapshot;
}

const ATTEMPTS = 4;

/** What the switch says elsewhere of columns that it does not print with the table; what differed, or null. */
const MORE_PROOF: Readonly<Record<string, (memory: TableSnapshot, ask: Ask) => Promise<string | null>>> = {
  async pmds(memory, ask) {
    const view = new TableView(memory);
    const [datapath, flows] = [view.column('datapath'), view.column('flows')];
    const counts = new Map<string, number>();
    for (let row = 0; row < view.nRows; row++) {
      const name = formatCell(datapath, view.cell(row, datapath), view);
      counts.set(name, (counts.get(name) ?? 0) + Number(view.cell(row, flows)?.value ?? 0n));
    }
    for (const [name, count] of counts) {
      const { differed } = await compareFlowCount(name, count, ask);
      if (differed !== null) return differed;
    }
    return null;
  },
};

/** Counters that are all 0 agree with any layout: the next reading is proved again. */
function saysSomething(asked: TableSnapshot): boolean {
  const view = new TableView(asked);
  const counters = asked.schema.segments[0]!.fields.filter(({ type }) => type === 'u64').map(({ name }) =>
    view.column(name),
  );
  const rows = Array.from({ length: view.nRows }, (_, row) => row);
  return rows.some(
    (row) => counters.length === 0 || counters.some((column) => (view.cell(row, column)?.value ?? 0n) > 0n),
  );
}

/** Reads memory, asks the switch, reads memory again: what it printed must lie between, counters included. */
async function proveTable(
  schema: TableSchema,
  attachment: MemoryAttachment,
  options: CaptureOptions,
): Promise<{ readonly requests: readonly RequestCost[]; readonly saysSomething: boolean }> {
  const requests: RequestCost[] = [];
  let differed: string | null = null;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    using before = await attachment.readTable(schema, options.signal, options.fast);
    using asked = await askTable(schema, options);
    using after = await attachment.readTable(schema, options.signal, options.fast);
    requests.push(...(asked.facts.cost?.requests ?? []));
    const ask: Ask = async (command, ...args) => {
      const { text, cost } = await unixctlWithCost(options, command, args);
      requests.push(cost);
      return text;
    };
    differed = difference(before, asked, after) ?? (await MORE_PROOF[schema.name]?.(after, ask)) ?? null;
    if (differed === null) return { requests, saysSomething: saysSomething(asked) };
  }
  throw new CtiError(
    'LAYOUT_MISMATCH',
    `the layout ${attachment.layout.file} does not fit: ${schema.name}: ${differed}`,
  );
}

/** What of `asked` is not between two readings of memory, or null. Columns that the switch does not print are not compared. */
export function difference(before: TableSnapshot, asked: TableSnapshot, after: TableSnapshot): string | null {
  const [a, b, c] = [before, asked, after].map((snapshot) => new TableView(snapshot)) as [
    TableView,
    TableView,
    TableView,
  ];
  const { schema } = asked;
  if (a.nRows !== b.nRows || c.nRows !== b.nRows)
    return `${a.nRows} and then ${c.nRows} rows in memory, ${b.nRows} by the control socket`;
  const names = schema.segments[0]!.fields.filter(({ internal }) => !internal).map(({ name }) => name);
  for (let row = 0; row < b.nRows; row++) {
    for (const name of names) {
      const column = b.column(name);
      const [first, said, last] = [a.cell(row, column), b.cell(row, column), c.cell(row, column)];
      if (said === null || first === null || last === null) continue;
      // A thread that moves between CPUs whose time stamp counters differ counts cycles backwards.
      if (column.field.unit === 'cycles') continue;
      // 64 bits count something that grows; it may be cleared between, then the next attempt agrees.
      if (column.field.type === 'u64') {
        if (first.value <= said.value && said.value <= last.value) continue;
      } else if (formatCell(column, first, a) === formatCell(column, said, b)) continue;
      const who = names.filter((key) => b.column(key).field.type !== 'u64').slice(0, 3);
      const what = who.map((key) => `${key} ${formatCell(b.column(key), b.cell(row, b.column(key)), b)}`).join(', ');
      return `row ${row} (${what}): ${name} is ${formatCell(column, first, a)} in memory and ${formatCell(column, said, b)} by the control socket`;
    }
  }
  return null;
}
