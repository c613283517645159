/** Every question in README.md and docs/: it compiles, and runs over recorded rows. Rates and changes run over the same rows twice. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../lib/addon.js';
import { checkQuestion } from '../lib/cli/check-question.js';
import { questionOfCondition } from '../lib/compiler/index.js';
import { CtiError } from '../lib/errors.js';
import { runQuestion } from '../lib/query/run.js';
import { samplesNeeded } from '../lib/query/samples.js';
import { readTextFile } from '../lib/sources/text-file.js';
import { TABLES } from '../lib/tables/generated/tables.js';
import { combineSamples } from '../lib/tables/sampled.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';

const FIXTURES: Readonly<Record<string, string>> = {
  dp_flows: 'dumps/keys-more.txt',
  ct: 'ct/lab-plain.txt',
  of_rules: 'of_rules/matches-15.txt',
};

/** Text in a code span or block that asks something: [question, place]. */
function questionsOf(file: string): [question: string, place: string][] {
  const found: [string, string][] = [];
  const names = TABLES.map(({ name }) => name).join('|');
  const lines = readFileSync(join(packageRoot, file), 'utf8').split('\n');
  let isCode = false;
  let isConditions = false;
  for (const [i, line] of lines.entries()) {
    const add = (question: string): void => void found.push([question, `${file}:${i + 1}`]);
    if (line.startsWith('```')) isCode = !isCode;
    if (/^\| condition \|/.test(line)) isConditions = true;
    else if (!line.startsWith('|')) isConditions = false;
    const spans =
      isCode || line.startsWith('    ') ? [line.trim()] : [...line.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);
    // A condition by itself: the first cell of a row of conditions.
    if (isConditions && /^\| `/.test(line)) {
      const [cell = ''] = line.slice(2).split(/ (?<!\\)\| /);
      for (const [, text] of cell.matchAll(/`([^`]+)`/g))
        add(questionOfCondition('dp_flows', text!.replaceAll('\\|', '|')));
    }
    for (const raw of spans) {
      const text = raw.replaceAll('\\|', '|');
      const quoted = /ctinspector (query|watch|explain|flows|top)\b[^']*'([^']+)'/.exec(text);
      if (/\b(QUESTION|CONDITION)\b/.test(text)) continue;
      if (quoted) add(/flows|top/.test(quoted[1]!) ? questionOfCondition('dp_flows', quoted[2]!) : quoted[2]!);
      else if (new RegExp(`^(${names}) \\| \\S`).test(text)) add(text);
    }
  }
  return found;
}

const files = [
  'README.md',
  ...readdirSync(join(packageRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const questions = files.flatMap(questionsOf);

const recorded = (table: string): Promise<TableSnapshot> =>
  readTextFile(TABLES.find(({ name }) => name === table)!, join(packageRoot, 'test/fixtures', FIXTURES[table]!), {});

t.test('questions of the documents', async (t) => {
  t.ok(questions.length > 50, `${questions.length} questions`);
  for (const [question, place] of questions) {
    const what = `${place}: ${question}`;
    let table: string;
    try {
      table = checkQuestion(question).name;
    } catch (error) {
      t.fail(`${what}: ${(error as Error).message}`);
      continue;
    }
    if (!FIXTURES[table]) continue; // pmds and ports are of a running switch alone
    const rows = await recorded(table);
    const needed = samplesNeeded(question, rows.schema);
    const snapshot = needed ? combineSamples(await recorded(table), rows, needed.sampled, { intervalMs: 2000 }) : rows;
    try {
      await runQuestion(question, snapshot);
      t.pass(what);
    } catch (error) {
      // The ports of the examples are not those of the recording.
      const isName = error instanceof CtiError && /no (port|datapath) is called|ports go by name/.test(error.message);
      t.ok(isName, `${what}: ${(error as Error).message}`);
    } finally {
      snapshot.close();
    }
  }
});
