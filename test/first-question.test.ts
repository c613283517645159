/**
 * The first question, end to end, on a real Open vSwitch: 20,000 megaflows and those of real traffic. What the switch printed is read,
 * asked, and compared with an independent evaluation of the same text; what is captured live equals what ovs-appctl prints.
 */
// Takes 22 s.
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { runQuestion } from '../lib/query/run.js';
import { captureDpFlows, readDpFlowsFile } from '../lib/sources/dp-flows.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';
import kept from './questions/dp-flows.json' with { type: 'json' };
import { startLab } from './support/lab.js';
import { comparable, type KeptQuestion, sameAnswer } from './support/questions.js';
import { evaluate, readLines } from './support/reference.js';

const QUESTIONS = kept as unknown as KeptQuestion[];
const FLOWS = 20_000;

const flowLines = (dump: string): string[] => dump.split('\n').filter((line) => line.startsWith('ufid:'));
const ufid = (line: string): string => line.slice(5, 41);
/** A flow without what changes by itself while nobody looks. */
const still = (line: string): string => line.replace(/, packets:\d+, bytes:\d+, used:[^,]*(, flags:[^,]*)?/, '');
/** What a flow matches, values taken out: keys and masks. */
const shape = (line: string): string =>
  line
    .replace(/, packets:.*/, '')
    .replace(/^ufid:[^,]*, /, '')
    .replace(/=[^(),/]*/g, '=');

function rowTexts(snapshot: TableSnapshot): string[] {
  return Array.from({ length: snapshot.facts.nRows }, (_, row) => snapshot.rowText(row));
}

t.test('a real switch with real traffic', async (t) => {
  const lab = await startLab();
  t.teardown(() => lab.stop());
  await lab.traffic();
  const { installed } = await lab.fill(FLOWS);
  t.ok(installed >= FLOWS);

  await t.test('every row prints as the switch prints it, and nothing is unknown to us', async (t) => {
    const before = flowLines(await lab.dump());
    const snapshot = await captureDpFlows({ rundir: lab.rundir });
    t.teardown(() => snapshot.close());
    const after = flowLines(await lab.dump());
    t.match(snapshot.facts, { rejected: [], unknown: [], nVerbatim: 0 });
    t.ok(snapshot.facts.nRows >= FLOWS);
    t.ok(new Set(before.map(shape)).size >= 6, 'at least six shapes');
    const rows = new Map(rowTexts(snapshot).map((text) => [ufid(text), text]));
    t.equal(rows.size, snapshot.facts.nRows, 'each flow once');
    const printed = new Map([...before, ...after].map((line) => [ufid(line), line]));
    t.same(
      [...rows.keys()].filter((id) => !printed.has(id)),
      [],
      'none that the switch does not have',
    );
    const later = new Set(after.map(ufid));
    t.same(
      before.map(ufid).filter((id) => later.has(id) && !rows.has(id)),
      [],
      'none missing',
    );
    const both = new Set([...before, ...after].map(still));
    t.same(
      [...rows.values()].filter((text) => !both.has(still(text))),
      [],
    );
    // Flows that nobody used in between are the same to the last counter.
    const beforeById = new Map(before.map((line) => [ufid(line), line]));
    const idle = after.filter((line) => line.includes('used:never') && beforeById.get(ufid(line)) === line);
    t.ok(idle.length > FLOWS / 2, `${idle.length} idle flows`);
    t.same(
      idle.filter((line) => rows.get(ufid(line)) !== line),
      [],
    );
  });

  await t.test(`${QUESTIONS.length} questions, and an independent evaluation of the same text`, async (t) => {
    const text = await lab.dump();
    const file = `${t.testdir({})}/dump.txt`;
    writeFileSync(file, text);
    const lines = readLines(text);
    const snapshot = await readDpFlowsFile(file);
    t.teardown(() => snapshot.close());
    t.match(snapshot.facts, { nRows: lines.length, rejected: [], unknown: [], nVerbatim: 0 });
    t.same(rowTexts(snapshot), flowLines(text), 'every row prints as it was printed');
    let telling = 0;
    for (const { question, reference } of QUESTIONS) {
      const want = evaluate(reference, lines);
      const got = await runQuestion(question, snapshot);
      t.ok(sameAnswer(got.answer, want, snapshot), question);
      if (!sameAnswer(got.answer, want, snapshot))
        t.comment(JSON.stringify({ got: comparable(got.answer, snapshot), want }).slice(0, 2000));
      if (want.kind === 'count' ? want.count > 0 : want.kind === 'rows' ? want.rows.length > 0 : want.groups.size > 1)
        telling++;
    }
    t.ok(QUESTIONS.length >= 30);
    t.ok(telling >= 25, `${telling} questions have something to show here`);
  });
});
