/**
 * A table that a switch prints a text of for each datapath, over its control socket. The text streams through the native reader that saved files
 * go through too (text-reader.ts), off the JavaScript thread. A reading that fails gives an error, never part of a table; a datapath that has
 * no such thing, beside others that have, is said among what was rejected.
 */
import { addon } from '../addon.js';
import type { TableSchema } from '../table-schema.js';
import { CT } from '../tables/generated/ct.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import { type Asked, askSwitch, openAsked, type Report, type Where } from './asked.js';
import type { CaptureOptions } from './dp-flows.js';
import type { NativeJob } from './job.js';

export interface DatapathText {
  readonly schema: TableSchema;
  readonly command: string;
  /** Before the datapath's name. */
  readonly args: readonly string[];
}

/** -m: ids, status, all of protoinfo; -s: counters and times. Timeouts come with either. */
export const CT_TEXT: DatapathText = { schema: CT, command: 'dpctl/dump-conntrack', args: ['-m', '-s'] };

interface AskedTexts extends Asked {
  readonly notSupported: readonly { readonly datapath: string; readonly words: string }[];
}

interface DatapathTextsAddon {
  captureDatapathTexts(
    ...args: [...where: Where, table: string, command: string, args: readonly string[], onProgress: Report]
  ): NativeJob<AskedTexts>;
}

/** The rows of every datapath of a running ovs-vswitchd. A switch without datapaths gives an empty table. */
export async function captureDatapathTexts(
  { schema, command, args }: DatapathText,
  options: CaptureOptions = {},
): Promise<TableSnapshot> {
  const asked = await askSwitch(options, (where, report) =>
    addon<DatapathTextsAddon>().captureDatapathTexts(...where, schema.name, command, args, report),
  );
  const table = openAsked(schema, asked);
  for (const { datapath, words } of asked.notSupported) {
    const sample = `${command}: ${words.trim()}`;
    table.facts.rejected.push({
      what: `datapath ${datapath}, whose ${schema.noun}s the switch cannot list`,
      sample,
      count: 1,
    });
  }
  return table;
}
