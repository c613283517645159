/** The journal as the executor has it: it is control's (journal-keeper.ts), and what is said here goes there as requests. */
import { CtiError } from '../errors.js';
import type { EndRecord, Recovered, TaskJournal, TaskRecord } from '../scheduler/journal.js';

/** What was there when it was opened; images are asked for one by one. */
export interface Opened {
  readonly durable: readonly TaskRecord[];
  readonly lost: readonly TaskRecord[];
  readonly ends: readonly EndRecord[];
  readonly tornBytes: number;
}

/** A frame has at most 64 MB, an image in it takes a third more than its bytes, and every suspending call of a program writes one. */
const MAX_DURABLE_IMAGE = 16 << 20;

/** Asks control; again, if it ended before it answered. */
export type AskJournal = (method: string, data: unknown) => Promise<unknown>;

const NOTHING: Recovered = { durable: [], lost: [], ends: new Map(), tornBytes: 0 };

export class RemoteJournal implements TaskJournal {
  recovered: Recovered = NOTHING;
  readonly #ask: AskJournal;
  #isOpen = false;
  /** Of programs that are not durable, for a control that is new and has no directory. */
  readonly #lines = new Map<string, TaskRecord>();
  readonly #firstKept = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();

  constructor(ask: AskJournal) {
    this.#ask = ask;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Takes over from the executor before: `recovered` is what it left. Rejects as Journal.open() throws. */
  async open(): Promise<void> {
    const { durable, lost, ends, tornBytes } = (await this.#ask('journal.open', null)) as Opened;
    const restored: { record: TaskRecord; image: Uint8Array }[] = [];
    for (const record of durable) {
      const image = await this.read(record.id);
      if (image) restored.push({ record, image });
    }
    this.recovered = { durable: restored, lost, ends: new Map(ends.map((end) => [end.id, end])), tornBytes };
    this.#isOpen = true;
  }

  forgetRecovered(): void {
    this.recovered = NOTHING;
  }

  /** Resolves when the first image of the task is on disk; rejects if it could not be written. */
  firstKept(id: string): Promise<void> {
    return new Promise((resolve, reject) => this.#firstKept.set(id, { resolve, reject }));
  }

  async keep(record: TaskRecord, image: Uint8Array): Promise<void> {
    const first = this.#firstKept.get(record.id);
    this.#firstKept.delete(record.id);
    try {
      if (image.length > MAX_DURABLE_IMAGE)
        throw new CtiError(
          'JOURNAL_WRITE',
          `the image of ${record.name} has ${image.length} bytes; that of a durable program has at most ${MAX_DURABLE_IMAGE}`,
        );
      await this.#ask('journal.keep', { record, image: Buffer.from(image).toString('base64') });
      first?.resolve();
    } catch (error) {
      first?.reject(error as Error);
      throw error;
    }
  }

  note(record: TaskRecord): void {
    this.#lines.set(record.id, record);
    this.#ask('journal.note', record).catch(() => {}); // a line more or less: what is durable says what is wrong
  }

  async end(record: EndRecord): Promise<void> {
    this.#lines.delete(record.id);
    this.#firstKept.delete(record.id);
    await this.#ask('journal.end', record);
  }

  async read(id: string): Promise<Uint8Array | undefined> {
    const image = (await this.#ask('journal.read', { id })) as string | null;
    return image === null ? undefined : Buffer.from(image, 'base64');
  }

  /** Control is another: without a directory it knows no names yet. */
  noteAgain(): void {
    for (const record of this.#lines.values()) this.note(record);
  }
}
