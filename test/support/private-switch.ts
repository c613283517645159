/**
 * A real ovs-vswitchd and ovsdb-server of a test's own, in a directory and a network namespace of its own (needs root: the userspace
 * datapath makes tap devices, of which the host can have one of a name).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

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

async function until(what: string, done: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !done(); await sleep(20)) {
    if (Date.now() > end) throw new Error(`waited 20 s for ${what}`);
  }
}

export async function startPrivateSwitch(): Promise<PrivateSwitch> {
  const rundir = mkdtempSync(join(tmpdir(), 'cti-ovs-'));
  const env = { ...process.env, OVS_RUNDIR: rundir, OVS_LOGDIR: rundir, OVS_DBDIR: rundir };
  const quiet = ['-vconsole:off', '--no-chdir', '--pidfile'];
  const database = join(rundir, 'conf.db');
  execFileSync('ovsdb-tool', ['create', database, '/usr/share/openvswitch/vswitch.ovsschema'], { env });
  // unshare(1) becomes the program, so the child's pid is the daemon's.
  const start = (program: string, args: string[]) =>
    spawn('unshare', ['--net', program, ...args, ...quiet], { env, stdio: 'ignore' });
  const db = `unix:${join(rundir, 'db.sock')}`;
  const vsctl = (...args: string[]) => execFileSync('ovs-vsctl', [`--db=${db}`, ...args], { env, encoding: 'utf8' });

  const server = start('ovsdb-server', [database, `--remote=p${db}`]);
  await until(
    'ovsdb-server',
    () => existsSync(join(rundir, 'db.sock')) && existsSync(join(rundir, 'ovsdb-server.pid')),
  );
  vsctl('--no-wait', 'init');
  const vswitchd = start('ovs-vswitchd', [db, '--enable-dummy']);
  const socketPath = join(rundir, `ovs-vswitchd.${vswitchd.pid}.ctl`);
  await until('ovs-vswitchd', () => existsSync(join(rundir, 'ovs-vswitchd.pid')) && existsSync(socketPath));
  if (Number(readFileSync(join(rundir, 'ovs-vswitchd.pid'), 'utf8')) !== vswitchd.pid) throw new Error('another pid');

  return {
    rundir,
    pid: vswitchd.pid!,
    socketPath,
    ovsdbPid: server.pid!,
    appctl: (...args) =>
      execFileSync('ovs-appctl', ['-t', socketPath, ...args], { env, encoding: 'utf8', maxBuffer: 1 << 28 }),
    vsctl,
    async kill(signal) {
      vswitchd.kill(signal);
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
