/**
 * Images: a program that has stopped, as bytes (docs/image-format.md). `Run.save` makes one, `Run.resume` goes on with it; here is what can
 * be known of one and changed in it without a window.
 */
import { createHash } from 'node:crypto';
import { fromNative } from '../errors.js';
import { CONTROL_FIELDS, type ControlFields } from '../generated/image-control.js';
import type { KernelFunctionSet, ProgramImport } from '../program-spec.js';
import type { RegionRange } from './call.js';
import {
  checkArray,
  checkBigint,
  checkBoolean,
  checkBytes,
  checkInteger,
  checkObject,
  invalid,
  MAX_U64,
} from './check.js';
import { type NativeControl, native } from './native.js';

/** A condition on granted memory that a program waits for. */
export interface ImageMonitor {
  /** 0 bigger than the value, 1 less, 2 equal, 3 not equal. */
  readonly type: number;
  /** A guest address, of 8 bytes. */
  readonly address: number;
  readonly value: bigint;
  /** The program's own. */
  readonly tag: bigint;
}

/** What an image says about itself besides its program's state. */
export interface ImageControl extends ControlFields {
  readonly monitors?: readonly ImageMonitor[] | undefined;
}

export interface ImageTable {
  /** The URL of the node where it was read; empty: where the image began. */
  readonly node: string;
  readonly table: string;
  readonly generation: bigint;
  readonly schemaHash: string;
  readonly nRows: number;
  /** An empty segment has address and size 0. */
  readonly segments: readonly {
    readonly address: number;
    readonly size: number;
    readonly stride: number;
    readonly nRecords: number;
  }[];
  /** Its range was only reserved when the image was made. */
  readonly isStale: boolean;
}

/** All that an image says, but for the bytes of code and memory. */
export interface ImageFacts extends ControlFields {
  readonly monitors: readonly ImageMonitor[];
  readonly set: KernelFunctionSet;
  readonly nSlots: number;
  readonly imports: readonly ProgramImport[];
  /** r0 to r10. */
  readonly regs: readonly bigint[];
  readonly pc: number;
  readonly depth: number;
  /** The outermost first: where each returns to, and r6 to r9 of its caller. */
  readonly frames: readonly { readonly returnPc: number; readonly saved: readonly bigint[] }[];
  /** Calls that suspended so far, one that waits included. */
  readonly callNumber: bigint;
  readonly pending: { readonly name: string; readonly number: number; readonly args: readonly bigint[] } | null;
  /** The program's own memory; `stored`: bytes of it in the image. */
  readonly memory: readonly {
    readonly name: string;
    readonly address: number;
    readonly size: number;
    readonly writable: boolean;
    readonly stored: number;
  }[];
  readonly tables: readonly ImageTable[];
  readonly regions: readonly RegionRange[];
  /** SHA-256 of its program section, in hex: the same for all images of a program. */
  readonly codeHash: string;
}

/** Bytes past which an image costs little more as an array of its own. */
export const MAX_TEXT_IMAGE = 4096;

/** An image while it waits: a small one is text of as many characters, for an array with its buffer takes more than the image itself. */
export type KeptImage = Uint8Array | string;

export function keepImage(image: Uint8Array): KeptImage {
  if (image.length > MAX_TEXT_IMAGE) return image;
  return Buffer.from(image.buffer, image.byteOffset, image.length).toString('latin1');
}

export function keptBytes(kept: KeptImage): Uint8Array {
  if (typeof kept !== 'string') return kept;
  const bytes = new Uint8Array(kept.length);
  Buffer.from(bytes.buffer).write(kept, 'latin1');
  return bytes;
}

const MAX_TEXT = 1024;
const MAX_MONITORS = 256;

function checkField(name: string, type: string, value: unknown): unknown {
  const field = `control.${name}`;
  switch (type) {
    case 'id':
      if (typeof value !== 'string' || !/^[0-9a-f]{32}$/.test(value))
        throw invalid(field, '32 lower-case hex digits', value);
      return value;
    case 'u64':
      return checkBigint(field, value, 0n, MAX_U64);
    case 'u32':
      return checkInteger(field, value, 0, 0xffff_ffff);
    case 'size':
      return checkInteger(field, value, 0, Number.MAX_SAFE_INTEGER);
    case 'bool':
      return checkBoolean(field, value);
    default:
      if (typeof value !== 'string' || Buffer.byteLength(value) > MAX_TEXT) {
        throw invalid(field, `a string of at most ${MAX_TEXT} bytes`, value);
      }
      return value;
  }
}

/** @internal */
export function checkControl(control: ImageControl): NativeControl {
  checkObject('control', control);
  const fields: Record<string, unknown> = {};
  for (const [name, { type, required }] of Object.entries(CONTROL_FIELDS)) {
    const value = control[name as keyof ControlFields];
    if (value !== undefined || required) fields[name] = checkField(name, type, value);
  }
  const monitors = checkArray('control.monitors', control.monitors ?? []).map((item, i) => {
    const name = `control.monitors[${i}]`;
    checkObject(name, item);
    const { type, address, value, tag } = item as Partial<ImageMonitor>;
    return {
      type: checkInteger(`${name}.type`, type, 0, 3),
      address: checkInteger(`${name}.address`, address, 1, 2 ** 32 - 8),
      value: checkBigint(`${name}.value`, value, 0n, MAX_U64),
      tag: checkBigint(`${name}.tag`, tag, 0n, MAX_U64),
    };
  });
  if (monitors.length > MAX_MONITORS) throw invalid('control.monitors', `at most ${MAX_MONITORS}`, monitors.length);
  return { fields, monitors };
}

function call<T>(operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw fromNative(error);
  }
}

const ABSENT: Pick<ControlFields, 'id' | 'epoch' | 'name'> = { id: '0'.repeat(32), epoch: 0n, name: '' };

/**
 * What an image says. It is checked wholly: what this accepts, `Run.resume` can go on with.
 *
 * Throws CtiError: IMAGE_MALFORMED, the message with byte, field, what was expected and received; PROGRAM_MALFORMED; PROGRAM_UNRESOLVED if
 * its program calls what this version does not have.
 */
export function decodeImage(image: Uint8Array): ImageFacts {
  const bytes = checkBytes('image', image);
  const { control, programOffset, programSize, tables, ...facts } = call(() => native().decodeImage(bytes));
  const program = bytes.subarray(programOffset, programOffset + programSize);
  return {
    ...ABSENT,
    ...control,
    ...facts,
    tables: tables.map((table) => ({ ...table, schemaHash: table.schemaHash.toString(16).padStart(16, '0') })),
    codeHash: createHash('sha256').update(program).digest('hex'),
  };
}

/** One line a slot of the image's program. Throws as `decodeImage`. */
export function disassembleImage(image: Uint8Array): string {
  const bytes = checkBytes('image', image);
  return call(() => native().disassembleImage(bytes));
}

/**
 * The image with other control fields; one that is undefined in `changes` is taken out. Throws CtiError INVALID_ARGUMENT, and as
 * `decodeImage`.
 */
export function withControl(image: Uint8Array, changes: Partial<ImageControl>): Uint8Array {
  checkObject('changes', changes);
  const before = decodeImage(image);
  const bytes = checkBytes('image', image);
  const control = checkControl({ ...before, ...changes });
  return call(() => native().withControl(bytes, control));
}
