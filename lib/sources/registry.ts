/** The sources of tables, in the order of preference: one row each. */
import { CtiError } from '../errors.js';
import { PMDS } from '../tables/generated/pmds.js';
import { PORTS } from '../tables/generated/ports.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import { CT_TEXT, captureDatapathTexts } from './datapath-texts.js';
import { type CaptureOptions, captureDpFlows } from './dp-flows.js';
import { captureFromMemory, memoryAvailable } from './memory.js';
import { askTable, readTable } from './small-tables.js';
import { formOf } from './text-forms.js';
import { findSwitch, type SwitchOptions } from './unixctl.js';

/** Whether a source can be used now, and what to say about it. */
export type Availability =
  | { readonly ok: true; readonly detail: string }
  | { readonly ok: false; readonly reason: CtiError };

export interface Source {
  readonly name: string;
  readonly table: string;
  readonly doc: string;
  /** Looks, without reading the table. Never rejects but for CANCELLED and INVALID_ARGUMENT. */
  available(options: SwitchOptions): Promise<Availability>;
  capture(options: CaptureOptions): Promise<TableSnapshot>;
}

async function unixctlAvailable(options: SwitchOptions): Promise<Availability> {
  try {
    const { version, pid, socketPath } = await findSwitch(options);
    return { ok: true, detail: `${version}${pid === null ? '' : `, process ${pid}`}, at ${socketPath}` };
  } catch (error) {
    if (!(error instanceof CtiError) || error.code === 'CANCELLED' || error.code === 'INVALID_ARGUMENT') throw error;
    return { ok: false, reason: error };
  }
}

export const SOURCES: readonly Source[] = [
  {
    name: 'memory',
    table: 'dp_flows',
    doc: "ovs-vswitchd's own tables, read out of its memory without its doing; needs the right to, and a layout of its build",
    available: memoryAvailable,
    capture: captureFromMemory,
  },
  {
    name: 'unixctl',
    table: 'dp_flows',
    doc: "dpctl/dump-flows -m of every datapath, over ovs-vswitchd's control socket; made on its main thread, in one piece",
    available: unixctlAvailable,
    capture: captureDpFlows,
  },
  {
    name: 'memory',
    table: 'pmds',
    doc: "the datapath's threads in ovs-vswitchd's memory, with their counters",
    available: memoryAvailable,
    capture: (options) => readTable(PMDS, options),
  },
  {
    name: 'unixctl',
    table: 'pmds',
    doc: 'dpif-netdev/pmd-stats-show and pmd-rxq-show; they do not say flows, subtables, and some counters',
    available: unixctlAvailable,
    capture: (options) => askTable(PMDS, options),
  },
  {
    name: 'memory',
    table: 'ports',
    doc: "the datapaths' ports in ovs-vswitchd's memory",
    available: memoryAvailable,
    capture: (options) => readTable(PORTS, options),
  },
  {
    name: 'unixctl',
    table: 'ports',
    doc: 'dpctl/show of every datapath; it says queues for some types of port only',
    available: unixctlAvailable,
    capture: (options) => askTable(PORTS, options),
  },
  {
    name: 'unixctl',
    table: 'ct',
    doc: "dpctl/dump-conntrack -m -s of every datapath, over ovs-vswitchd's control socket; made on its main thread, in one piece",
    available: unixctlAvailable,
    capture: (options) => captureDatapathTexts(CT_TEXT, options),
  },
];

/** The sources of a table, best first. */
export const sourcesOf = (table: string): readonly Source[] => SOURCES.filter((source) => source.table === table);

/** `auto`: the best source that can be used now. */
export const SOURCE_NAMES = ['auto', ...new Set(SOURCES.map(({ name }) => name))];

export interface Captured {
  readonly snapshot: TableSnapshot;
  /** Why a better source was not used: a sentence each. */
  readonly passedOver: readonly string[];
}

/** What lets a question go on with the next source if reading fails: the switch is there, this way to it is not. */
const PASS_OVER: ReadonlySet<string> = new Set([
  'LAYOUT_UNKNOWN',
  'LAYOUT_MISMATCH',
  'NO_RIGHTS',
  'PROTOCOL',
  'SWITCH_FOREIGN',
  'SWITCH_CLOSED',
]);

/** Captures a table from the source named, or from the best that works; the one that works worst says why if none does. */
export async function captureTable(table: string, wanted: string, options: CaptureOptions): Promise<Captured> {
  if (!SOURCE_NAMES.includes(wanted)) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `--source: expected one of ${SOURCE_NAMES.join(', ')} but received '${wanted}'`,
    );
  }
  const passedOver: string[] = [];
  const sources = sourcesOf(table).filter(({ name }) => wanted === 'auto' || name === wanted);
  for (const [i, source] of sources.entries()) {
    const isLast = i === sources.length - 1;
    try {
      const found = await source.available(options);
      if (!found.ok && isLast) throw found.reason;
      if (!found.ok) {
        passedOver.push(`not from ${source.name}: ${found.reason.message}`);
        continue;
      }
      return { snapshot: await source.capture(options), passedOver };
    } catch (error) {
      if (isLast || !(error instanceof CtiError) || !PASS_OVER.has(error.code)) throw error;
      passedOver.push(`not from ${source.name}: ${error.message}`);
    }
  }
  const form = sourcesOf(table).length === 0 ? formOf(table) : undefined;
  const message = form
    ? `table ${table} is read from what ${form.printedBy} printed: give the file with --from`
    : `table ${table} has no source '${wanted}'`;
  throw new CtiError('INVALID_ARGUMENT', message);
}
