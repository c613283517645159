/** The segments of a snapshot as views, and their fields by name, for what works on whole records. */
import type { FieldSchema, SegmentSchema, TableSchema } from '../table-schema.js';
import { DICTIONARIES } from './columns.js';
import type { TableSnapshot } from './snapshot.js';

export interface Records {
  readonly schema: SegmentSchema;
  readonly n: number;
  readonly view: DataView;
  readonly bytes: Uint8Array;
}

export const recordsOf = ({ schema, segments }: TableSnapshot): ReadonlyMap<string, Records> =>
  new Map(
    schema.segments.map((segment, i): [string, Records] => {
      const { buffer, nRecords, size } = segments[i]!;
      return [
        segment.name,
        { schema: segment, n: nRecords, view: new DataView(buffer, 0, size), bytes: new Uint8Array(buffer, 0, size) },
      ];
    }),
  );

/** The bytes that a ref of 8 bytes at `at` points to. */
export function refBytes(records: ReadonlyMap<string, Records>, view: DataView, at: number): Uint8Array {
  const offset = view.getUint32(at, true);
  return records.get('blob')!.bytes.subarray(offset, offset + view.getUint32(at + 4, true));
}

/** The dictionary whose id a field is; undefined: it is none. */
export const dictionaryOf = (schema: TableSchema, { type }: FieldSchema): string | undefined => {
  const name = DICTIONARIES[type];
  return name !== undefined && schema.segments.some((segment) => segment.name === name) ? name : undefined;
};

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
