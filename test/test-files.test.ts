/** What runs the tests (scripts/checks/test-files.ts) and what counts them (summary.ts): order, and that whatever goes wrong in a file is told. */
// Takes 30 s.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { packageRoot } from '../lib/addon.js';

mkdirSync(join(packageRoot, '.build'), { recursive: true });
// In the package, so that the files find tap.
const dir = mkdtempSync(join(packageRoot, '.build', 'test-files-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

const ALONE = '// Runs alone: it counts what the machine has.\n';
const PASSES = "import t from 'tap';\nt.pass('one');\nt.test('two', async (t) => t.ok(true));\n";

interface Ran {
  /** Of the runner. */
  status: number;
  tap: string;
  err: string;
  /** The closing line, and the status that it came with. */
  summary: string;
  end: number;
}

/** Runs files of these texts, then counts them and native results as scripts/test does. */
async function runFiles(t: Test, texts: Record<string, string>, native: readonly string[] = []): Promise<Ran> {
  const here = mkdtempSync(join(dir, 'run-'));
  const files = Object.entries(texts).map(([name, text]) => {
    writeFileSync(join(here, name), text);
    return join(here, name);
  });
  const env = Object.fromEntries(
    Object.entries({ ...process.env, LOG: join(here, 'log') }).filter(([name]) => !name.startsWith('TAP')),
  );
  const script = (name: string, ...words: string[]) =>
    new Promise<{ status: number; out: string; err: string }>((resolve) => {
      const args = ['--import', './test/support/typescript.mjs', join('scripts/checks', name), ...words];
      execFile(
        process.execPath,
        args,
        { env: { ...env, NODE_OPTIONS: '' }, maxBuffer: 1 << 28, timeout: 600_000 },
        (error, out, err) => resolve({ status: error ? Number(error.code ?? 1) : 0, out, err }),
      );
    });
  const ran = await script('test-files.ts', ...files);
  const results = join(here, 'results');
  mkdirSync(results);
  writeFileSync(join(results, 'tap.txt'), ran.out);
  for (const [i, text] of native.entries()) writeFileSync(join(results, `native-${i}.xml`), text);
  const summed = await script('summary.ts', results, '0', String(ran.status));
  t.comment(summed.out.trim());
  return {
    status: ran.status,
    tap: ran.out,
    err: ran.err,
    summary: summed.out.trim().split('\n').at(-1)!,
    end: summed.status,
  };
}

t.test('all pass', async (t) => {
  const ran = await runFiles(t, { 'a.ts': PASSES, 'b.ts': PASSES, 'c.ts': ALONE + PASSES });
  t.match(ran, { status: 0, end: 0, summary: '6 passed, 0 failed' });
  t.equal(ran.tap.match(/^ok /gm)?.length, 3);
});

/** What goes wrong in a file, and the file: each of them has to be told by itself. */
const WRONG: Readonly<Record<string, string>> = {
  assertion: "import t from 'tap';\nt.pass('x');\nt.fail('y');\n",
  'test-of-a-test': "import t from 'tap';\nt.test('x', (t) => t.test('y', async (t) => t.fail('z')));\n",
  'status-after-all-passed': `${PASSES}process.on('exit', () => { process.exitCode = 3; });\n`,
  'end-in-the-middle': "import t from 'tap';\nt.test('x', async (t) => { t.pass('y'); process.exit(0); });\n",
  signal: `${PASSES}process.kill(process.pid, 'SIGKILL');\n`,
  'fault-outside-of-tests': "throw new Error('x');\n",
  'does-not-compile': 'const = 1;\n',
  'plan-not-met': "import t from 'tap';\nt.plan(2);\nt.pass('x');\n",
};

t.test('one assertion among others', async (t) => {
  const texts = { 'a.ts': PASSES, 'b.ts': WRONG.assertion!, 'c.ts': ALONE + PASSES, 'd.ts': ALONE + WRONG.assertion };
  t.match(await runFiles(t, texts), { status: 1, end: 1, summary: '6 passed, 2 failed' });
});

t.test('what goes wrong in files, beside others and alone', async (t) => {
  const wrong = Object.entries(WRONG).flatMap(([name, text]): [string, string][] => [
    [`beside-${name}.ts`, text],
    [`alone-${name}.ts`, ALONE + text],
  ]);
  const all = await runFiles(t, { 'a.ts': PASSES, ...Object.fromEntries(wrong), 'c.ts': ALONE + PASSES });
  t.match(all, { status: 1, end: 1 });
  for (const [name] of wrong) t.match(all.tap, new RegExp(`^not ok \\d+ - .*/${name}`, 'm'), name);
  t.match(all.tap, /^ok \d+ - .*\/a\.ts[\s\S]*^ok \d+ - .*\/c\.ts/m, 'the others run');
  const failed = Number(/ (\d+) failed/.exec(all.summary)?.[1]);
  t.ok(failed >= wrong.length, `each is counted: ${all.summary}`);
});

t.test('files run two at a time, long ones first, then alone those that say so', async (t) => {
  const log = `import { appendFileSync, existsSync, readFileSync } from 'node:fs';
    import t from 'tap';
    const say = (what: string) => appendFileSync(process.env.LOG!, what + '\\n');
    const has = (what: string) => existsSync(process.env.LOG!) && readFileSync(process.env.LOG!, 'utf8').includes(what);
    t.equal(process.env.NODE_OPTIONS, '', "without tap's own");\n`;
  const meets = (me: string, other: string, head = '') =>
    `${head}${log}
    t.test('meets', async (t) => {
      say('${me} begins');
      for (let i = 0; i < 6000 && !has('${other}'); i++) await new Promise((next) => setTimeout(next, 10));
      t.ok(has('${other}'));
      say('${me} ends');
    });\n`;
  const alone = (me: string) =>
    `${ALONE}${log}
    t.test('alone', async (t) => {
      say('${me} begins');
      await new Promise((next) => setTimeout(next, 100));
      say('${me} ends');
      t.pass('x');
    });\n`;
  const texts = {
    'x.ts': alone('x'),
    'c.ts': meets('c', 'a begins'),
    'a.ts': meets('a', 'b begins', '// Takes 9 s.\n'),
    'y.ts': alone('y'),
    'b.ts': meets('b', 'a begins', '// Takes 70 s.\n'),
  };
  const ran = await runFiles(t, texts);
  t.match(ran, { status: 0, end: 0, summary: '10 passed, 0 failed' }, ran.tap);
  const order = ran.tap.match(/(?<=^ok \d+ - \S*\/)[a-z](?=\.ts)/gm);
  t.strictSame(order, ['b', 'a', 'c', 'x', 'y'], 'those alone are last');
  const [, where = ''] = /# Subtest: (\S*)a\.ts/.exec(ran.tap) ?? [];
  const said = readFileSync(join(where, 'log'), 'utf8').trim().split('\n');
  t.strictSame(said.slice(0, 2).sort(), ['a begins', 'b begins'], 'the long ones first, both at once');
  t.strictSame(said.slice(-4), ['x begins', 'x ends', 'y begins', 'y ends']);
});

t.test('alone without a reason is refused', async (t) => {
  const ran = await runFiles(t, { 'a.ts': PASSES, 'b.ts': `// Runs alone.\n${PASSES}` });
  t.match(ran, { status: 1, end: 1 });
  t.match(ran.err, /b\.ts: expected '\/\/ Runs alone: REASON\.' but found '\/\/ Runs alone\.'/);
});

t.test('native results are counted, of every process', async (t) => {
  const xml = (...cases: string[]) => `<testsuites><testsuite>${cases.join('\n')}</testsuite></testsuites>`;
  const good = '<testcase classname="x" name="y" time="1" status="run"/>';
  const bad =
    '<testcase classname="x" name="z" time="1" status="run">\n<failure message="m" type="CHECK"></failure></testcase>';
  t.match(await runFiles(t, { 'a.ts': PASSES }, [xml(good, good), xml(good)]), {
    end: 0,
    summary: '5 passed, 0 failed',
  });
  t.match(await runFiles(t, { 'a.ts': PASSES }, [xml(bad, good), xml(good)]), {
    end: 1,
    summary: '4 passed, 1 failed',
  });
});

t.test('no file at all is no success', async (t) => {
  t.match(await runFiles(t, {}), { end: 1, summary: '0 passed, 1 failed' });
});
