/**
 * Ports of the switch as ovsdb-server tells them: one connection, one `monitor` of the table Interface (RFC 7047), then changes come by
 * themselves; the switch is not asked. Opened by the first who listens, closed by the last who leaves, opened anew when it breaks.
 */
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { CtiError } from '../../errors.js';

export interface Interface {
  readonly name: string;
  readonly isUp: boolean;
  /** OpenFlow's number; negative: not there yet. */
  readonly ofport: number;
}

/** What happened to an interface; `before` is absent for a new one, `after` for one that has gone. */
export interface InterfaceChange {
  readonly before: Interface | undefined;
  readonly after: Interface | undefined;
}

export interface PortListener {
  changed(change: InterfaceChange): void;
  fail(error: CtiError): void;
}

const MAX_MESSAGE = 64 << 20;
const CONNECT_TIMEOUT_MS = 5_000;
const RETRY_MS = 1_000;
const PATIENCE_MS = 30_000;

/** Splits a stream of JSON texts that follow each other without a separator. Only objects, as the protocol has them. */
export class JsonStream {
  #text = '';
  #at = 0;
  #depth = 0;
  #inString = false;

  /** Whole texts that end in `chunk`, parsed. Throws CtiError PROTOCOL. */
  feed(chunk: string): unknown[] {
    this.#text += chunk;
    const found: unknown[] = [];
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at];
      if (this.#inString) {
        if (char === '\\') this.#at++;
        else if (char === '"') this.#inString = false;
      } else if (char === '"') {
        this.#inString = true;
      } else if (char === '{' || char === '[') {
        this.#depth++;
      } else if (char === '}' || char === ']') {
        if (--this.#depth > 0) continue;
        found.push(this.#parse(this.#text.slice(0, this.#at + 1)));
        this.#text = this.#text.slice(this.#at + 1);
        this.#at = -1;
        this.#depth = 0;
      }
    }
    if (this.#text.length > MAX_MESSAGE)
      throw new CtiError('PROTOCOL', `ovsdb-server sent over ${MAX_MESSAGE} bytes at once`);
    return found;
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new CtiError('PROTOCOL', `ovsdb-server sent what is not JSON: ${(cause as Error).message}`, { cause });
    }
  }
}

type Rows = Readonly<Record<string, { old?: unknown; new?: Readonly<Record<string, unknown>> }>>;

/** A column that may be empty is a value or ["set", []]. */
const scalar = (value: unknown): unknown => (Array.isArray(value) ? undefined : value);

function interfaceOf(row: Readonly<Record<string, unknown>>): Interface {
  const ofport = scalar(row.ofport);
  return {
    name: String(row.name),
    isUp: scalar(row.link_state) === 'up',
    ofport: typeof ofport === 'number' ? ofport : -1,
  };
}

export class OvsdbPorts {
  readonly #listeners = new Set<PortListener>();
  readonly #rows = new Map<string, Interface>();
  #socket: Socket | undefined;
  #ready: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Whether listeners have been told what there is: from then on they are told what changes. */
  #isKnown = false;
  #brokenMs: number | undefined;

  /** `path`: ovsdb-server's socket. */
  constructor(readonly path: string) {}

  static of(rundir: string): OvsdbPorts {
    return new OvsdbPorts(join(rundir, 'db.sock'));
  }

  get interfaces(): Interface[] {
    return [...this.#rows.values()];
  }

  /** Tells changes from now on, until the signal is aborted. Resolves when it knows what there is. */
  async listen(listener: PortListener, signal: AbortSignal): Promise<void> {
    this.#listeners.add(listener);
    const leave = () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#close();
    };
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    this.#ready ??= this.#connect();
    try {
      await this.#ready;
    } catch (error) {
      leave();
      throw error;
    }
  }

  #connect(): Promise<void> {
    const socket = connect({ path: this.path });
    this.#socket = socket;
    const stream = new JsonStream();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => socket.destroy(new Error('no answer in 5 s')), CONNECT_TIMEOUT_MS);
      let reason: Error | undefined;
      socket.setEncoding('utf8');
      socket.on('error', (error) => {
        reason = error;
      });
      socket.on('close', () => {
        clearTimeout(timer);
        const error = new CtiError(
          'SYSTEM',
          `ovsdb-server at ${this.path}: ${reason?.message ?? 'it closed the connection'}`,
        );
        reject(error);
        if (this.#socket === socket) this.#broke(error);
      });
      socket.on('data', (chunk: string) => {
        try {
          for (const message of stream.feed(chunk)) {
            if (!this.#take(socket, message)) continue;
            clearTimeout(timer);
            this.#brokenMs = undefined;
            resolve();
          }
        } catch (error) {
          socket.destroy(error as Error);
        }
      });
      const columns = [{ columns: ['name', 'link_state', 'ofport'] }];
      send(socket, { method: 'monitor', params: ['Open_vSwitch', null, { Interface: columns }], id: 'ports' });
    });
  }

  /** Whether the message was the answer to `monitor`. */
  #take(socket: Socket, message: unknown): boolean {
    const { method, params, id, result, error } = message as Record<string, unknown>;
    if (method === 'echo') send(socket, { result: params, error: null, id });
    else if (method === 'update') this.#update(((params as unknown[])[1] as { Interface?: Rows }).Interface ?? {});
    else if (id === 'ports') {
      if (error) throw new CtiError('PROTOCOL', `ovsdb-server refused to tell its ports: ${JSON.stringify(error)}`);
      this.#initial((result as { Interface?: Rows }).Interface ?? {});
      return true;
    }
    return false;
  }

  /** All there is; after a break, with what changed meanwhile. */
  #initial(rows: Rows): void {
    for (const id of [...this.#rows.keys()]) if (!rows[id]?.new) this.#set(id, undefined);
    this.#update(rows);
    this.#isKnown = true;
  }

  #update(rows: Rows): void {
    for (const [id, row] of Object.entries(rows)) this.#set(id, row.new && interfaceOf(row.new));
  }

  #set(id: string, after: Interface | undefined): void {
    const before = this.#rows.get(id);
    if (after) this.#rows.set(id, after);
    else this.#rows.delete(id);
    if (!this.#isKnown) return;
    for (const listener of this.#listeners) listener.changed({ before, after });
  }

  #broke(error: CtiError): void {
    this.#socket = undefined;
    this.#ready = undefined;
    if (!this.#isKnown || this.#listeners.size === 0) return;
    this.#brokenMs ??= performance.now();
    if (performance.now() - this.#brokenMs > PATIENCE_MS) {
      for (const listener of this.#listeners) listener.fail(error);
      return;
    }
    this.#retry = setTimeout(() => {
      this.#ready = this.#connect();
      this.#ready.catch(() => {}); // the socket's end comes here again
    }, RETRY_MS);
  }

  #close(): void {
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#ready = undefined;
    this.#rows.clear();
    this.#isKnown = false;
    this.#brokenMs = undefined;
    socket?.destroy();
  }
}

function send(socket: Socket, message: unknown): void {
  socket.write(JSON.stringify(message));
}
