/** What runs the tests (scripts/checks/test-files.ts) and what counts them (summary.ts): order, and that whatever goes wrong in a file is told. */
// Runs beside others.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { packageRoot } from '../lib/addon.js';
import { run } from './support/daemon.js';

mkdirSync(join(packageRoot, '.build'), { recursive: true });
// In the package, so that the files find tap.
const dir = mkdtempSync(join(packageRoot, '.build', 'test-files-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

const BESIDE = '// Runs beside others.\n';
const PASSES = "import t from 'tap';\nt.pass('one');\nt.test('two', async (t) => t.ok(true));\n";

interface Ran {
  /** Of the runner. */
  status: number;
  tap: string;
  /** The closing line, and the status that it came with. */
  summary: string;
  end: number;
}

/** Runs files of these texts, then counts them as scripts/test does. */
async function runFiles(t: Test, texts: Record<string, string>): Promise<Ran> {
  const here = mkdtempSync(join(dir, 'run-'));
  const files = Object.entries(texts).map(([name, text]) => {
    writeFileSync(join(here, name), text);
    return join(here, name);
  });
  const env = Object.fromEntries(
    Object.entries({ ...process.env, LOG: join(here, 'log') }).filter(([name]) => !name.startsWith('TAP')),
  );
  const script = (name: string, ...words: string[]) =>
    run(process.execPath, ['--import', './test/support/typescript.mjs', join('scripts/checks', name), ...words], {
      ...env,
      NODE_OPTIONS: '',
    });
  const ran = await script('test-files.ts', ...files);
  const results = join(here, 'results');
  mkdirSync(results);
  writeFileSync(join(results, 'tap.txt'), ran.out);
  const summed = await script('summary.ts', results, '0', String(ran.status));
  t.comment(summed.out.trim());
  return { status: ran.status, tap: ran.out, summary: summed.out.trim().split('\n').at(-1)!, end: summed.status };
}

t.test('all pass', async (t) => {
  const ran = await runFiles(t, { 'a.ts': BESIDE + PASSES, 'b.ts': BESIDE + PASSES, 'c.ts': PASSES });
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
for (const [where, head] of [
  ['beside others', BESIDE],
  ['alone', ''],
] as const)
  t.test(`what goes wrong in files that run ${where}`, async (t) => {
    const names = Object.keys(WRONG);
    const one = await runFiles(t, { 'a.ts': BESIDE + PASSES, 'b.ts': head + WRONG.assertion, 'c.ts': PASSES });
    t.match(one, { status: 1, end: 1, summary: '5 passed, 1 failed' }, 'one assertion among others');
    const all = await runFiles(t, {
      'a.ts': BESIDE + PASSES,
      ...Object.fromEntries(names.map((name) => [`${name}.ts`, head + WRONG[name]])),
      'c.ts': PASSES,
    });
    t.match(all, { status: 1, end: 1 });
    for (const name of names) t.match(all.tap, new RegExp(`^not ok \\d+ - .*/${name}\\.ts`, 'm'), name);
    t.match(all.tap, /^ok \d+ - .*\/a\.ts[\s\S]*^ok \d+ - .*\/c\.ts/m, 'the others run');
    const failed = Number(/ (\d+) failed/.exec(all.summary)?.[1]);
    t.ok(failed >= names.length, `each is counted: ${all.summary}`);
  });

t.test('files run beside others where they say so, alone where they do not', async (t) => {
  const log = `import { appendFileSync, existsSync, readFileSync } from 'node:fs';
    import t from 'tap';
    const say = (what: string) => appendFileSync(process.env.LOG!, what + '\\n');
    const has = (what: string) => existsSync(process.env.LOG!) && readFileSync(process.env.LOG!, 'utf8').includes(what);\n`;
  const meets = (me: string, other: string) =>
    `${BESIDE}${log}
    t.test('meets', async (t) => {
      say('${me} begins');
      for (let i = 0; i < 6000 && !has('${other} begins'); i++) await new Promise((next) => setTimeout(next, 10));
      t.ok(has('${other} begins'));
      say('${me} ends');
    });\n`;
  const alone = (me: string) =>
    `${log}
    t.test('alone', async (t) => {
      say('${me} begins');
      await new Promise((next) => setTimeout(next, 100));
      say('${me} ends');
      t.pass('x');
    });\n`;
  const texts = { 'x.ts': alone('x'), 'a.ts': meets('a', 'b'), 'y.ts': alone('y'), 'b.ts': meets('b', 'a') };
  const ran = await runFiles(t, texts);
  t.match(ran, { status: 0, end: 0, summary: '4 passed, 0 failed' }, ran.tap);
  const order = ran.tap.match(/(?<=^ok \d+ - \S*\/)[a-z](?=\.ts)/gm);
  t.strictSame(order, ['a', 'b', 'x', 'y'], 'first those that run beside each other');
  const [, where = ''] = /# Subtest: (\S*)a\.ts/.exec(ran.tap) ?? [];
  const said = readFileSync(join(where, 'log'), 'utf8').trim().split('\n');
  t.strictSame(said.slice(4), ['x begins', 'x ends', 'y begins', 'y ends']);
});

t.test('no file at all is no success', async (t) => {
  t.match(await runFiles(t, {}), { end: 1, summary: '0 passed, 1 failed' });
});
