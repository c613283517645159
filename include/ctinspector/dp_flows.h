// Generated from schema/ by `npm run generate`. Do not edit.
/* Megaflows: what the datapath forwards by. One row a flow, of every datapath of the switch. */
#ifndef CTINSPECTOR_DP_FLOWS_H
#define CTINSPECTOR_DP_FLOWS_H

#include <stdint.h>

#include "ctinspector/table.h"

#define CTI_DP_FLOWS_SCHEMA_HASH 0x3480575af41761b2ULL

/* Identity, counters and where the rest of the row is. (one a row) */
struct cti_dp_flows_rows {
  struct cti_be128 ufid; /* 0: unique flow id, as printed (most significant byte first) */
  uint64_t packets; /* 16: packets that hit the flow */
  uint64_t bytes; /* 24: bytes that hit the flow */
  uint64_t used_ms; /* 32: time since the last hit when the row was read; all ones: never */
  uint32_t known; /* 40: bit n: the column with known bit n (enum below) has a value */
  uint32_t datapath; /* 44: which datapath */
  uint32_t actions; /* 48: the action list */
  int32_t pmd; /* 52: core of the PMD thread that holds the flow; -1: the main thread */
  uint32_t tunnel; /* 56: record in tunnel */
  uint32_t ipv6; /* 60: record in ipv6 */
  uint32_t ct_tuple; /* 64: record in ct_tuple */
  uint32_t arp; /* 68: record in arp */
  uint32_t encap; /* 72: record in encap */
  struct cti_ref extra; /* 76: text of dp-extra-info */
  struct cti_ref unknown; /* 84: parts of the match this version does not know, as text, comma between */
  struct cti_ref verbatim; /* 92: the row as the switch printed it, only where printing it from its fields gives something else */
  uint16_t tcp_flags_seen; /* 100: TCP flags seen (flags:) */
  uint8_t layer; /* 102: which layer holds the flow (dp:) */
  uint8_t hw; /* 103: whether hardware forwards it (offloaded:) */
  uint32_t mark; /* 104: mark under which the datapath gave the flow to its port's hardware; 0: it did not (from memory only) */
  uint32_t reserved; /* 108: zero */
};

/* What the flow matches, the fields almost every flow has. (one a row) */
struct cti_dp_flows_match_half {
  uint64_t attrs; /* 0: bit n: OVS_KEY_ATTR n was given (key half) or given with a mask (mask half); bits 40 and up: how the row was written (native/text/keys.h) */
  uint64_t eth_src; /* 8: Ethernet source */
  uint64_t eth_dst; /* 16: Ethernet destination */
  uint32_t in_port; /* 24: port the packet came in */
  uint32_t recirc_id; /* 28: recirculation id; 0 is the first pass */
  uint32_t dp_hash; /* 32: datapath hash */
  uint32_t skb_priority; /* 36: skb->priority */
  uint32_t pkt_mark; /* 40: packet mark */
  uint32_t ct_state; /* 44: conntrack state */
  uint32_t ct_mark; /* 48: conntrack mark */
  uint32_t nw_src; /* 52: IPv4 source */
  uint32_t nw_dst; /* 56: IPv4 destination */
  uint32_t packet_type; /* 60: namespace << 16 | id */
  uint16_t ct_zone; /* 64: conntrack zone */
  uint16_t eth_type; /* 66: EtherType */
  uint16_t vlan_tci; /* 68: outer VLAN tag: pcp, CFI (set if there is a tag), vid */
  uint16_t vlan_tpid; /* 70: EtherType of the outer VLAN tag */
  uint16_t tp_src; /* 72: TCP, UDP or SCTP source port */
  uint16_t tp_dst; /* 74: TCP, UDP or SCTP destination port */
  uint16_t tcp_flags; /* 76: TCP flags */
  uint8_t nw_proto; /* 78: IP protocol (IPv4 or IPv6 next header) */
  uint8_t nw_tos; /* 79: IPv4 TOS or IPv6 traffic class, all 8 bits */
  uint8_t nw_ttl; /* 80: IPv4 TTL or IPv6 hop limit */
  uint8_t nw_frag; /* 81: fragment: no, first or later (the datapath's own values) */
  uint8_t icmp_type; /* 82: ICMP or ICMPv6 type */
  uint8_t icmp_code; /* 83: ICMP or ICMPv6 code */
  uint32_t match_reserved; /* 84: zero */
};
struct cti_dp_flows_match {
  struct cti_dp_flows_match_half key;
  struct cti_dp_flows_match_half mask;
};

/* The tunnel the packet came in. (some-rows) */
struct cti_dp_flows_tunnel_half {
  uint64_t tun_id; /* 0: tunnel key (VNI) */
  struct cti_be128 tun_ipv6_src; /* 8: tunnel IPv6 source */
  struct cti_be128 tun_ipv6_dst; /* 24: tunnel IPv6 destination */
  uint32_t tun_src; /* 40: tunnel IPv4 source */
  uint32_t tun_dst; /* 44: tunnel IPv4 destination */
  uint32_t tun_attrs; /* 48: bit n: OVS_TUNNEL_KEY_ATTR n was given (key half) or given with a mask (mask half) */
  uint16_t tun_flags; /* 52: df 1, csum 2, key 4, oam 8 */
  uint16_t tun_tp_src; /* 54: outer UDP source port */
  uint16_t tun_tp_dst; /* 56: outer UDP destination port */
  uint16_t tun_gbp_id; /* 58: VXLAN group policy id */
  uint8_t tun_gbp_flags; /* 60: VXLAN group policy flags */
  uint8_t tun_tos; /* 61: outer TOS */
  uint8_t tun_ttl; /* 62: outer TTL */
  uint8_t tun_reserved; /* 63: zero */
  struct cti_ref tun_options; /* 64: what of the tunnel this version does not know, as text */
  struct cti_ref tun_geneve; /* 72: geneve options as on the wire (class be16, type, length in words, data), one after the other; the mask half: their masks, of the same lengths */
  uint64_t tun_geneve_data; /* 80: data of the first geneve option, if it has at most 8 bytes, as one number */
  uint32_t tun_erspan_idx; /* 88: ERSPAN version 1 index */
  uint16_t tun_geneve_class; /* 92: class of the first geneve option */
  uint8_t tun_geneve_type; /* 94: type of the first geneve option */
  uint8_t tun_erspan_ver; /* 95: ERSPAN version */
  uint8_t tun_erspan_dir; /* 96: ERSPAN version 2 direction */
  uint8_t tun_erspan_hwid; /* 97: ERSPAN version 2 hardware id */
  uint8_t tun_gtpu_flags; /* 98: GTP-U flags */
  uint8_t tun_gtpu_msgtype; /* 99: GTP-U message type */
  uint32_t tun_reserved32; /* 100: zero */
};
struct cti_dp_flows_tunnel {
  struct cti_dp_flows_tunnel_half key;
  struct cti_dp_flows_tunnel_half mask;
};

/* IPv6 addresses and neighbour discovery. (some-rows) */
struct cti_dp_flows_ipv6_half {
  struct cti_be128 ipv6_src; /* 0: IPv6 source */
  struct cti_be128 ipv6_dst; /* 16: IPv6 destination */
  struct cti_be128 nd_target; /* 32: neighbour discovery target */
  uint64_t nd_sll; /* 48: neighbour discovery source link address */
  uint64_t nd_tll; /* 56: neighbour discovery target link address */
  uint32_t ipv6_label; /* 64: flow label */
  uint32_t nd_reserved; /* 68: neighbour discovery reserved word */
  uint16_t ipv6_exthdr; /* 72: extension headers seen: bits of the kernel's OFPIEH12_* */
  uint8_t nd_options_type; /* 74: neighbour discovery option type */
  uint8_t ipv6_reserved8; /* 75: zero */
  uint32_t ipv6_reserved32; /* 76: zero */
};
struct cti_dp_flows_ipv6 {
  struct cti_dp_flows_ipv6_half key;
  struct cti_dp_flows_ipv6_half mask;
};

/* Conntrack label and original direction. (some-rows) */
struct cti_dp_flows_ct_tuple_half {
  struct cti_be128 ct_label; /* 0: conntrack label */
  struct cti_be128 ct_ipv6_src; /* 16: original IPv6 source */
  struct cti_be128 ct_ipv6_dst; /* 32: original IPv6 destination */
  uint32_t ct_nw_src; /* 48: original IPv4 source */
  uint32_t ct_nw_dst; /* 52: original IPv4 destination */
  uint16_t ct_tp_src; /* 56: original source port */
  uint16_t ct_tp_dst; /* 58: original destination port */
  uint8_t ct_nw_proto; /* 60: original IP protocol */
  uint8_t ct_reserved8; /* 61: zero */
  uint16_t ct_reserved16; /* 62: zero */
};
struct cti_dp_flows_ct_tuple {
  struct cti_dp_flows_ct_tuple_half key;
  struct cti_dp_flows_ct_tuple_half mask;
};

/* ARP. (some-rows) */
struct cti_dp_flows_arp_half {
  uint64_t arp_sha; /* 0: ARP sender hardware address */
  uint64_t arp_tha; /* 8: ARP target hardware address */
  uint32_t arp_spa; /* 16: ARP sender address */
  uint32_t arp_tpa; /* 20: ARP target address */
  uint16_t arp_op; /* 24: ARP operation: 1 request, 2 reply */
  uint16_t arp_reserved16; /* 26: zero */
  uint32_t arp_reserved32; /* 28: zero */
};
struct cti_dp_flows_arp {
  struct cti_dp_flows_arp_half key;
  struct cti_dp_flows_arp_half mask;
};

/* Inner VLAN, MPLS and NSH. (some-rows) */
struct cti_dp_flows_encap_half {
  uint16_t vlan2_tci; /* 0: inner VLAN tag */
  uint16_t vlan2_tpid; /* 2: EtherType of the inner VLAN tag */
  uint32_t mpls_lse0; /* 4: outermost MPLS label stack entry: label 20 bits, tc 3, bos 1, ttl 8 */
  uint32_t mpls_lse1; /* 8: second entry */
  uint32_t mpls_lse2; /* 12: third entry */
  uint32_t nsh_spi; /* 16: NSH service path */
  uint32_t nsh_c1; /* 20: NSH context 1 */
  uint32_t nsh_c2; /* 24: NSH context 2 */
  uint32_t nsh_c3; /* 28: NSH context 3 */
  uint32_t nsh_c4; /* 32: NSH context 4 */
  uint8_t nsh_flags; /* 36: NSH flags */
  uint8_t nsh_ttl; /* 37: NSH TTL */
  uint8_t nsh_mdtype; /* 38: NSH metadata type */
  uint8_t nsh_np; /* 39: NSH next protocol */
  uint8_t nsh_si; /* 40: NSH service index */
  uint8_t mpls_depth; /* 41: how many MPLS entries were given */
  uint16_t encap_reserved16; /* 42: zero */
  struct cti_ref vlan_more; /* 44: VLAN tags beyond the second, outermost first: u16 tci, u16 tpid, u16 what was given (key half: 1 vlan, 2 encap, 4 tpid; mask half: 1 vlan with a mask), u16 zero */
  struct cti_ref mpls_more; /* 52: MPLS entries beyond the third, as u32 in the form of mpls_lse0 */
};
struct cti_dp_flows_encap {
  struct cti_dp_flows_encap_half key;
  struct cti_dp_flows_encap_half mask;
};

/* Each distinct action list once; rows.actions is its number. (distinct) */
struct cti_dp_flows_action_lists {
  struct cti_ref attrs; /* 0: the list as a tree of netlink attributes, OVS_ACTION_ATTR_* of odp-netlink.h (ports are ids of `ports`); what is not known is an attribute of type 0x3f00 that holds its text */
  struct cti_ref verbatim; /* 8: as the switch printed it, only where printing the tree gives something else */
  struct cti_ref out_ports; /* 16: u32 ids of `ports` that the list can output to, ascending, once each, nested lists included */
  uint64_t does; /* 24: bit n: OVS_ACTION_ATTR n occurs, nested lists included */
  uint64_t sets; /* 32: bit n: OVS_KEY_ATTR n is set (set or set_masked) */
  uint32_t n_unknown; /* 40: parts kept as text */
  uint32_t reserved; /* 44: zero */
};

/* Ports named by a match or an action. (distinct) */
struct cti_dp_flows_ports {
  struct cti_ref name; /* 0: name, if known (bit 0 of known) */
  struct cti_ref type; /* 8: type as dpctl/show prints it, if known (bit 2 of known) */
  uint32_t odp_port; /* 16: datapath's number, if known (bit 1 of known) */
  uint32_t datapath; /* 20: which datapath */
  uint32_t known; /* 24: bit 0 name, 1 odp_port, 2 type */
  uint32_t reserved; /* 28: zero */
};

/* Datapaths of the switch, by full name (netdev@ovs-netdev). (distinct) */
struct cti_dp_flows_datapaths {
  struct cti_ref name; /* 0: full name; empty where a saved file does not say */
  uint64_t reserved; /* 8: zero */
};

/* The fields of a half of match: F(name, offset, bytes, bits that count). */
#define CTI_DP_FLOWS_MATCH_FIELDS(F) \
  F(eth_src, 8, 8, 48) \
  F(eth_dst, 16, 8, 48) \
  F(in_port, 24, 4, 32) \
  F(recirc_id, 28, 4, 32) \
  F(dp_hash, 32, 4, 32) \
  F(skb_priority, 36, 4, 32) \
  F(pkt_mark, 40, 4, 32) \
  F(ct_state, 44, 4, 32) \
  F(ct_mark, 48, 4, 32) \
  F(nw_src, 52, 4, 32) \
  F(nw_dst, 56, 4, 32) \
  F(ct_zone, 64, 2, 16) \
  F(eth_type, 66, 2, 16) \
  F(vlan_tci, 68, 2, 16) \
  F(vlan_tpid, 70, 2, 16) \
  F(tp_src, 72, 2, 16) \
  F(tp_dst, 74, 2, 16) \
  F(tcp_flags, 76, 2, 16) \
  F(nw_proto, 78, 1, 8) \
  F(nw_tos, 79, 1, 8) \
  F(nw_ttl, 80, 1, 8) \
  F(nw_frag, 81, 1, 8) \
  F(icmp_type, 82, 1, 8) \
  F(icmp_code, 83, 1, 8)

/* The fields of a half of tunnel: F(name, offset, bytes, bits that count). */
#define CTI_DP_FLOWS_TUNNEL_FIELDS(F) \
  F(tun_id, 0, 8, 64) \
  F(tun_ipv6_src, 8, 16, 128) \
  F(tun_ipv6_dst, 24, 16, 128) \
  F(tun_src, 40, 4, 32) \
  F(tun_dst, 44, 4, 32) \
  F(tun_flags, 52, 2, 16) \
  F(tun_tp_src, 54, 2, 16) \
  F(tun_tp_dst, 56, 2, 16) \
  F(tun_gbp_id, 58, 2, 16) \
  F(tun_gbp_flags, 60, 1, 8) \
  F(tun_tos, 61, 1, 8) \
  F(tun_ttl, 62, 1, 8) \
  F(tun_geneve_data, 80, 8, 64) \
  F(tun_erspan_idx, 88, 4, 32) \
  F(tun_geneve_class, 92, 2, 16) \
  F(tun_geneve_type, 94, 1, 8) \
  F(tun_erspan_ver, 95, 1, 8) \
  F(tun_erspan_dir, 96, 1, 8) \
  F(tun_erspan_hwid, 97, 1, 8) \
  F(tun_gtpu_flags, 98, 1, 8) \
  F(tun_gtpu_msgtype, 99, 1, 8)

/* The fields of a half of ipv6: F(name, offset, bytes, bits that count). */
#define CTI_DP_FLOWS_IPV6_FIELDS(F) \
  F(ipv6_src, 0, 16, 128) \
  F(ipv6_dst, 16, 16, 128) \
  F(nd_target, 32, 16, 128) \
  F(nd_sll, 48, 8, 48) \
  F(nd_tll, 56, 8, 48) \
  F(ipv6_label, 64, 4, 32) \
  F(nd_reserved, 68, 4, 32) \
  F(ipv6_exthdr, 72, 2, 16) \
  F(nd_options_type, 74, 1, 8)

/* The fields of a half of ct_tuple: F(name, offset, bytes, bits that count). */
#define CTI_DP_FLOWS_CT_TUPLE_FIELDS(F) \
  F(ct_label, 0, 16, 128) \
  F(ct_ipv6_src, 16, 16, 128) \
  F(ct_ipv6_dst, 32, 16, 128) \
  F(ct_nw_src, 48, 4, 32) \
  F(ct_nw_dst, 52, 4, 32) \
  F(ct_tp_src, 56, 2, 16) \
  F(ct_tp_dst, 58, 2, 16) \
  F(ct_nw_proto, 60, 1, 8)

/* The fields of a half of arp: F(name, offset, bytes, bits that count). */
#define CTI_DP_FLOWS_ARP_FIELDS(F) \
  F(arp_sha, 0, 8, 48) \
  F(arp_tha, 8, 8, 48) \
  F(arp_spa, 16, 4, 32) \
  F(arp_tpa, 20, 4, 32) \
  F(arp_op, 24, 2, 16)

/* The fields of a half of encap: F(name, offset, bytes, bits that count). */
#define CTI_DP_FLOWS_ENCAP_FIELDS(F) \
  F(vlan2_tci, 0, 2, 16) \
  F(vlan2_tpid, 2, 2, 16) \
  F(nsh_spi, 16, 4, 32) \
  F(nsh_c1, 20, 4, 32) \
  F(nsh_c2, 24, 4, 32) \
  F(nsh_c3, 28, 4, 32) \
  F(nsh_c4, 32, 4, 32) \
  F(nsh_flags, 36, 1, 8) \
  F(nsh_ttl, 37, 1, 8) \
  F(nsh_mdtype, 38, 1, 8) \
  F(nsh_np, 39, 1, 8) \
  F(nsh_si, 40, 1, 8)

/* Bits of dp_flows.rows.known. */
enum cti_dp_flows_known {
  CTI_DP_FLOWS_KNOWN_UFID = 1u << 0,
  CTI_DP_FLOWS_KNOWN_PMD = 1u << 1,
  CTI_DP_FLOWS_KNOWN_EXTRA = 1u << 2,
  CTI_DP_FLOWS_KNOWN_TCP_FLAGS_SEEN = 1u << 3,
  CTI_DP_FLOWS_KNOWN_LAYER = 1u << 4,
  CTI_DP_FLOWS_KNOWN_HW = 1u << 5,
  CTI_DP_FLOWS_KNOWN_MARK = 1u << 6,
};

/* Index of a segment in struct cti_table. */
enum cti_dp_flows_segment {
  CTI_DP_FLOWS_SEGMENT_ROWS = 0,
  CTI_DP_FLOWS_SEGMENT_MATCH = 1,
  CTI_DP_FLOWS_SEGMENT_TUNNEL = 2,
  CTI_DP_FLOWS_SEGMENT_IPV6 = 3,
  CTI_DP_FLOWS_SEGMENT_CT_TUPLE = 4,
  CTI_DP_FLOWS_SEGMENT_ARP = 5,
  CTI_DP_FLOWS_SEGMENT_ENCAP = 6,
  CTI_DP_FLOWS_SEGMENT_ACTION_LISTS = 7,
  CTI_DP_FLOWS_SEGMENT_PORTS = 8,
  CTI_DP_FLOWS_SEGMENT_DATAPATHS = 9,
  CTI_DP_FLOWS_SEGMENT_BLOB = 10,
};

enum cti_dp_flows_layer {
  CTI_DP_FLOWS_LAYER_OVS = 0,
  CTI_DP_FLOWS_LAYER_TC = 1,
  CTI_DP_FLOWS_LAYER_DPDK = 2,
};

enum cti_dp_flows_hw {
  CTI_DP_FLOWS_HW_NO = 0,
  CTI_DP_FLOWS_HW_YES = 1,
  CTI_DP_FLOWS_HW_PARTIAL = 2,
};

enum cti_dp_flows_nw_frag {
  CTI_DP_FLOWS_NW_FRAG_NO = 0,
  CTI_DP_FLOWS_NW_FRAG_FIRST = 1,
  CTI_DP_FLOWS_NW_FRAG_LATER = 2,
};

#ifndef CTI_FLAGS_CT_STATE
#define CTI_FLAGS_CT_STATE
enum cti_ct_state_flags {
  CTI_CT_STATE_NEW = 0x1,
  CTI_CT_STATE_EST = 0x2,
  CTI_CT_STATE_REL = 0x4,
  CTI_CT_STATE_RPL = 0x8,
  CTI_CT_STATE_INV = 0x10,
  CTI_CT_STATE_TRK = 0x20,
  CTI_CT_STATE_SNAT = 0x40,
  CTI_CT_STATE_DNAT = 0x80,
};
#endif

#ifndef CTI_FLAGS_TCP_FLAGS
#define CTI_FLAGS_TCP_FLAGS
enum cti_tcp_flags_flags {
  CTI_TCP_FLAGS_FIN = 0x1,
  CTI_TCP_FLAGS_SYN = 0x2,
  CTI_TCP_FLAGS_RST = 0x4,
  CTI_TCP_FLAGS_PSH = 0x8,
  CTI_TCP_FLAGS_ACK = 0x10,
  CTI_TCP_FLAGS_URG = 0x20,
  CTI_TCP_FLAGS_ECE = 0x40,
  CTI_TCP_FLAGS_CWR = 0x80,
  CTI_TCP_FLAGS_NS = 0x100,
};
#endif

#ifndef CTI_FLAGS_TUN_FLAGS
#define CTI_FLAGS_TUN_FLAGS
enum cti_tun_flags_flags {
  CTI_TUN_FLAGS_DF = 0x1,
  CTI_TUN_FLAGS_CSUM = 0x2,
  CTI_TUN_FLAGS_KEY = 0x4,
  CTI_TUN_FLAGS_OAM = 0x8,
};
#endif

#endif
