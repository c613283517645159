/** A table from one saved text: a file, a pipe, standard input; plain, gzip or xz. A reading that fails gives an error, never part of a table. */
import { CtiError, fileError, fromNative } from '../errors.js';
import type { TableSchema } from '../table-schema.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import { isTar } from './archive.js';
import { openInput, peek, unpacked, withHead } from './input.js';
import { cancelled, type OnProgress } from './job.js';
import { formOf, HEAD_BYTES, recognise } from './text-forms.js';
import { TextReader } from './text-reader.js';

/** A dump has a row in as much text; what has none is given up on, so that reading a device or an image ends. */
const HOPELESS_BYTES = 16 << 20;
const REPORT_EVERY_MS = 100;
export const nowNs = () => BigInt(Date.now()) * 1_000_000n;

/** One line for a message: at most 80 characters, what is not plain ASCII escaped. */
const quoted = (text: string): string =>
  `'${text.slice(0, 80).replace(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}'`;

/** Why a text that gave no row is no dump, or undefined if it is one of nothing. `head` is how it begins. */
function notADump(schema: TableSchema, name: string, bytes: number, head: string): CtiError | undefined {
  const form = formOf(schema.name)!;
  const expected = `expected what ${form.printedBy} prints but`;
  if (bytes === 0) return new CtiError('TEXT_MALFORMED', `${name}, line 1: ${expected} it is empty`);
  const lines = head.split('\n');
  const first = lines.findIndex((line) => line.trim() !== '');
  const line = lines[first];
  if (line === undefined) return new CtiError('TEXT_MALFORMED', `${name}, line 1: ${expected} it has blanks only`);
  if (form.isHeading(line) && lines.slice(first + 1).every((line) => line.trim() === '')) return undefined;
  return new CtiError('TEXT_MALFORMED', `${name}, line ${first + 1}: ${expected} received ${quoted(line)}`);
}

/** The text is another table's, or an archive. */
function wrongKind(schema: TableSchema, name: string, first: Uint8Array, head: string): CtiError | undefined {
  if (isTar(first)) {
    const instead = name === 'standard input' ? 'it is read twice, so give the path of a file' : 'it holds files';
    return new CtiError('TEXT_MALFORMED', `${name}: this is a tar archive: ${instead}`);
  }
  const found = recognise(head);
  if (!found || found.schema.name === schema.name) return undefined;
  const expected = formOf(schema.name)!.printedBy;
  return new CtiError(
    'TEXT_MALFORMED',
    `${name}: expected what ${expected} prints, for table ${schema.name}, but this is what ${found.printedBy} prints: ask of table ${found.schema.name}`,
  );
}

export function readError(name: string, expected: string, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return cancelled(signal);
  const own = fromNative(error);
  if (own instanceof CtiError || !(own instanceof Error)) return own;
  if (((own as NodeJS.ErrnoException).code ?? '') === '') return own;
  return fileError(name, own, `; expected ${expected}`);
}

export interface ReadFileOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * The table from a saved text. `-` is standard input. FILE if it cannot be read, TEXT_MALFORMED if it is empty, another table's text, or no
 * text of a table.
 */
export async function readTextFile(
  schema: TableSchema,
  path: string,
  options: ReadFileOptions = {},
): Promise<TableSnapshot> {
  const { signal, onProgress } = options;
  if (signal?.aborted) throw cancelled(signal);
  const name = path === '-' ? 'standard input' : path;
  const reader = new TextReader(schema);
  const beginNs = nowNs();
  let bytes = 0;
  let head = '';
  let nextReport = Date.now() + REPORT_EVERY_MS;
  try {
    const input = await openInput(path);
    const stop = () => input.destroy();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const [first, pieces] = await peek(withHead(unpacked(input, name), 512));
      if (first) {
        head = Buffer.from(first.buffer, first.byteOffset, Math.min(first.length, HEAD_BYTES)).toString('latin1');
        const wrong = wrongKind(schema, name, first, head);
        if (wrong) throw wrong;
      }
      for await (const chunk of pieces) {
        const progress = await reader.feed(chunk);
        bytes = progress.bytes;
        const wrong = progress.rows === 0 && bytes > HOPELESS_BYTES ? notADump(schema, name, bytes, head) : undefined;
        if (wrong) throw wrong;
        if (Date.now() < nextReport) continue;
        nextReport = Date.now() + REPORT_EVERY_MS;
        onProgress?.(progress);
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      input.destroy();
    }
    if (signal?.aborted) throw cancelled(signal);
    const snapshot = await reader.finish({ source: `file:${path}`, beginNs, endNs: nowNs(), cost: null });
    const wrong = snapshot.facts.nRows === 0 ? notADump(schema, name, bytes, head) : undefined;
    if (!wrong) return snapshot;
    snapshot.close();
    throw wrong;
  } catch (error) {
    throw readError(
      name,
      `a file of snapshot save, a saved ${formOf(schema.name)!.printedBy}, or - for standard input`,
      error,
      signal,
    );
  } finally {
    reader.close();
  }
}
