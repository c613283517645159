/**
 * Runs files of TypeScript tests, each a process of its own, two at a time, and writes their TAP to standard output. A file may say in a line of its own
 *
 *     // Takes 60 s.                  begins before those that take less: no long one is left over at the end
 *     // Runs alone: REASON.          after all others, one at a time: it measures or takes what is the whole machine's
 *
 * tsx loads them (test/support/typescript.mjs) and not the loader of tap's own runner: that one compiles all that a file imports anew in each
 * process and each worker thread, four seconds of processor time and more. Status 0 only if every file passed.
 */
import { readFileSync } from 'node:fs';
import { t } from 'tap';

const TYPESCRIPT = new URL('../../test/support/typescript.mjs', import.meta.url).href;
/** What one file may take before it is stopped and counted as failed; also the limit of each test in it that sets none. */
const LIMIT_S = 600;

interface TestFile {
  readonly file: string;
  readonly isAlone: boolean;
  readonly seconds: number;
}

function read(file: string): TestFile {
  const text = readFileSync(file, 'utf8');
  const alone = /^\/\/ Runs alone.*$/m.exec(text)?.[0];
  if (alone !== undefined && !/^\/\/ Runs alone: .+\.$/.test(alone))
    throw new Error(`${file}: expected '// Runs alone: REASON.' but found '${alone}'; say what it measures or takes`);
  return { file, isAlone: alone !== undefined, seconds: Number(/^\/\/ Takes (\d+) s\.$/m.exec(text)?.[1] ?? 0) };
}

const files = process.argv
  .slice(2)
  .map(read)
  .sort((a, b) => Number(a.isAlone) - Number(b.isAlone) || b.seconds - a.seconds);

t.setTimeout(0);
t.jobs = 2;
for (const { file, isAlone } of files)
  void t.spawn(
    // tap puts a module of its own into NODE_OPTIONS, for coverage: every Node process and thread below would take twice as long to start.
    'env',
    [
      `NODE_OPTIONS=${process.env.NODE_OPTIONS ?? ''}`,
      process.execPath,
      '--import',
      TYPESCRIPT,
      '--enable-source-maps',
      file,
    ],
    {
      buffered: !isAlone,
      timeout: LIMIT_S * 1000,
      stdio: 'pipe',
      env: { ...process.env, TAP_TIMEOUT: String(LIMIT_S) },
      at: null,
      stack: '',
    },
    file,
  );
