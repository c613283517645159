/**
 * The executor: runs questions and programs over snapshots that it is handed. It reads no switch, opens no file and no socket; what a program
 * breaks, it breaks here, and the supervisor starts another.
 */
import { closeAll } from '../control/calls.js';
import { openHanded } from '../control/handed-snapshot.js';
import { CtiError } from '../errors.js';
import type { Captured } from '../sources/registry.js';
import { runExecutorCommand } from './executor-commands.js';
import { Part } from './part.js';
import { Programs } from './programs.js';
import { Turns } from './turns.js';

export class Executor {
  readonly part: Part;
  readonly programs: Programs;
  readonly turns: Turns;

  constructor() {
    const limits = () => this.part.config;
    this.turns = new Turns(() => ({ atOnce: limits()['questions.at_once'], waiting: limits()['questions.waiting'] }));
    this.part = new Part({
      name: 'executor',
      command: (call, { signal, fds }) => runExecutorCommand(this, call, signal, fds),
      request: async ({ method }) => {
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
        this.part.ready();
      },
    });
    this.programs = new Programs(this);
  }

  #isReady = false;

  /** A snapshot of the collector's; close it. */
  async snapshot(table: string, maxAgeMs: number, signal: AbortSignal): Promise<Captured> {
    const parcel = await this.part.ask('collector', 'snapshot.get', { table, maxAgeMs }, { signal, repeats: true });
    try {
      return openHanded(parcel, (hold) => this.part.tell('collector', 'snapshot.release', { hold }));
    } finally {
      closeAll(parcel.fds);
    }
  }
}
