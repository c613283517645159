/** A dp_flows table made up for tests: records laid out as the schema says, given to a run as bytes. Not a reader: nothing of OVS is parsed. */
import type { TableMapping } from '../../lib/runner/program.js';
import type { SegmentSchema } from '../../lib/table-schema.js';
import { DP_FLOWS } from '../../lib/tables/generated/dp-flows.js';

type Values = Readonly<Record<string, bigint | number>>;

export interface FlowRow {
  readonly rows?: Values;
  readonly key?: Values;
  readonly mask?: Values;
  /** Key and mask of its part of a some-rows segment, by segment. */
  readonly parts?: Readonly<Record<string, { readonly key: Values; readonly mask: Values }>>;
}

const segmentOf = (name: string): SegmentSchema => {
  const segment = DP_FLOWS.segments.find((candidate) => candidate.name === name);
  if (!segment) throw new Error(`no segment ${name}`);
  return segment;
};

function put(segment: SegmentSchema, view: DataView, at: number, values: Values): void {
  for (const [name, value] of Object.entries(values)) {
    const field = segment.fields.find((candidate) => candidate.name === name);
    if (!field) throw new Error(`no field ${name} in ${segment.name}`);
    let rest = BigInt.asUintN(8 * field.size, BigInt(value));
    for (let i = 0; i < field.size; i++, rest >>= 8n) {
      // be128 is wire order: the number's last byte goes last.
      view.setUint8(at + field.offset + (field.type === 'be128' ? field.size - 1 - i : i), Number(rest & 0xffn));
    }
  }
}

/** Rows, and ports by name (their ids are their indexes). */
export function flowTable(flows: readonly FlowRow[], ports: readonly string[]): TableMapping {
  const records = new Map<string, Uint8Array[]>(DP_FLOWS.segments.map((segment) => [segment.name, []]));
  const add = (name: string, write: (segment: SegmentSchema, view: DataView) => void): number => {
    const segment = segmentOf(name);
    const bytes = new Uint8Array(segment.stride);
    write(segment, new DataView(bytes.buffer));
    return records.get(name)!.push(bytes);
  };
  for (const flow of flows) {
    const indexes: Record<string, number> = {};
    for (const [part, { key, mask }] of Object.entries(flow.parts ?? {})) {
      indexes[part] = add(part, (segment, view) => {
        put(segment, view, 0, key);
        put(segment, view, segment.half, mask);
      });
    }
    add('rows', (segment, view) => put(segment, view, 0, { ...flow.rows, ...indexes }));
    add('match', (segment, view) => {
      put(segment, view, 0, flow.key ?? {});
      put(segment, view, segment.half, flow.mask ?? {});
    });
  }
  const blob = Buffer.from(ports.join(''));
  let offset = 0;
  for (const name of ports) {
    add('ports', (segment, view) => {
      put(segment, view, 0, { known: 1 });
      view.setUint32(0, offset, true); // ref name
      view.setUint32(4, name.length, true);
    });
    offset += name.length;
  }
  return {
    name: DP_FLOWS.name,
    nRows: flows.length,
    generation: 1n,
    schemaHash: DP_FLOWS.hash,
    segments: DP_FLOWS.segments.map(({ name, per, stride }) => {
      const bytes = per === 'bytes' ? blob : Buffer.concat(records.get(name)!);
      return {
        name,
        bytes,
        size: bytes.length,
        stride,
        nRecords: per === 'bytes' ? bytes.length : records.get(name)!.length,
      };
    }),
  };
}
