/**
 * Which row of one snapshot is which of a later one: by the fields that the schema calls the identity (a megaflow's ufid, datapath and PMD).
 * Ids of dictionaries are of one snapshot alone, so names are compared. A field that one of the two does not know at all (a saved dump does
 * not say its datapath) is left out. Where the first field, a flow's ufid, is not known, the row's printed match says who it is.
 */
import { CtiError } from '../errors.js';
import type { TableSchema } from '../table-schema.js';
import type { Column } from './columns.js';
import type { TableSnapshot } from './snapshot.js';
import { type Cell, TableView } from './view.js';

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

type ReadWords = (row: number, words: Uint32Array, at: number) => void;

class Keyed {
  readonly view: TableView;
  readonly columns: readonly Column[];

  constructor(
    readonly snapshot: TableSnapshot,
    identity: readonly string[],
  ) {
    this.view = new TableView(snapshot);
    this.columns = identity.map((name) => this.view.column(name));
  }

  /** Whether any row has a value there. A datapath without a name is none. */
  knows(column: Column): boolean {
    for (let row = 0; row < this.view.nRows; row++) if (this.isKnown(row, column)) return true;
    return false;
  }

  isKnown(row: number, column: Column): boolean {
    const cell = this.view.cell(row, column);
    return cell !== null && (column.field.type !== 'datapath' || this.view.datapath(Number(cell.value)) !== null);
  }

  reader(column: Column, interned: Interned): ReadWords {
    const { view } = this;
    const { type } = column.field;
    const names = new Map<bigint, number>();
    const nameOf = (id: number): string | null =>
      type === 'port'
        ? view.port(id)
        : type === 'datapath'
          ? view.datapath(id)
          : type === 'actions'
            ? view.actions(id)
            : view.text(id);
    const isName = ['port', 'datapath', 'actions', 'text'].includes(type);
    const put = (cell: Cell, words: Uint32Array, at: number): void => {
      if (cell === null) {
        words[at] = 0xffff_ffff;
        return;
      }
      let { value } = cell;
      if (isName) {
        let id = names.get(value);
        if (id === undefined) {
          id = interned.id(`${type}:${nameOf(Number(value)) ?? ''}`);
          names.set(value, id);
        }
        value = BigInt(id);
      }
      words[at] = 1;
      words[at + 1] = Number(value & 0xffff_ffffn);
      words[at + 2] = Number((value >> 32n) & 0xffff_ffffn);
      words[at + 3] = Number((value >> 64n) & 0xffff_ffffn);
      words[at + 4] = Number((value >> 96n) & 0xffff_ffffn);
    };
    return (row, words, at) => put(view.cell(row, column), words, at);
  }
}

const WORDS = 5;

function keysOf(keyed: Keyed, used: readonly boolean[], byText: boolean, interned: Interned): Uint32Array {
  const readers = keyed.columns.flatMap((column, i) => (used[i] ? [keyed.reader(column, interned)] : []));
  const stride = WORDS * readers.length + 1;
  const keys = new Uint32Array(stride * keyed.view.nRows);
  for (let row = 0; row < keyed.view.nRows; row++) {
    for (const [i, read] of readers.entries()) read(row, keys, row * stride + WORDS * i);
    if (byText) keys[row * stride + stride - 1] = interned.id(`row:${matchText(keyed.snapshot.rowText(row))}`);
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
  const [nBefore, nAfter] = [first.view.nRows, second.view.nRows];
  const isEmpty = nBefore === 0 || nAfter === 0;
  const known = sides.map((side) => side.columns.map((column) => side.knows(column)));
  const used = identity.map((_, i) => isEmpty || (known[0]![i]! && known[1]![i]!));
  const [ofBefore, ofAfter] = [known[0]![0], known[1]![0]];
  if (!isEmpty && ofBefore !== ofAfter) {
    const [has, lacks] = ofBefore ? [before, after] : [after, before];
    throw new CtiError(
      'INVALID_ARGUMENT',
      `only one of the two samples says the ${identity[0]} of its rows (${has.facts.source}, not ${lacks.facts.source}), so they cannot be compared: take both with dump-flows -m`,
    );
  }
  // Rows without a ufid are told by what they match.
  const byText =
    !isEmpty &&
    schema.rowText !== undefined &&
    sides.some((side) => {
      for (let row = 0; row < side.view.nRows; row++) if (!side.isKnown(row, side.columns[0]!)) return true;
      return false;
    });
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
