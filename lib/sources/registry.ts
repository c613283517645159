/** The sources of tables, in the order of preference: one row each. */
import { CtiError } from '../errors.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import { type CaptureOptions, captureDpFlows } from './dp-flows.js';
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
    name: 'unixctl',
    table: 'dp_flows',
    doc: "dpctl/dump-flows -m of every datapath, over ovs-vswitchd's control socket; made on its main thread, in one piece",
    available: unixctlAvailable,
    capture: captureDpFlows,
  },
];

/** The sources of a table, best first. */
export const sourcesOf = (table: string): readonly Source[] => SOURCES.filter((source) => source.table === table);
