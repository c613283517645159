/** Which row of one sample is which of another, in tables whose identity is what is matched: connections and OpenFlow rules, against their texts. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { samplesNeeded } from '../lib/query/samples.js';
import { readTextFile } from '../lib/sources/text-file.js';
import type { TableSchema } from '../lib/table-schema.js';
import { CT } from '../lib/tables/generated/ct.js';
import { OF_RULES } from '../lib/tables/generated/of-rules.js';
import { combineSamples } from '../lib/tables/sampled.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';
import { cli } from './support/cli.js';
import { rowsOf } from './support/dummy-switch.js';
import { randomOf } from './support/mutate-elf.js';

const dir = mkdtempSync(join(tmpdir(), 'cti-identity-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

const SOS = 'test/fixtures/sos/sos_commands/openvswitch';
const linesOf = (path: string): string[] => readFileSync(path, 'utf8').trimEnd().split('\n');

function write(name: string, lines: readonly string[]): string {
  const path = join(dir, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

async function compare(
  schema: TableSchema,
  question: string,
  before: readonly string[],
  after: readonly string[],
  intervalMs = 1000,
): Promise<TableSnapshot> {
  return combineSamples(
    await readTextFile(schema, write('before.txt', before)),
    await readTextFile(schema, write('after.txt', after)),
    samplesNeeded(question, schema)!.sampled,
    { intervalMs },
  );
}

/** How many rows came, went and changed, by a text's own lines: `key` is what tells them apart, `rest` what may change of them. */
function expected(
  before: readonly string[],
  after: readonly string[],
  key: (line: string) => string,
  rest: (line: string) => string,
): Record<string, number> {
  const [was, is] = [before, after].map((lines) => new Map(lines.map((line) => [key(line), rest(line)])));
  const counts = { new: 0, gone: 0, changed: 0 };
  for (const [id, text] of is!) {
    if (!was!.has(id)) counts.new++;
    else if (was!.get(id) !== text) counts.changed++;
  }
  for (const id of was!.keys()) if (!is!.has(id)) counts.gone++;
  return counts;
}

const counted = (table: TableSnapshot): Record<string, number> => {
  const counts: Record<string, number> = { new: 0, gone: 0, changed: 0 };
  for (const { change } of rowsOf(table, ['change'])) counts[String(change)]!++;
  return counts;
};

t.test('connections by their tuples, zones and numbers, against the text', async (t) => {
  const files = [`${SOS}/ovs-appctl_dpctl.dump-conntrack_-m_netdev_ovs-netdev`, 'test/fixtures/ct/lab-plain.txt'];
  const key = (line: string) => `${/^\w+,orig=\([^)]*\)/.exec(line)![0]} ${/,zone=\d+/.exec(line)?.[0] ?? ''}`;
  const rest = (line: string) => line.replace(/,timeout=\d+/, '');
  for (const [i, file] of files.entries()) {
    const random = randomOf(i + 1);
    const before = linesOf(file);
    t.equal(new Set(before.map(key)).size, before.length, 'each is there once');
    const after = before.flatMap((line) => {
      const other = [
        () => [],
        () => [line.replace(/timeout=\d+/, `timeout=${random(90)}`)],
        () => [line.includes(',mark=') ? line.replace(/,mark=\d+/, ',mark=77') : line],
        () => [line, line.replace(/^(\w+,orig=\(src=)[\d.]+(?=,)/, '$1192.0.2.7')],
        () => [line.replace(/(reply=\(src=)[\d.]+(?=,)/, '$1192.0.2.8')],
        () => [line.includes(',zone=') ? line.replace(/,zone=\d+/, ',zone=999') : line],
      ][random(9)];
      return other?.() ?? [line];
    });
    using table = await compare(CT, 'ct | changes since x', before, [...new Set(after)]);
    const wanted = expected(before, after, key, rest);
    t.ok(Object.values(wanted).every((n) => n > 0) || i > 0, JSON.stringify(wanted));
    t.same(counted(table), wanted, file);
    t.match(table.facts.samples, { nUncertain: 0, notCompared: [] });
    for (const { changed } of rowsOf(table, ['changed']).filter((row) => row.changed !== '0'))
      t.match(changed, /^(mark|tuple)$/);
  }
});

t.test('a dump that says less: what it does not say is no change', async (t) => {
  // Recorded one after the other from a lab at rest.
  const full = linesOf(`${SOS}/ovs-appctl_dpctl.dump-conntrack_-m_netdev_ovs-netdev`);
  const plain = linesOf('test/fixtures/ct/lab-plain.txt');
  using table = await compare(CT, 'ct | changes since x', plain, full);
  t.equal(table.facts.nRows, 0);
  const { notCompared } = table.facts.samples!;
  t.ok(
    ['status', 'orig_state', 'reply_state'].every((name) => notCompared.includes(name)),
    notCompared.join(),
  );
  const [a, b] = [write('plain.txt', plain), write('full.txt', full)];
  const done = await cli(['query', '--from', b, `ct | changes since ${a} | count`]);
  t.match(done, { status: 1, out: '0\n', err: /not compared, because only one of the two samples says it: status, / });
});

t.test('one identity several times: no guess', async (t) => {
  const row = (n: number, more = '') =>
    `udp,orig=(src=10.0.0.1,dst=10.0.0.${n},sport=1,dport=2,packets=${10 * n},bytes=1),reply=(src=10.0.0.${n},dst=10.0.0.1,sport=2,dport=1,packets=${n},bytes=1),zone=3${more}`;
  const counters = (line: string, packets: number) => line.replace(/packets=\d+/, `packets=${packets}`);
  const before = [row(1), row(1), row(2), row(3)];
  const after = [counters(row(1), 60), counters(row(2), 120), row(3), row(3), row(4), row(4)];
  using rates = await compare(CT, 'ct | show rate(orig.packets)', before, after);
  t.same(
    rowsOf(rates, ['orig.dst', 'rate(orig.packets)']).map((one) => [one['orig.dst'], one['rate(orig.packets)']]),
    [
      ['10.0.0.1', null], // which of two it was is not known
      ['10.0.0.2', 100],
      ['10.0.0.3', null],
      ['10.0.0.3', null],
      ['10.0.0.4', 40], // new, both
      ['10.0.0.4', 40],
    ],
  );
  t.match(rates.facts.samples, { nUncertain: 3, nBorn: 3, nGone: 1 });
  using changes = await compare(CT, 'ct | changes since x', before, after);
  t.same(counted(changes), { new: 3, gone: 1, changed: 2 }, 'no row is taken twice');
  const [a, b] = [write('a.txt', before), write('b.txt', after)];
  const done = await cli(['query', '--from', b, '--before', a, '--interval', '1s', 'ct | top 3 by rate(orig.packets)']);
  t.match(done.err, /3 rows of an identity that several rows have: which was which is not certain, rates not known/);
  // The kernel's number of a connection tells one from the one that came after it.
  using again = await compare(CT, 'ct | changes since x', [row(5, ',id=8')], [row(5, ',id=9')]);
  t.same(counted(again), { new: 1, gone: 1, changed: 0 });
  using unsaid = await compare(CT, 'ct | changes since x', [row(5, ',id=8')], [row(5)]);
  t.equal(unsaid.facts.nRows, 0, 'unless one sample does not say it');
});

t.test('rules by table, priority and match, against the text', async (t) => {
  const files = [
    `${SOS}/ovs-ofctl_-O_OpenFlow13_dump-flows_br-int`,
    'test/fixtures/of_rules/matches-15.txt',
    'test/fixtures/of_rules/matches-names.txt',
    'test/fixtures/of_rules/actions-bridge.txt',
  ];
  const isRule = (line: string) => line.includes('actions=');
  const key = (line: string) => {
    const head = line.slice(0, line.indexOf('actions='));
    return `${/table(?:_id)?=[^,]+/.exec(head)?.[0] ?? ''} ${/(\S*?)[ ,]$/.exec(head)![1]}`;
  };
  const rest = (line: string) =>
    line.replace(/(duration|idle_age|hard_age)=[^, ]+,? ?/g, '').replace(/reset_counts ?/, '');
  let checked = 0;
  for (const [i, file] of files.entries()) {
    const random = randomOf(i + 11);
    const before = linesOf(file).filter(isRule);
    if (new Set(before.map(key)).size !== before.length) t.fail(`${file}: a rule is there twice`);
    const after = before.flatMap((line) => {
      const other = [
        () => [],
        () => [line.replace(/duration=[\d.]+s/, 'duration=99999.900s')],
        () => [line.replace(/n_packets=\d+/, 'n_packets=987654')],
        () => [line.replace(/cookie=0x[0-9a-f]+/, 'cookie=0xfeed')],
        () => [line.replace(/actions=.*$/, 'actions=drop')],
        () => [line, line.replace(/ actions=/, ',dl_src=02:00:00:00:00:77 actions=')],
        () => [line.replace(/priority=\d+/, 'priority=54321')],
      ][random(10)];
      return other?.() ?? [line];
    });
    const unique = [...new Map(after.map((line) => [key(line), line])).values()];
    using table = await compare(OF_RULES, 'of_rules | changes since x', before, unique);
    const wanted = expected(before, unique, key, rest);
    t.same(counted(table), wanted, file);
    t.equal(table.facts.samples?.nUncertain, 0);
    checked += Object.values(wanted).reduce((a, b) => a + b, 0);
    using same = await compare(OF_RULES, 'of_rules | changes since x', before, [...before].reverse());
    t.equal(same.facts.nRows, 0, 'their order says nothing');
  }
  t.ok(checked > 50, `${checked} rules`);
  const RULE =
    ' cookie=0x1, duration=5.100s, table=3, n_packets=7, n_bytes=70, idle_timeout=10, priority=5,ip,nw_dst=10.0.0.1 actions=drop';
  const one = async (after: string) => {
    using table = await compare(OF_RULES, 'of_rules | changes since x', [RULE], [after]);
    return rowsOf(table, ['change', 'changed']).map(({ change, changed }) => `${change} ${changed}`);
  };
  t.same(await one(RULE.replace('5.100s', '6.100s')), []);
  t.same(await one(RULE.replace('cookie=0x1', 'cookie=0x2')), ['changed cookie'], 'the cookie is no part of it');
  t.same(await one(RULE.replace('idle_timeout=10', 'idle_timeout=20')), ['changed idle_timeout_ms']);
  t.same(await one(RULE.replace('table=3', 'table=4')), ['new 0', 'gone 0']);
  t.same(await one(RULE.replace('10.0.0.1', '10.0.0.0/31')), ['new 0', 'gone 0']);
  using rates = await compare(OF_RULES, 'of_rules | show pps', [RULE], [RULE.replace('n_packets=7', 'n_packets=57')]);
  t.same(rowsOf(rates, ['pps']), [{ pps: 50 }]);
});
