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

/** Field -> the header in `set(HEADER(...))` and the part in it; no part: the header is the field. */
const SETS: Readonly<Record<string, { readonly headers: readonly string[]; readonly part?: string }>> = {
  eth_src: { headers: ['eth'], part: 'src' },
  eth_dst: { headers: ['eth'], part: 'dst' },
  nw_src: { headers: ['ipv4'], part: 'src' },
  nw_dst: { headers: ['ipv4'], part: 'dst' },
  nw_tos: { headers: ['ipv4'], part: 'tos' },
  nw_ttl: { headers: ['ipv4'], part: 'ttl' },
  ipv6_src: { headers: ['ipv6'], part: 'src' },
  ipv6_dst: { headers: ['ipv6'], part: 'dst' },
  ipv6_label: { headers: ['ipv6'], part: 'label' },
  tp_src: { headers: ['tcp', 'udp', 'sctp'], part: 'src' },
  tp_dst: { headers: ['tcp', 'udp', 'sctp'], part: 'dst' },
  tcp_src: { headers: ['tcp'], part: 'src' },
  tcp_dst: { headers: ['tcp'], part: 'dst' },
  udp_src: { headers: ['udp'], part: 'src' },
  udp_dst: { headers: ['udp'], part: 'dst' },
  sctp_src: { headers: ['sctp'], part: 'src' },
  sctp_dst: { headers: ['sctp'], part: 'dst' },
  icmp_type: { headers: ['icmp', 'icmpv6'], part: 'type' },
  icmp_code: { headers: ['icmp', 'icmpv6'], part: 'code' },
  arp_op: { headers: ['arp'], part: 'op' },
  arp_spa: { headers: ['arp'], part: 'sip' },
  arp_tpa: { headers: ['arp'], part: 'tip' },
  arp_sha: { headers: ['arp'], part: 'sha' },
  arp_tha: { headers: ['arp'], part: 'tha' },
  nd_target: { headers: ['nd'], part: 'target' },
  tun_id: { headers: ['tunnel'], part: 'tun_id' },
  tun_src: { headers: ['tunnel'], part: 'src' },
  tun_dst: { headers: ['tunnel'], part: 'dst' },
  tun_ipv6_src: { headers: ['tunnel'], part: 'ipv6_src' },
  tun_ipv6_dst: { headers: ['tunnel'], part: 'ipv6_dst' },
  tun_tos: { headers: ['tunnel'], part: 'tos' },
  tun_ttl: { headers: ['tunnel'], part: 'ttl' },
  tun_tp_dst: { headers: ['tunnel'], part: 'tp_dst' },
  pkt_mark: { headers: ['skb_mark'] },
  skb_priority: { headers: ['skb_priority'] },
};

export const SETTABLE: readonly string[] = Object.keys(SETS);

/** Whether the list sets the field, anywhere in it. The switch prints of a header only the parts that are set. */
export function setsField(lists: ActionLists, id: number, field: string): Truth {
  const { headers, part } = SETS[field]!;
  for (const [, header, inside] of lists.text(id).matchAll(/\bset\(([a-z0-9_]+)\(([^()]*(?:\([^()]*\)[^()]*)*)\)/g)) {
    if (!headers.includes(header!)) continue;
    if (part === undefined || inside!.split(',').some((item) => item.startsWith(`${part}=`))) return TRUE;
  }
  return lists.hasUnknown(id) ? UNKNOWN : FALSE;
}
