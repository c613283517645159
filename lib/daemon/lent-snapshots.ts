/**
 * The collector's snapshots in the executor: each is opened once, however many questions use it, and stays open as long as the collector keeps it.
 * Opening one for each question would cost more than the question: tens of megabytes that are mapped, and that V8 counts as garbage to collect.
 */
import { closeAll, type Parcel } from '../control/calls.js';
import { type Handed, openHanded } from '../control/handed-snapshot.js';
import { CtiError } from '../errors.js';
import { type Kept, KeptWindow, PreparedQuestions } from '../query/kept.js';
import type { Captured } from '../sources/registry.js';
import type { TableSnapshot } from '../tables/snapshot.js';

/** What the collector answers to who has the snapshot already: its generation, and the hold that is to be released. */
export interface SameSnapshot {
  readonly same: bigint;
  readonly hold: number;
}

/** A snapshot that others use too: release it, do not close it. */
export interface Lent extends Captured {
  readonly kept: Kept;
  release(): void;
}

interface Open {
  readonly captured: Captured;
  kept: Kept;
  nUsers: number;
  /** The collector has let go of it. */
  isGone: boolean;
}

/** Of a table. */
const N_PREPARED = 64;

export interface LentOptions {
  /** Asks the collector; `have`: generations of the table that need not be handed over again. */
  ask(table: string, maxAgeMs: number, have: readonly bigint[], signal: AbortSignal): Promise<Parcel>;
  release(hold: number): void;
}

export class LentSnapshots {
  readonly #options: LentOptions;
  readonly #open = new Map<bigint, Open>();
  /** Generations that the collector let go of while their descriptors were on the way. */
  #nAsking = 0;
  readonly #goneMeanwhile = new Set<bigint>();
  /** Of each table's newest rows. */
  readonly #prepared = new Map<string, { rowsOf: bigint; nRows: number; questions: PreparedQuestions }>();

  constructor(options: LentOptions) {
    this.#options = options;
  }

  get nOpen(): number {
    return this.#open.size;
  }

  /** Rejects as the collector does, and with SNAPSHOT_MALFORMED. */
  async lend(table: string, maxAgeMs: number, signal: AbortSignal): Promise<Lent> {
    const have = [...this.#open].filter(([, one]) => one.captured.snapshot.schema.name === table && !one.isGone);
    this.#nAsking++;
    try {
      const parcel = await this.#options.ask(
        table,
        maxAgeMs,
        have.map(([generation]) => generation),
        signal,
      );
      try {
        return this.#take(parcel);
      } finally {
        closeAll(parcel.fds);
      }
    } finally {
      if (--this.#nAsking === 0) this.#goneMeanwhile.clear();
    }
  }

  /** The same as a snapshot of the caller's, who closes it. */
  async own(table: string, maxAgeMs: number, signal: AbortSignal): Promise<Captured> {
    const lent = await this.lend(table, maxAgeMs, signal);
    return { snapshot: new OwnedView(lent.snapshot, () => lent.release()), passedOver: lent.passedOver };
  }

  /** The collector keeps it no longer: it goes when nobody uses it. */
  gone(generation: bigint): void {
    const open = this.#open.get(generation);
    if (open) {
      open.isGone = true;
      this.#settle(generation, open);
    } else if (this.#nAsking > 0) this.#goneMeanwhile.add(generation);
  }

  /** The collector has ended: all that it gave. */
  allGone(): void {
    for (const generation of [...this.#open.keys()]) this.gone(generation);
  }

  #take({ data, fds }: Parcel): Lent {
    const { same, hold } = data as Partial<SameSnapshot> & { hold: number };
    const generation = same ?? (data as Handed).generation;
    let open = this.#open.get(generation);
    if (!open && same !== undefined) {
      this.#options.release(hold);
      throw new CtiError('PROTOCOL', `the collector speaks of a snapshot (${same}) that it has not handed over`);
    }
    if (!open) {
      try {
        const captured = openHanded({ data, fds });
        const kept = { prepared: this.#preparedFor(data as Handed), window: new KeptWindow() };
        open = { captured, kept, nUsers: 0, isGone: this.#goneMeanwhile.has(generation) };
      } catch (error) {
        this.#options.release(hold);
        throw error;
      }
      this.#open.set(generation, open);
    }
    const kept = open;
    kept.nUsers++;
    let isReleased = false;
    return {
      ...kept.captured,
      kept: kept.kept,
      release: () => {
        if (isReleased) return;
        isReleased = true;
        kept.nUsers--;
        this.#options.release(hold);
        this.#settle(generation, kept);
      },
    };
  }

  #settle(generation: bigint, open: Open): void {
    if (!open.isGone || open.nUsers > 0) return;
    this.#open.delete(generation);
    open.kept.window.close();
    open.captured.snapshot.close();
  }

  /** Names of the user's have changed: what was prepared with others is of no use. */
  forgetPrepared(): void {
    this.#prepared.clear();
    for (const open of this.#open.values()) open.kept = { ...open.kept, prepared: new PreparedQuestions(N_PREPARED) };
  }

  /** Where counters alone were read anew, the rows are those of before, and so is all that a question was compiled for. */
  #preparedFor({ table, rowsOf, facts }: Handed): PreparedQuestions {
    const before = this.#prepared.get(table);
    // Rows can only have gone since: as many are the same.
    if (before?.rowsOf === rowsOf && before.nRows === facts.nRows) return before.questions;
    const questions = new PreparedQuestions(N_PREPARED);
    this.#prepared.set(table, { rowsOf, nRows: facts.nRows, questions });
    return questions;
  }
}

/** A lent snapshot as one that is its holder's. */
class OwnedView implements TableSnapshot {
  readonly #lent: TableSnapshot;
  readonly #release: () => void;
  #isClosed = false;

  constructor(lent: TableSnapshot, release: () => void) {
    this.#lent = lent;
    this.#release = release;
  }

  get #snapshot(): TableSnapshot {
    if (this.#isClosed) throw new CtiError('INVALID_ARGUMENT', `the snapshot of ${this.schema.name} is closed`);
    return this.#lent;
  }

  get schema() {
    return this.#lent.schema;
  }

  get generation() {
    return this.#lent.generation;
  }

  get facts() {
    return this.#lent.facts;
  }

  get segments() {
    return this.#snapshot.segments;
  }

  segment(name: string) {
    return this.#snapshot.segment(name);
  }

  rowText(row: number): string {
    return this.#snapshot.rowText(row);
  }

  actionsText(id: number): string {
    return this.#snapshot.actionsText(id);
  }

  close(): void {
    this.#isClosed = true;
    this.#release();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
