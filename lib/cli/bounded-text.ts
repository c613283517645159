/** Listings as one bounded text, for replies that are held whole: what is cut off is said. */
import { Writable } from 'node:stream';
import { escapeText } from '../escape.js';
import type { Context } from './context.js';
import { count } from './figures.js';
import { type Cell, type Listing, toJson, writeListing } from './output.js';

export interface Bounds {
  readonly rows: number;
  readonly bytes: number;
  /** How a reader gets more rows: 'limit=N'. */
  readonly more: string;
}

/** A reply as parts of the daemon give it (lib/daemon/parts.ts). */
export interface BoundedReply {
  readonly body: string;
  readonly isJson: boolean;
  readonly footerAt?: number;
  readonly nRows?: number;
}

class Text extends Writable {
  text = '';
  override _write(chunk: Buffer | string, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const sizeOf = (row: readonly Cell[]): number => row.reduce((sum, { text }) => sum + text.length + 4, 0);

function cutSentence(shown: number, known: number | undefined, why: 'rows' | 'bytes', { more, bytes }: Bounds): string {
  const left = known === undefined ? 'more rows' : count(known - shown, 'more row');
  return why === 'rows'
    ? `cut off after ${count(shown, 'row')}: ${left}; ${more} shows another number of them`
    : `cut off after ${count(shown, 'row')}: ${left} do not fit a reply of ${bytes} bytes; ask for fewer columns or rows`;
}

/** `nRows`: how many the listing has, if that is known. */
export async function boundedListing(
  listing: Listing,
  format: 'text' | 'json',
  bounds: Bounds,
  nRows?: number,
): Promise<BoundedReply> {
  const rows: (readonly Cell[])[] = [];
  let size = 0;
  let cut: 'rows' | 'bytes' | undefined;
  for (const row of listing.rows) {
    size += sizeOf(row);
    cut = rows.length >= bounds.rows ? 'rows' : size > bounds.bytes / 2 ? 'bytes' : undefined;
    if (cut) break;
    rows.push(row);
  }
  const said = cut && cutSentence(rows.length, nRows, cut, bounds);
  const counted = nRows === undefined ? {} : { nRows };
  if (format === 'json') {
    const body = toJson({
      rows: rows.map((row) => Object.fromEntries(listing.columns.map(({ name }, i) => [name, row[i]?.json ?? null]))),
      footer: { ...listing.facts, ...(said ? { cut: { shown: rows.length, of: nRows ?? null, why: cut } } : {}) },
    });
    return { body, isJson: true, ...counted };
  }
  const [out, err] = [new Text(), new Text()];
  const context: Context = {
    stdout: out,
    stderr: err,
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    env: {},
    signal: new AbortController().signal,
  };
  await writeListing(context, 'table', { ...listing, rows, footer: [...(said ? [said] : []), ...listing.footer] });
  const between = out.text !== '' && err.text !== '' ? '\n' : '';
  return { body: out.text + between + err.text, isJson: false, footerAt: out.text.length + between.length, ...counted };
}

export const cellOf = (text: string | number | bigint | null): Cell =>
  text === null ? { text: '?', json: null } : { text: String(text), json: text };

/** Text of ours with lines, in which what came from outside is made safe for a terminal. */
export const safeLines = (text: string): string => text.split('\n').map(escapeText).join('\n');
