/** A table once more, for whoever compares two samples of it. */
import { DP_FLOWS } from '../tables/generated/dp-flows.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import type { CaptureOptions } from './dp-flows.js';
import { type MemoryAttachment, provedOrigin, speaksForSwitch } from './memory.js';
import { type Captured, captureTable } from './registry.js';
import { isPassing } from './switch-life.js';

export interface AgainOptions {
  /** The switch is asked whether the process is still it and has all datapaths; else its memory is all that is looked at, as long as it lives. */
  readonly looks?: boolean;
  /** Counters alone may be read. */
  readonly refreshes?: boolean;
}

/** A capture of a table that was captured before. */
export interface CapturedAgain extends Captured {
  /** Only counters were read; the rows are those of before that still live. */
  readonly isRefreshed: boolean;
}

/**
 * `before`'s table anew, of the same switch. Megaflows that were read out of memory have only their counters read anew, 0.6 of the work, as long as
 * the table has no others: rows that are new, or whose actions were replaced, need all of it. What goes otherwise than it must there ends in
 * captureTable(), which says what is wrong. `before` stays open.
 */
export async function captureAgain(
  before: TableSnapshot,
  wanted: string,
  options: CaptureOptions,
  { looks = true, refreshes = true }: AgainOptions = {},
): Promise<CapturedAgain> {
  const { name } = before.schema;
  const attachment = name === DP_FLOWS.name && wanted !== 'unixctl' ? provedOrigin(before) : undefined;
  if (attachment) {
    try {
      if (!looks || (await speaksForSwitch(attachment, options)))
        return { passedOver: [], ...(await readAgain(attachment, before, options, refreshes)) };
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
  }
  return { ...(await captureTable(name, wanted, options)), isRefreshed: false };
}

async function readAgain(
  attachment: MemoryAttachment,
  before: TableSnapshot,
  { signal, fast }: CaptureOptions,
  refreshes: boolean,
): Promise<{ snapshot: TableSnapshot; isRefreshed: boolean }> {
  if (refreshes) {
    const { snapshot, reading } = await attachment.refresh(before, signal, fast);
    if (reading.nInTables === reading.nRefreshed) return { snapshot, isRefreshed: true };
    snapshot.close();
  }
  return { snapshot: (await attachment.capture(signal, fast)).snapshot, isRefreshed: false };
}
