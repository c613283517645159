/**
 * Tables from many files: a sosreport, or any directory or tar archive (plain, gzip, xz) of dumps. Every file is looked at; those whose text is
 * a table's are listed, and one question reads all of its table, with bridges and datapaths kept apart by the files' names. Two passes: what
 * there is, then what is wanted; neither holds more than a piece of a file.
 */
import { stat } from 'node:fs/promises';
import { CtiError } from '../errors.js';
import type { TableSchema } from '../table-schema.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import {
  directoryFiles,
  type FileEntry,
  isTar,
  LIMITS,
  type Limits,
  oneFile,
  type Skipped,
  tarFiles,
} from './archive.js';
import { namedDump } from './file-names.js';
import { headOf, openInput, unpacked } from './input.js';
import { cancelled, type OnProgress } from './job.js';
import { nowNs, readError } from './text-file.js';
import { formOf, HEAD_BYTES, recognise, type TextForm } from './text-forms.js';
import { TextReader } from './text-reader.js';

/** A file with the text of a table. */
export interface SetFile {
  readonly path: string;
  readonly form: TextForm;
  /** Of which datapath or bridge; empty: its name does not say. */
  readonly datapath: string;
  /** Why its rows are not read with the others' (they are in another file too); undefined: they are. */
  readonly passedOver?: string;
}

export interface FileSet {
  readonly path: string;
  /** text: one file, whose text it is. */
  readonly kind: 'directory' | 'archive' | 'text';
  readonly files: readonly SetFile[];
  /** Regular files without a table's text, links, and what is neither file nor directory. */
  readonly others: number;
  readonly skipped: Readonly<Skipped>;
}

export interface FileSetOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
  readonly limits?: Limits | undefined;
}

/** How a path given by the user is read. A pipe and standard input are texts. */
export async function kindOfPath(path: string): Promise<FileSet['kind']> {
  if (path === '-') return 'text';
  // A path that cannot be looked at is reported where it is read.
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return 'directory';
  if (!found?.isFile()) return 'text';
  try {
    const input = await openInput(path);
    const head = await headOf(unpacked(input, path), 512);
    input.destroy();
    return isTar(head) ? 'archive' : 'text';
  } catch {
    return 'text';
  }
}

async function* filesOf(
  path: string,
  kind: FileSet['kind'],
  skipped: Skipped,
  { signal, limits = LIMITS }: FileSetOptions,
): AsyncGenerator<FileEntry> {
  const walks = { directory: directoryFiles, archive: tarFiles, text: oneFile };
  const files = walks[kind](path, skipped, limits);
  try {
    for await (const file of files) {
      if (signal?.aborted) throw cancelled(signal);
      yield file;
    }
  } catch (error) {
    throw readError(path, 'a directory or a tar archive of dumps', error, signal);
  }
}

/** Of several dumps of one datapath or bridge, the one that says most; of parts, none where there is a whole. */
function choose(found: readonly { path: string; form: TextForm }[]): SetFile[] {
  const named = found.map((file) => ({ ...file, ...namedDump(file.form.schema.name, file.path) }));
  return named.map((file, i): SetFile => {
    const { path, form, datapath, rank, part } = file;
    const others = named.filter((other, j) => j !== i && other.form === form && other.part === undefined);
    const whole = part === undefined ? undefined : others[0];
    if (whole) return { path, form, datapath, passedOver: `${part}; ${whole.path} has all` };
    const directory = path.slice(0, path.lastIndexOf('/') + 1);
    const better = others.find(
      (other) =>
        datapath !== '' &&
        other.datapath === datapath &&
        other.path.slice(0, other.path.lastIndexOf('/') + 1) === directory &&
        other.rank > rank,
    );
    return {
      path,
      form,
      datapath,
      ...(better && { passedOver: `the same ${form.schema.noun}s are in ${better.path}` }),
    };
  });
}

/** Looks at every file. FILE if the path cannot be read, or an archive is cut short or damaged. */
export async function openFileSet(path: string, kind: FileSet['kind'], options: FileSetOptions = {}): Promise<FileSet> {
  const skipped: Skipped = { links: 0, special: 0 };
  const found: { path: string; form: TextForm }[] = [];
  let others = 0;
  for await (const entry of filesOf(path, kind, skipped, options)) {
    const head = await headOf(unpacked(entry.content, entry.path), HEAD_BYTES);
    const form = recognise(head.toString('latin1'));
    if (form) found.push({ path: entry.path, form });
    else others++;
  }
  return { path, kind, files: choose(found), others, skipped };
}

/** The files of `table` and what is passed over of them, a sentence each. INVALID_ARGUMENT if there is none. */
function wanted(
  set: FileSet,
  table: TableSchema,
): { readonly files: readonly SetFile[]; readonly passedOver: string[] } {
  const ofTable = set.files.filter(({ form }) => form.schema.name === table.name);
  const files = ofTable.filter(({ passedOver }) => passedOver === undefined);
  if (files.length === 0) {
    const there = [...new Set(set.files.map(({ form }) => form.schema.name))].join(', ') || 'no table';
    const printedBy = formOf(table.name)?.printedBy;
    const expected = printedBy ? `no file of what ${printedBy} prints` : 'no text that this table is read from';
    throw new CtiError(
      'INVALID_ARGUMENT',
      `${set.path}: it has ${expected}, for table ${table.name}; it has ${there} (ctinspector tables --from ${set.path})`,
    );
  }
  const rest = ofTable.filter(({ passedOver }) => passedOver !== undefined);
  const [first] = rest;
  const many = rest.length > 1 ? ` and ${rest.length - 1} more` : '';
  return {
    files,
    passedOver: first
      ? [`not read: ${first.path} (${first.passedOver})${many}; ctinspector tables --from ${set.path} lists them`]
      : [],
  };
}

/** Reads files of the set in one pass: `take` gets each with its bytes, which it must use up. */
async function readFiles(
  set: FileSet,
  files: readonly SetFile[],
  options: FileSetOptions,
  take: (file: SetFile, content: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  // An archive may have a path twice: the first of each is the one that was listed.
  const left = new Map(files.map((file) => [file.path, file]));
  for await (const entry of filesOf(set.path, set.kind, { links: 0, special: 0 }, options)) {
    const file = left.get(entry.path);
    if (!file) continue;
    left.delete(entry.path);
    await take(file, unpacked(entry.content, entry.path));
  }
  const lost = [...left.keys()][0];
  if (lost !== undefined)
    throw new CtiError('FILE', `${set.path}: ${lost} is no longer there; it changed while it was read`);
}

async function feed(reader: TextReader, content: AsyncIterable<Uint8Array>, options: FileSetOptions): Promise<void> {
  for await (const chunk of content) {
    const progress = await reader.feed(chunk);
    options.onProgress?.(progress);
  }
}

/** All rows of `table` in the set. The caller closes the snapshot. */
export async function readFileSet(
  set: FileSet,
  table: TableSchema,
  options: FileSetOptions = {},
): Promise<{ readonly snapshot: TableSnapshot; readonly passedOver: readonly string[] }> {
  const { files, passedOver } = wanted(set, table);
  const reader = new TextReader(table);
  const beginNs = nowNs();
  try {
    await readFiles(set, files, options, async (file, content) => {
      reader.begin(file.datapath, file.path);
      await feed(reader, content, options);
    });
    const source = `file:${set.path} (${files.length} of its files)`;
    return { snapshot: await reader.finish({ source, beginNs, endNs: nowNs(), cost: null }), passedOver };
  } finally {
    reader.close();
  }
}

/** What reading one file gave. */
export interface FileFacts {
  readonly file: SetFile;
  readonly facts: TableSnapshot['facts'];
}

/** Reads every file of a table's text by itself, for a list of what there is. */
export async function readEachFile(set: FileSet, options: FileSetOptions = {}): Promise<readonly FileFacts[]> {
  const results: FileFacts[] = [];
  await readFiles(set, set.files, options, async (file, content) => {
    const reader = new TextReader(file.form.schema);
    try {
      reader.begin(file.datapath, file.path);
      await feed(reader, content, options);
      const snapshot = await reader.finish({
        source: `file:${file.path}`,
        beginNs: nowNs(),
        endNs: nowNs(),
        cost: null,
      });
      results.push({ file, facts: snapshot.facts });
      snapshot.close();
    } finally {
      reader.close();
    }
  });
  return results;
}
