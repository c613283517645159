/**
 * Derived columns of a snapshot, made when they are first asked for and kept with it: the compiler and the printer of an answer
 * must mean the same values by the same ids. A new one is a row of `columns` in the table's schema and a function of MAKERS.
 */
import type { DerivedColumn, DerivedValue } from '../derived-column.js';
import { CtiError } from '../errors.js';
import type { ColumnSchema } from '../table-schema.js';
import { type ActionFacts, actionFacts } from './action-tree.js';
import { maskShapes, type ShapeSnapshot } from './mask-shapes.js';

/** The part of a snapshot that is read. */
export type DerivedSnapshot = ShapeSnapshot;

const DOES_LB_OUTPUT = 1n << 28n;

/** A distinct action list. */
interface List {
  readonly does: bigint;
  /** Has parts that this version does not know: it may do anything besides. */
  readonly hasUnknown: boolean;
  /** Ids of ports, ascending. */
  readonly outPorts: readonly bigint[];
  readonly facts: ActionFacts;
}

class Lists {
  private readonly records: DataView;
  private readonly blob: ArrayBuffer;
  private readonly stride: number;
  private readonly offsets: ReadonlyMap<string, number>;
  readonly n: number;

  constructor(snapshot: DerivedSnapshot) {
    const find = (name: string) => snapshot.segments.find((segment) => segment.name === name)!;
    const schema = snapshot.schema.segments.find(({ name }) => name === 'action_lists')!;
    this.records = new DataView(find('action_lists').buffer);
    this.n = find('action_lists').nRecords;
    this.blob = find('blob').buffer;
    this.stride = schema.stride;
    this.offsets = new Map(schema.fields.map(({ name, offset }) => [name, offset]));
  }

  private at(id: number, field: string): number {
    return id * this.stride + this.offsets.get(field)!;
  }

  private bytes(id: number, field: string): DataView {
    const at = this.at(id, field);
    return new DataView(this.blob, this.records.getUint32(at, true), this.records.getUint32(at + 4, true));
  }

  read(id: number): List {
    const ports = this.bytes(id, 'out_ports');
    return {
      does: this.records.getBigUint64(this.at(id, 'does'), true),
      hasUnknown: this.records.getUint32(this.at(id, 'n_unknown'), true) > 0,
      outPorts: Array.from({ length: ports.byteLength / 4 }, (_, i) => BigInt(ports.getUint32(4 * i, true))),
      facts: actionFacts(this.bytes(id, 'attrs')),
    };
  }
}

const ascending = (values: Iterable<bigint>): bigint[] => [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

const one = (element: bigint): DerivedValue => ({ elements: [element], partial: false });
const UNKNOWN: DerivedValue = { elements: [], partial: true };
const NONE: DerivedValue = { elements: [], partial: false };

/** A list nested in it that drops does so for some packets only. */
const drops = ({ does, facts, hasUnknown }: List): boolean | undefined =>
  facts.drops ? true : hasUnknown ? undefined : does === 0n;

const OF_LIST: Readonly<Record<string, (list: List) => DerivedValue>> = {
  // Which port of a bond lb_output takes is decided by each packet's hash, and the list names only the bond.
  out_port: ({ outPorts, hasUnknown, does }) => ({
    elements: outPorts,
    partial: hasUnknown || (does & DOES_LB_OUTPUT) !== 0n,
  }),
  drop: (list) => {
    const dropped = drops(list);
    return dropped === undefined ? UNKNOWN : one(dropped ? 1n : 0n);
  },
  drop_reason: (list) => {
    const { dropReason } = list.facts;
    if (dropReason !== undefined) return one(dropReason);
    return drops(list) === false ? NONE : UNKNOWN;
  },
  'encap.dst': ({ facts, hasUnknown }) => ({ elements: ascending(facts.encapDst), partial: hasUnknown }),
  'encap.vni': ({ facts, hasUnknown }) => ({ elements: ascending(facts.encapVni), partial: hasUnknown }),
};

function ofLists(snapshot: DerivedSnapshot, of: (list: List) => DerivedValue): DerivedColumn {
  const lists = new Lists(snapshot);
  const ids = new Uint32Array(lists.n);
  const values: DerivedValue[] = [];
  const known = new Map<string, number>();
  for (let id = 0; id < lists.n; id++) {
    const value = of(lists.read(id));
    const key = `${value.partial} ${value.elements.join(' ')}`;
    ids[id] = known.get(key) ?? values.push(value) - 1;
    known.set(key, ids[id]!);
  }
  return { ids, values };
}

const nDatapaths = (snapshot: DerivedSnapshot): number =>
  snapshot.segments.find(({ name }) => name === 'datapaths')!.nRecords;

function make(snapshot: DerivedSnapshot, name: string): DerivedColumn {
  const ofList = OF_LIST[name];
  if (ofList) return ofLists(snapshot, ofList);
  if (name === 'mask_shape') return maskShapes(snapshot);
  // dump-flows does not print when a flow was made, and dp_netdev_flow does not hold it: docs/attach.md, "When a flow was made".
  if (name === 'age') return { ids: new Uint32Array(nDatapaths(snapshot)), values: [UNKNOWN] };
  throw new CtiError('INTERNAL', `${snapshot.schema.name}: nothing makes the derived column ${name}`);
}

const made = new WeakMap<object, Map<string, DerivedColumn>>();

/** The derived column `name` of the snapshot, which must be open. */
export function derivedColumn(snapshot: DerivedSnapshot, { name }: Pick<ColumnSchema, 'name'>): DerivedColumn {
  const columns = made.get(snapshot) ?? new Map<string, DerivedColumn>();
  made.set(snapshot, columns);
  const column = columns.get(name) ?? make(snapshot, name);
  columns.set(name, column);
  return column;
}
