/**
 * The names `does` and `sets` take. `does` reads action_lists.does, whose bit n is action n of
 * native/text/action_tree.h; `sets` reads the list as the switch prints it, because a set action may change one part of a header and not another.
 */
import type { ActionLists, Truth } from './dictionaries.js';
import { FALSE, TRUE, UNKNOWN } from './dictionaries.js';

/** Names, as the switch prints them, -> numbers, any of which counts. */
export const ACTIONS: Readonly<Record<string, readonly number[]>> = {
  output: [1],
  userspace: [2],
  set: [3, 11],
  push_vlan: [4],
  pop_vlan: [5],
  sample: [6],
  recirc: [7],
  hash: [8],
  push_mpls: [9],
  pop_mpls: [10],
  ct: [12],
  trunc: [13],
  push_eth: [14],
  pop_eth: [15],
  ct_clear: [16],
  push_nsh: [17],
  pop_nsh: [18],
  meter: [19],
  clone: [20],
  check_pkt_len: [21],
  add_mpls: [22],
  dec_ttl: [23],
  drop: [24],
  psample: [25],
  tnl_push: [26],
  tnl_pop: [27],
  lb_output: [28],
};

/** Field -> headers of `set(HEADER(PART=...))` that have it, and what it is called there; undefined: the header is the field. */
const SETS: Readonly<Record<string, Readonly<Record<string, string | undefined>>>> = {
  eth_src: { eth: 'src' },
  eth_dst: { eth: 'dst' },
  nw_src: { ipv4: 'src' },
  nw_dst: { ipv4: 'dst' },
  nw_tos: { ipv4: 'tos', ipv6: 'tclass' },
  nw_ttl: { ipv4: 'ttl', ipv6: 'hlimit' },
  ipv6_src: { ipv6: 'src' },
  ipv6_dst: { ipv6: 'dst' },
  ipv6_label: { ipv6: 'label' },
  tp_src: { tcp: 'src', udp: 'src', sctp: 'src' },
  tp_dst: { tcp: 'dst', udp: 'dst', sctp: 'dst' },
  tcp_src: { tcp: 'src' },
  tcp_dst: { tcp: 'dst' },
  udp_src: { udp: 'src' },
  udp_dst: { udp: 'dst' },
  sctp_src: { sctp: 'src' },
  sctp_dst: { sctp: 'dst' },
  icmp_type: { icmp: 'type', icmpv6: 'type' },
  icmp_code: { icmp: 'code', icmpv6: 'code' },
  arp_op: { arp: 'op' },
  arp_spa: { arp: 'sip' },
  arp_tpa: { arp: 'tip' },
  arp_sha: { arp: 'sha' },
  arp_tha: { arp: 'tha' },
  nd_target: { nd: 'target' },
  nd_sll: { nd: 'sll' },
  nd_tll: { nd: 'tll' },
  tun_id: { tunnel: 'tun_id' },
  tun_src: { tunnel: 'src' },
  tun_dst: { tunnel: 'dst' },
  tun_ipv6_src: { tunnel: 'ipv6_src' },
  tun_ipv6_dst: { tunnel: 'ipv6_dst' },
  tun_tos: { tunnel: 'tos' },
  tun_ttl: { tunnel: 'ttl' },
  tun_tp_dst: { tunnel: 'tp_dst' },
  tun_tp_src: { tunnel: 'tp_src' },
  nw_ecn: { ipv4: 'tos', ipv6: 'tclass' },
  nw_dscp: { ipv4: 'tos', ipv6: 'tclass' },
  mpls_label: { mpls: 'label' },
  mpls_tc: { mpls: 'tc' },
  mpls_ttl: { mpls: 'ttl' },
  mpls_bos: { mpls: 'bos' },
  nsh_flags: { nsh: 'flags' },
  nsh_ttl: { nsh: 'ttl' },
  nsh_spi: { nsh: 'spi' },
  nsh_si: { nsh: 'si' },
  nsh_c1: { nsh: 'c1' },
  nsh_c2: { nsh: 'c2' },
  nsh_c3: { nsh: 'c3' },
  nsh_c4: { nsh: 'c4' },
  ct_zone: { ct: 'zone' },
  ct_mark: { ct: 'mark' },
  ct_label: { ct: 'label' },
  pkt_mark: { skb_mark: undefined },
  skb_priority: { skb_priority: undefined },
};

/** Fields that are some bits of what the header calls by that name: a set with a mask may leave them alone. */
const BITS: Readonly<Record<string, number>> = { nw_ecn: 0x03, nw_dscp: 0xfc };

export const SETTABLE: readonly string[] = Object.keys(SETS);

/** The parts of each `set(HEADER(PART, PART(...), ...))` and `ct(PART, ...)` in an action list, at any depth of the list. */
function* setActions(text: string): Generator<{ readonly header: string; readonly parts: readonly string[] }> {
  const opening = /\b(?:set\(([a-z0-9_]+)|ct)\(/g;
  for (let match = opening.exec(text); match; match = opening.exec(text)) {
    const parts = [''];
    let depth = 0;
    for (let i = opening.lastIndex; i < text.length && (depth > 0 || text[i] !== ')'); i++) {
      const c = text[i]!;
      if (c === '(' || c === '{') depth++;
      else if (c === ')' || c === '}') depth--;
      if (c === ',' && depth === 0) parts.push('');
      else parts[parts.length - 1] += c;
    }
    yield { header: match[1] ?? 'ct', parts };
  }
}

/** Whether `tos=VALUE/MASK` sets any of the bits. */
function looksAt(part: string, bits: number | undefined): boolean {
  const mask = part.indexOf('/');
  return bits === undefined || mask < 0 || (Number(part.slice(mask + 1)) & bits) !== 0;
}

/** Whether the list sets the field, anywhere in it. The switch prints of a header only the parts that are set. */
export function setsField(lists: ActionLists, id: number, field: string): Truth {
  const headers = SETS[field]!;
  for (const { header, parts } of setActions(lists.text(id))) {
    if (!Object.hasOwn(headers, header)) continue;
    const wanted = headers[header];
    const part = parts.find((text) => text.startsWith(`${wanted}=`));
    if (wanted === undefined || (part !== undefined && looksAt(part, BITS[field]))) return TRUE;
  }
  return lists.hasUnknown(id) ? UNKNOWN : FALSE;
}
