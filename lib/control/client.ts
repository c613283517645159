/** The command line's connection to ctinspectord: its framed socket in the run directory. */
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CtiError, systemReason } from '../errors.js';
import type { Captured } from '../sources/registry.js';
import { Calls, closeAll, type Parcel } from './calls.js';
import { Channel, connectUnix } from './channel.js';
import { openHanded } from './handed-snapshot.js';

export interface DaemonReply {
  readonly body: string;
  readonly isJson: boolean;
  readonly footerAt?: number;
  readonly nRows?: number;
  /** Of the supervisor. */
  readonly pid: number;
}

/** Where the daemon of this run directory listens. NO_DAEMON if its pidfile is not there. */
function findFramedSocket(rundir: string): string {
  const pidfile = join(rundir, 'ctinspectord.pid');
  let pid: number;
  try {
    pid = Number(readFileSync(pidfile, 'utf8'));
  } catch (error) {
    throw new CtiError(
      'NO_DAEMON',
      `no ctinspectord runs in ${rundir}: its pidfile ${pidfile}: ${systemReason(error as NodeJS.ErrnoException)}; start it, name its run directory with --rundir, or ask without --daemon`,
    );
  }
  return join(rundir, `ctinspectord.${pid}.cti`);
}

export class DaemonClient {
  readonly path: string;
  readonly #channel: Channel;
  readonly #calls: Calls;

  /** NO_DAEMON, NO_RIGHTS. */
  constructor(rundir: string) {
    this.path = findFramedSocket(rundir);
    // Who could make a socket there could answer anything: it is root's, or who asks. (SO_PEERCRED would say who accepts: nobody, by design.)
    const own = process.getuid?.() ?? 0;
    const owner = lstatSync(this.path, { throwIfNoEntry: false })?.uid;
    if (owner !== undefined && owner !== 0 && owner !== own)
      throw new CtiError(
        'NO_RIGHTS',
        `${this.path}: expected it to be of root or of uid ${own} but it is of uid ${owner}`,
      );
    const fd = connectUnix(this.path);
    this.#calls = new Calls({
      send: (_to, payload, fds) => this.#channel.send(payload, { fds }) > 0,
      handle: () => {
        throw new CtiError('PROTOCOL', 'the command line answers no requests');
      },
    });
    this.#channel = new Channel(fd, {
      frame: ({ payload, fds }) => this.#calls.receive(0, payload, fds),
      end: (reason) => this.#calls.ended(0, `ctinspectord ended before it answered (${reason}); ask again`),
    });
  }

  /** Rejects with the daemon's error. */
  async command(
    name: string,
    words: readonly string[],
    format: 'text' | 'json',
    { signal, fds = [] }: { signal?: AbortSignal; fds?: readonly number[] } = {},
  ): Promise<DaemonReply> {
    const { data, fds: received } = await this.#calls.ask(0, 'command', { name, words, format }, { signal, fds });
    closeAll(received);
    return data as DaemonReply;
  }

  /** A snapshot that the daemon has or takes, as memory that is shared with it. `maxAgeMs` null: as the daemon is configured. Close it. */
  async snapshot(
    table: string,
    maxAgeMs: number | null,
    signal?: AbortSignal,
  ): Promise<Captured & { readonly pid: number }> {
    const parcel: Parcel = await this.#calls.ask(0, 'snapshot', { table, maxAgeMs }, { signal });
    try {
      return { ...openHanded(parcel), pid: (parcel.data as { pid: number }).pid };
    } finally {
      closeAll(parcel.fds);
    }
  }

  close(): void {
    this.#channel.close();
  }
}
