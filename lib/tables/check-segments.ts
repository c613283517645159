/**
 * Whether segments that came from elsewhere are a table: sizes, every id inside its dictionary, every ref inside the blob, every index inside
 * its segment. What a source of ours made needs no such look; bytes of a file do, however well their checksums fit.
 */
import { CtiError } from '../errors.js';
import type { FieldSchema, SegmentSchema, TableSchema } from '../table-schema.js';
import { DICTIONARIES } from './columns.js';

export interface CheckedSegment {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly nRecords: number;
}

/** SNAPSHOT_MALFORMED: what, where, expected, received. `where` begins the message. */
export function checkSegments(
  where: string,
  schema: TableSchema,
  segments: readonly CheckedSegment[],
  nRows: number,
): void {
  const fail = (what: string): never => {
    throw new CtiError('SNAPSHOT_MALFORMED', `${where}: ${schema.name}${what}`);
  };
  const records = new Map(segments.map(({ name, nRecords }) => [name, nRecords]));
  const blobSize = segments.find(({ name }) => name === 'blob')?.bytes.byteLength ?? 0;
  for (const [i, segment] of schema.segments.entries()) {
    const given = segments[i];
    if (given?.name !== segment.name)
      fail(`: expected segment ${segment.name} but received ${given?.name ?? 'nothing'}`);
    const { bytes, nRecords } = given!;
    if (bytes.byteLength !== nRecords * segment.stride)
      fail(
        `.${segment.name}: expected ${nRecords} records of ${segment.stride} bytes but received ${bytes.byteLength} bytes`,
      );
    if (segment.per === 'row' && nRecords !== nRows)
      fail(`.${segment.name}: expected ${nRows} records, one a row, but received ${nRecords}`);
    for (const field of segment.fields) {
      for (const at of segment.masked && field.type === 'ref' ? [0, segment.half] : [0]) {
        const bad = badRecord(bytes, segment, field, at, records, blobSize);
        if (bad) fail(`.${segment.name}, record ${bad.record}: ${field.name} ${bad.what}`);
      }
    }
  }
}

/** What a field's number must stay below, and whether 0 means none; undefined: it is no reference to elsewhere. */
function limitOf(
  segment: SegmentSchema,
  field: FieldSchema,
  records: ReadonlyMap<string, number>,
): { limit: number; into: string } | undefined {
  // One-based: as many as there are records, and 0 for none.
  if (field.index_of) return { limit: (records.get(field.index_of) ?? 0) + 1, into: field.index_of };
  const into = DICTIONARIES[field.type];
  if (into === undefined) return undefined;
  // A port that is not matched is 0, also where there is no port at all.
  const least = segment.masked ? 1 : 0;
  return { limit: Math.max(records.get(into) ?? 0, least), into };
}

function badRecord(
  bytes: Uint8Array,
  segment: SegmentSchema,
  field: FieldSchema,
  half: number,
  records: ReadonlyMap<string, number>,
  blobSize: number,
): { record: number; what: string } | undefined {
  const isRef = field.type === 'ref';
  const reference = isRef ? undefined : limitOf(segment, field, records);
  if (!isRef && !reference) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = half + field.offset;
  for (let record = 0, at = first; at < bytes.byteLength; record++, at += segment.stride) {
    const value = view.getUint32(at, true);
    if (isRef) {
      const size = view.getUint32(at + 4, true);
      if (value + size > blobSize)
        return { record, what: `points to ${size} bytes at ${value}, the blob has ${blobSize}` };
    } else if (value >= reference!.limit) {
      return { record, what: `is ${value}, ${reference!.into} has ${records.get(reference!.into) ?? 0} records` };
    }
  }
  return undefined;
}
