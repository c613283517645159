/** What questions leave for the next: programs that were compiled, and a window with the snapshot mapped. Answers are those of a question that is alone. */
// Runs beside others.
import t from 'tap';
import { KeptWindow, PreparedQuestions } from '../lib/query/kept.js';
import { runQuestion } from '../lib/query/run.js';
import { Program, type ProgramSpec } from '../lib/runner/program.js';
import { readDpFlowsFile } from '../lib/sources/dp-flows.js';
import kept from './questions/dp-flows.json' with { type: 'json' };
import { assemble } from './support/asm.js';
import { caught } from './support/errors.js';

const lab = await readDpFlowsFile(new URL('fixtures/dumps/grammar1-more.txt', import.meta.url).pathname);
t.teardown(() => lab.close());

const load = (source: string, more: Partial<ProgramSpec> = {}): Program =>
  Program.load({ code: assemble(source), kernelFunctions: 'ctinspector', ...more });

t.test('each question twice, between others: the same answers as alone', async (t) => {
  const left = { prepared: new PreparedQuestions(1000), window: new KeptWindow() };
  const outcome = async (question: string, with_ = {}) => {
    try {
      const { answer, columns, facts } = await runQuestion(question, lab, with_);
      return { answer, titles: columns.map(({ title }) => title), undecided: facts.undecided, fuel: facts.fuel };
    } catch (error) {
      return (error as Error).message;
    }
  };
  const questions = kept.map(({ question }) => question);
  for (const order of [questions, [...questions].reverse()])
    for (const question of order) t.same(await outcome(question, { kept: left }), await outcome(question), question);
  t.ok(questions.length > 20);
  const [question] = questions;
  t.equal(left.prepared.get(question!)!.program, left.prepared.get(question!)!.program);
  // At once: one window is there, the others are made.
  const together = await Promise.all(questions.map((one) => outcome(one, { kept: left, fuelSlice: 50n })));
  t.same(together, await Promise.all(questions.map((one) => outcome(one))));
  const before = left.window.take();
  t.ok(before && !before.closed && before.ended, 'one window is kept');
  t.equal(left.window.take(), undefined, 'and only one');
  left.window.close();
  left.window.give(before!);
  t.ok(before!.closed, 'after the snapshot nothing is');
});

t.test('a question that is stopped, and one that fails, leave nothing that the next one meets', async (t) => {
  const left = { prepared: new PreparedQuestions(8), window: new KeptWindow() };
  const stop = new AbortController();
  const stopped = runQuestion('dp_flows | count by in_port', lab, {
    kept: left,
    signal: stop.signal,
    fuelSlice: 10n,
    onProgress: () => stop.abort(),
  });
  await t.rejects(stopped, { code: 'CANCELLED' });
  t.equal(left.window.take(), undefined);
  const { answer } = await runQuestion('dp_flows | count', lab, { kept: left });
  t.match(answer, { kind: 'count', count: BigInt(lab.facts.nRows) });
  await t.rejects(runQuestion('dp_flows | where nothing = 1', lab, { kept: left }), { code: 'QUERY_NAME' });
  t.match((await runQuestion('dp_flows | count', lab, { kept: left })).answer, answer);
  left.window.close();
});

t.test('how much is kept', async (t) => {
  const prepared = new PreparedQuestions(2);
  const ask = (question: string) => runQuestion(question, lab, { kept: { prepared, window: new KeptWindow() } });
  const [a, b, c] = ['dp_flows | count', 'dp_flows | limit 1', 'dp_flows | where tcp'] as const;
  for (const question of [a, b, a, c]) await ask(question);
  t.ok(prepared.get(a) && prepared.get(c) && !prepared.get(b), 'those that were asked last');
  await ask(`dp_flows | where ${Array.from({ length: 2000 }, (_, i) => `tp_dst = ${i}`).join(' or ')} | count`);
  t.ok(prepared.get(a) && prepared.get(c), 'a long text is not');
  const large = new KeptWindow();
  const run = load('exit', { bssSize: 16 << 20 }).start();
  run.step(10n);
  large.give(run);
  t.ok(run.closed, 'nor a window with much of its own');
});

t.test('a window is used again with its tables and nothing else', (t) => {
  const DATA = 0x2000_0000;
  const STACK = load('r0 = r10\n exit').run();
  const stack = STACK.kind === 'exited' ? STACK.r0 : 0n;
  const tables = [
    {
      name: 'one',
      nRows: 1,
      generation: 1n,
      schemaHash: '0'.repeat(16),
      segments: [{ name: 's', bytes: Uint8Array.of(7), size: 1, stride: 1, nRecords: 1 }],
    },
  ];
  const write = load(
    `r1 = ${DATA} ll\n r2 = 0x5ec2e7\n *(u64 *)(r1 + 8) = r2\n *(u64 *)(r10 - 8) = r2\n r0 = 1\n exit`,
    {
      data: Uint8Array.of(1),
      bssSize: 64,
    },
  );
  const look = load(
    `r1 = ${DATA} ll\n r0 = *(u64 *)(r1 + 8)\n r2 = *(u64 *)(r10 - 8)\n r0 |= r2\n r3 = 0x40000000 ll\n r4 = *(u8 *)(r3 + 0)\n r0 |= r4\n exit`,
    { data: Uint8Array.of(2), bssSize: 64 },
  );
  const first = write.start({ tables });
  t.match(
    caught(() => look.startIn(first)),
    { code: 'INVALID_ARGUMENT', message: /only after a run that has ended/ },
  );
  t.match(first.step(100n), { kind: 'exited', r0: 1n });
  const second = look.startIn(first);
  t.ok(first.closed);
  t.match(
    second.step(100n),
    { kind: 'exited', r0: 7n },
    `data, bss and the stack at ${stack} are new, the table is there`,
  );
  t.same([...second.read(DATA, 2)], [2, 0]);
  // One with less of everything: what the one before had is unmapped.
  const bare = load(`r1 = ${DATA} ll\n r0 = *(u8 *)(r1 + 0)\n exit`).startIn(second);
  t.match(bare.step(100n), { kind: 'trapped', trap: 'unmapped' });
  t.match(load('r0 = 5\n exit').startIn(bare).step(100n), { kind: 'exited', r0: 5n }, 'after a trap, too');
  t.match(
    caught(() => look.startIn(bare)),
    { message: /the run is closed/ },
  );

  for (const options of [{ memory: Uint8Array.of(1) }, { suspends: true }, { segments: tables[0]!.segments }]) {
    using run = load('exit').start(options);
    run.step(10n);
    t.match(
      caught(() => look.startIn(run)),
      { code: 'INVALID_ARGUMENT' },
    );
  }
  t.end();
});
