/**
 * Rows of two snapshots as one table: chosen rows of the later one, and rows of the earlier one behind them, whose names, action lists and texts
 * become entries of the later one's dictionaries, the same entry where it has one already.
 */
import { CtiError } from '../errors.js';
import type { SegmentSchema, TableSchema } from '../table-schema.js';
import { namesOf } from './match-shape.js';
import { remapPorts } from './remap-ports.js';
import { dictionaryOf, type Records, recordsOf, refBytes } from './segments-of.js';
import type { SnapshotSegment, TableSnapshot } from './snapshot.js';
import { TableView } from './view.js';

/** Bytes that grow at their end. */
class Growing {
  #bytes: Uint8Array;
  #size: number;

  constructor(first: Uint8Array, more: number) {
    this.#bytes = new Uint8Array(first.length + more);
    this.#bytes.set(first);
    this.#size = first.length;
  }

  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array): number {
    const at = this.#size;
    if (at + bytes.length > this.#bytes.length) {
      const wider = new Uint8Array(2 * (at + bytes.length));
      wider.set(this.#bytes);
      this.#bytes = wider;
    }
    this.#bytes.set(bytes, at);
    this.#size += bytes.length;
    return at;
  }

  align(to: number): void {
    const rest = this.#size % to;
    if (rest > 0) this.append(new Uint8Array(to - rest));
  }

  /** All that was appended, in a buffer of just that size. */
  take(): ArrayBuffer {
    return this.#bytes.slice(0, this.#size).buffer as ArrayBuffer;
  }
}

const MAX_BLOB = 0xffff_ffff;

class Merger {
  readonly #schema: TableSchema;
  readonly #from: ReadonlyMap<string, Records>;
  readonly #views: { readonly before: TableView; readonly after: TableView };
  readonly #segments: ReadonlyMap<string, Growing>;
  /** By dictionary: ids of the later snapshot by what they name. */
  readonly #known = new Map<string, Map<string, number>>();
  /** By dictionary: ids of the earlier one that have been taken over. */
  readonly #taken = new Map<string, Map<number, number>>();
  /** Action lists of the earlier snapshot, by their new id. */
  readonly actionsBefore = new Map<number, number>();

  constructor(
    before: TableSnapshot,
    private readonly after: TableSnapshot,
    rows: Uint32Array,
  ) {
    this.#schema = after.schema;
    this.#from = recordsOf(before);
    this.#views = { before: new TableView(before), after: new TableView(after) };
    const own = recordsOf(after);
    this.#segments = new Map(
      after.schema.segments.map(({ name, per, stride }): [string, Growing] => {
        const { bytes } = own.get(name)!;
        if (per !== 'row') return [name, new Growing(bytes, 0)];
        const chosen = new Uint8Array(rows.length * stride);
        for (const [i, row] of rows.entries()) chosen.set(bytes.subarray(row * stride, (row + 1) * stride), i * stride);
        return [name, new Growing(chosen, 0)];
      }),
    );
  }

  /** Appends a row of the earlier snapshot. */
  add(row: number): void {
    for (const segment of this.#schema.segments) if (segment.per === 'row') this.#append(segment, row);
  }

  segments(): SnapshotSegment[] {
    return this.#schema.segments.map(({ name, stride }) => {
      const grown = this.#segments.get(name)!;
      return { name, fd: -1, buffer: grown.take(), size: grown.size, stride, nRecords: grown.size / stride };
    });
  }

  /** A record of the earlier snapshot with all it refers to; its number here. */
  #append(segment: SegmentSchema, record: number): number {
    const from = this.#from.get(segment.name)!;
    const bytes = from.bytes.slice(record * segment.stride, (record + 1) * segment.stride);
    const view = new DataView(bytes.buffer);
    for (const field of segment.fields) {
      const halves = segment.masked ? [0, segment.half] : [0];
      if (field.type === 'ref') {
        for (const half of halves) this.#takeRef(segment, field.name, view, half + field.offset);
        continue;
      }
      if (field.size !== 4) continue; // no number of another record; the last ones may end closer to the record's end
      const value = view.getUint32(field.offset, true);
      if (field.index_of) {
        const target = this.#schema.segments.find(({ name }) => name === field.index_of)!;
        if (value > 0) view.setUint32(field.offset, this.#append(target, value - 1) + 1, true);
        continue;
      }
      const dictionary = dictionaryOf(this.#schema, field);
      // What is not matched is an id of none where there is none.
      if (dictionary !== undefined && value < this.#from.get(dictionary)!.n)
        view.setUint32(field.offset, this.#id(dictionary, value), true);
    }
    return this.#segments.get(segment.name)!.append(bytes) / segment.stride;
  }

  #takeRef(segment: SegmentSchema, name: string, view: DataView, at: number): void {
    const bytes = refBytes(this.#from, view, at);
    const port = (id: number): number => (id < this.#from.get('ports')!.n ? this.#id('ports', id) : id);
    let copy = bytes;
    if (segment.name === 'action_lists' && name === 'attrs') copy = remapPorts(bytes, port);
    else if (segment.name === 'action_lists' && name === 'out_ports') {
      const ids = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const mapped = Array.from({ length: bytes.length / 4 }, (_, i) => port(ids.getUint32(4 * i, true)));
      copy = new Uint8Array(Uint32Array.from(mapped.sort((a, b) => a - b)).buffer);
    }
    const blob = this.#segments.get('blob')!;
    if (copy.length === 0) return;
    blob.align(8);
    if (blob.size + copy.length > MAX_BLOB)
      throw new CtiError(
        'OUT_OF_MEMORY',
        `${this.#schema.name}: the texts of two samples are over 4 GiB; ask for fewer rows`,
      );
    view.setUint32(at, blob.append(copy), true);
  }

  #id(dictionary: string, id: number): number {
    const taken = this.#taken.get(dictionary) ?? new Map<number, number>();
    this.#taken.set(dictionary, taken);
    let mine = taken.get(id);
    if (mine === undefined) {
      mine = this.#idsByName(dictionary).get(namesOf(this.#views.before, dictionary)(id));
      if (mine === undefined) {
        mine = this.#append(this.#schema.segments.find(({ name }) => name === dictionary)!, id);
        if (dictionary === 'action_lists') this.actionsBefore.set(mine, id);
      }
      taken.set(id, mine);
    }
    return mine;
  }

  #idsByName(dictionary: string): Map<string, number> {
    const known = this.#known.get(dictionary);
    if (known) return known;
    const ids = new Map<string, number>();
    this.#known.set(dictionary, ids);
    const name = namesOf(this.#views.after, dictionary);
    for (let id = this.after.segment(dictionary).nRecords - 1; id >= 0; id--) ids.set(name(id), id);
    return ids;
  }
}

export interface MergedRows {
  readonly segments: readonly SnapshotSegment[];
  /** Ids of the earlier snapshot's action lists by their ids here. */
  readonly actionsBefore: ReadonlyMap<number, number>;
}

/** `rows` of `after`, then `gone` of `before`. Both have the same schema. */
export function mergeRows(
  before: TableSnapshot,
  after: TableSnapshot,
  rows: Uint32Array,
  gone: Uint32Array,
): MergedRows {
  const merger = new Merger(before, after, rows);
  for (const row of gone) merger.add(row);
  return { segments: merger.segments(), actionsBefore: merger.actionsBefore };
}
