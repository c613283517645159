/**
 * Types of lib/runner that this folder builds on, as agreed (they move there with the image; then this file goes and kernel-call.ts exports
 * theirs under the same names: import them from './kernel-call.js').
 */
import type { TableMapping } from '../runner/program.js';

/** What is granted to a program to read or write: a memfd sealed at least against shrinking. */
export interface RegionMapping {
  readonly name: string;
  readonly node: string;
  readonly asid: number;
  readonly fd: number;
  readonly size: number;
  readonly writable: boolean;
}

/** Bytes for the buffer that an argument points to, at most its size. */
export interface AnswerOutput {
  readonly arg: number;
  readonly bytes: Uint8Array;
}

/** What a suspended call gets. Plain data: it crosses the borders of threads. */
export type Answer =
  | { readonly kind: 'value'; readonly r0: bigint; readonly outputs?: readonly AnswerOutput[] }
  | { readonly kind: 'table'; readonly arg: number; readonly table: TableMapping }
  | { readonly kind: 'region'; readonly region: RegionMapping; readonly outputs?: readonly AnswerOutput[] }
  | {
      readonly kind: 'copy';
      readonly name: string;
      readonly bytes: Uint8Array;
      readonly outputs?: readonly AnswerOutput[];
    }
  | { readonly kind: 'unmap'; readonly address: number }
  | { readonly kind: 'end'; readonly r0: bigint };

/** What an image says of its table ranges, as far as a mapper needs it. */
export interface ImageTable {
  readonly node: string;
  readonly table: string;
  readonly generation: bigint;
  readonly schemaHash: string;
  readonly nRows: number;
  readonly segments: readonly {
    readonly address: number;
    readonly size: number;
    readonly stride: number;
    readonly nRecords: number;
  }[];
  readonly isStale: boolean;
}

export interface ImageRegion {
  readonly node: string;
  readonly name: string;
  readonly asid: number;
  readonly address: number;
  readonly size: number;
  readonly writable: boolean;
  readonly isStale: boolean;
}
