/**
 * A snapshot of a table: sealed segments of shared memory and the facts about how it was read. Made by lib/sources; read through
 * lib/tables/view.ts; its descriptors are mapped into programs by lib/runner.
 *
 * A segment's `buffer` shares the memory with everyone else who maps it, privately: what is stored there stays here. After `close()`
 * the buffers are detached (length 0), the descriptors closed, and every use is an error. A snapshot that is dropped without a
 * close is closed when it is collected; so whoever uses a descriptor keeps the snapshot.
 */
import { addon } from '../addon.js';
import { CtiError, fromNative } from '../errors.js';
import type { TableSchema } from '../table-schema.js';

/** Something that happened to `count` rows or parts, with the text of the first. */
export interface Note {
  what: string;
  sample: string;
  count: number;
}

/** What one request cost the switch. Its commands run on its main thread, which builds the whole reply before the first byte. */
export interface RequestCost {
  command: string;
  /** From the request sent to the reply's first byte, and to its last. */
  firstByteMs: number;
  lastByteMs: number;
  /** On the wire. */
  replyBytes: number;
  /** CPU time of its main thread; null: could not look. */
  cpuMs: number | null;
  /** Growth of its resident memory, at the first byte or the last, whichever is larger; null: could not look. */
  rssGrowthBytes: number | null;
}

/** What a snapshot cost the switch; null: could not look. */
export interface SwitchCost {
  requestMs: number;
  replyBytes: number;
  cpuMs: number | null;
  /** The most that one request added to its resident memory. */
  rssGrowthBytes: number | null;
  requests: readonly RequestCost[];
}

/** Of a table that is two samples in one (sampled.ts): rates, or what changed. */
export interface SampleFacts {
  /** null: of two saved dumps it is not known. */
  readonly intervalMs: number | null;
  readonly before: Pick<SnapshotFacts, 'source' | 'beginNs' | 'endNs' | 'nRows'>;
  /** Columns that are rates. */
  readonly rates: readonly string[];
  /** Rows that the earlier sample does not have, and that only it has. */
  readonly nBorn: number;
  readonly nGone: number;
  /** Rows of which a counter went backwards: their rates are not known. */
  readonly nBackwards: number;
  /** Rows that share their identity with others, so that it is not certain which they were: their rates are not known. */
  readonly nUncertain: number;
  /** Fields that only one of the two samples says of any row: they are no change. */
  readonly notCompared: readonly string[];
  /** Whether rows that were born in between have rates: not if the earlier reading left rows out. */
  readonly isBornKnown: boolean;
  /** Rows of the later sample, where the table has those that changed. */
  readonly nAfter?: number;
}

export interface SnapshotFacts {
  /** `memory:PID`, `unixctl:SOCKET` or `file:PATH`. */
  source: string;
  /** Nanoseconds since 1970. A live switch changes while it is read: rows are as of some time between. */
  beginNs: bigint;
  endNs: bigint;
  nRows: number;
  /** Rows that are kept as text too, because printing their fields gives something else. */
  nVerbatim: number;
  /** Rows that are not in the snapshot, by reason. */
  rejected: Note[];
  /** Parts of rows kept as text, by kind. */
  unknown: Note[];
  cost: SwitchCost | null;
  /**
   * What reading memory cost us: CPU time of the thread that read, bytes copied. Only of what came from memory. `waitedMs`: how long that thread stood in line
   * for a CPU; null where the kernel does not say, absent in what was saved.
   */
  reading?: { readonly cpuMs: number; readonly bytes: number; readonly waitedMs?: number | null };
  readonly samples?: SampleFacts;
}

export interface SnapshotSegment {
  name: string;
  /** A sealed memfd, the snapshot's. */
  fd: number;
  /** Mapped when it is first looked at. */
  readonly buffer: ArrayBuffer;
  size: number;
  stride: number;
  nRecords: number;
}

export interface TableSnapshot {
  readonly schema: TableSchema;
  /** Increases with every snapshot of this process, and from one process to the next: nanoseconds since 1970. */
  readonly generation: bigint;
  readonly facts: SnapshotFacts;
  readonly segments: readonly SnapshotSegment[];
  segment(name: string): SnapshotSegment;
  /** The row as the switch printed it. */
  rowText(row: number): string;
  /** An action list as the switch printed it. */
  actionsText(id: number): string;
  close(): void;
  [Symbol.dispose](): void;
}

/** What native/bind/snapshot.h returns. */
export interface NativeSnapshot {
  readonly handle: object;
  readonly table: string;
  readonly schemaHash: string;
  readonly nRows: number;
  readonly nVerbatim: number;
  readonly rejected: Note[];
  readonly unknown: Note[];
  readonly segments: Omit<SnapshotSegment, 'buffer'>[];
}

interface SnapshotAddon {
  snapshotBuffer(handle: object, segment: number): ArrayBuffer;
  closeSnapshot(handle: object): void;
  snapshotRowText(handle: object, row: number): string;
  snapshotActionsText(handle: object, id: number): string;
}

export type SourceFacts = Pick<SnapshotFacts, 'source' | 'beginNs' | 'endNs' | 'cost' | 'reading'>;

let lastGeneration = 0n;

/** Sums up the requests of one capture. */
export function sumCost(requests: readonly RequestCost[]): SwitchCost {
  const known = <T>(values: (T | null)[]): T[] | null => (values.includes(null) ? null : (values as T[]));
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
  const cpu = known(requests.map((r) => r.cpuMs));
  const rss = known(requests.map((r) => r.rssGrowthBytes));
  return {
    requestMs: sum(requests.map((r) => r.lastByteMs)),
    replyBytes: sum(requests.map((r) => r.replyBytes)),
    cpuMs: cpu && sum(cpu),
    rssGrowthBytes: rss && Math.max(0, ...rss),
    requests,
  };
}

/** Takes ownership of `native`. `generation`: of a snapshot that another process made. */
export function openSnapshot(
  schema: TableSchema,
  native: NativeSnapshot,
  source: SourceFacts,
  generation?: bigint,
): TableSnapshot {
  if (native.table !== schema.name || native.schemaHash !== schema.hash) {
    addon<SnapshotAddon>().closeSnapshot(native.handle);
    throw new CtiError(
      'SNAPSHOT_MALFORMED',
      `expected a snapshot of ${schema.name} with schema ${schema.hash} but the addon made one of ${native.table} with schema ${native.schemaHash}; build the addon again (npm run build:addon)`,
    );
  }
  return new NativeTableSnapshot(schema, native, source, generation);
}

function bufferOf(handle: object, segment: number): ArrayBuffer {
  try {
    return addon<SnapshotAddon>().snapshotBuffer(handle, segment);
  } catch (error) {
    throw fromNative(error);
  }
}

class NativeTableSnapshot implements TableSnapshot {
  readonly generation: bigint;
  readonly facts: SnapshotFacts;
  readonly #native: NativeSnapshot;
  readonly #segments: readonly SnapshotSegment[];
  #closed = false;

  constructor(
    readonly schema: TableSchema,
    native: NativeSnapshot,
    source: SourceFacts,
    generation: bigint | undefined,
  ) {
    this.#native = native;
    this.#segments = native.segments.map((segment, i) => {
      let buffer: ArrayBuffer | undefined;
      const map = () => (this.#closed ? new ArrayBuffer(0) : bufferOf(native.handle, i));
      return {
        ...segment,
        get buffer() {
          buffer ??= map();
          return buffer;
        },
      };
    });
    if (generation === undefined) lastGeneration = source.endNs > lastGeneration ? source.endNs : lastGeneration + 1n;
    this.generation = generation ?? lastGeneration;
    const { nRows, nVerbatim, rejected, unknown } = native;
    this.facts = { ...source, nRows, nVerbatim, rejected, unknown };
  }

  get segments(): readonly SnapshotSegment[] {
    if (this.#closed) throw new CtiError('INVALID_ARGUMENT', `the snapshot of ${this.schema.name} is closed`);
    return this.#segments;
  }

  segment(name: string): SnapshotSegment {
    const found = this.segments.find((segment) => segment.name === name);
    if (!found) {
      const names = this.segments.map((segment) => segment.name).join(', ');
      throw new CtiError(
        'INVALID_ARGUMENT',
        `expected a segment of ${this.schema.name} (${names}) but received '${name}'`,
      );
    }
    return found;
  }

  rowText(row: number): string {
    return this.#kept('rows', row) ?? this.#print('snapshotRowText', row);
  }

  actionsText(id: number): string {
    return this.#kept('action_lists', id) ?? this.#print('snapshotActionsText', id);
  }

  /** What a field `text` of the segment refers to; undefined in tables whose rows are printed from their fields. */
  #kept(name: string, record: number): string | undefined {
    const schema = this.schema.segments.find((segment) => segment.name === name);
    const field = schema?.fields.find((field) => field.name === 'text' && field.type === 'ref');
    if (!schema || !field) return undefined;
    const { buffer, nRecords } = this.segment(name);
    if (!Number.isInteger(record) || record < 0 || record >= nRecords)
      throw new CtiError('INVALID_ARGUMENT', `expected a record of ${name} below ${nRecords} but received ${record}`);
    const view = new DataView(buffer);
    const at = record * schema.stride + field.offset;
    const bytes = new Uint8Array(this.segment('blob').buffer, view.getUint32(at, true), view.getUint32(at + 4, true));
    return new TextDecoder().decode(bytes);
  }

  #print(how: 'snapshotRowText' | 'snapshotActionsText', index: number): string {
    try {
      return addon<SnapshotAddon>()[how](this.#native.handle, index);
    } catch (error) {
      throw fromNative(error);
    }
  }

  close(): void {
    this.#closed = true;
    addon<SnapshotAddon>().closeSnapshot(this.#native.handle);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
