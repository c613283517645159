/** The built command line as a process of its own, for tests that ask it from elsewhere: as another user, without a right, in a namespace. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { packageRoot } from '../../lib/addon.js';

export interface Done {
  status: number | null;
  out: string;
  err: string;
}

/** `wrap`: a program and its arguments that run it: ['setpriv', '--reuid=65534']. */
export async function cli(
  args: readonly string[],
  { wrap = [], env = {} }: { wrap?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): Promise<Done> {
  const words = [...wrap, process.execPath, join(packageRoot, 'dist/cli/bin.js'), ...args];
  const { OVS_RUNDIR: _none, ...inherited } = process.env;
  const child = spawn(words[0]!, words.slice(1), { env: { ...inherited, ...env }, timeout: 60_000 });
  const done: Done = { status: null, out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    done.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    done.err += text;
  });
  child.stdin.end();
  [done.status] = await once(child, 'close');
  return done;
}
