/** Bytes of a file, a pipe or standard input, unpacked where they are gzip or xz: told by their first bytes, not by a name. */
import { spawn } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { CtiError } from '../errors.js';

const CHUNK_BYTES = 1 << 20;
/** As long as the longest magic. */
const MAGIC_BYTES = 6;
const XZ = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);

/** The input as it is. `-` is standard input. */
export async function openInput(path: string): Promise<Readable> {
  if (path === '-') return process.stdin;
  const file = await open(path, 'r');
  try {
    if (!(await file.stat()).isFIFO()) return file.createReadStream({ highWaterMark: CHUNK_BYTES });
    // A pipe (also the shell's `<(command)`) may be silent for long: the event loop waits for it, not one of libuv's threads,
    // which nothing can stop. It is opened anew for that while the first descriptor holds it, so the writer is not missed.
    const fd = openSync(`/proc/self/fd/${file.fd}`, constants.O_RDONLY | constants.O_NONBLOCK);
    await file.close();
    return new Socket({ fd, readable: true, writable: false });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Passes on what `stream` gives, in pieces of which the first has at least `size` bytes, if there are as many. */
export async function* withHead(stream: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let head: Uint8Array[] | undefined = [];
  let have = 0;
  for await (const chunk of stream) {
    if (!head) {
      yield chunk;
      continue;
    }
    head.push(chunk);
    have += chunk.length;
    if (have < size) continue;
    yield head.length === 1 ? chunk : Buffer.concat(head);
    head = undefined;
  }
  if (head && have > 0) yield Buffer.concat(head);
}

/** The first piece, and a stream of all of them, that one included. */
export async function peek(
  pieces: AsyncGenerator<Uint8Array>,
): Promise<[Uint8Array | undefined, AsyncGenerator<Uint8Array>]> {
  const first = await pieces.next();
  async function* all() {
    try {
      if (first.done) return;
      yield first.value;
      yield* pieces;
    } finally {
      await pieces.return(undefined);
    }
  }
  return [first.done ? undefined : first.value, all()];
}

/** The first `size` bytes, or all if there are fewer. What is behind them is given up, so that nothing waits for it. */
export async function headOf(stream: AsyncIterable<Uint8Array>, size: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let have = 0;
  for await (const piece of stream) {
    pieces.push(piece);
    have += piece.length;
    if (have >= size) break;
  }
  return Buffer.concat(pieces).subarray(0, size);
}

async function* gunzipped(pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const unzip = createGunzip({ chunkSize: CHUNK_BYTES });
  const input = Readable.from(pieces);
  const fed = pipeline(input, unzip).catch(() => {}); // the error comes out of unzip
  try {
    yield* unzip;
  } finally {
    input.destroy();
    unzip.destroy();
    await fed;
  }
}

/** By the xz program: Node has none of its own. It may use 512 MiB, more than the largest preset needs. */
async function* unxzipped(pieces: AsyncGenerator<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const child = spawn('xz', ['--decompress', '--stdout', '--memlimit-decompress=512MiB'], { stdio: 'pipe' });
  const ended = new Promise<string>((resolve) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, 500);
    });
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve(
        error.code === 'ENOENT' ? 'the program xz is needed to unpack it: apt-get install xz-utils' : error.message,
      ),
    );
    child.once('close', (code) =>
      resolve(code === 0 ? '' : said.trim().split('\n')[0]! || `xz ended with status ${code}`),
    );
  });
  const input = Readable.from(pieces);
  const fed = pipeline(input, child.stdin).catch(() => {}); // xz says what is wrong; it may end before it was fed all
  try {
    yield* child.stdout;
    const failed = await ended;
    if (failed)
      throw new CtiError('FILE', `${name}: the xz data is cut short or damaged, or cannot be unpacked (${failed})`);
  } finally {
    input.destroy();
    child.kill();
    await fed;
  }
}

/** The bytes of `input`, unpacked once. FILE with `name` if they are cut short or damaged. */
export async function* unpacked(input: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const [first, pieces] = await peek(withHead(input, MAGIC_BYTES));
  const gzip = first?.[0] === 0x1f && first[1] === 0x8b;
  const xz = first !== undefined && XZ.equals(first.subarray(0, MAGIC_BYTES));
  try {
    yield* gzip ? gunzipped(pieces) : xz ? unxzipped(pieces, name) : pieces;
  } catch (error) {
    if (!gzip || !(error instanceof Error) || !((error as NodeJS.ErrnoException).code ?? '').startsWith('Z_'))
      throw error;
    throw new CtiError('FILE', `${name}: the gzip data is cut short or damaged (${error.message})`, { cause: error });
  } finally {
    await pieces.return(undefined);
  }
}
