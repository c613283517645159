/**
 * A table that a switch prints a text of for each datapath, over its control socket. The text streams through the native reader that saved files
 * go through too (text-reader.ts), off the JavaScript thread. A reading that fails gives an error, never part of a table; a datapath that has
 * no such thing, beside others that have, is said among what was rejected.
 */
import { addon } from '../addon.js';
import type { TableSchema } from '../table-schema.js';
import { CT } from '../tables/generated/ct.js';
import {
  type NativeSnapshot,
  openSnapshot,
  type RequestCost,
  sumCost,
  type TableSnapshot,
} from '../tables/snapshot.js';
import type { CaptureOptions } from './dp-flows.js';
import { type NativeJob, runJob } from './job.js';
import { resolveSwitch } from './unixctl.js';

export interface DatapathText {
  readonly schema: TableSchema;
  readonly command: string;
  /** Before the datapath's name. */
  readonly args: readonly string[];
}

/** -m: ids, status, all of protoinfo; -s: counters and times. Timeouts come with either. */
export const CT_TEXT: DatapathText = { schema: CT, command: 'dpctl/dump-conntrack', args: ['-m', '-s'] };

interface DatapathTextsAddon {
  captureDatapathTexts(
    rundir: string,
    target: string,
    timeoutMs: number,
    table: string,
    command: string,
    args: readonly string[],
    onProgress: ((bytes: number, rows: number) => void) | undefined,
  ): NativeJob<{
    snapshot: NativeSnapshot;
    socketPath: string;
    beginNs: bigint;
    endNs: bigint;
    requests: RequestCost[];
    notSupported: { datapath: string; words: string }[];
  }>;
}

/** The rows of every datapath of a running ovs-vswitchd. A switch without datapaths gives an empty table. */
export async function captureDatapathTexts(
  { schema, command, args }: DatapathText,
  options: CaptureOptions = {},
): Promise<TableSnapshot> {
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
    return addon<DatapathTextsAddon>().captureDatapathTexts(
      rundir,
      target,
      timeoutMs,
      schema.name,
      command,
      args,
      onProgress && report,
    );
  }, signal);
  const { snapshot, socketPath, beginNs, endNs, requests, notSupported } = captured;
  const table = openSnapshot(schema, snapshot, {
    source: `unixctl:${socketPath}`,
    beginNs,
    endNs,
    cost: sumCost(requests),
  });
  for (const { datapath, words } of notSupported) {
    const sample = `${command}: ${words.trim()}`;
    table.facts.rejected.push({
      what: `datapath ${datapath}, whose ${schema.noun}s the switch cannot list`,
      sample,
      count: 1,
    });
  }
  return table;
}
