/**
 * Which row of one snapshot is which of a later one: by what the schema calls the identity (a megaflow's ufid, datapath and PMD; a connection's
 * tuple, zone and datapath). Ids of dictionaries are of one snapshot alone, so names are compared. A field that one of the two does not know at
 * all (a saved dump does not say its datapath) is left out. Where the first field, a flow's ufid, is not known, the row's printed match says who
 * it is. Rows of one identity are paired in their order, no row twice, and said to be uncertain.
 */
import { CtiError } from '../errors.js';
import type { FieldSchema, SegmentSchema, TableSchema } from '../table-schema.js';
import { MatchKeys } from './match-shape.js';
import { MATCH } from './sampled-schema.js';
import { dictionaryOf } from './segments-of.js';
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

/** A part of the identity: a field that every row has, or all that is matched. */
type Part = { readonly segment: SegmentSchema; readonly field: FieldSchema } | typeof MATCH;

function partOf(schema: TableSchema, name: string): Part {
  for (const segment of schema.segments.filter(({ per }) => per === 'row')) {
    const field = segment.fields.find((field) => field.name === name);
    if (field && !(segment.masked && (field.type === 'ref' || dictionaryOf(schema, field) !== undefined)))
      return { segment, field };
  }
  if (name === MATCH) return MATCH;
  throw new CtiError('INTERNAL', `${schema.name}: ${name} of its identity is no field that every row has`);
}

/** Words of a part's key: of a masked field those of its mask too, of one of the rows whether it is known. */
function wordsOf(part: Part): number {
  if (part === MATCH) return 1;
  const { segment, field } = part;
  if (segment.masked) return field.size < 4 ? 1 : field.size / 2;
  return 1 + Math.max(1, field.size / 4);
}

/** One side of a comparison. Works on the bytes of the rows: a table may have half a million of them. */
class Keyed {
  readonly view: TableView;
  readonly nRows: number;
  readonly #named = new Map<number, boolean>();
  readonly #bytes = new Map<SegmentSchema, DataView>();
  readonly #rows: SegmentSchema;
  readonly #known: number;

  constructor(
    readonly snapshot: TableSnapshot,
    readonly parts: readonly Part[],
  ) {
    this.view = new TableView(snapshot);
    this.nRows = this.view.nRows;
    this.#rows = snapshot.schema.segments[0]!;
    for (const segment of snapshot.schema.segments.filter(({ per }) => per === 'row')) {
      const { buffer, size } = snapshot.segment(segment.name);
      this.#bytes.set(segment, new DataView(buffer, 0, size));
    }
    this.#known = this.#rows.fields.find(({ name }) => name === 'known')?.offset ?? -1;
  }

  /** Whether a row has a value there. A datapath without a name is none; nor is a field of a tuple that its protocol does not have. */
  #isKnown(row: number, segment: SegmentSchema, field: FieldSchema): boolean {
    const bytes = this.#bytes.get(segment)!;
    const at = row * segment.stride;
    if (segment.masked) {
      const mask = at + segment.half + field.offset;
      for (let i = 0; i < field.size; i++) if (bytes.getUint8(mask + i) !== 0) return true;
      return false;
    }
    if (field.knownBit !== undefined && (bytes.getUint32(at + this.#known, true) & (1 << field.knownBit)) === 0)
      return false;
    return field.type !== 'datapath' || this.#hasName(bytes.getUint32(at + field.offset, true));
  }

  #hasName(datapath: number): boolean {
    const known = this.#named.get(datapath);
    if (known !== undefined) return known;
    const isNamed = this.view.datapath(datapath) !== null;
    this.#named.set(datapath, isNamed);
    return isNamed;
  }

  /** Whether any row has a value there, and whether all have. */
  knows(part: Part): Known {
    const always = { any: this.nRows > 0, all: true };
    if (part === MATCH) return always;
    const { segment, field } = part;
    if (!segment.masked && field.knownBit === undefined && field.type !== 'datapath') return always;
    let n = 0;
    for (let row = 0; row < this.nRows; row++) if (this.#isKnown(row, segment, field)) n++;
    return { any: n > 0, all: n === this.nRows };
  }

  /** Writes a part of all rows into `keys`, from word `at` of each. */
  write(part: Part, keys: Uint32Array, stride: number, at: number, interned: Interned): void {
    if (part === MATCH) {
      const matches = new MatchKeys(this.snapshot);
      for (let row = 0; row < this.nRows; row++) keys[row * stride + at] = interned.id(`match:${matches.key(row)}`);
    } else if (part.segment.masked) this.#writeMasked(part.segment, part.field, keys, stride, at);
    else this.#writeField(part.field, keys, stride, at, interned);
  }

  #writeMasked(segment: SegmentSchema, field: FieldSchema, keys: Uint32Array, stride: number, at: number): void {
    const bytes = this.#bytes.get(segment)!;
    const { half } = segment;
    for (let row = 0; row < this.nRows; row++) {
      const from = row * segment.stride + field.offset;
      const to = row * stride + at;
      if (field.size < 4) {
        const read = (at: number) => (field.size === 2 ? bytes.getUint16(at, true) : bytes.getUint8(at));
        keys[to] = read(from) + 0x1_0000 * read(from + half);
        continue;
      }
      const n = field.size / 4;
      for (let i = 0; i < n; i++) {
        keys[to + i] = bytes.getUint32(from + 4 * i, true);
        keys[to + n + i] = bytes.getUint32(from + half + 4 * i, true);
      }
    }
  }

  #writeField(field: FieldSchema, keys: Uint32Array, stride: number, at: number, interned: Interned): void {
    const { view } = this;
    const bytes = this.#bytes.get(this.#rows)!;
    const name: ((id: number) => string | null) | undefined = {
      port: (id: number) => view.port(id),
      datapath: (id: number) => view.datapath(id),
      actions: (id: number) => view.actions(id),
      text: (id: number) => view.text(id),
    }[field.type as string];
    const ids = new Map<number, number>();
    const bit = field.knownBit === undefined ? 0 : 1 << field.knownBit;
    for (let row = 0; row < this.nRows; row++) {
      const from = row * this.#rows.stride;
      const to = row * stride + at;
      if (bit !== 0 && (bytes.getUint32(from + this.#known, true) & bit) === 0) {
        keys[to] = 0xffff_ffff;
        continue;
      }
      keys[to] = 1;
      if (name) {
        const own = bytes.getUint32(from + field.offset, true);
        let id = ids.get(own);
        if (id === undefined) {
          id = interned.id(`${field.type}:${name(own) ?? ''}`);
          ids.set(own, id);
        }
        keys[to + 1] = id;
      } else if (field.size < 4) {
        keys[to + 1] =
          field.size === 2 ? bytes.getUint16(from + field.offset, true) : bytes.getUint8(from + field.offset);
      } else {
        for (let i = 0; i < field.size / 4; i++) keys[to + 1 + i] = bytes.getUint32(from + field.offset + 4 * i, true);
      }
    }
  }
}

interface Keys {
  readonly words: Uint32Array;
  /** Words of a row. */
  readonly stride: number;
}

function keysOf(keyed: Keyed, used: readonly boolean[], byText: boolean, interned: Interned): Keys {
  const parts = keyed.parts.filter((_, i) => used[i]);
  const stride = parts.reduce((sum, part) => sum + wordsOf(part), 1);
  const words = new Uint32Array(stride * keyed.nRows);
  let at = 0;
  for (const part of parts) {
    keyed.write(part, words, stride, at, interned);
    at += wordsOf(part);
  }
  if (byText) {
    for (let row = 0; row < keyed.nRows; row++)
      words[row * stride + at] = interned.id(`row:${matchText(keyed.snapshot.rowText(row))}`);
  }
  return { words, stride };
}

/** The rows of one side by their keys. Open addressing; rows of one key are a list. */
class KeyTable {
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** By row: the next one of its key, or -1. */
  readonly #next: Int32Array;
  readonly #keys: Uint32Array;
  readonly #stride: number;

  constructor({ words, stride }: Keys, nRows: number) {
    this.#keys = words;
    this.#stride = stride;
    let size = 16;
    while (size < 2 * nRows) size *= 2;
    this.#slots = new Int32Array(size).fill(-1);
    this.#mask = size - 1;
    this.#next = new Int32Array(nRows).fill(-1);
    for (let row = nRows - 1; row >= 0; row--) {
      const slot = this.#slot(words, row * stride);
      this.#next[row] = this.#slots[slot]!;
      this.#slots[slot] = row;
    }
  }

  /** The first row of this key, or -1. */
  first(keys: Uint32Array, at: number): number {
    return this.#slots[this.#slot(keys, at)]!;
  }

  /** The row behind it of the same key, or -1. */
  next(row: number): number {
    return this.#next[row]!;
  }

  /** Where the key is, or would be. */
  #slot(keys: Uint32Array, at: number): number {
    let hash = 0;
    for (let i = 0; i < this.#stride; i++) {
      hash = Math.imul(hash ^ keys[at + i]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const row = this.#slots[slot]!;
      if (row < 0 || this.#equal(row * this.#stride, keys, at)) return slot;
    }
  }

  #equal(mine: number, keys: Uint32Array, at: number): boolean {
    for (let i = 0; i < this.#stride; i++) if (this.#keys[mine + i] !== keys[at + i]) return false;
    return true;
  }
}

export interface Matched {
  /** For each row of `after`: its row in `before`, or -1. No row of `before` is there twice. */
  readonly before: Int32Array;
  /** Rows of `before` that `after` does not have. */
  readonly gone: Uint32Array;
  /** Rows of `after` of which it is not certain which row of `before` they are: one of the samples has several of their identity. */
  readonly uncertain: ReadonlySet<number>;
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
  const parts = identity.map((name) => partOf(schema, name));
  const sides = [new Keyed(before, parts), new Keyed(after, parts)] as const;
  const [first, second] = sides;
  const [nBefore, nAfter] = [first.nRows, second.nRows];
  const isEmpty = nBefore === 0 || nAfter === 0;
  const known = sides.map((side) => parts.map((part) => side.knows(part))) as [Known[], Known[]];
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
  const keys = sides.map((side) => keysOf(side, used, byText, interned)) as [Keys, Keys];
  return pair(keys, nBefore, nAfter);
}

/** Pairs the rows of each key, in their order. */
function pair([ofBefore, ofAfter]: readonly [Keys, Keys], nBefore: number, nAfter: number): Matched {
  const table = new KeyTable(ofBefore, nBefore);
  const taken = new Uint8Array(nBefore);
  const found = new Int32Array(nAfter).fill(-1);
  /** By the first row of a key in `before`: its next one that is free, and the latest row of `after` that had the key. */
  const free = new Int32Array(nBefore).fill(-2);
  const latest = new Int32Array(nBefore).fill(-1);
  const uncertain = new Set<number>();
  for (let row = 0; row < nAfter; row++) {
    const first = table.first(ofAfter.words, row * ofAfter.stride);
    if (first < 0) continue;
    const match = free[first] === -2 ? first : free[first]!;
    if (latest[first]! >= 0) uncertain.add(latest[first]!).add(row);
    else if (table.next(first) >= 0) uncertain.add(row);
    latest[first] = row;
    if (match < 0) continue;
    found[row] = match;
    taken[match] = 1;
    free[first] = table.next(match);
  }
  const gone: number[] = [];
  for (let row = 0; row < nBefore; row++) if (taken[row] === 0) gone.push(row);
  return { before: found, gone: Uint32Array.from(gone), uncertain };
}
