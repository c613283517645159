/**
 * What `count by` makes: a hash table (kernel function group_add), and the relation that later stages see. An entry is
 * {u64 count; u64 sum; key}; in the key each column has whole words of 8 bytes:
 *
 *   without mask    value
 *   may be unknown  value, 1 if it is known
 *   masked          value & mask, mask               (128 bits: two words each)
 *
 * A row that has no such field (a TCP port of an ARP flow) has zeros: it looks at nothing there.
 */
import type { Span } from './ast.js';
import type { Column, Relation } from './columns.js';

export interface GroupKey {
  readonly title: string;
  readonly column: Column;
  /** Bytes from the start of the key. */
  readonly at: number;
}

export interface GroupLayout {
  readonly keys: readonly GroupKey[];
  readonly keySize: number;
  readonly entrySize: number;
  readonly relation: Relation;
}

/** Base of the columns of a group. */
export const ENTRY = 'entry';
/** struct cti_groups: {u32 capacity, n, key_size, lost} before the entries. */
export const GROUPS_HEADER = 16;
const ENTRY_HEADER = 16;

const words = (column: Column): number => (column.size === 16 ? 2 : 1);

export function groupsOf(columns: readonly { title: string; column: Column; span: Span }[]): GroupLayout {
  const keys: GroupKey[] = [];
  const relation = new Map<string, Column>();
  let at = 0;
  for (const { title, column } of columns) {
    keys.push({ title, column, at });
    const offset = ENTRY_HEADER + at;
    const n = words(column);
    const hasMask = column.maskAt !== undefined;
    const { via: _via, maskAt: _maskAt, known, ...plain } = column;
    relation.set(title, {
      ...plain,
      name: title,
      base: ENTRY,
      offset,
      size: n === 2 ? 16 : 8,
      requires: [],
      ...(column.derived && { derived: { ...column.derived, index: 'value' as const } }),
      ...(hasMask && { maskAt: 8 * n }),
      ...(known && { known: { base: ENTRY, offset: offset + 8 * n, size: 8, bit: 1n } }),
    });
    at += 8 * n * (hasMask ? 2 : 1) + (known ? 8 : 0);
  }
  relation.set('count', {
    name: 'count',
    kind: 'number',
    doc: 'rows in the group',
    base: ENTRY,
    offset: 0,
    size: 8,
    shift: 0,
    width: 64,
    signed: false,
    requires: [],
  });
  const name = `the result of count by ${keys.map(({ title }) => title).join(', ')}`;
  return {
    keys,
    keySize: at,
    entrySize: ENTRY_HEADER + at,
    relation: { name, show: [...relation.keys()], columns: relation, words: {}, fields: new Map() },
  };
}
