/**
 * Calls of kernel functions that the host answers: what a stopped program asked, and what it can be answered. Plain data, which crosses
 * worker borders by structured clone.
 */
import { CtiError } from '../errors.js';
import {
  checkArray,
  checkBigint,
  checkBoolean,
  checkBytes,
  checkInteger,
  checkName,
  checkObject,
  invalid,
  MAX_U64,
} from './check.js';
import type { NativeAnswer, NativeOutput, NativeRegion } from './native.js';
import { checkTable, type TableMapping } from './options.js';

/** A granted region in a window, or in an image of it. */
export interface RegionRange {
  /** The URL of the node whose memory it is; empty: where the program began. */
  readonly node: string;
  readonly name: string;
  /** The address space it belongs to. */
  readonly asid: number;
  readonly address: number;
  readonly size: number;
  readonly writable: boolean;
  readonly isStale: boolean;
}

/** What is mapped in a window beside the program's own memory, and where. */
export interface MappedRanges {
  readonly regions: readonly RegionRange[];
  /** `address`: where its first segment that has bytes begins. */
  readonly tables: readonly { readonly name: string; readonly address: number }[];
  /** Copies. */
  readonly nPieces: number;
}

/** A call that waits. */
export interface PendingCall {
  readonly name: string;
  /** Of its set. */
  readonly number: number;
  /** Five, those past the function's own 0. */
  readonly args: readonly bigint[];
  /** Counts this program's calls that suspended, from 1. */
  readonly callNumber: bigint;
  /** Per argument: the bytes of an in or inout buffer; null for others, and where the memory is no longer readable (after a resume). */
  readonly inputs: readonly (Uint8Array | null)[];
  /** At the call; null: nothing. */
  readonly mapped: MappedRanges | null;
}

/** Memory that an application granted: a memfd sealed at least against shrinking; it stays the caller's to close. */
export interface RegionMapping {
  readonly name: string;
  /** The URL of the node whose memory it is; empty for this one. */
  readonly node: string;
  /** The address space it belongs to. */
  readonly asid: number;
  readonly fd: number;
  readonly size: number;
  readonly writable: boolean;
}

/** Bytes for the buffer of an argument, at most its size. */
export interface AnswerOutput {
  readonly arg: number;
  readonly bytes: Uint8Array;
}

export type Answer =
  | { readonly kind: 'value'; readonly r0: bigint; readonly outputs?: readonly AnswerOutput[] }
  /** Maps the table in place of one of the same name and writes struct cti_table at the argument; r0 is 0, or -ENOSPC. */
  | { readonly kind: 'table'; readonly arg: number; readonly table: TableMapping }
  /** Maps the region; r0 is its guest address, or -ENOSPC. */
  | { readonly kind: 'region'; readonly region: RegionMapping; readonly outputs?: readonly AnswerOutput[] }
  /** Maps a copy, read-only; r0 is its guest address, or -ENOSPC. */
  | {
      readonly kind: 'copy';
      readonly name: string;
      readonly bytes: Uint8Array;
      readonly outputs?: readonly AnswerOutput[];
    }
  /** Takes the table, region or copy that starts at the address out of the window; r0 is 0, or -EINVAL. */
  | { readonly kind: 'unmap'; readonly address: number }
  /** The program ends here as if it had exited with r0. */
  | { readonly kind: 'end'; readonly r0: bigint };

const r0Of = (value: unknown): bigint => BigInt.asUintN(64, checkBigint('answer.r0', value, -(1n << 63n), MAX_U64));

function checkOutputs(value: unknown): NativeOutput[] {
  return checkArray('answer.outputs', value ?? []).map((item, i) => {
    checkObject(`answer.outputs[${i}]`, item);
    const { arg, bytes } = item as Partial<AnswerOutput>;
    return {
      arg: checkInteger(`answer.outputs[${i}].arg`, arg, 0, 4),
      bytes: checkBytes(`answer.outputs[${i}].bytes`, bytes),
    };
  });
}

/** @internal */
export function checkRegion(name: string, value: unknown): NativeRegion {
  checkObject(name, value);
  const region = value as Partial<RegionMapping>;
  return {
    name: checkName(`${name}.name`, region.name),
    node: checkName(`${name}.node`, region.node),
    asid: checkInteger(`${name}.asid`, region.asid, 0, 0xffff_ffff),
    fd: checkInteger(`${name}.fd`, region.fd, 0, 0x7fff_ffff),
    size: checkInteger(`${name}.size`, region.size, 1, Number.MAX_SAFE_INTEGER),
    writable: checkBoolean(`${name}.writable`, region.writable),
  };
}

/** @internal */
export function checkAnswer(answer: Answer): NativeAnswer {
  checkObject('answer', answer);
  switch (answer.kind) {
    case 'value':
      return { kind: 'value', r0: r0Of(answer.r0), outputs: checkOutputs(answer.outputs) };
    case 'table':
      return {
        kind: 'table',
        arg: checkInteger('answer.arg', answer.arg, 0, 4),
        table: checkTable('answer.table', answer.table),
      };
    case 'region':
      return {
        kind: 'region',
        region: checkRegion('answer.region', answer.region),
        outputs: checkOutputs(answer.outputs),
      };
    case 'copy': {
      const bytes = checkBytes('answer.bytes', answer.bytes);
      if (bytes.length === 0) throw new CtiError('INVALID_ARGUMENT', 'expected at least one byte for answer.bytes');
      const name = checkName('answer.name', answer.name);
      return { kind: 'copy', name, bytes, outputs: checkOutputs(answer.outputs) };
    }
    case 'unmap':
      return { kind: 'unmap', address: checkInteger('answer.address', answer.address, 0, 0xffff_ffff) };
    case 'end':
      return { kind: 'end', r0: r0Of(answer.r0) };
    default:
      throw invalid('answer.kind', 'value, table, region, copy, unmap or end', (answer as { kind: unknown }).kind);
  }
}
