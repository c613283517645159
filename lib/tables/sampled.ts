/**
 * Two samples of a table as one: the rows of the later one with rates over the time between, or what changed between them. It is a snapshot
 * like any other, which questions run over; its wider rows are in plain memory, all else is shared with the later sample.
 */
import { CtiError } from '../errors.js';
import { RowComparer } from './compare-rows.js';
import { matchRows } from './identity.js';
import { mergeRows } from './merge-rows.js';
import { CHANGE, type SampledSchema } from './sampled-schema.js';
import { type SampleFacts, type SnapshotFacts, type SnapshotSegment, sumCost, type TableSnapshot } from './snapshot.js';

const middleNs = ({ facts: { beginNs, endNs } }: TableSnapshot): bigint => (beginNs + endNs) / 2n;

/** How long lies between two samples: between the middles of their readings. */
export const intervalMs = (before: TableSnapshot, after: TableSnapshot): number =>
  Number(middleNs(after) - middleNs(before)) / 1e6;

class Sampled implements TableSnapshot {
  readonly schema;
  readonly generation;
  #segments: readonly SnapshotSegment[] | undefined;

  constructor(
    private readonly before: TableSnapshot,
    private readonly after: TableSnapshot,
    { schema }: SampledSchema,
    readonly facts: SnapshotFacts,
    segments: readonly SnapshotSegment[],
    /** For each row its row in `after`, or ~row in `before`; undefined: the same. */
    private readonly origin: Int32Array | undefined,
    private readonly actionsBefore: ReadonlyMap<number, number>,
    private readonly owns: boolean,
  ) {
    this.schema = schema;
    this.generation = after.generation;
    this.#segments = segments;
  }

  get segments(): readonly SnapshotSegment[] {
    if (!this.#segments) throw new CtiError('INVALID_ARGUMENT', `the snapshot of ${this.schema.name} is closed`);
    return this.#segments;
  }

  segment(name: string): SnapshotSegment {
    const found = this.segments.find((segment) => segment.name === name);
    if (found) return found;
    throw new CtiError('INVALID_ARGUMENT', `${this.schema.name} has no segment '${name}'`);
  }

  rowText(row: number): string {
    const from = this.origin ? this.origin[row] : row;
    if (from === undefined)
      throw new CtiError('INVALID_ARGUMENT', `expected a row below ${this.facts.nRows} but received ${row}`);
    return from >= 0 ? this.after.rowText(from) : this.before.rowText(~from);
  }

  actionsText(id: number): string {
    const before = this.actionsBefore.get(id);
    return before === undefined ? this.after.actionsText(id) : this.before.actionsText(before);
  }

  close(): void {
    this.#segments = undefined;
    if (!this.owns) return;
    this.before.close();
    this.after.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Rows widened by the fields of the sampled schema, which are 0 yet. */
function widen(bytes: Uint8Array, from: number, to: number, n: number): DataView<ArrayBuffer> {
  const wide = new Uint8Array(n * to);
  for (let row = 0; row < n; row++) wide.set(bytes.subarray(row * from, (row + 1) * from), row * to);
  return new DataView(wide.buffer);
}

export interface CombineOptions {
  /** Milliseconds between the two, where they do not say it themselves (saved dumps); null: it is not known, there are no rates. */
  readonly intervalMs?: number | null | undefined;
  /** The two stay the caller's: closing the result leaves them open. */
  readonly keepsSamples?: boolean;
}

/**
 * Two samples, the earlier one first, as a snapshot of `sampled.schema`, which owns both: closing it closes them. INVALID_ARGUMENT if they are
 * not two samples of one table in this order, or their rows cannot be told; then both stay open.
 */
export function combineSamples(
  before: TableSnapshot,
  after: TableSnapshot,
  sampled: SampledSchema,
  options: CombineOptions = {},
): TableSnapshot {
  const { schema: table } = after;
  const interval = options.intervalMs === undefined ? intervalMs(before, after) : options.intervalMs;
  if (before.schema.hash !== table.hash)
    throw new CtiError(
      'INVALID_ARGUMENT',
      `expected two samples of ${table.name} but the earlier is of ${before.schema.name}`,
    );
  if (interval === null && sampled.rates.length > 0)
    throw new CtiError('INVALID_ARGUMENT', 'rates need to know how long lies between two samples');
  if (interval !== null && !(interval > 0))
    throw new CtiError(
      'INVALID_ARGUMENT',
      `the sample to compare with (${before.facts.source}) is not earlier than ${after.facts.source}: it is ${Math.round(-interval)} ms later; name them the other way round`,
    );
  const matched = matchRows(table, before, after);
  const bits = new Uint32Array(matched.before.length);
  let rows: Uint32Array | undefined;
  let notCompared: readonly string[] = [];
  if (sampled.changes) {
    const comparer = new RowComparer(before, after);
    notCompared = comparer.notCompared;
    const kept: number[] = [];
    for (const [row, old] of matched.before.entries()) {
      if (old >= 0) bits[row] = comparer.changed(old, row);
      if (old < 0 || bits[row] !== 0) kept.push(row);
    }
    rows = Uint32Array.from(kept);
  }
  const gone = sampled.changes ? matched.gone : new Uint32Array(0);
  const merged = rows
    ? mergeRows(before, after, rows, gone)
    : { segments: after.segments, actionsBefore: new Map<number, number>() };
  const [narrow, ...others] = merged.segments;
  const stride = sampled.schema.segments[0]!.stride;
  const n = narrow!.nRecords;
  const wide = widen(new Uint8Array(narrow!.buffer, 0, narrow!.size), narrow!.stride, stride, n);
  const origin = rows && Int32Array.from([...rows, ...Array.from(gone, (row) => ~row)]);
  const rates = new RateWriter(before, after, sampled, interval ?? 0);
  const fields = sampled.schema.segments[0]!.fields;
  const at = (name: string) => fields.find((field) => field.name === name)!.offset;
  const [changeAt, changedAt] = sampled.changes ? [at('change'), at('changed')] : [-1, -1];
  for (let row = 0; row < n; row++) {
    const from = origin ? origin[row]! : row;
    const old = from >= 0 ? matched.before[from]! : -1;
    if (from >= 0 && !matched.uncertain.has(from)) rates.write(wide, row * stride, old, from);
    if (!sampled.changes) continue;
    wide.setUint32(row * stride + changeAt, from < 0 ? CHANGE.gone : old < 0 ? CHANGE.new : CHANGE.changed, true);
    if (from >= 0 && old >= 0) wide.setUint32(row * stride + changedAt, bits[from]!, true);
  }
  const samples: SampleFacts = {
    intervalMs: interval,
    before: {
      source: before.facts.source,
      beginNs: before.facts.beginNs,
      endNs: before.facts.endNs,
      nRows: before.facts.nRows,
    },
    rates: sampled.rates.map(({ name }) => name),
    nBorn: matched.before.reduce((sum, old) => sum + (old < 0 ? 1 : 0), 0),
    nGone: matched.gone.length,
    nBackwards: rates.nBackwards,
    nUncertain: matched.uncertain.size,
    notCompared,
    isBornKnown: rates.isBornKnown,
    ...(sampled.changes ? { nAfter: after.facts.nRows } : {}),
  };
  const requests = [before, after].flatMap(({ facts }) => facts.cost?.requests ?? []);
  const cost = before.facts.cost || after.facts.cost ? sumCost(requests) : null;
  const readings = [before.facts.reading, after.facts.reading].filter((one) => one !== undefined);
  const reading = {
    cpuMs: readings.reduce((sum, one) => sum + one.cpuMs, 0),
    bytes: readings.reduce((sum, one) => sum + one.bytes, 0),
  };
  const facts = { ...after.facts, nRows: n, cost, samples, ...(readings.length > 0 ? { reading } : {}) };
  const first = { name: narrow!.name, fd: -1, buffer: wide.buffer, size: wide.byteLength, stride, nRecords: n };
  return new Sampled(
    before,
    after,
    sampled,
    facts,
    [first, ...others],
    origin,
    merged.actionsBefore,
    !options.keepsSamples,
  );
}

/** A count: a number where that is exact. */
type Count = number | bigint;

/**
 * Rates of a row. A row that was not there before counted from 0 when it was made, so all it has is of the time between; that is not so if the
 * earlier reading left rows out. A counter that went backwards was cleared, or the row is another of the same identity: its rate is not known.
 */
class RateWriter {
  nBackwards = 0;
  readonly isBornKnown: boolean;
  readonly #before: DataView;
  readonly #after: DataView;
  readonly #stride: number;
  readonly #known: number;
  readonly #columns: readonly {
    readonly from: number;
    readonly size: number;
    readonly knownBit: number | undefined;
    readonly to: number;
    readonly bit: number;
    readonly times: number;
  }[];

  constructor(
    before: TableSnapshot,
    after: TableSnapshot,
    { schema, rates }: SampledSchema,
    private readonly intervalMs: number,
  ) {
    const rows = after.schema.segments[0]!;
    this.#before = new DataView(before.segment(rows.name).buffer);
    this.#after = new DataView(after.segment(rows.name).buffer);
    this.#stride = rows.stride;
    this.#known = rows.fields.find(({ name }) => name === 'known')?.offset ?? -1;
    this.isBornKnown = before.facts.rejected.length === 0;
    this.#columns = rates.map(({ name, field, times }) => {
      const column = schema.segments[0]!.fields.find((one) => one.name === name)!;
      return {
        from: field.offset,
        size: field.size,
        knownBit: field.knownBit,
        to: column.offset,
        bit: column.knownBit!,
        times,
      };
    });
  }

  write(wide: DataView, at: number, before: number, after: number): void {
    if (this.#columns.length === 0) return;
    let known = wide.getUint32(at + this.#known, true);
    let wentBack = false;
    for (const { from, size, knownBit, to, bit, times } of this.#columns) {
      const now = this.#read(this.#after, after, from, size, knownBit);
      const then = before >= 0 ? this.#read(this.#before, before, from, size, knownBit) : this.isBornKnown ? 0 : null;
      if (now === null || then === null) continue;
      if (now < then) {
        wentBack = true;
        continue;
      }
      this.#put(wide, at + to, now, then, times);
      known = (known | (1 << bit)) >>> 0;
    }
    if (wentBack) this.nBackwards++;
    wide.setUint32(at + this.#known, known, true);
  }

  /** Up, so that 0 means that nothing was counted at all. In microseconds; in numbers where those are exact. */
  #put(wide: DataView, at: number, now: Count, then: Count, times: number): void {
    const micros = Math.max(1, Math.round(this.intervalMs * 1000));
    if (typeof now === 'number' && typeof then === 'number') {
      const scaled = (now - then) * times * 1_000_000;
      if (scaled <= Number.MAX_SAFE_INTEGER) {
        const rest = scaled % micros;
        const rate = (scaled - rest) / micros + (rest > 0 ? 1 : 0);
        wide.setUint32(at, rate % 0x1_0000_0000, true);
        wide.setUint32(at + 4, Math.floor(rate / 0x1_0000_0000), true);
        return;
      }
    }
    const delta = (BigInt(now) - BigInt(then)) * BigInt(times);
    wide.setBigUint64(at, (delta * 1_000_000n + BigInt(micros) - 1n) / BigInt(micros), true);
  }

  #read(view: DataView, row: number, offset: number, size: number, knownBit: number | undefined): Count | null {
    const at = row * this.#stride;
    if (knownBit !== undefined && (view.getUint32(at + this.#known, true) & (1 << knownBit)) === 0) return null;
    if (size === 4) return view.getUint32(at + offset, true);
    if (size < 4) return size === 2 ? view.getUint16(at + offset, true) : view.getUint8(at + offset);
    const high = view.getUint32(at + offset + 4, true);
    if (high >= 0x20_0000) return view.getBigUint64(at + offset, true);
    return high * 0x1_0000_0000 + view.getUint32(at + offset, true);
  }
}
