/**
 * What control, collector and executor have in common: the channel to the supervisor, the state of the others, logging, the configuration. A
 * part ends when its channel does: nothing of the daemon outlives the supervisor.
 */

import type { PartName } from '../cli/daemon-rows.js';
import { type Answer, type Call, Calls, type Parcel } from '../control/calls.js';
import { Channel } from '../control/channel.js';
import { CtiError } from '../errors.js';
import { ProcessCpus } from '../sources/cpus.js';
import type { Config } from './config-keys.js';
import type { Level } from './log.js';
import { ownFacts } from './own-facts.js';
import {
  type CommandCall,
  type CommandReply,
  fromOf,
  numberOf,
  PARTS,
  type PartStates,
  type PauseState,
  routeOf,
  SUPERVISOR,
} from './parts.js';

const CHANNEL_FD = 3;
/** How long a request waits for a part that is being restarted. */
const PATIENCE_MS = 5000;
const MAX_REPEATS = 3;

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  readonly fds?: readonly number[];
  /** Asked again if the part ends meanwhile. */
  readonly repeats?: boolean;
}

export interface PartOptions {
  /** Descriptor of the channel, where it is not the one that the supervisor gave. */
  readonly channelFd?: number | undefined;
  readonly name: Exclude<PartName, 'supervisor'>;
  /** Commands of this part's rows. */
  command(call: CommandCall, request: Call): Promise<CommandReply>;
  /** Other requests of parts. */
  request?(request: Call): Promise<Answer>;
  configured?(config: Config): void;
  paused?(pause: PauseState | null): void;
  /** A part has ended (or was there before this one). */
  partEnded?(part: number): void;
  /** The supervisor has ended, and so does this part when the promise settles. All that it had asked for has failed. */
  ending?(): Promise<void>;
}

function leave(): void {
  try {
    process.exit(0);
  } finally {
    // Whatever an exit handler of others threw: nothing outlives the supervisor.
    process.kill(process.pid, 'SIGKILL');
  }
}

export class Part {
  readonly name: PartName;
  readonly counters: Record<string, number> = {};
  readonly startedMs = Date.now();
  config!: Config;
  pause: PauseState | null = null;
  states: PartStates | undefined;
  readonly #channel: Channel;
  readonly #calls: Calls;
  readonly #number: number;
  readonly #waiters = new Set<() => void>();
  #isEnding = false;
  readonly #cpus = new ProcessCpus();

  constructor(options: PartOptions) {
    this.name = options.name;
    this.#number = numberOf(options.name);
    const epochOf = (to: number): number => (to === SUPERVISOR ? 0 : (this.states?.[partAt(to)]?.epoch ?? 0));
    this.#calls = new Calls({
      send: (to, payload, fds) =>
        this.#channel.send(payload, { route: routeOf(to, this.#number), epoch: epochOf(to), fds }) > 0,
      handle: async (request) => {
        if (request.method === 'command') return { data: await options.command(request.data as CommandCall, request) };
        if (request.method === 'facts')
          return { data: ownFacts(this.counters, (request.data as { collect?: boolean } | null)?.collect === true) };
        if (request.method === 'ping') return { data: null };
        if (!options.request) throw new CtiError('PROTOCOL', `${options.name} has no request ${request.method}`);
        return options.request(request);
      },
      told: (_from, method, data, fds) => {
        if (method === 'parts') this.#setStates(data as PartStates, options);
        else if (method === 'config') {
          this.config = data as Config;
          options.configured?.(this.config);
        } else if (method === 'pause') {
          this.pause = data as PauseState | null;
          options.paused?.(this.pause);
        } else if (method === 'cpus') this.#keepOn(data as readonly number[], options.channelFd !== undefined);
        else void options.request?.({ method, data, fds, from: _from, signal: new AbortController().signal });
      },
    });
    this.#channel = new Channel(options.channelFd ?? CHANNEL_FD, {
      frame: ({ payload, route, fds }) => {
        try {
          this.#calls.receive(fromOf(route), payload, fds);
        } catch (error) {
          this.log('err', 'parts', (error as Error).message);
        }
      },
      end: () => void this.#end(options),
    });
    // The supervisor says when it is over to those that it started: a Ctrl-C of the terminal, or systemd, tells all of the group. One that it did not
    // start is a unit of its own, and is stopped as one.
    const stop = options.channelFd === undefined ? () => {} : () => void this.#end(options);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
    process.on('SIGHUP', () => {});
    this.#calls.tell(SUPERVISOR, 'hello', null);
  }

  /** `isForeign`: a part that the supervisor did not start may have been given CPUs of its own, which it does not leave. */
  #keepOn(cpus: readonly number[], isForeign: boolean): void {
    const mine = isForeign ? cpus.filter((cpu) => this.#cpus.started.includes(cpu)) : cpus;
    try {
      if (mine.length > 0) this.#cpus.keepOn(mine);
    } catch (error) {
      this.log('warn', 'parts', (error as Error).message);
    }
  }

  /** What the supervisor sent before its end has been handled; what it, or a part, has not answered it never will. */
  async #end(options: PartOptions): Promise<void> {
    this.#isEnding = true;
    for (const [number] of PARTS.entries()) this.#calls.ended(number, 'ctinspectord ends');
    for (const wake of [...this.#waiters]) wake();
    try {
      await options.ending?.();
    } finally {
      leave();
    }
  }

  /** All is set up: the supervisor sends requests from now on. */
  ready(): void {
    this.#calls.tell(SUPERVISOR, 'ready', { pid: process.pid });
  }

  count(what: string, by = 1): void {
    this.counters[what] = (this.counters[what] ?? 0) + by;
  }

  log(level: Level, module: string, message: string, facts: Readonly<Record<string, unknown>> = {}): void {
    this.#calls.tell(SUPERVISOR, 'log', { level, module, message, facts });
  }

  tell(part: PartName, method: string, data: unknown): void {
    this.#calls.tell(numberOf(part), method, data);
  }

  /** Waits for a part that is being restarted. PART_DIED if it ends while it answers, and the request may not be repeated. */
  async ask(
    part: PartName,
    method: string,
    data: unknown,
    { signal, fds = [], repeats = false }: AskOptions = {},
  ): Promise<Parcel> {
    for (let attempt = 0; ; attempt++) {
      await this.#up(part, signal);
      try {
        return await this.#calls.ask(numberOf(part), method, data, { signal, fds });
      } catch (error) {
        const isOver = !(error instanceof CtiError) || error.code !== 'PART_DIED' || !repeats || attempt >= MAX_REPEATS;
        if (isOver || this.#isEnding || signal?.aborted) throw error;
        this.count('request_repeated');
      }
    }
  }

  async #up(part: PartName, signal: AbortSignal | undefined): Promise<void> {
    if (part === 'supervisor') return;
    const end = Date.now() + PATIENCE_MS;
    while (!this.states?.[part].up) {
      if (this.#isEnding) throw new CtiError('PART_DIED', 'ctinspectord ends');
      const left = end - Date.now();
      if (left <= 0)
        throw new CtiError(
          'PART_DIED',
          `the ${part} of ctinspectord does not come up again: ${this.states?.[part].lastEnd ?? 'it has not started yet'}; see its log`,
        );
      if (signal?.aborted) throw new CtiError('CANCELLED', 'stopped before it was asked');
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#waiters.delete(done);
          resolve();
        };
        const timer = setTimeout(done, Math.min(left, 250));
        this.#waiters.add(done);
      });
    }
  }

  #setStates(states: PartStates, options: PartOptions): void {
    const before = this.states;
    this.states = states;
    for (const name of ['control', 'collector', 'executor'] as const) {
      if (name === options.name || !before) continue;
      if (before[name].epoch === states[name].epoch && (states[name].up || !before[name].up)) continue;
      this.#calls.ended(
        numberOf(name),
        `the ${name} of ctinspectord ended while it worked on this (${states[name].lastEnd}); it is started again: ask again`,
      );
      options.partEnded?.(numberOf(name));
    }
    for (const wake of [...this.#waiters]) wake();
  }
}

const partAt = (number: number): 'control' | 'collector' | 'executor' =>
  (['control', 'collector', 'executor'] as const)[number - 1]!;
