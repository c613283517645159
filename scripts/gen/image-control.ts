// The control fields of an image: C++ rows, the TypeScript interface, and the table of the manual.
import { cell, cNotice, mdNotice } from './lists.js';
import type { ControlRow } from './schema.js';

const TS_TYPES = {
  id: 'string',
  u64: 'bigint',
  u32: 'number',
  size: 'number',
  bool: 'boolean',
  text: 'string',
} as const;
const STORED = {
  id: '16 bytes',
  u64: 'u64',
  u32: 'u32',
  size: 'u64, at most 2^53 - 1',
  bool: 'u8, 0 or 1',
  text: 'u16 size, then UTF-8, at most 1024 bytes',
} as const;

const member = (row: ControlRow): string =>
  `  /** ${row.doc}${row.type === 'id' ? ' (32 hex digits)' : ''} */\n  readonly ${row.name}${row.required ? '' : '?'}: ${TS_TYPES[row.type]}${row.required ? '' : ' | undefined'};\n`;

export function generateImageControl(rows: ControlRow[]): [string, string][] {
  if (rows.length > 32) throw new Error('image-control.yaml: the presence word has 32 bits');
  return [
    [
      'native/image/generated/control_fields.inc',
      `${cNotice}// CTI_CONTROL_FIELD(name, type, is_required)\n${rows.map((row) => `CTI_CONTROL_FIELD(${row.name}, ${row.type === 'bool' ? 'boolean' : row.type}, ${row.required})\n`).join('')}`,
    ],
    [
      'lib/generated/image-control.ts',
      `${cNotice}
/** Field -> its type and whether it is always there. */
export const CONTROL_FIELDS = {
${rows.map((row) => `  ${row.name}: { type: '${row.type}', required: ${row.required} },\n`).join('')}} as const;

export interface ControlFields {
${rows.map(member).join('')}}
`,
    ],
    [
      'docs/reference/image-control.md',
      `${mdNotice}# Control fields of an image

The control section (docs/image-format.md) is a u32 with a bit for each field that is present, and those fields in this order.

| bit | field | stored as | what it is |
|---|---|---|---|
${rows.map((row, i) => `| ${i} | \`${row.name}\` | ${STORED[row.type]} | ${cell(row.doc)}${row.required ? '; zero or empty if absent' : ''} |\n`).join('')}`,
    ],
  ];
}
