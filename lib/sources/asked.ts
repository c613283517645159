/** What the readings of a table over the control socket have in common: how the addon's job is started, and what it gives. */
import type { TableSchema } from '../table-schema.js';
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

/** asked_to_js() of native/bind/unixctl.cc. */
export interface Asked {
  readonly snapshot: NativeSnapshot;
  readonly socketPath: string;
  readonly beginNs: bigint;
  readonly endNs: bigint;
  readonly requests: RequestCost[];
}

/** The first arguments of each of these jobs. */
export type Where = readonly [rundir: string, target: string, timeoutMs: number];
/** Their last one. */
export type Report = ((bytes: number, rows: number) => void) | undefined;

/** Runs such a job; what `onProgress` throws ends it. Rejects with a CtiError. */
export async function askSwitch<T extends Asked>(
  options: CaptureOptions,
  start: (where: Where, report: Report) => NativeJob<T>,
): Promise<T> {
  const { rundir, target, timeoutMs } = resolveSwitch(options);
  const { onProgress, signal } = options;
  return runJob((fail) => {
    const report = (bytes: number, rows: number) => {
      try {
        onProgress?.({ bytes, rows });
      } catch (error) {
        fail(error);
      }
    };
    return start([rundir, target, timeoutMs], onProgress && report);
  }, signal);
}

export const openAsked = (
  schema: TableSchema,
  { snapshot, socketPath, beginNs, endNs, requests }: Asked,
): TableSnapshot =>
  openSnapshot(schema, snapshot, { source: `unixctl:${socketPath}`, beginNs, endNs, cost: sumCost(requests) });
