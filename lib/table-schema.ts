/**
 * A table's schema as the generator writes it (schema/tables/*.yaml -> lib/tables/generated/). The yaml's head explains
 * segments, types and masks.
 */
import type { DerivedFrom, DerivedType } from './derived-column.js';

export type FieldType =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'i32'
  | 'be128'
  | 'mac'
  | 'ipv4'
  | 'port'
  | 'datapath'
  | 'actions'
  | 'text'
  | 'ref';

export interface FieldSchema {
  readonly name: string;
  readonly type: FieldType;
  /** Bytes from the start of the record, or of its key half. */
  readonly offset: number;
  readonly size: number;
  readonly doc: string;
  /** Not a name of the query language. */
  readonly internal: boolean;
  /** Bit of rows.known that says whether a row has a value here. */
  readonly knownBit?: number;
  /** The some-rows segment whose one-based record number this is. */
  readonly index_of?: string;
  readonly format?: 'hex' | 'hex4' | 'ipv6' | 'ip';
  readonly unit?: string;
  readonly enum?: Readonly<Record<string, number>>;
  /** Name of a set in TableSchema.flags. */
  readonly flags?: string;
  /** The word a packet must satisfy to have this field at all. */
  readonly requires?: string;
}

export interface SegmentSchema {
  readonly name: string;
  readonly per: 'row' | 'some-rows' | 'distinct' | 'bytes';
  readonly masked: boolean;
  /** Bytes of a key or mask half; of the record where not masked. */
  readonly half: number;
  /** Bytes of a record. */
  readonly stride: number;
  readonly doc: string;
  readonly fields: readonly FieldSchema[];
}

export interface WordSchema {
  readonly doc: string;
  readonly hidden: boolean;
  readonly all: readonly { readonly field: string; readonly in: readonly number[] }[];
}

/** A query name beyond the fields' own. */
export interface ColumnSchema {
  readonly name: string;
  /** Another name for a field or column. */
  readonly alias?: string;
  /** The field this is (a part of). */
  readonly of?: string;
  readonly shift?: number;
  /** Bits; whole field where absent. */
  readonly width?: number;
  /** Bits of the field that must be set for this part to exist (a VLAN tag's CFI). */
  readonly present?: number;
  readonly flags?: string;
  readonly requires?: string;
  /** A field of the dictionary that `of` points into. */
  readonly dictionary?: string;
  /** Made of other parts of the row when asked for (derived-column.ts), once for each of these. */
  readonly derived?: DerivedFrom;
  /** Of a derived column. */
  readonly type?: DerivedType;
  /** A derived column whose values are lists. */
  readonly set?: boolean;
  /** The words of a derived column of type enum. */
  readonly enum?: Readonly<Record<string, number>>;
  /** A derived column that no source says: unknown of every row. `doc` says why, and so does every answer to a question that names it. */
  readonly neverKnown?: boolean;
  readonly doc?: string;
}

export interface TableSchema {
  readonly name: string;
  readonly version: number;
  /** 16 hex digits; equal hashes mean equal layouts. */
  readonly hash: string;
  readonly doc: string;
  /** What one row is: a flow, a port. */
  readonly noun: string;
  /** The column that is the whole row as the switch prints it, where it prints rows. */
  readonly rowText?: string;
  /**
   * What tells which row of one snapshot is which of a later one: fields that every row has, of `rows` or masked, and `match`, all masked
   * segments together; absent: nothing does.
   */
  readonly identity?: readonly string[];
  /** Fields that change by themselves (times), or say where a row was read or how it was written: no change of the row, no part of its match. */
  readonly notCompared?: readonly string[];
  /** What an answer shows unless the question says. */
  readonly show: readonly string[];
  /**
   * Rows are of passes of packets: `counters` count a packet in each, and the field `by` (masked, of up to 64 bits) is 0 in the
   * first. A sum of a counter is of first passes unless the question says otherwise.
   */
  readonly passes?: { readonly by: string; readonly counters: readonly string[] };
  readonly segments: readonly SegmentSchema[];
  /** Names of `does` and their bits in action_lists.does, where the actions are not those of a datapath. */
  readonly actions?: Readonly<Record<string, number>>;
  readonly flags: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly words: Readonly<Record<string, WordSchema>>;
  readonly columns: readonly ColumnSchema[];
}
