// Formulas over everything a condition can be about, on 100,000 (flow, condition) pairs and more: the four meanings on fields of 8 to 128
// bits, pasted keys, columns that may be unknown, derived columns, action conditions; against test/support/bit-reference.ts, with the
// rows that are shown, undecided, and that could carry. CTI_LOGIC_PAIRS=2000000 for more.
import t from 'tap';
import { runQuestion } from '../lib/query/run.js';
import { type Asked, askCube, askRange, every, type Known, type Match, some } from './support/bit-reference.js';
import { random } from './support/brute-force.js';
import { makeSnapshot, type RowInput } from './support/snapshot.js';

const PAIRS = Number(process.env.CTI_LOGIC_PAIRS ?? 120_000);
const N_FLOWS = 400;
const rand = random(2026);
const pick = <T>(of: readonly T[]): T => of[rand(of.length)]!;
const ones = (width: number): bigint => (1n << BigInt(width)) - 1n;

const wide = (width: number): bigint => {
  let value = 0n;
  for (let i = 0; i < width; i += 16) value = (value << 16n) | BigInt(rand(65536));
  return value & ones(width);
};

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const dotted = (value: bigint): string => [24n, 16n, 8n, 0n].map((s) => (value >> s) & 255n).join('.');
const mac = (value: bigint): string => value.toString(16).padStart(12, '0').match(/../g)!.join(':');
const ip6 = (value: bigint): string =>
  Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':');

interface Field {
  readonly name: string;
  /** Where the row has it: a field of the schema, `shift` bits up. */
  readonly field: string;
  readonly width: number;
  readonly shift: number;
  readonly print: (value: bigint) => string;
  readonly ordered: boolean;
  /** EtherTypes and protocols of packets that have it; and bits of the field itself that are set in those. */
  readonly ethTypes?: readonly number[];
  readonly protocols?: readonly number[];
  readonly present?: bigint;
  /** How dump-flows writes it. */
  readonly pasted?: (text: string) => string;
}

const IP = [0x0800];
const ANY_IP = [0x0800, 0x86dd];
const plain = { shift: 0, print: hex, ordered: true } as const;
const FIELDS: readonly Field[] = [
  {
    ...plain,
    name: 'nw_dst',
    field: 'nw_dst',
    width: 32,
    print: dotted,
    ethTypes: IP,
    pasted: (v) => `ipv4(dst=${v})`,
  },
  { ...plain, name: 'nw_src', field: 'nw_src', width: 32, print: dotted, ethTypes: IP },
  { ...plain, name: 'nw_ttl', field: 'nw_ttl', width: 8, ethTypes: ANY_IP },
  {
    ...plain,
    name: 'tp_dst',
    field: 'tp_dst',
    width: 16,
    ethTypes: ANY_IP,
    protocols: [6, 17, 132],
    pasted: (v) => `udp(dst=${v})`,
  },
  { ...plain, name: 'tcp_dst', field: 'tp_dst', width: 16, ethTypes: ANY_IP, protocols: [6] },
  { ...plain, name: 'eth_src', field: 'eth_src', width: 48, print: mac, pasted: (v) => `eth(src=${v})` },
  { ...plain, name: 'ct_state', field: 'ct_state', width: 32, ordered: false, pasted: (v) => `ct_state(${v})` },
  { ...plain, name: 'ct_mark', field: 'ct_mark', width: 32, pasted: (v) => `ct_mark(${v})` },
  { ...plain, name: 'vlan_vid', field: 'vlan_tci', width: 12, present: 0x1000n },
  { ...plain, name: 'vlan_pcp', field: 'vlan_tci', width: 3, shift: 13, present: 0x1000n },
  { ...plain, name: 'nw_dscp', field: 'nw_tos', width: 6, shift: 2, ethTypes: ANY_IP },
  { ...plain, name: 'tun_id', field: 'tun_id', width: 64, pasted: (v) => `tunnel(tun_id=${v})` },
  { ...plain, name: 'ipv6_dst', field: 'ipv6_dst', width: 128, print: ip6, ethTypes: [0x86dd] },
];
const WIDTHS: Readonly<Record<string, number>> = { vlan_tci: 16, nw_tos: 8 };

interface Flow {
  readonly match: ReadonlyMap<string, Match>;
  readonly hw: number | undefined;
  readonly pmd: number | undefined;
  readonly packets: number;
  readonly actions: number;
}

// Few values, so that flows and conditions meet.
const pools = new Map<string, bigint[]>();
function near(field: string, width: number): bigint {
  const pool = pools.get(field) ?? Array.from({ length: 6 }, () => wide(width));
  pools.set(field, pool);
  const value = pick(pool);
  return rand(3) === 0 ? value ^ (1n << BigInt(rand(width))) : value;
}
function someMask(width: number): bigint {
  switch (rand(6)) {
    case 0:
      return wide(width);
    case 1:
      return wide(width) | wide(width) | wide(width);
    case 2:
      return ones(width) ^ ones(rand(width + 1));
    case 3:
      return ones(rand(width + 1));
    case 4:
      return 1n << BigInt(rand(width));
    default:
      return ones(width);
  }
}

const portTree = (n: number): number[] => [8, 0, 1, 0, n, 0, 0, 0];
const vniTree = (n: number): number[] => [20, 0, 3, 0, 16, 0, 16, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n];
/** Action lists, and what they are: unknown parts may be anything besides. */
const LISTS = [
  { text: 'drop', ports: [], vni: [], does: [], unknown: false, drop: true },
  { text: 'a', ports: [0], vni: [], does: [1], unknown: false, drop: false },
  { text: 'b,a', ports: [0, 1], vni: [], does: [1], unknown: false, drop: false },
  { text: 'tunnel 5', ports: [1], vni: [5], does: [3, 1], unknown: false, drop: false },
  { text: 'tunnels 5, 9', ports: [1], vni: [5, 9], does: [3, 1], unknown: false, drop: false },
  { text: 'a,odd', ports: [0], vni: [], does: [1], unknown: true, drop: undefined },
  { text: 'odd', ports: [], vni: [9], does: [12], unknown: true, drop: undefined },
  { text: 'ct', ports: [], vni: [], does: [12], unknown: false, drop: false },
] as const;
const PORTS = ['port-a', 'port-b'];

const ETH_TYPES: readonly Match[] = [
  { key: 0x0800n, mask: 0xffffn },
  { key: 0x86ddn, mask: 0xffffn },
  { key: 0x0806n, mask: 0xffffn },
  { key: 0n, mask: 0n },
  { key: 0x0800n, mask: 0xfff0n },
];
const PROTOCOLS: readonly Match[] = [
  { key: 6n, mask: 0xffn },
  { key: 17n, mask: 0xffn },
  { key: 1n, mask: 0xffn },
  { key: 0n, mask: 0n },
  { key: 4n, mask: 0xfcn },
];

const FLOWS: readonly Flow[] = Array.from({ length: N_FLOWS }, () => {
  const match = new Map<string, Match>([
    ['eth_type', pick(ETH_TYPES)],
    ['nw_proto', pick(PROTOCOLS)],
  ]);
  for (const { field, width } of FIELDS) {
    if (match.has(field) || rand(4) === 0) continue;
    const all = WIDTHS[field] ?? width;
    match.set(field, { key: near(field, all), mask: someMask(all) });
  }
  return {
    match,
    hw: rand(3) === 0 ? undefined : rand(3),
    pmd: rand(3) === 0 ? undefined : rand(6) - 1,
    packets: rand(100),
    actions: rand(LISTS.length),
  };
});

const SNAPSHOT = makeSnapshot({
  ports: PORTS.map((name) => ({ name })),
  datapaths: ['system@ovs-system'],
  actions: LISTS.map(({ text, ports, vni, does, unknown }) => ({
    text,
    does,
    outPorts: ports,
    nUnknown: unknown ? 1 : 0,
    tree: [...vni.flatMap(vniTree), ...ports.flatMap(portTree)],
  })),
  rows: FLOWS.map(
    ({ match, hw, pmd, packets, actions }): RowInput => ({
      packets,
      actions,
      ...(hw !== undefined && { hw }),
      ...(pmd !== undefined && { pmd }),
      ...Object.fromEntries([...match].map(([field, { key, mask }]) => [field, [key, mask] as const])),
    }),
  ),
});

const NOTHING: Match = { key: 0n, mask: 0n };
const matchOf = (flow: Flow, field: string): Match => flow.match.get(field) ?? NOTHING;
const meets = ({ key, mask }: Match, value: bigint): boolean => ((key ^ value) & mask) === 0n;

/** Whether some packet of the flow, or every one, has the field. */
function has(flow: Flow, { ethTypes, protocols, present, field }: Field, all: boolean): boolean {
  const among = (name: string, width: number, values: readonly number[] | undefined): boolean => {
    if (!values) return true;
    const match = matchOf(flow, name);
    const asked = values.map((v) => askCube('', BigInt(v), ones(width), width));
    return all ? every(match, width, asked) : asked.some((one) => some(match, width, one));
  };
  const own = matchOf(flow, field);
  const isThere =
    present === undefined ||
    (all ? (own.key & own.mask & present) === present : meets({ ...own, mask: own.mask & present }, present));
  return among('eth_type', 16, ethTypes) && among('nw_proto', 8, protocols) && isThere;
}

/** The part of the match that the column is. */
function partOf(flow: Flow, { field, shift, width }: Field): Match {
  const { key, mask } = matchOf(flow, field);
  const cut = (value: bigint): bigint => (value >> BigInt(shift)) & ones(width);
  return { key: cut(key), mask: cut(mask) };
}

interface Verdict {
  readonly is: Known;
  /** False, but for what the flow does not look at. */
  readonly carry: boolean;
}
interface Leaf {
  readonly text: string;
  of(flow: Flow): Verdict;
}
const decided = (is: Known): Verdict => ({ is, carry: false });

function someValue({ name, field, width, print, ordered }: Field): Asked {
  const whole = WIDTHS[field] === undefined;
  const value = whole ? near(name, width) : wide(width);
  if (rand(3) === 0 && ordered) {
    const other = rand(2) === 0 ? wide(width) : value ^ ones(rand(width + 1));
    const [lo, hi] = value < other ? [value, other] : [other, value];
    return askRange(`${print(lo)}..${print(hi)}`, lo, hi, width);
  }
  if (rand(2) === 0) return askCube(print(value), value, ones(width), width);
  const mask = someMask(width);
  return askCube(`${print(value & mask)}/${print(mask)}`, value, mask, width);
}

function equals(field: Field, asked: Asked): (flow: Flow) => Verdict {
  return (flow) => {
    const part = partOf(flow, field);
    const possible = has(flow, field, false);
    if ((part.mask & asked.bits) === 0n) return { is: false, carry: possible };
    return decided(possible && some(part, field.width, asked));
  };
}
function differs(field: Field, asked: Asked): (flow: Flow) => Verdict {
  return (flow) => {
    const part = partOf(flow, field);
    const possible = has(flow, field, false);
    if ((part.mask & asked.bits) === 0n) return { is: false, carry: possible };
    return decided(possible && !some(part, field.width, asked));
  };
}
const anyOf =
  (verdicts: readonly ((flow: Flow) => Verdict)[]) =>
  (flow: Flow): Verdict => {
    const all = verdicts.map((of) => of(flow));
    return { is: all.some(({ is }) => is), carry: all.some(({ is, carry }) => is || carry) };
  };
const allOf =
  (verdicts: readonly ((flow: Flow) => Verdict)[]) =>
  (flow: Flow): Verdict => {
    const all = verdicts.map((of) => of(flow));
    return { is: all.every(({ is }) => is), carry: all.every(({ is, carry }) => is || carry) };
  };

function matchLeaf(): Leaf {
  const field = pick(FIELDS);
  const { name, width, print } = field;
  const values = Array.from({ length: 1 + rand(3) }, () => someValue(field));
  const first = values[0]!;
  const list = `{${values.map(({ text }) => text).join(', ')}}`;
  const exactly =
    (cube: Match) =>
    (flow: Flow): Verdict => {
      const part = partOf(flow, field);
      return decided(part.mask === cube.mask && (part.key & part.mask) === cube.key && has(flow, field, false));
    };
  switch (rand(9)) {
    case 0:
    case 1:
      return { text: `${name} = ${first.text}`, of: equals(field, first) };
    case 2:
      return { text: `${name} != ${first.text}`, of: differs(field, first) };
    case 3:
      return { text: `${name} in ${list}`, of: anyOf(values.map((value) => equals(field, value))) };
    case 4:
      return { text: `${name} not in ${list}`, of: allOf(values.map((value) => differs(field, value))) };
    case 5:
      return {
        text: `${name} within ${list}`,
        of: (flow) => decided(has(flow, field, true) && every(partOf(flow, field), width, values)),
      };
    case 6: {
      // Half of the time what some flow has.
      const own = partOf(pick(FLOWS), field);
      const cube = rand(2) === 0 ? { key: own.key & own.mask, mask: own.mask } : (first.cube ?? { key: 0n, mask: 0n });
      const text = `${print(cube.key)}/${print(cube.mask)}`;
      if (field.pasted && rand(2) === 0) return { text: field.pasted(text), of: exactly(cube) };
      return { text: `exactly ${name} = ${text}`, of: exactly(cube) };
    }
    case 7:
      return {
        text: `covers(${name} = ${first.text})`,
        of: (flow) => decided(has(flow, field, false) && some(partOf(flow, field), width, first)),
      };
    default:
      return { text: `has ${name}`, of: (flow) => decided(partOf(flow, field).mask !== 0n && has(flow, field, false)) };
  }
}

const or3 = (values: readonly Known[]): Known =>
  values.includes(true) ? true : values.includes(undefined) ? undefined : false;

/** Of columns that may be unknown, and of actions. */
function otherLeaf(): Leaf {
  const n = rand(8);
  const port = rand(2);
  const list = (flow: Flow) => LISTS[flow.actions]!;
  const more = (flow: Flow): Known[] => (list(flow).unknown ? [undefined] : []);
  const vni = (flow: Flow, test: (vni: number) => boolean): Known => or3([...list(flow).vni.map(test), ...more(flow)]);
  const leaves: readonly Leaf[] = [
    { text: 'hw', of: ({ hw }) => decided(hw === undefined ? undefined : hw !== 0) },
    { text: 'hw = partial', of: ({ hw }) => decided(hw === undefined ? undefined : hw === 2) },
    { text: 'hw is unknown', of: ({ hw }) => decided(hw === undefined) },
    { text: `pmd > ${n - 3}`, of: ({ pmd }) => decided(pmd === undefined ? undefined : pmd > n - 3) },
    {
      text: `pmd not in ${n - 4}..${n - 2}`,
      of: ({ pmd }) => decided(pmd === undefined ? undefined : pmd < n - 4 || pmd > n - 2),
    },
    { text: `packets < ${n * 14}`, of: ({ packets }) => decided(packets < n * 14) },
    { text: 'drop', of: (flow) => decided(list(flow).drop) },
    { text: 'drop is unknown', of: (flow) => decided(list(flow).drop === undefined) },
    {
      text: `${pick(['out_port =', 'to'])} ${PORTS[port]}`,
      of: (flow) => decided(or3([...list(flow).ports.map((id) => id === port), ...more(flow)])),
    },
    {
      text: `out_port != ${PORTS[port]}`,
      of: (flow) => {
        const { ports, unknown } = list(flow);
        const isIt = (ports as readonly number[]).includes(port);
        if (isIt || (ports.length === 0 && !unknown)) return decided(false);
        return decided(unknown ? undefined : true);
      },
    },
    { text: 'has out_port', of: (flow) => decided(or3([list(flow).ports.length > 0, ...more(flow)])) },
    { text: `encap.vni = ${n + 2}`, of: (flow) => decided(vni(flow, (v) => v === n + 2)) },
    { text: `encap.vni >= ${n + 2}`, of: (flow) => decided(vni(flow, (v) => v >= n + 2)) },
    {
      text: 'does ct',
      of: (flow) => decided(or3([(list(flow).does as readonly number[]).includes(12), ...more(flow)])),
    },
    { text: 'age < 1h', of: () => decided(undefined) },
  ];
  return pick(leaves);
}

interface Formula {
  readonly text: string;
  /** Whether it holds if what is unknown, or what could be carried, were as asked. */
  holds(flow: Flow, suppose: 'nothing' | 'unknown' | 'carry'): boolean;
}

function formula(depth: number, negated = false): Formula {
  const kind = depth === 0 ? 0 : rand(4);
  if (kind === 0) {
    const leaf = rand(5) < 3 ? matchLeaf() : otherLeaf();
    return {
      text: leaf.text,
      holds(flow, suppose) {
        const { is, carry } = leaf.of(flow);
        if (is === undefined) return suppose === 'unknown';
        return negated ? !is : is || (suppose === 'carry' && carry);
      },
    };
  }
  if (kind === 3) {
    const inner = formula(depth - 1, !negated);
    return { text: `${pick(['not ', '!'])}(${inner.text})`, holds: inner.holds };
  }
  const terms = Array.from({ length: 2 + rand(2) }, () => formula(depth - 1, negated));
  const [signs, isAnd] = kind === 1 ? [[' and ', ' && ', ', '], true] : [[' or ', ' || '], false];
  const text = terms.map((term) => `(${term.text})`).join(pick(signs));
  // Negation turned the one into the other.
  return isAnd !== negated
    ? { text, holds: (flow, suppose) => terms.every((term) => term.holds(flow, suppose)) }
    : { text, holds: (flow, suppose) => terms.some((term) => term.holds(flow, suppose)) };
}

t.test(`${PAIRS} pairs of a flow and a formula`, async (t) => {
  const seen = { pairs: 0, shown: 0, undecided: 0, carry: 0, wrong: 0, refused: 0 };
  while (seen.pairs < PAIRS) {
    const condition = formula(rand(4));
    const question = `dp_flows | where ${condition.text}`;
    let result: Awaited<ReturnType<typeof runQuestion>>;
    try {
      result = await runQuestion(question, SNAPSHOT);
    } catch (error) {
      // No exact answer within reasonable work, and said so: not an answer that is nearly right.
      t.match(error, { code: 'QUERY_TYPE', message: /^this has no exact answer/ }, question);
      seen.refused++;
      continue;
    }
    const rows: number[] = [];
    let undecided = 0;
    let carry = 0;
    for (const [row, flow] of FLOWS.entries()) {
      if (condition.holds(flow, 'nothing')) rows.push(row);
      else {
        if (condition.holds(flow, 'unknown')) undecided++;
        if (condition.holds(flow, 'carry')) carry++;
      }
    }
    const got = result.answer.kind === 'rows' ? [...result.answer.rows] : [];
    const { facts } = result;
    const received = [got.join(), facts.undecided, facts.couldCarry.rows];
    if (JSON.stringify(received) !== JSON.stringify([rows.join(), undecided, carry])) {
      seen.wrong++;
      if (seen.wrong < 5) t.same(received, [rows.join(), undecided, carry], question);
    }
    seen.pairs += FLOWS.length;
    seen.shown += rows.length;
    seen.undecided += undecided;
    seen.carry += carry;
  }
  t.comment(JSON.stringify(seen));
  t.equal(seen.wrong, 0);
  t.ok(seen.shown > PAIRS / 20 && seen.undecided > PAIRS / 100 && seen.carry > PAIRS / 100, JSON.stringify(seen));
});
