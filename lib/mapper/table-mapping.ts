/** A snapshot as a run maps it. */
import type { TableMapping } from '../runner/program.js';

/** The part of a TableSnapshot (lib/tables/snapshot.ts) that is mapped. */
export interface MappableSnapshot {
  readonly schema: { readonly name: string; readonly hash: string };
  readonly generation: bigint;
  readonly facts: { readonly nRows: number };
  readonly segments: readonly {
    readonly name: string;
    /** A sealed memfd; negative: there is none, and `buffer` is copied (tests). */
    readonly fd: number;
    readonly buffer: ArrayBuffer;
    readonly size: number;
    readonly stride: number;
    readonly nRecords: number;
  }[];
}

/** `node`: its URL, for images that travel; empty: this one. */
export function tableMapping(snapshot: MappableSnapshot, node = ''): TableMapping {
  return {
    ...(node === '' ? {} : { node }),
    name: snapshot.schema.name,
    nRows: snapshot.facts.nRows,
    generation: snapshot.generation,
    schemaHash: snapshot.schema.hash,
    segments: snapshot.segments.map((segment) => {
      const { name, fd, size, stride, nRecords } = segment;
      const memory = fd >= 0 ? { fd } : { bytes: new Uint8Array(segment.buffer, 0, size) };
      return { name, size, stride, nRecords, ...memory };
    }),
  };
}
