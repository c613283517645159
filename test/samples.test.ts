/** Questions over two samples: rates, what changed, and two snapshots merged into one table; against plain arithmetic and the rows' own texts. */
// Takes 13 s.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { addon } from '../lib/addon.js';
import { runQuestion } from '../lib/query/run.js';
import { samplesNeeded } from '../lib/query/samples.js';
import { readDpFlowsFile } from '../lib/sources/dp-flows.js';
import { captureTable } from '../lib/sources/registry.js';
import { captureAgain } from '../lib/sources/second-sample.js';
import { saveSnapshots } from '../lib/sources/snapshot-file.js';
import { columnNames } from '../lib/tables/columns.js';
import { formatCell, jsonCell } from '../lib/tables/format.js';
import { DP_FLOWS } from '../lib/tables/generated/dp-flows.js';
import { PORTS } from '../lib/tables/generated/ports.js';
import { mergeRows } from '../lib/tables/merge-rows.js';
import { combineSamples } from '../lib/tables/sampled.js';
import { type NativeSnapshot, openSnapshot, type TableSnapshot } from '../lib/tables/snapshot.js';
import { TableView } from '../lib/tables/view.js';
import { cli } from './support/cli.js';
import { randomOf } from './support/mutate-elf.js';
import { startPrivateSwitch } from './support/private-switch.js';

const dir = mkdtempSync(join(tmpdir(), 'cti-samples-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

const fixture = (name: string) => readFileSync(`test/fixtures/dumps/${name}.txt`, 'utf8');
const isFlow = (line: string) => line.includes(', packets:');
const ufidOf = (line: string) => /^ufid:([0-9a-f-]+)/.exec(line)?.[1] ?? line.slice(0, line.indexOf(', packets:'));

function write(name: string, lines: readonly string[]): string {
  const path = join(dir, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** The value of a column of each row, as a script gets it. */
async function ask(snapshot: TableSnapshot, question: string): Promise<Record<string, unknown>[]> {
  const { answer, columns } = await runQuestion(question, snapshot);
  if (answer.kind !== 'rows') throw new Error('expected rows');
  const view = new TableView(snapshot);
  return Array.from(answer.rows, (row) =>
    Object.fromEntries(
      columns.map(({ title, column }) => {
        if (column.kind === 'row') return [title, snapshot.rowText(row)];
        const shown = view.column(title);
        return [title, jsonCell(shown, view.cell(row, shown), view)];
      }),
    ),
  );
}

/** Two samples of dump lines combined for a question. */
async function samples(
  question: string,
  before: readonly string[],
  after: readonly string[],
  intervalMs: number | null = null,
) {
  const needed = samplesNeeded(question, DP_FLOWS)!;
  return combineSamples(
    await readDpFlowsFile(write('a.txt', before)),
    await readDpFlowsFile(write('b.txt', after)),
    needed.sampled,
    { intervalMs },
  );
}

/** A dump with random rows taken out, their counters moved, their actions replaced; the same for the same seed. */
function edit(lines: readonly string[], seed: number, actions: readonly string[]): string[] {
  const random = randomOf(seed);
  return lines.flatMap((line) => {
    if (!isFlow(line)) return [line];
    const what = random(8);
    if (what === 0) return [];
    if (what <= 2) return [line];
    if (what === 3)
      return [line.replace(/packets:\d+, bytes:\d+/, `packets:${random(100000)}, bytes:${random(100000000)}`)];
    if (what === 4) return [line.replace(/used:[^,]+/, `used:${random(99)}.500s`)];
    if (what === 5) return [line.replace(/actions:.*$/, `actions:${actions[random(actions.length)]}`)];
    return [
      line.replace(
        /packets:(\d+), bytes:(\d+)/,
        (_, p, b) => `packets:${Number(p) + random(1000)}, bytes:${Number(b) + random(1000000)}`,
      ),
    ];
  });
}

const NAMES = [
  'pipeline-more',
  'rules-more',
  'actions-more',
  'tunnels-more',
  'bond-more',
  'grammar3-more',
  'pipeline-plain',
];
const ACTIONS = ['drop', '1', 'ct(commit,zone=7),recirc(0x99)', 'userspace(pid=0,slow_path(action))'];

t.test('rates against plain arithmetic', async (t) => {
  let checked = 0;
  for (const [i, name] of NAMES.entries()) {
    const before = fixture(name).trimEnd().split('\n');
    const after = edit(before, i, ACTIONS);
    const intervalMs = [2000, 500, 1234.5, 60_000][i % 4]!;
    using table = await samples(
      'dp_flows | show pps, bps, rate(packets)',
      edit(before, 100 + i, ACTIONS),
      after,
      intervalMs,
    );
    const first = new Map(
      edit(before, 100 + i, ACTIONS)
        .filter(isFlow)
        .map((line) => [ufidOf(line), line]),
    );
    const counters = (line: string) =>
      /packets:(\d+), bytes:(\d+)/.exec(line)!.slice(1).map(Number) as [number, number];
    const rows = await ask(table, 'dp_flows | show pps, bps, rate(packets), flow');
    let backwards = 0;
    const byFlow = new Map(rows.map((row) => [row.flow, row]));
    for (const line of after.filter(isFlow)) {
      const row = byFlow.get(line)!;
      const [packets, bytes] = counters(line);
      const [oldPackets, oldBytes] = first.has(ufidOf(line)) ? counters(first.get(ufidOf(line))!) : [0, 0];
      const rate = (delta: number) => (delta < 0 ? null : Math.ceil((delta * 1000) / intervalMs - 1e-9));
      t.same(
        [row.pps, row['rate(packets)'], row.bps],
        [rate(packets - oldPackets), rate(packets - oldPackets), rate((bytes - oldBytes) * 8)],
        `${name}: ${line.slice(0, 60)}`,
      );
      if (packets < oldPackets || bytes < oldBytes) backwards++;
      checked++;
    }
    t.equal(table.facts.samples?.nBackwards, backwards);
    const moved = await ask(
      table,
      'dp_flows | where pps > 0 and bps <= 1G | sort by pps desc | show pps, bps, rate(packets)',
    );
    t.ok(
      moved.every(({ pps }, k) => Number(pps) > 0 && (k === 0 || Number(pps) <= Number(moved[k - 1]!.pps))),
      'in order',
    );
    t.same(
      moved,
      await ask(
        table,
        'dp_flows | where rate(packets) > 0 and bps <= 1G | sort by pps desc | show pps, bps, rate(packets)',
      ),
    );
    const unknown = await ask(table, 'dp_flows | where pps is unknown | show pps, bps, rate(packets)');
    t.equal(unknown.length, rows.filter(({ pps }) => pps === null).length);
  }
  t.ok(checked > 150, `${checked} rows`);
});

t.test('what changed, against the rows texts', async (t) => {
  const seen = new Map<string, number>();
  for (const [i, name] of NAMES.entries()) {
    const original = fixture(name).trimEnd().split('\n');
    const [before, after] = [edit(original, 200 + i, ACTIONS), edit(original, 300 + i, ACTIONS)];
    using table = await samples('dp_flows | changes since a', before, after);
    const rows = await ask(
      table,
      'dp_flows | changes since a | show change, changed, packets, in_port, nw_dst, actions, flow',
    );
    const [first, last] = [before, after].map(
      (lines) => new Map(lines.filter(isFlow).map((line) => [ufidOf(line), line])),
    ) as [Map<string, string>, Map<string, string>];
    const cut = (line: string) => line.replace(/, used:[^,]+/, '');
    const expected = [
      ...[...last].flatMap(([id, line]) =>
        !first.has(id) ? [['new', line]] : cut(first.get(id)!) === cut(line) ? [] : [['changed', line]],
      ),
      ...[...first].flatMap(([id, line]) => (last.has(id) ? [] : [['gone', line]])),
    ];
    t.same(
      rows.map(({ change, flow }) => [change, flow]),
      expected,
      name,
    );
    for (const { change, changed, flow } of rows) {
      seen.set(String(change), (seen.get(String(change)) ?? 0) + 1);
      if (change !== 'changed') {
        t.equal(changed, '0');
        continue;
      }
      const [a, b] = [first.get(ufidOf(String(flow)))!, String(flow)];
      const part = (line: string, pattern: RegExp) => pattern.exec(line)?.[1];
      for (const [field, pattern] of [
        ['packets', /packets:(\d+)/],
        ['bytes', /bytes:(\d+)/],
        ['actions', /actions:(.*?)(?:, dp-extra-info:.*)?$/],
        ['extra', /dp-extra-info:(.*)/],
      ] as const)
        t.equal(
          String(changed).split('|').includes(field),
          part(a, pattern) !== part(b, pattern),
          `${field}: ${a} -> ${b}`,
        );
    }
    // Every column of a row that is gone is what it was, though its names and lists are in another dictionary now.
    using old = await readDpFlowsFile(join(dir, 'a.txt'));
    const [oldView, view] = [new TableView(old), new TableView(table)];
    const rowOf = new Map(Array.from({ length: old.facts.nRows }, (_, row) => [old.rowText(row), row]));
    for (let row = 0; row < table.facts.nRows; row++) {
      if (rows[row]!.change !== 'gone') continue;
      const oldRow = rowOf.get(table.rowText(row))!;
      for (const column of columnNames(DP_FLOWS)) {
        const [now, then] = [view.column(column), oldView.column(column)];
        t.equal(
          formatCell(now, view.cell(row, now), view),
          formatCell(then, oldView.cell(oldRow, then), oldView),
          column,
        );
      }
    }
    const counts = await runQuestion('dp_flows | changes since a | where change = gone | count by in_port', table);
    const ports = new Set(rows.filter(({ change }) => change === 'gone').map((row) => row.in_port));
    t.equal(
      counts.answer.kind === 'groups' && counts.answer.groups.length,
      ports.size,
      'a port is one group, whichever sample it is from',
    );
  }
  t.ok(
    ['new', 'gone', 'changed'].every((word) => (seen.get(word) ?? 0) > 10),
    JSON.stringify([...seen]),
  );
});

t.test('two snapshots merged print every row as before', async (t) => {
  interface ImportAddon {
    importSnapshot(table: string, hash: string, segments: readonly Uint8Array[], facts: object): NativeSnapshot;
  }
  for (const [i, name] of NAMES.entries()) {
    using a = await readDpFlowsFile(`test/fixtures/dumps/${name}.txt`);
    using b = await readDpFlowsFile(`test/fixtures/dumps/${NAMES[(i + 1) % NAMES.length]}.txt`);
    const rows = Uint32Array.from({ length: b.facts.nRows }, (_, row) => row).filter((row) => row % 2 === 0);
    const gone = Uint32Array.from({ length: a.facts.nRows }, (_, row) => row);
    const { segments } = mergeRows(a, b, rows, gone);
    const bytes = segments.map(({ buffer, size }) => new Uint8Array(buffer, 0, size));
    const facts = { nRows: rows.length + gone.length, nVerbatim: 0, rejected: [], unknown: [] };
    const native = addon<ImportAddon>().importSnapshot('dp_flows', DP_FLOWS.hash, bytes, facts);
    // Printed from the merged bytes alone: trees, ports, refs, indexes.
    using merged = openSnapshot(DP_FLOWS, native, { source: 'test', beginNs: 0n, endNs: 0n, cost: null });
    for (const [k, row] of rows.entries()) t.equal(merged.rowText(k), b.rowText(row));
    for (const row of gone) t.equal(merged.rowText(rows.length + row), a.rowText(row), name);
    const [oldView, view] = [new TableView(a), new TableView(merged)];
    for (const row of gone) {
      const ports = (view: TableView, at: number) =>
        view
          .outPorts(Number(view.cell(at, view.column('actions'))!.value))
          .map((id) => view.port(id))
          .sort();
      t.same(ports(view, rows.length + row), ports(oldView, row));
    }
  }
});

t.test('a real switch: rates are what it counted, flows come and go', async (t) => {
  const ovs = await startPrivateSwitch();
  t.teardown(() => ovs.stop());
  ovs.addBridge({ ports: ['p1', 'p2'] });
  const send = (n: number, dst: number) => {
    for (let i = 0; i < n; i++)
      ovs.appctl(
        'netdev-dummy/receive',
        'p1',
        `in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:${String(dst).padStart(2, '0')}),eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)`,
      );
  };
  const where = { rundir: ovs.rundir };
  send(2, 10);
  for (const source of ['auto', 'unixctl']) {
    const needed = samplesNeeded('dp_flows | show pps', DP_FLOWS)!;
    const before = (await captureTable('dp_flows', source, where)).snapshot;
    t.match(before.facts.source, source === 'unixctl' ? 'unixctl:' : /^(memory|unixctl):/);
    send(7, 10);
    const same = (await captureAgain(before, source, where)).snapshot;
    using quiet = combineSamples(before, same, needed.sampled);
    const interval = quiet.facts.samples!.intervalMs!;
    t.ok(interval > 0);
    const rows = await ask(quiet, 'dp_flows | show pps, packets, eth_dst');
    t.equal(rows.find(({ eth_dst }) => eth_dst === '02:00:00:00:00:10')!.pps, Math.ceil((7 * 1000) / interval - 1e-6));
    if (before.facts.source.startsWith('memory:'))
      t.equal(same.facts.cost?.requests.length, 0, 'the counters alone were read again');
    const first = (await captureTable('dp_flows', source, where)).snapshot;
    const dst = source === 'auto' ? 20 : 30;
    send(5, dst);
    const second = (await captureAgain(first, source, where)).snapshot;
    using busy = combineSamples(first, second, needed.sampled);
    const born = (await ask(busy, 'dp_flows | show pps, packets, eth_dst')).find(
      ({ eth_dst }) => eth_dst === `02:00:00:00:00:${dst}`,
    )!;
    t.equal(
      born.pps,
      Math.ceil((Number(born.packets) * 1000) / busy.facts.samples!.intervalMs! - 1e-6),
      'what was born in between is there, with all it counted',
    );
    t.equal(busy.facts.samples!.nBorn, 1);
  }
  const done = await cli(['query', 'dp_flows | changes since 300ms | show change, pps', '--rundir', ovs.rundir]);
  t.equal(done.status, 1, done.err);
  t.match(done.err, /two samples 3\d\d ms apart/);
  const rates = await cli([
    'query',
    'dp_flows | top 1 by pps | show pps, eth_dst',
    '--interval',
    '400ms',
    '--rundir',
    ovs.rundir,
  ]);
  t.equal(rates.status, 0, rates.err);
  t.match(rates.err, /two samples [45]\d\d ms apart/);
  // Two files, and a file against the switch.
  const [a, b] = [join(dir, 'a.cti'), join(dir, 'b.cti')];
  using one = (await captureTable('dp_flows', 'auto', where)).snapshot;
  await saveSnapshots(a, [one]);
  send(3, 10);
  ovs.appctl('dpctl/del-flows');
  send(4, 40);
  using two = (await captureTable('dp_flows', 'auto', where)).snapshot;
  await saveSnapshots(b, [two]);
  const diff = await cli(['diff', a, b, 'count by change', '--format', 'csv']);
  t.equal(diff.out, `change,count\r\ngone,${one.facts.nRows}\r\nnew,1\r\n`, diff.err);
  const json = JSON.parse((await cli(['diff', a, b, '|', 'where change = new', '--format', 'json'])).out) as {
    rows: { flow: string }[];
    footer: { snapshot: { samples: { nGone: number } } };
  };
  t.match(json.rows[0]!.flow, /02:00:00:00:00:40/);
  t.equal(json.footer.snapshot.samples.nGone, one.facts.nRows);
  t.match((await cli(['diff', a, b])).out, /^new +0 +ufid:/m);
  const live = await cli([
    'query',
    `dp_flows | changes since '${a}' | where change = gone | count`,
    '--rundir',
    ovs.rundir,
  ]);
  t.equal(live.out.trim(), String(one.facts.nRows), live.err);
  const pps = await cli(['query', 'dp_flows | show pps, packets', '--from', b, '--before', a, '--format', 'json']);
  t.equal(
    (JSON.parse(pps.out) as { rows: { packets: number }[] }).rows[0]!.packets,
    two.facts.nRows === 1 ? 3 : -1,
    'OVS counts the first packet elsewhere',
  );
  const both = await cli(['query', 'dp_flows | show pps', '--from', b, '--before', a, '--interval', '2s']);
  t.match(both.err, /--interval: the two samples say when/);
  const backwards = await cli(['query', 'dp_flows | show pps', '--from', a, '--before', b]);
  t.equal(backwards.status, 2);
  t.match(backwards.err, /is not earlier than .*name them the other way round/);
  ovs.vsctl('add-port', 'br0', 'p3', '--', 'set', 'Interface', 'p3', 'type=dummy');
  using ports = (await captureTable('ports', 'auto', where)).snapshot;
  t.equal(ports.schema, PORTS);
});

t.test('what is refused, and says why', async (t) => {
  const dump = write('dump.txt', fixture('rules-more').trimEnd().split('\n'));
  const plain = write('plain.txt', fixture('rules-plain').trimEnd().split('\n'));
  const saved = join(dir, 'saved.cti');
  using flows = await readDpFlowsFile(dump);
  await saveSnapshots(saved, [flows]);
  const cases: [readonly string[], RegExp][] = [
    [['query', 'dp_flows | show pps', '--from', dump], /rates need two samples, .*--before FILE/],
    [['query', 'dp_flows | changes since 5s', '--from', dump], /needs a running switch/],
    [['query', 'dp_flows | show pps', '--from', dump, '--before', dump], /say with --interval/],
    [['query', 'dp_flows | show pps', '--from', saved, '--before', saved], /say with --interval/],
    [['query', 'dp_flows | count', '--before', dump], /--before: the question asks for no rates/],
    [['query', 'dp_flows | changes since x | count', '--before', dump], /both name the earlier sample/],
    [['query', 'dp_flows | changes since 2s', '--interval', '3s'], /both say how long to wait/],
    [['query', 'dp_flows | where tcp | changes since 2s'], /changes since comes first/],
    [['query', 'dp_flows | changes since 0s'], /expected a time above 0/],
    [['query', 'dp_flows | changes since'], /expected .*a file or a duration/],
    [
      ['query', 'dp_flows | show rate(in_port)'],
      /a rate is of something that counts, in_port does not: dp_flows has packets, bytes/,
    ],
    [['query', 'dp_flows | show rate(nothing)'], /has no column 'nothing'/],
    [['query', 'ports | show bps'], /ports has no field called "bps"/],
    [['query', 'dp_flows | where change = new'], /has no field called "change"/],
    [
      ['query', `dp_flows | changes since '${plain}' | count`, '--from', dump],
      /only one of the two samples says the ufid/,
    ],
    [['diff', dump], /missing required argument 'later'/],
    [['diff', dump, join(dir, 'none')], /cannot read .*no such file/],
  ];
  for (const [args, message] of cases) {
    const done = await cli(args);
    t.equal(done.status, 2, args.join(' '));
    t.match(done.err, message, args.join(' '));
    t.equal(done.out, '');
  }
});
