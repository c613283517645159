/**
 * Control: the part that speaks to clients. It accepts on the two sockets that the supervisor holds, finds the row of a command, has the part that
 * the row names answer it, and sees to it that nobody waits for ever. It reads no switch and runs no program.
 */
import { closeSync, readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { packageRoot } from '../addon.js';
import { parseArgs } from '../cli/daemon-args.js';
import { DAEMON_ROWS, type DaemonRow, findRow, type NamesOf, usageOf } from '../cli/daemon-rows.js';
import { type Call, Calls } from '../control/calls.js';
import { Channel, dupFd } from '../control/channel.js';
import { CtiError } from '../errors.js';
import { JournalKeeper } from './journal-keeper.js';
import { Part } from './part.js';
import { type CommandReply, numberOf } from './parts.js';
import { type Format, type Reply, UnixctlServer } from './unixctl-server.js';

const UNIXCTL_FD = 4;
const FRAMED_FD = 5;
/** Requests of the command line are small; object files come as descriptors. */
const MAX_CLIENT_FRAME = 16 << 20;
/** How long a client that takes nothing of its last reply can put off the end. The supervisor waits for longer. */
const LAST_REPLIES_MS = 1000;

function versionText(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return `ctinspectord (CTinspector for Open vSwitch) ${version}\n`;
}

const listText = (): string =>
  [
    'Commands of ctinspectord:',
    ...[...DAEMON_ROWS]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((row) => `  ${row.name.padEnd(23)} ${usageOf(row)}`.trimEnd()),
  ]
    .join('\n')
    .concat('\n');

export class Control {
  readonly part: Part;
  readonly #unixctl: UnixctlServer;
  readonly #journal = new JournalKeeper({
    dir: () => this.part.config['programs.state'],
    maxBytes: () => this.part.config['programs.state_bytes'],
    user: () => this.part.config['rights.user'],
  });
  readonly #version = versionText();
  #isListening = false;
  readonly #servers: Server[] = [];
  /** Of the command line: channels, and what to do when one has ended. */
  readonly #framedClients = new Map<Channel, () => void>();

  constructor() {
    this.part = new Part({
      name: 'control',
      command: async ({ name }) => ({ body: this.#own(name as NamesOf<'control'>), isJson: false }),
      request: async (call) => {
        const { method, from } = call;
        if (method.startsWith('journal.') && from === numberOf('executor')) return this.#journal.handle(call);
        if (method === 'usage') return { data: { 'unixctl.clients': this.#unixctl.nClients } };
        throw new CtiError('PROTOCOL', `control has no request ${method}`);
      },
      configured: () => this.#listen(),
      ending: () => this.#end(),
    });
    this.#unixctl = new UnixctlServer({
      run: (command, words, format, signal) => this.run(command, words, format, signal, []),
      stallMs: () => this.part.config['unixctl.stall_timeout'],
      maxClients: () => this.part.config['unixctl.clients'],
      counters: this.part.counters,
      problem: (message) => this.part.log('warn', 'unixctl', message),
    });
  }

  /** One command, by its row. Rejects with a CtiError. */
  async run(
    command: string,
    words: readonly string[],
    format: Format,
    signal: AbortSignal,
    fds: readonly number[],
  ): Promise<Reply> {
    const row = findRow(command);
    if (!row)
      throw new CtiError(
        'INVALID_ARGUMENT',
        `there is no command '${command.slice(0, 100)}'${nearest(command)}; list-commands has those there are`,
      );
    const args = parseArgs(row, words);
    this.part.log('dbg', 'unixctl', `${command} ${words.join(' ').slice(0, 200)}`);
    if (row.part === 'control') return { body: this.#own(row.name as NamesOf<'control'>), isJson: false };
    const timeoutMs = this.part.config['questions.timeout'];
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const call = { name: row.name, args, format };
      const { data } = await this.part.ask(row.part, 'command', call, {
        signal: AbortSignal.any([signal, timeout]),
        repeats: row.repeats,
        fds,
      });
      return data as CommandReply;
    } catch (error) {
      if (timeout.aborted)
        throw new CtiError(
          'CANCELLED',
          `${command} was not answered within ${timeoutMs / 1000} s (questions.timeout) and was stopped`,
        );
      throw error;
    }
  }

  #own(name: NamesOf<'control'>): string {
    return name === 'list-commands' ? listText() : name === 'version' ? this.#version : '';
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    const unixctl = createServer({ allowHalfOpen: true }, (socket) => this.#unixctl.accept(socket));
    const framed = createServer({ pauseOnConnect: true }, (socket) => this.#acceptFramed(socket));
    this.#servers.push(unixctl, framed);
    for (const server of this.#servers)
      server.on('error', (error) => this.part.log('err', 'unixctl', `a socket failed: ${error.message}`));
    unixctl.listen({ fd: UNIXCTL_FD }, () => framed.listen({ fd: FRAMED_FD }, () => this.part.ready()));
  }

  /** Nobody new; who was answered gets the answer, the others that it ends. */
  async #end(): Promise<void> {
    for (const server of this.#servers) server.close();
    await new Promise(setImmediate); // what has just failed becomes a reply
    const framed = [...this.#framedClients.keys()].map(
      (channel) =>
        new Promise<void>((resolve) => {
          this.#framedClients.set(channel, resolve);
          channel.close();
        }),
    );
    const late = new Promise((resolve) => setTimeout(resolve, LAST_REPLIES_MS));
    await Promise.race([Promise.all([this.#unixctl.close(), ...framed]), late]);
  }

  /** Of the command line: frames with descriptors, several requests at a time. */
  #acceptFramed(socket: Socket): void {
    // Node's socket carries no descriptors: its own is duplicated and it is let go before it has read a byte.
    const fd = dupFd((socket as unknown as { _handle: { fd: number } })._handle.fd);
    socket.destroy();
    this.part.count('socket_client');
    const calls = new Calls({
      send: (_to, payload, fds) => channel.send(payload, { fds }) > 0,
      handle: (call) => this.#framed(call),
    });
    const channel = new Channel(
      fd,
      {
        frame: ({ payload, fds }) => {
          try {
            calls.receive(0, payload, fds);
          } catch (error) {
            this.part.log('warn', 'socket', `a client was dropped: ${(error as Error).message}`);
            channel.close();
          }
        },
        end: () => {
          calls.ended(0, 'the client has gone');
          this.#framedClients.get(channel)?.();
          this.#framedClients.delete(channel);
        },
      },
      MAX_CLIENT_FRAME,
    );
    this.#framedClients.set(channel, () => {});
  }

  async #framed({ method, data, signal, fds }: Call) {
    if (method === 'command') {
      const { name, words, format } = (data ?? {}) as { name?: unknown; words?: unknown; format?: unknown };
      if (typeof name !== 'string' || !Array.isArray(words) || !words.every((word) => typeof word === 'string'))
        throw new CtiError('PROTOCOL', 'expected a command with its words');
      const reply = await this.run(name, words as string[], format === 'json' ? 'json' : 'text', signal, fds);
      return { data: { ...reply, pid: process.ppid } };
    }
    if (method === 'snapshot') {
      // Handed on as it came: the client maps what the collector sealed.
      const { table, maxAgeMs } = (data ?? {}) as { table?: unknown; maxAgeMs?: unknown };
      if (typeof table !== 'string' || (maxAgeMs !== null && typeof maxAgeMs !== 'number'))
        throw new CtiError('PROTOCOL', 'expected a table and an age');
      const age = maxAgeMs ?? this.part.config['snapshots.max_age'];
      const parcel = await this.part.ask(
        'collector',
        'snapshot.get',
        { table, maxAgeMs: age },
        { signal, repeats: true },
      );
      // The client's mapping keeps the memory; the store need not.
      setImmediate(() => {
        this.part.tell('collector', 'snapshot.release', { hold: (parcel.data as { hold: number }).hold });
        for (const fd of parcel.fds) closeSync(fd);
      });
      return { data: { ...(parcel.data as object), pid: process.ppid }, fds: parcel.fds };
    }
    throw new CtiError('PROTOCOL', `there is no request ${method}`);
  }
}

/** The row whose name is most like it, as a clause; empty if none is. */
function nearest(command: string): string {
  const parts = command.toLowerCase().split('/');
  const found = (DAEMON_ROWS as readonly DaemonRow[]).find(({ name }) =>
    name.split('/').some((part) => parts.includes(part) || part.startsWith(parts[0] ?? '?')),
  );
  return found ? `; is it ${found.name}?` : '';
}
