/**
 * The server of the control socket: JSON-RPC 1.0 objects, one request in flight a connection, as ovs-appctl and OVS's libraries speak it. What a
 * command does is the caller's; here is who asks, in which form, and how long anyone may take.
 *
 * A client that stops reading holds one reply, and is dropped when it takes nothing for `stallMs`. While a request is under way nothing more is
 * read of its connection.
 */
import type { Socket } from 'node:net';
import { CtiError } from '../errors.js';
import { JsonStream } from './json-stream.js';

/** A reply: text, or JSON as text. */
export interface Reply {
  readonly body: string;
  readonly isJson: boolean;
}

export type Format = 'text' | 'json';

export interface UnixctlOptions {
  /** Rejects with a CtiError: the client gets its message as the error. */
  run(command: string, words: readonly string[], format: Format, signal: AbortSignal): Promise<Reply>;
  readonly stallMs: () => number;
  readonly maxClients: () => number;
  readonly counters: Record<string, number>;
  problem(message: string): void;
}

type Id = string | number | null | unknown[] | Record<string, unknown>;

export class UnixctlServer {
  readonly #options: UnixctlOptions;
  readonly #clients = new Set<Client>();

  constructor(options: UnixctlOptions) {
    this.#options = options;
  }

  get nClients(): number {
    return this.#clients.size;
  }

  accept(socket: Socket): void {
    const { counters } = this.#options;
    if (this.#clients.size >= this.#options.maxClients()) {
      counters.unixctl_client_refused = (counters.unixctl_client_refused ?? 0) + 1;
      this.#options.problem(`a client was refused: ${this.#clients.size} are connected already`);
      socket.destroy();
      return;
    }
    const client = new Client(socket, this.#options);
    this.#clients.add(client);
    socket.on('close', () => this.#clients.delete(client));
  }

  /** Each connection ends when its client has taken its replies. */
  async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.finish()));
  }
}

class Client {
  readonly #socket: Socket;
  readonly #options: UnixctlOptions;
  readonly #stream = new JsonStream();
  readonly #queue: Record<string, unknown>[] = [];
  readonly #gone = new AbortController();
  #format: Format = 'text';
  #isWorking = false;
  #hasEnded = false;

  constructor(socket: Socket, options: UnixctlOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', (chunk: Buffer) => this.#feed(chunk));
    socket.on('end', () => {
      this.#hasEnded = true;
      if (!this.#isWorking) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => this.#gone.abort(new Error('the client has gone')));
  }

  async finish(): Promise<void> {
    const socket = this.#socket;
    this.#hasEnded = true;
    if (!this.#isWorking) socket.end();
    if (socket.destroyed || socket.writableFinished) return;
    await new Promise<void>((resolve) => {
      socket.once('finish', resolve);
      socket.once('close', resolve);
    });
  }

  #count(what: string): void {
    const { counters } = this.#options;
    counters[what] = (counters[what] ?? 0) + 1;
  }

  #feed(chunk: Buffer): void {
    try {
      this.#queue.push(...this.#stream.feed(chunk));
    } catch (error) {
      // As OVS's daemons: who does not speak the protocol is not spoken to any more.
      this.#count('unixctl_protocol_error');
      this.#options.problem(`a client was dropped: ${(error as Error).message}`);
      this.#socket.destroy();
      return;
    }
    if (!this.#isWorking) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    this.#socket.pause();
    try {
      for (let request = this.#queue.shift(); request; request = this.#queue.shift()) {
        await this.#answer(request);
        if (this.#socket.destroyed) return;
      }
    } finally {
      this.#isWorking = false;
      if (this.#hasEnded) this.#socket.end();
      else this.#socket.resume();
    }
  }

  async #answer(request: Record<string, unknown>): Promise<void> {
    const { id = null, method, params } = request as { id?: Id; method?: unknown; params?: unknown };
    this.#count('unixctl_request');
    if (typeof method !== 'string') return this.#send(id, 'null', 'expected a request with the name of a method');
    const wrong = !Array.isArray(params) || !params.every((one) => typeof one === 'string');
    if (wrong) return this.#send(id, 'null', `${method}: expected a list of texts as params`);
    try {
      const words = params as string[];
      if (method === 'set-options') this.#setOptions(words);
      const reply =
        method === 'set-options'
          ? { body: '', isJson: false }
          : await this.#options.run(method, words, this.#format, this.#gone.signal);
      const text = JSON.stringify(reply.isJson ? '' : reply.body);
      const result = reply.isJson
        ? reply.body
        : this.#format === 'json'
          ? `{"reply-format":"plain","reply":${text}}`
          : text;
      return await this.#send(id, result, null);
    } catch (error) {
      this.#count('unixctl_error');
      return this.#send(id, 'null', error instanceof CtiError ? error.message : `a fault of ours: ${String(error)}`);
    }
  }

  /** Of this connection. */
  #setOptions(words: readonly string[]): void {
    const joined = words.join(' ').replace('=', ' ');
    const [, format] = /^--format (text|json)$/.exec(joined) ?? [];
    if (format === undefined)
      throw new CtiError(
        'INVALID_ARGUMENT',
        `set-options: expected --format text or --format json, received '${words.join(' ')}'`,
      );
    this.#format = format as Format;
  }

  async #send(id: Id, result: string, error: string | null): Promise<void> {
    const said = error === null ? 'null' : JSON.stringify(error.endsWith('\n') ? error : `${error}\n`);
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (socket.write(`{"id":${JSON.stringify(id)},"result":${result},"error":${said}}`)) return;
    // A reply larger than the kernel takes at once: as long as something of it is taken, the client reads.
    await new Promise<void>((resolve) => {
      let left = socket.writableLength + socket.bytesWritten;
      let last = -1;
      const stallMs = this.#options.stallMs();
      const timer = setInterval(() => {
        left = pendingIn(socket);
        if (left !== last) {
          last = left;
          return;
        }
        this.#count('unixctl_client_stalled');
        this.#options.problem(`a client was dropped: it took nothing of its reply for ${stallMs} ms`);
        socket.destroy();
      }, stallMs);
      const done = () => {
        clearInterval(timer);
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }
}

/** Bytes that libuv has not given to the kernel yet. */
function pendingIn(socket: Socket): number {
  const handle = (socket as unknown as { _handle?: { writeQueueSize?: number } | null })._handle;
  return handle?.writeQueueSize ?? socket.writableLength;
}
