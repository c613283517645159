/** Starts a part as a process of its own: its channel on descriptor 3, listening sockets behind it, and only the rights it needs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, chownSync, closeSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PartName } from '../cli/daemon-rows.js';
import { socketPair } from '../control/channel.js';

export interface Started {
  readonly child: ChildProcess;
  /** Our end of the channel. */
  readonly fd: number;
  /** What of its rights could not be dropped, or null. */
  readonly warning: string | null;
}

/** bin.js beside this file; in a source tree that runs TypeScript as it is, bin.ts. */
const script = (): string =>
  fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './bin.ts' : './bin.js', import.meta.url));

function findProgram(name: string): string | undefined {
  for (const dir of (process.env.PATH ?? '/usr/bin:/bin').split(delimiter)) {
    try {
      accessSync(join(dir, name), constants.X_OK);
      return join(dir, name);
    } catch {
      // The next.
    }
  }
  return undefined;
}

/** uid and primary gid of a user of /etc/passwd. */
export function findUser(name: string): { uid: number; gid: number } | undefined {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [user, , uid, gid] = line.split(':');
    if (user === name) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/**
 * The collector keeps what reading takes: the memory of the switch (SYS_PTRACE), files and sockets of its user (DAC_OVERRIDE), and pinning its
 * thread off the switch's CPUs, which needs none; if it is to read through page tables also what loading that program into the kernel takes. Control and
 * executor keep nothing and are another user.
 */
const COLLECTOR_RIGHTS = ['+sys_ptrace', '+dac_override'];
const PAGE_TABLE_RIGHTS = ['+bpf', '+perfmon'];

/** Whose rights the parts get. */
export interface PartRights {
  readonly user: string | null;
  readonly pageTables: boolean;
}

/** A program and its arguments that start the part with fewer rights; empty: as we are. */
function wrapOf(
  part: PartName,
  { user, pageTables }: PartRights,
): { words: readonly string[]; warning: string | null } {
  if (process.getuid?.() !== 0) return { words: [], warning: null }; // nothing to drop
  if (user === null) return { words: [], warning: null };
  const setpriv = findProgram('setpriv');
  const found = findUser(user);
  if (!setpriv || !found)
    return {
      words: [],
      warning: `the ${part} keeps its rights: ${setpriv ? `there is no user ${user}` : 'there is no setpriv (util-linux)'}`,
    };
  const base = [setpriv, '--no-new-privs', '--inh-caps=-all'];
  if (part === 'collector') {
    const kept = [...COLLECTOR_RIGHTS, ...(pageTables ? PAGE_TABLE_RIGHTS : [])];
    return { words: [...base, `--bounding-set=-all,${kept.join(',')}`], warning: null };
  }
  return {
    words: [...base, '--bounding-set=-all', `--reuid=${found.uid}`, `--regid=${found.gid}`, '--clear-groups'],
    warning: null,
  };
}

/**
 * The directory of `programs.state`, made if it is not there, for control, which is `user`. One that is there stays as it is: whose it should be is not
 * ours to say. Returns what is wrong, or null.
 */
export function makeStateDir(dir: string | null, user: string | null): string | null {
  if (dir === null) return null;
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'EEXIST'
      ? null
      : `programs.state: ${message}; make it: install -d -m 0700 -o ${user ?? 'root'} ${dir}`;
  }
  const found = process.getuid?.() === 0 && user !== null && findProgram('setpriv') ? findUser(user) : undefined;
  if (!found) return null;
  try {
    chownSync(dir, found.uid, found.gid);
    return null;
  } catch (error) {
    return `programs.state: ${(error as Error).message}; give it to ${user}: chown ${user} ${dir}`;
  }
}

/** What a part needs of our environment. */
const KEPT = [
  'PATH',
  'LANG',
  'TZ',
  'OVS_RUNDIR',
  'CTINSPECTOR_LAYOUTS',
  'CTINSPECTOR_PAGE_TABLES',
  'XDG_DATA_HOME',
  'HOME',
  'NODE_V8_COVERAGE',
];

/** `listening`: descriptors that it finds from 4 on. */
export function startPart(part: PartName, rights: PartRights, listening: readonly number[]): Started {
  const [ours, theirs] = socketPair();
  const { words, warning } = wrapOf(part, rights);
  const isSource = script().endsWith('.ts');
  const command = [
    ...words,
    process.execPath,
    ...(isSource ? process.execArgv : []),
    '--max-semi-space-size=4',
    script(),
    '--part',
    part,
  ];
  try {
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ['ignore', 'ignore', 'pipe', theirs, ...listening],
      env: {
        ...Object.fromEntries(
          Object.entries(process.env).filter(([key]) => KEPT.includes(key) || (isSource && key.startsWith('TSX'))),
        ),
        // Also where it keeps all rights, for want of setpriv or of another user.
        ...(rights.pageTables ? {} : { CTINSPECTOR_PAGE_TABLES: 'off' }),
      },
      cwd: '/',
    });
    return { child, fd: ours, warning };
  } finally {
    closeSync(theirs);
  }
}
