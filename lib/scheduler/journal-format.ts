/**
 * The journal's file: records one after another, each checked by itself.
 *
 *     file    "CTIJRNL1" | record...
 *     record  u32 magic | u32 size of the body | u32 crc32 of these 8 bytes | u32 crc32 of the body | body
 *     body    u32 size of the text | text (JSON, UTF-8) | image
 *
 * Numbers are little-endian. A file that ends inside a record, or in zeros, was being written when its writer died: that is its torn tail, and
 * no one was told that it is there. Anything else that does not fit is damage.
 */
import { crc32 } from 'node:zlib';
import type { After } from './options.js';
import type { TaskEnd, Wait } from './task.js';

export const FILE_MAGIC = Buffer.from('CTIJRNL1', 'latin1');
const RECORD_MAGIC = 0x524a5443; // "CTJR"
const HEAD_SIZE = 16;
/** An image holds no more than a window does. */
const MAX_BODY = 0x7fff_ffff;

/** A task as it was submitted, or (durable) as it stopped last: the later record counts. */
export interface TaskRecord {
  readonly kind: 'task';
  readonly id: string;
  readonly epoch: bigint;
  readonly name: string;
  readonly durable: boolean;
  readonly wait?: Wait | undefined;
  /** With ids instead of tasks. Only of one that has not started. */
  readonly after?: (Omit<After, 'tasks'> & { readonly tasks: readonly string[] }) | undefined;
}

export interface EndRecord {
  readonly kind: 'end';
  readonly id: string;
  /** As far as conditions of others need it. `lost`: it was reported lost. */
  readonly end: TaskEnd['kind'] | 'lost';
  readonly r0?: bigint;
}

export type JournalRecord = TaskRecord | EndRecord;

/** Members that are bigints: JSON has them as decimal text. */
const BIGINTS = new Set(['epoch', 'untilNs', 'r0']);

const toText = (record: JournalRecord): string =>
  JSON.stringify(record, (_key, value) => (typeof value === 'bigint' ? String(value) : value));

const fromText = (text: string): JournalRecord =>
  JSON.parse(text, (key, value) => (BIGINTS.has(key) && typeof value === 'string' ? BigInt(value) : value));

/** The bytes of a record, in two pieces so that the image is not copied. */
export function encodeRecord(record: JournalRecord, image: Uint8Array = new Uint8Array()): Uint8Array[] {
  const text = Buffer.from(toText(record));
  const head = Buffer.alloc(HEAD_SIZE + 4 + text.length);
  head.writeUInt32LE(RECORD_MAGIC, 0);
  head.writeUInt32LE(4 + text.length + image.length, 4);
  head.writeUInt32LE(crc32(head.subarray(0, 8)), 8);
  head.writeUInt32LE(text.length, HEAD_SIZE);
  head.set(text, HEAD_SIZE + 4);
  head.writeUInt32LE(crc32(image, crc32(head.subarray(HEAD_SIZE))), 12);
  return [head, image];
}

export interface Found {
  readonly record: JournalRecord;
  /** Of the record, in the file. */
  readonly offset: number;
  readonly size: number;
  readonly image: Uint8Array;
}

export interface Damage {
  readonly offset: number;
  readonly reason: string;
}

export interface Scan {
  readonly found: readonly Found[];
  readonly damage: readonly Damage[];
  /** Where the torn tail begins, else the file's size. */
  readonly end: number;
}

/** The record at `offset`, or why there is none. */
function readRecord(bytes: Buffer, offset: number): Found | { readonly reason: string; readonly isTorn: boolean } {
  const rest = bytes.length - offset;
  if (rest < HEAD_SIZE) return { reason: `the file ends after ${rest} bytes of a record`, isTorn: true };
  const size = bytes.readUInt32LE(offset + 4);
  const isHead =
    bytes.readUInt32LE(offset) === RECORD_MAGIC &&
    bytes.readUInt32LE(offset + 8) === crc32(bytes.subarray(offset, offset + 8));
  if (!isHead) {
    const isTorn = bytes.subarray(offset).every((byte) => byte === 0);
    return { reason: 'expected the head of a record, its checksum does not fit', isTorn };
  }
  if (size < 4 || size > MAX_BODY)
    return { reason: `expected a body of 4 to ${MAX_BODY} bytes, received ${size}`, isTorn: false };
  if (rest - HEAD_SIZE < size)
    return { reason: `the file ends after ${rest - HEAD_SIZE} bytes of a body of ${size}`, isTorn: true };
  const body = bytes.subarray(offset + HEAD_SIZE, offset + HEAD_SIZE + size);
  if (crc32(body) !== bytes.readUInt32LE(offset + 12)) {
    // Its last pages may not have come to the disk; whatever is not a record to the end is seen above.
    return { reason: "a record's checksum does not fit", isTorn: false };
  }
  const textSize = body.readUInt32LE(0);
  if (textSize > size - 4)
    return { reason: `expected at most ${size - 4} bytes of text, received ${textSize}`, isTorn: false };
  try {
    const record = fromText(body.toString('utf8', 4, 4 + textSize));
    return { record, offset, size: HEAD_SIZE + size, image: body.subarray(4 + textSize) };
  } catch (error) {
    return { reason: `a record's text is not JSON: ${(error as Error).message}`, isTorn: false };
  }
}

/** Every intact record of a journal, in order, and every place that is damaged. */
export function scanJournal(bytes: Buffer): Scan {
  const found: Found[] = [];
  const damage: Damage[] = [];
  if (bytes.length < FILE_MAGIC.length && FILE_MAGIC.subarray(0, bytes.length).equals(bytes)) {
    return { found, damage, end: 0 };
  }
  if (!bytes.subarray(0, FILE_MAGIC.length).equals(FILE_MAGIC)) {
    damage.push({ offset: 0, reason: `expected the file to begin with '${FILE_MAGIC.toString('latin1')}'` });
  }
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(RECORD_MAGIC);
  let offset = FILE_MAGIC.length;
  while (offset < bytes.length) {
    const next = readRecord(bytes, offset);
    if ('record' in next) {
      found.push(next);
      offset += next.size;
      continue;
    }
    if (next.isTorn) return { found, damage, end: offset };
    damage.push({ offset, reason: next.reason });
    // Goes on at the next place that looks like a record; one whose body is damaged is passed over whole by that.
    offset = bytes.indexOf(magic, offset + 1);
    if (offset < 0) break;
  }
  return { found, damage, end: bytes.length };
}
