/**
 * A real ovs-vswitchd and ovsdb-server of a test's own, in a directory and a network namespace of its own (needs root: the userspace
 * datapath makes tap devices, of which the host can have one of a name).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.js';

export interface PrivateSwitch {
  readonly rundir: string;
  readonly pid: number;
  readonly socketPath: string;
  readonly ovsdbPid: number;
  appctl(...args: string[]): string;
  vsctl(...args: string[]): string;
  /** Sends a signal to ovs-vswitchd, and for SIGKILL waits for its end. */
  kill(signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

const ended = (child: ChildProcess) =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise<void>((resolve) => child.once('exit', () => resolve()));

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
  execFileSync('ovsdb-tool', ['create', database, '/usr/share/openvswitch/vswitch.ovsschema'], { env });
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
  const vswitchd = start(program, [db, '--enable-dummy', ...args], inNamespace);
  const pidfile = join(rundir, 'ovs-vswitchd.pid');
  const readPid = () => (existsSync(pidfile) ? Number(readFileSync(pidfile, 'utf8')) : 0);
  const socket = () => join(rundir, `ovs-vswitchd.${readPid()}.ctl`);
  await until('ovs-vswitchd', () => readPid() > 0 && existsSync(socket()));
  const socketPath = socket();
  const pid = ownPids ? childOf(vswitchd.pid!)! : vswitchd.pid!;
  if (!ownPids && readPid() !== pid) throw new Error('another pid');

  return {
    rundir,
    pid,
    socketPath,
    ovsdbPid: server.pid!,
    appctl: (...args) =>
      execFileSync('ovs-appctl', ['-t', socketPath, ...args], { env, encoding: 'utf8', maxBuffer: 1 << 28 }),
    vsctl,
    async kill(signal) {
      process.kill(pid, signal);
      if (signal === 'SIGKILL') await ended(vswitchd);
    },
    async stop() {
      for (const child of [vswitchd, server]) {
        child.kill('SIGCONT');
        child.kill('SIGTERM');
      }
      const slow = setTimeout(() => [vswitchd, server].forEach((child) => void child.kill('SIGKILL')), 5000);
      await Promise.all([ended(vswitchd), ended(server)]);
      clearTimeout(slow);
      rmSync(rundir, { recursive: true, force: true });
    },
  };
}
