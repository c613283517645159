/**
 * What the lab asks of the operating system: programs with a time limit, network namespaces, and the processes in them.
 * Leaf of the lab's modules.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { CtiError } from '../../lib/errors.js';

export interface RunOptions {
  /** Written to its standard input. */
  input?: string;
  env?: Record<string, string>;
  /** It is killed after this time. */
  timeoutMs?: number;
  /** Statuses that are not an error (default: 0 only). */
  okStatus?: readonly number[];
  /** The network namespace to run in (a name, as `ip netns` lists it). */
  netns?: string | undefined;
}

export interface RunResult {
  stdout: string;
  stderr: string;
  status: number;
}

const PACKAGE_OF: Record<string, string> = {
  'ovs-vswitchd': 'openvswitch-switch',
  'ovsdb-server': 'openvswitch-switch',
  'ovs-vsctl': 'openvswitch-switch',
  'ovsdb-tool': 'openvswitch-common',
  'ovs-appctl': 'openvswitch-common',
  'ovs-ofctl': 'openvswitch-common',
  ip: 'iproute2',
  ping: 'iputils-ping',
  nsenter: 'util-linux',
  cmake: 'cmake',
  'c++': 'g++',
};

function missing(program: string): CtiError {
  const from = PACKAGE_OF[program];
  return new CtiError('SYSTEM', `${program} is not installed${from ? `; run: apt-get install ${from}` : ''}`);
}

const SBIN = ['/usr/sbin', '/sbin'];

/** Refuses early, with the name of the package, rather than half way up. */
export function requirePrograms(
  programs: readonly string[],
  path: readonly string[] = [...(process.env.PATH ?? '').split(':'), ...SBIN],
): void {
  for (const program of programs)
    if (!path.some((dir) => dir && existsSync(`${dir}/${program}`))) throw missing(program);
}

/** The environment of every program: OVS's and iproute2's may lie in sbin, which a user's PATH can lack. */
const environment = (extra: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: [process.env.PATH ?? '', ...SBIN].join(':'),
  LC_ALL: 'C',
  ...extra,
});

/** Runs a program to its end. An unexpected status is a CtiError with the program's own words. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { timeoutMs = 60_000, okStatus = [0], netns } = options;
  const [file, argv] = netns
    ? ['nsenter', [`--net=/run/netns/${netns}`, '--', program, ...args]]
    : [program, [...args]];
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, { env: environment(options.env), stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => {}); // a program that does not read its input: its status says what went wrong
    child.stdin.end(options.input ?? '');
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(error.code === 'ENOENT' ? missing(file) : error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const result = {
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
        status: code ?? -1,
      };
      if (code !== null && okStatus.includes(code)) return resolve(result);
      const command = [program, ...args].join(' ').slice(0, 200);
      if (late) return reject(new CtiError('SYSTEM', `'${command}' took longer than ${timeoutMs} ms and was stopped`));
      const words = result.stderr.trim() || result.stdout.trim().slice(-500);
      reject(new CtiError('SYSTEM', `'${command}' ended with ${signal ?? `status ${code}`}: ${words}`));
    });
  });
}

/** Starts a program that goes into the background by itself (--detach) and waits until it has done so. */
export function daemon(
  program: string,
  args: readonly string[],
  options: { netns: string; env: Record<string, string> },
): Promise<void> {
  return new Promise((resolve, reject) => {
    // Its output would be held open by the daemon, so none is read; its own log file has its words.
    const child = spawn('nsenter', [`--net=/run/netns/${options.netns}`, '--', program, ...args], {
      env: environment(options.env),
      stdio: 'ignore',
      timeout: 60_000,
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          new CtiError(
            'SYSTEM',
            `${program} did not start (${signal ?? `status ${code}`}); see ${options.env.OVS_LOGDIR}`,
          ),
        );
    });
  });
}

/** Commands of `ip`, one a line, in one namespace. */
export const ipBatch = (netns: string, lines: readonly string[]): Promise<RunResult> =>
  run('ip', ['-n', netns, '-batch', '-'], { input: `${lines.join('\n')}\n` });

export function netnsWithPrefix(prefix: string): string[] {
  const all = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  return all.filter((name) => name === prefix || name.startsWith(`${prefix}-`));
}

/** Field 22 of /proc/PID/stat: with it a pid names one process for ever. Null if there is no such process. */
export function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/** Whether it still runs. One that only waits for its parent to notice its end does not, once its last thread has gone. */
export function isAlive(pid: number): boolean {
  try {
    const isZombie = /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return !isZombie || readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

const pidsIn = (netns: string): number[] =>
  spawnSync('ip', ['netns', 'pids', netns], { env: environment(), timeout: 10_000 })
    .stdout.toString()
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);

/** Blocks: for use while the process ends, when nothing asynchronous runs any more. */
function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Kills a process and waits until it is gone; nothing happens if it has gone already. */
export function killSync(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  for (let waited = 0; waited < 5000 && pids.some(isAlive); waited += 5) sleepSync(5);
  const left = pids.filter(isAlive);
  if (left.length > 0) throw new CtiError('SYSTEM', `processes ${left.join(', ')} do not end`);
}

/** Ends what runs in the namespaces and removes them, with the interfaces in them. */
export function removeNetnsSync(names: readonly string[]): void {
  killSync(names.flatMap(pidsIn));
  for (const name of names) {
    const removed = spawnSync('ip', ['netns', 'del', name], { env: environment(), timeout: 10_000 });
    // Two tests that begin may find the same lab of a test that was killed.
    if (removed.status !== 0 && existsSync(`/run/netns/${name}`))
      throw new CtiError('SYSTEM', `cannot remove network namespace ${name}: ${removed.stderr}`);
  }
}
