/** Which fields of a row are not as they were in the sample before. Ids are of one snapshot alone: what they name is compared. */
import type { FieldSchema } from '../table-schema.js';
import { isMatched, type MatchShape, matchShape, namesOf, type Shape } from './match-shape.js';
import { comparedFields } from './sampled-schema.js';
import { dictionaryOf, type Records, recordsOf, refBytes, sameBytes } from './segments-of.js';
import type { TableSnapshot } from './snapshot.js';
import { TableView } from './view.js';

export class RowComparer {
  readonly #before: ReadonlyMap<string, Records>;
  readonly #after: ReadonlyMap<string, Records>;
  readonly #views: readonly [TableView, TableView];
  readonly #same = new Map<string, Map<number, boolean>>();
  readonly #fields: readonly FieldSchema[];
  readonly #known: number;
  readonly #oneSided: number;
  readonly #match: MatchShape;
  readonly #matchBit: number;
  /** Fields that only one of the two says, of any row. */
  readonly notCompared: readonly string[];

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
    this.#match = matchShape(after.schema);
    const [wasKnown, isKnown] = [this.#knownBits(this.#before), this.#knownBits(this.#after)];
    const oneSided = before.facts.nRows === 0 || after.facts.nRows === 0 ? 0 : (wasKnown ^ isKnown) >>> 0;
    this.#oneSided = oneSided;
    this.notCompared = fields
      .filter(({ knownBit }) => knownBit !== undefined && (oneSided & (1 << knownBit)) !== 0)
      .map(({ name }) => name);
  }

  /** Which known bits any row has. */
  #knownBits(records: ReadonlyMap<string, Records>): number {
    const { view, n, schema } = records.get('rows')!;
    let bits = 0;
    if (this.#known >= 0)
      for (let row = 0; row < n; row++) bits |= view.getUint32(row * schema.stride + this.#known, true);
    return bits;
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
      if ((this.#oneSided & bit) !== 0) return true;
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

  #sameRecord({ segment, masks, keys, fields }: Shape, before: number, after: number): boolean {
    const [a, b] = [this.#before.get(segment.name)!, this.#after.get(segment.name)!];
    const [atA, atB] = [before * segment.stride, after * segment.stride];
    for (const [from, to] of masks) {
      for (let i = from; i < to; i++) if (a.bytes[atA + i] !== b.bytes[atB + i]) return false;
    }
    // The masks are the same here.
    const { half } = segment;
    for (const [from, to] of keys) {
      for (let i = from; i < to; i++) {
        if (((a.bytes[atA + i]! ^ b.bytes[atB + i]!) & a.bytes[atA + half + i]!) !== 0) return false;
      }
    }
    const compared = fields.filter(({ field }) => field.type === 'ref' || isMatched(segment, field, a.view, atA));
    return compared.every(({ at, field }) => this.#sameValue(a.view, b.view, atA + at, atB + at, field));
  }

  #sameMatch(before: number, after: number, a: DataView, b: DataView, atA: number, atB: number): boolean {
    const { row, some, unknown } = this.#match;
    if (row && !this.#sameRecord(row, before, after)) return false;
    if (unknown && !this.#sameValue(a, b, atA + unknown.offset, atB + unknown.offset, unknown)) return false;
    return some.every(({ index, shape }) => {
      const [recordA, recordB] = [a.getUint32(atA + index, true), b.getUint32(atB + index, true)];
      if (recordA === 0 || recordB === 0) return recordA === recordB;
      return this.#sameRecord(shape, recordA - 1, recordB - 1);
    });
  }
}
