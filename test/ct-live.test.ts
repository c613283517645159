/**
 * Table ct of a running switch: rows against the stock dpctl/dump-conntrack, two datapaths, none, empty ones, one that has no conntrack; by the
 * command line and by the daemon through the stock ovs-appctl.
 */
// Takes 17 s.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { runQuestion } from '../lib/query/run.js';
import { samplesNeeded } from '../lib/query/samples.js';
import { captureTable } from '../lib/sources/registry.js';
import { CT } from '../lib/tables/generated/ct.js';
import { combineSamples } from '../lib/tables/sampled.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';
import { cli } from './support/cli.js';
import { addBridge, BRIDGES, connect, dumped, PACKETS, printed, startCtSwitch } from './support/ct-switch.js';
import { RawClient, startDaemon, until } from './support/daemon.js';
import { rowsOf, take } from './support/dummy-switch.js';
import { fails } from './support/expect.js';
import { asSwitch, fakeUnixctl, result } from './support/fake-unixctl.js';
import { startPrivateSwitch } from './support/private-switch.js';

const sw = await startCtSwitch();
t.teardown(() => sw.stop());
const { rundir } = sw;
const [DUMMY, NETDEV] = BRIDGES;

const ofctl = (command: string, bridge: string, what: string) =>
  execFileSync('ovs-ofctl', [command, `unix:${rundir}/${bridge}.mgmt`, what]);
const sorted = (lines: readonly string[] = []): string[] => [...lines].sort();
const texts = (): string[][] => BRIDGES.map(({ datapath }) => sorted(dumped(sw, datapath)));

/** A reading, and what the stock tool printed before and after it, the same both times. */
async function between<T>(read: () => Promise<T>): Promise<{ given: T; lines: string[][] }> {
  for (const end = Date.now() + 20_000; ; ) {
    const lines = texts();
    const given = await read();
    if (JSON.stringify(texts()) === JSON.stringify(lines)) return { given, lines };
    if (Date.now() > end) throw new Error('the connections do not rest');
  }
}

t.test('datapaths without connections', async (t) => {
  using empty = await take('ct', 'auto', sw);
  t.match(empty.facts, { nRows: 0, rejected: [], unknown: [], source: /^unixctl:/ });
  t.same(
    empty.facts.cost?.requests.map(({ command }) => command),
    ['version', 'dpctl/dump-dps', 'dpctl/dump-conntrack', 'dpctl/dump-conntrack'],
    'both were looked at',
  );
  t.match(await cli(['query', 'ct | count', '--rundir', rundir]), { status: 1, out: '0\n' });
});

t.test('a switch without datapaths has no connections', async (t) => {
  const bare = await startPrivateSwitch();
  t.teardown(() => bare.stop());
  // It answers before it has all of its commands.
  await until('its commands', () => bare.appctl('list-commands').includes('dpctl/dump-conntrack'));
  using none = await take('ct', 'unixctl', bare);
  t.match(none.facts, { nRows: 0, rejected: [], unknown: [] });
  addBridge(bare, DUMMY);
  using empty = await take('ct', 'unixctl', bare);
  t.equal(empty.facts.nRows, 0);
  await connect(bare, DUMMY, [PACKETS.udp(1)], 1);
  using one = await take('ct', 'unixctl', bare);
  t.same([...printed(one)], [[DUMMY.datapath, dumped(bare, DUMMY.datapath)]]);
});

t.test('rows are what the stock tool prints, of both datapaths', async (t) => {
  const some = [PACKETS.udp(1), PACKETS.udp(2), PACKETS.tcp(1), PACKETS.tcp(2), PACKETS.icmp(1), PACKETS.udp6(2)];
  await connect(sw, DUMMY, some, 6);
  await connect(sw, NETDEV, [PACKETS.udp(1), PACKETS.udp(3), PACKETS.udp6(2)], 3);
  const { given, lines } = await between(() => take('ct', 'unixctl', sw));
  using snapshot: TableSnapshot = given;
  const rows = printed(snapshot);
  for (const [i, { datapath }] of BRIDGES.entries()) t.same(sorted(rows.get(datapath)), lines[i], datapath);
  t.match(snapshot.facts, { nRows: 9, rejected: [], unknown: [], nVerbatim: 0 });
  const { requests, replyBytes } = snapshot.facts.cost!;
  const dumps = requests.filter(({ command }) => command === 'dpctl/dump-conntrack');
  t.equal(dumps.length, 2);
  t.ok(
    dumps.every(({ firstByteMs, lastByteMs, cpuMs }) => firstByteMs > 0 && lastByteMs >= firstByteMs && cpuMs !== null),
  );
  t.ok(replyBytes > lines.flat().join('\n').length, 'what the replies had is counted');
  t.ok(rowsOf(snapshot, ['timeout']).every(({ timeout }) => Number(timeout) > 0 && Number(timeout) <= 60_000));
  // A datapath that keeps no status and counts nothing does not say them: not 0, not "no".
  for (const row of rowsOf(snapshot, ['assured', 'replied', 'packets', 'bytes']))
    t.match(row, { assured: null, replied: null, packets: null, bytes: null });
});

t.test('the command line', async (t) => {
  const ask = (...words: string[]) => cli([...words, '--rundir', rundir]);
  const { given, lines } = await between(() => ask('query', 'ct | count by dp, zone', '--format', 'json'));
  t.equal(given.status, 0, given.err);
  const zoneOf = (line: string) => Number(/,zone=(\d+)/.exec(line)?.[1] ?? 0);
  const expected = BRIDGES.flatMap(({ datapath }, i) =>
    [...new Set(lines[i]!.map(zoneOf))].map((zone) => ({
      dp: datapath,
      zone,
      count: lines[i]!.filter((line) => zoneOf(line) === zone).length,
    })),
  );
  const answer = JSON.parse(given.out);
  const order = (rows: typeof expected) => rows.map((row) => JSON.stringify(row)).sort();
  t.same(order(answer.rows.map(({ dp, zone, count }: (typeof expected)[0]) => ({ dp, zone, count }))), order(expected));
  t.ok(answer.footer.snapshot.cost.requestMs > 0, 'with what it cost the switch');
  const natted = await ask('query', 'ct | where tcp and reply.dst = 10.9.9.9 | show dp, orig.src, zone, state');
  t.match(natted.out, /^dummy@ovs-dummy +10\.0\.0\.1 +9 +SYN_SENT$/m);
  t.match(natted.err, /cost to the switch: 4 requests, busy .* ms CPU of its main thread/);
  t.match(await ask('tables'), {
    status: 0,
    out: /^ct +unixctl +yes +ovs-vswitchd \(Open vSwitch\) \d+\.\d+\.\d+, .*dump-conntrack -m -s/m,
  });
  t.match(await ask('watch', 'ct | count by dp', '--times', '2', '--interval', '100ms'), {
    status: 0,
    out: /dummy@ovs-dummy +\d+\n[\s\S]*dummy@ovs-dummy +\d+/,
  });
  t.match(await ask('query', 'ct', '--source', 'memory'), { status: 2, err: /table ct has no source 'memory'/ });
  const gone = await cli(['query', 'ct | count', '--rundir', '/nonexistent']);
  t.match(gone, { status: 2, out: '', err: /there is no such directory/ }, 'no switch is no answer');
});

/** Rows of both readings for a question that compares them. */
async function compare(
  question: string,
  before: TableSnapshot,
  after: TableSnapshot,
): Promise<Record<string, unknown>[]> {
  using both = combineSamples(before, after, samplesNeeded(question, CT)!.sampled);
  const { answer, columns } = await runQuestion(question, both);
  if (answer.kind !== 'rows') throw new Error('expected rows');
  const all = rowsOf(
    both,
    columns.map(({ title }) => title),
  );
  return Array.from(answer.rows, (row) => all[row]!);
}

t.test('changes since: connections come, go and change', async (t) => {
  const question = 'ct | changes since 1s | where dp = netdev@ovs-netdev | show change, changed, dp, orig.dst, zone';
  const first = await take('ct', 'unixctl', sw);
  await connect(sw, NETDEV, [PACKETS.udp(77), PACKETS.udp6(78)], dumped(sw, NETDEV.datapath).length + 2);
  const came = (await compare(question, first, await take('ct', 'unixctl', sw))).filter(
    ({ change }) => change === 'new',
  );
  t.same(sorted(came.map((row) => JSON.stringify(row))), [
    '{"change":"new","changed":"0","dp":"netdev@ovs-netdev","orig.dst":"10.0.1.77","zone":7}',
    '{"change":"new","changed":"0","dp":"netdev@ovs-netdev","orig.dst":"fd00::78","zone":65535}',
  ]);
  // The mark of a connection is set anew by another rule; the same tuple in the other datapath stays what it was.
  const full = await take('ct', 'unixctl', sw);
  ofctl(
    'add-flow',
    'br1',
    'priority=40000,udp,nw_dst=10.0.1.77,actions=ct(commit,zone=7,exec(set_field:0x9->ct_mark))',
  );
  sw.appctl('netdev-dummy/receive', NETDEV.port, PACKETS.udp(77));
  await until('the mark', () => dumped(sw, NETDEV.datapath).some((line) => line.includes(',mark=9')));
  const marked = await compare(question, full, await take('ct', 'unixctl', sw));
  t.same(
    marked.filter(({ change }) => change === 'changed'),
    [{ change: 'changed', changed: 'mark', dp: NETDEV.datapath, 'orig.dst': '10.0.1.77', zone: 7 }],
  );
  const last = await take('ct', 'unixctl', sw);
  const nOfZone = printed(last)
    .get(NETDEV.datapath)!
    .filter((line) => line.includes(',zone=7')).length;
  t.ok(nOfZone >= 2);
  ofctl('ct-flush-zone', 'br1', '7');
  await until('the flush', () => !dumped(sw, NETDEV.datapath).some((line) => line.includes(',zone=7')));
  const went = await compare(
    `${question.replace(' | show', ' and zone = 7 | show')}`,
    last,
    await take('ct', 'unixctl', sw),
  );
  t.equal(went.length, nOfZone);
  for (const row of went) t.match(row, { change: 'gone', zone: 7 });
  t.match(await cli(['query', 'ct | changes since 200ms | where change = new | count', '--rundir', rundir]), {
    status: 1,
    out: '0\n',
    err: /two samples \d+ ms apart, the earlier from unixctl:/,
  });
});

t.test('the daemon, by the stock ovs-appctl', async (t) => {
  ofctl('ct-flush-zone', 'br1', '65535');
  await connect(sw, NETDEV, [PACKETS.udp(1), PACKETS.udp(2), PACKETS.udp6(3)], 3);
  const d = await startDaemon(rundir);
  t.teardown(() => d.stop());
  const { given: all, lines } = await between(() => d.appctl('ct/show', 'max-age=0'));
  t.match(all, { status: 0, err: '' });
  const rows = (out: string) => out.split('\n').filter((line) => /^(dummy|netdev)@/.test(line));
  t.equal(rows(all.out).length, lines.flat().length);
  t.match(all.out, /cost to the switch: 4 requests/);
  const zone = async (zone: number) => {
    const { given, lines } = await between(() => d.appctl('ct/show', `zone=${zone}`, 'max-age=0'));
    const wanted = lines.flat().filter((line) => Number(/,zone=(\d+)/.exec(line)?.[1] ?? 0) === zone);
    t.equal(rows(given.out).length, wanted.length, `zone ${zone}`);
    return given.out;
  };
  t.match(await zone(7), /^netdev@ovs-netdev +17 +10\.0\.0\.1 +1000 +10\.0\.1\.1 /m);
  await zone(0);
  t.match(await zone(65535), /fd00::3/);
  t.match(await d.appctl('ct/show', 'zone=8'), { status: 0, out: /^0 rows of \d+ connections/m });
  t.match(
    (await d.appctl('ct/show', 'zone=7', 'max=1', 'max-age=60')).out,
    /cut off after 1 row: \d+ more rows?; max=N/,
  );
  for (const bad of ['zone=65536', 'zone=-1', 'zone=0x7', 'zone=07', 'zone=7.0'])
    t.match(
      await d.appctl('ct/show', bad),
      { status: 2, err: /ct\/show: zone: expected a whole number from 0 to 65535, received/ },
      bad,
    );
  t.match(await d.appctl('ct/show', 'zone='), { status: 2, err: /zone is empty/ });
  t.match(await d.appctl('ct/show', '7'), {
    status: 2,
    err: /usage: ct\/show \[zone=0\.\.65535\] \[max=N\] \[max-age=S\]/,
  });
  t.match(await d.appctl('table/list'), { status: 0, out: /^ct +unixctl +yes/m });
  t.match(await d.appctl('query', 'ct | count by dp'), { status: 0, out: /netdev@ovs-netdev +3/ });
  t.match(await d.appctl('query', 'ct | changes since 200ms | count'), { status: 0, out: /two samples \d+ ms apart/ });
  t.match(await d.appctl('cost/show'), { status: 0, out: /^ct +\d+ +0 +\d+ +[1-9]\d*/m });

  const client = await RawClient.open(d.socketPath);
  client.send('set-options', ['--format', 'json'], 1);
  client.send('ct/show', ['zone=7', 'max-age=60'], 2);
  const [, reply] = await client.replies(2);
  const { rows: objects, footer } = reply!.result as {
    rows: Record<string, unknown>[];
    footer: Record<string, unknown>;
  };
  t.ok(objects.length > 0);
  for (const row of objects) t.match(row, { datapath: /@ovs-/, zone: 7, nw_proto: 17, 'orig.src': '10.0.0.1' });
  t.match(footer, { snapshot: { source: /^unixctl:/, rejected: [] } });
  client.socket.destroy();

  const env = { OVS_RUNDIR: rundir };
  t.match(await cli(['query', '--daemon', 'answer', 'ct | where dp = netdev@ovs-netdev | count'], { env }), {
    status: 0,
    out: '3\n',
    err: /answered by ctinspectord/,
  });
  t.match(await cli(['query', '--daemon', 'snapshot', 'ct | where dp = netdev@ovs-netdev | count'], { env }), {
    status: 0,
    out: '3\n',
    err: /handed over by ctinspectord/,
  });
});

t.test('flow/top by rates, by the stock ovs-appctl', async (t) => {
  const d = await startDaemon(rundir);
  t.teardown(() => d.stop());
  for (const by of ['pps', 'bps']) {
    let top = '';
    // Packets until they fall between the two samples.
    for (const end = Date.now() + 60_000; !/^ *[1-9][\d,]* +[1-9][\d,]* +ufid:/m.test(top); ) {
      if (Date.now() > end) throw new Error(`flow/top by=${by}: ${top}`);
      let done = false;
      const asked = d.appctl('flow/top', `by=${by}`, 'n=1', 'max-age=0').finally(() => {
        done = true;
      });
      while (!done) {
        sw.appctl('netdev-dummy/receive', DUMMY.port, PACKETS.udp(1));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const ran = await asked;
      t.match(ran, { status: 0, err: '' });
      top = ran.out;
    }
    t.match(top, /^ *pps +bps +flow\n *[\d,]+ +[\d,]+ +ufid:.*udp/);
    t.match(top, /^1 row of \d+ flows?/m);
    t.match(top, /two samples \d+ ms apart/);
  }
});

// What no datapath of this machine does: the userspace datapath lists connections under each of its types' names, and there is no kernel's.
t.test('a datapath that has no conntrack, and replies that are not understood', async (t) => {
  const ROW =
    'udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1,dport=2),reply=(src=10.0.0.2,dst=10.0.0.1,sport=2,dport=1),zone=3';
  const UNSUPPORTED = 'ovs-vswitchd: dumping conntrack entry (Operation not supported)\n';
  const ask = async (answers: Readonly<Record<string, { text?: string; error?: string }>>) => {
    const fake = await fakeUnixctl(
      asSwitch(({ id, method, params }, socket) => {
        if (method === 'dpctl/dump-dps') socket.write(result(id, `${Object.keys(answers).join('\n')}\n`));
        else {
          t.same([method, ...params.slice(0, 2)], ['dpctl/dump-conntrack', '-m', '-s']);
          const { text = '', error } = answers[params[2]!]!;
          socket.write(error === undefined ? result(id, text) : JSON.stringify({ id, result: null, error }));
        }
      }),
    );
    t.teardown(() => fake.close());
    return { path: fake.path, take: async () => (await captureTable('ct', 'auto', { target: fake.path })).snapshot };
  };
  const some = await ask({ 'x@one': { error: UNSUPPORTED }, 'netdev@two': { text: `${ROW}\n` } });
  using table = await some.take();
  t.match(rowsOf(table, ['dp', 'zone']), [{ dp: 'netdev@two', zone: 3 }]);
  t.match(table.facts.rejected, [
    { what: 'datapath x@one, whose connections the switch cannot list', sample: /Operation not supported/, count: 1 },
  ]);
  const shown = await cli(['query', 'ct | count', '--target', some.path]);
  t.match(shown, {
    status: 0,
    out: '1\n',
    err: /rejected: 1 × datapath x@one, whose connections the switch cannot list/,
  });

  const none = await ask({ 'x@one': { error: UNSUPPORTED }, 'x@two': { error: UNSUPPORTED } });
  await fails(t, 'none has it', 'SWITCH_REFUSED', /dump-conntrack x@two.*Operation not supported/, none.take);
  t.match(
    await cli(['query', 'ct | count', '--target', none.path]),
    { status: 2, out: '' },
    'that is not "nothing found"',
  );
  const half = await ask({
    'netdev@one': { text: `${ROW}\n` },
    'netdev@two': { error: 'ovs-vswitchd: no (Invalid argument)\n' },
  });
  await fails(t, 'one fails otherwise', 'SWITCH_REFUSED', /dump-conntrack netdev@two.*Invalid argument/, half.take);

  const odd = await ask({
    'netdev@one': { text: `${ROW},novel=7\nwhat is this\n\n${ROW.replace('zone=3', 'zone=4')}\n` },
  });
  using rest = await odd.take();
  t.same(
    rowsOf(rest, ['zone']).map(({ zone }) => zone),
    [3, 4],
  );
  t.match(rest.facts.unknown, [{ what: /novel/, count: 1, sample: /novel=7/ }], 'kept as text and counted');
  t.match(rest.facts.rejected, [{ count: 1, sample: 'what is this' }], 'counted');
  const cut = await ask({ 'netdev@one': { text: ROW } });
  using whole = await cut.take();
  t.equal(whole.facts.nRows, 1, 'a last line without its end');

  const show = 'x@one:\n  lookups: hit:0 missed:0 lost:0\n  flows: 0\n  port 0: one (internal)\n';
  const replies: Readonly<Record<string, string>> = {
    'dpctl/dump-dps': 'x@one\n',
    'dpctl/show': show,
    'dpctl/dump-flows': '',
  };
  const old = await fakeUnixctl(
    asSwitch(({ id, method }, socket) =>
      socket.write(
        replies[method] === undefined
          ? JSON.stringify({ id, result: null, error: UNSUPPORTED })
          : result(id, replies[method]),
      ),
    ),
  );
  t.teardown(() => old.close());
  const file = join(t.testdir(), 'all.cti');
  const saved = await cli(['snapshot', 'save', file, '--target', old.path]);
  t.equal(saved.status, 0, saved.err);
  t.match(saved.err, /ct is not in the file: .*Operation not supported/, 'all there is, and what there is not');
  t.match(
    await cli(['query', 'dp_flows | count', '--from', file]),
    { status: 1, out: '0\n' },
    'no row, and that is known',
  );
  t.match(await cli(['query', 'ct | count', '--from', file]), { status: 2, out: '' });
  t.match(await cli(['snapshot', 'save', `${file}2`, '--table', 'ct', '--target', old.path]), { status: 2, out: '' });
});
