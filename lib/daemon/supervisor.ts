/**
 * The supervisor: pidfile, listening sockets, configuration, log; and the parts, each a process that it starts, passes frames for, and starts
 * again when it dies. It reads no switch, runs no program and speaks to no client: it stays small so that it does not die.
 *
 * The listening sockets are its own; control only accepts on them. So a client that connects while control is being restarted waits a moment
 * instead of being refused.
 */
import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { PartName } from '../cli/daemon-rows.js';
import { type Answer, type Call, Calls } from '../control/calls.js';
import { Channel, dupFd, peerOf } from '../control/channel.js';
import { CtiError } from '../errors.js';
import { type AvoidedCpus, ProcessCpus } from '../sources/cpus.js';
import { applied, type NamesText, readSettings, type Settings } from './config.js';
import type { Config } from './config-keys.js';
import { type Level, Log } from './log.js';
import { type OwnFacts, ownFacts } from './own-facts.js';
import {
  type CommandCall,
  fromOf,
  numberOf,
  PARTS,
  type PartState,
  type PartStates,
  type PauseState,
  SUPERVISOR,
  toOf,
} from './parts.js';
import {
  collectorSocketOf,
  controlSocketOf,
  framedSocketOf,
  type Lock,
  listenUnix,
  lockPidfile,
  notify,
  pidfileOf,
  removeFiles,
} from './rundir.js';
import { makeStateDir, startPart } from './spawn.js';
import { runSupervisorCommand } from './supervisor-commands.js';

type ChildName = Exclude<PartName, 'supervisor'>;
const CHILDREN: readonly ChildName[] = ['collector', 'executor', 'control'];

/** A process of a part. Until it is adopted it only waits: what it has said so far (hello) is kept. */
interface Launched {
  readonly process: ChildProcess;
  readonly channel: Channel;
  readonly early: Uint8Array[];
  isAdopted: boolean;
}

interface Child {
  process: ChildProcess | undefined;
  /** Loaded and waiting to take its place: to start one takes a busy machine seconds. */
  standby: Launched | undefined;
  standbyTimer: NodeJS.Timeout | undefined;
  channel: Channel | undefined;
  state: PartState;
  startedMs: number;
  /** Deaths one after the other, each soon after its start. */
  nQuick: number;
  timer: NodeJS.Timeout | undefined;
}

/** A part that lives for less has died quickly. */
const QUICK_MS = 1000;
/** So many quick deaths in a row may be chance, or someone's doing; after more of them a fault is likely, and the next start waits. */
const N_QUICK = 8;
const PING_MS = 5000;
/** From a part's being up to the start of its standby; and after a standby has died. */
const STANDBY_MS = 300;
const NEXT_STANDBY_MS = 10_000;
/** A part that does not answer for so long is killed: it hangs. */
const HUNG_MS = 60_000;

export interface SupervisorOptions {
  readonly rundir: string;
  /** null: all keys as by default. */
  readonly configFile: string | null;
}

export class Supervisor {
  readonly options: SupervisorOptions;
  readonly log: Log;
  readonly counters: Record<string, number> = {};
  readonly startedMs = Date.now();
  config: Config;
  pause: PauseState | null = null;
  #names: NamesText | null;
  /** Those that all of the daemon runs on. */
  readonly cpus = new ProcessCpus();
  readonly #lock: Lock;
  readonly #listening: number[] = [];
  readonly #files: string[] = [];
  readonly #children = new Map<ChildName, Child>();
  readonly #calls: Calls;
  #pauseTimer: NodeJS.Timeout | undefined;
  #pingTimer: NodeJS.Timeout | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #reloading: Promise<unknown> = Promise.resolve();
  #isStopping = false;
  #isReady = false;
  #collectorServer: Server | undefined;

  /** Throws CtiError: DAEMON_RUNNING, and what the run directory gives. Nothing is left behind then. */
  constructor(options: SupervisorOptions, { config, names }: Settings) {
    this.options = options;
    this.#names = names;
    this.config = config;
    this.log = new Log({
      file: this.config['log.file'],
      console: this.config['log.console'],
      level: this.config['log.level'],
    });
    this.#lock = lockPidfile(options.rundir);
    this.#files.push(pidfileOf(options.rundir));
    try {
      this.#listen();
    } catch (error) {
      this.#removeAll();
      throw error;
    }
    this.#calls = new Calls({
      send: (to, payload, fds) => this.#sendTo(to, payload, SUPERVISOR, fds),
      handle: (call) => this.#handle(call),
      told: (from, method, data) => this.#told(from, method, data),
    });
  }

  #listen(): void {
    const { rundir } = this.options;
    const { stalePid } = this.#lock;
    if (stalePid !== null && stalePid !== process.pid) {
      removeFiles([controlSocketOf, framedSocketOf, collectorSocketOf].map((of) => of(rundir, stalePid)));
      this.log.write('info', 'supervisor', `replaced the pidfile of process ${stalePid}, which has gone`);
    }
    for (const path of [controlSocketOf(rundir, process.pid), framedSocketOf(rundir, process.pid)]) {
      const { fd, replaced } = listenUnix(path, this.config['socket.mode']);
      if (replaced)
        this.log.write('warn', 'supervisor', `${replaced} was in the place of ${path} and has been removed`);
      this.#listening.push(fd);
      this.#files.push(path);
    }
  }

  #removeAll(): void {
    removeFiles(this.#files);
    for (const fd of this.#listening) closeSync(fd);
    closeSync(this.#lock.fd);
  }

  start(): void {
    for (const name of CHILDREN) {
      const state = { up: false, epoch: 0, pid: 0, restarts: 0, lastEnd: null };
      this.#children.set(name, {
        process: undefined,
        standby: undefined,
        standbyTimer: undefined,
        channel: undefined,
        state,
        startedMs: 0,
        nQuick: 0,
        timer: undefined,
      });
    }
    if (this.config['collector.external']) this.#listenForCollector();
    const problem = makeStateDir(this.config['programs.state'], this.config['rights.user']);
    if (problem !== null) this.log.write('warn', 'supervisor', problem);
    for (const name of CHILDREN) this.#startChild(name);
    this.#pingTimer = setInterval(() => this.#ping(), PING_MS);
  }

  get parts(): PartStates {
    return Object.fromEntries(CHILDREN.map((name) => [name, this.#children.get(name)!.state])) as unknown as PartStates;
  }

  /** Of all parts that are up; the supervisor is first. */
  async facts(collect = false): Promise<readonly { readonly part: PartName; readonly facts: OwnFacts | null }[]> {
    const asked = CHILDREN.map(async (part) => {
      try {
        const { data } = await this.#calls.ask(
          numberOf(part),
          'facts',
          { collect },
          { signal: AbortSignal.timeout(5000) },
        );
        return { part, facts: data as OwnFacts };
      } catch {
        return { part, facts: null };
      }
    });
    return [{ part: 'supervisor', facts: ownFacts(this.counters, collect) }, ...(await Promise.all(asked))];
  }

  ask(part: ChildName, method: string, data: unknown, signal?: AbortSignal) {
    return this.#calls.ask(numberOf(part), method, data, { signal });
  }

  count(what: string): void {
    this.counters[what] = (this.counters[what] ?? 0) + 1;
  }

  /** Reads the file again. CONFIG: it is refused, and what was in force stays. Returns the keys that need a restart. */
  reload(): Promise<readonly string[]> {
    // One after the other: what was read last is in force in the end.
    const done = this.#reloading.then(() => this.#reload());
    this.#reloading = done.catch(() => {});
    return done;
  }

  async #reload(): Promise<readonly string[]> {
    const { configFile } = this.options;
    if (configFile === null)
      throw new CtiError('CONFIG', 'ctinspectord was started without a configuration file; there is nothing to reload');
    let next: Settings;
    try {
      next = await readSettings(configFile);
    } catch (error) {
      this.count('config_refused');
      this.log.write('err', 'config', `refused, the one before stays in force: ${(error as Error).message}`);
      throw error;
    }
    const { config, kept } = applied(this.config, next.config);
    const isNewLevel =
      config['log.level'] !== this.config['log.level'] || config['log.console'] !== this.config['log.console'];
    if (isNewLevel) this.log.setAll(config['log.level'], config['log.console']);
    this.config = config;
    this.#names = next.names;
    this.count('config_loaded');
    this.log.write(
      'info',
      'config',
      `${configFile} is in force${kept.length ? `; these need a restart: ${kept.join(', ')}` : ''}`,
    );
    this.#tellAll('config', config);
    this.#tellNames();
    return kept;
  }

  #tellNames(): void {
    this.#calls.tell(numberOf('executor'), 'names', this.#names);
  }

  /** `until` in ms since 1970, null: until resume(). */
  pauseReading(pause: PauseState): void {
    this.#setPause(pause);
    if (pause.until === null) return;
    this.#pauseTimer = setTimeout(
      () => this.resume(`the time of '${pause.reason}' is over`),
      Math.max(0, pause.until - Date.now()),
    );
  }

  /** Returns whether reading was paused. */
  resume(why: string): boolean {
    const wasPaused = this.pause !== null;
    if (wasPaused) this.log.write('info', 'supervisor', `reading goes on: ${why}`);
    this.#setPause(null);
    return wasPaused;
  }

  #setPause(pause: PauseState | null): void {
    clearTimeout(this.#pauseTimer);
    this.pause = pause;
    if (pause)
      this.log.write(
        'warn',
        'supervisor',
        `reading is paused${pause.until === null ? '' : ` until ${new Date(pause.until).toISOString()}`}: ${pause.reason}`,
      );
    this.#tellAll('pause', pause);
  }

  async stop(why: string): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#tellSystemd('STOPPING=1');
    this.log.write('info', 'supervisor', `ends: ${why}`);
    for (const timer of [this.#pingTimer, this.#watchdog]) clearInterval(timer);
    clearTimeout(this.#pauseTimer);
    this.#collectorServer?.close();
    removeFiles(this.#files.slice(1)); // nobody new
    const all = [...this.#children.values()].flatMap((child) => {
      clearTimeout(child.timer);
      clearTimeout(child.standbyTimer);
      return [child, ...(child.standby ? [child.standby] : [])];
    });
    const ends = all.map(async ({ process: running, channel }) => {
      channel?.close(); // what was sent to it goes out first, answers to `exit` among it
      if (!running || running.exitCode !== null || running.signalCode !== null) return;
      await new Promise<void>((resolve) => {
        const kill = setTimeout(() => running.kill('SIGKILL'), 3000);
        running.once('exit', () => {
          clearTimeout(kill);
          resolve();
        });
      });
    });
    await Promise.all(ends);
    removeFiles(this.#files.slice(0, 1));
    this.log.close();
    process.exit(0);
  }

  // Parts.

  #startChild(name: ChildName): void {
    const child = this.#children.get(name)!;
    if (this.#isStopping || this.#isExternal(name)) return;
    child.startedMs = Date.now();
    child.state = { ...child.state, up: false, epoch: (child.state.epoch + 1) & 0xff };
    let launched: Launched;
    try {
      launched = child.standby ?? this.#launch(name);
    } catch (error) {
      this.#ended(name, `it could not be started: ${(error as Error).message}`);
      return;
    }
    child.standby = undefined;
    child.process = launched.process;
    child.channel = launched.channel;
    child.state = { ...child.state, pid: launched.process.pid ?? 0 };
    launched.isAdopted = true;
    for (const payload of launched.early.splice(0)) this.#calls.receive(numberOf(name), payload, []);
  }

  #launch(name: ChildName): Launched {
    const rights = { user: this.config['rights.user'], pageTables: this.config['collector.page_tables'] };
    const started = startPart(name, rights, name === 'control' ? this.#listening : []);
    if (started.warning) this.log.write('warn', 'parts', started.warning);
    const running = started.child;
    const waiting = { process: running, early: [] as Uint8Array[], isAdopted: false };
    const channel = this.#openChannel(name, started.fd, waiting, () => {
      // When we stop it has its last replies to give out, and ends by itself.
      if (!this.#isStopping && running.exitCode === null) running.kill('SIGKILL');
    });
    const launched: Launched = Object.assign(waiting, { channel });
    running.stderr?.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter((one) => one.trim() !== ''))
        this.log.write('err', name === 'control' ? 'unixctl' : name, line);
    });
    running.once('error', (error) => this.#ended(name, error.message, running));
    running.once('exit', (status, signal) =>
      this.#ended(name, signal ? `killed by ${signal}` : `it ended with status ${status}`, running),
    );
    return launched;
  }

  #standbyIn(name: ChildName, delayMs: number): void {
    const child = this.#children.get(name)!;
    clearTimeout(child.standbyTimer);
    child.standbyTimer = setTimeout(() => {
      if (this.#isStopping || child.standby || !this.config['parts.standby'] || this.#isExternal(name)) return;
      try {
        child.standby = this.#launch(name);
      } catch (error) {
        this.log.write('warn', 'parts', `no standby of the ${name}: ${(error as Error).message}`);
        this.#standbyIn(name, NEXT_STANDBY_MS);
      }
    }, delayMs);
  }

  /** Processes that wait to take a part's place. */
  get standbys(): readonly { readonly part: ChildName; readonly pid: number }[] {
    return CHILDREN.flatMap((part) => {
      const pid = this.#children.get(part)!.standby?.process.pid;
      return pid === undefined ? [] : [{ part, pid }];
    });
  }

  #openChannel(name: ChildName, fd: number, launched: Pick<Launched, 'early' | 'isAdopted'>, end: () => void): Channel {
    return new Channel(fd, {
      frame: ({ payload, route, epoch, fds }) => {
        const to = toOf(route);
        try {
          // A part speaks for itself only.
          if (!launched.isAdopted) launched.early.push(payload);
          else if (fromOf(route) !== numberOf(name))
            this.log.write('err', 'parts', `${name} sent a frame in the name of part ${fromOf(route)}`);
          else if (to === SUPERVISOR) return this.#calls.receive(numberOf(name), payload, fds);
          else this.#sendTo(to, payload, numberOf(name), fds, epoch);
        } catch (error) {
          this.log.write('err', 'parts', `${name}: ${(error as Error).message}`);
          return;
        }
        for (const fd of fds) closeSync(fd);
      },
      end,
    });
  }

  #isExternal(name: ChildName): boolean {
    return name === 'collector' && this.config['collector.external'];
  }

  /** A collector that systemd starts, with rights of its own; it comes again when it died. */
  #listenForCollector(): void {
    const path = collectorSocketOf(this.options.rundir, process.pid);
    const { fd } = listenUnix(path, 0o700);
    this.#files.push(path);
    this.#collectorServer = createServer({ pauseOnConnect: true }, (socket) => this.#acceptCollector(socket)).listen({
      fd,
    });
  }

  #acceptCollector(socket: Socket): void {
    const child = this.#children.get('collector')!;
    // Node's socket carries no descriptors.
    const fd = dupFd((socket as unknown as { _handle: { fd: number } })._handle.fd);
    socket.destroy();
    const { pid, uid } = peerOf(fd);
    if (child.channel || uid !== process.getuid?.()) {
      this.log.write(
        'warn',
        'parts',
        `process ${pid} of uid ${uid} is not taken as the collector: ${child.channel ? 'there is one' : 'it is of another user'}`,
      );
      closeSync(fd);
      return;
    }
    child.startedMs = Date.now();
    child.state = { ...child.state, up: false, epoch: (child.state.epoch + 1) & 0xff, pid };
    const launched = { early: [], isAdopted: true };
    child.channel = this.#openChannel('collector', fd, launched, () =>
      this.#ended('collector', `process ${pid} has gone`),
    );
  }

  #ended(name: ChildName, how: string, which?: ChildProcess): void {
    const child = this.#children.get(name)!;
    if (this.#isStopping) return;
    if (which && child.standby?.process === which) {
      child.standby.channel.close();
      child.standby = undefined;
      this.log.write('warn', 'parts', `the standby of the ${name} ended: ${how}`);
      this.#standbyIn(name, NEXT_STANDBY_MS);
      return;
    }
    if (which && child.process !== which) return;
    child.channel?.close();
    child.channel = undefined;
    child.process = undefined;
    const lived = Date.now() - child.startedMs;
    child.nQuick = lived < QUICK_MS ? child.nQuick + 1 : 0;
    child.state = { ...child.state, up: false, pid: 0, restarts: child.state.restarts + 1, lastEnd: how };
    this.count(`${name}_restart`);
    this.#calls.ended(numberOf(name), `the ${name} of ctinspectord ended (${how})`);
    this.#tellAll('parts', this.parts);
    // The first at once; then ever slower, because what kills it is still there.
    const delay = child.nQuick <= N_QUICK ? 0 : Math.min(10_000, 100 * 2 ** (child.nQuick - N_QUICK - 1));
    this.log.write(
      'err',
      'parts',
      `${name} ended: ${how}, after ${lived} ms; it is started again${delay ? ` in ${delay} ms` : ''}`,
    );
    child.timer = setTimeout(() => this.#startChild(name), delay);
  }

  #sendTo(to: number, payload: Uint8Array, from: number, fds: readonly number[], epoch?: number): boolean {
    const name = PARTS[to];
    const child = name === undefined || name === 'supervisor' ? undefined : this.#children.get(name);
    if (!child?.channel || (epoch !== undefined && epoch !== child.state.epoch)) return false;
    const waiting = child.channel.send(payload, { route: (to << 4) | from, epoch: 0, fds });
    if (waiting > 256 << 20) {
      this.log.write('err', 'parts', `${name} takes nothing of what it is sent: it is ended`);
      child.process?.kill('SIGKILL');
    }
    return waiting > 0;
  }

  /** The datapath's threads, and what the host has set apart, have CPUs for themselves: questions and programs keep off them as readings do. */
  #keepOff(avoided: AvoidedCpus): void {
    try {
      if (!this.cpus.keepOff(avoided)) return;
      const { now, started } = this.cpus;
      this.log.write('info', 'supervisor', `runs on CPUs ${now.join(',')} out of ${started.join(',')}`, { ...avoided });
    } catch (error) {
      this.log.write('warn', 'supervisor', (error as Error).message);
    }
    this.#tellAll('cpus', this.cpus.now);
  }

  #tellAll(method: string, data: unknown): void {
    for (const name of CHILDREN) if (this.#children.get(name)?.channel) this.#calls.tell(numberOf(name), method, data);
  }

  #told(from: number, method: string, data: unknown): void {
    const name = PARTS[from] as ChildName;
    if (method === 'log') {
      const { level, module, message, facts } = data as {
        level: Level;
        module: string;
        message: string;
        facts: Record<string, unknown>;
      };
      this.log.write(level, module, message, facts);
    } else if (method === 'backoff') {
      // The switch is in trouble; a pause that someone asked for goes before.
      if (this.pause === null) this.pauseReading(data as PauseState);
    } else if (method === 'cpus') this.#keepOff(data as AvoidedCpus);
    else if (method === 'hello') {
      if (name === 'executor') this.#tellNames(); // before the configuration, upon which it is up
      this.#calls.tell(from, 'config', this.config);
      this.#calls.tell(from, 'pause', this.pause);
      this.#calls.tell(from, 'cpus', this.cpus.now);
      this.#calls.tell(from, 'parts', this.parts);
    } else if (method === 'ready') {
      const child = this.#children.get(name)!;
      child.state = { ...child.state, up: true };
      this.log.write('info', 'parts', `${name} is up, process ${child.state.pid}`);
      this.#tellAll('parts', this.parts);
      this.#standbyIn(name, STANDBY_MS);
      this.#checkReady();
    }
  }

  #checkReady(): void {
    if (this.#isReady || !CHILDREN.every((name) => this.#isExternal(name) || this.#children.get(name)!.state.up))
      return;
    this.#isReady = true;
    this.log.write('info', 'supervisor', `ready after ${Date.now() - this.startedMs} ms`);
    this.#tellSystemd('READY=1');
    const watchdogUs = Number(process.env.WATCHDOG_USEC ?? 0);
    // Alive as long as this loop turns; parts that hang are #ping()'s.
    if (watchdogUs > 0)
      this.#watchdog = setInterval(() => this.#tellSystemd('WATCHDOG=1'), Math.max(100, watchdogUs / 2000));
  }

  #tellSystemd(text: string): void {
    try {
      notify(text);
    } catch (error) {
      this.log.write('warn', 'supervisor', `systemd could not be told: ${(error as Error).message}`);
    }
  }

  #ping(): void {
    for (const name of CHILDREN) {
      const child = this.#children.get(name)!;
      const running = child.process;
      if (!child.state.up || !running) continue;
      this.#calls.ask(numberOf(name), 'ping', null, { signal: AbortSignal.timeout(HUNG_MS) }).catch((error) => {
        if (!(error instanceof CtiError) || error.code !== 'CANCELLED' || child.process !== running) return;
        this.log.write('err', 'parts', `${name} has not answered for ${HUNG_MS / 1000} s: it is ended`);
        running.kill('SIGKILL');
      });
    }
  }

  async #handle({ method, data, signal }: Call): Promise<Answer> {
    if (method !== 'command') throw new CtiError('PROTOCOL', `the supervisor has no request ${method}`);
    return runSupervisorCommand(this, data as CommandCall, signal);
  }
}
