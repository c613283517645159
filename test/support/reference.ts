/**
 * An independent answer to questions: plain TypeScript over the *text* of a dump (`ovs-appctl dpctl/dump-flows -m`). It splits
 * lines by itself, knows fields by where the switch prints them, and takes a question as JSON (test/questions/*.json). It
 * shares no code with the compiler, the readers or the schema. Slow, and meant to be.
 */

/** A condition as JSON. Values are as people write them: "443", "0x1f/0xff", "10.0.0.0/8", "lo..hi", "+trk-inv", "fd00::/8". */
export type Expr =
  | readonly ['and' | 'or', ...Expr[]]
  | readonly ['not', Expr]
  /** The four meanings, and whether the flow looks at the field. */
  | readonly ['=' | '!=' | 'within' | 'exactly', field: string, value: string]
  | readonly ['in', field: string, ...values: string[]]
  | readonly ['covers', ...packet: (readonly [field: string, value: string])[]]
  | readonly ['has', field: string]
  /** eth_type and, where given, nw_proto are among these. */
  | readonly ['kind', ethTypes: readonly string[], protocols?: readonly string[]]
  /** packets, bytes, used (ms). */
  | readonly ['number', column: string, op: '<' | '<=' | '>' | '>=' | '=', value: number]
  | readonly ['never-used']
  | readonly ['layer', string]
  /** The name in in_port(...). */
  | readonly ['port', ...names: string[]]
  | readonly ['port-matches', pattern: string]
  /** The action list, as text. */
  | readonly ['actions-match', pattern: string]
  | readonly ['to', port: string]
  /** It outputs to some port. */
  | readonly ['outputs'];

export interface ReferenceQuestion {
  readonly where?: Expr;
  /** Largest first, or smallest; ties by row. */
  readonly top?: readonly [n: number, column: string];
  readonly bottom?: readonly [n: number, column: string];
  readonly sort?: readonly [column: string, direction: 'asc' | 'desc'];
  readonly limit?: number;
  /** Counts of the distinct texts of these columns; a field that the flow does not look at is `*`. */
  readonly countBy?: readonly string[];
  /** What is made of the rows of each group of countBy, or of all rows where countBy is []; without it their number. */
  readonly aggregates?: readonly ReferenceAggregate[];
  /** Sums of packets and bytes are of all passes. */
  readonly allPasses?: true;
  readonly count?: true;
}

export type ReferenceAggregate =
  | readonly ['count']
  | readonly ['sum' | 'min' | 'max' | 'avg', column: string]
  | readonly ['distinct', ...columns: string[]];

export type ReferenceAnswer =
  | { readonly kind: 'rows'; readonly rows: readonly number[] }
  | { readonly kind: 'groups'; readonly groups: ReadonlyMap<string, number | string> }
  | { readonly kind: 'count'; readonly count: number };

/** Splits at commas outside of parentheses. */
function items(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === undefined || (c === ',' && depth === 0)) {
      if (i > from) parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  return parts;
}

/** name(inside) -> inside, and name=value -> value; encap(...) is laid open, its inside winning. */
function open(text: string, into = new Map<string, string>()): Map<string, string> {
  const parts = items(text).map((item): [string, string] => {
    const call = /^([a-z0-9_]+)\((.*)\)$/.exec(item.trim());
    if (call) return [call[1]!, call[2]!];
    const at = item.indexOf('=');
    return at < 0 ? [item.trim(), ''] : [item.slice(0, at).trim(), item.slice(at + 1).trim()];
  });
  // Inside encap is what follows the tag: its EtherType is the packet's, a tag in there is the second one.
  for (const [name, inside] of parts)
    if (name !== 'encap' && !(name === 'vlan' && into.has(name))) into.set(name, inside);
  for (const [name, inside] of parts) if (name === 'encap') open(inside, into);
  return into;
}

export interface Line {
  readonly match: ReadonlyMap<string, string>;
  readonly packets: bigint;
  readonly bytes: bigint;
  /** Milliseconds; undefined: never. */
  readonly used: bigint | undefined;
  readonly layer: string | undefined;
  readonly actions: string;
}

/** Lines of a dump that are flows, in order. */
export function readLines(dump: string): Line[] {
  return dump
    .split('\n')
    .filter((line) => line.includes(', actions:'))
    .map((line) => {
      const at = line.search(/, ?packets:/);
      const number = (name: string): string | undefined => new RegExp(`\\b${name}:([^,]+)`).exec(line.slice(at))?.[1];
      const used = number('used')!;
      const [, actions] = /, actions:(.*?)(?:, dp-extra-info:.*)?$/.exec(line)!;
      return {
        match: open(line.slice(0, at).replace(/^ufid:[0-9a-f-]+, ?/, '')),
        packets: BigInt(number('packets')!),
        bytes: BigInt(number('bytes')!),
        used: used === 'never' ? undefined : BigInt(Math.round(Number(used.replace('s', '')) * 1000)),
        layer: number('dp'),
        actions: actions!,
      };
    });
}

// Where the switch prints a field: attribute, part of it, bits.
const PLACES: Readonly<
  Record<string, readonly [attributes: readonly string[], part: string | undefined, bits: number]>
> = {
  eth_src: [['eth'], 'src', 48],
  eth_dst: [['eth'], 'dst', 48],
  eth_type: [['eth_type'], undefined, 16],
  nw_src: [['ipv4'], 'src', 32],
  nw_dst: [['ipv4'], 'dst', 32],
  nw_proto: [['ipv4', 'ipv6'], 'proto', 8],
  nw_ttl: [['ipv4', 'ipv6'], 'ttl|hlimit', 8],
  nw_tos: [['ipv4', 'ipv6'], 'tos|tclass', 8],
  ipv6_src: [['ipv6'], 'src', 128],
  ipv6_dst: [['ipv6'], 'dst', 128],
  tp_src: [['tcp', 'udp', 'sctp'], 'src', 16],
  tp_dst: [['tcp', 'udp', 'sctp'], 'dst', 16],
  tcp_dst: [['tcp'], 'dst', 16],
  udp_dst: [['udp'], 'dst', 16],
  tcp_flags: [['tcp_flags'], undefined, 12],
  icmp_type: [['icmp', 'icmpv6'], 'type', 8],
  recirc_id: [['recirc_id'], undefined, 32],
  ct_state: [['ct_state'], undefined, 32],
  ct_zone: [['ct_zone'], undefined, 16],
  ct_mark: [['ct_mark'], undefined, 32],
  pkt_mark: [['skb_mark'], undefined, 32],
  tun_id: [['tunnel'], 'tun_id', 64],
  tun_src: [['tunnel'], 'src', 32],
  tun_dst: [['tunnel'], 'dst', 32],
  arp_op: [['arp'], 'op', 16],
  arp_tpa: [['arp'], 'tip', 32],
  nd_target: [['nd'], 'target', 128],
  vlan_vid: [['vlan'], 'vid', 12],
  vlan_tci: [[], undefined, 16],
};

const IP = ['0x0800', '0x86dd'];
/** Packets that have a field at all. */
const NEEDS: Readonly<Record<string, readonly [ethTypes: readonly string[], protocols?: readonly string[]]>> = {
  nw_src: [['0x0800']],
  nw_dst: [['0x0800']],
  nw_proto: [IP],
  nw_ttl: [IP],
  nw_tos: [IP],
  ipv6_src: [['0x86dd']],
  ipv6_dst: [['0x86dd']],
  tp_src: [IP, ['6', '17', '132']],
  tp_dst: [IP, ['6', '17', '132']],
  tcp_dst: [IP, ['6']],
  udp_dst: [IP, ['17']],
  tcp_flags: [IP, ['6']],
  icmp_type: [IP, ['1', '58']],
  arp_op: [['0x0806', '0x8035']],
  arp_tpa: [['0x0806', '0x8035']],
  nd_target: [['0x86dd'], ['58']],
};

const FLAGS: Readonly<Record<string, number>> = {
  new: 1,
  est: 2,
  rel: 4,
  rpl: 8,
  inv: 16,
  trk: 32,
  snat: 64,
  dnat: 128,
  fin: 1,
  syn: 2,
  rst: 4,
  psh: 8,
  ack: 16,
  urg: 32,
  ece: 64,
  cwr: 128,
  ns: 256,
};

type Match = { readonly key: bigint; readonly mask: bigint };
const full = (bits: number): bigint => 2n ** BigInt(bits) - 1n;

function number(text: string): bigint {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(text)) return text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  if (/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text)) return BigInt(`0x${text.replaceAll(':', '')}`);
  if (text.includes(':')) {
    const groups = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...n: string[]) =>
      [n.slice(0, 2), n.slice(2, 4)]
        .map((pair) => pair.map((x) => Number(x).toString(16).padStart(2, '0')).join(''))
        .join(':'),
    );
    const [left, right] = groups.split('::').map((half) => half.split(':').filter(Boolean));
    const zeros = right ? Array(8 - left!.length - right.length).fill('0') : [];
    return BigInt(`0x${[...left!, ...zeros, ...(right ?? [])].map((group) => group.padStart(4, '0')).join('')}`);
  }
  return BigInt(text);
}

/** VALUE, VALUE/MASK, ADDRESS/LENGTH, +set-clear, a|b. */
function match(text: string, bits: number): Match {
  if (/^[+-]/.test(text)) {
    const signs = [...text.matchAll(/([+-])([a-z]+)/g)];
    const sum = (of: typeof signs): bigint => of.reduce((all, [, , name]) => all + BigInt(FLAGS[name!]!), 0n);
    return { key: sum(signs.filter(([, sign]) => sign === '+')), mask: sum(signs) };
  }
  if (/^[a-z]+(\|[a-z]+)*$/.test(text)) {
    return { key: text.split('|').reduce((all, name) => all + BigInt(FLAGS[name]!), 0n), mask: full(bits) };
  }
  const [value, mask] = text.split('/');
  const isLength = mask !== undefined && /^\d+$/.test(mask) && /[.:]/.test(value!);
  const maskBits = mask === undefined ? full(bits) : isLength ? full(bits) - full(bits - Number(mask)) : number(mask);
  return { key: number(value!) & maskBits, mask: maskBits };
}

/** A key without a tag is one of packets without a tag, so 0 exactly. */
function tagOf(line: Line): Match {
  const vlan = line.match.get('vlan');
  const parts = open(vlan ?? 'cfi=0');
  if (parts.get('cfi') === '0') return { key: 0n, mask: 0xffffn };
  const vid = match(parts.get('vid') ?? '0/0', 12);
  const pcp = match(parts.get('pcp') ?? '0/0', 3);
  return { key: 0x1000n | vid.key | (pcp.key << 13n), mask: 0x1000n | vid.mask | (pcp.mask << 13n) };
}

/** What a line matches on a field; what it does not print is not looked at. */
function matchOf(line: Line, field: string): Match {
  const [attributes, part, bits] = PLACES[field]!;
  if (field === 'vlan_tci') return tagOf(line);
  for (const attribute of attributes) {
    const inside = line.match.get(attribute);
    if (inside === undefined) continue;
    if (part === undefined) return match(inside, bits);
    const parts = open(inside);
    for (const name of part.split('|')) if (parts.has(name)) return match(parts.get(name)!, bits);
  }
  return { key: 0n, mask: 0n };
}

interface Asked {
  readonly bits: bigint;
  could(flow: Match): boolean;
  within(flow: Match): boolean;
}

/** A range of values, one by one. A bit is asked for if turning it over takes some value out of the range. */
function askedRange(lo: bigint, hi: bigint, width: number): Asked {
  const values = Array.from({ length: Number(hi - lo) + 1 }, (_, i) => lo + BigInt(i));
  const isIn = (v: bigint): boolean => v >= lo && v <= hi;
  const all = Array.from({ length: width }, (_, i) => 2n ** BigInt(i));
  const deciding = all.filter((bit) => values.some((v) => !isIn(v ^ bit)));
  return {
    bits: deciding.length === 0 ? full(width) : deciding.reduce((sum, bit) => sum + bit, 0n),
    could: ({ key, mask }) => (mask === full(width) ? isIn(key) : values.some((v) => (v & mask) === (key & mask))),
    within: ({ key, mask }) => isIn(key & mask) && isIn((key & mask) | (full(width) & ~mask)),
  };
}

const remembered = new Map<string, Asked>();

function asked(field: string, value: string): Asked {
  const [, , bits] = PLACES[field]!;
  if (value.includes('..')) {
    const name = `${field} ${value}`;
    const [lo, hi] = value.split('..').map(number) as [bigint, bigint];
    if (!remembered.has(name)) remembered.set(name, askedRange(lo, hi, bits));
    return remembered.get(name)!;
  }
  const { key: v, mask: vm } = match(value, bits);
  return {
    bits: vm === 0n ? full(bits) : vm,
    could: ({ key, mask }) => ((key ^ v) & mask & vm) === 0n,
    within: ({ key, mask }) => (mask & vm) === vm && ((key ^ v) & vm) === 0n,
  };
}

const could = (line: Line, field: string, values: readonly string[]): boolean =>
  values.some((value) => asked(field, value).could(matchOf(line, field)));

function canHave(line: Line, field: string): boolean {
  const [ethTypes, protocols] = NEEDS[field] ?? [];
  if (field === 'vlan_vid' && (tagOf(line).key & 0x1000n) === 0n) return false;
  return (!ethTypes || could(line, 'eth_type', ethTypes)) && (!protocols || could(line, 'nw_proto', protocols));
}

function equals(line: Line, field: string, value: string): boolean | undefined {
  const flow = matchOf(line, field);
  const { bits, could: fits } = asked(field, value);
  if ((flow.mask & bits) === 0n || !canHave(line, field)) return undefined;
  return fits(flow);
}

const portOf = (line: Line): string => line.match.get('in_port') ?? '';

/** Ports that a list outputs to: what stands alone between commas, at any depth. */
/** Actions that are a word alone; any other word alone is a port. */
const WORDS = ['drop', 'ct', 'ct_clear', 'pop_vlan', 'pop_eth', 'pop_nsh', 'dec_ttl', 'pop_mpls'];

/** The ports an action list outputs to; only these actions hold other actions. */
function outputs(actions: string): string[] {
  return items(actions).flatMap((item) => {
    const nest = /^(?:clone|sample|actions|check_pkt_len|gt|le)\((.*)\)$/.exec(item);
    if (nest) return outputs(nest[1]!);
    return /[(=]/.test(item) || WORDS.includes(item) ? [] : [item];
  });
}

function holds(line: Line, expr: Expr): boolean {
  switch (expr[0]) {
    case 'and':
      return (expr.slice(1) as Expr[]).every((term) => holds(line, term));
    case 'or':
      return (expr.slice(1) as Expr[]).some((term) => holds(line, term));
    case 'not':
      return !holds(line, expr[1]);
    case '=':
      return equals(line, expr[1], expr[2]) === true;
    case '!=':
      return equals(line, expr[1], expr[2]) === false;
    case 'in':
      return expr.slice(2).some((value) => equals(line, expr[1], value as string) === true);
    case 'within': {
      const all = (field: string, values: readonly string[]): boolean =>
        values.some((value) => asked(field, value).within(matchOf(line, field)));
      const [ethTypes, protocols] = NEEDS[expr[1]] ?? [];
      const has = (!ethTypes || all('eth_type', ethTypes)) && (!protocols || all('nw_proto', protocols));
      return has && all(expr[1], [expr[2]]);
    }
    case 'exactly': {
      const flow = matchOf(line, expr[1]);
      const wanted = match(expr[2], PLACES[expr[1]]![2]);
      return flow.mask === wanted.mask && (flow.key & flow.mask) === wanted.key && canHave(line, expr[1]);
    }
    case 'covers':
      return (expr.slice(1) as [string, string][]).every(
        ([field, value]) => canHave(line, field) && could(line, field, [value]),
      );
    case 'has':
      return matchOf(line, expr[1]).mask !== 0n && canHave(line, expr[1]);
    case 'kind': {
      const looks = (field: string): boolean => matchOf(line, field).mask !== 0n;
      const [, ethTypes, protocols] = expr;
      return (
        looks('eth_type') &&
        could(line, 'eth_type', ethTypes) &&
        (!protocols || (looks('nw_proto') && could(line, 'nw_proto', protocols)))
      );
    }
    case 'number': {
      const value = numberOf(line, expr[1]);
      if (value === undefined) return false;
      const [, , op, than] = expr;
      const [a, b] = [value, BigInt(than)];
      return op === '<' ? a < b : op === '<=' ? a <= b : op === '>' ? a > b : op === '>=' ? a >= b : a === b;
    }
    case 'never-used':
      return line.used === undefined;
    case 'layer':
      return line.layer === expr[1];
    case 'port':
      return expr.slice(1).includes(portOf(line));
    case 'port-matches':
      return new RegExp(expr[1]).test(portOf(line));
    case 'actions-match':
      return new RegExp(expr[1]).test(line.actions);
    case 'outputs':
      return outputs(line.actions).length > 0;
    case 'to':
      return outputs(line.actions).includes(expr[1]);
  }
}

function numberOf(line: Line, column: string): bigint | undefined {
  if (column === 'packets') return line.packets;
  if (column === 'bytes') return line.bytes;
  if (column === 'used') return line.used;
  const { key, mask } = matchOf(line, column);
  return mask === 0n || !canHave(line, column) ? undefined : key & mask;
}

/** A cell of a group's key: port name, action list, number, number/mask, `*`. */
function cell(line: Line, column: string): string {
  if (column === 'in_port') return portOf(line);
  if (column === 'actions') return line.actions;
  if (column === 'packets' || column === 'bytes') return `${numberOf(line, column)}`;
  if (!canHave(line, column)) return '*';
  const { key, mask } = matchOf(line, column);
  if (mask === 0n) return '*';
  return mask === full(PLACES[column]![2]) ? `${key}` : `${key & mask}/${mask}`;
}

/** Rows in the order of a column; never used counts as longest ago; rows without a value go last, or not at all. */
function ordered(
  lines: readonly Line[],
  rows: readonly number[],
  column: string,
  descending: boolean,
  all: boolean,
): number[] {
  const NEVER = 2n ** 64n - 1n;
  const key = (row: number): bigint | undefined =>
    numberOf(lines[row]!, column) ?? (column === 'used' ? NEVER : undefined);
  const known = rows.filter((row) => key(row) !== undefined);
  const rest = rows.filter((row) => key(row) === undefined);
  known.sort((a, b) => (key(a) === key(b) ? a - b : key(a)! < key(b)! === descending ? 1 : -1));
  return all ? [...known, ...rest] : known;
}

/** The one value a line has of a column: a counter, or a field that it matches exactly. */
function exactOf(line: Line, column: string, fn: string): bigint | undefined {
  if (column === 'used') return line.used ?? (fn === 'min' || fn === 'max' ? 2n ** 64n - 1n : undefined);
  if (column === 'packets' || column === 'bytes') return line[column];
  const { key, mask } = matchOf(line, column);
  return mask === full(PLACES[column]![2]) && canHave(line, column) ? key : undefined;
}

function aggregate([fn, ...columns]: ReferenceAggregate, lines: readonly Line[], allPasses: boolean): string {
  if (fn === 'count') return `${lines.length}`;
  if (fn === 'distinct') {
    const tuples = lines.map((line) => columns.map((column) => cell(line, column)));
    return `${new Set(tuples.filter((tuple) => !tuple.includes('*')).map(String)).size}`;
  }
  const [column] = columns as [string];
  const inPasses = fn === 'sum' && (column === 'packets' || column === 'bytes') && !allPasses;
  const isFirst = (line: Line): boolean => {
    const { key, mask } = matchOf(line, 'recirc_id');
    return (key & mask) === 0n;
  };
  const from = inPasses ? lines.filter(isFirst) : lines;
  const values = from.map((line) => exactOf(line, column, fn)).filter((value) => value !== undefined);
  const sum = values.reduce((total, value) => total + value, 0n);
  if (values.length === 0) return inPasses || (fn === 'sum' && lines.length === 0) ? '0' : '-';
  if (fn === 'sum') return `${sum}`;
  if (fn === 'avg') return `${(column === 'used' ? sum : sum * 1000n) / BigInt(values.length)}`;
  return `${values.reduce((best, value) => ((fn === 'min' ? value < best : value > best) ? value : best))}`;
}

/** Stages in the order: where, top or bottom, sort, limit, count or count by. */
export function evaluate(question: ReferenceQuestion, lines: readonly Line[]): ReferenceAnswer {
  const { where, top, bottom, sort, limit, countBy, count } = question;
  let rows = [...lines.keys()].filter((row) => !where || holds(lines[row]!, where));
  if (top) rows = ordered(lines, rows, top[1], true, false).slice(0, top[0]);
  if (bottom) rows = ordered(lines, rows, bottom[1], false, false).slice(0, bottom[0]);
  if (sort) rows = ordered(lines, rows, sort[0], sort[1] === 'desc', true);
  if (limit !== undefined) rows = rows.slice(0, limit);
  if (count) return { kind: 'count', count: rows.length };
  if (!countBy) return { kind: 'rows', rows };
  const groups = new Map<string, Line[]>(countBy.length === 0 ? [['', []]] : []);
  for (const row of rows) {
    const name = countBy.map((column) => cell(lines[row]!, column)).join(' ');
    const group = groups.get(name);
    if (group) group.push(lines[row]!);
    else groups.set(name, [lines[row]!]);
  }
  const { aggregates, allPasses = false } = question;
  const made = Array.from(groups, ([name, of]): [string, number | string] => [
    name,
    aggregates ? aggregates.map((one) => aggregate(one, of, allPasses)).join(' ') : of.length,
  ]);
  return { kind: 'groups', groups: new Map(made) };
}
