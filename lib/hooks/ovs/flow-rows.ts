/** Rows of a dp_flows snapshot by ufid, and the few columns that events carry; read straight from the segment, because there can be a million. */
import { CtiError } from '../../errors.js';
import type { SegmentSchema } from '../../table-schema.js';
import type { TableSnapshot } from '../../tables/snapshot.js';

const indexes = new WeakMap<TableSnapshot, Int32Array>();

export class FlowRows {
  readonly #view: DataView;
  readonly #stride: number;
  readonly #at: { ufid: number; pmd: number; packets: number; bytes: number; actions: number; known: number };
  readonly #ufidKnown: number;

  /** Throws CtiError INVALID_ARGUMENT if the table's rows have no ufid. */
  constructor(readonly snapshot: TableSnapshot) {
    const schema: SegmentSchema | undefined = snapshot.schema.segments.find((segment) => segment.name === 'rows');
    const offset = (name: string): number => {
      const field = schema?.fields.find((one) => one.name === name);
      if (field) return field.offset;
      throw new CtiError(
        'INVALID_ARGUMENT',
        `${snapshot.schema.name}: its rows have no ${name}, by which they are told apart from one reading to the next; use dp_flows`,
      );
    };
    this.#at = {
      ufid: offset('ufid'),
      pmd: offset('pmd'),
      packets: offset('packets'),
      bytes: offset('bytes'),
      actions: offset('actions'),
      known: offset('known'),
    };
    this.#ufidKnown = 1 << (schema?.fields.find(({ name }) => name === 'ufid')?.knownBit ?? 31);
    this.#view = new DataView(snapshot.segment('rows').buffer);
    this.#stride = schema!.stride;
  }

  get nRows(): number {
    return this.snapshot.facts.nRows;
  }

  hasUfid(row: number): boolean {
    return (this.#view.getUint32(row * this.#stride + this.#at.known, true) & this.#ufidKnown) !== 0;
  }

  /** Two words as they lie in memory. */
  ufid(row: number): readonly [bigint, bigint] {
    const at = row * this.#stride + this.#at.ufid;
    return [this.#view.getBigUint64(at, true), this.#view.getBigUint64(at + 8, true)];
  }

  /** What tells a flow from all others: PMD threads have flows of the same ufid each. */
  key(row: number): string {
    const [a, b] = this.ufid(row);
    return `${a.toString(36)}.${b.toString(36)}.${this.#view.getInt32(row * this.#stride + this.#at.pmd, true)}`;
  }

  packets(row: number): bigint {
    return this.#view.getBigUint64(row * this.#stride + this.#at.packets, true);
  }

  bytes(row: number): bigint {
    return this.#view.getBigUint64(row * this.#stride + this.#at.bytes, true);
  }

  actions(row: number): number {
    return this.#view.getUint32(row * this.#stride + this.#at.actions, true);
  }

  /** The first row of this ufid; -1: there is none. */
  find(ufid: readonly [bigint, bigint]): number {
    let index = indexes.get(this.snapshot);
    if (!index) {
      index = this.#makeIndex();
      indexes.set(this.snapshot, index);
    }
    const mask = index.length - 1;
    for (let at = Number(ufid[1] & 0xffff_ffffn) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const row = index[at]! - 1;
      const [a, b] = this.ufid(row);
      if (a === ufid[0] && b === ufid[1] && this.hasUfid(row)) return row;
    }
    return -1;
  }

  /** Open addressing, row + 1 an entry, 0 free; a ufid is a hash itself. */
  #makeIndex(): Int32Array {
    let size = 16;
    while (size < 2 * this.nRows) size *= 2;
    const index = new Int32Array(size);
    const mask = size - 1;
    for (let row = 0; row < this.nRows; row++) {
      let at = this.#view.getUint32(row * this.#stride + this.#at.ufid + 8, true) & mask;
      while (index[at] !== 0) at = (at + 1) & mask;
      index[at] = row + 1;
    }
    return index;
  }
}
