/**
 * Tables from many files: a directory, and archives of it made by tar, gzip and xz; what is wrong with an archive; and all of it as a user
 * without rights, without a switch and without OVS.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { packageRoot } from '../lib/addon.js';
import { CtiError } from '../lib/errors.js';
import { runQuestion } from '../lib/query/run.js';
import { LIMITS } from '../lib/sources/archive.js';
import { namedDump } from '../lib/sources/file-names.js';
import { kindOfPath, openFileSet, readEachFile, readFileSet } from '../lib/sources/file-set.js';
import { readTextFile } from '../lib/sources/text-file.js';
import { recognise, TEXT_FORMS } from '../lib/sources/text-forms.js';
import type { TableSchema } from '../lib/table-schema.js';
import { CT } from '../lib/tables/generated/ct.js';
import { DP_FLOWS } from '../lib/tables/generated/dp-flows.js';
import { OF_RULES } from '../lib/tables/generated/of-rules.js';
import { TableView } from '../lib/tables/view.js';

const FIXTURES = new URL('fixtures/', import.meta.url).pathname;
const BIN = join(packageRoot, 'dist/cli/bin.js');
const SOS = join(FIXTURES, 'sos');
const dir = mkdtempSync(join(tmpdir(), 'cti-sets-'));
chmodSync(dir, 0o755);
t.teardown(() => rmSync(dir, { recursive: true }));

const tar = (name: string, ...args: string[]): string => {
  const path = join(dir, name);
  execFileSync('tar', ['-cf', path, ...args], { cwd: FIXTURES });
  return path;
};
const plain = tar('sos.tar', 'sos');
const gzip = tar('sos.tar.gz', '-z', 'sos');
const xz = tar('sos.tar.xz', '-J', 'sos');

async function countOf(path: string, table: TableSchema): Promise<number> {
  const set = await openFileSet(path, await kindOfPath(path));
  const { snapshot } = await readFileSet(set, table);
  using held = snapshot;
  return held.facts.nRows;
}

async function fails(t: Test, what: string, message: RegExp, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
    t.fail(`${what}: expected an error`);
  } catch (error) {
    if (!(error instanceof CtiError)) throw error;
    t.match(error.message, message, what);
  }
}

t.test('a directory and its archives have the same tables', async (t) => {
  for (const path of [SOS, plain, gzip, xz]) {
    t.equal(await kindOfPath(path), path === SOS ? 'directory' : 'archive');
    const counts = [];
    for (const table of [DP_FLOWS, CT, OF_RULES]) counts.push(await countOf(path, table));
    t.strictSame(counts, [426, 297, 217], path);
  }
});

t.test('every recorded text is recognised, whatever its name, and read whole', async (t) => {
  const files = await readEachFile(await openFileSet(FIXTURES, 'directory'));
  const of = (table: string) => files.filter(({ file }) => file.form.schema.name === table).length;
  t.strictSame([of('dp_flows'), of('ct'), of('of_rules')], [51, 10, 21]);
  for (const { file, facts } of files) {
    t.ok(facts.nRows > 0, file.path);
    // OVS itself could not print all rules of OpenFlow 1.0, and /proc has words for GRE that nobody else prints.
    if (!file.path.endsWith('actions-10.txt')) t.strictSame(facts.rejected, [], `nothing rejected: ${file.path}`);
    else t.match(facts.rejected, [{ what: 'no actions', sample: /decode error/ }, { count: 614 }]);
    if (file.path.startsWith('dumps')) continue; // test/snapshot.test.ts
    if (!file.path.endsWith('list-proc.txt')) t.strictSame(facts.unknown, [], `all understood: ${file.path}`);
    else t.match(facts.unknown, [{ what: 'word timeout' }, { what: 'word stream_timeout' }]);
  }
});

t.test('bridges and datapaths are kept apart; of two dumps of one, one is read', async (t) => {
  const set = await openFileSet(SOS, 'directory');
  const { snapshot, passedOver } = await readFileSet(set, OF_RULES);
  using held = snapshot;
  const view = new TableView(held);
  const { answer } = await runQuestion('of_rules | count by bridge', held);
  if (answer.kind !== 'groups') throw new Error(answer.kind);
  t.strictSame(
    answer.groups.map(({ count, keys }) => [view.datapath(Number(keys[0]!.value)), Number(count)]),
    [
      ['br-int', 119],
      ['br-remote', 97],
      ['br-ex', 1],
    ],
  );
  t.match(passedOver, [
    /^not read: .*br-ex \(the same rules are in .*OpenFlow13_dump-flows_br-ex\) and 5 more; ctinspector tables --from/,
  ]);
  t.match(held.facts.source, /\(3 of its files\)$/);
});

t.test('what names of files say', (t) => {
  t.match(namedDump('of_rules', 'a/ovs-ofctl_-O_OpenFlow14_dump-flows_br-ex'), { datapath: 'br-ex', rank: 14 });
  t.match(namedDump('of_rules', 'ovs-ofctl_dump-flows_br0.gz'), { datapath: 'br0', rank: 9 });
  t.match(namedDump('dp_flows', 'ovs-appctl_dpctl.dump-flows_-m_system_ovs-system'), { datapath: 'system@ovs-system' });
  t.match(namedDump('dp_flows', 'ovs-dpctl_dump-flows_--name_-m_type_offloaded'), { part: /type=offloaded/ });
  t.match(namedDump('ct', 'conntrack_-L_-o_extended'), { datapath: '', rank: 0 });
  t.match(namedDump('of_rules', 'rules of br0.txt'), { datapath: '', rank: 0 });
  t.end();
});

t.test('texts are told by their lines', (t) => {
  for (const [head, table] of [
    ['flow-dump from the main thread:\n', 'dp_flows'],
    ['recirc_id(0),in_port(2), packets:5, bytes:5, used:never, actions:3\n', 'dp_flows'],
    ['udp,orig=(src=1.1.1.1,dst=2.2.2.2,sport=1,dport=2),reply=(src=2.2.2.2', 'ct'],
    ['udp      17 29 src=10.0.0.1 dst=10.0.0.53 sport=1 dport=53 [UNREPLIED] src=', 'ct'],
    ['conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.\n', 'ct'],
    ['NXST_FLOW reply (xid=0x4):\n', 'of_rules'],
    [' priority=5,ip actions=drop\n', 'of_rules'],
    ['actions=NORMAL\n', 'of_rules'],
    ['\n# comment\nHello, actions speak louder\n', undefined],
    ['', undefined],
  ] as const) {
    t.equal(recognise(head)?.schema.name, table, JSON.stringify(head));
  }
  t.equal(TEXT_FORMS.length, 3);
  t.end();
});

t.test('an archive that is cut short anywhere is refused, with a reason', async (t) => {
  for (const path of [plain, gzip, xz]) {
    const bytes = readFileSync(path);
    const cut = join(dir, 'cut');
    const sizes = [1, 2, 3, 5, 7]
      .map((n) => Math.floor((bytes.length * n) / 8))
      .concat(bytes.length - 10_240, bytes.length - 20);
    for (const size of sizes) {
      if (size < 1024) continue;
      // tar fills the end with blocks of zeros: two of them are the end, more say nothing.
      if (path === plain && bytes.subarray(size - 1024).every((byte) => byte === 0)) continue;
      writeFileSync(cut, bytes.subarray(0, size));
      await fails(t, `${path} after ${size} bytes`, /^\S+cut: .*(cut short or damaged)/, async () =>
        openFileSet(cut, 'archive'),
      );
    }
  }
  const bad = readFileSync(plain);
  bad.fill(0x41, 1024 * 3, 1024 * 3 + 600);
  bad.write('garbage', 150);
  writeFileSync(join(dir, 'bad.tar'), bad);
  await fails(t, 'a damaged header', /the archive is cut short or damaged \(.*checksum/, async () =>
    openFileSet(join(dir, 'bad.tar'), 'archive'),
  );
});

t.test('links, odd paths and special files lead nowhere', async (t) => {
  const tricks = join(dir, 'tricks');
  mkdirSync(join(tricks, 'sub'), { recursive: true });
  cpSync(join(FIXTURES, 'ct/list-ipv6.txt'), join(tricks, 'sub/real.txt'));
  symlinkSync(join(FIXTURES, 'ct/list-ipv4.txt'), join(tricks, 'link.txt'));
  symlinkSync('/', join(tricks, 'root'));
  symlinkSync('..', join(tricks, 'sub/loop'));
  execFileSync('mkfifo', [join(tricks, 'pipe')]);
  writeFileSync(join(tricks, 'sub/empty'), '');
  const set = await openFileSet(tricks, 'directory');
  t.strictSame(
    set.files.map(({ path }) => path),
    ['sub/real.txt'],
  );
  t.strictSame([set.others, set.skipped], [1, { links: 3, special: 1 }]);
  t.equal(await countOf(tricks, CT), 3);

  const evil = join(dir, 'evil.tar');
  execFileSync('tar', [
    '-cPf',
    evil,
    '--transform',
    's,^.*/real.txt,../../../../tmp/cti-evil,',
    '--exclude=pipe',
    tricks,
  ]);
  const archive = await openFileSet(evil, 'archive');
  t.match(
    archive.files.map(({ path }) => path),
    [/cti-evil$/],
  );
  t.equal(await countOf(evil, CT), 3, 'read, not written');
  t.throws(() => readFileSync('/tmp/cti-evil'), { code: 'ENOENT' });
});

t.test('what is too much is refused', async (t) => {
  const small = (limits: Partial<typeof LIMITS>) => ({ limits: { ...LIMITS, ...limits } });
  for (const [path, kind] of [
    [SOS, 'directory'],
    [gzip, 'archive'],
  ] as const) {
    await fails(t, `${kind}: files`, /more than 5 files/, async () => openFileSet(path, kind, small({ entries: 5 })));
    await fails(t, `${kind}: bytes`, /more than 1000 bytes/, async () =>
      openFileSet(path, kind, small({ bytes: 1000 })),
    );
  }
  await fails(t, 'depth', /1 directories in one another/, async () =>
    openFileSet(SOS, 'directory', small({ depth: 1 })),
  );
});

t.test('the wrong text says which table it is', async (t) => {
  const text = join(FIXTURES, 'ct/list-ipv4.txt');
  await fails(t, 'ct for rules', /expected what 'ovs-ofctl dump-flows' prints.*ask of table ct$/, async () =>
    readTextFile(OF_RULES, text),
  );
  await fails(t, 'a tar', /this is a tar archive/, async () => readTextFile(CT, plain));
  await fails(t, 'no such table', /it has no file of what .*, for table ct; it has of_rules/, async () =>
    readFileSet(await openFileSet(join(FIXTURES, 'of_rules'), 'directory'), CT),
  );
});

t.test(
  'neither rights nor OVS are needed',
  { skip: process.getuid?.() !== 0 && 'needs root, to give rights up' },
  async (t) => {
    const node = join(dir, 'bin');
    mkdirSync(node);
    symlinkSync(process.execPath, join(node, 'node'));
    symlinkSync('/usr/bin/xz', join(node, 'xz'));
    const run = (...args: string[]) =>
      spawnSync(
        '/usr/bin/setpriv',
        [
          '--reuid=65534',
          '--regid=65534',
          '--clear-groups',
          '--bounding-set=-all',
          '--no-new-privs',
          // An environment of its own, after tap has put its own things into it.
          '/usr/bin/env',
          '-i',
          `PATH=${node}`,
          'HOME=/nonexistent',
          join(node, 'node'),
          BIN,
          ...args,
        ],
        {
          env: { PATH: node, HOME: '/nonexistent' },
          encoding: 'utf8',
          cwd: '/',
        },
      );
    // Those who may not read the fixtures in place get copies.
    const copies = join(dir, 'copies');
    cpSync(FIXTURES, copies, { recursive: true });
    execFileSync('chmod', ['-R', 'a+rX', copies]);
    const dumps = ['-more', '-names', '-plain', '-numbers'].map((form) => `dumps/pipeline${form}.txt`);
    for (const file of dumps) {
      const done = run('flows', '--from', join(copies, file));
      t.equal(done.status, 0, `${file}: ${done.stderr}`);
      t.match(done.stdout, /actions:/);
    }
    for (const [question, path, rows] of [
      ['dp_flows | count', gzip, '426'],
      ['ct | count', xz, '297'],
      ['of_rules | count', plain, '217'],
      ['ct | count', join(copies, 'ct/list-ipv4.txt'), '13'],
    ] as const) {
      const done = run('query', '--format', 'csv', question, '--from', path);
      t.match(done, { status: 0, stdout: `count\r\n${rows}\r\n` }, `${question} --from ${path}: ${done.stderr}`);
    }
    t.match(run('tables', '--from', xz), { status: 0, stdout: /ovs-ofctl_dump-flows_br-int +of_rules +br-int +119/ });
  },
);
