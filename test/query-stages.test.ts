// Stages, columns without a mask, names from dictionaries, unknown values, groups, running in slices: against plain JavaScript.
import t from 'tap';
import { CtiError } from '../lib/errors.js';
import { type Group, type QuestionResult, runQuestion } from '../lib/query/run.js';
import { random } from './support/brute-force.js';
import { makeSnapshot } from './support/snapshot.js';

const FULL32 = 0xffff_ffff;
const IP = [0x0800, 0xffff] as const;
const NEVER = (1n << 64n) - 1n;

const PORTS = [
  { name: 'br-int', number: 1 },
  { name: 'veth2', number: 2 },
  { name: 'veth10', number: 7 },
  { number: 9 },
];
const ACTIONS = [
  { text: 'veth2', does: [1], outPorts: [1] },
  { text: 'ct(zone=5),recirc(0x7)', does: [12, 7] },
  { text: 'set(ipv4(dst=10.0.0.9,ttl=63)),veth10', does: [11, 1], outPorts: [2] },
  { text: 'set(ipv4(ttl=63)),set(tcp(dst=80)),clone(br-int),odd(1)', does: [11, 20, 1], outPorts: [0], nUnknown: 1 },
  { text: 'drop' },
  { text: '9', does: [1], outPorts: [3] },
  {
    text: 'set(ipv6(dst=fe80::2,tclass=0x4/0xfc,hlimit=9)),set(nd(target=fe80::3,sll=02:00:00:00:00:01)),veth2',
    does: [3, 1],
    outPorts: [1],
  },
  {
    text: 'set(tunnel(tun_id=0x1,src=1.1.1.1,dst=2.2.2.2,vxlan(gbp(id=1,flags=0x40)),ttl=64,tp_dst=4789,flags(df|key))),veth2',
    does: [3, 1],
    outPorts: [1],
  },
];

interface Flow {
  packets: number;
  bytes: bigint;
  used: bigint;
  hw?: number;
  pmd?: number;
  port: number;
  dp: number;
  actions: number;
  proto?: number;
  tpDst?: number;
}

const rand = random(11);
const FLOWS: Flow[] = Array.from({ length: 1200 }, () => ({
  packets: rand(300),
  bytes: BigInt(rand(1 << 30)) * (rand(4) === 0 ? 1n << 33n : 1n),
  used: rand(10) === 0 ? NEVER : BigInt(rand(20_000)),
  ...(rand(3) > 0 && { hw: rand(3) }),
  ...(rand(3) > 0 && { pmd: rand(8) - 1 }),
  port: rand(PORTS.length),
  dp: rand(2),
  actions: rand(ACTIONS.length),
  ...(rand(4) > 0 && { proto: [6, 17, 1][rand(3)]! }),
  ...(rand(2) > 0 && { tpDst: rand(2000) }),
}));

const SNAPSHOT = makeSnapshot({
  ports: PORTS,
  datapaths: ['netdev@ovs-netdev', 'system@ovs-system'],
  actions: ACTIONS,
  rows: FLOWS.map(({ packets, bytes, used, hw, pmd, port, dp, actions, proto, tpDst }) => ({
    packets,
    bytes,
    used_ms: used,
    datapath: dp,
    actions,
    eth_type: IP,
    in_port: [port, FULL32],
    ...(hw !== undefined && { hw }),
    ...(pmd !== undefined && { pmd }),
    ...(proto !== undefined && { nw_proto: [proto, 255] as const }),
    // What is printed for an ICMP flow says nothing of ports.
    ...(tpDst !== undefined && { tp_dst: [tpDst, 0xffff] as const }),
  })),
});

const hasTpDst = ({ proto, tpDst }: Flow): boolean => tpDst !== undefined && proto !== 1;

const ask = (question: string): Promise<QuestionResult> => runQuestion(`dp_flows | ${question}`, SNAPSHOT);

async function rows(question: string): Promise<number[]> {
  const { answer } = await ask(question);
  return answer.kind === 'rows' ? [...answer.rows] : [];
}

async function groups(question: string): Promise<readonly Group[]> {
  const { answer } = await ask(question);
  return answer.kind === 'groups' ? answer.groups : [];
}

const ids = (test: (flow: Flow) => boolean): number[] => [...FLOWS.keys()].filter((i) => test(FLOWS[i]!));

/** Rows in the order of a key; ties by row number; undefined goes last. */
function ordered(
  key: (flow: Flow) => bigint | number | undefined,
  descending: boolean,
  of = [...FLOWS.keys()],
): number[] {
  const compare = (a: number, b: number): number => {
    const [x, y] = [key(FLOWS[a]!), key(FLOWS[b]!)];
    if (x === undefined || y === undefined) return x === y ? a - b : x === undefined ? 1 : -1;
    return x === y ? a - b : x < y === descending ? 1 : -1;
  };
  return [...of].sort(compare);
}

t.test('conditions on columns without a mask', async (t) => {
  const cases: [condition: string, test: (flow: Flow) => boolean][] = [
    ['packets = 7', (f) => f.packets === 7],
    ['packets != 7', (f) => f.packets !== 7],
    ['packets < 10 or packets >= 290', (f) => f.packets < 10 || f.packets >= 290],
    ['packets in {3, 5, 100..120}', (f) => [3, 5].includes(f.packets) || (f.packets >= 100 && f.packets <= 120)],
    ['packets not in 10..290', (f) => f.packets < 10 || f.packets > 290],
    ['packets > 0xff', (f) => f.packets > 255],
    ['bytes > 1G', (f) => f.bytes > 1_000_000_000n],
    ['bytes > 8Gi and bytes <= 1.5T', (f) => f.bytes > 1n << 33n && f.bytes <= 1_500_000_000_000n],
    ['bytes in {4k, 10M..1G}', (f) => f.bytes === 4000n || (f.bytes >= 10_000_000n && f.bytes <= 1_000_000_000n)],
    ['used = never', (f) => f.used === NEVER],
    ['used > 5s', (f) => f.used > 5000n && f.used !== NEVER],
    ['used <= 1.5s', (f) => f.used <= 1500n],
    ['used_ms < 100ms', (f) => f.used < 100n],
    ['hw', (f) => f.hw !== undefined && f.hw !== 0],
    ['not hw', (f) => f.hw === 0],
    ['hw = partial', (f) => f.hw === 2],
    ['hw in {yes, NO}', (f) => f.hw === 0 || f.hw === 1],
    ['hw is unknown', (f) => f.hw === undefined],
    ['hw is not unknown and not has pmd', (f) => f.hw !== undefined && f.pmd === undefined],
    ['pmd = -1', (f) => f.pmd === -1],
    ['pmd < 2', (f) => f.pmd !== undefined && f.pmd < 2],
    ['pmd in -1..3', (f) => f.pmd !== undefined && f.pmd <= 3],
    ['not pmd >= 3', (f) => f.pmd !== undefined && f.pmd < 3],
    ['not (hw or pmd = 2)', (f) => f.hw === 0 && f.pmd !== undefined && f.pmd !== 2],
    ['packets < 5, packets > 2', (f) => f.packets < 5 && f.packets > 2],
    [
      'PACKETS < 5 AND NOT packets = 3 || !(packets<299)',
      (f) => (f.packets < 5 && f.packets !== 3) || f.packets >= 299,
    ],
    ['packets >= 18446744073709551615 or packets < 0', () => false],
  ];
  for (const [condition, test] of cases) t.same(await rows(`where ${condition}`), ids(test), condition);
});

t.test('names of ports, datapaths and actions', async (t) => {
  const cases: [condition: string, test: (flow: Flow) => boolean][] = [
    ['in_port = veth2', (f) => f.port === 1],
    ['in_port != veth2', (f) => f.port !== 1 && f.port !== 3],
    ['in_port in {veth2, br-int, "veth10"}', (f) => f.port < 3],
    ['in_port matches /^VETH/i', (f) => f.port === 1 || f.port === 2],
    ['not in_port matches /^veth/', (f) => f.port === 0],
    ['in_port not matches /int$/', (f) => f.port === 1 || f.port === 2],
    ['in_port is unknown', (f) => f.port === 3],
    ['exactly in_port = br-int', (f) => f.port === 0],
    ['covers(in_port = br-int)', (f) => f.port === 0],
    ['odp_port = 9', (f) => f.port === 3],
    ['odp_port >= 2 and odp_port < 9', (f) => f.port === 1 || f.port === 2],
    ['dp = ovs-netdev', (f) => f.dp === 0],
    ['datapath != netdev@ovs-netdev', (f) => f.dp === 1],
    ['dp matches /system/', (f) => f.dp === 1],
    ['does ct', (f) => f.actions === 1],
    ['not does ct', (f) => f.actions !== 1 && f.actions !== 3],
    ['does set', (f) => [2, 3, 6, 7].includes(f.actions)],
    ['does drop', (f) => f.actions === 4],
    ['to veth10', (f) => f.actions === 2],
    ['not to veth2', (f) => [1, 2, 4].includes(f.actions)],
    ['sets nw_dst', (f) => f.actions === 2],
    ['sets nw_ttl', (f) => [2, 3, 6].includes(f.actions)],
    ['sets nw_tos or sets nd_sll', (f) => f.actions === 6],
    ['sets nd_tll or sets icmp_type', () => false],
    ['sets nw_dscp', (f) => f.actions === 6],
    ['sets nw_ecn', () => false],
    ['sets ct_zone', (f) => f.actions === 1],
    ['sets ct_mark or sets mpls_label', () => false],
    ['sets tun_tp_dst', (f) => f.actions === 7],
    ['sets tun_id and sets tun_ttl', (f) => f.actions === 7],
    ['not sets tun_dst', (f) => f.actions !== 3 && f.actions !== 7],
    ['sets tcp_dst or sets tp_dst', (f) => f.actions === 3],
    ['actions matches /zone=5\\b/', (f) => f.actions === 1],
  ];
  for (const [condition, test] of cases) t.same(await rows(`where ${condition}`), ids(test), condition);
});

t.test('rows that are undecided are counted', async (t) => {
  const undecided = async (condition: string): Promise<number> => (await ask(`where ${condition}`)).facts.undecided;
  t.equal(await undecided('not hw'), ids((f) => f.hw === undefined).length);
  t.equal(await undecided('hw and packets < 10'), ids((f) => f.hw === undefined && f.packets < 10).length);
  t.equal(await undecided('hw or packets < 10'), ids((f) => f.hw === undefined && f.packets >= 10).length);
  t.equal(
    await undecided('hw or pmd = 2'),
    ids((f) => f.hw !== 1 && f.hw !== 2 && f.pmd !== 2 && (f.hw === undefined || f.pmd === undefined)).length,
  );
  t.equal(await undecided('packets < 10'), 0);
  t.equal(await undecided('in_port = veth2'), ids((f) => f.port === 3).length);
  t.equal(await undecided('does ct'), ids((f) => f.actions === 3).length);
  t.equal(await undecided('to veth2'), ids((f) => f.actions === 3 || f.actions === 5).length);
  t.equal(await undecided('hw is unknown'), 0);
});

t.test('rows that could carry are counted, by field', async (t) => {
  const { facts } = await ask('where tp_dst = 100 and tcp');
  const carries = (f: Flow): boolean =>
    (f.proto === undefined || f.proto === 6) && (f.tpDst === undefined || f.tpDst === 100);
  const could = ids((f) => carries(f) && !(f.proto === 6 && f.tpDst === 100));
  t.equal(facts.couldCarry.rows, could.length);
  t.same(facts.couldCarry.byField, {
    tp_dst: could.filter((i) => FLOWS[i]!.tpDst === undefined).length,
    nw_proto: could.filter((i) => FLOWS[i]!.proto === undefined).length,
  });
  t.equal((await ask('where covers(tp_dst = 100, tcp)')).facts.rowsShown, ids(carries).length);
});

t.test('top, bottom, sort, limit, count in any order', async (t) => {
  const packets = (f: Flow): number => f.packets;
  const cases: [question: string, want: number[]][] = [
    ['top 10 by packets', ordered(packets, true).slice(0, 10)],
    ['bottom 10 by packets', ordered(packets, false).slice(0, 10)],
    ['top 5000 by bytes', ordered((f) => f.bytes, true)],
    ['top 1 by used', ordered((f) => f.used, true).slice(0, 1)],
    ['sort by packets', ordered(packets, false)],
    ['sort desc by bytes', ordered((f) => f.bytes, true)],
    ['sort bytes desc', ordered((f) => f.bytes, true)],
    ['sort by bytes desc', ordered((f) => f.bytes, true)],
    ['sort packets asc', ordered(packets, false)],
    ['sort by pmd', ordered((f) => f.pmd, false)],
    ['sort desc by pmd', ordered((f) => f.pmd, true)],
    ['sort desc by tp_dst', ordered((f) => (hasTpDst(f) ? f.tpDst : undefined), true)],
    ['sort by tcp_dst', ordered((f) => (hasTpDst(f) && f.proto !== 17 ? f.tpDst : undefined), false)],
    [
      'sort by in_port',
      ordered(
        (f) => ['br-int', 'veth2', 'veth10'].sort().indexOf(PORTS[f.port]!.name ?? '~'),
        false,
        ids((f) => f.port < 3),
      ).concat(ids((f) => f.port === 3)),
    ],
    ['sort by odp_port', ordered((f) => PORTS[f.port]!.number, false)],
    ['limit 7', [0, 1, 2, 3, 4, 5, 6]],
    ['where packets = 7 | limit 2', ids((f) => f.packets === 7).slice(0, 2)],
    ['limit 100 | where packets < 50', ids((f) => f.packets < 50).filter((i) => i < 100)],
    ['where packets < 50 | where hw', ids((f) => f.packets < 50 && (f.hw ?? 0) !== 0)],
    [
      'top 50 by packets | bottom 5 by bytes',
      ordered((f) => f.bytes, false, ordered(packets, true).slice(0, 50)).slice(0, 5),
    ],
    [
      'top 50 by packets | where hw | sort by bytes | limit 3 | show packets',
      ordered(
        (f) => f.bytes,
        false,
        ordered(packets, true)
          .slice(0, 50)
          .filter((i) => (FLOWS[i]!.hw ?? 0) !== 0),
      ).slice(0, 3),
    ],
    ['sort by packets | limit 20 | limit 5', ordered(packets, false).slice(0, 5)],
    ['where packets < 0 | sort by bytes', []],
    ['where packets < 0 | top 3 by bytes', []],
  ];
  for (const [question, want] of cases) t.same(await rows(question), want, question);
  const { answer, facts } = await ask('where hw | top 40 by packets | count');
  t.same(answer, { kind: 'count', count: 40n });
  t.equal(facts.rowsScanned, FLOWS.length);
  t.same((await ask('count')).answer, { kind: 'count', count: BigInt(FLOWS.length) });
  t.equal((await ask('top 5 by pmd')).facts.noValue, ids((f) => f.pmd === undefined).length);
  t.equal((await ask('limit 7')).facts.rowsScanned, 7);
});

/** Counts of a key, as text, largest first. */
function counted(key: (flow: Flow) => string, of = FLOWS): Map<string, bigint> {
  const counts = new Map<string, bigint>();
  for (const flow of of) counts.set(key(flow), (counts.get(key(flow)) ?? 0n) + 1n);
  return counts;
}

const cellsOf = ({ keys }: Group): string =>
  keys.map((cell) => (cell === null ? '?' : cell.mask === 0n ? '*' : `${cell.value}`)).join(' ');

t.test('count by', async (t) => {
  const check = async (question: string, want: Map<string, bigint>): Promise<void> => {
    const got = await groups(question);
    t.same(new Map(got.map((group) => [cellsOf(group), group.count])), want, question);
    const counts = got.map(({ count }) => count);
    t.same(
      counts,
      [...counts].sort((a, b) => Number(b - a)),
      'largest first',
    );
  };
  await check(
    'count by in_port',
    counted((f) => `${f.port}`),
  );
  await check(
    'count by hw',
    counted((f) => `${f.hw ?? '?'}`),
  );
  await check(
    'count by hw, pmd',
    counted((f) => `${f.hw ?? '?'} ${f.pmd === undefined ? '?' : f.pmd}`),
  );
  await check(
    'count by nw_proto, tcp_dst',
    counted((f) => `${f.proto ?? '*'} ${hasTpDst(f) && f.proto !== 17 ? f.tpDst : '*'}`),
  );
  await check(
    'where packets < 100 | count by actions',
    counted(
      (f) => `${f.actions}`,
      FLOWS.filter((f) => f.packets < 100),
    ),
  );
  await check(
    'count by bytes',
    counted((f) => `${f.bytes}`),
  );

  const byPort = counted((f) => `${f.port} ${f.packets}`);
  const many = await groups('count by in_port, packets | where count > 4 and packets < 150 | sort by packets');
  t.same(
    new Map(many.map((group) => [cellsOf(group), group.count])),
    new Map([...byPort].filter(([key, count]) => count > 4n && Number(key.split(' ')[1]) < 150)),
  );
  const packets = many.map(({ keys }) => keys[1]!.value);
  t.same(
    packets,
    [...packets].sort((a, b) => Number(a - b)),
    'in order of a key',
  );
  t.equal((await groups('count by in_port, packets | top 3 by count')).length, 3);
  t.same((await ask('count by in_port, packets | count')).answer, { kind: 'count', count: BigInt(byPort.size) });
  // Groups of groups: how many ports have a number of packets.
  const ports = counted((f) => `${f.packets} ${f.port}`);
  const each = new Map<string, bigint>();
  for (const key of ports.keys()) each.set(key.split(' ')[0]!, (each.get(key.split(' ')[0]!) ?? 0n) + 1n);
  const nested = await groups('count by packets, in_port | count by packets');
  t.same(new Map(nested.map((group) => [cellsOf(group), group.count])), each);
  t.equal((await groups('where packets < 0 | count by hw')).length, 0);
});

t.test('masked and 128-bit keys keep their mask', async (t) => {
  const a = [0x0a000000, 0xff000000] as const;
  const snapshot = makeSnapshot({
    rows: [
      { eth_type: IP, nw_dst: a },
      { eth_type: IP, nw_dst: [0x0a123456, 0xff000000] },
      { eth_type: IP, nw_dst: [0x0a000000, 0xffff0000] },
      { eth_type: [0x86dd, 0xffff], ipv6_dst: [0xfd00n << 112n, 0xffffn << 112n] },
      { eth_type: [0x86dd, 0xffff], ipv6_dst: [(0xfd00n << 112n) | 5n, 0xffffn << 112n] },
    ],
  });
  const { answer } = await runQuestion('dp_flows | count by nw_dst, ipv6_dst', snapshot);
  const text =
    answer.kind === 'groups'
      ? answer.groups.map(
          ({ count, keys }) =>
            `${count}: ${keys.map((k) => `${k!.value.toString(16)}/${k!.mask.toString(16)}`).join(' ')}`,
        )
      : [];
  t.same(
    text.sort(),
    [
      '1: a000000/ffff0000 0/0',
      '2: 0/0 fd000000000000000000000000000000/ffff0000000000000000000000000000',
      '2: a000000/ff000000 0/0',
    ].sort(),
  );
});

t.test('columns of the answer', async (t) => {
  const titles = async (question: string): Promise<string[]> =>
    (await runQuestion(question, SNAPSHOT)).columns.map(({ title }) => title);
  t.same(await titles('dp_flows'), ['flow']);
  t.same(await titles('DP_FLOWS | show in_port, ip_dst, flow'), ['in_port', 'ip_dst', 'flow']);
  t.same(await titles('dp_flows | count by in_port, hw'), ['in_port', 'hw', 'count']);
  t.same(await titles('dp_flows | count by in_port, hw | show count, hw'), ['count', 'hw']);
  t.same(await titles('dp_flows | count'), []);
  t.equal((await runQuestion('dp_flows | show dl_dst', SNAPSHOT)).columns[0]!.column.name, 'eth_dst');
});

t.test('runs in slices, reports, stops on request', async (t) => {
  const whole = await ask('top 9 by bytes');
  let slices = 0;
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const sliced = await runQuestion('dp_flows | top 9 by bytes', SNAPSHOT, {
    fuelSlice: 50n,
    onProgress: () => slices++,
  });
  clearInterval(timer);
  t.same(sliced.answer, whole.answer);
  t.equal(sliced.facts.fuel >= whole.facts.fuel, true);
  t.ok(slices > 100 && turns > 0, `${slices} slices, ${turns} turns of the event loop between`);
  const stop = new AbortController();
  const stopped = runQuestion('dp_flows | sort by bytes', SNAPSHOT, {
    fuelSlice: 10n,
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  await t.rejects(stopped, { code: 'CANCELLED' });
});

t.test('an empty table answers', async (t) => {
  const empty = makeSnapshot({ rows: [], actions: [] });
  for (const question of [
    'dp_flows',
    'dp_flows | where hw | sort by packets',
    'dp_flows | top 3 by packets',
    'dp_flows | count by in_port',
  ])
    t.equal((await runQuestion(question, empty)).facts.rowsShown, 0, question);
  t.same((await runQuestion('dp_flows | count', empty)).answer, { kind: 'count', count: 0n });
});

t.test('an error of a question is a CtiError with its place', async (t) => {
  const error = await runQuestion('dp_flows | where nw_dts = 1', SNAPSHOT).catch((e: unknown) => e);
  t.type(error, CtiError);
  t.match(error, {
    code: 'QUERY_NAME',
    details: { offset: 17, line: 1, column: 18, length: 6, suggestions: ['nw_dst'] },
  });
});
