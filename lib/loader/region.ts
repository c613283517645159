/**
 * Checked reading of one part of an object file. Every offset and size that comes from the file goes through here, so
 * that what is wrong is refused with file, section, offset, expected and received, and nothing is read or allocated
 * beyond what the file holds.
 */
import { CtiError } from '../errors.js';

export const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

/** The refusal of an object file. `offset` is from the start of `part`. */
export function malformed(file: string, part: string, offset: number, wrong: string): CtiError {
  return new CtiError('OBJECT_MALFORMED', `${file}: ${part}, offset ${hex(offset)}: ${wrong}`, {
    details: { file, part, offset },
  });
}

/** A range of the file: a view, never a copy. All numbers are little-endian. */
export class Region {
  readonly #view: DataView;

  constructor(
    /** The object file, as messages name it. */
    readonly file: string,
    /** "section .text", "the ELF header", ... */
    readonly part: string,
    readonly bytes: Uint8Array,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get size(): number {
    return this.bytes.length;
  }

  refuse(offset: number, wrong: string): CtiError {
    return malformed(this.file, this.part, offset, wrong);
  }

  /** Throws unless `size` bytes at `offset` are there. */
  check(offset: number, size: number, what: string): void {
    if (offset < 0 || size < 0 || offset + size > this.size) {
      throw this.refuse(
        offset,
        `${what}: expected ${size} bytes inside the ${this.size} of this part, received an end at ${hex(offset + size)}`,
      );
    }
  }

  u8(offset: number, what: string): number {
    this.check(offset, 1, what);
    return this.#view.getUint8(offset);
  }

  u16(offset: number, what: string): number {
    this.check(offset, 2, what);
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number, what: string): number {
    this.check(offset, 4, what);
    return this.#view.getUint32(offset, true);
  }

  u64(offset: number, what: string): bigint {
    this.check(offset, 8, what);
    return this.#view.getBigUint64(offset, true);
  }

  /** A u64 that must be at most `limit`. */
  size64(offset: number, limit: number, what: string): number {
    const value = this.u64(offset, what);
    if (value > BigInt(limit)) {
      throw this.refuse(offset, `${what}: expected at most ${hex(limit)}, received ${hex(value)}`);
    }
    return Number(value);
  }

  slice(offset: number, size: number, part: string): Region {
    this.check(offset, size, part);
    return new Region(this.file, part, this.bytes.subarray(offset, offset + size));
  }

  /** The NUL-terminated string at `offset`, at most `MAX_NAME` bytes. */
  string(offset: number, what: string): string {
    this.check(offset, 1, what);
    // Looked for no further than it may be: a file could have many names and few ends.
    const found = this.bytes.subarray(offset, offset + MAX_NAME + 1);
    const length = found.indexOf(0);
    if (length < 0) {
      throw this.refuse(
        offset,
        `${what}: expected a terminated string of at most ${MAX_NAME} bytes, received ${found.length} bytes without an end`,
      );
    }
    return decoder.decode(found.subarray(0, length));
  }
}

const MAX_NAME = 4096;
const decoder = new TextDecoder();
