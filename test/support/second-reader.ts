/**
 * A second reader of `dpctl/dump-flows`, which shares nothing with the native one: what each line says, for the tests to compare with. It reads what is recorded in
 * test/fixtures/dumps and throws at anything else.
 */

export const ones = (bits: number) => (1n << BigInt(bits)) - 1n;

/** A value of a row, key and mask as they lie there. */
export interface Pair {
  key: bigint;
  mask: bigint;
}

// ---- the second reader: a text is items with commas between, an item is a word or name(items) ----

export interface Item {
  name: string;
  /** What is between its parentheses; undefined: it has none. */
  inside: string | undefined;
}

export function items(text: string): Item[] {
  const found: Item[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    if (i === text.length || (text[i] === ',' && depth === 0)) {
      const part = text.slice(from, i);
      from = i + 1;
      if (part === '') continue;
      const [, name, inside] = /^([^(]*)\((.*)\)$/.exec(part) ?? [undefined, part, undefined];
      found.push({ name: name!, inside });
    } else if ('({'.includes(text[i]!)) depth++;
    else if (')}'.includes(text[i]!)) depth--;
  }
  return found;
}

const ipv4 = (text: string) => text.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const mac = (text: string) => BigInt(`0x${text.replaceAll(':', '')}`);
function ipv6(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const plain = dotted
    ? `${dotted[1]}${(ipv4(dotted[2]!) >> 16n).toString(16)}:${(ipv4(dotted[2]!) & 0xffffn).toString(16)}`
    : text;
  const [left, right] = plain.split('::').map((side) => side.split(':').filter((word) => word !== ''));
  const middle = right ? Array(8 - left!.length - right.length).fill('0') : [];
  return [...left!, ...middle, ...(right ?? [])].reduce((sum, word) => (sum << 16n) | BigInt(`0x${word}`), 0n);
}

const CT_STATE = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];
const TCP = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns', '[200]', '[400]', '[800]'];
const TUNNEL = ['df', 'csum', 'key', 'oam'];
const bit = (names: string[], name: string) => {
  if (!names.includes(name)) throw new Error(`no flag ${name}`);
  return 1n << BigInt(names.indexOf(name));
};
function flags(names: string[], width: number, text: string): Pair {
  if (/^[+-]/.test(text)) {
    const pair = { key: 0n, mask: 0n };
    for (const [, sign, name] of text.matchAll(/([+-])([^+-]+)/g)) {
      pair.mask |= bit(names, name!);
      if (sign === '+') pair.key |= bit(names, name!);
    }
    return pair;
  }
  if (/^\d/.test(text)) return masked(BigInt, width, text);
  return { key: text.split('|').reduce((sum, name) => sum | bit(names, name), 0n), mask: ones(width) };
}

function masked(read: (text: string) => bigint, width: number, text: string): Pair {
  const [value, mask] = text.split('/');
  return { key: read(value!), mask: mask === undefined ? ones(width) : read(mask) };
}

type Read = (text: string) => Pair;
const number =
  (width: number): Read =>
  (text) =>
    masked(BigInt, width, text);
const address4: Read = (text) => masked(ipv4, 32, text);
const address6: Read = (text) => masked(ipv6, 128, text);
const ethernet: Read = (text) => masked(mac, 48, text);
const fragment: Read = (text) => ({ key: BigInt(['no', 'first', 'later'].indexOf(text)), mask: 0xffn });
const ctState: Read = (text) => flags(CT_STATE, 32, text);
const tcpFlags: Read = (text) => flags(TCP, 16, text);

/** Where each key of a dump lies: name -> segment.field and notation, or its fields'. */
type Place = [string, Read];
const L4: Record<string, Place> = { src: ['match.tp_src', number(16)], dst: ['match.tp_dst', number(16)] };
const ICMP: Record<string, Place> = { type: ['match.icmp_type', number(8)], code: ['match.icmp_code', number(8)] };
const SIMPLE: Record<string, Place> = {
  skb_priority: ['match.skb_priority', number(32)],
  skb_mark: ['match.pkt_mark', number(32)],
  ct_state: ['match.ct_state', ctState],
  ct_zone: ['match.ct_zone', number(16)],
  ct_mark: ['match.ct_mark', number(32)],
  ct_label: ['ct_tuple.ct_label', number(128)],
  recirc_id: ['match.recirc_id', number(32)],
  dp_hash: ['match.dp_hash', number(32)],
  eth_type: ['match.eth_type', number(16)],
  tcp_flags: ['match.tcp_flags', tcpFlags],
};
const STRUCTS: Record<string, Record<string, Place>> = {
  eth: { src: ['match.eth_src', ethernet], dst: ['match.eth_dst', ethernet] },
  ipv4: {
    src: ['match.nw_src', address4],
    dst: ['match.nw_dst', address4],
    proto: ['match.nw_proto', number(8)],
    tos: ['match.nw_tos', number(8)],
    ttl: ['match.nw_ttl', number(8)],
    frag: ['match.nw_frag', fragment],
  },
  ipv6: {
    src: ['ipv6.ipv6_src', address6],
    dst: ['ipv6.ipv6_dst', address6],
    label: ['ipv6.ipv6_label', number(32)],
    proto: ['match.nw_proto', number(8)],
    tclass: ['match.nw_tos', number(8)],
    hlimit: ['match.nw_ttl', number(8)],
    frag: ['match.nw_frag', fragment],
  },
  arp: {
    sip: ['arp.arp_spa', address4],
    tip: ['arp.arp_tpa', address4],
    op: ['arp.arp_op', number(16)],
    sha: ['arp.arp_sha', ethernet],
    tha: ['arp.arp_tha', ethernet],
  },
  tcp: L4,
  udp: L4,
  sctp: L4,
  icmp: ICMP,
  icmpv6: ICMP,
  nd: {
    target: ['ipv6.nd_target', address6],
    sll: ['ipv6.nd_sll', ethernet],
    tll: ['ipv6.nd_tll', ethernet],
  },
  nd_ext: {
    nd_reserved: ['ipv6.nd_reserved', number(32)],
    nd_options_type: ['ipv6.nd_options_type', number(8)],
  },
  ct_tuple4: {
    src: ['ct_tuple.ct_nw_src', address4],
    dst: ['ct_tuple.ct_nw_dst', address4],
    proto: ['ct_tuple.ct_nw_proto', number(8)],
    tp_src: ['ct_tuple.ct_tp_src', number(16)],
    tp_dst: ['ct_tuple.ct_tp_dst', number(16)],
  },
  ct_tuple6: {
    src: ['ct_tuple.ct_ipv6_src', address6],
    dst: ['ct_tuple.ct_ipv6_dst', address6],
    proto: ['ct_tuple.ct_nw_proto', number(8)],
    src_port: ['ct_tuple.ct_tp_src', number(16)],
    dst_port: ['ct_tuple.ct_tp_dst', number(16)],
  },
  nsh: Object.fromEntries(
    ['flags', 'ttl', 'mdtype', 'np', 'spi', 'si', 'c1', 'c2', 'c3', 'c4'].map((name): [string, Place] => [
      name,
      [`encap.nsh_${name}`, number(/^(spi|c\d)$/.test(name) ? 32 : 8)],
    ]),
  ),
  tunnel: {
    tun_id: ['tunnel.tun_id', number(64)],
    src: ['tunnel.tun_src', address4],
    dst: ['tunnel.tun_dst', address4],
    ipv6_src: ['tunnel.tun_ipv6_src', address6],
    ipv6_dst: ['tunnel.tun_ipv6_dst', address6],
    tos: ['tunnel.tun_tos', number(8)],
    ttl: ['tunnel.tun_ttl', number(8)],
    tp_src: ['tunnel.tun_tp_src', number(16)],
    tp_dst: ['tunnel.tun_tp_dst', number(16)],
  },
};

export interface Expected {
  fields: Map<string, Pair>;
  inPort?: string;
  /** Options in hexadecimal. */
  geneve: { key: string; mask: string };
}

/** "a=1,b=2" -> its pairs. */
const assignments = (text: string) => items(text).map(({ name }) => name.split('=') as [string, string]);

function vlan(text: string): Pair {
  // A tag that is printed is there: CFI. It is always matched.
  const tag = { key: 0x1000n, mask: 0x1000n };
  for (const [name, value] of assignments(text)) {
    if (name === 'cfi') tag.key &= ~0x1000n;
    else {
      const shift = name === 'pcp' ? 13n : 0n;
      const { key, mask } = number(name === 'pcp' ? 3 : 12)(value);
      tag.key |= key << shift;
      tag.mask |= mask << shift;
    }
  }
  return tag;
}

const TUNNEL_OPTIONS: Record<string, [string, number]> = {
  'erspan.ver': ['tun_erspan_ver', 8],
  'erspan.idx': ['tun_erspan_idx', 32],
  'erspan.dir': ['tun_erspan_dir', 8],
  'erspan.hwid': ['tun_erspan_hwid', 8],
  'gtpu.flags': ['tun_gtpu_flags', 8],
  'gtpu.msgtype': ['tun_gtpu_msgtype', 8],
};

/** The first option's columns, and all of them as bytes: class, type, words, data. */
function geneve(text: string, expected: Expected): void {
  const hex = (value: bigint, bytes: number) => value.toString(16).padStart(2 * bytes, '0');
  for (const [i, [, option]] of [...text.matchAll(/\{([^}]*)\}/g)].entries()) {
    const pieces: Record<string, Pair> = {};
    let data: Pair | undefined;
    for (const piece of option!.split(',')) {
      const [name, value] = piece.split('=') as [string, string | undefined];
      if (value === undefined) data = masked(BigInt, 0, name);
      else pieces[name] = number(name === 'class' ? 16 : 8)(value);
    }
    const { class: cls = { key: 0n, mask: 0n }, type = { key: 0n, mask: 0n }, len = { key: 0n, mask: 0n } } = pieces;
    const size = Number(len.key);
    const mask = data === undefined ? 0n : option!.split(',').at(-1)!.includes('/') ? data.mask : ones(8 * size);
    expected.geneve.key += hex(cls.key, 2) + hex(type.key, 1) + hex(len.key / 4n, 1);
    expected.geneve.mask += hex(cls.mask, 2) + hex(type.mask, 1) + hex(len.mask === 0xffn ? 0x1fn : len.mask, 1);
    if (size > 0) {
      expected.geneve.key += hex(data?.key ?? 0n, size);
      expected.geneve.mask += hex(mask, size);
    }
    if (i > 0) continue;
    expected.fields.set('tunnel.tun_geneve_class', cls);
    expected.fields.set('tunnel.tun_geneve_type', type);
    if (size === 0 || size > 8 || data === undefined) continue;
    const above = ones(64) ^ ones(8 * size);
    expected.fields.set('tunnel.tun_geneve_data', { key: data.key, mask: mask === 0n ? 0n : mask | above });
  }
}

export function expectedMatch(text: string): Expected {
  const expected: Expected = { fields: new Map(), geneve: { key: '', mask: '' } };
  const { fields } = expected;
  const level = (text: string, depth: number) => {
    const all = items(text);
    const isTagged = all.some(({ name }) => name === 'vlan' || name === 'encap');
    // A datapath key cannot say "with or without a tag": without vlan(...) or encap(...) it is untagged packets only.
    if (depth === 0 && !isTagged) fields.set('match.vlan_tci', { key: 0n, mask: 0xffffn });
    const mpls: Pair[] = [];
    for (const { name, inside } of all) {
      if (inside === undefined) throw new Error(`no key: ${name}`);
      const tag = depth === 0 ? 'match.vlan' : 'encap.vlan2';
      if (name === 'encap') level(inside, depth + 1);
      else if (name === 'vlan') fields.set(`${tag}_tci`, vlan(inside));
      else if (name === 'eth_type' && isTagged) fields.set(`${tag}_tpid`, number(16)(inside));
      else if (name in SIMPLE) {
        if (inside !== '') fields.set(SIMPLE[name]![0], SIMPLE[name]![1](inside));
      } else if (name === 'in_port') expected.inPort = inside;
      else if (name === 'packet_type') {
        const part = { ns: { key: 0n, mask: 0n }, id: { key: 0n, mask: 0n } };
        for (const [half, value] of assignments(inside)) part[half as 'ns' | 'id'] = number(16)(value);
        fields.set('match.packet_type', {
          key: (part.ns.key << 16n) | part.id.key,
          mask: (part.ns.mask << 16n) | part.id.mask,
        });
      } else if (name === 'mpls') {
        for (const [part, value] of assignments(inside)) {
          if (part === 'label') mpls.push({ key: 0n, mask: 0n });
          const [shift, width] = { label: [12, 20], tc: [9, 3], bos: [8, 1], ttl: [0, 8] }[part]!;
          const { key, mask } = number(width!)(value);
          mpls.at(-1)!.key |= key << BigInt(shift!);
          mpls.at(-1)!.mask |= mask << BigInt(shift!);
        }
        for (const [i, entry] of mpls.entries()) fields.set(`encap.mpls_lse${i}`, entry);
      } else {
        const struct = STRUCTS[name];
        if (!struct) throw new Error(`no key ${name}`);
        for (const part of items(inside)) {
          if (name === 'tunnel' && part.inside !== undefined) {
            if (part.name === 'flags') fields.set('tunnel.tun_flags', flags(TUNNEL, 16, part.inside));
            else if (part.inside.startsWith('gbp(')) {
              for (const [half, value] of assignments(items(part.inside)[0]!.inside!))
                fields.set(`tunnel.tun_gbp_${half}`, number(half === 'id' ? 16 : 8)(value));
            } else if (part.name === 'geneve') geneve(part.inside, expected);
            else {
              for (const [half, value] of assignments(part.inside)) {
                const [name, width] = TUNNEL_OPTIONS[`${part.name}.${half}`]!;
                fields.set(`tunnel.${name}`, number(width)(value));
              }
            }
            continue;
          }
          const [field, value] = part.name.split('=') as [string, string];
          const place = struct[field];
          if (!place) throw new Error(`${name} has no ${field}`);
          fields.set(place[0], place[1](value));
        }
      }
    }
  };
  level(text, 0);
  return expected;
}

export const ROW =
  /^(?:ufid:(?<ufid>[0-9a-f-]+), )?(?<match>.*?), packets:(?<packets>\d+), bytes:(?<bytes>\d+), used:(?<used>never|\d+\.\d+s)(?:, flags:(?<flags>[^,]+))?(?:, offloaded:(?<offloaded>\w+))?(?:, dp:(?<dp>\w+))?, actions:(?<actions>.*?)(?:, dp-extra-info:(?<extra>.*))?$/;

const ACTIONS: Record<string, number> = {
  userspace: 2,
  set: 3,
  push_vlan: 4,
  pop_vlan: 5,
  sample: 6,
  recirc: 7,
  hash: 8,
  push_mpls: 9,
  pop_mpls: 10,
  ct: 12,
  trunc: 13,
  push_eth: 14,
  pop_eth: 15,
  ct_clear: 16,
  push_nsh: 17,
  pop_nsh: 18,
  meter: 19,
  clone: 20,
  check_pkt_len: 21,
  add_mpls: 22,
  dec_ttl: 23,
  drop: 24,
  psample: 25,
  tnl_push: 26,
  tnl_pop: 27,
  lb_output: 28,
};
const SETTABLE = {
  skb_priority: 2,
  in_port: 3,
  eth: 4,
  vlan: 5,
  eth_type: 6,
  ipv4: 7,
  ipv6: 8,
  tcp: 9,
  udp: 10,
  icmp: 11,
  icmpv6: 12,
  arp: 13,
  nd: 14,
  skb_mark: 15,
  tunnel: 16,
  sctp: 17,
  mpls: 21,
  nsh: 28,
  nd_ext: 30,
} as Record<string, number>;

/** What a list does, by its text: bits of set and set_masked together. */
export function actionFacts(text: string): { does: bigint; sets: bigint; outPorts: Set<string> } {
  const facts = { does: 0n, sets: 0n, outPorts: new Set<string>() };
  const list = (text: string) => {
    if (text === 'drop') return;
    for (const { name, inside } of items(text)) {
      const number = ACTIONS[name];
      if (number === undefined) {
        if (inside !== undefined) throw new Error(`no action ${name}`);
        facts.does |= 1n << 1n;
        facts.outPorts.add(name);
        continue;
      }
      facts.does |= 1n << BigInt(number);
      if (name === 'set') facts.sets |= 1n << BigInt(SETTABLE[items(inside!)[0]!.name]!);
      if (name === 'tnl_push') facts.outPorts.add(items(inside!).find((part) => part.name === 'out_port')!.inside!);
      if (name === 'clone') list(inside!);
      if (name === 'sample' || name === 'check_pkt_len' || name === 'dec_ttl') {
        for (const part of items(inside!)) if (part.inside !== undefined) list(part.inside);
      }
    }
  };
  list(text);
  return facts;
}
