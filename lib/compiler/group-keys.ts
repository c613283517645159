/** The key of a group, in memory: groups.ts has its words. */
import type { Column } from './columns.js';

/** Base of the columns of a group. */
export const ENTRY = 'entry';

export interface GroupKey {
  readonly title: string;
  readonly column: Column;
  /** Bytes from the start of the key. */
  readonly at: number;
}

export const keyWords = (column: Column): number => (column.size === 16 ? 2 : 1);

/** Bytes a column has in a key. */
export const keyBytes = (column: Column): number =>
  8 * keyWords(column) * (column.maskAt === undefined ? 1 : 2) + (column.known ? 8 : 0);
