/** The pidfile and the sockets of the run directory (native/bind/daemon_files.cc). */
import { lstatSync, readFileSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { addon } from '../addon.js';
import { CtiError, fromNative } from '../errors.js';

interface RundirAddon {
  lockPidfile(path: string): { fd: number } | { holder: number };
  listenUnix(path: string, mode: number): { fd: number; replaced: string | null };
  notifySupervisor(path: string, text: string): void;
}

function call<T>(action: (native: RundirAddon) => T): T {
  try {
    return action(addon<RundirAddon>());
  } catch (error) {
    throw fromNative(error);
  }
}

export const PROGRAM = 'ctinspectord';

export const defaultRundir = (env: NodeJS.ProcessEnv = process.env): string => env.OVS_RUNDIR || '/var/run/openvswitch';
export const pidfileOf = (rundir: string): string => join(rundir, `${PROGRAM}.pid`);
export const controlSocketOf = (rundir: string, pid: number): string => join(rundir, `${PROGRAM}.${pid}.ctl`);
/** Of the command line: frames with descriptors (lib/control). */
export const framedSocketOf = (rundir: string, pid: number): string => join(rundir, `${PROGRAM}.${pid}.cti`);

/** Of a collector that is started elsewhere. */
export const collectorSocketOf = (rundir: string, pid: number): string => join(rundir, `${PROGRAM}.${pid}.col`);

export interface Lock {
  readonly fd: number;
  /** Pid of the pidfile that was there and nobody held; its sockets are of no use to anyone. */
  readonly stalePid: number | null;
}

/**
 * The pidfile, ours as long as `fd` is open. Nothing else of this process may open it: closing any other descriptor would give the lock back.
 * DAEMON_RUNNING with the holder's pid; NO_RIGHTS, FILE, SYSTEM, NO_SWITCH (no such directory).
 */
export function lockPidfile(rundir: string): Lock {
  try {
    if (!statSync(rundir).isDirectory()) throw new CtiError('FILE', `the run directory ${rundir} is not a directory`);
  } catch (error) {
    if (error instanceof CtiError) throw error;
    throw new CtiError(
      'FILE',
      `the run directory ${rundir}: ${(error as Error).message}; make it, or name another with --rundir`,
    );
  }
  const pidfile = pidfileOf(rundir);
  let before: number | null = null;
  try {
    if (lstatSync(pidfile).isFile()) before = Number(readFileSync(pidfile, 'utf8')) || null; // before ours is there
  } catch {
    // There is none, or it says nothing of use.
  }
  const locked = call((native) => native.lockPidfile(pidfile));
  if ('fd' in locked) return { fd: locked.fd, stalePid: before };
  const who = locked.holder > 0 ? `process ${locked.holder}` : 'a process of another pid namespace';
  throw new CtiError('DAEMON_RUNNING', `${pidfile} is locked by ${who}: ctinspectord runs there already`, {
    details: { pid: locked.holder },
  });
}

export const listenUnix = (path: string, mode: number): { fd: number; replaced: string | null } =>
  call((native) => native.listenUnix(path, mode));

/** Removes files of ours; what is not there any more is no fault. */
export function removeFiles(paths: readonly string[]): void {
  for (const path of paths) {
    try {
      unlinkSync(path);
    } catch {
      rmSync(path, { force: true, recursive: false });
    }
  }
}

/** systemd's protocol (sd_notify(3)); does nothing where nobody wants to know. */
export function notify(text: string, env: NodeJS.ProcessEnv = process.env): void {
  const socket = env.NOTIFY_SOCKET;
  if (socket) call((native) => native.notifySupervisor(socket, text));
}
