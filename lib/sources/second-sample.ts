/** A table once more, for whoever compares two samples of it. */
import { CtiError } from '../errors.js';
import { DP_FLOWS } from '../tables/generated/dp-flows.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import type { CaptureOptions } from './dp-flows.js';
import { attachMemory } from './memory.js';
import { type Captured, captureTable } from './registry.js';

/** What went otherwise than a refresh must: then the table is read in full, which says what is wrong. */
const IN_FULL: ReadonlySet<string> = new Set([
  'SWITCH_CLOSED',
  'SWITCH_FOREIGN',
  'NO_SWITCH',
  'SWITCH_STALE',
  'PROTOCOL',
  'LAYOUT_MISMATCH',
  'LAYOUT_UNKNOWN',
]);

/**
 * `before`'s table anew. Megaflows that were read out of memory have only their counters read anew, half of the work, as long as the table has
 * no others: rows that are new, or whose actions were replaced, need all of it. `before` stays open.
 */
export async function captureAgain(
  before: TableSnapshot,
  wanted: string,
  options: CaptureOptions,
): Promise<Captured & { readonly isRefreshed: boolean }> {
  if (before.schema.name === DP_FLOWS.name && before.facts.source.startsWith('memory:') && wanted !== 'unixctl') {
    const refreshed = await refresh(before, options);
    if (refreshed) return { snapshot: refreshed, passedOver: [], isRefreshed: true };
  }
  return { ...(await captureTable(before.schema.name, wanted, options)), isRefreshed: false };
}

async function refresh(before: TableSnapshot, options: CaptureOptions): Promise<TableSnapshot | undefined> {
  try {
    const { attachment, proof } = await attachMemory(options);
    proof?.capture.snapshot.close();
    if (!attachment.gave(before)) return undefined;
    const { snapshot, reading } = await attachment.refresh(before, options.signal, options.fast);
    if (reading.nInTables === reading.nRefreshed) return snapshot;
    snapshot.close();
  } catch (error) {
    if (!(error instanceof CtiError) || !IN_FULL.has(error.code)) throw error;
  }
  return undefined;
}
