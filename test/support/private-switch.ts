/**
 * A real ovs-vswitchd and ovsdb-server of a test's own, in a directory and a network namespace of its own (needs root: the userspace
 * datapath makes tap devices, of which the host can have one of a name).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.js';

/** Of the release that is tested: scripts/other-release names another. */
export const OVS_SCHEMA = process.env.CTI_OVS_SCHEMA ?? '/usr/share/openvswitch/vswitch.ovsschema';

export interface PrivateSwitch {
  readonly rundir: string;
  /** Of the ovs-vswitchd that runs now, as its socket is. */
  readonly pid: number;
  readonly socketPath: string;
  readonly ovsdbPid: number;
  appctl(...args: string[]): string;
  vsctl(...args: string[]): string;
  addBridge(options?: BridgeOptions): void;
  /** Sends a signal to ovs-vswitchd, and for SIGKILL waits for its end. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts ovs-vswitchd anew, after kill('SIGKILL'): the same one, or another build. The same bridges, which are there then; no megaflows. */
  restart(program?: string): Promise<void>;
  stop(): Promise<void>;
}

const ended = (child: ChildProcess) =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise<void>((resolve) => child.once('exit', () => resolve()));

export interface BridgeOptions {
  /** br0 unless told. */
  readonly name?: string;
  /** datapath_type; dummy unless told. */
  readonly type?: 'dummy' | 'netdev';
  /** Of the bridge: fail_mode=secure. */
  readonly columns?: readonly string[];
  /** Of type dummy: their names, or with the OpenFlow ports they ask for. */
  readonly ports?: readonly string[] | Readonly<Record<string, number>>;
}

/** What ovs-vsctl is told. A port after the other, so that the datapath numbers them in this order. */
function bridgeCommands({ name = 'br0', type = 'dummy', columns = [], ports = {} }: BridgeOptions): string[][] {
  const port = (port: string, ...more: string[]) => [
    ...['add-port', name, port, '--', 'set', 'Interface', port, 'type=dummy'],
    ...more,
  ];
  return [
    ['add-br', name, '--', 'set', 'bridge', name, `datapath_type=${type}`, ...columns],
    ...(Array.isArray(ports)
      ? ports.map((name: string) => port(name))
      : Object.entries(ports).map(([name, ofport]) => port(name, `ofport_request=${ofport}`))),
  ];
}

export interface PrivateSwitchOptions {
  /** Another ovs-vswitchd than the installed one. */
  readonly program?: string;
  /** Of ovs-vswitchd, beyond what every private switch has. */
  readonly args?: readonly string[];
  /** In a pid namespace of its own, as in a container: its pidfile has the pid it has there. */
  readonly ownPids?: boolean;
}

/** The process that `unshare --fork` made, or undefined if it has not yet. */
function childOf(pid: number): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? undefined : Number(children.split(' ')[0]);
}

export async function startPrivateSwitch(options: PrivateSwitchOptions = {}): Promise<PrivateSwitch> {
  const { program = 'ovs-vswitchd', args = [], ownPids = false } = options;
  const rundir = mkdtempSync(join(tmpdir(), 'cti-ovs-'));
  const env = { ...process.env, OVS_RUNDIR: rundir, OVS_LOGDIR: rundir, OVS_DBDIR: rundir };
  const quiet = ['-vconsole:off', '--no-chdir', '--pidfile'];
  const database = join(rundir, 'conf.db');
  execFileSync('ovsdb-tool', ['create', database, OVS_SCHEMA], { env });
  // Each program becomes the next, so the child's pid is the daemon's; it ends when this process does, however that ends.
  const wrap = ['--pdeathsig', 'KILL', 'unshare', '--net'];
  const start = (program: string, args: readonly string[], more: readonly string[] = []) =>
    spawn('setpriv', [...wrap, ...more, program, ...args, ...quiet], { env, stdio: 'ignore' });
  const db = `unix:${join(rundir, 'db.sock')}`;
  const vsctl = (...args: string[]) => execFileSync('ovs-vsctl', [`--db=${db}`, ...args], { env, encoding: 'utf8' });

  const server = start('ovsdb-server', [database, `--remote=p${db}`]);
  await until(
    'ovsdb-server',
    () => existsSync(join(rundir, 'db.sock')) && existsSync(join(rundir, 'ovsdb-server.pid')),
  );
  vsctl('--no-wait', 'init');
  const inNamespace = ownPids ? ['--pid', '--fork', '--kill-child', '--mount-proc'] : [];
  const pidfile = join(rundir, 'ovs-vswitchd.pid');
  const readPid = () => (existsSync(pidfile) ? Number(readFileSync(pidfile, 'utf8')) : 0);
  const socket = () => join(rundir, `ovs-vswitchd.${readPid()}.ctl`);
  const startSwitch = async (program: string) => {
    const child = start(program, [db, '--enable-dummy', ...args], inNamespace);
    const hasPidfile = () => readPid() > 0 && (ownPids || readPid() === child.pid);
    await until('ovs-vswitchd', () => hasPidfile() && existsSync(socket()));
    return { child, pid: ownPids ? childOf(child.pid!)! : child.pid!, socketPath: socket() };
  };
  let vswitchd = await startSwitch(program);

  return {
    rundir,
    get pid() {
      return vswitchd.pid;
    },
    get socketPath() {
      return vswitchd.socketPath;
    },
    ovsdbPid: server.pid!,
    appctl: (...args) =>
      execFileSync('ovs-appctl', ['-t', vswitchd.socketPath, ...args], { env, encoding: 'utf8', maxBuffer: 1 << 28 }),
    vsctl,
    addBridge(options = {}) {
      for (const command of bridgeCommands(options)) vsctl(...command);
    },
    async kill(signal) {
      process.kill(vswitchd.pid, signal);
      if (signal === 'SIGKILL') await ended(vswitchd.child);
    },
    async restart(other = program) {
      vswitchd = await startSwitch(other);
      // Its socket is there before its bridges are: ovs-vsctl waits until a change has been taken up.
      vsctl('set', 'Open_vSwitch', '.', `external_ids:started=${vswitchd.pid}`);
    },
    async stop() {
      const children = [vswitchd.child, server];
      for (const child of children) {
        child.kill('SIGCONT');
        child.kill('SIGTERM');
      }
      const slow = setTimeout(() => children.forEach((child) => void child.kill('SIGKILL')), 5000);
      await Promise.all(children.map(ended));
      clearTimeout(slow);
      rmSync(rundir, { recursive: true, force: true });
    },
  };
}
