/** The control socket of a running switch: finding it, and asking it what has a small reply. native/ovs does the work. */
import { resolve } from 'node:path';
import { addon } from '../addon.js';
import { CtiError } from '../errors.js';
import type { RequestCost } from '../tables/snapshot.js';
import { type NativeJob, runJob } from './job.js';

export interface SwitchOptions {
  /** Run directory; else $OVS_RUNDIR, else /var/run/openvswitch. */
  readonly rundir?: string | undefined;
  /** A daemon's name, or the absolute path of its control socket; else ovs-vswitchd. */
  readonly target?: string | undefined;
  /** A process of this pid namespace, instead of rundir and target: its own listening sockets say where it answers. */
  readonly pid?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For all of it together; 60 seconds unless told. */
  readonly timeoutMs?: number | undefined;
}

export interface SwitchInfo {
  socketPath: string;
  /** As this pid namespace has it; null: not visible from here. */
  pid: number | null;
  /** `ovs-vswitchd (Open vSwitch) 3.1.0` */
  version: string;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_REPLY_BYTES = 16 << 20;

interface UnixctlAddon {
  unixctl(
    rundir: string,
    target: string,
    command: string,
    args: readonly string[],
    maxBytes: number,
    timeoutMs: number,
  ): NativeJob<{ text: string; cost: RequestCost }>;
  findSwitch(rundir: string, target: string, timeoutMs: number): NativeJob<SwitchInfo>;
}

/** The options with every default filled in, checked. */
export function resolveSwitch(options: SwitchOptions): { rundir: string; target: string; timeoutMs: number } {
  const { rundir = process.env.OVS_RUNDIR || '/var/run/openvswitch', pid } = options;
  if (pid !== undefined && (!Number.isInteger(pid) || pid < 1 || options.target !== undefined)) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `expected a process id for pid, and no target beside it, but received ${JSON.stringify({ pid, target: options.target })}`,
    );
  }
  const { target = pid === undefined ? 'ovs-vswitchd' : `pid:${pid}` } = options;
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  if (typeof rundir !== 'string' || rundir === '') {
    throw new CtiError('INVALID_ARGUMENT', `expected a directory for rundir but received ${JSON.stringify(rundir)}`);
  }
  if (typeof target !== 'string' || target === '') {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `expected a name or a path for target but received ${JSON.stringify(target)}`,
    );
  }
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 0x7fffffff) {
    throw new CtiError('INVALID_ARGUMENT', `expected milliseconds from 1 for timeoutMs but received ${timeoutMs}`);
  }
  return { rundir: resolve(rundir), target, timeoutMs };
}

/** Looks for a running ovs-vswitchd that answers. NO_SWITCH, SWITCH_STALE, SWITCH_FOREIGN, NO_RIGHTS, ... if there is none. */
export async function findSwitch(options: SwitchOptions = {}): Promise<SwitchInfo> {
  const { rundir, target, timeoutMs } = resolveSwitch(options);
  return runJob(() => addon<UnixctlAddon>().findSwitch(rundir, target, timeoutMs), options.signal);
}

/**
 * The text a daemon answers a command with, at most 16 MiB. Bytes that are not UTF-8 become U+FFFD. SWITCH_REFUSED if it answers
 * with an error. The command runs on the daemon's main thread: what it costs, it costs the switch.
 */
export async function unixctl(options: SwitchOptions, command: string, args: readonly string[] = []): Promise<string> {
  return (await unixctlWithCost(options, command, args)).text;
}

/** The same, with what it cost. */
export async function unixctlWithCost(
  options: SwitchOptions,
  command: string,
  args: readonly string[] = [],
): Promise<{ text: string; cost: RequestCost }> {
  const { rundir, target, timeoutMs } = resolveSwitch(options);
  if (typeof command !== 'string' || command === '' || !args.every((arg) => typeof arg === 'string')) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `expected a command and arguments as text but received ${JSON.stringify([command, ...args])}`,
    );
  }
  return runJob(
    () => addon<UnixctlAddon>().unixctl(rundir, target, command, args, MAX_REPLY_BYTES, timeoutMs),
    options.signal,
  );
}
