/**
 * Questions that administrators ask of saved texts: test/questions/files.yaml, each with an answer that a shell found in the same text by
 * grep, sed and awk. Both the shell and the program must give it.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { parse } from 'yaml';
import { tableOf } from '../lib/compiler/index.js';
import { type QuestionResult, runQuestion } from '../lib/query/run.js';
import { kindOfPath, openFileSet, readFileSet } from '../lib/sources/file-set.js';
import { jsonCell } from '../lib/tables/format.js';
import { TABLES } from '../lib/tables/generated/tables.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';
import { TableView } from '../lib/tables/view.js';

interface Row {
  readonly question: string;
  readonly asks: string;
  readonly fixture: string;
  readonly by: string;
  readonly expected: readonly string[];
}

const fixtures = new URL('fixtures/', import.meta.url).pathname;
const FIXTURES: Readonly<Record<string, string>> = {
  sos: 'sos',
  'list-ipv4': 'ct/list-ipv4.txt',
  'list-ipv6': 'ct/list-ipv6.txt',
  'lab-counters': 'ct/lab-counters.txt',
  'lab-plain': 'ct/lab-plain.txt',
};
const read = (file: string) => readFileSync(new URL(`questions/${file}`, import.meta.url), 'utf8');
const rows = parse(read('files.yaml')) as Row[];
const prelude = read('prelude.sh');

const snapshots = new Map<string, TableSnapshot>();
t.teardown(() => {
  for (const snapshot of snapshots.values()) snapshot.close();
});

/** The table of the question in its fixture; each is read once. */
async function snapshotFor({ question, fixture }: Row): Promise<TableSnapshot> {
  const table = tableOf(question, TABLES);
  const key = `${fixture} ${table.name}`;
  const known = snapshots.get(key);
  if (known) return known;
  const path = `${fixtures}${FIXTURES[fixture]}`;
  const { snapshot } = await readFileSet(await openFileSet(path, await kindOfPath(path)), table);
  snapshots.set(key, snapshot);
  return snapshot;
}

/** The answer's rows as --format csv has them. */
function lines({ answer, columns }: QuestionResult, snapshot: TableSnapshot): string[] {
  const view = new TableView(snapshot);
  if (answer.kind === 'count') return [`${answer.count}`];
  if (answer.kind === 'rows') {
    return [...answer.rows].map((row) =>
      columns
        .map(({ title }) => {
          const column = view.column(title);
          return `${jsonCell(column, view.cell(row, column), view) ?? ''}`;
        })
        .join(','),
    );
  }
  return answer.groups.map(({ count, keys }) => {
    const cells = answer.keys.map((title, i) => `${jsonCell(view.column(title), keys[i] ?? null, view) ?? ''}`);
    return [...cells, `${count}`].join(',');
  });
}

t.test(`${rows.length} questions`, async (t) => {
  t.ok(rows.length >= 120, 'at least 120');
  t.equal(new Set(rows.map(({ fixture, question }) => `${fixture} ${question}`)).size, rows.length, 'no two alike');
  for (const row of rows) {
    const shell = execFileSync('sh', ['-c', `${prelude}\n${row.by}; true`], { cwd: fixtures, encoding: 'utf8' });
    const found = shell.split('\n').filter((line) => line !== '');
    t.strictSame(found.sort(), [...row.expected].sort(), `the shell: ${row.question}`);
    const snapshot = await snapshotFor(row);
    const answered = lines(await runQuestion(row.question, snapshot), snapshot);
    t.strictSame(answered.sort(), [...row.expected].sort(), `${row.asks}: ${row.question}`);
  }
});
