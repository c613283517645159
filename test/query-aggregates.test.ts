// Aggregates, distinct, sums of passes: random rows against plain JavaScript.
import t, { type Test } from 'tap';
import { type QuestionResult, runQuestion } from '../lib/query/run.js';
import { random } from './support/brute-force.js';
import { makeSnapshot, type RowInput } from './support/snapshot.js';

const FULL16 = 0xffff;
const FULL32 = 0xffff_ffff;
const NEVER = (1n << 64n) - 1n;

/** A field as a row matches it. */
type Match = readonly [key: number, mask: number];

interface Flow {
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly used: bigint;
  readonly pmd: number | undefined;
  readonly hw: number | undefined;
  readonly recirc: Match;
  readonly arp: boolean;
  readonly nwSrc: Match;
  readonly nwDst: Match;
  readonly proto: number;
  readonly tpDst: Match;
  readonly vlan: Match;
}

function someFlows(seed: number, n: number): Flow[] {
  const rand = random(seed);
  const match = (keys: number, full: number): Match => {
    const kind = rand(5);
    const mask = kind === 0 ? 0 : kind === 1 ? (full & 0xfffff0f0) >>> 0 : full;
    return [(rand(keys) & mask) >>> 0, mask];
  };
  return Array.from({ length: n }, () => ({
    packets: BigInt(rand(1000)),
    bytes: BigInt(rand(1 << 30)) << BigInt(rand(20)),
    used: rand(6) === 0 ? NEVER : BigInt(rand(100_000)),
    pmd: rand(4) === 0 ? undefined : rand(5) - 1,
    hw: rand(3) === 0 ? undefined : rand(3),
    recirc: rand(9) === 0 ? [0, 0] : rand(9) === 0 ? [2 * rand(3), 0xffff_fffe] : [rand(2) * rand(4), FULL32],
    arp: rand(6) === 0,
    nwSrc: match(40, FULL32),
    nwDst: match(300, FULL32),
    proto: [6, 17, 1][rand(3)]!,
    tpDst: match(30, FULL16),
    vlan: rand(2) === 0 ? [0, FULL16] : [0x1000 | (rand(8) << 13) | rand(5), rand(3) === 0 ? 0x1fff : FULL16],
  }));
}

const rowOf = (f: Flow): RowInput => ({
  packets: f.packets,
  bytes: f.bytes,
  used_ms: f.used,
  ...(f.pmd !== undefined && { pmd: f.pmd }),
  ...(f.hw !== undefined && { hw: f.hw }),
  recirc_id: f.recirc,
  eth_type: [f.arp ? 0x0806 : 0x0800, FULL16],
  ...(!f.arp && { nw_src: f.nwSrc, nw_dst: f.nwDst, nw_proto: [f.proto, 255] as const, tp_dst: f.tpDst }),
  vlan_tci: f.vlan,
});

/** The one value a row has, by the sentences of docs/questions.md; undefined: it has none. */
const VALUES: Readonly<Record<string, (f: Flow) => bigint | undefined>> = {
  packets: (f) => f.packets,
  bytes: (f) => f.bytes,
  used: (f) => f.used,
  pmd: (f) => (f.pmd === undefined ? undefined : BigInt(f.pmd)),
  nw_src: (f) => (f.arp || f.nwSrc[1] !== FULL32 ? undefined : BigInt(f.nwSrc[0])),
  nw_dst: (f) => (f.arp || f.nwDst[1] !== FULL32 ? undefined : BigInt(f.nwDst[0])),
  tp_dst: (f) => (f.arp || f.proto === 1 || f.tpDst[1] !== FULL16 ? undefined : BigInt(f.tpDst[0])),
  vlan_vid: (f) =>
    (f.vlan[0] & 0x1000) === 0 || (f.vlan[1] & 0xfff) !== 0xfff ? undefined : BigInt(f.vlan[0] & 0xfff),
  vlan_pcp: (f) => ((f.vlan[0] & 0x1000) === 0 || f.vlan[1] >> 13 !== 7 ? undefined : BigInt(f.vlan[0] >> 13)),
};

const masked = ([key, mask]: Match): string | undefined => (mask === 0 ? undefined : `${(key & mask) >>> 0}/${mask}`);

/** What a row has in a group's key; undefined: it is not known, or the row does not look. */
const KEYS: Readonly<Record<string, (f: Flow) => string | undefined>> = {
  hw: (f) => (f.hw === undefined ? undefined : `${f.hw}/${(1n << 8n) - 1n}`),
  pmd: (f) => (f.pmd === undefined ? undefined : `${f.pmd}/${FULL32}`),
  packets: (f) => `${f.packets}/${NEVER}`,
  nw_src: (f) => (f.arp ? undefined : masked(f.nwSrc)),
  nw_dst: (f) => (f.arp ? undefined : masked(f.nwDst)),
  tp_dst: (f) => (f.arp || f.proto === 1 ? undefined : masked(f.tpDst)),
  nw_proto: (f) => (f.arp ? undefined : `${f.proto}/255`),
};

const isLater = ({ recirc: [key, mask] }: Flow): boolean => (key & mask) !== 0;

interface Wanted {
  readonly fn: 'count' | 'distinct' | 'sum' | 'min' | 'max' | 'avg';
  readonly fields: readonly string[];
  readonly allPasses: boolean;
}

function aggregate({ fn, fields, allPasses }: Wanted, flows: readonly Flow[]): bigint | undefined {
  if (fn === 'count') return BigInt(flows.length);
  if (fn === 'distinct') {
    const tuples = flows.map((flow) => fields.map((field) => KEYS[field]!(flow)));
    return BigInt(new Set(tuples.filter((tuple) => !tuple.includes(undefined)).map((tuple) => tuple.join())).size);
  }
  const [field] = fields as [string];
  const isCounter = field === 'packets' || field === 'bytes';
  const counted = fn === 'sum' && isCounter && !allPasses ? flows.filter((flow) => !isLater(flow)) : flows;
  const adds = fn === 'sum' || fn === 'avg';
  const all = counted.map((flow) => VALUES[field]!(flow));
  const values = all.filter((v): v is bigint => v !== undefined && !(adds && field === 'used' && v === NEVER));
  const sum = values.reduce((total, v) => total + v, 0n);
  if (fn === 'sum' && isCounter) return sum;
  if (values.length === 0) return undefined;
  if (fn === 'sum') return sum;
  if (fn === 'avg') return (field === 'used' ? sum : sum * 1000n) / BigInt(values.length);
  return values.reduce((best, v) => ((fn === 'min' ? v < best : v > best) ? v : best));
}

const textOf = ({ fn, fields }: Wanted): string =>
  fn === 'count' ? fn : fn === 'distinct' ? `count(distinct ${fields.join(', ')})` : `${fn}(${fields[0]})`;

function expected(flows: readonly Flow[], keys: readonly string[], wanted: readonly Wanted[]): Map<string, string> {
  const groups = new Map<string, Flow[]>();
  if (keys.length === 0) groups.set('', []);
  for (const flow of flows) {
    const key = keys.map((name) => KEYS[name]!(flow) ?? '-').join(' ');
    groups.set(key, [...(groups.get(key) ?? []), flow]);
  }
  return new Map([...groups].map(([key, of]) => [key, wanted.map((one) => `${aggregate(one, of) ?? '-'}`).join(' ')]));
}

function groupsOf({ answer }: QuestionResult): Map<string, string> {
  if (answer.kind !== 'groups') throw new Error(answer.kind);
  return new Map(
    answer.groups.map(({ keys, values }) => [
      keys.map((cell) => (cell === null || cell.mask === 0n ? '-' : `${cell.value}/${cell.mask}`)).join(' '),
      values.map((cell) => (cell === null ? '-' : `${cell.value}`)).join(' '),
    ]),
  );
}

const snapshotOf = (flows: readonly Flow[]) => makeSnapshot({ rows: flows.map(rowOf) });

function same(t: Test, got: Map<string, string>, want: Map<string, string>, question: string): void {
  if (got.size !== want.size || [...want].some(([key, value]) => got.get(key) !== value)) t.same(got, want, question);
}

t.test('random aggregates of random rows', async (t) => {
  const rand = random(77);
  const adding = ['packets', 'bytes', 'used', 'tp_dst', 'vlan_vid'];
  const ordered = [...adding, 'pmd', 'nw_src', 'nw_dst', 'vlan_pcp'];
  const some = <T>(from: readonly T[], n: number): T[] => [...from].sort(() => rand(3) - 1).slice(0, n);
  let n = 0;
  let groups = 0;
  for (let round = 0; round < 300; round++) {
    const flows = someFlows(round, round % 10 === 0 ? round % 3 : 200 + rand(300));
    const snapshot = snapshotOf(flows);
    const keys = some(Object.keys(KEYS), rand(4));
    const allPasses = rand(2) === 0;
    const wanted = Array.from({ length: 1 + rand(5) }, (): Wanted => {
      const fn = (['count', 'distinct', 'sum', 'min', 'max', 'avg'] as const)[rand(6)]!;
      const from = fn === 'distinct' ? Object.keys(KEYS) : fn === 'sum' || fn === 'avg' ? adding : ordered;
      return { fn, fields: fn === 'count' ? [] : some(from, fn === 'distinct' ? 1 + rand(2) : 1), allPasses };
    });
    if (allPasses && !wanted.some(({ fn, fields: [f] }) => fn === 'sum' && (f === 'packets' || f === 'bytes')))
      wanted.push({ fn: 'sum', fields: ['bytes'], allPasses });
    const list = wanted.map((one, i) => `${textOf(one)} as a${i}`).join(', ');
    const by = keys.length > 0 ? ` by ${keys.join(', ')}` : '';
    const question = `dp_flows | ${list}${by}${allPasses ? ' all passes' : ''}`;
    const result = await runQuestion(question, snapshot);
    const want = expected(flows, keys, wanted);
    same(t, groupsOf(result), want, `${round}: ${question}`);
    const sums = wanted.some(({ fn, fields: [f] }) => fn === 'sum' && (f === 'packets' || f === 'bytes'));
    const later = sums && !allPasses ? flows.filter(isLater).length : 0;
    if (sums) t.equal(result.facts.passes?.of, allPasses ? 'all' : 'first');
    if (sums) t.equal(result.facts.passes?.later, later, question);
    n++;
    groups += want.size;
  }
  t.equal(n, 300);
  t.ok(groups > 10_000, `${groups} groups compared`);
});

const FLOWS = someFlows(4242, 2000);
const SNAPSHOT = snapshotOf(FLOWS);
const ask = (question: string): Promise<QuestionResult> => runQuestion(`dp_flows | ${question}`, SNAPSHOT);

t.test('rows that have no one value are counted', async (t) => {
  const { facts } = await ask(
    'min(tp_dst), max(tp_dst), avg(used), count(distinct nw_dst, hw), sum(bytes) by nw_proto',
  );
  const without = (test: (f: Flow) => unknown): number => FLOWS.filter((f) => test(f) === undefined).length;
  t.same(facts.leftOut, {
    'min(tp_dst), max(tp_dst)': without(VALUES.tp_dst!),
    'avg(used)': FLOWS.filter((f) => f.used === NEVER).length,
    'count(distinct nw_dst, hw)': FLOWS.filter((f) => KEYS.nw_dst!(f) === undefined || f.hw === undefined).length,
  });
  t.equal(facts.passes?.undecided, FLOWS.filter((f) => !isLater(f) && f.recirc[1] !== FULL32).length);
  t.same((await ask('max(used)')).facts.leftOut, {}, 'never comes after every duration');
});

t.test('later stages see aggregates by name', async (t) => {
  const sums = expected(FLOWS, ['nw_src', 'hw'], [{ fn: 'sum', fields: ['bytes'], allPasses: false }]);
  const inOrder = [...sums].sort(([, a], [, b]) => (BigInt(a) < BigInt(b) ? 1 : BigInt(a) > BigInt(b) ? -1 : 0));
  const list = async (question: string): Promise<string[]> => [...groupsOf(await ask(question)).values()];
  const values = inOrder.map(([, sum]) => sum);
  t.same(await list('sum(bytes) as b by nw_src, hw | top 5 by b'), values.slice(0, 5));
  t.same(await list('sum(bytes) as b by nw_src, hw | bottom 5 by B'), values.slice(-5).reverse());
  t.same(await list('sum(bytes) by nw_src, hw'), values, 'the first aggregate, largest first');
  t.same(await list('sum(bytes) by nw_src, hw | sort sum_bytes'), [...values].reverse());
  t.same(await list('sum(bytes) by nw_src, hw | sort by sum(bytes) desc | limit 3'), values.slice(0, 3));
  const large = 1_000_000_000_000n;
  const want = values.filter((v) => BigInt(v) > large);
  t.ok(want.length > 0 && want.length < values.length);
  t.same(await list('sum(bytes) as b by nw_src, hw | where b > 1T'), want);
  // By what it is called without `as`: not the key of a pasted line, which looks the same.
  t.same(await list('sum(bytes) by nw_src, hw | where sum(bytes) > 1T'), want);
  t.same(
    await list('count(distinct hw) by nw_src | where count(distinct hw) >= 1'),
    (await list('count(distinct hw) by nw_src')).filter((n) => Number(n) >= 1),
  );
  t.same(await list('sum bytes as b by nw_src, hw | where b > 1T and not hw is unknown or b > 1T'), want);
  const shown = await ask('count, sum(bytes) as b by nw_src | show b, nw_src');
  t.same(
    shown.columns.map(({ title }) => title),
    ['b', 'nw_src'],
  );
  const averages = await list('avg(packets) as a by packets, hw | where a = 7');
  t.ok(averages.length > 0 && averages.every((a) => a === '7000'), 'an average is compared as it is written');
  const exact = await ask('avg(packets) as a by nw_proto');
  const some = [...groupsOf(exact).values()].map(BigInt);
  for (const [op, test] of [
    ['>', (a: bigint) => a > some[1]!],
    ['<=', (a: bigint) => a <= some[1]!],
    ['=', (a: bigint) => a === some[1]!],
  ] as const) {
    const decimal = `${some[1]! / 1000n}.${(some[1]! % 1000n).toString().padStart(3, '0')}`;
    t.same(
      await list(`avg(packets) as a by nw_proto | where a ${op} ${decimal}`),
      some.filter(test).map(String),
      `a ${op} ${decimal}`,
    );
  }
  t.same(
    await list('count by pmd | where pmd = -1 or pmd >= 2 | show count'),
    await list('where pmd = -1 or pmd >= 2 | count by pmd'),
  );
});

t.test('groups of groups, distinct, and one group of all', async (t) => {
  const each = expected(FLOWS, ['nw_src', 'hw'], [{ fn: 'count', fields: [], allPasses: false }]);
  const byHw = new Map<string, { n: bigint; most: bigint }>();
  for (const [key, count] of each) {
    const hw = key.split(' ')[1]!;
    const { n, most } = byHw.get(hw) ?? { n: 0n, most: 0n };
    byHw.set(hw, { n: n + 1n, most: BigInt(count) > most ? BigInt(count) : most });
  }
  const nested = groupsOf(await ask('count as flows by nw_src, hw | count, max(flows), sum(flows) as s by hw'));
  const total = (hw: string): number => FLOWS.filter((f) => (KEYS.hw!(f) ?? '-') === hw).length;
  t.same(nested, new Map([...byHw].map(([hw, { n, most }]) => [hw, `${n} ${most} ${total(hw)}`])));
  t.same((await ask('count by nw_src, hw | count')).answer, { kind: 'count', count: BigInt(each.size) });

  const distinct = await ask('distinct nw_src, hw');
  const inTableOrder = [...new Set(FLOWS.map((f) => `${KEYS.nw_src!(f) ?? '-'} ${KEYS.hw!(f) ?? '-'}`))];
  t.same([...groupsOf(distinct).keys()], inTableOrder, 'in the order of the table');
  t.same(
    distinct.columns.map(({ title }) => title),
    ['nw_src', 'hw'],
  );
  t.same((await ask('distinct nw_src, hw | where has nw_src | count')).answer, {
    kind: 'count',
    count: BigInt(inTableOrder.filter((key) => !key.startsWith('-')).length),
  });
  const one = async (question: string): Promise<string> => [...groupsOf(await ask(question)).values()].join();
  const want = (wanted: Wanted, of = FLOWS): string => `${aggregate(wanted, of)}`;
  t.equal(await one('count distinct nw_dst'), want({ fn: 'distinct', fields: ['nw_dst'], allPasses: false }));
  t.equal(
    await one('count distinct nw_dst, tp_dst as n'),
    want({ fn: 'distinct', fields: ['nw_dst', 'tp_dst'], allPasses: false }),
  );
  t.same(
    groupsOf(await ask('count distinct nw_dst by hw')),
    expected(FLOWS, ['hw'], [{ fn: 'distinct', fields: ['nw_dst'], allPasses: false }]),
  );
  t.equal(
    await one('where packets < 0 | count, sum(bytes), min(packets), avg(packets), count(distinct hw)'),
    '0 0 - - 0',
  );
});

t.test('no sum is wrong: what is larger than 64 bits is refused', async (t) => {
  const max = (1n << 64n) - 1n;
  const of = (...bytes: bigint[]) =>
    makeSnapshot({ rows: bytes.map((n, i) => ({ bytes: n, packets: i, recirc_id: [0, FULL32] })) });
  const first = async (question: string, ...bytes: bigint[]): Promise<string> =>
    [...groupsOf(await runQuestion(`dp_flows | ${question}`, of(...bytes))).values()].join();
  t.equal(await first('sum(bytes)', max - 5n, 5n), `${max}`);
  t.equal(await first('sum(bytes), count by hw', 1n << 63n, (1n << 63n) - 1n), `${max} 2`);
  const error = await first('count, sum(bytes) as b by hw', max - 5n, 6n).catch((e: Error) => e);
  t.match(error, { code: 'QUERY_OVERFLOW', message: /^sum\(bytes\) is larger than a number of 64 bits can say/ });
  t.match((error as { details?: unknown }).details, { offset: 18, length: 'sum(bytes) as b'.length });
  t.equal(await first('avg(bytes)', 1n << 53n, 1n << 53n), `${(1n << 53n) * 1000n}`);
  await t.rejects(first('avg(bytes)', 1n << 63n), { code: 'QUERY_OVERFLOW', message: /^avg\(bytes\) is larger/ });
  t.equal(await first('avg(bytes)', 1n, 2n, 2n), '1666', 'three decimals, rounded down');
  t.equal(await first('max(bytes), min(bytes)', max, max - 1n), `${max} ${max - 1n}`);
});
