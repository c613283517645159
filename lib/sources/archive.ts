/**
 * The files of a directory or of a tar archive (plain, gzip, xz), one after the other. Nothing of an archive is written anywhere, so its paths
 * and links lead nowhere: a link is counted, not followed. What is read is bounded.
 */
import { once } from 'node:events';
import { constants } from 'node:fs';
import { open, opendir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Parser, type ReadEntry } from 'tar';
import { CtiError } from '../errors.js';
import { openInput, unpacked } from './input.js';

export interface FileEntry {
  /** As the archive or the directory names it; not safe for a terminal. */
  readonly path: string;
  /** May be read once, before the next entry is asked for. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** What was met that is no regular file. */
export interface Skipped {
  links: number;
  special: number;
}

export interface Limits {
  /** Files and directories. */
  readonly entries: number;
  /** Bytes unpacked, of all. */
  readonly bytes: number;
  /** Directories in one another. */
  readonly depth: number;
}

export const LIMITS: Limits = { entries: 200_000, bytes: 64 * 2 ** 30, depth: 32 };

const TAR_BLOCK = 512;

/** POSIX and GNU archives have this in the header of their first file. */
export const isTar = (head: Uint8Array): boolean =>
  head.length >= TAR_BLOCK && Buffer.from(head.subarray(257, 262)).toString('latin1') === 'ustar';

const tooMuch = (name: string, what: string): CtiError =>
  new CtiError('FILE', `${name}: it has more than ${what}; give a part of it`);

async function* bounded(stream: AsyncIterable<Uint8Array>, name: string, limits: Limits): AsyncGenerator<Uint8Array> {
  let left = limits.bytes;
  for await (const chunk of stream) {
    left -= chunk.length;
    if (left < 0) throw tooMuch(name, `${limits.bytes} bytes unpacked`);
    yield chunk;
  }
}

/** The regular files under `root`, by name within each directory. */
export async function* directoryFiles(root: string, skipped: Skipped, limits: Limits): AsyncGenerator<FileEntry> {
  let entries = 0;
  let bytes = 0;
  async function* walk(directory: string, depth: number): AsyncGenerator<FileEntry> {
    if (depth > limits.depth) throw tooMuch(root, `${limits.depth} directories in one another`);
    const names = [];
    for await (const entry of await opendir(directory)) {
      if (++entries > limits.entries) throw tooMuch(root, `${limits.entries} files`);
      names.push(entry);
    }
    for (const entry of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) yield* walk(path, depth + 1);
      else if (entry.isSymbolicLink()) skipped.links++;
      else if (!entry.isFile()) skipped.special++;
      else {
        // What was a file when it was listed may be a link or a pipe by now: neither is followed or waited for.
        const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        try {
          if (!(await file.stat()).isFile()) {
            skipped.special++;
            continue;
          }
          const content = async function* () {
            for await (const chunk of file.createReadStream({ highWaterMark: 1 << 20, autoClose: false })) {
              bytes += chunk.length;
              if (bytes > limits.bytes) throw tooMuch(root, `${limits.bytes} bytes`);
              yield chunk as Uint8Array;
            }
          };
          yield { path: relative(root, path), content: content() };
        } finally {
          await file.close();
        }
      }
    }
  }
  yield* walk(root, 0);
}

/** A file by itself, as a set of one. */
export async function* oneFile(path: string, _skipped: Skipped, limits: Limits): AsyncGenerator<FileEntry> {
  const input = await openInput(path);
  try {
    yield { path, content: bounded(input, path, limits) };
  } finally {
    input.destroy();
  }
}

/** Wakes whoever waits for something to have happened. */
class Bell {
  #ring = () => {};
  rung: Promise<void> = Promise.resolve();

  constructor() {
    this.ring();
  }

  ring(): void {
    this.#ring();
    this.rung = new Promise((resolve) => {
      this.#ring = resolve;
    });
  }
}

/** The regular files of an archive, in its order. FILE if it is cut short or damaged anywhere. */
export async function* tarFiles(path: string, skipped: Skipped, limits: Limits): AsyncGenerator<FileEntry> {
  const parser = new Parser({ strict: true });
  const bell = new Bell();
  const waiting: ReadEntry[] = [];
  const state = { failed: undefined as unknown, ended: false, sawEnd: false };
  const fail = (error: unknown) => {
    state.failed ??= error;
    bell.ring();
  };
  parser.on('entry', (entry: ReadEntry) => {
    waiting.push(entry);
    bell.ring();
  });
  parser.on('eof', () => {
    state.sawEnd = true;
  });
  parser.on('error', fail);

  const input = await openInput(path);
  const stopped = new AbortController();
  const feed = async () => {
    for await (const chunk of bounded(unpacked(input, path), path, limits)) {
      if (state.failed !== undefined || stopped.signal.aborted) return;
      if (!parser.write(chunk as Buffer)) await once(parser, 'drain', { signal: stopped.signal });
    }
    parser.end();
    state.ended = true;
    bell.ring();
  };
  const fed = feed().catch(fail);

  async function* contentOf(entry: ReadEntry): AsyncGenerator<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let whole = false;
    let wanted = true;
    entry.on('data', (chunk: Uint8Array) => {
      if (!wanted) return;
      pieces.push(chunk);
      entry.pause();
      bell.ring();
    });
    entry.on('end', () => {
      whole = true;
      bell.ring();
    });
    try {
      for (;;) {
        const piece = pieces.shift();
        if (piece) {
          yield piece;
          entry.resume();
        } else if (whole) return;
        else if (state.failed !== undefined) throw damaged(path, state.failed);
        else await bell.rung;
      }
    } finally {
      wanted = false; // a head was enough: the rest flows away
      entry.resume();
    }
  }

  let entries = 0;
  try {
    for (;;) {
      const entry = waiting.shift();
      if (!entry) {
        if (state.failed !== undefined) throw damaged(path, state.failed);
        if (state.ended) break;
        await bell.rung;
        continue;
      }
      if (++entries > limits.entries) throw tooMuch(path, `${limits.entries} files`);
      const isFile = entry.type === 'File' || entry.type === 'OldFile' || entry.type === 'ContiguousFile';
      if (isFile) yield { path: entry.path, content: contentOf(entry) };
      else if (entry.type === 'SymbolicLink' || entry.type === 'Link') skipped.links++;
      else if (entry.type !== 'Directory') skipped.special++;
      entry.resume(); // what nobody wanted of it
    }
    // Two blocks of zeros end an archive: one that stops between two files lacks them.
    if (!state.sawEnd) throw damaged(path, new Error('it stops before its end'));
  } finally {
    stopped.abort();
    input.destroy();
    await fed;
  }
}

function damaged(path: string, error: unknown): unknown {
  if (error instanceof CtiError || !(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code?.startsWith('E')) return error; // reading the file itself
  return new CtiError('FILE', `${path}: the archive is cut short or damaged (${error.message})`, { cause: error });
}
