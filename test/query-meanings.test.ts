// The meanings of a condition on a masked field, against every packet there is (test/support/brute-force.ts).
import t from 'tap';
import { type QuestionResult, runQuestion } from '../lib/query/run.js';
import { type ConditionText, random, someCondition, someLeaf, type TinyFlow } from './support/brute-force.js';
import { makeSnapshot, type RowInput } from './support/snapshot.js';

const IP4 = 0x0800;
const IP6 = 0x86dd;

/** Matches on EtherType: which packets of IP and of other kinds are among them. */
const ETH_TYPES = [
  { eth_type: [IP4, 0xffff], ip: true, other: false },
  { eth_type: [IP6, 0xffff], ip: true, other: false },
  { eth_type: [0x0806, 0xffff], ip: false, other: true },
  { eth_type: [0, 0], ip: true, other: true },
  // 0x0800 or 0x0806, among others.
  { eth_type: [IP4, 0xfff0], ip: true, other: true },
] as const;

/** Every mask with some keys, dirty bits outside the mask among them, under every kind of EtherType match. */
function flows(rand: (n: number) => number, keysOfMask: number): { flow: TinyFlow; row: RowInput }[] {
  return Array.from({ length: 256 * keysOfMask }, (_, i) => {
    const mask = i % 256;
    const key = rand(256);
    const { eth_type, ip, other } = ETH_TYPES[rand(ETH_TYPES.length)]!;
    return { flow: { key, mask, ip, other }, row: { eth_type, nw_ttl: [key, mask] } };
  });
}

const rowsOf = (result: QuestionResult): number[] => {
  if (result.answer.kind !== 'rows') throw new Error(`expected rows, received ${result.answer.kind}`);
  return [...result.answer.rows];
};

function expected(
  condition: ConditionText,
  all: readonly { flow: TinyFlow }[],
): { rows: number[]; couldCarry: number } {
  const verdicts = all.map(({ flow }) => condition.of(flow));
  return {
    rows: [...verdicts.keys()].filter((i) => verdicts[i]!.shown),
    couldCarry: verdicts.filter(({ shown, carry }) => !shown && carry).length,
  };
}

t.test('each meaning on an 8-bit field is what going through all packets gives', async (t) => {
  const rand = random(1);
  const all = flows(rand, 4);
  const snapshot = makeSnapshot({ rows: all.map(({ row }) => row) });
  const seen = new Set<string>();
  for (let i = 0; i < 400; i++) {
    const condition = someLeaf(rand, 'nw_ttl');
    const result = await runQuestion(`dp_flows | where ${condition.text}`, snapshot);
    const want = expected(condition, all);
    const got = { rows: rowsOf(result), couldCarry: result.facts.couldCarry.rows };
    if (JSON.stringify(got) !== JSON.stringify(want)) t.same(got, want, condition.text);
    seen.add(condition.text.replace(/[0-9x./a-f]+/g, ''));
  }
  t.ok(seen.size >= 15, `forms of conditions seen: ${seen.size}`);
});

t.test('formulas of them too, with the rows that could carry', async (t) => {
  const rand = random(2);
  const all = flows(rand, 2);
  const snapshot = makeSnapshot({ rows: all.map(({ row }) => row) });
  let carried = 0;
  let shown = 0;
  for (let i = 0; i < 300; i++) {
    const condition = someCondition(rand, 'nw_ttl', 3);
    const result = await runQuestion(`dp_flows | where ${condition.text}`, snapshot);
    const want = expected(condition, all);
    const got = { rows: rowsOf(result), couldCarry: result.facts.couldCarry.rows };
    if (JSON.stringify(got) !== JSON.stringify(want)) t.same(got, want, condition.text);
    shown += want.rows.length;
    carried += want.couldCarry;
    const { byField } = result.facts.couldCarry;
    t.ok((byField.nw_ttl ?? 0) <= result.facts.couldCarry.rows, 'no more rows by field than rows');
  }
  t.ok(shown > 10_000 && carried > 1000, `${shown} rows shown, ${carried} could carry: both sides are tested`);
});

t.test('a field and the protocol that decides whether a packet has it', async (t) => {
  // Packets by (EtherType, protocol, port): the port is 8 of its 16 bits, the others exact and 0.
  const rand = random(3);
  const protocols = [
    [6, 255],
    [17, 255],
    [1, 255],
    [0, 0],
    [4, 0xfc],
    [16, 0xf0],
  ] as const;
  const all = Array.from({ length: 1500 }, () => {
    const { eth_type, ip } = ETH_TYPES[rand(ETH_TYPES.length)]!;
    const [proto, protoMask] = protocols[rand(protocols.length)]!;
    const [key, mask] = [rand(8), rand(8)];
    const row = { eth_type, nw_proto: [proto, protoMask], tp_dst: [key, mask | 0xfff8] } as const;
    return { row, ip, proto, protoMask, key, mask };
  });
  const snapshot = makeSnapshot({ rows: all.map(({ row }) => row) });
  const words = { tp_dst: [6, 17, 132], tcp_dst: [6], udp_dst: [17], sctp_dst: [132] } as const;
  for (const [field, allowed] of Object.entries(words)) {
    for (let value = 0; value < 8; value++) {
      const want = all.flatMap(({ ip, proto, protoMask, key, mask }, i) => {
        const has = ip && allowed.some((p) => (p & protoMask) === (proto & protoMask));
        const some = Array.from({ length: 8 }, (_, v) => v).some((v) => v === value && (v & mask) === (key & mask));
        return has && some ? [i] : [];
      });
      const result = await runQuestion(`dp_flows | where ${field} = ${value}`, snapshot);
      t.same(rowsOf(result), want, `${field} = ${value}`);
      const covers = await runQuestion(`dp_flows | where covers(${field} = ${value})`, snapshot);
      t.same(rowsOf(covers), want, `covers(${field} = ${value}): every flow looks at the field`);
    }
  }
});

t.test('128 bits: the formula over whole numbers', async (t) => {
  const rand = random(4);
  const wide = (): bigint => {
    let value = 0n;
    for (let i = 0; i < 8; i++) value = (value << 16n) | BigInt([0, 0, 0xffff, rand(65536)][rand(4)]!);
    return value;
  };
  const all = Array.from({ length: 300 }, () => ({ key: wide(), mask: wide() }));
  const rows = [
    ...all.map(({ key, mask }) => ({ eth_type: [IP6, 0xffff], ipv6_dst: [key, mask] }) as const),
    { eth_type: [IP6, 0xffff] } as const,
    { eth_type: [IP4, 0xffff] } as const,
  ];
  const snapshot = makeSnapshot({ rows });
  const address = (value: bigint): string =>
    Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':');
  const rest = (length: number): bigint => (1n << BigInt(128 - length)) - 1n;
  for (let i = 0; i < 150; i++) {
    const { key, mask } = all[rand(all.length)]!;
    const vm = rand(2) === 0 ? mask : ((1n << 128n) - 1n) & ~rest(rand(129));
    const v = (rand(3) === 0 ? wide() : key) & vm;
    const text = `${address(v)}/${address(vm)}`;
    const rowIds = (test: (k: bigint, m: bigint) => boolean): number[] =>
      [...all.keys()].filter((r) => test(all[r]!.key, all[r]!.mask));
    const overlap = (k: bigint, m: bigint): boolean => ((k ^ v) & m & vm) === 0n;
    const asked = vm === 0n ? (1n << 128n) - 1n : vm;
    const ask = async (condition: string): Promise<number[]> =>
      rowsOf(await runQuestion(`dp_flows | where ${condition}`, snapshot));
    t.same(
      await ask(`ipv6_dst = ${text}`),
      rowIds((k, m) => (m & asked) !== 0n && overlap(k, m)),
      `= ${text}`,
    );
    t.same(await ask(`covers(ipv6_dst = ${text})`), [...rowIds(overlap), all.length], `covers ${text}`);
    const inside = rowIds((k, m) => (m & vm) === vm && ((k ^ v) & vm) === 0n);
    t.same(await ask(`ipv6_dst within ${text}`), vm === 0n ? [...inside, all.length] : inside, `within ${text}`);
    const same = rowIds((k, m) => m === vm && ((k ^ v) & vm) === 0n);
    t.same(await ask(`exactly ipv6_dst = ${text}`), vm === 0n ? [...same, all.length] : same, `exactly ${text}`);
  }
  // A range in the middle: numbers between two addresses.
  const [lo, hi] = [0x20010db8n << 96n, (0x20010db8n << 96n) | 0xffff_1234n];
  const exact = [lo - 1n, lo, lo + 77n, hi, hi + 1n];
  const some = makeSnapshot({
    rows: exact.map((key) => ({ eth_type: [IP6, 0xffff], ipv6_src: [key, (1n << 128n) - 1n] })),
  });
  const result = await runQuestion(`dp_flows | where ipv6_src in ${address(lo)}..${address(hi)}`, some);
  t.same(rowsOf(result), [1, 2, 3]);
});

t.test('part of a field: a VLAN id exists where there is a tag', async (t) => {
  const rand = random(5);
  const all = Array.from({ length: 300 }, () => ({
    key: rand(65536),
    mask: [0xffff, 0x1fff, 0x1000, 0xefff, 0x0fff, 0, rand(65536)][rand(7)]!,
  }));
  const snapshot = makeSnapshot({ rows: all.map(({ key, mask }) => ({ vlan_tci: [key, mask] })) });
  const packets = Array.from({ length: 65536 }, (_, tci) => tci);
  for (const vid of [0, 5, 4095, all[3]!.key & 0xfff]) {
    const some = ({ key, mask }: { key: number; mask: number }, test: (tci: number) => boolean): boolean =>
      packets.some((tci) => test(tci) && (tci & mask) === (key & mask));
    const isTagged = (tci: number): boolean => (tci & 0x1000) !== 0;
    const carries = (tci: number): boolean => isTagged(tci) && (tci & 0xfff) === vid;
    const ids = (test: (flow: { key: number; mask: number }) => boolean): number[] =>
      [...all.keys()].filter((i) => test(all[i]!));
    const equal = ids((flow) => (flow.mask & 0xfff) !== 0 && some(flow, carries));
    const result = await runQuestion(`dp_flows | where dl_vlan = ${vid}`, snapshot);
    t.same(rowsOf(result), equal, `dl_vlan = ${vid}`);
    t.equal(result.facts.couldCarry.rows, ids((flow) => (flow.mask & 0xfff) === 0 && some(flow, isTagged)).length);
    const covers = await runQuestion(`dp_flows | where covers(vlan_vid = ${vid}, vlan_pcp = 0)`, snapshot);
    t.same(
      rowsOf(covers),
      ids((flow) => some(flow, (tci) => carries(tci) && tci >> 13 === 0)),
      `covers ${vid}`,
    );
    const within = await runQuestion(`dp_flows | where vlan_vid within ${vid}`, snapshot);
    t.same(
      rowsOf(within),
      ids((flow) => !some(flow, (tci) => !carries(tci))),
      `within ${vid}`,
    );
  }
});
