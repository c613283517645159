/**
 * Listings in four forms. A listing is columns, rows of cells, and a footer: what it was made from and what it cost. Every form carries the
 * footer: inside the JSON, else on standard error, so that a pipe gets rows alone; on a terminal below the table.
 */
import { once } from 'node:events';
import { escapeJson, escapeText } from '../escape.js';
import type { Context, Format } from './context.js';

export interface Cell {
  /** For people; escaped here before it reaches a terminal. */
  readonly text: string;
  /** For scripts. */
  readonly json: unknown;
}

export interface ListingColumn {
  readonly name: string;
  readonly align?: 'left' | 'right';
}

export interface Listing {
  readonly columns: readonly ListingColumn[];
  readonly rows: Iterable<readonly Cell[]>;
  /** One sentence a line, for people. */
  readonly footer: readonly string[];
  /** The same for scripts, and more exactly. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Standard output's reader has gone (`| head`): not an error, and nothing more can be said there. */
export class OutputClosed extends Error {}

/** Writes in pieces of about 64 KiB and waits for the reader, so that a million rows never pile up in memory. */
class Writer {
  #pending = '';
  readonly #stream: NodeJS.WritableStream;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  async write(text: string): Promise<void> {
    this.#pending += text;
    if (this.#pending.length >= 65_536) await this.flush();
  }

  async flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = '';
    if (text === '') return;
    if (!this.#stream.writable) throw new OutputClosed();
    if (!this.#stream.write(text)) await once(this.#stream, 'drain');
  }
}

const dim = (context: Context, text: string): string =>
  context.stdoutIsTerminal && context.env.NO_COLOR === undefined ? `\u001b[2m${text}\u001b[22m` : text;

/** A JSON text in which bigints are numbers if exact, else strings. */
export function toJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(
    value,
    (_key, item) => {
      if (typeof item !== 'bigint') return item;
      return item <= BigInt(Number.MAX_SAFE_INTEGER) && item >= -BigInt(Number.MAX_SAFE_INTEGER)
        ? Number(item)
        : String(item);
    },
    indent,
  );
  return escapeJson(json);
}

const csvField = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** Exactly what was received, unless it goes to a terminal. */
const csvValue = (context: Context, cell: Cell): string => {
  if (cell.json === null || cell.json === undefined) return '';
  const text = typeof cell.json === 'object' ? cell.text : String(cell.json);
  return csvField(context.stdoutIsTerminal ? escapeText(text) : text);
};

const objectOf = (listing: Listing, row: readonly Cell[]): Record<string, unknown> =>
  Object.fromEntries(listing.columns.map((column, index) => [column.name, row[index]?.json ?? null]));

function writeFooter(context: Context, listing: Listing): void {
  for (const line of listing.footer) context.stderr.write(`${escapeText(line)}\n`);
}

async function writeTable(context: Context, out: Writer, listing: Listing): Promise<number> {
  let n = 0;
  if (listing.columns.length === 1) {
    // One column is plain lines, so that flows can be copied and piped as OVS prints them.
    for (const row of listing.rows) {
      n++;
      await out.write(`${escapeText(row[0]?.text ?? '')}\n`);
    }
  } else {
    const { default: Table } = await import('cli-table3'); // here, so that --help and errors do not wait for it
    const table = new Table({
      head: listing.columns.map((column) => column.name),
      colAligns: listing.columns.map((column) => column.align ?? 'left'),
      style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
      // biome-ignore format: one line shows that every border is empty but the space between columns
      chars: { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
    });
    for (const row of listing.rows) {
      n++;
      table.push(row.map((cell) => escapeText(cell.text)));
    }
    if (n > 0) await out.write(`${table.toString().replaceAll(/ +$/gm, '')}\n`);
  }
  // Rows alone go into a pipe.
  if (!context.stdoutIsTerminal) {
    await out.flush();
    writeFooter(context, listing);
  } else {
    if (n > 0 && listing.footer.length > 0) await out.write('\n');
    for (const line of listing.footer) await out.write(`${dim(context, escapeText(line))}\n`);
  }
  return n;
}

/** Writes the listing and returns how many rows it had. */
export async function writeListing(context: Context, format: Format, listing: Listing): Promise<number> {
  const out = new Writer(context.stdout);
  let n = 0;
  if (format === 'table') {
    n = await writeTable(context, out, listing);
  } else if (format === 'json') {
    await out.write('{"rows":[');
    for (const row of listing.rows) await out.write(`${n++ === 0 ? '\n' : ',\n'}${toJson(objectOf(listing, row))}`);
    await out.write(`\n],\n"footer":${toJson(listing.facts, 2)}}\n`);
  } else {
    if (format === 'csv') await out.write(`${listing.columns.map((column) => csvField(column.name)).join(',')}\r\n`);
    for (const row of listing.rows) {
      n++;
      await out.write(
        format === 'csv'
          ? `${row.map((cell) => csvValue(context, cell)).join(',')}\r\n`
          : `${toJson(objectOf(listing, row))}\n`,
      );
    }
    await out.flush();
    writeFooter(context, listing);
  }
  await out.flush();
  return n;
}
