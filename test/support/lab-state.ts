/**
 * A lab on disk: DIR/state.json and OVS's own run, db and log directories beside it. The names of its namespaces come from the
 * directory's name, so that a lab can be found and removed even if it died while it was being built.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CtiError } from '../../lib/errors.js';
import { netnsWithPrefix, removeNetnsSync, startTimeOf } from './lab-system.js';

export interface LabState {
  dir: string;
  /** The process the lab belongs to and ends with; null for one that stays until `scripts/lab down`. */
  owner: { pid: number; startTime: string | null } | null;
  /** How many flows `fill` has asked for so far: the next fill makes others. */
  nFilled: number;
}

const PARTS = ['run', 'db', 'log', 'state.json'];
/** Labs of tests: in the temporary directory, with this prefix, so that a later test finds those of one that was killed. */
export const TEST_LAB_PREFIX = 'ctinspector-lab-';

export const defaultDir = (): string => join(process.env.XDG_RUNTIME_DIR || tmpdir(), 'ctinspector-lab');

/** Prefix of the names of the lab's namespaces: two directories have two. */
export const tagOf = (dir: string): string =>
  `ctil-${createHash('sha256').update(resolve(dir)).digest('hex').slice(0, 8)}`;

const stateFile = (dir: string): string => join(dir, 'state.json');

/** Takes the directory for a new lab, or says why it cannot. */
export function createState(dir: string, owner: LabState['owner']): LabState {
  // A unix socket's path has at most 107 bytes, and OVS makes DIR/run/ovs-vswitchd.4194304.ctl.
  if (Buffer.byteLength(dir) > 70) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `the lab's directory '${dir}' is too long for unix sockets in it: at most 70 bytes`,
    );
  }
  if (!existsSync(stateFile(dir)) && netnsWithPrefix(tagOf(dir)).length > 0) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `namespaces of an earlier lab in ${dir} are left: 'scripts/lab down --dir ${dir}' removes them`,
    );
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const state: LabState = { dir, owner, nFilled: 0 };
  try {
    writeFileSync(stateFile(dir), JSON.stringify(state), { flag: 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new CtiError(
      'INVALID_ARGUMENT',
      `a lab is already up in ${dir}: 'scripts/lab down --dir ${dir}' takes it down`,
      { cause },
    );
  }
  const foreign = readdirSync(dir).filter((name) => name !== 'state.json');
  if (foreign.length > 0) {
    rmSync(stateFile(dir));
    throw new CtiError(
      'INVALID_ARGUMENT',
      `${dir} is not empty (${foreign[0]}): name an empty or new directory with --dir`,
    );
  }
  return state;
}

export function saveState(state: LabState): void {
  writeFileSync(stateFile(state.dir), JSON.stringify(state));
}

export function readState(dir: string): LabState {
  try {
    return JSON.parse(readFileSync(stateFile(dir), 'utf8')) as LabState;
  } catch (cause) {
    throw new CtiError('INVALID_ARGUMENT', `no lab is up in ${dir}: 'scripts/lab up' starts one`, { cause });
  }
}

export const hasLab = (dir: string): boolean => existsSync(stateFile(dir)) || netnsWithPrefix(tagOf(dir)).length > 0;

/** Removes all that is left of the lab in `dir`, and only that. Blocks; safe while the process ends. */
export function removeLabSync(dir: string): void {
  removeNetnsSync(netnsWithPrefix(tagOf(dir)));
  for (const part of PARTS) rmSync(join(dir, part), { recursive: true, force: true });
  try {
    rmdirSync(dir);
  } catch {
    // It holds files that are not the lab's, or has gone already.
  }
}

/** Removes labs of tests whose process has gone (killed with SIGKILL, say). */
export function removeStaleLabsSync(): string[] {
  const dirs = readdirSync(tmpdir())
    .filter((name) => name.startsWith(TEST_LAB_PREFIX))
    .map((name) => join(tmpdir(), name));
  const stale = dirs.filter((dir) => {
    const owner = ownerOf(dir);
    return owner !== null && startTimeOf(owner.pid) !== owner.startTime;
  });
  for (const dir of stale) removeLabSync(dir);
  return stale;
}

/** Null also if the state cannot be read: another process may be writing or removing it just now. */
function ownerOf(dir: string): LabState['owner'] {
  try {
    return readState(dir).owner;
  } catch {
    return null;
  }
}
