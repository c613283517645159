/**
 * Runs files of TypeScript tests, each a process of its own, and writes their TAP to standard output: two at a time, and after them, one at
 * a time, those that say in a line of their own why they must have the machine to themselves:
 *
 *     // Runs alone: what it measures, or what of the machine it takes
 *
 * tsx loads them, and the scripts they start as well: tap's own runner loads each with a compiler that keeps nothing, four seconds of
 * processor time a file. Status 0 only if every file passed.
 */
import { readFileSync } from 'node:fs';
import { t } from 'tap';

const files = process.argv.slice(2);
/** What one file may take before it is stopped and counted as failed; also the limit of each test in it that sets none. */
const LIMIT_S = 600;
const ALONE = /^\/\/ Runs alone: \S/m;

const isAlone = (file: string): boolean => ALONE.test(readFileSync(file, 'utf8'));
const alone = files.filter(isAlone);
const together = files.filter((file) => !alone.includes(file));

t.setTimeout(0);
t.jobs = 2;
for (const file of [...together, ...alone])
  void t.spawn(
    process.execPath,
    ['--import', 'tsx', '--enable-source-maps', file],
    {
      buffered: !alone.includes(file),
      timeout: LIMIT_S * 1000,
      stdio: 'pipe',
      env: { ...process.env, TAP_TIMEOUT: String(LIMIT_S) },
      at: null,
      stack: '',
    },
    file,
  );
