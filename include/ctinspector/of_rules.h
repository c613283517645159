// Generated from schema/ by `npm run generate`. Do not edit.
/* OpenFlow rules: what ovs-ofctl dump-flows prints, from a file. One row a rule. */
#ifndef CTINSPECTOR_OF_RULES_H
#define CTINSPECTOR_OF_RULES_H

#include <stdint.h>

#include "ctinspector/table.h"

#define CTI_OF_RULES_SCHEMA_HASH 0x6e22bcd01495908bULL

/* What the rule is and did. (one a row) */
struct cti_of_rules_rows {
  uint64_t cookie; /* 0: cookie of the controller */
  uint64_t n_packets; /* 8: packets that matched */
  uint64_t n_bytes; /* 16: bytes that matched */
  uint64_t n_offload_packets; /* 24: of those, packets that hardware forwarded (bridge/dump-flows --offload-stats) */
  uint64_t n_offload_bytes; /* 32: of those, bytes */
  uint64_t duration_ms; /* 40: time since the rule was added */
  uint64_t idle_age_ms; /* 48: time since a packet matched */
  uint64_t hard_age_ms; /* 56: time since the rule was changed; not printed where it is the duration */
  uint64_t idle_timeout_ms; /* 64: removed after so long without a packet; never: it is not */
  uint64_t hard_timeout_ms; /* 72: removed after so long; never: it is not */
  uint32_t known; /* 80: bit n: the column with known bit n (enum below) has a value */
  uint32_t bridge; /* 84: which bridge, where the file's name says it */
  uint32_t actions; /* 88: the action list */
  uint32_t file; /* 92: the file of the archive or directory it stands in */
  uint32_t table_name; /* 96: name of its table, where it has one */
  uint32_t flags; /* 100: flags of the flow_mod that added it */
  uint32_t tunnel; /* 104: record in tunnel */
  uint32_t ipv6; /* 108: record in ipv6 */
  uint32_t ct_tuple; /* 112: record in ct_tuple */
  uint32_t arp; /* 116: record in arp */
  uint32_t encap; /* 120: record in encap */
  uint32_t regs; /* 124: record in regs */
  struct cti_ref text; /* 128: the rule as it was printed */
  struct cti_ref unknown; /* 136: parts of the match this version does not know, as text, comma between */
  uint16_t priority; /* 144: priority; 32768 where none is printed */
  uint16_t importance; /* 146: importance, for eviction */
  uint8_t table; /* 148: number of its table */
  uint8_t reserved8; /* 149: zero */
  uint16_t reserved16; /* 150: zero */
};

/* What the rule matches, the fields most rules have. (one a row) */
struct cti_of_rules_match_half {
  uint64_t eth_src; /* 0: Ethernet source */
  uint64_t eth_dst; /* 8: Ethernet destination */
  uint64_t metadata; /* 16: OpenFlow metadata */
  uint32_t in_port; /* 24: port the packet came in */
  uint32_t actset_output; /* 28: output port in the action set */
  uint32_t recirc_id; /* 32: recirculation id */
  uint32_t dp_hash; /* 36: datapath hash */
  uint32_t skb_priority; /* 40: skb->priority */
  uint32_t pkt_mark; /* 44: packet mark */
  uint32_t ct_state; /* 48: conntrack state */
  uint32_t ct_mark; /* 52: conntrack mark */
  uint32_t conj_id; /* 56: conjunction id */
  uint32_t packet_type; /* 60: namespace << 16 | type */
  uint32_t nw_src; /* 64: IPv4 source */
  uint32_t nw_dst; /* 68: IPv4 destination */
  uint16_t ct_zone; /* 72: conntrack zone */
  uint16_t eth_type; /* 74: EtherType */
  uint16_t vlan_tci; /* 76: outer VLAN tag: pcp, CFI (set if there is a tag), vid */
  uint16_t tp_src; /* 78: TCP, UDP or SCTP source port */
  uint16_t tp_dst; /* 80: TCP, UDP or SCTP destination port */
  uint16_t tcp_flags; /* 82: TCP flags */
  uint8_t nw_proto; /* 84: IP protocol (IPv4 or IPv6 next header) */
  uint8_t nw_tos; /* 85: IPv4 TOS or IPv6 traffic class, all 8 bits */
  uint8_t nw_ttl; /* 86: IPv4 TTL or IPv6 hop limit */
  uint8_t nw_frag; /* 87: fragment: no, first or later; bit 0 any, bit 1 later */
  uint8_t icmp_type; /* 88: ICMP or ICMPv6 type */
  uint8_t icmp_code; /* 89: ICMP or ICMPv6 code */
  uint16_t match_reserved16; /* 90: zero */
  uint32_t match_reserved32; /* 92: zero */
};
struct cti_of_rules_match {
  struct cti_of_rules_match_half key;
  struct cti_of_rules_match_half mask;
};

/* The tunnel the packet came in. (some-rows) */
struct cti_of_rules_tunnel_half {
  uint64_t tun_id; /* 0: tunnel key (VNI) */
  struct cti_be128 tun_ipv6_src; /* 8: tunnel IPv6 source */
  struct cti_be128 tun_ipv6_dst; /* 24: tunnel IPv6 destination */
  uint32_t tun_src; /* 40: tunnel IPv4 source */
  uint32_t tun_dst; /* 44: tunnel IPv4 destination */
  uint32_t tun_erspan_idx; /* 48: ERSPAN version 1 index */
  uint16_t tun_flags; /* 52: tunnel flags */
  uint16_t tun_gbp_id; /* 54: VXLAN group policy id */
  uint8_t tun_gbp_flags; /* 56: VXLAN group policy flags */
  uint8_t tun_tos; /* 57: outer TOS */
  uint8_t tun_ttl; /* 58: outer TTL */
  uint8_t tun_erspan_ver; /* 59: ERSPAN version */
  uint8_t tun_erspan_dir; /* 60: ERSPAN version 2 direction */
  uint8_t tun_erspan_hwid; /* 61: ERSPAN version 2 hardware id */
  uint8_t tun_gtpu_flags; /* 62: GTP-U flags */
  uint8_t tun_gtpu_msgtype; /* 63: GTP-U message type */
};
struct cti_of_rules_tunnel {
  struct cti_of_rules_tunnel_half key;
  struct cti_of_rules_tunnel_half mask;
};

/* IPv6 addresses and neighbour discovery. (some-rows) */
struct cti_of_rules_ipv6_half {
  struct cti_be128 ipv6_src; /* 0: IPv6 source */
  struct cti_be128 ipv6_dst; /* 16: IPv6 destination */
  struct cti_be128 nd_target; /* 32: neighbour discovery target */
  uint64_t nd_sll; /* 48: neighbour discovery source link address */
  uint64_t nd_tll; /* 56: neighbour discovery target link address */
  uint32_t ipv6_label; /* 64: flow label */
  uint32_t nd_reserved; /* 68: neighbour discovery reserved word */
  uint8_t nd_options_type; /* 72: neighbour discovery option type */
  uint8_t ipv6_reserved8; /* 73: zero */
  uint16_t ipv6_reserved16; /* 74: zero */
  uint32_t ipv6_reserved32; /* 76: zero */
};
struct cti_of_rules_ipv6 {
  struct cti_of_rules_ipv6_half key;
  struct cti_of_rules_ipv6_half mask;
};

/* Conntrack label and original direction. (some-rows) */
struct cti_of_rules_ct_tuple_half {
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
struct cti_of_rules_ct_tuple {
  struct cti_of_rules_ct_tuple_half key;
  struct cti_of_rules_ct_tuple_half mask;
};

/* ARP. (some-rows) */
struct cti_of_rules_arp_half {
  uint64_t arp_sha; /* 0: ARP sender hardware address */
  uint64_t arp_tha; /* 8: ARP target hardware address */
  uint32_t arp_spa; /* 16: ARP sender address */
  uint32_t arp_tpa; /* 20: ARP target address */
  uint16_t arp_op; /* 24: ARP operation: 1 request, 2 reply */
  uint16_t arp_reserved16; /* 26: zero */
  uint32_t arp_reserved32; /* 28: zero */
};
struct cti_of_rules_arp {
  struct cti_of_rules_arp_half key;
  struct cti_of_rules_arp_half mask;
};

/* Inner VLAN, MPLS and NSH. (some-rows) */
struct cti_of_rules_encap_half {
  uint32_t mpls_lse0; /* 0: outermost MPLS label stack entry: label 20 bits, tc 3, bos 1, ttl 8 */
  uint32_t mpls_lse1; /* 4: second MPLS label stack entry */
  uint32_t mpls_lse2; /* 8: third MPLS label stack entry */
  uint32_t nsh_spi; /* 12: NSH service path */
  uint32_t nsh_c1; /* 16: NSH context 1 */
  uint32_t nsh_c2; /* 20: NSH context 2 */
  uint32_t nsh_c3; /* 24: NSH context 3 */
  uint32_t nsh_c4; /* 28: NSH context 4 */
  uint16_t vlan2_tci; /* 32: inner VLAN tag */
  uint8_t nsh_flags; /* 34: NSH flags */
  uint8_t nsh_ttl; /* 35: NSH TTL */
  uint8_t nsh_mdtype; /* 36: NSH metadata type */
  uint8_t nsh_np; /* 37: NSH next protocol */
  uint8_t nsh_si; /* 38: NSH service index */
  uint8_t encap_reserved8; /* 39: zero */
};
struct cti_of_rules_encap {
  struct cti_of_rules_encap_half key;
  struct cti_of_rules_encap_half mask;
};

/* Registers, two in one number. (some-rows) */
struct cti_of_rules_regs_half {
  uint64_t xreg0; /* 0: registers 0 (high) and 1 */
  uint64_t xreg1; /* 8: registers 2 (high) and 3 */
  uint64_t xreg2; /* 16: registers 4 (high) and 5 */
  uint64_t xreg3; /* 24: registers 6 (high) and 7 */
  uint64_t xreg4; /* 32: registers 8 (high) and 9 */
  uint64_t xreg5; /* 40: registers 10 (high) and 11 */
  uint64_t xreg6; /* 48: registers 12 (high) and 13 */
  uint64_t xreg7; /* 56: registers 14 (high) and 15 */
  uint64_t xreg8; /* 64: registers 16 (high) and 17 */
  uint64_t xreg9; /* 72: registers 18 (high) and 19 */
  uint64_t xreg10; /* 80: registers 20 (high) and 21 */
  uint64_t xreg11; /* 88: registers 22 (high) and 23 */
  uint64_t xreg12; /* 96: registers 24 (high) and 25 */
  uint64_t xreg13; /* 104: registers 26 (high) and 27 */
  uint64_t xreg14; /* 112: registers 28 (high) and 29 */
  uint64_t xreg15; /* 120: registers 30 (high) and 31 */
};
struct cti_of_rules_regs {
  struct cti_of_rules_regs_half key;
  struct cti_of_rules_regs_half mask;
};

/* Each distinct action list of a bridge once; rows.actions is its number. (distinct) */
struct cti_of_rules_action_lists {
  struct cti_ref text; /* 0: the list as it was printed */
  struct cti_ref out_ports; /* 8: u32 ids of `ports` that the list can output to, ascending, once each, nested lists included */
  struct cti_ref sets; /* 16: columns that the list sets, a comma before, between and after; nested lists included */
  uint64_t does; /* 24: bit n: action n of `actions` below occurs, nested lists included */
  uint32_t n_unknown; /* 32: parts that are not understood */
  uint32_t reserved; /* 36: zero */
};

/* OpenFlow ports named by a match or an action. (distinct) */
struct cti_of_rules_ports {
  struct cti_ref name; /* 0: name, if known (bit 0 of known) */
  uint32_t ofp_port; /* 8: OpenFlow port number, if known (bit 1 of known) */
  uint32_t bridge; /* 12: which bridge */
  uint32_t known; /* 16: bit 0 name, 1 ofp_port */
  uint32_t reserved; /* 20: zero */
};

/* Bridges; an empty name where a file does not say. (distinct) */
struct cti_of_rules_datapaths {
  struct cti_ref name; /* 0: name */
  uint64_t reserved; /* 8: zero */
};

/* Each distinct text once; a column of type text is its number. (distinct) */
struct cti_of_rules_texts {
  struct cti_ref text; /* 0: the text */
  uint64_t reserved; /* 8: zero */
};

/* The fields of a half of match: F(name, offset, bytes, bits that count). */
#define CTI_OF_RULES_MATCH_FIELDS(F) \
  F(eth_src, 0, 8, 48) \
  F(eth_dst, 8, 8, 48) \
  F(metadata, 16, 8, 64) \
  F(in_port, 24, 4, 32) \
  F(actset_output, 28, 4, 32) \
  F(recirc_id, 32, 4, 32) \
  F(dp_hash, 36, 4, 32) \
  F(skb_priority, 40, 4, 32) \
  F(pkt_mark, 44, 4, 32) \
  F(ct_state, 48, 4, 32) \
  F(ct_mark, 52, 4, 32) \
  F(conj_id, 56, 4, 32) \
  F(packet_type, 60, 4, 32) \
  F(nw_src, 64, 4, 32) \
  F(nw_dst, 68, 4, 32) \
  F(ct_zone, 72, 2, 16) \
  F(eth_type, 74, 2, 16) \
  F(vlan_tci, 76, 2, 16) \
  F(tp_src, 78, 2, 16) \
  F(tp_dst, 80, 2, 16) \
  F(tcp_flags, 82, 2, 16) \
  F(nw_proto, 84, 1, 8) \
  F(nw_tos, 85, 1, 8) \
  F(nw_ttl, 86, 1, 8) \
  F(nw_frag, 87, 1, 8) \
  F(icmp_type, 88, 1, 8) \
  F(icmp_code, 89, 1, 8)

/* The fields of a half of tunnel: F(name, offset, bytes, bits that count). */
#define CTI_OF_RULES_TUNNEL_FIELDS(F) \
  F(tun_id, 0, 8, 64) \
  F(tun_ipv6_src, 8, 16, 128) \
  F(tun_ipv6_dst, 24, 16, 128) \
  F(tun_src, 40, 4, 32) \
  F(tun_dst, 44, 4, 32) \
  F(tun_erspan_idx, 48, 4, 32) \
  F(tun_flags, 52, 2, 16) \
  F(tun_gbp_id, 54, 2, 16) \
  F(tun_gbp_flags, 56, 1, 8) \
  F(tun_tos, 57, 1, 8) \
  F(tun_ttl, 58, 1, 8) \
  F(tun_erspan_ver, 59, 1, 8) \
  F(tun_erspan_dir, 60, 1, 8) \
  F(tun_erspan_hwid, 61, 1, 8) \
  F(tun_gtpu_flags, 62, 1, 8) \
  F(tun_gtpu_msgtype, 63, 1, 8)

/* The fields of a half of ipv6: F(name, offset, bytes, bits that count). */
#define CTI_OF_RULES_IPV6_FIELDS(F) \
  F(ipv6_src, 0, 16, 128) \
  F(ipv6_dst, 16, 16, 128) \
  F(nd_target, 32, 16, 128) \
  F(nd_sll, 48, 8, 48) \
  F(nd_tll, 56, 8, 48) \
  F(ipv6_label, 64, 4, 32) \
  F(nd_reserved, 68, 4, 32) \
  F(nd_options_type, 72, 1, 8)

/* The fields of a half of ct_tuple: F(name, offset, bytes, bits that count). */
#define CTI_OF_RULES_CT_TUPLE_FIELDS(F) \
  F(ct_label, 0, 16, 128) \
  F(ct_ipv6_src, 16, 16, 128) \
  F(ct_ipv6_dst, 32, 16, 128) \
  F(ct_nw_src, 48, 4, 32) \
  F(ct_nw_dst, 52, 4, 32) \
  F(ct_tp_src, 56, 2, 16) \
  F(ct_tp_dst, 58, 2, 16) \
  F(ct_nw_proto, 60, 1, 8)

/* The fields of a half of arp: F(name, offset, bytes, bits that count). */
#define CTI_OF_RULES_ARP_FIELDS(F) \
  F(arp_sha, 0, 8, 48) \
  F(arp_tha, 8, 8, 48) \
  F(arp_spa, 16, 4, 32) \
  F(arp_tpa, 20, 4, 32) \
  F(arp_op, 24, 2, 16)

/* The fields of a half of encap: F(name, offset, bytes, bits that count). */
#define CTI_OF_RULES_ENCAP_FIELDS(F) \
  F(mpls_lse1, 4, 4, 32) \
  F(mpls_lse2, 8, 4, 32) \
  F(nsh_spi, 12, 4, 32) \
  F(nsh_c1, 16, 4, 32) \
  F(nsh_c2, 20, 4, 32) \
  F(nsh_c3, 24, 4, 32) \
  F(nsh_c4, 28, 4, 32) \
  F(vlan2_tci, 32, 2, 16) \
  F(nsh_flags, 34, 1, 8) \
  F(nsh_ttl, 35, 1, 8) \
  F(nsh_mdtype, 36, 1, 8) \
  F(nsh_np, 37, 1, 8) \
  F(nsh_si, 38, 1, 8)

/* The fields of a half of regs: F(name, offset, bytes, bits that count). */
#define CTI_OF_RULES_REGS_FIELDS(F) \
  F(xreg0, 0, 8, 64) \
  F(xreg1, 8, 8, 64) \
  F(xreg2, 16, 8, 64) \
  F(xreg3, 24, 8, 64) \
  F(xreg4, 32, 8, 64) \
  F(xreg5, 40, 8, 64) \
  F(xreg6, 48, 8, 64) \
  F(xreg7, 56, 8, 64) \
  F(xreg8, 64, 8, 64) \
  F(xreg9, 72, 8, 64) \
  F(xreg10, 80, 8, 64) \
  F(xreg11, 88, 8, 64) \
  F(xreg12, 96, 8, 64) \
  F(xreg13, 104, 8, 64) \
  F(xreg14, 112, 8, 64) \
  F(xreg15, 120, 8, 64)

/* Bits of of_rules.rows.known. */
enum cti_of_rules_known {
  CTI_OF_RULES_KNOWN_N_PACKETS = 1u << 0,
  CTI_OF_RULES_KNOWN_N_BYTES = 1u << 1,
  CTI_OF_RULES_KNOWN_N_OFFLOAD_PACKETS = 1u << 2,
  CTI_OF_RULES_KNOWN_N_OFFLOAD_BYTES = 1u << 3,
  CTI_OF_RULES_KNOWN_DURATION_MS = 1u << 4,
  CTI_OF_RULES_KNOWN_IDLE_AGE_MS = 1u << 5,
  CTI_OF_RULES_KNOWN_HARD_AGE_MS = 1u << 6,
  CTI_OF_RULES_KNOWN_FILE = 1u << 7,
  CTI_OF_RULES_KNOWN_TABLE_NAME = 1u << 8,
  CTI_OF_RULES_KNOWN_TABLE = 1u << 9,
};

/* Index of a segment in struct cti_table. */
enum cti_of_rules_segment {
  CTI_OF_RULES_SEGMENT_ROWS = 0,
  CTI_OF_RULES_SEGMENT_MATCH = 1,
  CTI_OF_RULES_SEGMENT_TUNNEL = 2,
  CTI_OF_RULES_SEGMENT_IPV6 = 3,
  CTI_OF_RULES_SEGMENT_CT_TUPLE = 4,
  CTI_OF_RULES_SEGMENT_ARP = 5,
  CTI_OF_RULES_SEGMENT_ENCAP = 6,
  CTI_OF_RULES_SEGMENT_REGS = 7,
  CTI_OF_RULES_SEGMENT_ACTION_LISTS = 8,
  CTI_OF_RULES_SEGMENT_PORTS = 9,
  CTI_OF_RULES_SEGMENT_DATAPATHS = 10,
  CTI_OF_RULES_SEGMENT_TEXTS = 11,
  CTI_OF_RULES_SEGMENT_BLOB = 12,
};

enum cti_of_rules_nw_frag {
  CTI_OF_RULES_NW_FRAG_NO = 0,
  CTI_OF_RULES_NW_FRAG_FIRST = 1,
  CTI_OF_RULES_NW_FRAG_LATER = 3,
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

#ifndef CTI_FLAGS_OF_TUN_FLAGS
#define CTI_FLAGS_OF_TUN_FLAGS
enum cti_of_tun_flags_flags {
  CTI_OF_TUN_FLAGS_DF = 0x1,
  CTI_OF_TUN_FLAGS_CSUM = 0x2,
  CTI_OF_TUN_FLAGS_KEY = 0x4,
  CTI_OF_TUN_FLAGS_OAM = 0x8,
};
#endif

#ifndef CTI_FLAGS_RULE_FLAGS
#define CTI_FLAGS_RULE_FLAGS
enum cti_rule_flags_flags {
  CTI_RULE_FLAGS_SEND_FLOW_REM = 0x1,
  CTI_RULE_FLAGS_CHECK_OVERLAP = 0x2,
  CTI_RULE_FLAGS_RESET_COUNTS = 0x4,
  CTI_RULE_FLAGS_NO_PACKET_COUNTS = 0x8,
  CTI_RULE_FLAGS_NO_BYTE_COUNTS = 0x10,
};
#endif

/* Bits of of_rules.action_lists.does. */
enum cti_of_rules_action {
  CTI_OF_RULES_ACTION_OUTPUT = 0,
  CTI_OF_RULES_ACTION_GROUP = 1,
  CTI_OF_RULES_ACTION_CONTROLLER = 2,
  CTI_OF_RULES_ACTION_ENQUEUE = 3,
  CTI_OF_RULES_ACTION_BUNDLE = 4,
  CTI_OF_RULES_ACTION_BUNDLE_LOAD = 5,
  CTI_OF_RULES_ACTION_SET_FIELD = 6,
  CTI_OF_RULES_ACTION_LOAD = 7,
  CTI_OF_RULES_ACTION_MOVE = 8,
  CTI_OF_RULES_ACTION_PUSH_VLAN = 9,
  CTI_OF_RULES_ACTION_POP_VLAN = 10,
  CTI_OF_RULES_ACTION_PUSH_MPLS = 11,
  CTI_OF_RULES_ACTION_POP_MPLS = 12,
  CTI_OF_RULES_ACTION_ENCAP = 13,
  CTI_OF_RULES_ACTION_DECAP = 14,
  CTI_OF_RULES_ACTION_DEC_TTL = 15,
  CTI_OF_RULES_ACTION_DEC_MPLS_TTL = 16,
  CTI_OF_RULES_ACTION_DEC_NSH_TTL = 17,
  CTI_OF_RULES_ACTION_SET_QUEUE = 18,
  CTI_OF_RULES_ACTION_POP_QUEUE = 19,
  CTI_OF_RULES_ACTION_PUSH = 20,
  CTI_OF_RULES_ACTION_POP = 21,
  CTI_OF_RULES_ACTION_MULTIPATH = 22,
  CTI_OF_RULES_ACTION_LEARN = 23,
  CTI_OF_RULES_ACTION_CONJUNCTION = 24,
  CTI_OF_RULES_ACTION_RESUBMIT = 25,
  CTI_OF_RULES_ACTION_CLONE = 26,
  CTI_OF_RULES_ACTION_CT = 27,
  CTI_OF_RULES_ACTION_CT_CLEAR = 28,
  CTI_OF_RULES_ACTION_CHECK_PKT_LARGER = 29,
  CTI_OF_RULES_ACTION_DELETE_FIELD = 30,
  CTI_OF_RULES_ACTION_EXIT = 31,
  CTI_OF_RULES_ACTION_FIN_TIMEOUT = 32,
  CTI_OF_RULES_ACTION_METER = 33,
  CTI_OF_RULES_ACTION_NOTE = 34,
  CTI_OF_RULES_ACTION_SAMPLE = 35,
  CTI_OF_RULES_ACTION_WRITE_ACTIONS = 36,
  CTI_OF_RULES_ACTION_CLEAR_ACTIONS = 37,
  CTI_OF_RULES_ACTION_WRITE_METADATA = 38,
  CTI_OF_RULES_ACTION_GOTO_TABLE = 39,
  CTI_OF_RULES_ACTION_DROP = 40,
  CTI_OF_RULES_ACTION_NAT = 41,
  CTI_OF_RULES_ACTION_SET_TUNNEL = 42,
  CTI_OF_RULES_ACTION_NORMAL = 43,
  CTI_OF_RULES_ACTION_FLOOD = 44,
  CTI_OF_RULES_ACTION_DEBUG_RECIRC = 45,
  CTI_OF_RULES_ACTION_DEBUG_SLOW = 46,
  CTI_OF_RULES_ACTION_UNROLL_XLATE = 47,
};

#endif
