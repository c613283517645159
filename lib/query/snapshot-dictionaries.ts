/** What the compiler must know of a snapshot (lib/compiler/dictionaries.ts), read from its segments through the schema. */
import { type ActionLists, type Dictionaries, NO_DICTIONARIES, type PortEntry } from '../compiler/index.js';
import type { TableSchema } from '../table-schema.js';
import { derivedColumn } from '../tables/derived.js';

/** The part of a TableSnapshot (lib/tables/snapshot.ts) that questions use. */
export interface QuestionSnapshot {
  readonly schema: TableSchema;
  readonly generation: bigint;
  readonly facts: { readonly nRows: number };
  readonly segments: readonly QuestionSegment[];
  actionsText(id: number): string;
}

export interface QuestionSegment {
  readonly name: string;
  /** A sealed memfd; negative: there is none, and `buffer` is copied (tests). */
  readonly fd: number;
  readonly buffer: ArrayBuffer;
  readonly size: number;
  readonly stride: number;
  readonly nRecords: number;
}

class Records {
  private readonly view: DataView;
  private readonly offsets: ReadonlyMap<string, number>;
  readonly n: number;
  private readonly stride: number;

  constructor(snapshot: QuestionSnapshot, name: string) {
    const segment = snapshot.segments.find((candidate) => candidate.name === name)!;
    const schema = snapshot.schema.segments.find((candidate) => candidate.name === name)!;
    this.view = new DataView(segment.buffer);
    this.offsets = new Map(schema.fields.map((field) => [field.name, field.offset]));
    this.n = segment.nRecords;
    this.stride = segment.stride;
  }

  u32(id: number, field: string, plus = 0): number {
    return this.view.getUint32(id * this.stride + this.offsets.get(field)! + plus, true);
  }

  has(field: string): boolean {
    return this.offsets.has(field);
  }

  ids<T>(read: (id: number) => T): T[] {
    return Array.from({ length: this.n }, (_, id) => read(id));
  }
}

const KNOWN_NAME = 1;
const KNOWN_NUMBER = 2;

class SnapshotActions implements ActionLists {
  private readonly lists: Records;
  private readonly blob: DataView;

  constructor(private readonly snapshot: QuestionSnapshot) {
    this.lists = new Records(snapshot, 'action_lists');
    this.blob = new DataView(snapshot.segments.find(({ name }) => name === 'blob')!.buffer);
  }

  get size(): number {
    return this.lists.n;
  }

  text(id: number): string {
    return this.snapshot.actionsText(id);
  }

  outPorts(id: number): number[] {
    const offset = this.lists.u32(id, 'out_ports');
    const n = this.lists.u32(id, 'out_ports', 4) / 4;
    return Array.from({ length: n }, (_, i) => this.blob.getUint32(offset + 4 * i, true));
  }

  hasUnknown(id: number): boolean {
    return this.lists.u32(id, 'n_unknown') > 0;
  }

  sets(id: number): string {
    const offset = this.lists.u32(id, 'sets');
    const size = this.lists.u32(id, 'sets', 4);
    return new TextDecoder().decode(new Uint8Array(this.blob.buffer, offset, size));
  }
}

export function dictionariesOf(snapshot: QuestionSnapshot): Dictionaries {
  const decoder = new TextDecoder();
  const blob = new Uint8Array(snapshot.segments.find(({ name }) => name === 'blob')!.buffer);
  const text = (records: Records, id: number, field: string): string => {
    const offset = records.u32(id, field);
    return decoder.decode(blob.subarray(offset, offset + records.u32(id, field, 4)));
  };
  // A table has the dictionaries that its columns need.
  const of = <T>(name: string, read: (records: Records, id: number) => T): T[] => {
    if (!snapshot.schema.segments.some((segment) => segment.name === name)) return [];
    const records = new Records(snapshot, name);
    return records.ids((id) => read(records, id));
  };
  const hasActions = snapshot.schema.segments.some(({ name }) => name === 'action_lists');
  return {
    ports: of('ports', (ports, id): PortEntry => {
      const known = ports.u32(id, 'known');
      return {
        name: (known & KNOWN_NAME) === 0 ? undefined : text(ports, id, 'name'),
        number:
          (known & KNOWN_NUMBER) === 0 ? undefined : ports.u32(id, ports.has('ofp_port') ? 'ofp_port' : 'odp_port'),
      };
    }),
    datapaths: of('datapaths', (datapaths, id) => text(datapaths, id, 'name') || undefined),
    texts: of('texts', (texts, id) => text(texts, id, 'text')),
    actions: hasActions ? new SnapshotActions(snapshot) : NO_DICTIONARIES.actions,
    derived: (name) => derivedColumn(snapshot, { name }),
  };
}
