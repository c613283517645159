/**
 * dp_flows of a running switch, over its control socket. The dump streams through the native reader that saved dumps go through too
 * (text-reader.ts), off the JavaScript thread. A reading that fails gives an error, never part of a table.
 */
import { addon } from '../addon.js';
import { DP_FLOWS } from '../tables/generated/dp-flows.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import { type Asked, askSwitch, openAsked, type Report, type Where } from './asked.js';
import type { NativeJob, OnProgress } from './job.js';
import { type ReadFileOptions, readTextFile } from './text-file.js';
import type { SwitchOptions } from './unixctl.js';

export interface CaptureOptions extends SwitchOptions {
  /** Reading memory may use any CPU, also those of the datapath's threads, and megaflows are read with two threads. */
  readonly fast?: boolean | undefined;
  readonly onProgress?: OnProgress | undefined;
}

interface DpFlowsAddon {
  captureDpFlows(...args: [...where: Where, onProgress: Report]): NativeJob<Asked>;
}

/** The megaflows of every datapath of a running ovs-vswitchd. A switch without datapaths gives an empty table. */
export const captureDpFlows = async (options: CaptureOptions = {}): Promise<TableSnapshot> =>
  openAsked(
    DP_FLOWS,
    await askSwitch(options, (where, report) => addon<DpFlowsAddon>().captureDpFlows(...where, report)),
  );

export type { ReadFileOptions } from './text-file.js';

/** The megaflows of a saved dump: readTextFile() of dp_flows. */
export const readDpFlowsFile = (path: string, options: ReadFileOptions = {}): Promise<TableSnapshot> =>
  readTextFile(DP_FLOWS, path, options);
