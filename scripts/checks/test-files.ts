/**
 * Runs files of TypeScript tests, each a process of its own, and writes their TAP to standard output. One at a time, but first, two at a time,
 * those that say in a line of their own that nothing of the machine is theirs alone (no switch, no namespace) and that no time decides them:
 *
 *     // Runs beside others.
 *
 * tsx loads them (test/support/typescript.mjs) and not the loader of tap's own runner: that one compiles all that a file imports anew in each
 * process and each worker thread, four seconds of processor time and more. Status 0 only if every file passed.
 */
import { readFileSync } from 'node:fs';
import { t } from 'tap';

const TYPESCRIPT = new URL('../../test/support/typescript.mjs', import.meta.url).href;
const files = process.argv.slice(2);
/** What one file may take before it is stopped and counted as failed; also the limit of each test in it that sets none. */
const LIMIT_S = 600;
const BESIDE = /^\/\/ Runs beside others\.$/m;

const beside = files.filter((file) => BESIDE.test(readFileSync(file, 'utf8')));
const alone = files.filter((file) => !beside.includes(file));

t.setTimeout(0);
t.jobs = 2;
for (const file of [...beside, ...alone])
  void t.spawn(
    process.execPath,
    ['--import', TYPESCRIPT, '--enable-source-maps', file],
    {
      buffered: beside.includes(file),
      timeout: LIMIT_S * 1000,
      stdio: 'pipe',
      env: { ...process.env, TAP_TIMEOUT: String(LIMIT_S) },
      at: null,
      stack: '',
    },
    file,
  );
