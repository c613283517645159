/**
 * A lab: a private, real Open vSwitch with hosts around it, for tests (`startLab`) and for people (`scripts/lab`).
 *
 * Real: Debian's ovsdb-server and ovs-vswitchd with their own run, database and log directories, the userspace datapath, veth pairs
 * into network namespaces. Private: everything is in namespaces of the lab's own, so labs do not meet each other or the host.
 * A lab of startLab() ends with the process that started it; one of `scripts/lab up` stays until `scripts/lab down`.
 */
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CtiError } from '../../lib/errors.js';
import {
  createState,
  hasLab,
  readState,
  removeLabSync,
  removeStaleLabsSync,
  saveState,
  TEST_LAB_PREFIX,
  tagOf,
} from './lab-state.js';
import { daemon, isAlive, killSync, requirePrograms, run, startTimeOf } from './lab-system.js';
import { buildBridges, buildNetwork, HOSTS, programSwitch } from './lab-topology.js';
import {
  type FillOptions,
  type FillReport,
  sendFill,
  sendTraffic,
  type TrafficOptions,
  type TrafficReport,
  trafficTool,
} from './lab-traffic.js';
import { OVS_SCHEMA } from './private-switch.js';

export type { FillOptions, FillReport, TrafficOptions, TrafficReport };

export interface LabOptions {
  /** An empty or new directory; default: a new one in the temporary directory. */
  dir?: string;
  /** It stays when this process ends (`scripts/lab up`). */
  keep?: boolean;
}

const PROGRAMS = [
  'ovs-vswitchd',
  'ovsdb-server',
  'ovs-vsctl',
  'ovsdb-tool',
  'ovs-appctl',
  'ovs-ofctl',
  'ip',
  'ping',
  'nsenter',
];

/**
 * A fill must not be undone by OVS: idle flows stay, the limit is high, and flows are revalidated every ten seconds instead of
 * twice a second (OVS deletes slow flows when revalidating takes more than half that pause).
 */
const OTHER_CONFIG = ['flow-limit=2000000', 'max-idle=100000000', 'max-revalidator=10000'];
/** With more flows a round may take over two seconds, after which OVS lowers its limit and deletes half the table: no rounds. */
const MAX_REVALIDATED = 200_000;

export class Lab {
  readonly dir: string;
  /** What tools need to find this switch: `OVS_RUNDIR`. */
  readonly rundir: string;
  /** The switch's namespace; a host's is `TAG-NAME`. */
  readonly tag: string;

  private constructor(dir: string) {
    this.dir = resolve(dir);
    this.rundir = join(this.dir, 'run');
    this.tag = tagOf(this.dir);
  }

  /** A lab that is up already. */
  static open(dir: string): Lab {
    readState(resolve(dir));
    return new Lab(dir);
  }

  static async start(options: LabOptions = {}): Promise<Lab> {
    if (process.getuid?.() !== 0) {
      throw new CtiError('NO_RIGHTS', 'the lab makes network namespaces and interfaces, which needs root: use sudo');
    }
    requirePrograms(PROGRAMS);
    const tool = await trafficTool();
    removeStaleLabsSync();
    const lab = new Lab(options.dir ?? mkdtempSync(join(tmpdir(), TEST_LAB_PREFIX)));
    createState(lab.dir, options.keep ? null : { pid: process.pid, startTime: startTimeOf(process.pid) });
    endWithProcess(lab.dir);
    try {
      await lab.#build(tool);
    } catch (error) {
      lab.#remove();
      throw error;
    }
    if (options.keep) live.delete(lab.dir);
    return lab;
  }

  async #build(tool: string): Promise<void> {
    for (const part of ['run', 'db', 'log']) mkdirSync(join(this.dir, part));
    await buildNetwork(this.tag, tool);
    const db = join(this.dir, 'db', 'conf.db');
    await run('ovsdb-tool', ['create', db, OVS_SCHEMA]);
    const socket = `--remote=punix:${join(this.rundir, 'db.sock')}`;
    await daemon(
      'ovsdb-server',
      [db, socket, '--detach', '--pidfile', '--log-file', '--no-chdir'],
      this.#daemonOptions(),
    );
    const settings = OTHER_CONFIG.map((setting) => `other_config:${setting}`);
    await this.#vsctl(['--no-wait', 'init', '--', 'set', 'Open_vSwitch', '.', ...settings]);
    await this.#startSwitch();
    await buildBridges(this.vsctl);
    await this.#program();
  }

  /** The pid of ovs-vswitchd. */
  get pid(): number {
    const pid = this.#pidfile();
    if (pid === undefined) throw notRunning(this.dir);
    return pid;
  }

  get isSwitchRunning(): boolean {
    const pid = this.#pidfile();
    return pid !== undefined && isAlive(pid);
  }

  /** undefined: there is none. A switch that starts removes that of a dead one before it writes its own. */
  #pidfile(): number | undefined {
    try {
      return Number(readFileSync(join(this.rundir, 'ovs-vswitchd.pid'), 'utf8').trim());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  get hosts(): typeof HOSTS {
    return HOSTS;
  }

  // Each runs the tool of that name against this switch and gives its standard output.
  readonly vsctl = (...args: string[]): Promise<string> => this.#vsctl(args);
  readonly appctl = async (...args: string[]): Promise<string> =>
    (await run('ovs-appctl', ['-t', 'ovs-vswitchd', ...args], { env: this.#env(), timeoutMs: 120_000 })).stdout;
  readonly ofctl = (...args: string[]): Promise<string> => this.#ofctl(args, '');

  /** `dpctl/dump-flows -m`, as OVS prints it. For some 200,000 flows at most: it is one string. */
  readonly dump = (): Promise<string> => this.appctl('dpctl/dump-flows', '-m');

  /** How many megaflows the datapath holds. */
  async nFlows(): Promise<number> {
    const shown = await this.appctl('dpctl/show');
    const found = /^\s*flows: (\d+)$/m.exec(shown);
    if (!found) throw new CtiError('PROTOCOL', `dpctl/show has no number of flows: ${shown}`);
    return Number(found[1]);
  }

  /** Traffic of many kinds between the hosts: a few hundred megaflows. */
  async traffic(options: TrafficOptions = {}): Promise<TrafficReport> {
    this.#requireSwitch();
    return sendTraffic(this.tag, options);
  }

  /**
   * Adds `n` megaflows, others than any fill before; some of them get many packets, most one. Throws if they cannot be had.
   * `installed` is by how much the datapath's flows have grown, so that hosts' own chatter can make it a few more.
   */
  async fill(n: number, options: FillOptions = {}): Promise<FillReport> {
    checkWhole('the number of flows', n, 1, 4_000_000);
    checkWhole('shapes', options.shapes ?? 6, 1, 8);
    this.#requireSwitch();
    const state = readState(this.dir);
    const first = state.nFilled;
    checkWhole('the number of flows of all fills', first + n, 1, 16_000_000);
    saveState({ ...state, nFilled: first + n });
    const before = await this.nFlows();
    if (before + n > MAX_REVALIDATED) {
      await this.vsctl('set', 'Open_vSwitch', '.', 'other_config:max-revalidator=10000000');
    }
    const sent = await sendFill(this.tag, first, n, options);
    let installed = (await this.nFlows()) - before;
    let { sent: packets, rounds, seconds } = sent;
    // A packet can pass without its flow being installed (the flow limit, a failed put): once more, then.
    for (let retry = 0; installed < n && sent.seen === n && retry < 3; retry++) {
      const again = await sendFill(this.tag, first, n, { ...options, once: true });
      packets += again.sent;
      rounds += again.rounds;
      seconds += again.seconds;
      installed = (await this.nFlows()) - before;
    }
    if (installed < n) {
      const limit = /limit (\d+)/.exec(await this.appctl('upcall/show'))?.[1] ?? 'unknown';
      throw new CtiError(
        'SYSTEM',
        `${installed} of ${n} flows were installed: ${sent.seen} of ${n} came through the switch in ${seconds.toFixed(1)} s, ` +
          `${await this.nFlows()} flows are there, ovs-vswitchd's flow limit is ${limit}`,
        { details: { installed, asked: n } },
      );
    }
    return { asked: n, installed, packets, rounds, installSeconds: sent.installSeconds, seconds };
  }

  /** Kills ovs-vswitchd as a crash would: SIGKILL; its pidfile stays. */
  kill(): void {
    killSync([this.pid]);
  }

  /** Starts ovs-vswitchd anew (killing it first if it runs): same bridges and rules, no megaflows. */
  async restart(): Promise<void> {
    if (this.isSwitchRunning) this.kill();
    await this.#startSwitch();
    await this.#program();
  }

  /** Ends everything and leaves nothing. */
  async stop(): Promise<void> {
    this.#remove();
  }

  #remove(): void {
    removeLabSync(this.dir);
    live.delete(this.dir);
  }

  #requireSwitch(): void {
    if (!this.isSwitchRunning) throw notRunning(this.dir);
  }

  #env(): Record<string, string> {
    return { OVS_RUNDIR: this.rundir, OVS_DBDIR: join(this.dir, 'db'), OVS_LOGDIR: join(this.dir, 'log') };
  }

  #daemonOptions(): { netns: string; env: Record<string, string> } {
    return { netns: this.tag, env: this.#env() };
  }

  async #vsctl(args: readonly string[]): Promise<string> {
    const db = `--db=unix:${join(this.rundir, 'db.sock')}`;
    return (await run('ovs-vsctl', [db, '--timeout=20', ...args], { env: this.#env() })).stdout;
  }

  async #ofctl(args: readonly string[], input: string): Promise<string> {
    return (await run('ovs-ofctl', args, { env: this.#env(), input })).stdout;
  }

  /** Tunnels are routed by the lab's own routes: both ends are in one namespace, whose kernel would call them local. */
  #startSwitch(): Promise<void> {
    const args = ['--disable-system-route', '--detach', '--pidfile', '--log-file', '--no-chdir'];
    return daemon('ovs-vswitchd', args, this.#daemonOptions());
  }

  #program(): Promise<void> {
    return programSwitch(this.tag, this.appctl, (args, input) => this.#ofctl(args, input));
  }
}

export const startLab = (options: LabOptions = {}): Promise<Lab> => Lab.start(options);

/** Takes down the lab in `dir`, whoever started it, even half built. */
export function stopLab(dir: string): void {
  const path = resolve(dir);
  if (!hasLab(path)) throw new CtiError('INVALID_ARGUMENT', `no lab is up in ${path}`);
  removeLabSync(path);
}

const notRunning = (dir: string): CtiError =>
  new CtiError('NO_SWITCH', `ovs-vswitchd of the lab in ${dir} does not run: take the lab down and up again`);

function checkWhole(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new CtiError(
    'INVALID_ARGUMENT',
    `Expected ${what} to be a whole number from ${least} to ${most} but received ${value}`,
  );
}

/** Directories of labs that end with this process. */
const live = new Set<string>();

function endWithProcess(dir: string): void {
  if (live.size === 0) hookExit();
  live.add(dir);
}

let hooked = false;

function hookExit(): void {
  if (hooked) return;
  hooked = true;
  const removeAll = (): void => {
    for (const dir of live) removeLabSync(dir);
    live.clear();
  };
  process.on('exit', removeAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      removeAll();
      process.kill(process.pid, signal);
    });
  }
}
