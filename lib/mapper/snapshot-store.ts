/**
 * Snapshots of tables, by name and generation, for everyone on this node: programs, questions, events. Who asks with a max-age gets the
 * newest snapshot that is young enough, or joins the reading that is under way, or starts one; so that many who ask cost the switch one
 * reading. Readings of a table keep a distance from each other (`pace`): however often programs refresh, the switch spends at most a tenth of
 * its time on them.
 *
 * A snapshot is held while someone has a `Held` of it. The newest of each table is kept for `keepMs` more; older ones that nobody holds go at
 * once. Over `limitBytes`, those that nobody holds go first; if that is not enough, a new one is refused (OUT_OF_MEMORY): what is held stays,
 * because its descriptors may be on their way into a window.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CtiError } from '../errors.js';
import { costOf, DEFAULT_MANNERS } from '../sources/pace.js';
import type { SnapshotFacts, TableSnapshot } from '../tables/snapshot.js';

/** Reads a table, whole. Rejects with a CtiError. */
export type Capture = (table: string, signal: AbortSignal) => Promise<TableSnapshot>;

export interface StoreOptions {
  /** Tables that can be read, and how. Others are not found (null). */
  readonly tables: Readonly<Record<string, Capture>>;
  /** Of all snapshots together; 4 GiB if absent. */
  readonly limitBytes?: number;
  /** How long the newest of a table stays when nobody holds it; 10 s if absent. */
  readonly keepMs?: number;
  readonly pace?: Partial<Pace>;
  /** A snapshot is about to be closed: nobody here holds it. */
  readonly dropped?: (snapshot: TableSnapshot) => void;
}

/**
 * How long a table is left alone after a reading: at least `minPauseMs`, and `factor` times what the reading cost: CPU time of ours where memory was
 * read, the switch's time where it was asked, else (it failed, say) the time that passed. And as long as its bytes a second ask for.
 */
export interface Pace {
  readonly minPauseMs: number;
  readonly factor: number;
  readonly bytesPerSecond: number;
}

/** Someone's hold on a snapshot. Releasing twice does nothing more. */
export interface Held {
  readonly snapshot: TableSnapshot;
  release(): void;
}

export interface StoredSnapshot {
  readonly table: string;
  readonly generation: bigint;
  readonly bytes: number;
  readonly nRows: number;
  readonly beginNs: bigint;
  readonly holders: number;
}

const DEFAULT_LIMIT_BYTES = 4 * 2 ** 30;
const DEFAULT_KEEP_MS = 10_000;
const DEFAULT_PACE: Pace = { minPauseMs: 100, factor: 9, bytesPerSecond: DEFAULT_MANNERS.bytesPerSecond };

interface Entry {
  readonly snapshot: TableSnapshot;
  readonly bytes: number;
  holders: number;
  timer: NodeJS.Timeout | undefined;
}

/** A reading under way, and who waits for it. */
interface Reading {
  readonly entry: Promise<Entry>;
  readonly stop: AbortController;
  /** When it began, ms since 1970; Infinity: it has not. */
  beginMs: number;
  waiters: number;
  /** Until all who wait for it have taken theirs. */
  own: Held | undefined;
}

interface Table {
  readonly capture: Capture;
  /** Ascending by generation. */
  readonly entries: Entry[];
  reading: Reading | undefined;
  /** When the next reading may begin, by performance.now(). */
  freeAtMs: number;
}

const bytesOf = (snapshot: TableSnapshot): number => snapshot.segments.reduce((sum, { size }) => sum + size, 0);

function stopped(signal: AbortSignal | undefined): CtiError {
  return new CtiError('CANCELLED', 'stopped before the table was read', { cause: signal?.reason });
}

export class SnapshotStore {
  readonly #tables = new Map<string, Table>();
  readonly #limitBytes: number;
  readonly #keepMs: number;
  readonly #pace: Pace;
  readonly #dropped: StoreOptions['dropped'];
  #closed = false;

  constructor(options: StoreOptions) {
    this.#limitBytes = options.limitBytes ?? DEFAULT_LIMIT_BYTES;
    this.#keepMs = options.keepMs ?? DEFAULT_KEEP_MS;
    this.#pace = { ...DEFAULT_PACE, ...options.pace };
    this.#dropped = options.dropped;
    for (const [name, capture] of Object.entries(options.tables)) {
      this.#tables.set(name, { capture, entries: [], reading: undefined, freeAtMs: 0 });
    }
  }

  /** Whether there is a table of this name to read. */
  has(table: string): boolean {
    return this.#tables.has(table);
  }

  get tables(): string[] {
    return [...this.#tables.keys()];
  }

  /**
   * The table, read no longer than `maxAgeMs` ago (Infinity: whatever is here). Rejects with what the reading failed with, with
   * CANCELLED, or with OUT_OF_MEMORY if snapshots that are held fill the store.
   */
  async get(table: string, maxAgeMs: number, signal?: AbortSignal): Promise<Held> {
    const found = this.#table(table);
    if (signal?.aborted) throw stopped(signal);
    const newest = found.entries.at(-1);
    if (newest && Date.now() - Number(newest.snapshot.facts.beginNs / 1_000_000n) <= maxAgeMs) {
      return this.#hold(found, newest);
    }
    const { reading } = found;
    const isOfUse = reading && !reading.stop.signal.aborted && Date.now() - reading.beginMs <= maxAgeMs;
    const joined = isOfUse ? reading : this.#read(table, found, reading);
    found.reading = joined;
    return this.#join(found, joined, signal);
  }

  /** The snapshot of this generation; null if it is not here any more. */
  find(table: string, generation: bigint): Held | null {
    const found = this.#tables.get(table);
    const entry = found?.entries.find(({ snapshot }) => snapshot.generation === generation);
    return found && entry ? this.#hold(found, entry) : null;
  }

  /** The newest snapshot of the table, whatever its age; null if there is none. */
  newest(table: string): Held | null {
    const found = this.#tables.get(table);
    const entry = found?.entries.at(-1);
    return found && entry ? this.#hold(found, entry) : null;
  }

  /** Takes over a snapshot that was read elsewhere; the caller must not close it. */
  put(snapshot: TableSnapshot): Held {
    const found = this.#table(snapshot.schema.name);
    return this.#hold(found, this.#add(found, snapshot));
  }

  list(): StoredSnapshot[] {
    return [...this.#tables].flatMap(([table, { entries }]) =>
      entries.map(({ snapshot, bytes, holders }) => ({
        table,
        generation: snapshot.generation,
        bytes,
        nRows: snapshot.facts.nRows,
        beginNs: snapshot.facts.beginNs,
        holders,
      })),
    );
  }

  /** Closes all snapshots, held or not, and stops readings. */
  close(): void {
    this.#closed = true;
    for (const found of this.#tables.values()) {
      found.reading?.stop.abort(new Error('the store was closed'));
      for (const entry of found.entries.splice(0)) this.#drop(entry);
    }
  }

  #table(name: string): Table {
    if (this.#closed) throw new CtiError('INVALID_ARGUMENT', 'the snapshot store is closed');
    const found = this.#tables.get(name);
    if (found) return found;
    const names = this.tables.join(', ') || 'none';
    throw new CtiError('INVALID_ARGUMENT', `expected a table out of ${names} but received '${name}'`);
  }

  /** Starts a reading after the one before it, if one is under way, and after the pause. */
  #read(name: string, table: Table, before: Reading | undefined): Reading {
    const stop = new AbortController();
    const work = async (): Promise<Entry> => {
      await before?.entry.catch(() => {});
      const pause = table.freeAtMs - performance.now();
      if (pause > 0) await sleep(pause, undefined, { signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted) throw stopped(stop.signal);
      reading.beginMs = Date.now();
      const began = performance.now();
      let facts: SnapshotFacts | undefined;
      try {
        const snapshot = await table.capture(name, stop.signal);
        facts = snapshot.facts;
        if (this.#closed) {
          snapshot.close();
          throw stopped(stop.signal);
        }
        const entry = this.#add(table, snapshot);
        const own = this.#hold(table, entry);
        if (reading.waiters > 0) reading.own = own;
        else own.release();
        return entry;
      } finally {
        table.freeAtMs = performance.now() + this.#pauseAfter(performance.now() - began, facts);
      }
    };
    const reading: Reading = {
      stop,
      waiters: 0,
      own: undefined,
      beginMs: Infinity,
      entry: Promise.resolve().then(work),
    };
    const done = () => {
      if (table.reading === reading) table.reading = undefined;
    };
    reading.entry.then(done, done);
    return reading;
  }

  /** By what it cost rather than by how long it took: on a busy machine, or when it is proved first, that is something else. */
  #pauseAfter(tookMs: number, facts: SnapshotFacts | undefined): number {
    const { minPauseMs, factor, bytesPerSecond } = this.#pace;
    const { cpuMs, bytes } = facts ? costOf(facts) : { cpuMs: 0, bytes: 0 };
    return Math.max(minPauseMs, factor * (cpuMs || tookMs), (1000 * bytes) / bytesPerSecond - tookMs);
  }

  /** Waits for a reading; the last who gives up stops it. */
  async #join(table: Table, reading: Reading, signal: AbortSignal | undefined): Promise<Held> {
    reading.waiters++;
    let giveUp = (): void => {};
    try {
      const given = new Promise<never>((_, reject) => {
        giveUp = () => reject(stopped(signal));
        signal?.addEventListener('abort', giveUp, { once: true });
      });
      const entry = await Promise.race([reading.entry, given]);
      return this.#hold(table, entry);
    } finally {
      signal?.removeEventListener('abort', giveUp);
      if (--reading.waiters === 0) {
        reading.own?.release();
        reading.stop.abort(new Error('nobody waits for it any more'));
      }
    }
  }

  #add(table: Table, snapshot: TableSnapshot): Entry {
    const bytes = bytesOf(snapshot);
    const others = [...this.#tables.values()];
    const used = () => others.reduce((sum, { entries }) => sum + entries.reduce((n, entry) => n + entry.bytes, 0), 0);
    for (const { entries } of others) {
      for (const entry of entries.filter(({ holders }) => holders === 0)) {
        if (used() + bytes <= this.#limitBytes) break;
        this.#evict(entries, entry);
      }
    }
    if (used() + bytes > this.#limitBytes) {
      snapshot.close();
      throw new CtiError(
        'OUT_OF_MEMORY',
        `${snapshot.schema.name} has ${bytes} bytes, snapshots that are in use ${used()}, the limit is ${this.#limitBytes}: end programs that hold old ones, or raise it`,
      );
    }
    const entry: Entry = { snapshot, bytes, holders: 0, timer: undefined };
    table.entries.push(entry);
    table.entries.sort((a, b) => (a.snapshot.generation < b.snapshot.generation ? -1 : 1));
    return entry;
  }

  #hold(table: Table, entry: Entry): Held {
    entry.holders++;
    clearTimeout(entry.timer);
    entry.timer = undefined;
    this.#settle(table);
    let released = false;
    return {
      snapshot: entry.snapshot,
      release: () => {
        if (released) return;
        released = true;
        entry.holders--;
        this.#settle(table);
      },
    };
  }

  /** Lets go of what nobody holds: old ones now, the newest after a while. */
  #settle(table: Table): void {
    const newest = table.entries.at(-1);
    for (const entry of table.entries.filter(({ holders }) => holders === 0)) {
      if (entry !== newest) this.#evict(table.entries, entry);
      else entry.timer ??= setTimeout(() => this.#evict(table.entries, entry), this.#keepMs).unref();
    }
  }

  #evict(entries: Entry[], entry: Entry): void {
    const at = entries.indexOf(entry);
    if (at >= 0) entries.splice(at, 1);
    this.#drop(entry);
  }

  #drop(entry: Entry): void {
    clearTimeout(entry.timer);
    this.#dropped?.(entry.snapshot);
    entry.snapshot.close();
  }
}
