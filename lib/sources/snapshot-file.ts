/**
 * Snapshots as files: written whole or not at all, and read on any machine, without a switch, OVS or rights. docs/snapshot-format.md has the
 * form. A file is read through to its end and every checksum compared before anything of it becomes a table.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { endianness } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { addon } from '../addon.js';
import { CtiError, fileError, fromNative } from '../errors.js';
import type { TableSchema } from '../table-schema.js';
import { checkSegments } from '../tables/check-segments.js';
import { TABLES } from '../tables/generated/tables.js';
import { type NativeSnapshot, openSnapshot, type TableSnapshot } from '../tables/snapshot.js';
import { cancelled } from './job.js';
import { decodeFacts, encodeFacts, factsOf, type SavedFacts, type SavedTable } from './snapshot-facts.js';
import * as format from './snapshot-format.js';

export type { SavedFacts, SavedTable } from './snapshot-facts.js';

interface ImportAddon {
  importSnapshot(
    table: string,
    schemaHash: string,
    segments: readonly Uint8Array[],
    facts: { nRows: number; nVerbatim: number; rejected: unknown; unknown: unknown },
  ): NativeSnapshot;
}

const CHUNK_BYTES = 4 << 20;
/** A blob of 2^32 bytes is the largest segment there is. */
const MAX_FACTS_BYTES = 16 << 20;

function checkHost(path: string): void {
  if (endianness() === 'LE') return;
  throw new CtiError('SNAPSHOT_MALFORMED', `${path}: snapshot files are of little-endian hosts; this one is not`);
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}

const writeError = (path: string, error: unknown): unknown => {
  if (error instanceof CtiError || !(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  return new CtiError(
    'FILE',
    `cannot write ${path}: ${error.message.replace(/^E[A-Z0-9]+: /, '').replace(/, [a-z]+(?: '.*')?$/s, '')}${code ? ` (${code})` : ''}`,
    { cause: error },
  );
};

/**
 * Writes snapshots, one of a table, into one file: into a temporary one beside it, which is synced and then takes its name, so that a file of
 * that name is always whole. Mode 0600. Returns its size. FILE if it cannot be written; then what had the name stays.
 */
export async function saveSnapshots(
  path: string,
  snapshots: readonly TableSnapshot[],
  signal?: AbortSignal,
): Promise<number> {
  checkHost(path);
  const contents = [
    encodeFacts(factsOf(snapshots)),
    ...snapshots.flatMap(({ segments }) => segments.map(({ buffer, size }) => new Uint8Array(buffer, 0, size))),
  ];
  const { offsets, fileSize } = format.layOut(contents.map(({ length }) => length));
  const parts = contents.map((bytes, i) => ({ offset: offsets[i]!, size: bytes.length, crc: format.crc32c(bytes) }));
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}`);
  let file: FileHandle | undefined;
  try {
    file = await open(temporary, 'wx', 0o600);
    let crc = 0;
    const put = async (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
        if (signal?.aborted) throw cancelled(signal);
        const chunk = bytes.subarray(at, at + CHUNK_BYTES);
        crc = format.crc32c(chunk, crc);
        await writeAll(file!, chunk);
      }
    };
    await put(format.encodeHead(parts, fileSize));
    for (const bytes of contents) {
      await put(bytes);
      await put(new Uint8Array(format.padded(bytes.length) - bytes.length));
    }
    const trailer = new Uint8Array(format.TRAILER_SIZE);
    new DataView(trailer.buffer).setUint32(0, crc, true);
    await writeAll(file, trailer);
    await file.sync();
    await file.close();
    file = undefined;
    await rename(temporary, path);
    const directory = await open(dirname(path), 'r');
    await directory.sync().finally(() => directory.close());
    return fileSize;
  } catch (error) {
    await file?.close();
    await unlink(temporary).catch(() => {}); // renamed, or never made
    throw writeError(path, error);
  }
}

/** Whether a file begins as a snapshot file does. What cannot be read, or is no regular file, does not. */
export async function isSnapshotFile(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'r');
    try {
      if (!(await file.stat()).isFile()) return false;
      const head = new Uint8Array(format.MAGIC.length);
      const { bytesRead } = await file.read(head, 0, head.length, 0);
      return format.hasMagic(head.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  } catch {
    return false;
  }
}

/** An open snapshot file whose header, directory and facts have been checked. */
class OpenFile {
  private constructor(
    readonly path: string,
    readonly file: FileHandle,
    readonly size: number,
    readonly parts: readonly format.Part[],
    readonly facts: SavedFacts,
  ) {}

  static async open(path: string): Promise<OpenFile> {
    checkHost(path);
    let file: FileHandle;
    try {
      file = await open(path, 'r');
    } catch (error) {
      throw fileError(path, error as NodeJS.ErrnoException, '; expected a snapshot file');
    }
    try {
      const about = await file.stat();
      if (!about.isFile()) throw format.malformed(path, 'expected a regular file');
      const { size } = about;
      const header = await readAt(path, file, 0, Math.min(size, format.HEADER_SIZE));
      const nParts = format.decodeHeader(path, header, size);
      const directorySize = nParts * format.ENTRY_SIZE;
      if (format.HEADER_SIZE + directorySize > size)
        throw format.malformed(path, `its ${nParts} parts are not in its ${size} bytes`);
      const directory = await readAt(path, file, format.HEADER_SIZE, directorySize);
      const parts = format.decodeDirectory(path, header, directory, size);
      const [first] = parts;
      if (first!.size > MAX_FACTS_BYTES)
        throw format.malformed(
          path,
          `part 0 (facts): expected at most ${MAX_FACTS_BYTES} bytes but received ${first!.size}`,
        );
      const facts = await readAt(path, file, first!.offset, first!.size);
      checkPart(path, 'part 0 (facts)', first!, facts);
      return new OpenFile(path, file, size, parts, checkParts(path, decodeFacts(path, facts), parts));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Reads the file from its begin to its end and compares every checksum. */
  async verify(signal: AbortSignal | undefined): Promise<void> {
    let whole = 0;
    const end = this.size - format.TRAILER_SIZE;
    const crcs = this.parts.map(() => 0);
    let part = 0;
    for (let at = 0; at < end; ) {
      if (signal?.aborted) throw cancelled(signal);
      const chunk = await readAt(this.path, this.file, at, Math.min(CHUNK_BYTES, end - at));
      whole = format.crc32c(chunk, whole);
      for (; part < this.parts.length; part++) {
        const { offset, size } = this.parts[part]!;
        const from = Math.max(offset, at);
        const to = Math.min(offset + size, at + chunk.length);
        if (from < to) crcs[part] = format.crc32c(chunk.subarray(from - at, to - at), crcs[part]);
        if (offset + size > at + chunk.length) break;
      }
      at += chunk.length;
    }
    for (const [i, { crc }] of this.parts.entries()) {
      if (crc !== crcs[i]) throw format.malformed(this.path, format.differs(this.partName(i), crc, crcs[i]!));
    }
    const trailer = await readAt(this.path, this.file, end, format.TRAILER_SIZE);
    const crc = new DataView(trailer.buffer, trailer.byteOffset).getUint32(0, true);
    if (crc !== whole) throw format.malformed(this.path, format.differs('the whole file', crc, whole));
  }

  private partName(i: number): string {
    let first = 1;
    for (const { table, segments } of this.facts.tables) {
      if (i > 0 && i < first + segments.length) return `part ${i} (${table}.${segments[i - first]!.name})`;
      first += segments.length;
    }
    return `part ${i} (facts)`;
  }

  async table(schema: TableSchema): Promise<TableSnapshot> {
    const { path, facts } = this;
    let first = 1;
    const saved = facts.tables.find((one) => {
      if (one.table === schema.name) return true;
      first += one.segments.length;
      return false;
    });
    if (!saved) {
      const there = facts.tables.map(({ table }) => table).join(', ') || 'no table';
      throw new CtiError(
        'INVALID_ARGUMENT',
        `${path}: it has ${there}, not ${schema.name}; save it with --table ${schema.name}`,
      );
    }
    checkSchema(path, saved, schema);
    const segments: Uint8Array[] = [];
    for (const i of saved.segments.keys()) {
      const part = this.parts[first + i]!;
      const bytes = await readAt(path, this.file, part.offset, part.size);
      // Read a second time: it may have been changed since.
      checkPart(path, this.partName(first + i), part, bytes);
      segments.push(bytes);
    }
    const { nRows, nVerbatim, rejected, unknown, source, beginNs, endNs } = saved.facts;
    checkSegments(
      path,
      schema,
      saved.segments.map((segment, i) => ({ ...segment, bytes: segments[i]! })),
      nRows,
    );
    let native: NativeSnapshot;
    try {
      native = addon<ImportAddon>().importSnapshot(schema.name, schema.hash, segments, {
        nRows,
        nVerbatim,
        rejected,
        unknown,
      });
    } catch (error) {
      throw fromNative(error);
    }
    return openSnapshot(schema, native, {
      source: `file:${path} (${source} of ${facts.host})`,
      beginNs,
      endNs,
      cost: null,
    });
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

async function readAt(path: string, file: FileHandle, offset: number, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await file.read(bytes, at, size - at, offset + at);
    if (bytesRead === 0)
      throw format.malformed(
        path,
        `expected ${size} bytes at ${offset} but the file ends there: it was cut short meanwhile`,
      );
    at += bytesRead;
  }
  return bytes;
}

function checkPart(path: string, what: string, { crc }: format.Part, bytes: Uint8Array): void {
  const found = format.crc32c(bytes);
  if (found !== crc) throw format.malformed(path, format.differs(what, crc, found));
}

/** That the facts and the parts are of each other. */
function checkParts(path: string, facts: SavedFacts, parts: readonly format.Part[]): SavedFacts {
  const segments = facts.tables.flatMap(({ segments }) => segments);
  if (segments.length + 1 !== parts.length)
    throw format.malformed(
      path,
      `its facts have ${segments.length} segments, it has ${parts.length - 1} parts beside them`,
    );
  for (const [i, { name, stride, nRecords }] of segments.entries()) {
    const { size } = parts[i + 1]!;
    if (stride * nRecords !== size)
      throw format.malformed(
        path,
        `part ${i + 1} (${name}): expected ${nRecords} records of ${stride} bytes but received ${size} bytes`,
      );
  }
  const names = facts.tables.map(({ table }) => table);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw format.malformed(path, `table ${twice} is there twice`);
  return facts;
}

function checkSchema(path: string, { table, schemaHash, schemaVersion }: SavedTable, schema: TableSchema): void {
  if (schemaHash === schema.hash) return;
  throw format.malformed(
    path,
    `${table} has the schema ${schemaHash} (version ${schemaVersion}), this CTInspector has ${schema.hash} (version ${schema.version}): read it with the one that wrote it, which can print its rows as text (query '${table}'${schema.rowText === undefined ? ' --format csv' : ''})`,
  );
}

const schemaOf = (name: string): TableSchema | undefined => TABLES.find((schema) => schema.name === name);

export interface SnapshotFileFacts extends SavedFacts {
  readonly size: number;
}

/** What a snapshot file says of itself. Its tables are not looked at: readSnapshotFile() does that. */
export async function describeSnapshotFile(path: string): Promise<SnapshotFileFacts> {
  const file = await OpenFile.open(path);
  try {
    return { ...file.facts, size: file.size };
  } finally {
    await file.close();
  }
}

/**
 * A table of a snapshot file; the caller closes it. FILE if it cannot be read, SNAPSHOT_MALFORMED if any byte of it is not as it was written, or
 * the table has another schema, INVALID_ARGUMENT if it has no such table.
 */
export async function readSnapshotFile(path: string, table: TableSchema, signal?: AbortSignal): Promise<TableSnapshot> {
  const file = await OpenFile.open(path);
  try {
    await file.verify(signal);
    return await file.table(table);
  } finally {
    await file.close();
  }
}

/** All tables of a snapshot file, as readSnapshotFile() has one: all or none. */
export async function loadSnapshotFile(
  path: string,
  signal?: AbortSignal,
): Promise<{ facts: SnapshotFileFacts; snapshots: TableSnapshot[] }> {
  const file = await OpenFile.open(path);
  const snapshots: TableSnapshot[] = [];
  try {
    await file.verify(signal);
    for (const { table } of file.facts.tables) {
      const schema = schemaOf(table);
      if (!schema)
        throw format.malformed(path, `this CTInspector has no table ${table}: read it with the one that wrote it`);
      snapshots.push(await file.table(schema));
    }
    return { facts: { ...file.facts, size: file.size }, snapshots };
  } catch (error) {
    for (const snapshot of snapshots) snapshot.close();
    throw error;
  } finally {
    await file.close();
  }
}
