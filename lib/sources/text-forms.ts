/** The texts that tables are read from, and how each is recognised by its lines: one row a table. Rows of native/text/readers.cc read them. */

import type { TableSchema } from '../table-schema.js';
import { CT } from '../tables/generated/ct.js';
import { DP_FLOWS } from '../tables/generated/dp-flows.js';
import { OF_RULES } from '../tables/generated/of-rules.js';

export interface TextForm {
  readonly schema: TableSchema;
  /** What prints it, for messages. */
  readonly printedBy: string;
  /** A row; said of its first line alone, so that a dump is not taken for another table's because of one odd line. */
  readonly isRow: (line: string) => boolean;
  /** A heading that only this text has: a dump of nothing is known by it. */
  readonly isHeading: (line: string) => boolean;
}

export const TEXT_FORMS: readonly TextForm[] = [
  {
    schema: DP_FLOWS,
    printedBy: "'ovs-appctl dpctl/dump-flows -m'",
    isRow: (line) => /, packets:\d+, bytes:\d+, used:/.test(line) && line.includes(', actions:'),
    isHeading: (line) => line.startsWith('flow-dump from '),
  },
  {
    schema: CT,
    printedBy: "'ovs-appctl dpctl/dump-conntrack' or 'conntrack -L'",
    isRow: (line) =>
      /^[a-z0-9]+,orig=\(/.test(line) || /^(?:ipv[46] +\d+ +)?[a-z0-9]+ +\d+ .*\bsrc=\S+ dst=\S+ /.test(line),
    isHeading: (line) => line.startsWith('conntrack v'),
  },
  {
    schema: OF_RULES,
    printedBy: "'ovs-ofctl dump-flows'",
    isRow: (line) =>
      /^ *(?:actions=.|(?:cookie=0x|duration=\d|table(?:_id)?=|priority=\d|[a-z][a-z0-9_]*[=, ]).*[ ,]actions=.)/.test(
        line,
      ),
    isHeading: (line) => /^(?:OFPST|NXST)_FLOW reply /.test(line),
  },
];

export const formOf = (table: string): TextForm | undefined => TEXT_FORMS.find(({ schema }) => schema.name === table);

/** How much of a text is looked at. */
export const HEAD_BYTES = 64 << 10;
const HEAD_LINES = 50;

/** Which table the text that begins so is of; undefined: of none, or there is nothing in it. */
export function recognise(head: string): TextForm | undefined {
  const lines = head.split('\n', HEAD_LINES).filter((line) => line.trim() !== '');
  for (const line of lines) {
    const form = TEXT_FORMS.find(({ isRow }) => isRow(line));
    if (form) return form;
  }
  return TEXT_FORMS.find(({ isHeading }) => lines.some(isHeading));
}
