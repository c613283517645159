/**
 * Where dp_flows come from: a running switch, over its control socket, or a saved `ovs-appctl dpctl/dump-flows -m`. Both stream
 * through the same native reader, off the JavaScript thread. A reading that fails gives an error, never part of a table.
 */
import { constants, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { addon } from '../addon.js';
import { CtiError, fileError, fromNative } from '../errors.js';
import { DP_FLOWS } from '../tables/generated/dp-flows.js';
import {
  type NativeSnapshot,
  openSnapshot,
  type RequestCost,
  sumCost,
  type TableSnapshot,
} from '../tables/snapshot.js';
import { cancelled, type NativeJob, type OnProgress, runJob } from './job.js';
import { resolveSwitch, type SwitchOptions } from './unixctl.js';

export interface CaptureOptions extends SwitchOptions {
  /** Reading memory may use any CPU, also those of the datapath's threads. */
  readonly fast?: boolean | undefined;
  readonly onProgress?: OnProgress | undefined;
}

interface DpFlowsAddon {
  captureDpFlows(
    rundir: string,
    target: string,
    timeoutMs: number,
    onProgress: ((bytes: number, rows: number) => void) | undefined,
  ): NativeJob<{
    snapshot: NativeSnapshot;
    socketPath: string;
    beginNs: bigint;
    endNs: bigint;
    requests: RequestCost[];
  }>;
  dumpReader(): object;
  dumpReaderFeed(reader: object, chunk: Uint8Array): Promise<{ bytes: number; rows: number }>;
  dumpReaderFinish(reader: object): Promise<NativeSnapshot>;
  dumpReaderClose(reader: object): void;
}

/** The megaflows of every datapath of a running ovs-vswitchd. A switch without datapaths gives an empty table. */
export async function captureDpFlows(options: CaptureOptions = {}): Promise<TableSnapshot> {
  const { rundir, target, timeoutMs } = resolveSwitch(options);
  const { onProgress, signal } = options;
  const captured = await runJob((fail) => {
    const report = (bytes: number, rows: number) => {
      try {
        onProgress?.({ bytes, rows });
      } catch (error) {
        fail(error);
      }
    };
    return addon<DpFlowsAddon>().captureDpFlows(rundir, target, timeoutMs, onProgress && report);
  }, signal);
  const { snapshot, socketPath, beginNs, endNs, requests } = captured;
  return openSnapshot(DP_FLOWS, snapshot, { source: `unixctl:${socketPath}`, beginNs, endNs, cost: sumCost(requests) });
}

const CHUNK_BYTES = 1 << 20;
const HEAD_BYTES = 64 << 10;
/** A dump has a flow in as much text; what has none is given up on, so that reading a device or an image ends. */
const HOPELESS_BYTES = 16 << 20;
const REPORT_EVERY_MS = 100;
const nowNs = () => BigInt(Date.now()) * 1_000_000n;

async function openInput(path: string): Promise<Readable> {
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

/** Passes on what `stream` gives, in pieces of which the first has at least two bytes, if there are two. */
async function* withWholeMagic(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of stream) {
    if (!head) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < 2) continue;
    yield head;
    head = undefined;
  }
  if (head?.length) yield head;
}

/** The first piece, and a stream of all of them, that one included. */
async function peek(pieces: AsyncGenerator<Uint8Array>): Promise<[Uint8Array | undefined, AsyncGenerator<Uint8Array>]> {
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

/** One line for a message: at most 80 characters, what is not plain ASCII escaped. */
const quoted = (text: string): string =>
  `'${text.slice(0, 80).replace(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}'`;

/** Why a text that gave no row is no dump, or undefined if it is one of a datapath without flows. `head` is how it begins. */
function notADump(name: string, bytes: number, head: string): CtiError | undefined {
  const expected = "expected what 'ovs-appctl dpctl/dump-flows -m' prints but";
  if (bytes === 0) return new CtiError('TEXT_MALFORMED', `${name}, line 1: ${expected} it is empty`);
  const lines = head.split('\n');
  const first = lines.findIndex((line) => line.trim() !== '');
  const line = lines[first];
  if (line === undefined) return new CtiError('TEXT_MALFORMED', `${name}, line 1: ${expected} it has blanks only`);
  if (line.startsWith('flow-dump from ') && lines.slice(first + 1).every((line) => line.trim() === ''))
    return undefined;
  return new CtiError('TEXT_MALFORMED', `${name}, line ${first + 1}: ${expected} received ${quoted(line)}`);
}

function readError(name: string, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return cancelled(signal);
  const own = fromNative(error);
  if (own instanceof CtiError || !(own instanceof Error)) return own;
  const code = (own as NodeJS.ErrnoException).code ?? '';
  if (code.startsWith('Z_')) {
    return new CtiError('FILE', `${name}: the gzip data is cut short or damaged (${own.message})`, { cause: own });
  }
  return code === ''
    ? own
    : fileError(name, own, "; expected a saved 'ovs-appctl dpctl/dump-flows -m', or - for standard input");
}

export interface ReadFileOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * The megaflows of a saved dump, plain or gzip (told by its first bytes). `-` is standard input. FILE if it cannot be read,
 * TEXT_MALFORMED if it is empty or not a dump.
 */
export async function readDpFlowsFile(path: string, options: ReadFileOptions = {}): Promise<TableSnapshot> {
  const { signal, onProgress } = options;
  if (signal?.aborted) throw cancelled(signal);
  const name = path === '-' ? 'standard input' : path;
  const native = addon<DpFlowsAddon>();
  const reader = native.dumpReader();
  const beginNs = nowNs();
  let bytes = 0;
  let head = '';
  let nextReport = Date.now() + REPORT_EVERY_MS;
  const feed = async (chunks: AsyncIterable<Uint8Array>) => {
    for await (const chunk of chunks) {
      if (head === '')
        head = Buffer.from(chunk.buffer, chunk.byteOffset, Math.min(chunk.length, HEAD_BYTES)).toString('latin1');
      const progress = await native.dumpReaderFeed(reader, chunk);
      bytes = progress.bytes;
      const wrong = progress.rows === 0 && bytes > HOPELESS_BYTES ? notADump(name, bytes, head) : undefined;
      if (wrong) throw wrong;
      if (Date.now() < nextReport) continue;
      nextReport = Date.now() + REPORT_EVERY_MS;
      onProgress?.(progress);
    }
  };
  try {
    const input = await openInput(path);
    const stop = () => input.destroy();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const [first, pieces] = await peek(withWholeMagic(input));
      const gzip = first?.[0] === 0x1f && first[1] === 0x8b;
      if (gzip) await pipeline(pieces, createGunzip({ chunkSize: CHUNK_BYTES }), feed);
      else await pipeline(pieces, feed);
    } finally {
      signal?.removeEventListener('abort', stop);
      input.destroy();
    }
    if (signal?.aborted) throw cancelled(signal);
    const facts = { source: `file:${path}`, beginNs, endNs: nowNs(), cost: null };
    const snapshot = openSnapshot(DP_FLOWS, await native.dumpReaderFinish(reader), facts);
    const wrong = snapshot.facts.nRows === 0 ? notADump(name, bytes, head) : undefined;
    if (!wrong) return snapshot;
    snapshot.close();
    throw wrong;
  } catch (error) {
    throw readError(name, error, signal);
  } finally {
    native.dumpReaderClose(reader);
  }
}
