/** What the scheduler tells the journal, and what it finds there. Without a journal nothing is durable, and this does nothing. */
import type { checkAfter, Outcome } from './dependencies.js';
import type { Entry } from './entry.js';
import type { TaskJournal, TaskRecord } from './journal.js';
import type { TaskEnd } from './task.js';

export interface Restored {
  readonly record: TaskRecord;
  readonly image: Uint8Array;
}

export interface Lost {
  readonly id: string;
  readonly name: string;
  readonly reason: string;
}

export class Durability {
  readonly #journal: TaskJournal | undefined;
  #outcomes: ReadonlyMap<string, Outcome> = new Map();
  readonly #writing = new Set<Promise<void>>();

  constructor(journal: TaskJournal | undefined) {
    this.#journal = journal;
  }

  /** What was under way when the journal's last holder ended. The lost are told once. */
  restore(): { restored: readonly Restored[]; lost: Lost[] } {
    const journal = this.#journal;
    if (!journal) return { restored: [], lost: [] };
    const { durable, lost, ends } = journal.recovered;
    this.#outcomes = ends;
    journal.forgetRecovered();
    const reason = 'it was not durable, and its process ended';
    for (const { id } of lost) this.lost(id);
    return { restored: durable, lost: lost.map(({ id, name }) => ({ id, name, reason })) };
  }

  /** How a task ended that only the journal remembers. */
  outcomeOf(id: string): Outcome | undefined {
    return this.#outcomes.get(id);
  }

  lost(id: string): void {
    this.#write(this.#journal?.end({ kind: 'end', id, end: 'lost' }));
  }

  #record(entry: Entry<unknown>): TaskRecord {
    const { id, epoch, name, durable, wait } = entry;
    return { kind: 'task', id, epoch, name, durable, wait };
  }

  note(entry: Entry<unknown>): void {
    this.#journal?.note(this.#record(entry));
  }

  /** Resolves when the image is on disk. Rejects with CtiError JOURNAL_WRITE. */
  async keep(entry: Entry<unknown>, image: Uint8Array, after?: ReturnType<typeof checkAfter>): Promise<void> {
    const record = this.#record(entry);
    await this.#journal?.keep(after ? { ...record, after } : record, image);
  }

  read(entry: Entry<unknown>): Promise<Uint8Array | undefined> {
    return this.#journal?.read(entry.id) ?? Promise.resolve(undefined);
  }

  ended({ id }: Entry<unknown>, end: TaskEnd): void {
    if (end.kind === 'kept') return;
    const r0 = end.kind === 'exited' ? { r0: end.r0 } : {};
    this.#write(this.#journal?.end({ kind: 'end', id, end: end.kind, ...r0 }));
  }

  #write(work: Promise<void> | undefined): void {
    if (!work) return;
    // An end that could not be written makes a durable task come back: its calls are repeated under the ids they had.
    const done = work.catch(() => {}).finally(() => this.#writing.delete(done));
    this.#writing.add(done);
  }

  /** Resolves when all that was said is written. */
  async settled(): Promise<void> {
    await Promise.all(this.#writing);
  }
}
