// Aggregates on the command line, over recorded dumps; explain --analyze: rows in, rows out and time of each stage.
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { measureQuestion, runQuestion } from '../lib/query/run.js';
import { readDpFlowsFile } from '../lib/sources/dp-flows.js';
import { TableView } from '../lib/tables/view.js';
import { cli } from './support/cli.js';
import { type Line, readLines } from './support/reference.js';
import { makeSnapshot } from './support/snapshot.js';

const DUMP = 'test/fixtures/dumps/pipeline-more.txt';

t.test('each stage apart answers as the stages together, and says what it left', async (t) => {
  const snapshot = makeSnapshot({
    ports: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
    rows: Array.from({ length: 500 }, (_, i) => ({
      packets: i,
      bytes: 64 * (i % 70),
      in_port: [i % 3, 0xffff_ffff] as const,
      recirc_id: [0, 0xffff_ffff] as const,
      eth_type: [0x0800, 0xffff] as const,
      nw_dst: [i % 20, i % 7 === 0 ? 0 : 0xffff_ffff] as const,
    })),
  });
  const count = async (question: string): Promise<number> => {
    const { answer } = await runQuestion(`${question} | count`, snapshot);
    return answer.kind === 'count' ? Number(answer.count) : -1;
  };
  const all = snapshot.facts.nRows;
  const stages = [
    'where has nw_dst',
    'where packets >= 10',
    'count, sum(bytes) as b by nw_dst',
    'where count >= 22',
    'top 4 by b',
    'limit 2',
  ];
  const question = ['dp_flows', ...stages].join('\n | ');
  const { result, stages: measured } = await measureQuestion(question, snapshot);
  t.same(result.answer, (await runQuestion(question, snapshot)).answer);
  t.same(
    measured.map(({ stage }) => stage),
    stages,
  );
  const left: number[] = [];
  for (const i of stages.keys()) left.push(await count(['dp_flows', ...stages.slice(0, i + 1)].join(' | ')));
  t.same(
    measured.map(({ rowsOut }) => rowsOut),
    left,
  );
  t.same(
    measured.map(({ rowsIn }) => rowsIn),
    [all, ...left.slice(0, -1)],
  );
  t.ok(left[0]! < all && left[2]! < left[1]! && left.at(-1) === 2, left.join(' '));
  const total = measured.reduce((sum, { ms }) => sum + ms, 0);
  t.ok(measured.every(({ ms }) => ms > 0) && total <= result.facts.runMs, `${total} of ${result.facts.runMs} ms`);

  const names = async (text: string) => (await measureQuestion(text, snapshot)).stages;
  t.match(await names('dp_flows'), [{ stage: '(list them)', rowsIn: all, rowsOut: all }]);
  t.match(await names('dp_flows | count'), [{ stage: 'count', rowsIn: all, rowsOut: 1 }]);
  const groups = await count('dp_flows | distinct in_port');
  t.match(await names('dp_flows | count by in_port | show in_port'), [
    { stage: 'count by in_port', rowsIn: all, rowsOut: groups },
    { stage: '(sort by count, largest first)', rowsIn: groups, rowsOut: groups },
  ]);
  t.match(await names('dp_flows | limit 3 | sort by bytes'), [
    { stage: 'limit 3', rowsIn: 3, rowsOut: 3 },
    { stage: 'sort by bytes', rowsIn: 3, rowsOut: 3 },
  ]);
  t.match(await names('dp_flows | sum(bytes)'), [
    { stage: 'sum(bytes)', rowsIn: all, rowsOut: 1 },
    { stage: '(list them)', rowsIn: 1, rowsOut: 1 },
  ]);
});

t.test('explain --analyze on the command line', async (t) => {
  const question = 'dp_flows | where udp | sum(bytes) as b by tp_dst | top 2 by b';
  const done = await cli(['explain', '--analyze', '--from', DUMP, question]);
  t.equal(done.status, 0, done.err);
  t.match(
    done.out,
    /^stage +rows in +rows out +ms\nwhere udp +32 +22 +\d+\.\d{3}\nsum\(bytes\) as b by tp_dst +22 +\d+ +\d/,
  );
  t.match(
    done.err,
    /each stage in a loop of its own: \d.* ms; stages together, as query runs them: \d.* ms; compiled in/,
  );
  const json = JSON.parse((await cli(['explain', '--analyze', '--format', 'json', '--from', DUMP, question])).out);
  t.match(json, {
    rows: [
      { stage: 'where udp', 'rows in': 32, 'rows out': 22, ms: Number },
      {},
      { stage: 'top 2 by b', 'rows out': 2 },
    ],
    footer: { question, apartMs: Number, runMs: Number },
  });
  const needless = await cli(['explain', '--from', DUMP, question]);
  t.match(needless, { status: 2, err: /--from is for explain --analyze: without it nothing is asked or run/ });
  const wrong = await cli(['explain', '--analyze', '--from', DUMP, 'dp_flows | sum(nw_dst)']);
  t.match(wrong, { status: 2, err: /sum takes numbers and durations, and nw_dst is none/ });
});

/** By group of in_port, from the text of a dump. */
function fromText(lines: readonly Line[]): Map<string, string> {
  const groups = new Map<string, Line[]>();
  for (const line of lines) {
    const port = line.match.get('in_port') ?? '*';
    groups.set(port, [...(groups.get(port) ?? []), line]);
  }
  const sum = (of: readonly Line[], field: 'bytes' | 'packets'): bigint =>
    of.reduce((total, l) => total + l[field], 0n);
  return new Map(
    [...groups].map(([port, of]) => {
      // A line without recirc_id looks at none: it may be of a first pass.
      const first = of.filter((line) => /^(0|0x0|0\/0|0x0\/0)$/.test(line.match.get('recirc_id') ?? '0'));
      const most = of.reduce((best, line) => (line.packets > best ? line.packets : best), 0n);
      const average = (sum(of, 'bytes') * 1000n) / BigInt(of.length);
      return [port, [of.length, sum(first, 'bytes'), sum(first, 'packets'), most, average].join(' ')];
    }),
  );
}

t.test('sums of every recorded dump are those of its text', async (t) => {
  let groups = 0;
  let later = 0;
  for (const name of readdirSync('test/fixtures/dumps').filter((file) => file.endsWith('-more.txt'))) {
    const file = `test/fixtures/dumps/${name}`;
    using snapshot = await readDpFlowsFile(file);
    const question = 'dp_flows | count, sum(bytes), sum(packets), max(packets), avg(bytes) by in_port';
    const { answer, facts } = await runQuestion(question, snapshot);
    const view = new TableView(snapshot);
    const got = new Map(
      (answer.kind === 'groups' ? answer.groups : []).map(({ keys: [port], values }) => [
        port!.mask === 0n ? '*' : view.port(Number(port!.value))!,
        values.map((cell) => cell!.value).join(' '),
      ]),
    );
    t.same(got, fromText(readLines(readFileSync(file, 'utf8'))), name);
    groups += got.size;
    later += facts.passes!.later;
  }
  t.ok(groups > 20 && later > 10, `${groups} groups, ${later} flows of later passes`);
});

t.test('aggregates on the command line', async (t) => {
  const ask = (question: string, ...more: string[]) =>
    cli(['query', '--from', DUMP, ...more, `dp_flows | ${question}`]);
  // The dump has 3 flows of later passes.
  const sums = await ask('sum(packets), sum(bytes) as b, count');
  t.match(sums.out, /^sum_packets +b +count\n +\d+ +2,826 +32\n$/);
  t.match(
    sums.err,
    /^sums of packets and bytes are of first passes \(recirc_id 0\): 3 of later passes are left out; all passes has them$/m,
  );
  const all = await ask('sum(bytes) all passes');
  t.match(all, {
    status: 0,
    out: '3,052\n',
    err: /^sums of packets and bytes are of all passes: a packet is counted once in each pass it makes$/m,
  });
  const text = await ask(
    'avg(bytes), min(used), max(tp_dst), max(nw_dst) as last, count by nw_proto | sort by count desc',
  );
  t.match(
    text.out,
    /^nw_proto +avg_bytes +min_used +max_tp_dst +last +count\n +17 +106\.909 +\d\.\d{3}s +\d{4} +10\.0\.0\.2 +22\n +\* +68\.000 +\d\.\d{3}s +- +- +4\n/,
  );
  t.match(
    text.err,
    /^rows left out of an aggregate, having no one value for it \(not known, or not matched exactly\): .*max\(tp_dst\): \d/m,
  );
  const csv = await ask('avg(bytes), max(nw_dst) as last, min(used) by nw_proto | limit 1', '--format', 'csv');
  t.match(csv.out, /^nw_proto,avg_bytes,last,min_used\r\n17,106\.909,10\.0\.0\.2,\d+\r\n$/);
  const json = JSON.parse(
    (await ask('avg(bytes), max(nw_dst) as last, sum(bytes) by nw_proto', '--format', 'json')).out,
  );
  t.match(json.rows[0], { nw_proto: 17, avg_bytes: 106.909, last: '10.0.0.2', sum_bytes: Number });
  t.match(json.footer, { passes: { of: 'first', later: 3, undecided: 0 }, leftOut: { 'max(nw_dst)': 31 } });
  t.match(await ask('count as n by tp_dst | count, max(tp_dst) by n | show n, count'), {
    status: 0,
    out: /^ *n +count\n( *\d+ +\d+\n)+$/,
  });
  t.match(await ask('min(used) as u by nw_proto | count by u'), { status: 0, out: /^ *u +count\n *\d+\.\d{3}s +2\n/ });
  t.match(await ask('count distinct nw_dst'), { status: 0, out: '1\n' });
  t.match(await ask('where packets > 1G | sum(bytes), count'), { status: 1, out: /^sum_bytes +count\n +0 +0\n$/ });
  t.match(await ask('where packets > 1G | sum(bytes) by in_port'), { status: 1, out: '' });
  const distinct = await ask('distinct nw_proto, tp_dst | limit 2 | show nw_proto');
  t.match(distinct, { status: 0, out: /^(\d+|\*)\n(\d+|\*)\n$/ });
});
