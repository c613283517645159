/**
 * dp_flows of a running switch, over its control socket. The dump streams through the native reader that saved dumps go through too
 * (text-reader.ts), off the JavaScript thread. A reading that fails gives an error, never part of a table.
 */
import { addon } from '../addon.js';
import { DP_FLOWS } from '../tables/generated/dp-flows.js';
import {
  type NativeSnapshot,
  openSnapshot,
  type RequestCost,
  sumCost,
  type TableSnapshot,
} from '../tables/snapshot.js';
import { type NativeJob, type OnProgress, runJob } from './job.js';
import { type ReadFileOptions, readTextFile } from './text-file.js';
import { resolveSwitch, type SwitchOptions } from './unixctl.js';

export interface CaptureOptions extends SwitchOptions {
  /** Reading memory may use any CPU, also those of the datapath's threads. */
  readonly fast?: boolean | undefined;
  readonly onProgress?: OnProgress | undefined;
}

interface DpFlowsAddon {
  captureDpFlows(
    rundir: string,
    target: string,
    timeoutMs: number,
    onProgress: ((bytes: number, rows: number) => void) | undefined,
  ): NativeJob<{
    snapshot: NativeSnapshot;
    socketPath: string;
    beginNs: bigint;
    endNs: bigint;
    requests: RequestCost[];
  }>;
}

/** The megaflows of every datapath of a running ovs-vswitchd. A switch without datapaths gives an empty table. */
export async function captureDpFlows(options: CaptureOptions = {}): Promise<TableSnapshot> {
  const { rundir, target, timeoutMs } = resolveSwitch(options);
  const { onProgress, signal } = options;
  const captured = await runJob((fail) => {
    const report = (bytes: number, rows: number) => {
      try {
        onProgress?.({ bytes, rows });
      } catch (error) {
        fail(error);
      }
    };
    return addon<DpFlowsAddon>().captureDpFlows(rundir, target, timeoutMs, onProgress && report);
  }, signal);
  const { snapshot, socketPath, beginNs, endNs, requests } = captured;
  return openSnapshot(DP_FLOWS, snapshot, { source: `unixctl:${socketPath}`, beginNs, endNs, cost: sumCost(requests) });
}

export type { ReadFileOptions } from './text-file.js';

/** The megaflows of a saved dump: readTextFile() of dp_flows. */
export const readDpFlowsFile = (path: string, options: ReadFileOptions = {}): Promise<TableSnapshot> =>
  readTextFile(DP_FLOWS, path, options);
