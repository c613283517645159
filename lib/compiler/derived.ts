/**
 * Derived columns in the compiler: what a condition says of one of a column's values (ValueTruth) becomes a truth for each action
 * list, row or datapath, which the program looks up; and their order.
 */
import type { DerivedColumn, DerivedValue } from '../derived-column.js';
import type { Derived } from './columns.js';
import { type Dictionaries, FALSE, TRUE, type Truth, type TruthTable, truthTable, UNKNOWN } from './dictionaries.js';

/** Of one value of the column. */
export type ValueTruth = (value: DerivedValue) => Truth;

/** By what the column's row loads: an index of ids, or in a group of values. Empty without a snapshot. */
export function derivedTruth(dictionaries: Dictionaries, { name, index }: Derived, of: ValueTruth): TruthTable {
  const column = dictionaries.derived(name);
  if (!column) return new Uint8Array();
  const ofValues = truthTable(column.values.length, (id) => of(column.values[id]!));
  return index === 'value' ? ofValues : Uint8Array.from(column.ids, (id) => ofValues[id]!);
}

/** Whether one of the elements is such; there may be more than those. */
export function some({ elements, partial }: DerivedValue, is: (element: bigint | string) => Truth): Truth {
  const truths = elements.map(is);
  if (truths.includes(TRUE)) return TRUE;
  return partial || truths.includes(UNKNOWN) ? UNKNOWN : FALSE;
}

/** Whether there are any, and each is such. */
export function every({ elements, partial }: DerivedValue, is: (element: bigint | string) => Truth): Truth {
  const truths = elements.map(is);
  if (truths.includes(FALSE)) return FALSE;
  if (partial || truths.includes(UNKNOWN)) return UNKNOWN;
  return truths.length > 0 ? TRUE : FALSE;
}

/** Whether there is a value at all. */
export const present = ({ elements, partial }: DerivedValue): Truth =>
  elements.length > 0 ? TRUE : partial ? UNKNOWN : FALSE;

const compare = <T extends bigint | string | undefined>(a: T, b: T): number => {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  return a < b ? -1 : 1;
};

/** Lists in the order of their first elements, then their second; a port without a name comes before those that have one. */
function rankValues(column: DerivedColumn, dictionaries: Dictionaries, derived: Derived): Uint32Array {
  const byName = derived.type === 'port';
  const keys = column.values.map(({ elements }) => {
    if (!byName) return elements;
    return elements.map((id) => dictionaries.ports[Number(id)]?.name).sort(compare);
  });
  const order = (a: number, b: number): number => {
    const [x, y] = [keys[a]!, keys[b]!];
    for (let i = 0; i < Math.max(x.length, y.length); i++) {
      const d = i >= x.length ? -1 : i >= y.length ? 1 : compare(x[i], y[i]);
      if (d !== 0) return d;
    }
    return 0;
  };
  const sorted = keys.flatMap((key, id) => (key.length > 0 ? [id] : [])).sort(order);
  const ranks = new Uint32Array(keys.length);
  let rank = 0;
  for (const [i, id] of sorted.entries()) {
    if (i === 0 || order(sorted[i - 1]!, id) !== 0) rank++;
    ranks[id] = rank;
  }
  return ranks;
}

/** As dictionaries.ranks: rank + 1 by what the row loads, 0 where there is no value. */
export function derivedRanks(dictionaries: Dictionaries, derived: Derived): Uint32Array {
  const column = dictionaries.derived(derived.name);
  if (!column) return new Uint32Array();
  const ranks = rankValues(column, dictionaries, derived);
  return derived.index === 'value' ? ranks : Uint32Array.from(column.ids, (id) => ranks[id]!);
}
