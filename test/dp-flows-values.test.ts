/**
 * What a parsed row holds, against a second reader that shares nothing with the native one: that a row prints back right does not
 * show that its values are right. And the same rows, read by a program from the sealed descriptors.
 */
import { closeSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { Program } from '../lib/runner/program.js';
import { readDpFlowsFile } from '../lib/sources/dp-flows.js';
import type { FieldSchema } from '../lib/table-schema.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';
import { TableView } from '../lib/tables/view.js';
import { assemble } from './support/asm.js';

const DUMPS = new URL('fixtures/dumps/', import.meta.url);
const ones = (bits: number) => (1n << BigInt(bits)) - 1n;

/** A value of a row, key and mask as they lie there. */
interface Pair {
  key: bigint;
  mask: bigint;
}

// ---- the second reader: a text is items with commas between, an item is a word or name(items) ----

interface Item {
  name: string;
  /** What is between its parentheses; undefined: it has none. */
  inside: string | undefined;
}

function items(text: string): Item[] {
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

interface Expected {
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

function expectedMatch(text: string): Expected {
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

const ROW =
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
function actionFacts(text: string): { does: bigint; sets: bigint; outPorts: Set<string> } {
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

// ---- the rows as they lie in memory ----

class Raw {
  readonly view: TableView;
  constructor(readonly snapshot: TableSnapshot) {
    this.view = new TableView(snapshot);
  }
  *fields(): Generator<[string, FieldSchema]> {
    for (const segment of this.snapshot.schema.segments)
      if (segment.masked) for (const field of segment.fields) yield [`${segment.name}.${field.name}`, field];
  }
  get(row: number, path: string): Pair {
    const [name, fieldName] = path.split('.') as [string, string];
    const segment = this.snapshot.schema.segments.find((segment) => segment.name === name)!;
    const field = segment.fields.find((field) => field.name === fieldName)!;
    const index = segment.per === 'row' ? row : Number(this.get(row, `rows.${name}`).key) - 1;
    if (index < 0) return { key: 0n, mask: 0n };
    const bytes = Buffer.from(this.snapshot.segment(name).buffer);
    const read = (at: number) => {
      const piece = Buffer.from(bytes.subarray(at, at + field.size));
      if (field.type !== 'be128') piece.reverse();
      return BigInt(`0x${piece.toString('hex')}`);
    };
    const at = index * segment.stride + field.offset;
    return { key: read(at), mask: segment.masked ? read(at + segment.half) : 0n };
  }
  /** What the refs of both halves point to, in hexadecimal. */
  hexBytes(row: number, path: string): { key: string; mask: string } {
    const { key, mask } = this.get(row, path);
    const bytes = (ref: bigint) =>
      Buffer.from(this.snapshot.segment('blob').buffer, Number(ref & 0xffffffffn), Number(ref >> 32n)).toString('hex');
    return { key: bytes(key), mask: bytes(mask) };
  }
  text(row: number, path: string): string {
    const ref = this.get(row, path).key; // u32 offset, u32 size
    const offset = Number(ref & 0xffffffffn);
    return Buffer.from(this.snapshot.segment('blob').buffer, offset, Number(ref >> 32n)).toString();
  }
}

const SEEN = { S: 2n, F: 1n, P: 8n, R: 4n, U: 32n, '.': 16n, E: 64n, C: 128n, N: 256n } as Record<string, bigint>;

for (const file of readdirSync(DUMPS)) {
  t.test(`${file}: every value of every row`, async (t) => {
    const path = new URL(file, DUMPS).pathname;
    using snapshot = await readDpFlowsFile(path);
    const raw = new Raw(snapshot);
    const lines: string[] = [];
    const threads: (bigint | null)[] = []; // that hold the row: -1 the main one, else the core
    let thread: bigint | null = null;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const section = /^flow-dump from (the main thread|pmd on cpu core): ?(\d*)$/.exec(line);
      if (section) thread = section[1] === 'the main thread' ? -1n : BigInt(section[2]!);
      else if (line !== '') {
        lines.push(line);
        threads.push(thread);
      }
    }
    t.equal(snapshot.facts.nRows, lines.length);
    let nCompared = 0;
    for (const [row, line] of lines.entries()) {
      const parts = ROW.exec(line)?.groups;
      if (!parts) throw new Error(`not a row: ${line}`);
      const expected = expectedMatch(parts.match!);
      const wrong: string[] = [];
      const differ = (what: string, expected: unknown, received: unknown) => {
        nCompared++;
        if (expected !== received) wrong.push(`${what}: expected ${expected} but received ${received}`);
      };
      for (const [path, field] of raw.fields()) {
        if (/attrs$|reserved|^tunnel.tun_(options|geneve)$|_more$|mpls_depth$|in_port$/.test(path)) continue;
        const { key, mask } = expected.fields.get(path) ?? { key: 0n, mask: 0n };
        const received = raw.get(row, path);
        differ(`${path} key`, key, received.key);
        differ(`${path} mask`, mask & ones(field.size * 8), received.mask);
        expected.fields.delete(path);
      }
      differ('what has no field', '', [...expected.fields.keys()].join());
      const inPort = raw.get(row, 'match.in_port');
      differ('in_port', expected.inPort ?? null, inPort.mask === 0n ? null : raw.view.port(Number(inPort.key)));
      const options = raw.hexBytes(row, 'tunnel.tun_geneve');
      differ('geneve options', expected.geneve.key, options.key);
      differ('geneve masks', expected.geneve.mask, options.mask);
      for (const none of ['tunnel.tun_options', 'encap.vlan_more', 'encap.mpls_more'])
        differ(none, '', raw.text(row, none));

      differ('pmd', threads[row] ?? null, raw.view.cell(row, raw.view.column('pmd'))?.value ?? null);
      const get = (name: string) => raw.get(row, `rows.${name}`).key;
      differ('packets', BigInt(parts.packets!), get('packets'));
      differ('bytes', BigInt(parts.bytes!), get('bytes'));
      const used = parts.used === 'never' ? ones(64) : BigInt(parts.used!.replace(/[.s]/g, ''));
      differ('used', used, get('used_ms'));
      differ(
        'flags',
        [...(parts.flags ?? '').replace('none', '')].reduce((sum, flag) => sum | SEEN[flag]!, 0n),
        get('tcp_flags_seen'),
      );
      differ('ufid', parts.ufid ? BigInt(`0x${parts.ufid.replaceAll('-', '')}`) : 0n, get('ufid'));
      differ('known', parts.ufid !== undefined, raw.view.cell(row, raw.view.column('ufid')) !== null);
      differ(
        'layer',
        parts.dp ?? null,
        ['ovs', 'tc', 'dpdk'][Number(raw.view.cell(row, raw.view.column('layer'))?.value)] ?? null,
      );
      differ('hw', parts.dp ? 0n : null, raw.view.cell(row, raw.view.column('hw'))?.value ?? null);
      differ('extra', parts.extra ?? '', raw.text(row, 'rows.extra'));
      differ('unknown', '', raw.text(row, 'rows.unknown'));

      const id = Number(get('actions'));
      differ('actions', parts.actions!, raw.snapshot.actionsText(id));
      const facts = actionFacts(parts.actions!);
      const list = (name: string) => {
        const segment = snapshot.schema.segments.find((segment) => segment.name === 'action_lists')!;
        const field = segment.fields.find((field) => field.name === name)!;
        return new DataView(snapshot.segment('action_lists').buffer).getBigUint64(
          id * segment.stride + field.offset,
          true,
        );
      };
      const does = list('does');
      differ('does', facts.does, (does & ~(1n << 11n)) | ((does >> 8n) & 8n));
      differ('sets', facts.sets, list('sets'));
      differ(
        'outputs',
        [...facts.outPorts].sort().join(),
        raw.view
          .outPorts(id)
          .map((port) => raw.view.port(port))
          .sort()
          .join(),
      );
      t.strictSame(wrong, [], line);
    }
    t.ok(nCompared > 150 * lines.length, `${nCompared} values compared`);
  });
}

t.test('a program over the sealed segments of a snapshot', async (t) => {
  const snapshot = await readDpFlowsFile(new URL('rules-more.txt', DUMPS).pathname);
  const raw = new Raw(snapshot);
  const stride = snapshot.segment('rows').stride;
  const rows = Array.from({ length: snapshot.facts.nRows }, (_, row) => row);
  const sum = (of: (row: number) => bigint) => rows.reduce((sum, row) => sum + of(row), 0n);
  const packets = snapshot.schema.segments[0]!.fields.find(({ name }) => name === 'packets')!.offset;
  const ethType = snapshot.schema.segments[1]!.fields.find(({ name }) => name === 'eth_type')!.offset;

  // r6 the table's facts on the stack, r7 rows left, r8 row, r9 match; r0 = sum of packets * 65536 + EtherType over the rows.
  const program = Program.load({
    kernelFunctions: 'ctinspector',
    imports: [{ name: 'table_open', version: 1 }],
    rodata: new TextEncoder().encode('dp_flows'),
    bssSize: 1024,
    code: assemble(`
        r1 = 0x18000000
        r2 = 8
        r3 = 0x20000000
        r4 = 1024
        call import 0
        if r0 != 0 goto out
        r6 = 0x20000000
        r7 = *(u64 *)(r6 + 0)
        r8 = *(u64 *)(r6 + 32)
        r9 = *(u64 *)(r6 + 56)
  next: r1 = *(u64 *)(r8 + ${packets})
        r1 <<= 16
        r2 = *(u16 *)(r9 + ${ethType})
        r1 += r2
        r0 += r1
        r8 += ${stride}
        r9 += ${snapshot.segment('match').stride}
        r7 += -1
        if r7 != 0 goto next
  out:  exit`),
  });
  const table = {
    name: 'dp_flows',
    nRows: snapshot.facts.nRows,
    generation: snapshot.generation,
    schemaHash: snapshot.schema.hash,
    segments: snapshot.segments,
  };
  const expected = sum((row) => raw.get(row, 'rows.packets').key * 65536n + raw.get(row, 'match.eth_type').key);
  t.ok(expected > 65536n, 'something to add up');
  const maps = () =>
    readFileSync('/proc/self/maps', 'utf8').match(/^.* r--[ps] .*memfd:ctinspector:dp_flows.rows/gm) ?? [];
  const before = maps().length;
  using run = program.start({ tables: [table] });
  t.equal(maps().length, before + 1, 'the memfd itself is mapped, read-only');
  t.match(run.step(1_000_000n), { kind: 'exited', r0: expected });

  // Nothing of a table can be written, by the program or from outside.
  const facts = new DataView(run.read(0x2000_0000, 1024).slice().buffer);
  t.equal(facts.getBigUint64(0, true), BigInt(snapshot.facts.nRows));
  t.equal(facts.getBigUint64(8, true), snapshot.generation);
  t.equal(facts.getUint32(24, true), snapshot.segments.length);
  const address = Number(facts.getBigUint64(32, true));
  const store = Program.load({ kernelFunctions: 'ctinspector', code: assemble(`*(u8 *)(r1 + 0) = 1\nexit`) });
  const stop = store.run({ tables: [table], args: [BigInt(address)] });
  t.match(stop, { kind: 'trapped', trap: 'read_only', pc: 0, address });
  t.throws(() => run.write(address, new Uint8Array(1)), { code: 'INVALID_ARGUMENT' });
  t.strictSame(
    run.read(address, stride * rows.length),
    new Uint8Array(snapshot.segment('rows').buffer).slice(0, stride * rows.length),
  );

  // JavaScript's buffer is a private copy of what it writes.
  new DataView(snapshot.segment('rows').buffer).setBigUint64(packets, 12345678n, true);
  t.match(program.run({ tables: [table] }), { kind: 'exited', r0: expected }, 'still the switch’s numbers');

  // A run keeps what it mapped; a descriptor that is closed cannot be mapped.
  using later = program.start({ tables: [table] });
  const fds = snapshot.segments.map(({ fd }) => fd);
  snapshot.close();
  t.throws(() => closeSync(fds[0]!), { code: 'EBADF' });
  t.match(later.step(1_000_000n), { kind: 'exited', r0: expected }, 'after the snapshot is closed');
  t.throws(() => program.start({ tables: [table] }), { name: 'CtiError' }, 'closed descriptors');
});
