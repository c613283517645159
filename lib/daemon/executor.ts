/**
 * The executor: runs questions and programs over snapshots that it is handed. It reads no switch, opens no file and no socket; what a program
 * breaks, it breaks here, and the supervisor starts another.
 */
import { type Names, NO_NAMES, parseNames } from '../compiler/index.js';
import { CtiError } from '../errors.js';
import type { Captured } from '../sources/registry.js';
import type { NamesText } from './config.js';
import { runExecutorCommand } from './executor-commands.js';
import { type Lent, LentSnapshots } from './lent-snapshots.js';
import { Part } from './part.js';
import { numberOf } from './parts.js';
import { Programs } from './programs.js';
import { Turns } from './turns.js';

export class Executor {
  readonly part: Part;
  readonly programs: Programs;
  readonly turns: Turns;
  /** That questions may use: of the configuration. */
  names: Names = NO_NAMES;

  constructor() {
    const limits = () => this.part.config;
    this.turns = new Turns(() => ({ atOnce: limits()['questions.at_once'], waiting: limits()['questions.waiting'] }));
    this.part = new Part({
      name: 'executor',
      command: (call, { signal, fds }) => runExecutorCommand(this, call, signal, fds),
      request: async ({ method, data }) => {
        if (method === 'snapshot.gone') {
          this.#lent.gone((data as { generation: bigint }).generation);
          return { data: null };
        }
        if (method === 'names') {
          const given = data as NamesText | null;
          this.names = given === null ? NO_NAMES : parseNames(given.text, given.file);
          this.#lent.forgetPrepared();
          return { data: null };
        }
        if (method === 'usage') {
          const { running, waiting } = this.turns;
          return {
            data: {
              'questions.at_once': running,
              'questions.waiting': waiting,
              'programs.at_once': this.programs.nLive,
            },
          };
        }
        throw new CtiError('PROTOCOL', `the executor has no request ${method}`);
      },
      configured: () => {
        if (this.#isReady) return;
        this.#isReady = true;
        this.programs.begin();
        this.part.ready();
      },
      partEnded: (part) => {
        if (part === numberOf('collector')) this.#lent.allGone();
        if (part === numberOf('control')) this.programs.controlEnded();
      },
    });
    this.programs = new Programs(this);
  }

  #isReady = false;
  readonly #lent = new LentSnapshots({
    ask: (table, maxAgeMs, have, signal) =>
      this.part.ask('collector', 'snapshot.get', { table, maxAgeMs, have }, { signal, repeats: true }),
    release: (hold) => this.part.tell('collector', 'snapshot.release', { hold }),
  });

  /** A snapshot of the collector's, shared with other questions; release it. */
  lend(table: string, maxAgeMs: number, signal: AbortSignal): Promise<Lent> {
    return this.#lent.lend(table, maxAgeMs, signal);
  }

  /** A snapshot of the collector's; close it. */
  snapshot(table: string, maxAgeMs: number, signal: AbortSignal): Promise<Captured> {
    return this.#lent.own(table, maxAgeMs, signal);
  }
}
