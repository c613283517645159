// Files over 600 lines must be on the list, with the reason why they are one file.
import { readFileSync } from 'node:fs';
import { sourceFiles } from './sources.js';

const LIMIT = 600;
const ALLOWED: Record<string, string> = JSON.parse(readFileSync('scripts/checks/large-files.json', 'utf8'));

let bad = 0;
const large = new Set<string>();
for (const file of sourceFiles(
  '*.ts',
  '*.mjs',
  '*.cjs',
  '*.js',
  '*.cc',
  '*.h',
  '*.c',
  '*.def',
  '*.peggy',
  'scripts/*',
)) {
  if (file.includes('/generated/') || file.startsWith('include/')) continue;
  const lines = readFileSync(file, 'utf8').split('\n').length - 1;
  if (lines <= LIMIT) continue;
  large.add(file);
  if (!ALLOWED[file]) {
    console.error(
      `${file}: ${lines} lines; look for the second thing it does, or give a reason in scripts/checks/large-files.json`,
    );
    bad++;
  }
}
for (const file of Object.keys(ALLOWED)) {
  if (!large.has(file)) {
    console.error(
      `scripts/checks/large-files.json: ${file} no longer has more than ${LIMIT} lines (or is gone); take it off the list`,
    );
    bad++;
  }
}
process.exit(bad > 0 ? 1 : 0);
