/**
 * Reads the cells of a snapshot's rows from its segments, by the schema alone: nothing here knows a table, except for what the
 * `known` bits of `ports` mean. Slow and plain; what must be fast is a program.
 */
import { readSync } from 'node:fs';
import type { DerivedValue } from '../derived-column.js';
import { CtiError } from '../errors.js';
import type { FieldSchema, SegmentSchema, WordSchema } from '../table-schema.js';
import { type Column, resolveColumn } from './columns.js';
import { derivedColumn } from './derived.js';
import type { TableSnapshot } from './snapshot.js';

/**
 * A cell: the bits that are matched or known, and which. `mask` is all ones for an exact match and for a column that has no mask,
 * 0n for a field the row does not look at or cannot have. null: not known. Bits of `value` outside `mask` are 0.
 */
export type Cell = { readonly value: bigint; readonly mask: bigint } | null;

const ANY: Cell = { value: 0n, mask: 0n };
const PORT_KNOWN: Readonly<Record<string, bigint>> = { name: 1n, odp_port: 2n, ofp_port: 2n, type: 4n };

export const allOnes = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

/** What formatting needs to know beyond the cell. */
export interface Names {
  /** Its name, else the datapath's number for it. */
  port(id: number): string | null;
  /** null where a saved file does not say. */
  datapath(id: number): string | null;
  actions(id: number): string;
  text(id: number): string;
  /** A value of a derived column. */
  derived(column: Column, id: number): DerivedValue;
}

/** A segment larger than this is not mapped for a few of its records: V8 counts all of its bytes as garbage to come, and collects sooner. */
const LARGE_BYTES = 1 << 20;
/** So many records of a large one are read one by one; who wants more has it mapped. */
const FEW_RECORDS = 2000;

/** Records of one segment. */
class Records {
  readonly #snapshot: TableSnapshot;
  readonly #index: number;
  #whole: DataView | undefined;
  #one: DataView | undefined;
  #oneIs = -1;
  #nRead = 0;
  /** Where the record that at() was asked for begins in the view that it gave. */
  start = 0;

  constructor(snapshot: TableSnapshot, index: number) {
    this.#snapshot = snapshot;
    this.#index = index;
  }

  whole(): DataView {
    this.#whole ??= new DataView(this.#snapshot.segments[this.#index]!.buffer);
    return this.#whole;
  }

  at(record: number): DataView {
    // Throws if the snapshot is closed: its descriptor is, then.
    const { fd, size, nRecords, stride } = this.#snapshot.segments[this.#index]!;
    if (!this.#whole) {
      if (fd >= 0 && size > LARGE_BYTES && record < nRecords && this.#nRead < FEW_RECORDS) {
        this.start = 0;
        if (this.#one && this.#oneIs === record) return this.#one;
        const bytes = Buffer.alloc(stride);
        if (readSync(fd, bytes, 0, stride, record * stride) === stride) {
          this.#nRead++;
          this.#oneIs = record;
          this.#one = new DataView(bytes.buffer, bytes.byteOffset, stride);
          return this.#one;
        }
      }
    }
    this.start = record * stride;
    return this.whole();
  }
}

export class TableView implements Names {
  readonly #segments = new Map<string, Records>();
  readonly #indexFields = new Map<string, FieldSchema>();
  readonly #words = new Map<string, { column: Column; in: readonly number[] }[]>();
  readonly #rows: SegmentSchema;
  readonly #known: FieldSchema | undefined;

  constructor(readonly snapshot: TableSnapshot) {
    for (const [i, { name }] of snapshot.segments.entries()) this.#segments.set(name, new Records(snapshot, i));
    const rows = snapshot.schema.segments.find((segment) => segment.per === 'row' && !segment.masked);
    if (!rows) throw new CtiError('SNAPSHOT_MALFORMED', `${snapshot.schema.name} has no segment of rows`);
    this.#rows = rows;
    this.#known = rows.fields.find((field) => field.name === 'known');
    for (const field of rows.fields) if (field.index_of) this.#indexFields.set(field.index_of, field);
  }

  get nRows(): number {
    return this.snapshot.facts.nRows;
  }

  column(name: string): Column {
    return resolveColumn(this.snapshot.schema, name);
  }

  cell(row: number, column: Column): Cell {
    if (!Number.isInteger(row) || row < 0 || row >= this.nRows) {
      throw new CtiError('INVALID_ARGUMENT', `expected a row below ${this.nRows} but received ${row}`);
    }
    const { field } = column;
    if (column.derived) return { value: BigInt(this.#derivedId(row, column)), mask: allOnes(32) };
    if (field.knownBit !== undefined && !this.#isKnown(row, field.knownBit)) return null;
    if (column.requires !== undefined && !this.#satisfies(row, column.requires)) return ANY;
    const whole = this.#field(row, column.segment, field);
    if (column.present && (whole.value & column.present) !== column.present) return ANY;
    if (column.dictionary) return whole.mask === 0n ? ANY : this.#dictionaryCell(column, Number(whole.value));
    if (column.width === 64 || field.type === 'i32') return whole;
    const part = allOnes(column.width);
    return { value: (whole.value >> BigInt(column.shift)) & part, mask: (whole.mask >> BigInt(column.shift)) & part };
  }

  port(id: number): string | null {
    const ports = this.#schemaOf('ports');
    const known = this.#read(ports, id, this.#fieldOf(ports, 'known'));
    if (known & PORT_KNOWN.name!) return this.#text('ports', id, 'name');
    const number = ports.fields.find(({ name }) => name === 'ofp_port') ?? this.#fieldOf(ports, 'odp_port');
    return known & PORT_KNOWN[number.name]! ? this.#read(ports, id, number).toString() : null;
  }

  datapath(id: number): string | null {
    return this.#text('datapaths', id, 'name') || null;
  }

  actions(id: number): string {
    return this.snapshot.actionsText(id);
  }

  text(id: number): string {
    return this.#text('texts', id, 'text');
  }

  derived(column: Column, id: number): DerivedValue {
    return derivedColumn(this.snapshot, column.derived!).values[id]!;
  }

  #derivedId(row: number, { derived, field, segment }: Column): number {
    const { ids } = derivedColumn(this.snapshot, derived!);
    return ids[derived!.derived === 'row' ? row : Number(this.#read(segment, row, field))]!;
  }

  /** Ids of the ports that an action list can output to. */
  outPorts(actions: number): number[] {
    const bytes = this.#refBytes('action_lists', actions, 'out_ports');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getUint32(4 * i, true));
  }

  #isKnown(row: number, bit: number): boolean {
    return this.#known !== undefined && ((this.#read(this.#rows, row, this.#known) >> BigInt(bit)) & 1n) === 1n;
  }

  /** Whether the row matches only packets that the word names. */
  #satisfies(row: number, word: string): boolean {
    let conditions = this.#words.get(word);
    if (!conditions) {
      const schema: WordSchema | undefined = this.snapshot.schema.words[word];
      if (!schema) throw new CtiError('INTERNAL', `${this.snapshot.schema.name} has no word ${word}`);
      conditions = schema.all.map((one) => ({ column: this.column(one.field), in: one.in }));
      this.#words.set(word, conditions);
    }
    return conditions.every((condition) => {
      const cell = this.cell(row, condition.column);
      return (
        cell !== null && cell.mask === allOnes(condition.column.width) && condition.in.includes(Number(cell.value))
      );
    });
  }

  #field(row: number, segment: SegmentSchema, field: FieldSchema): { value: bigint; mask: bigint } {
    const full = allOnes(field.type === 'mac' ? 48 : field.size * 8);
    let record = row;
    if (segment.per === 'some-rows') {
      const index = this.#indexFields.get(segment.name);
      if (!index) throw new CtiError('INTERNAL', `${segment.name} has no index`);
      record = Number(this.#read(this.#rows, row, index)) - 1;
      if (record < 0) return { value: 0n, mask: 0n };
    }
    const key = this.#read(segment, record, field);
    if (!segment.masked) return { value: key, mask: full };
    const mask = this.#read(segment, record, field, segment.half) & full;
    return { value: key & mask, mask };
  }

  #read(segment: SegmentSchema, record: number, field: FieldSchema, half = 0): bigint {
    const records = this.#recordsOf(segment.name);
    const view = records.at(record);
    const at = records.start + half + field.offset;
    switch (field.type) {
      case 'u8':
        return BigInt(view.getUint8(at));
      case 'u16':
        return BigInt(view.getUint16(at, true));
      case 'u32':
      case 'ipv4':
      case 'port':
      case 'datapath':
      case 'actions':
      case 'text':
        return BigInt(view.getUint32(at, true));
      case 'i32':
        return BigInt(view.getInt32(at, true));
      case 'u64':
      case 'mac':
        return view.getBigUint64(at, true);
      case 'be128':
        return (view.getBigUint64(at, false) << 64n) | view.getBigUint64(at + 8, false);
      case 'ref':
        throw new CtiError('INTERNAL', `${segment.name}.${field.name} is text, not a number`);
    }
  }

  #dictionaryCell(column: Column, id: number): Cell {
    const { segment, field } = column.dictionary!;
    const bit = PORT_KNOWN[field.name];
    if (bit !== undefined && !(this.#read(segment, id, this.#fieldOf(segment, 'known')) & bit)) return null;
    return { value: this.#read(segment, id, field), mask: allOnes(field.size * 8) };
  }

  #schemaOf(name: string): SegmentSchema {
    const segment = this.snapshot.schema.segments.find((segment) => segment.name === name);
    if (!segment) throw new CtiError('INTERNAL', `${this.snapshot.schema.name} has no segment ${name}`);
    return segment;
  }

  #fieldOf(segment: SegmentSchema, name: string): FieldSchema {
    const field = segment.fields.find((field) => field.name === name);
    if (!field) throw new CtiError('INTERNAL', `${segment.name} has no field ${name}`);
    return field;
  }

  #refBytes(segmentName: string, record: number, fieldName: string): Uint8Array {
    const segment = this.#schemaOf(segmentName);
    const view = this.#recordsOf(segmentName).whole();
    if (!Number.isInteger(record) || record < 0 || (record + 1) * segment.stride > view.byteLength) {
      throw new CtiError('INVALID_ARGUMENT', `expected an id of ${segmentName} but received ${record}`);
    }
    const at = record * segment.stride + this.#fieldOf(segment, fieldName).offset;
    const blob = this.#recordsOf('blob').whole();
    return new Uint8Array(blob.buffer, view.getUint32(at, true), view.getUint32(at + 4, true));
  }

  #text(segment: string, record: number, field: string): string {
    return new TextDecoder().decode(this.#refBytes(segment, record, field));
  }

  #recordsOf(segment: string): Records {
    const records = this.#segments.get(segment);
    if (!records) throw new CtiError('SNAPSHOT_MALFORMED', `the snapshot has no segment ${segment}`);
    return records;
  }
}
