/** Snapshot stores over a saved dump, for tests that need no switch. */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { SnapshotStore } from '../../lib/mapper/snapshot-store.js';
import { readDpFlowsFile } from '../../lib/sources/dp-flows.js';
import type { TableSnapshot } from '../../lib/tables/snapshot.js';

/** What the stores read. */
export const STORE_DUMP = resolve('test/fixtures/dumps/rules-more.txt');

/** A store of one table, read from a saved dump, that counts its readings and how many went on at once. */
export function storeOf(options: Partial<ConstructorParameters<typeof SnapshotStore>[0]> = {}, delayMs = 20) {
  const seen = { readings: 0, atOnce: 0, most: 0, stopped: 0, snapshots: [] as TableSnapshot[] };
  const dp_flows = async (_table: string, signal: AbortSignal): Promise<TableSnapshot> => {
    seen.readings++;
    seen.most = Math.max(seen.most, ++seen.atOnce);
    signal.addEventListener('abort', () => seen.atOnce > 0 && seen.stopped++, { once: true });
    try {
      await sleep(delayMs, undefined, { signal });
      const snapshot = await readDpFlowsFile(STORE_DUMP, { signal });
      seen.snapshots.push(snapshot);
      return snapshot;
    } finally {
      seen.atOnce--;
    }
  };
  const store = new SnapshotStore({ tables: { dp_flows }, pace: { minPauseMs: 1, factor: 0 }, ...options });
  t.teardown(() => store.close());
  return { store, seen };
}

export const isClosed = (snapshot: TableSnapshot): boolean => {
  try {
    return snapshot.segments.length === 0;
  } catch {
    return true;
  }
};
