/**
 * Derived columns: values made of other parts of a row (the ports of an action list, the shape of a match) when a question names
 * them. lib/tables/derived.ts makes them of a snapshot, lib/compiler compiles conditions on them; this is what both know.
 */

/** What a value is made once for: a distinct action list, a row (by the distinct masks of its match), a datapath. */
export type DerivedFrom = 'actions' | 'row' | 'datapath';

/**
 * What elements are: an id of the snapshot's `ports`; an address of 128 bits, IPv4 as ::ffff:a.b.c.d; a number; the number of a
 * word; a text; milliseconds.
 */
export type DerivedType = 'port' | 'address' | 'number' | 'enum' | 'text' | 'duration';

export interface DerivedValue {
  /** Ascending, once each; at most one where the column is no list. None: the row has no such thing (or it is not known). */
  readonly elements: readonly (bigint | string)[];
  /** There may be more than the elements: a part is not known. */
  readonly partial: boolean;
}

export interface DerivedColumn {
  /** For each action list, row or datapath: its value, as an index of `values`. */
  readonly ids: Uint32Array;
  readonly values: readonly DerivedValue[];
}
