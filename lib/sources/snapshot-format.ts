/**
 * The outer form of a snapshot file (docs/snapshot-format.md): a header, a directory of parts, the parts, a checksum over all. Knows nothing of
 * what the parts hold. Every number is little-endian.
 */
import { addon } from '../addon.js';
import { CtiError } from '../errors.js';

/** A byte that is no text, a name, and line ends that a transfer as text would change. */
export const MAGIC = Uint8Array.of(0x89, 0x43, 0x54, 0x49, 0x53, 0x0d, 0x0a, 0x1a);
export const VERSION = 1;
export const HEADER_SIZE = 32;
export const ENTRY_SIZE = 24;
/** Of the last four bytes: CRC-32C of all before them. */
export const TRAILER_SIZE = 4;
const MAX_PARTS = 1024;
const ALIGNMENT = 8;

export interface Part {
  readonly offset: number;
  readonly size: number;
  readonly crc: number;
}

interface CrcAddon {
  crc32c(bytes: Uint8Array, before: number): number;
}

/** CRC-32C of `bytes` after those that gave `before`; 0 before the first. */
export const crc32c = (bytes: Uint8Array, before = 0): number => addon<CrcAddon>().crc32c(bytes, before);

export const malformed = (name: string, what: string): CtiError =>
  new CtiError('SNAPSHOT_MALFORMED', `${name}: ${what}`);

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

export const padded = (size: number): number => Math.ceil(size / ALIGNMENT) * ALIGNMENT;

/** Where the parts of these sizes lie, in order, and the size of the whole file. */
export function layOut(sizes: readonly number[]): { offsets: number[]; fileSize: number } {
  let at = HEADER_SIZE + ENTRY_SIZE * sizes.length;
  const offsets = sizes.map((size) => {
    const offset = at;
    at += padded(size);
    return offset;
  });
  return { offsets, fileSize: at + TRAILER_SIZE };
}

/** Header and directory. */
export function encodeHead(parts: readonly Part[], fileSize: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE + ENTRY_SIZE * parts.length);
  const view = new DataView(bytes.buffer);
  for (const [i, { offset, size, crc }] of parts.entries()) {
    const at = HEADER_SIZE + ENTRY_SIZE * i;
    view.setBigUint64(at, BigInt(offset), true);
    view.setBigUint64(at + 8, BigInt(size), true);
    view.setUint32(at + 16, crc, true);
  }
  bytes.set(MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, parts.length, true);
  view.setBigUint64(16, BigInt(fileSize), true);
  view.setUint32(24, crc32c(bytes.subarray(HEADER_SIZE)), true);
  view.setUint32(28, crc32c(bytes.subarray(0, 28)), true);
  return bytes;
}

export const hasMagic = (bytes: Uint8Array): boolean =>
  bytes.length >= MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte);

/** How many parts a file has whose first bytes these are. Refuses what is no snapshot file, another version, and damage. */
export function decodeHeader(name: string, bytes: Uint8Array, fileSize: number): number {
  if (!hasMagic(bytes))
    throw malformed(
      name,
      'expected a snapshot file, as `ctinspector snapshot save` writes it, but its first bytes are others',
    );
  if (bytes.length < HEADER_SIZE)
    throw malformed(name, `expected a header of ${HEADER_SIZE} bytes but the file has ${fileSize}: it is cut short`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(8, true);
  const crc = view.getUint32(28, true);
  const found = crc32c(bytes.subarray(0, 28));
  if (crc !== found)
    throw malformed(
      name,
      `byte 28: the header's checksum is ${hex(crc)}, its bytes give ${hex(found)}: the file was changed`,
    );
  if (version !== VERSION)
    throw malformed(
      name,
      `byte 8: expected version ${VERSION} of the format but received ${version}: read it with the CTInspector that wrote it, or a newer one`,
    );
  const nParts = view.getUint32(12, true);
  if (nParts < 1 || nParts > MAX_PARTS)
    throw malformed(name, `byte 12: expected 1 to ${MAX_PARTS} parts but received ${nParts}`);
  const size = view.getBigUint64(16, true);
  if (size !== BigInt(fileSize))
    throw malformed(
      name,
      `expected ${size} bytes but the file has ${fileSize}: it ${fileSize < size ? 'is cut short' : 'has more behind its end'}`,
    );
  return nParts;
}

/** The parts, checked against the header's checksum and against each other: no gap, no overlap. */
export function decodeDirectory(name: string, header: Uint8Array, bytes: Uint8Array, fileSize: number): Part[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const crc = new DataView(header.buffer, header.byteOffset).getUint32(24, true);
  const found = crc32c(bytes);
  if (crc !== found)
    throw malformed(
      name,
      `byte 24: the directory's checksum is ${hex(crc)}, its bytes give ${hex(found)}: the file was changed`,
    );
  const parts = Array.from({ length: bytes.length / ENTRY_SIZE }, (_, i): Part => {
    const at = ENTRY_SIZE * i;
    if (view.getUint32(at + 20, true) !== 0) throw malformed(name, `part ${i}: expected 0 behind its checksum`);
    return {
      offset: Number(view.getBigUint64(at, true)),
      size: Number(view.getBigUint64(at + 8, true)),
      crc: view.getUint32(at + 16, true),
    };
  });
  const { offsets, fileSize: expected } = layOut(parts.map(({ size }) => size));
  for (const [i, { offset, size }] of parts.entries()) {
    if (!Number.isSafeInteger(size) || offset !== offsets[i])
      throw malformed(name, `part ${i}: expected it at byte ${offsets[i]} but received ${size} bytes at ${offset}`);
  }
  if (expected !== fileSize)
    throw malformed(name, `expected ${expected} bytes for its parts but the file has ${fileSize}`);
  return parts;
}

export const differs = (what: string, expected: number, found: number): string =>
  `${what}: the checksum is ${hex(expected)}, the bytes give ${hex(found)}: the file was changed`;
