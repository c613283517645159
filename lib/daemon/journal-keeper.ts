/**
 * What outlives the executor of its programs: images of those that are durable, in the directory of `programs.state`, and the names of the others. Control
 * holds it, because the executor opens no files. With no directory there are names only, as long as control lives.
 *
 * The executor that runs asks `journal.open` first: what its predecessor left is told then, once. When control itself is new, and the executor is not, the
 * journal is opened where it was left.
 */
import type { Answer, Call } from '../control/calls.js';
import { CtiError } from '../errors.js';
import { type EndRecord, Journal, type TaskRecord } from '../scheduler/journal.js';
import type { Opened } from './remote-journal.js';

/** Messages between parts are JSON. */
const base64 = (image: Uint8Array | undefined): string | null =>
  image ? Buffer.from(image.buffer, image.byteOffset, image.byteLength).toString('base64') : null;

export interface KeeperOptions {
  /** programs.state. */
  dir(): string | null;
  /** programs.state_bytes. */
  maxBytes(): number;
  /** Who control runs as, for messages; null: who started the daemon. */
  user(): string | null;
}

export class JournalKeeper {
  readonly #options: KeeperOptions;
  #journal: Journal | undefined;
  /** With no directory: lines of the programs that have not ended. */
  #lines = new Map<string, TaskRecord>();
  /** One request after another: a journal is not used while it is opened. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Rejects with CtiError JOURNAL_LOCKED, JOURNAL_DAMAGED, JOURNAL_WRITE, FILE, PROTOCOL. */
  handle({ method, data }: Call): Promise<Answer> {
    if (method === 'journal.open') return this.#then(async () => ({ data: await this.#open() }));
    return this.#then(() => this.#opened()).then((journal) => this.#use(journal, method, data));
  }

  #then<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #open(): Promise<Opened> {
    await this.#journal?.close();
    this.#journal = undefined;
    const dir = this.#options.dir();
    if (dir === null) {
      const lost = [...this.#lines.values()];
      this.#lines = new Map();
      return { durable: [], lost, ends: [], tornBytes: 0 };
    }
    this.#journal = this.#openDir(dir);
    const { durable, lost, ends, tornBytes } = this.#journal.recovered;
    this.#journal.forgetRecovered(); // images are read one by one
    return { durable: durable.map(({ record }) => record), lost, ends: [...ends.values()], tornBytes };
  }

  #openDir(dir: string): Journal {
    try {
      return Journal.open(dir, { maxBytes: this.#options.maxBytes() });
    } catch (error) {
      if (!(error instanceof CtiError) || error.code === 'JOURNAL_LOCKED') throw error;
      const user = this.#options.user();
      const advice =
        error.code === 'JOURNAL_DAMAGED'
          ? 'move the directory away, or name another'
          : `it must be ${user === null ? "the daemon's user's" : `${user}'s (rights.user)`}, below directories that this user may pass: install -d -m 0700${user === null ? '' : ` -o ${user}`} ${dir}`;
      throw new CtiError(error.code, `programs.state: ${error.message}; ${advice}`, { cause: error });
    }
  }

  async #opened(): Promise<Journal | undefined> {
    const dir = this.#options.dir();
    if (this.#journal || dir === null) return this.#journal;
    this.#journal = this.#openDir(dir);
    this.#journal.forgetRecovered(); // the executor has them
    return this.#journal;
  }

  async #use(journal: Journal | undefined, method: string, data: unknown): Promise<Answer> {
    switch (method) {
      case 'journal.keep': {
        const { record, image } = data as { record: TaskRecord; image: string };
        if (!journal) throw new CtiError('INVALID_ARGUMENT', 'there is no state directory (programs.state)');
        await journal.keep(record, Buffer.from(image, 'base64'));
        return { data: null };
      }
      case 'journal.note': {
        const record = data as TaskRecord;
        if (journal) journal.note(record);
        else this.#lines.set(record.id, record);
        return { data: null };
      }
      case 'journal.end': {
        const record = data as EndRecord;
        this.#lines.delete(record.id);
        await journal?.end(record);
        return { data: null };
      }
      case 'journal.read':
        return { data: base64(await journal?.read((data as { id: string }).id)) };
      default:
        throw new CtiError('PROTOCOL', `control has no request ${method}`);
    }
  }
}
