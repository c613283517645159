/** Which fields of a row are not as they were in the sample before. Ids are of one snapshot alone: what they name is compared. */
import type { FieldSchema, SegmentSchema } from '../table-schema.js';
import { comparedFields } from './sampled-schema.js';
import { dictionaryOf, type Records, recordsOf, refBytes, sameBytes } from './segments-of.js';
import type { TableSnapshot } from './snapshot.js';
import { TableView } from './view.js';

/** What an id of a dictionary names, in a form that is the same in every snapshot. */
export function namesOf(view: TableView, dictionary: string): (id: number) => string {
  const port = (id: number) => view.port(id) ?? '?';
  const names: Readonly<Record<string, (id: number) => string>> = {
    ports: port,
    datapaths: (id) => view.datapath(id) ?? '',
    texts: (id) => view.text(id),
    // Equal texts of two datapaths have other ports of the same names.
    action_lists: (id) => `${view.actions(id)}|${view.outPorts(id).map(port).sort().join()}`,
  };
  return names[dictionary]!;
}

/** Bytes of a record that are compared as they are, and its fields that are not. */
interface Shape {
  readonly segment: SegmentSchema;
  readonly plain: readonly (readonly [from: number, to: number])[];
  readonly fields: readonly { readonly at: number; readonly field: FieldSchema; readonly isMask: boolean }[];
}

export class RowComparer {
  readonly #before: ReadonlyMap<string, Records>;
  readonly #after: ReadonlyMap<string, Records>;
  readonly #views: readonly [TableView, TableView];
  readonly #same = new Map<string, Map<number, boolean>>();
  readonly #fields: readonly FieldSchema[];
  readonly #known: number;
  readonly #match: Shape | undefined;
  readonly #matchBit: number;
  /** Segments of the match that a row may have, with the index to them. */
  readonly #some: readonly { readonly index: number; readonly shape: Shape }[];
  readonly #unknown: FieldSchema | undefined;

  constructor(
    before: TableSnapshot,
    private readonly after: TableSnapshot,
  ) {
    this.#before = recordsOf(before);
    this.#after = recordsOf(after);
    this.#views = [new TableView(before), new TableView(after)];
    const { fields, match } = comparedFields(after.schema);
    const rows = after.schema.segments[0]!;
    this.#fields = fields;
    this.#known = rows.fields.find(({ name }) => name === 'known')?.offset ?? -1;
    this.#matchBit = match ? 2 ** fields.length : 0;
    const masked = after.schema.segments.filter(({ masked }) => masked);
    const perRow = masked.find(({ per }) => per === 'row');
    this.#match = perRow && this.#shape(perRow);
    this.#some = masked
      .filter(({ per }) => per === 'some-rows')
      .map((segment) => ({
        index: rows.fields.find(({ index_of }) => index_of === segment.name)!.offset,
        shape: this.#shape(segment),
      }));
    this.#unknown = rows.fields.find(({ name, type }) => name === 'unknown' && type === 'ref');
  }

  /** Bits of the schema's `changed`; 0: the row is as it was. */
  changed(before: number, after: number): number {
    const [a, b] = [this.#before.get('rows')!, this.#after.get('rows')!];
    const [atA, atB] = [before * a.schema.stride, after * b.schema.stride];
    let bits = 0;
    for (const [i, field] of this.#fields.entries()) {
      if (!this.#sameField(a.view, b.view, atA, atB, field)) bits += 2 ** i;
    }
    if (this.#matchBit > 0 && !this.#sameMatch(before, after, a.view, b.view, atA, atB)) bits += this.#matchBit;
    return bits;
  }

  #sameField(a: DataView, b: DataView, atA: number, atB: number, field: FieldSchema): boolean {
    if (field.knownBit !== undefined) {
      const bit = 1 << field.knownBit;
      const [isKnown, wasKnown] = [
        b.getUint32(atB + this.#known, true) & bit,
        a.getUint32(atA + this.#known, true) & bit,
      ];
      if (isKnown !== wasKnown) return false;
      if (isKnown === 0) return true;
    }
    return this.#sameValue(a, b, atA + field.offset, atB + field.offset, field);
  }

  #sameValue(a: DataView, b: DataView, atA: number, atB: number, field: FieldSchema): boolean {
    if (field.type === 'ref') return sameBytes(refBytes(this.#before, a, atA), refBytes(this.#after, b, atB));
    const dictionary = dictionaryOf(this.after.schema, field);
    if (dictionary !== undefined) return this.#sameName(dictionary, a.getUint32(atA, true), b.getUint32(atB, true));
    for (let i = 0; i < field.size; i++) if (a.getUint8(atA + i) !== b.getUint8(atB + i)) return false;
    return true;
  }

  #sameName(dictionary: string, a: number, b: number): boolean {
    const known = this.#same.get(dictionary) ?? new Map<number, boolean>();
    this.#same.set(dictionary, known);
    const pair = a * 0x1_0000_0000 + b;
    let same = known.get(pair);
    if (same === undefined) {
      const inside = (records: ReadonlyMap<string, Records>, id: number) => id < records.get(dictionary)!.n;
      // A port that is not matched has an id of none.
      same =
        inside(this.#before, a) && inside(this.#after, b)
          ? namesOf(this.#views[0], dictionary)(a) === namesOf(this.#views[1], dictionary)(b)
          : a === b;
      known.set(pair, same);
    }
    return same;
  }

  #shape(segment: SegmentSchema): Shape {
    const special = segment.fields.filter(
      (field) => field.type === 'ref' || dictionaryOf(this.after.schema, field) !== undefined,
    );
    const fields = special.flatMap((field) => [
      { at: field.offset, field, isMask: false },
      { at: segment.half + field.offset, field, isMask: true },
    ]);
    const plain: [number, number][] = [];
    let from = 0;
    for (const { at, field, isMask } of [...fields].sort((a, b) => a.at - b.at)) {
      if (isMask && field.type !== 'ref') continue; // a mask of an id is bits
      if (at > from) plain.push([from, at]);
      from = at + field.size;
    }
    if (from < segment.stride) plain.push([from, segment.stride]);
    return { segment, plain, fields: fields.filter(({ field, isMask }) => !isMask || field.type === 'ref') };
  }

  #sameRecord({ segment, plain, fields }: Shape, before: number, after: number): boolean {
    const [a, b] = [this.#before.get(segment.name)!, this.#after.get(segment.name)!];
    const [atA, atB] = [before * segment.stride, after * segment.stride];
    for (const [from, to] of plain) {
      for (let i = from; i < to; i++) if (a.bytes[atA + i] !== b.bytes[atB + i]) return false;
    }
    return fields.every(({ at, field }) => this.#sameValue(a.view, b.view, atA + at, atB + at, field));
  }

  #sameMatch(before: number, after: number, a: DataView, b: DataView, atA: number, atB: number): boolean {
    if (this.#match && !this.#sameRecord(this.#match, before, after)) return false;
    if (this.#unknown && !this.#sameValue(a, b, atA + this.#unknown.offset, atB + this.#unknown.offset, this.#unknown))
      return false;
    return this.#some.every(({ index, shape }) => {
      const [recordA, recordB] = [a.getUint32(atA + index, true), b.getUint32(atB + index, true)];
      if (recordA === 0 || recordB === 0) return recordA === recordB;
      return this.#sameRecord(shape, recordA - 1, recordB - 1);
    });
  }
}
