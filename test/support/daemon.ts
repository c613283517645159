/** A real ctinspectord (dist/) beside a test's own switch, and ways to speak to it: the stock ovs-appctl, raw bytes. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../lib/addon.js';
import { until } from './until.js';

export interface Ran {
  status: number;
  out: string;
  err: string;
}

export interface TestDaemon {
  readonly pid: number;
  readonly rundir: string;
  readonly socketPath: string;
  readonly configFile: string;
  readonly child: ChildProcess;
  /** What it wrote to standard error so far. */
  readonly console: () => string;
  /** `ovs-appctl -t ctinspectord WORDS`. */
  appctl(...words: string[]): Promise<Ran>;
  /** Pids by part. */
  parts(): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

export interface DaemonOptions {
  readonly config?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Shell commands before it starts, in the process that becomes the daemon: $$ is its pid. */
  readonly before?: string;
}

export const daemonProgram = join(packageRoot, 'dist/daemon/bin.js');

export function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv, input?: string): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(file, args, { env, maxBuffer: 1 << 28, timeout: 60_000 }, (error, out, err) =>
      resolve({ status: error ? Number(error.code ?? 1) : 0, out, err }),
    );
    child.stdin?.end(input);
  });
}

export { until };

/** Starts it and does not wait. */
export function spawnDaemon(rundir: string, { config = '', env = {}, before = '' }: DaemonOptions = {}): ChildProcess {
  const configFile = join(rundir, 'ctinspectord.yaml');
  writeFileSync(configFile, config);
  // Without what tap puts into every Node process that a test starts: it costs each part a thread and half of its start.
  const script = `unset NODE_OPTIONS\n${before}\nexec "$@"`;
  const words = [process.execPath, daemonProgram, '--rundir', rundir, '--config', configFile];
  return spawn('sh', ['-c', script, 'sh', ...words], {
    env: { ...process.env, OVS_RUNDIR: rundir, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

export async function startDaemon(rundir: string, options: DaemonOptions = {}): Promise<TestDaemon> {
  const child = spawnDaemon(rundir, options);
  let console = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    console += text;
  });
  const pid = child.pid!;
  const socketPath = join(rundir, `ctinspectord.${pid}.ctl`);
  await until(`ctinspectord: ${console}`, () => {
    if (child.exitCode !== null) throw new Error(`ctinspectord ended: ${console}`);
    return console.includes('"ready after');
  });
  const env = { ...process.env, OVS_RUNDIR: rundir };
  const appctl = (...words: string[]) => run('ovs-appctl', ['-t', 'ctinspectord', ...words], env);
  return {
    pid,
    rundir,
    socketPath,
    configFile: join(rundir, 'ctinspectord.yaml'),
    child,
    console: () => console,
    appctl,
    async parts() {
      const { out } = await appctl('memory/show');
      const rows = [...out.matchAll(/^(supervisor|control|collector|executor) +(\d+)/gm)];
      return Object.fromEntries(rows.map(([, part, number]) => [part, Number(number)]));
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** A process that has ended and that nobody has waited for (a zombie) is not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A client that sends bytes as they are and takes objects as they come. */
export class RawClient {
  text = '';
  isClosed = false;
  readonly socket: Socket;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('error', () => {});
  }

  static async open(path: string): Promise<RawClient> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** The replies to so many requests, whole. */
  async replies(n: number, limitMs = 60_000): Promise<{ id: unknown; result: unknown; error: string | null }[]> {
    for (const end = Date.now() + limitMs; ; await sleep(5)) {
      const objects = cut(this.text);
      if (objects.length >= n) return objects as never;
      if (Date.now() > end || this.isClosed)
        throw new Error(
          `${objects.length} of ${n} replies, ${this.isClosed ? 'closed' : 'late'}: ${this.text.slice(-300)}`,
        );
    }
  }

  send(method: unknown, params: unknown, id: unknown = 1): void {
    this.socket.write(JSON.stringify({ id, method, params }));
  }
}

/** Objects that stand one behind the other, by trying where each ends: shares nothing with the daemon's own way. */
function cut(text: string): unknown[] {
  const objects: unknown[] = [];
  for (let from = 0, at = 0; at < text.length; ) {
    at = text.indexOf('}', at) + 1;
    if (at === 0) break;
    try {
      objects.push(JSON.parse(text.slice(from, at)));
      from = at;
    } catch {
      // Not whole yet.
    }
  }
  return objects;
}
