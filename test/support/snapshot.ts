/**
 * Snapshots made by hand, through the schema: every field of a row by its name, with any key and any mask. They are what a
 * source would make, but in plain memory (fd -1), and their texts are given, not printed.
 */
import type { QuestionSegment, QuestionSnapshot } from '../../lib/query/run.js';
import type { FieldSchema, SegmentSchema } from '../../lib/table-schema.js';
import { DP_FLOWS } from '../../lib/tables/generated/dp-flows.js';

export interface RowInput {
  /** Fields of `rows` and, as [key, mask], of the masked segments. What is left out is 0; a column with a known bit that is left out is not known. */
  readonly [field: string]: bigint | number | readonly [key: bigint | number, mask: bigint | number];
}

export interface ActionsInput {
  readonly text: string;
  /** OVS_ACTION_ATTR numbers. */
  readonly does?: readonly number[];
  /** Ids of ports. */
  readonly outPorts?: readonly number[];
  readonly nUnknown?: number;
  /** The list as netlink attributes (native/text/action_tree.h). */
  readonly tree?: readonly number[];
}

export interface SnapshotInput {
  readonly rows: readonly RowInput[];
  readonly ports?: readonly { readonly name?: string; readonly number?: number }[];
  readonly datapaths?: readonly string[];
  readonly actions?: readonly ActionsInput[];
}

const schema = DP_FLOWS;
const segmentSchema = (name: string): SegmentSchema => schema.segments.find((segment) => segment.name === name)!;

/** The records of one segment as they are filled. */
class Records {
  readonly schema: SegmentSchema;
  readonly view: DataView;

  constructor(
    name: string,
    readonly n: number,
  ) {
    this.schema = segmentSchema(name);
    this.view = new DataView(new ArrayBuffer(Math.max(1, n * this.schema.stride)));
  }

  field(name: string): FieldSchema | undefined {
    return this.schema.fields.find((field) => field.name === name);
  }

  put(record: number, name: string, value: bigint | number, plus = 0): void {
    const field = this.field(name)!;
    const at = record * this.schema.stride + field.offset + plus;
    const wide = BigInt(value);
    if (field.size === 16) {
      this.view.setBigUint64(at, BigInt.asUintN(64, wide >> 64n), false);
      this.view.setBigUint64(at + 8, BigInt.asUintN(64, wide), false);
    } else if (field.size === 8) this.view.setBigUint64(at, BigInt.asUintN(64, wide), true);
    else if (field.size === 4) this.view.setUint32(at, Number(BigInt.asUintN(32, wide)), true);
    else if (field.size === 2) this.view.setUint16(at, Number(wide), true);
    else this.view.setUint8(at, Number(wide));
  }

  putRef(record: number, name: string, offset: number, size: number): void {
    const at = record * this.schema.stride + this.field(name)!.offset;
    this.view.setUint32(at, offset, true);
    this.view.setUint32(at + 4, size, true);
  }

  segment(): QuestionSegment {
    const size = this.n * this.schema.stride;
    const buffer = this.view.buffer as ArrayBuffer;
    return { name: this.schema.name, fd: -1, buffer, size, stride: this.schema.stride, nRecords: this.n };
  }
}

class Blob {
  private readonly bytes: number[] = [];

  add(bytes: ArrayLike<number>): { offset: number; size: number } {
    while (this.bytes.length % 4 !== 0) this.bytes.push(0);
    const offset = this.bytes.length;
    for (let i = 0; i < bytes.length; i++) this.bytes.push(bytes[i]!);
    return { offset, size: bytes.length };
  }

  text(text: string): { offset: number; size: number } {
    return this.add(new TextEncoder().encode(text));
  }

  segment(): QuestionSegment {
    const buffer = new Uint8Array([...this.bytes, 0]).buffer;
    return { name: 'blob', fd: -1, buffer, size: this.bytes.length, stride: 1, nRecords: this.bytes.length };
  }
}

const someRows = schema.segments.filter(({ per }) => per === 'some-rows');

function fillRows(input: readonly RowInput[]): QuestionSegment[] {
  const rows = new Records('rows', input.length);
  const match = new Records('match', input.length);
  const named = (segment: SegmentSchema, row: RowInput): boolean => segment.fields.some(({ name }) => name in row);
  const others = someRows.map((s) => new Records(s.name, input.filter((row) => named(s, row)).length));
  const used = others.map(() => 0);
  for (const [i, row] of input.entries()) {
    let known = 0;
    const records = others.map((other, s) => {
      if (!named(other.schema, row)) return -1;
      const record = used[s]!++;
      rows.put(i, rows.schema.fields.find((field) => field.index_of === other.schema.name)!.name, record + 1);
      return record;
    });
    for (const [name, value] of Object.entries(row)) {
      const plain = rows.field(name);
      if (plain) {
        rows.put(i, name, value as bigint | number);
        if (plain.knownBit !== undefined) known |= 1 << plain.knownBit;
        continue;
      }
      const [key, mask] = value as readonly [bigint | number, bigint | number];
      const s = others.findIndex((other) => other.field(name));
      const target = s < 0 ? match : others[s]!;
      const record = s < 0 ? i : records[s]!;
      if (!target.field(name)) throw new Error(`no field called ${name}`);
      target.put(record, name, key);
      target.put(record, name, mask, target.schema.half);
    }
    rows.put(i, 'known', known);
  }
  return [rows, match, ...others].map((records) => records.segment());
}

export function makeSnapshot({
  rows,
  ports = [],
  datapaths = [],
  actions = [{ text: 'drop' }],
}: SnapshotInput): QuestionSnapshot {
  const blob = new Blob();
  const lists = new Records('action_lists', actions.length);
  for (const [id, list] of actions.entries()) {
    lists.put(
      id,
      'does',
      (list.does ?? []).reduce((bits, n) => bits | (1n << BigInt(n)), 0n),
    );
    const out = blob.add(new Uint8Array(new Uint32Array(list.outPorts ?? []).buffer));
    lists.putRef(id, 'out_ports', out.offset, out.size);
    lists.put(id, 'n_unknown', list.nUnknown ?? 0);
    const tree = blob.add(list.tree ?? []);
    lists.putRef(id, 'attrs', tree.offset, tree.size);
  }
  const portRecords = new Records('ports', ports.length);
  for (const [id, { name, number }] of ports.entries()) {
    if (name !== undefined) {
      const ref = blob.text(name);
      portRecords.putRef(id, 'name', ref.offset, ref.size);
    }
    portRecords.put(id, 'odp_port', number ?? 0);
    portRecords.put(id, 'known', (name === undefined ? 0 : 1) | (number === undefined ? 0 : 2));
  }
  const datapathRecords = new Records('datapaths', datapaths.length);
  for (const [id, name] of datapaths.entries()) {
    const ref = blob.text(name);
    datapathRecords.putRef(id, 'name', ref.offset, ref.size);
  }
  const all = [...fillRows(rows), lists.segment(), portRecords.segment(), datapathRecords.segment(), blob.segment()];
  return {
    schema,
    generation: 1n,
    facts: { nRows: rows.length },
    segments: schema.segments.map(({ name }) => all.find((segment) => segment.name === name)!),
    actionsText: (id) => actions[id]!.text,
  };
}
