/**
 * The journal: a state directory that outlives its process. Durable tasks have their images there, as they were submitted and as they stopped
 * last; the others a line with their name, so that what a crash took with it can be said.
 *
 *     using journal = Journal.open('/var/lib/ctinspector/programs');    // journal.recovered: what was under way when the last holder ended
 *     await journal.keep(record, image);                       // resolves when it is on disk
 *
 * One process at a time holds the directory, by a lock of the kernel. Records are appended, many by one write and one fdatasync; what is outdated is
 * left out when the file is written anew (`compact`), which happens by itself. journal-format.ts has the file.
 */
import {
  closeSync,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  read,
  readFileSync,
  renameSync,
  rmSync,
  write,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { addon } from '../addon.js';
import { CtiError } from '../errors.js';
import {
  type EndRecord,
  encodeRecord,
  FILE_MAGIC,
  type JournalRecord,
  scanJournal,
  type TaskRecord,
} from './journal-format.js';

export type { EndRecord, TaskRecord } from './journal-format.js';

export interface JournalOptions {
  /** Goes on with what is intact of a damaged journal, which is kept beside it. */
  readonly salvage?: boolean;
  /** Outdated bytes from which on the file is written anew, if they are also the larger part; 1 MiB if absent. */
  readonly compactAt?: number;
  /** Of all tasks' last images and lines together; an image beyond it is refused. No bound if absent. */
  readonly maxBytes?: number | undefined;
}

export interface Recovered {
  /** With their last image. */
  readonly durable: readonly { readonly record: TaskRecord; readonly image: Uint8Array }[];
  /** Only their line was there. */
  readonly lost: readonly TaskRecord[];
  /** Ends that conditions of `durable` ask for. */
  readonly ends: ReadonlyMap<string, EndRecord>;
  /** Bytes of a record that was being written when the last holder ended. */
  readonly tornBytes: number;
}

interface Place {
  readonly record: TaskRecord;
  readonly offset: number;
  readonly size: number;
  readonly imageSize: number;
}

interface Queued {
  /** Absent: a piece of work between writes. */
  readonly record: JournalRecord | undefined;
  readonly image: Uint8Array | undefined;
  readonly work: (() => Promise<void>) | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const FILE = 'journal';
const readAt = promisify(read);
const writeAt = promisify(write);
const sync = promisify(fdatasync);

const failure = (path: string, error: unknown): CtiError =>
  new CtiError(
    'JOURNAL_WRITE',
    `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}; what was not written does not survive this process`,
    { cause: error },
  );

function takeLock(dir: string): number {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const fd = openSync(join(dir, 'lock'), 'a', 0o600);
    if (addon<{ lockFile(fd: number): boolean }>().lockFile(fd)) return fd;
    closeSync(fd);
  } catch (error) {
    throw new CtiError('FILE', `cannot use ${dir} as a state directory: ${(error as Error).message}`, { cause: error });
  }
  throw new CtiError(
    'JOURNAL_LOCKED',
    `another process uses the state directory ${dir}; stop it, or name another directory`,
  );
}

const syncDir = (dir: string): void => {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

/** Ids that a record's condition names. */
const namedBy = (record: TaskRecord): readonly string[] => record.after?.tasks ?? [];

/** What the records of a journal come to. */
function replay(path: string, options: JournalOptions): Recovered & { readonly bytes: Buffer } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw failure(path, error);
    bytes = Buffer.alloc(0);
  }
  const { found, damage, end } = scanJournal(bytes);
  const first = damage[0];
  if (first && !options.salvage) {
    const after = found.filter(({ offset }) => offset > first.offset).length;
    throw new CtiError(
      'JOURNAL_DAMAGED',
      `${path}: at byte ${first.offset} ${first.reason}; ${after} records after it are intact. Keep a copy; with salvage what is intact goes on`,
      { details: { path, damage: damage.map((item) => ({ ...item })), intact: found.length } },
    );
  }
  const tasks = new Map<string, { record: TaskRecord; image: Uint8Array }>();
  const ends = new Map<string, EndRecord>();
  for (const { record, image } of found) {
    if (record.kind === 'end') {
      tasks.delete(record.id);
      ends.set(record.id, record);
    } else {
      tasks.delete(record.id);
      tasks.set(record.id, { record, image });
    }
  }
  const all = [...tasks.values()];
  const named = new Set(all.flatMap(({ record }) => namedBy(record)));
  return {
    durable: all.filter(({ record }) => record.durable),
    lost: all.filter(({ record }) => !record.durable).map(({ record }) => record),
    ends: new Map([...ends].filter(([id]) => named.has(id))),
    tornBytes: bytes.length - end,
    bytes,
  };
}

/** What a scheduler needs of a journal. */
export type TaskJournal = Pick<Journal, 'recovered' | 'forgetRecovered' | 'keep' | 'note' | 'end' | 'read'>;

export class Journal implements Disposable {
  readonly dir: string;
  /** What was under way when the last holder of the directory ended. Forgotten by `forgetRecovered`. */
  recovered: Recovered;
  readonly #path: string;
  readonly #compactAt: number;
  readonly #maxBytes: number;
  readonly #places = new Map<string, Place>();
  readonly #ends = new Map<string, EndRecord>();
  #lock: number | undefined;
  #fd: number | undefined;
  #size = 0;
  #liveSize = 0;
  #queue: Queued[] = [];
  #flushing: Promise<void> | undefined;
  /** After a failed fdatasync nobody knows what is on disk: nothing more is promised. */
  #broken: CtiError | undefined;

  private constructor(dir: string, lock: number, options: JournalOptions) {
    this.dir = dir;
    this.#path = join(dir, FILE);
    this.#lock = lock;
    this.#compactAt = options.compactAt ?? 1 << 20;
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    const { bytes, ...recovered } = replay(this.#path, options);
    this.recovered = recovered;
    if (options.salvage && bytes.length > 0) keepCopy(this.#path);
    for (const { record, image } of recovered.durable) this.#place(record, 0, 0, image.length);
    for (const record of recovered.lost) this.#place(record, 0, 0, 0);
    for (const [id, end] of recovered.ends) this.#ends.set(id, end);
    const images = new Map(recovered.durable.map(({ record, image }) => [record.id, image]));
    this.#rewrite((id) => images.get(id));
  }

  /**
   * Takes the directory (made if there is none) and reads what is there. Throws CtiError JOURNAL_LOCKED, JOURNAL_DAMAGED, JOURNAL_WRITE,
   * FILE.
   */
  static open(dir: string, options: JournalOptions = {}): Journal {
    const lock = takeLock(dir);
    try {
      return new Journal(dir, lock, options);
    } catch (error) {
      closeSync(lock);
      throw error;
    }
  }

  /** Lets go of the recovered images. They stay in the file. */
  forgetRecovered(): void {
    this.recovered = { durable: [], lost: [], ends: new Map(), tornBytes: 0 };
  }

  /** A durable task's image replaces its earlier one. Resolves when it is on disk; rejects with CtiError JOURNAL_WRITE, and the earlier one stays. */
  keep(record: TaskRecord, image: Uint8Array): Promise<void> {
    return this.#append(record, image);
  }

  /** The line of a task that is not durable. It is written soon; only the loss of the whole host can lose it. */
  note(record: TaskRecord): void {
    this.#append(record, undefined).catch(() => {}); // `keep` says what is wrong with the disk
  }

  /** A task has ended: its image and its line are outdated. Resolves when that is written. */
  end(record: EndRecord): Promise<void> {
    return this.#append(record, undefined);
  }

  /** The last image of a durable task; undefined if there is none. */
  async read(id: string): Promise<Uint8Array | undefined> {
    let image: Uint8Array | undefined;
    await this.#do(async () => {
      const place = this.#places.get(id);
      if (place?.record.durable) image = await this.#readImage(place);
    });
    return image;
  }

  /** Writes the file anew without what is outdated. */
  compact(): Promise<void> {
    return this.#do(() => this.#compact());
  }

  /** Bytes of the file. */
  get size(): number {
    return this.#size;
  }

  /** Writes what is under way and gives the directory back. */
  async close(): Promise<void> {
    while (this.#flushing) await this.#flushing; // one may have begun when the last was done
    this.#broken ??= new CtiError('JOURNAL_WRITE', `the journal of ${this.dir} is closed`);
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    if (this.#lock !== undefined) closeSync(this.#lock);
    this.#lock = undefined;
  }

  [Symbol.dispose](): void {
    void this.close();
  }

  #place(record: TaskRecord, offset: number, size: number, imageSize: number): void {
    this.#forget(record.id);
    this.#places.set(record.id, { record, offset, size, imageSize });
    this.#liveSize += size;
  }

  #forget(id: string): void {
    this.#liveSize -= this.#places.get(id)?.size ?? 0;
    this.#places.delete(id);
  }

  #append(record: JournalRecord, image: Uint8Array | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#broken) return reject(this.#broken);
      this.#queue.push({ record, image, work: undefined, resolve, reject });
      this.#start();
    });
  }

  #do(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#broken) return reject(this.#broken);
      this.#queue.push({ record: undefined, image: undefined, work, resolve, reject });
      this.#start();
    });
  }

  #start(): void {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
      if (this.#queue.length > 0) this.#start();
    });
  }

  async #flush(): Promise<void> {
    await Promise.resolve(); // what else is said in this turn of the event loop comes along
    while (this.#queue.length > 0) {
      const first = this.#queue[0]!;
      if (first.work) {
        this.#queue.shift();
        await first.work().then(first.resolve, (error) => first.reject(failure(this.#path, error)));
        continue;
      }
      const until = this.#queue.findIndex((item) => item.work !== undefined);
      const batch = this.#queue.splice(0, until < 0 ? this.#queue.length : until);
      await this.#write(batch);
      const dead = this.#size - FILE_MAGIC.length - this.#liveSize;
      if (!this.#broken && dead > this.#compactAt && dead > this.#liveSize) await this.#compact().catch(() => {});
    }
  }

  /** Appends a batch, or nothing of it; images for which there is no room are refused before. */
  async #write(asked: readonly Queued[]): Promise<void> {
    const batch: Queued[] = [];
    const pieces: Uint8Array[] = [];
    const sizes: number[] = [];
    const live = new Map<string, number>();
    let liveSize = this.#liveSize;
    for (const item of asked) {
      const record = item.record!;
      const encoded = encodeRecord(record, item.image);
      const size = encoded.reduce((sum, piece) => sum + piece.length, 0);
      const stays = record.kind === 'task' ? size : 0;
      const grown = liveSize + stays - (live.get(record.id) ?? this.#places.get(record.id)?.size ?? 0);
      if (item.image && grown > this.#maxBytes && grown > liveSize) {
        item.reject(this.#full(record, size, liveSize));
        continue;
      }
      liveSize = grown;
      live.set(record.id, stays);
      batch.push(item);
      pieces.push(...encoded);
      sizes.push(size);
    }
    if (batch.length === 0) return;
    const from = this.#size;
    try {
      if (this.#broken) throw this.#broken;
      const bytes = Buffer.concat(pieces);
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await writeAt(this.#fd!, bytes, done, bytes.length - done, from + done);
        done += bytesWritten;
      }
    } catch (error) {
      try {
        if (this.#fd !== undefined) ftruncateSync(this.#fd, from);
      } catch (cause) {
        this.#broken = failure(this.#path, cause);
      }
      for (const { reject } of batch) reject(failure(this.#path, error));
      return;
    }
    if (batch.some(({ image }) => image !== undefined)) {
      try {
        await sync(this.#fd!);
      } catch (error) {
        this.#broken = failure(this.#path, error);
        for (const { reject } of batch) reject(this.#broken);
        return;
      }
    }
    let offset = from;
    batch.forEach(({ record, image, resolve }, i) => {
      const size = sizes[i]!;
      if (record!.kind === 'task') this.#place(record!, offset, size, image?.length ?? 0);
      else this.#noteEnd(record!);
      offset += size;
      resolve();
    });
    this.#size = offset;
  }

  #full(record: JournalRecord, size: number, liveSize: number): CtiError {
    const name = record.kind === 'task' ? record.name : record.id;
    return new CtiError(
      'JOURNAL_WRITE',
      `no room in ${this.#path} for the image of ${name}: ${size} bytes, beside ${liveSize} of all durable programs, of at most ${this.#maxBytes} together`,
    );
  }

  /** Ends are kept while a condition of a durable task names them. */
  #noteEnd(record: EndRecord): void {
    this.#forget(record.id);
    this.#ends.set(record.id, record);
  }

  async #readImage({ imageSize, offset, size }: Place): Promise<Uint8Array> {
    const bytes = Buffer.alloc(imageSize);
    await readAt(this.#fd!, bytes, 0, imageSize, offset + size - imageSize);
    return bytes;
  }

  async #compact(): Promise<void> {
    const images = new Map<string, Uint8Array>();
    for (const [id, place] of this.#places) if (place.record.durable) images.set(id, await this.#readImage(place));
    this.#rewrite((id) => images.get(id));
  }

  /** Writes the file anew beside the old one, which it replaces in one step. */
  #rewrite(imageOf: (id: string) => Uint8Array | undefined): void {
    const path = `${this.#path}.new`;
    const named = new Set([...this.#places.values()].flatMap(({ record }) => namedBy(record)));
    for (const id of [...this.#ends.keys()]) if (!named.has(id)) this.#ends.delete(id);
    let fd: number | undefined;
    try {
      fd = openSync(path, 'w+', 0o600);
      let offset = writeWhole(fd, FILE_MAGIC);
      const places: Place[] = [];
      for (const { record } of this.#places.values()) {
        const image = imageOf(record.id);
        const size = encodeRecord(record, image).reduce((sum, piece) => sum + writeWhole(fd!, piece), 0);
        places.push({ record, offset, size, imageSize: image?.length ?? 0 });
        offset += size;
      }
      for (const end of this.#ends.values()) {
        offset += encodeRecord(end).reduce((sum, piece) => sum + writeWhole(fd!, piece), 0);
      }
      fsyncSync(fd);
      renameSync(path, this.#path);
      if (this.#fd !== undefined) closeSync(this.#fd);
      this.#fd = fd;
      syncDir(this.dir);
      for (const place of places) this.#place(place.record, place.offset, place.size, place.imageSize);
      this.#size = offset;
    } catch (error) {
      if (fd !== undefined && fd !== this.#fd) closeSync(fd);
      rmSync(path, { force: true });
      throw failure(path, error);
    }
  }
}

/** Beside the journal, under a name that is free. */
function keepCopy(path: string): void {
  for (let n = 1; ; n++) {
    try {
      linkSync(path, `${path}.damaged.${n}`);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw failure(path, error);
    }
  }
}

function writeWhole(fd: number, bytes: Uint8Array): number {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done);
  return bytes.length;
}
