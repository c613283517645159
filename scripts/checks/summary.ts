// Adds up what the test runners wrote (TAP and doctest's JUnit XML) and prints the closing line "N passed, N failed".
// Arguments: the results folder, how many other steps failed, the TAP runner's status. Status 1 if anything failed or nothing ran.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Parser } from 'tap-parser';

const [dir = '', failedSteps = '0', tapStatus = '0'] = process.argv.slice(2);
let passed = 0;
let failed = Number(failedSteps);
let skipped = 0;

/**
 * Counts assertions, not the subtests and files that contain them: but one that failed although nothing in it did counts, too (a file that ended with
 * a status, by a signal, or too early).
 */
function count(parser: Parser): { failed: number } {
  const here = { failed: 0 };
  let child: { failed: number } | undefined;
  parser.on('child', (inner) => {
    child = count(inner);
  });
  parser.on('assert', (assertion) => {
    const below = child;
    child = undefined; // this line only sums up the child before it
    if (below) here.failed += below.failed;
    if (below && (assertion.ok || below.failed > 0)) return;
    if (assertion.skip) skipped++;
    else if (assertion.ok) passed++;
    else {
      failed++;
      here.failed++;
    }
  });
  return here;
}

const tap = join(dir, 'tap.txt');
if (existsSync(tap)) {
  const parser = new Parser();
  count(parser);
  parser.end(readFileSync(tap, 'utf8'));
}
for (const name of readdirSync(dir).filter((name) => name.endsWith('.xml'))) {
  const xml = readFileSync(join(dir, name), 'utf8');
  const cases = xml.match(/<testcase /g)?.length ?? 0;
  const bad = xml.match(/<testcase [^>]*>\s*<(failure|error)/g)?.length ?? 0;
  passed += cases - bad;
  failed += bad;
}
if (tapStatus !== '0' && failed === 0) failed++; // a time-out or a crash that no assertion shows
if (passed === 0 && failed === 0) {
  console.log('no test ran');
  failed = 1;
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(failed > 0 ? 1 : 0);
