/** The keys that dump-flows prints and the fields they are, by the names of schema/tables/dp_flows.yaml. */

/** name(VALUE). */
export const SINGLE: Readonly<Record<string, string>> = {
  skb_priority: 'skb_priority',
  skb_mark: 'pkt_mark',
  ct_state: 'ct_state',
  ct_zone: 'ct_zone',
  ct_mark: 'ct_mark',
  ct_label: 'ct_label',
  recirc_id: 'recirc_id',
  dp_hash: 'dp_hash',
  tcp_flags: 'tcp_flags',
};

const L4 = { src: 'tp_src', dst: 'tp_dst' };
const ICMP = { type: 'icmp_type', code: 'icmp_code' };

/** name(PART=VALUE,...). */
export const STRUCTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ct_tuple4: { src: 'ct_nw_src', dst: 'ct_nw_dst', proto: 'ct_nw_proto', tp_src: 'ct_tp_src', tp_dst: 'ct_tp_dst' },
  ct_tuple6: {
    src: 'ct_ipv6_src',
    dst: 'ct_ipv6_dst',
    proto: 'ct_nw_proto',
    src_port: 'ct_tp_src',
    dst_port: 'ct_tp_dst',
  },
  eth: { src: 'eth_src', dst: 'eth_dst' },
  ipv4: { src: 'nw_src', dst: 'nw_dst', proto: 'nw_proto', tos: 'nw_tos', ttl: 'nw_ttl', frag: 'nw_frag' },
  ipv6: {
    src: 'ipv6_src',
    dst: 'ipv6_dst',
    label: 'ipv6_label',
    proto: 'nw_proto',
    tclass: 'nw_tos',
    hlimit: 'nw_ttl',
    frag: 'nw_frag',
  },
  tcp: L4,
  udp: L4,
  sctp: L4,
  icmp: ICMP,
  icmpv6: ICMP,
  arp: { sip: 'arp_spa', tip: 'arp_tpa', op: 'arp_op', sha: 'arp_sha', tha: 'arp_tha' },
  nd: { target: 'nd_target', sll: 'nd_sll', tll: 'nd_tll' },
  nd_ext: { nd_reserved: 'nd_reserved', nd_options_type: 'nd_options_type' },
  nsh: {
    flags: 'nsh_flags',
    ttl: 'nsh_ttl',
    mdtype: 'nsh_mdtype',
    np: 'nsh_np',
    spi: 'nsh_spi',
    si: 'nsh_si',
    c1: 'nsh_c1',
    c2: 'nsh_c2',
    c3: 'nsh_c3',
    c4: 'nsh_c4',
  },
  tunnel: {
    tun_id: 'tun_id',
    src: 'tun_src',
    dst: 'tun_dst',
    ipv6_src: 'tun_ipv6_src',
    ipv6_dst: 'tun_ipv6_dst',
    tos: 'tun_tos',
    ttl: 'tun_ttl',
    tp_src: 'tun_tp_src',
    tp_dst: 'tun_tp_dst',
  },
  gbp: { id: 'tun_gbp_id', flags: 'tun_gbp_flags' },
  erspan: { ver: 'tun_erspan_ver', idx: 'tun_erspan_idx', dir: 'tun_erspan_dir', hwid: 'tun_erspan_hwid' },
  gtpu: { flags: 'tun_gtpu_flags', msgtype: 'tun_gtpu_msgtype' },
};

/** name(PART=VALUE,...) whose parts are bits of one field: where each lies, and its width. */
export const PACKED: Readonly<Record<string, Readonly<Record<string, readonly [shift: number, width: number]>>>> = {
  vlan: { vid: [0, 12], pcp: [13, 3], cfi: [12, 1] },
  mpls: { label: [12, 20], tc: [9, 3], bos: [8, 1], ttl: [0, 8] },
  packet_type: { ns: [16, 16], id: [0, 16] },
};
