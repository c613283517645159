/**
 * What a row matches, whatever snapshot it is of: the masked segments as bytes, masks and the bits of keys that they keep, and fields that are numbers
 * of one snapshot alone, whose names are compared. compare-rows.ts asks whether two rows match the same; a key of it tells rows apart (identity.ts).
 */
import type { FieldSchema, SegmentSchema, TableSchema } from '../table-schema.js';
import { dictionaryOf, type Records, recordsOf, refBytes } from './segments-of.js';
import type { TableSnapshot } from './snapshot.js';
import { TableView } from './view.js';

/** What an id of a dictionary names, in a form that is the same in every snapshot. */
export function namesOf(view: TableView, dictionary: string): (id: number) => string {
  // A rule's output may be to a port that stands in a field: that is an id of none.
  const isPort = (id: number) => id < view.snapshot.segment('ports').nRecords;
  const port = (id: number) => (isPort(id) ? view.port(id) : null) ?? '?';
  const names: Readonly<Record<string, (id: number) => string>> = {
    ports: port,
    datapaths: (id) => view.datapath(id) ?? '',
    texts: (id) => view.text(id),
    // Equal texts of two datapaths have other ports of the same names.
    action_lists: (id) => `${view.actions(id)}|${view.outPorts(id).map(port).sort().join()}`,
  };
  return names[dictionary]!;
}

type Range = readonly [from: number, to: number];

/** Bytes of a record that say what is matched, and its fields whose bytes are of one snapshot alone. */
export interface Shape {
  readonly segment: SegmentSchema;
  /** Of the masks: compared as they are. */
  readonly masks: readonly Range[];
  /** Of the keys: bits outside the mask match nothing. What they are differs by source: dump-flows leaves flags out that the memory has. */
  readonly keys: readonly Range[];
  readonly fields: readonly { readonly at: number; readonly field: FieldSchema; readonly isMask: boolean }[];
}

/** A half of a record without some fields. */
function without(begin: number, end: number, fields: readonly FieldSchema[]): Range[] {
  const ranges: Range[] = [];
  let from = begin;
  for (const { offset, size } of [...fields].sort((a, b) => a.offset - b.offset)) {
    if (begin + offset > from) ranges.push([from, begin + offset]);
    from = begin + offset + size;
  }
  if (from < end) ranges.push([from, end]);
  return ranges;
}

function shapeOf(schema: TableSchema, segment: SegmentSchema): Shape {
  // How a row was written is no part of what it matches.
  const left = segment.fields.filter((field) => schema.notCompared?.includes(field.name));
  const special = segment.fields.filter((field) => field.type === 'ref' || dictionaryOf(schema, field) !== undefined);
  const fields = special.flatMap((field) => [
    { at: field.offset, field, isMask: false },
    ...(field.type === 'ref' ? [{ at: segment.half + field.offset, field, isMask: true }] : []),
  ]);
  return {
    segment,
    keys: without(0, segment.half, [...left, ...special]),
    // A mask of an id is bits.
    masks: without(segment.half, segment.stride, [...left, ...special.filter(({ type }) => type === 'ref')]),
    fields,
  };
}

/** Whether a record at `at` looks at a field: an id that it does not look at means nothing. */
export const isMatched = ({ half }: SegmentSchema, field: FieldSchema, view: DataView, at: number): boolean =>
  view.getUint32(at + half + field.offset, true) !== 0;

export interface MatchShape {
  /** What every row has. */
  readonly row: Shape | undefined;
  /** What a row may have, with the offset of the record's number in the row. */
  readonly some: readonly { readonly index: number; readonly shape: Shape }[];
  /** What was not understood of it. */
  readonly unknown: FieldSchema | undefined;
}

export function matchShape(schema: TableSchema): MatchShape {
  const rows = schema.segments[0]!;
  const masked = schema.segments.filter(({ masked }) => masked);
  const perRow = masked.find(({ per }) => per === 'row');
  return {
    row: perRow && shapeOf(schema, perRow),
    some: masked
      .filter(({ per }) => per === 'some-rows')
      .map((segment) => ({
        index: rows.fields.find(({ index_of }) => index_of === segment.name)!.offset,
        shape: shapeOf(schema, segment),
      })),
    unknown: rows.fields.find(({ name, type }) => name === 'unknown' && type === 'ref'),
  };
}

/** Texts that are equal, in whatever snapshots of a table, if and only if the rows match the same. */
export class MatchKeys {
  readonly #records: ReadonlyMap<string, Records>;
  readonly #view: TableView;
  readonly #shape: MatchShape;
  readonly #schema: TableSchema;

  constructor(snapshot: TableSnapshot) {
    this.#schema = snapshot.schema;
    this.#records = recordsOf(snapshot);
    this.#view = new TableView(snapshot);
    this.#shape = matchShape(snapshot.schema);
  }

  key(row: number): string {
    const rows = this.#records.get('rows')!;
    const at = row * rows.schema.stride;
    const { row: own, some, unknown } = this.#shape;
    const parts = own ? [this.#record(own, row)] : [];
    for (const { index, shape } of some) {
      const record = rows.view.getUint32(at + index, true);
      parts.push(record === 0 ? '-' : this.#record(shape, record - 1));
    }
    if (unknown) parts.push(this.#bytes(refBytes(this.#records, rows.view, at + unknown.offset)));
    return parts.join('');
  }

  /** A length goes before what has no fixed one, so that no two lists of parts read the same. */
  #bytes(bytes: Uint8Array): string {
    return `${bytes.length}:${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')}`;
  }

  #record({ segment, masks, keys, fields }: Shape, record: number): string {
    const { bytes, view } = this.#records.get(segment.name)!;
    const at = record * segment.stride;
    const parts = [
      ...masks.map(([from, to]) => this.#bytes(bytes.subarray(at + from, at + to))),
      ...keys.map(([from, to]) => {
        const matched = bytes.slice(at + from, at + to);
        for (let i = 0; i < matched.length; i++) matched[i]! &= bytes[at + segment.half + from + i]!;
        return this.#bytes(matched);
      }),
    ];
    for (const { at: offset, field } of fields) {
      if (field.type === 'ref') {
        parts.push(this.#bytes(refBytes(this.#records, view, at + offset)));
        continue;
      }
      if (!isMatched(segment, field, view, at)) continue;
      const dictionary = dictionaryOf(this.#schema, field)!;
      const id = view.getUint32(at + offset, true);
      const name = id < this.#records.get(dictionary)!.n ? namesOf(this.#view, dictionary)(id) : `#${id}`;
      parts.push(`${name.length}:${name}`);
    }
    return parts.join('');
  }
}
