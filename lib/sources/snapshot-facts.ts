/** Part 0 of a snapshot file: what its tables are and how they were read, as JSON. Checked field by field before anything of it is used. */
import { hostname } from 'node:os';
import type { Note, RequestCost, SnapshotFacts, SwitchCost, TableSnapshot } from '../tables/snapshot.js';
import { malformed } from './snapshot-format.js';

export interface SavedSegment {
  readonly name: string;
  readonly stride: number;
  readonly nRecords: number;
}

export interface SavedTable {
  readonly table: string;
  readonly schemaVersion: number;
  readonly schemaHash: string;
  readonly facts: SnapshotFacts;
  readonly segments: readonly SavedSegment[];
}

export interface SavedFacts {
  /** Where it was saved. */
  readonly host: string;
  readonly savedNs: bigint;
  readonly tables: readonly SavedTable[];
}

export function factsOf(snapshots: readonly TableSnapshot[]): SavedFacts {
  return {
    host: hostname(),
    savedNs: BigInt(Date.now()) * 1_000_000n,
    tables: snapshots.map(({ schema, facts, segments }) => ({
      table: schema.name,
      schemaVersion: schema.version,
      schemaHash: schema.hash,
      facts,
      segments: segments.map(({ name, stride, nRecords }) => ({ name, stride, nRecords })),
    })),
  };
}

/** Times as strings of decimal digits: they are past 2^53. */
export const encodeFacts = (facts: SavedFacts): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(facts, (_key, item) => (typeof item === 'bigint' ? item.toString() : item)));

/** Reads a value out of JSON; what it is not is refused with its place. */
class Reader {
  constructor(
    private readonly file: string,
    private readonly path: string,
    private readonly value: unknown,
  ) {}

  private fail(expected: string): never {
    const received = JSON.stringify(this.value)?.slice(0, 60) ?? 'nothing';
    throw malformed(this.file, `part 0 (facts), ${this.path}: expected ${expected} but received ${received}`);
  }

  at(key: string): Reader {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) this.fail('an object');
    const value = Object.hasOwn(this.value as object, key) ? (this.value as Record<string, unknown>)[key] : undefined;
    return new Reader(this.file, this.path === '' ? key : `${this.path}.${key}`, value);
  }

  get isAbsent(): boolean {
    return this.value === undefined;
  }

  get isNull(): boolean {
    return this.value === null;
  }

  text(pattern = /^[\s\S]{0,4096}$/, expected = 'a text of at most 4096 characters'): string {
    if (typeof this.value !== 'string' || !pattern.test(this.value)) this.fail(expected);
    return this.value as string;
  }

  integer(max = Number.MAX_SAFE_INTEGER): number {
    if (!Number.isSafeInteger(this.value) || (this.value as number) < 0 || (this.value as number) > max)
      this.fail(`a whole number from 0 to ${max}`);
    return this.value as number;
  }

  amount(): number {
    if (typeof this.value !== 'number' || !Number.isFinite(this.value)) this.fail('a number');
    return this.value as number;
  }

  amountOrNull(): number | null {
    return this.isNull ? null : this.amount();
  }

  time(): bigint {
    return BigInt(this.text(/^\d{1,19}$/, 'nanoseconds since 1970 as decimal digits'));
  }

  list<T>(max: number, read: (item: Reader) => T): T[] {
    if (!Array.isArray(this.value) || this.value.length > max) this.fail(`a list of at most ${max}`);
    return (this.value as unknown[]).map((item, i) => read(new Reader(this.file, `${this.path}[${i}]`, item)));
  }
}

const notes = (from: Reader): Note[] =>
  from.list(100_000, (item) => ({
    what: item.at('what').text(),
    sample: item.at('sample').text(),
    count: item.at('count').integer(),
  }));

const request = (item: Reader): RequestCost => ({
  command: item.at('command').text(),
  firstByteMs: item.at('firstByteMs').amount(),
  lastByteMs: item.at('lastByteMs').amount(),
  replyBytes: item.at('replyBytes').integer(),
  cpuMs: item.at('cpuMs').amountOrNull(),
  rssGrowthBytes: item.at('rssGrowthBytes').amountOrNull(),
});

function cost(from: Reader): SwitchCost | null {
  if (from.isNull) return null;
  return {
    requestMs: from.at('requestMs').amount(),
    replyBytes: from.at('replyBytes').integer(),
    cpuMs: from.at('cpuMs').amountOrNull(),
    rssGrowthBytes: from.at('rssGrowthBytes').amountOrNull(),
    requests: from.at('requests').list(100_000, request),
  };
}

function factsFrom(from: Reader): SnapshotFacts {
  const reading = from.at('reading');
  return {
    source: from.at('source').text(),
    beginNs: from.at('beginNs').time(),
    endNs: from.at('endNs').time(),
    nRows: from.at('nRows').integer(0xffff_fffe),
    nVerbatim: from.at('nVerbatim').integer(),
    rejected: notes(from.at('rejected')),
    unknown: notes(from.at('unknown')),
    cost: cost(from.at('cost')),
    ...(reading.isAbsent
      ? {}
      : { reading: { cpuMs: reading.at('cpuMs').amount(), bytes: reading.at('bytes').integer() } }),
  };
}

const NAME = /^[a-z][a-z0-9_]{0,63}$/;

export function decodeFacts(file: string, bytes: Uint8Array): SavedFacts {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw malformed(file, `part 0 (facts): expected JSON in UTF-8: ${(error as Error).message.slice(0, 100)}`);
  }
  const root = new Reader(file, '', json);
  return {
    host: root.at('host').text(),
    savedNs: root.at('savedNs').time(),
    tables: root.at('tables').list(64, (item) => ({
      table: item.at('table').text(NAME, 'the name of a table'),
      schemaVersion: item.at('schemaVersion').integer(),
      schemaHash: item.at('schemaHash').text(/^[0-9a-f]{16}$/, '16 hex digits'),
      facts: factsFrom(item.at('facts')),
      segments: item.at('segments').list(16, (segment) => ({
        name: segment.at('name').text(NAME, 'the name of a segment'),
        stride: segment.at('stride').integer(0xffff),
        nRecords: segment.at('nRecords').integer(0xffff_ffff),
      })),
    })),
  };
}
