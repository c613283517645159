/**
 * What `... by KEYS` makes: a hash table (kernel function group_entries), and the relation that later stages see. An entry is the key,
 * then what is made of the group's rows (accumulators.ts). In the key each column has whole words of 8 bytes:
 *
 *   without mask    value
 *   may be unknown  value, 1 if it is known
 *   masked          value & mask, mask               (128 bits: two words each)
 *
 * A row that has no such field (a TCP port of an ARP flow) has zeros: it looks at nothing there. Without keys there is one
 * group, also where there are no rows.
 */
import { Accumulators } from './accumulators.js';
import type { CheckedAggregate } from './aggregates.js';
import type { Name, Span } from './ast.js';
import type { Column, Relation } from './columns.js';
import { ENTRY, type GroupKey, keyBytes, keyWords } from './group-keys.js';

export interface GroupLayout {
  readonly keys: readonly GroupKey[];
  /** Names of what is made of the rows. */
  readonly aggregates: readonly string[];
  readonly accumulators: Accumulators;
  readonly keySize: number;
  readonly entrySize: number;
  readonly relation: Relation;
}

/** sizeof(struct cti_group_table), ctinspector/program.h. */
export const GROUPS_HEADER = 40;

export interface CheckedKey {
  readonly name: Name;
  readonly title: string;
  readonly column: Column;
}

/** Every name is another: the caller has seen to it. */
export function groupsOf(
  checkedKeys: readonly CheckedKey[],
  aggregates: readonly CheckedAggregate[],
  source: Relation,
  span: Span,
): GroupLayout {
  const keys: GroupKey[] = [];
  const columns = new Map<string, Column>();
  let at = 0;
  for (const { title, column } of checkedKeys) {
    keys.push({ title, column, at });
    const n = keyWords(column);
    const hasMask = column.maskAt !== undefined;
    const { via: _via, maskAt: _maskAt, known, ...plain } = column;
    const shows = column.base === ENTRY ? column.shows : title;
    columns.set(title, {
      ...plain,
      name: title,
      base: ENTRY,
      offset: at,
      size: n === 2 ? 16 : 8,
      requires: [],
      ...(column.derived && { derived: { ...column.derived, index: 'value' as const } }),
      ...(hasMask && { maskAt: 8 * n }),
      ...(known && { known: { base: ENTRY, offset: at + 8 * n, size: 8, bit: 1n } }),
      ...(shows !== undefined && { shows }),
    });
    at += keyBytes(column);
  }
  const accumulators = new Accumulators(at, source, span);
  for (const aggregate of aggregates) columns.set(aggregate.title, accumulators.add(aggregate));
  const titles = keys.map(({ title }) => title);
  const by = titles.length > 0 ? ` by ${titles.join(', ')}` : '';
  const what = aggregates.length > 0 ? `${accumulators.texts.join(', ')}${by}` : `distinct ${titles.join(', ')}`;
  return {
    keys,
    aggregates: aggregates.map(({ title }) => title),
    accumulators,
    keySize: at,
    entrySize: at + accumulators.size,
    relation: { name: `the result of ${what}`, show: [...columns.keys()], columns, words: {}, fields: new Map() },
  };
}
