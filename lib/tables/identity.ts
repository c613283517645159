/**
 * Which row of one snapshot is which of a later one: by the fields that the schema calls the identity (a megaflow's ufid, datapath and PMD).
 * Ids of dictionaries are of one snapshot alone, so names are compared. A field that one of the two does not know at all (a saved dump does
 * not say its datapath) is left out. Where the first field, a flow's ufid, is not known, the row's printed match says who it is.
 */
import { CtiError } from '../errors.js';
import type { TableSchema } from '../table-schema.js';
import type { Column } from './columns.js';
import type { TableSnapshot } from './snapshot.js';
import { TableView } from './view.js';

/** Numbers for names and texts that are the same in both snapshots. */
class Interned {
  readonly #ids = new Map<string, number>();

  id(text: string): number {
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.#ids.size;
      this.#ids.set(text, id);
    }
    return id;
  }
}

/** The part of a row's text that says what it matches: up to its counters. */
const matchText = (rowText: string): string => {
  const at = rowText.indexOf(', packets:');
  return at < 0 ? rowText : rowText.slice(0, at);
};

/** One side of a comparison. Works on the bytes of the rows: a table may have half a million of them. */
class Keyed {
  readonly view: TableView;
  readonly columns: readonly Column[];
  readonly nRows: number;
  readonly #named = new Map<number, boolean>();
  readonly #bytes: DataView;
  readonly #stride: number;
  readonly #known: number;

  constructor(
    readonly snapshot: TableSnapshot,
    identity: readonly string[],
  ) {
    this.view = new TableView(snapshot);
    this.columns = identity.map((name) => this.view.column(name));
    this.nRows = this.view.nRows;
    const rows = snapshot.schema.segments[0]!;
    for (const { name, segment } of this.columns) {
      if (segment !== rows)
        throw new CtiError('INTERNAL', `${snapshot.schema.name}: ${name} of its identity is no field of the rows`);
    }
    const { buffer, size } = snapshot.segment(rows.name);
    this.#bytes = new DataView(buffer, 0, size);
    this.#stride = rows.stride;
    this.#known = rows.fields.find(({ name }) => name === 'known')?.offset ?? -1;
  }

  /** Whether a row has a value there. A datapath without a name is none. */
  isKnown(row: number, { field }: Column): boolean {
    const at = row * this.#stride;
    if (field.knownBit !== undefined && (this.#bytes.getUint32(at + this.#known, true) & (1 << field.knownBit)) === 0)
      return false;
    return field.type !== 'datapath' || this.#hasName(this.#bytes.getUint32(at + field.offset, true));
  }

  #hasName(datapath: number): boolean {
    const known = this.#named.get(datapath);
    if (known !== undefined) return known;
    const isNamed = this.view.datapath(datapath) !== null;
    this.#named.set(datapath, isNamed);
    return isNamed;
  }

  /** Whether any row has a value there, and whether all have. */
  knows(column: Column): { any: boolean; all: boolean } {
    let n = 0;
    if (column.field.knownBit === undefined && column.field.type !== 'datapath')
      return { any: this.nRows > 0, all: true };
    for (let row = 0; row < this.nRows; row++) if (this.isKnown(row, column)) n++;
    return { any: n > 0, all: n === this.nRows };
  }

  /** Writes a column of all rows into `keys`, WORDS words a row from word `at`. */
  write(column: Column, keys: Uint32Array, stride: number, at: number, interned: Interned): void {
    const { field } = column;
    const { view } = this;
    const name: ((id: number) => string | null) | undefined = {
      port: (id: number) => view.port(id),
      datapath: (id: number) => view.datapath(id),
      actions: (id: number) => view.actions(id),
      text: (id: number) => view.text(id),
    }[field.type as string];
    const ids = new Map<number, number>();
    const bit = field.knownBit === undefined ? 0 : 1 << field.knownBit;
    for (let row = 0; row < this.nRows; row++) {
      const from = row * this.#stride;
      const to = row * stride + at;
      if (bit !== 0 && (this.#bytes.getUint32(from + this.#known, true) & bit) === 0) {
        keys[to] = 0xffff_ffff;
        continue;
      }
      keys[to] = 1;
      if (name) {
        const own = this.#bytes.getUint32(from + field.offset, true);
        let id = ids.get(own);
        if (id === undefined) {
          id = interned.id(`${field.type}:${name(own) ?? ''}`);
          ids.set(own, id);
        }
        keys[to + 1] = id;
      } else if (field.size < 4) {
        keys[to + 1] =
          field.size === 2
            ? this.#bytes.getUint16(from + field.offset, true)
            : this.#bytes.getUint8(from + field.offset);
      } else {
        for (let i = 0; i < field.size / 4; i++)
          keys[to + 1 + i] = this.#bytes.getUint32(from + field.offset + 4 * i, true);
      }
    }
  }
}

const WORDS = 5;

function keysOf(keyed: Keyed, used: readonly boolean[], byText: boolean, interned: Interned): Uint32Array {
  const columns = keyed.columns.filter((_, i) => used[i]);
  const stride = WORDS * columns.length + 1;
  const keys = new Uint32Array(stride * keyed.nRows);
  for (const [i, column] of columns.entries()) keyed.write(column, keys, stride, WORDS * i, interned);
  if (byText) {
    for (let row = 0; row < keyed.nRows; row++)
      keys[row * stride + stride - 1] = interned.id(`row:${matchText(keyed.snapshot.rowText(row))}`);
  }
  return keys;
}

/** Open addressing over rows of words. */
class KeyTable {
  readonly #slots: Int32Array;
  readonly #mask: number;

  constructor(
    readonly keys: Uint32Array,
    readonly stride: number,
    nRows: number,
  ) {
    let size = 16;
    while (size < 2 * nRows) size *= 2;
    this.#slots = new Int32Array(size).fill(-1);
    this.#mask = size - 1;
    for (let row = nRows - 1; row >= 0; row--) this.#insert(row);
  }

  #hash(keys: Uint32Array, at: number): number {
    let hash = 0;
    for (let i = 0; i < this.stride; i++) {
      hash = Math.imul(hash ^ keys[at + i]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & this.#mask;
  }

  #insert(row: number): void {
    let slot = this.#hash(this.keys, row * this.stride);
    while (this.#slots[slot]! >= 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = row;
  }

  /** A row with this key that `taken` does not have, or -1. */
  find(keys: Uint32Array, at: number, taken: Uint8Array): number {
    for (let slot = this.#hash(keys, at); ; slot = (slot + 1) & this.#mask) {
      const row = this.#slots[slot]!;
      if (row < 0) return -1;
      if (taken[row] === 0 && this.#equal(row * this.stride, keys, at)) return row;
    }
  }

  #equal(mine: number, keys: Uint32Array, at: number): boolean {
    for (let i = 0; i < this.stride; i++) if (this.keys[mine + i] !== keys[at + i]) return false;
    return true;
  }
}

export interface Matched {
  /** For each row of `after`: its row in `before`, or -1. No row of `before` is there twice. */
  readonly before: Int32Array;
  /** Rows of `before` that `after` does not have. */
  readonly gone: Uint32Array;
}

interface Known {
  readonly any: boolean;
  readonly all: boolean;
}

/** INVALID_ARGUMENT if the table has no identity, or only one of the two snapshots says who its rows are. */
export function matchRows(schema: TableSchema, before: TableSnapshot, after: TableSnapshot): Matched {
  const { identity } = schema;
  if (!identity) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `${schema.name}: nothing tells which row of one sample is which of another, so two cannot be compared`,
    );
  }
  const sides = [new Keyed(before, identity), new Keyed(after, identity)] as const;
  const [first, second] = sides;
  const [nBefore, nAfter] = [first.nRows, second.nRows];
  const isEmpty = nBefore === 0 || nAfter === 0;
  const known = sides.map((side) => side.columns.map((column) => side.knows(column))) as [Known[], Known[]];
  const used = identity.map((_, i) => isEmpty || (known[0][i]!.any && known[1][i]!.any));
  const [ofBefore, ofAfter] = [known[0][0]!, known[1][0]!];
  if (!isEmpty && ofBefore.any !== ofAfter.any) {
    const [has, lacks] = ofBefore.any ? [before, after] : [after, before];
    throw new CtiError(
      'INVALID_ARGUMENT',
      `only one of the two samples says the ${identity[0]} of its rows (${has.facts.source}, not ${lacks.facts.source}), so they cannot be compared: take both with dump-flows -m`,
    );
  }
  // Rows without a ufid are told by what they match.
  const byText = !isEmpty && schema.rowText !== undefined && !(ofBefore.all && ofAfter.all);
  const interned = new Interned();
  const stride = WORDS * used.filter(Boolean).length + 1;
  const [beforeKeys, afterKeys] = sides.map((side) => keysOf(side, used, byText, interned)) as [
    Uint32Array,
    Uint32Array,
  ];
  const table = new KeyTable(beforeKeys, stride, nBefore);
  const taken = new Uint8Array(nBefore);
  const found = new Int32Array(nAfter);
  for (let row = 0; row < nAfter; row++) {
    const match = table.find(afterKeys, row * stride, taken);
    found[row] = match;
    if (match >= 0) taken[match] = 1;
  }
  const gone: number[] = [];
  for (let row = 0; row < nBefore; row++) if (taken[row] === 0) gone.push(row);
  return { before: found, gone: Uint32Array.from(gone) };
}
