#include "text/of_fields.h"

#include <cstddef>

#include "text/scan.h"

namespace cti::text {
namespace {

using Match = cti_of_rules_match_half;
using Tunnel = cti_of_rules_tunnel_half;
using Ipv6 = cti_of_rules_ipv6_half;
using CtTuple = cti_of_rules_ct_tuple_half;
using Arp = cti_of_rules_arp_half;
using Encap = cti_of_rules_encap_half;

// OF_FIELD(name, column, kind, segment, SEGMENT, member, width or 0 for the whole member, shift)
#define OF_FIELD(name, column, kind, segment, SEGMENT, member, width, shift)                                                     \
  {name, column, OfKind::kind, CTI_OF_RULES_SEGMENT_##SEGMENT, sizeof(cti_of_rules_##segment##_half::member),                    \
   width ? width : OfKind::kind == OfKind::mac ? 48 : 8 * sizeof(cti_of_rules_##segment##_half::member), shift,                  \
   offsetof(cti_of_rules_##segment##_half, member)}

constexpr OfField kFields[] = {
    OF_FIELD("in_port", "in_port", port, match, MATCH, in_port, 0, 0),
    OF_FIELD("in_port_oxm", "in_port", port, match, MATCH, in_port, 0, 0),
    OF_FIELD("actset_output", "actset_output", port, match, MATCH, actset_output, 0, 0),
    OF_FIELD("metadata", "metadata", number, match, MATCH, metadata, 0, 0),
    OF_FIELD("recirc_id", "recirc_id", number, match, MATCH, recirc_id, 0, 0),
    OF_FIELD("dp_hash", "dp_hash", number, match, MATCH, dp_hash, 0, 0),
    OF_FIELD("skb_priority", "skb_priority", number, match, MATCH, skb_priority, 0, 0),
    OF_FIELD("pkt_mark", "pkt_mark", number, match, MATCH, pkt_mark, 0, 0),
    OF_FIELD("ct_state", "ct_state", ct_state, match, MATCH, ct_state, 0, 0),
    OF_FIELD("ct_mark", "ct_mark", number, match, MATCH, ct_mark, 0, 0),
    OF_FIELD("conj_id", "conj_id", number, match, MATCH, conj_id, 0, 0),
    OF_FIELD("packet_type", "packet_type", packet_type, match, MATCH, packet_type, 0, 0),
    OF_FIELD("ct_zone", "ct_zone", number, match, MATCH, ct_zone, 0, 0),
    OF_FIELD("tcp_flags", "tcp_flags", tcp_flags, match, MATCH, tcp_flags, 0, 0),
    OF_FIELD("nw_proto", "nw_proto", number, match, MATCH, nw_proto, 0, 0),
    OF_FIELD("ip_proto", "nw_proto", number, match, MATCH, nw_proto, 0, 0),
    OF_FIELD("nw_ttl", "nw_ttl", number, match, MATCH, nw_ttl, 0, 0),
    OF_FIELD("ip_ttl", "nw_ttl", number, match, MATCH, nw_ttl, 0, 0),
    OF_FIELD("icmp_type", "icmp_type", number, match, MATCH, icmp_type, 0, 0),
    OF_FIELD("icmp_code", "icmp_code", number, match, MATCH, icmp_code, 0, 0),
    OF_FIELD("icmpv6_type", "icmp_type", number, match, MATCH, icmp_type, 0, 0),
    OF_FIELD("icmpv6_code", "icmp_code", number, match, MATCH, icmp_code, 0, 0),
    OF_FIELD("dl_src", "eth_src", mac, match, MATCH, eth_src, 0, 0),
    OF_FIELD("eth_src", "eth_src", mac, match, MATCH, eth_src, 0, 0),
    OF_FIELD("dl_dst", "eth_dst", mac, match, MATCH, eth_dst, 0, 0),
    OF_FIELD("eth_dst", "eth_dst", mac, match, MATCH, eth_dst, 0, 0),
    OF_FIELD("dl_type", "eth_type", number, match, MATCH, eth_type, 0, 0),
    OF_FIELD("eth_type", "eth_type", number, match, MATCH, eth_type, 0, 0),
    OF_FIELD("nw_src", "nw_src", ipv4, match, MATCH, nw_src, 0, 0),
    OF_FIELD("ip_src", "nw_src", ipv4, match, MATCH, nw_src, 0, 0),
    OF_FIELD("nw_dst", "nw_dst", ipv4, match, MATCH, nw_dst, 0, 0),
    OF_FIELD("ip_dst", "nw_dst", ipv4, match, MATCH, nw_dst, 0, 0),
    OF_FIELD("nw_frag", "nw_frag", frag, match, MATCH, nw_frag, 0, 0),
    OF_FIELD("ip_frag", "nw_frag", frag, match, MATCH, nw_frag, 0, 0),
    OF_FIELD("tp_src", "tp_src", number, match, MATCH, tp_src, 0, 0),
    OF_FIELD("tp_dst", "tp_dst", number, match, MATCH, tp_dst, 0, 0),
    OF_FIELD("vlan_tci", "vlan_tci", number, match, MATCH, vlan_tci, 0, 0),
    OF_FIELD("tcp_src", "tcp_src", number, match, MATCH, tp_src, 0, 0),
    OF_FIELD("tcp_dst", "tcp_dst", number, match, MATCH, tp_dst, 0, 0),
    OF_FIELD("udp_src", "udp_src", number, match, MATCH, tp_src, 0, 0),
    OF_FIELD("udp_dst", "udp_dst", number, match, MATCH, tp_dst, 0, 0),
    OF_FIELD("sctp_src", "sctp_src", number, match, MATCH, tp_src, 0, 0),
    OF_FIELD("sctp_dst", "sctp_dst", number, match, MATCH, tp_dst, 0, 0),
    OF_FIELD("vlan_vid", "vlan_vid", number, match, MATCH, vlan_tci, 13, 0),
    OF_FIELD("vlan_pcp", "vlan_pcp", number, match, MATCH, vlan_tci, 3, 13),
    OF_FIELD("nw_ecn", "nw_ecn", number, match, MATCH, nw_tos, 2, 0),
    OF_FIELD("ip_ecn", "nw_ecn", number, match, MATCH, nw_tos, 2, 0),
    OF_FIELD("ip_dscp", "nw_dscp", number, match, MATCH, nw_tos, 6, 2),
    OF_FIELD("nw_tos", "nw_tos", number, match, MATCH, nw_tos, 0, 0),
    OF_FIELD("tun_id", "tun_id", number, tunnel, TUNNEL, tun_id, 0, 0),
    OF_FIELD("tunnel_id", "tun_id", number, tunnel, TUNNEL, tun_id, 0, 0),
    OF_FIELD("tun_src", "tun_src", ipv4, tunnel, TUNNEL, tun_src, 0, 0),
    OF_FIELD("tun_dst", "tun_dst", ipv4, tunnel, TUNNEL, tun_dst, 0, 0),
    OF_FIELD("tun_ipv6_src", "tun_ipv6_src", ipv6, tunnel, TUNNEL, tun_ipv6_src, 0, 0),
    OF_FIELD("tun_ipv6_dst", "tun_ipv6_dst", ipv6, tunnel, TUNNEL, tun_ipv6_dst, 0, 0),
    OF_FIELD("tun_flags", "tun_flags", tun_flags, tunnel, TUNNEL, tun_flags, 0, 0),
    OF_FIELD("tun_gbp_id", "tun_gbp_id", number, tunnel, TUNNEL, tun_gbp_id, 0, 0),
    OF_FIELD("tun_gbp_flags", "tun_gbp_flags", number, tunnel, TUNNEL, tun_gbp_flags, 0, 0),
    OF_FIELD("tun_tos", "tun_tos", number, tunnel, TUNNEL, tun_tos, 0, 0),
    OF_FIELD("tun_ttl", "tun_ttl", number, tunnel, TUNNEL, tun_ttl, 0, 0),
    OF_FIELD("tun_erspan_ver", "tun_erspan_ver", number, tunnel, TUNNEL, tun_erspan_ver, 0, 0),
    OF_FIELD("tun_erspan_idx", "tun_erspan_idx", number, tunnel, TUNNEL, tun_erspan_idx, 0, 0),
    OF_FIELD("tun_erspan_dir", "tun_erspan_dir", number, tunnel, TUNNEL, tun_erspan_dir, 0, 0),
    OF_FIELD("tun_erspan_hwid", "tun_erspan_hwid", number, tunnel, TUNNEL, tun_erspan_hwid, 0, 0),
    OF_FIELD("gtpu_flags", "tun_gtpu_flags", number, tunnel, TUNNEL, tun_gtpu_flags, 0, 0),
    OF_FIELD("tun_gtpu_flags", "tun_gtpu_flags", number, tunnel, TUNNEL, tun_gtpu_flags, 0, 0),
    OF_FIELD("gtpu_msgtype", "tun_gtpu_msgtype", number, tunnel, TUNNEL, tun_gtpu_msgtype, 0, 0),
    OF_FIELD("tun_gtpu_msgtype", "tun_gtpu_msgtype", number, tunnel, TUNNEL, tun_gtpu_msgtype, 0, 0),
    OF_FIELD("ipv6_src", "ipv6_src", ipv6, ipv6, IPV6, ipv6_src, 0, 0),
    OF_FIELD("ipv6_dst", "ipv6_dst", ipv6, ipv6, IPV6, ipv6_dst, 0, 0),
    OF_FIELD("nd_target", "nd_target", ipv6, ipv6, IPV6, nd_target, 0, 0),
    OF_FIELD("nd_sll", "nd_sll", mac, ipv6, IPV6, nd_sll, 0, 0),
    OF_FIELD("nd_tll", "nd_tll", mac, ipv6, IPV6, nd_tll, 0, 0),
    OF_FIELD("ipv6_label", "ipv6_label", number, ipv6, IPV6, ipv6_label, 20, 0),
    OF_FIELD("nd_reserved", "nd_reserved", number, ipv6, IPV6, nd_reserved, 0, 0),
    OF_FIELD("nd_options_type", "nd_options_type", number, ipv6, IPV6, nd_options_type, 0, 0),
    OF_FIELD("ct_label", "ct_label", wide, ct_tuple, CT_TUPLE, ct_label, 0, 0),
    OF_FIELD("ct_ipv6_src", "ct_ipv6_src", ipv6, ct_tuple, CT_TUPLE, ct_ipv6_src, 0, 0),
    OF_FIELD("ct_ipv6_dst", "ct_ipv6_dst", ipv6, ct_tuple, CT_TUPLE, ct_ipv6_dst, 0, 0),
    OF_FIELD("ct_nw_src", "ct_nw_src", ipv4, ct_tuple, CT_TUPLE, ct_nw_src, 0, 0),
    OF_FIELD("ct_nw_dst", "ct_nw_dst", ipv4, ct_tuple, CT_TUPLE, ct_nw_dst, 0, 0),
    OF_FIELD("ct_tp_src", "ct_tp_src", number, ct_tuple, CT_TUPLE, ct_tp_src, 0, 0),
    OF_FIELD("ct_tp_dst", "ct_tp_dst", number, ct_tuple, CT_TUPLE, ct_tp_dst, 0, 0),
    OF_FIELD("ct_nw_proto", "ct_nw_proto", number, ct_tuple, CT_TUPLE, ct_nw_proto, 0, 0),
    OF_FIELD("arp_sha", "arp_sha", mac, arp, ARP, arp_sha, 0, 0),
    OF_FIELD("arp_tha", "arp_tha", mac, arp, ARP, arp_tha, 0, 0),
    OF_FIELD("arp_spa", "arp_spa", ipv4, arp, ARP, arp_spa, 0, 0),
    OF_FIELD("arp_tpa", "arp_tpa", ipv4, arp, ARP, arp_tpa, 0, 0),
    OF_FIELD("arp_op", "arp_op", number, arp, ARP, arp_op, 0, 0),
    OF_FIELD("mpls_label", "mpls_label", number, encap, ENCAP, mpls_lse0, 20, 12),
    OF_FIELD("mpls_tc", "mpls_tc", number, encap, ENCAP, mpls_lse0, 3, 9),
    OF_FIELD("mpls_bos", "mpls_bos", number, encap, ENCAP, mpls_lse0, 1, 8),
    OF_FIELD("mpls_ttl", "mpls_ttl", number, encap, ENCAP, mpls_lse0, 8, 0),
    OF_FIELD("mpls_lse1", "mpls_lse1", number, encap, ENCAP, mpls_lse1, 0, 0),
    OF_FIELD("mpls_lse2", "mpls_lse2", number, encap, ENCAP, mpls_lse2, 0, 0),
    OF_FIELD("nsh_flags", "nsh_flags", number, encap, ENCAP, nsh_flags, 0, 0),
    OF_FIELD("nsh_ttl", "nsh_ttl", number, encap, ENCAP, nsh_ttl, 0, 0),
    OF_FIELD("nsh_mdtype", "nsh_mdtype", number, encap, ENCAP, nsh_mdtype, 0, 0),
    OF_FIELD("nsh_np", "nsh_np", number, encap, ENCAP, nsh_np, 0, 0),
    OF_FIELD("nsh_spi", "nsh_spi", number, encap, ENCAP, nsh_spi, 24, 0),
    OF_FIELD("nsh_si", "nsh_si", number, encap, ENCAP, nsh_si, 0, 0),
    OF_FIELD("nsh_c1", "nsh_c1", number, encap, ENCAP, nsh_c1, 0, 0),
    OF_FIELD("nsh_c2", "nsh_c2", number, encap, ENCAP, nsh_c2, 0, 0),
    OF_FIELD("nsh_c3", "nsh_c3", number, encap, ENCAP, nsh_c3, 0, 0),
    OF_FIELD("nsh_c4", "nsh_c4", number, encap, ENCAP, nsh_c4, 0, 0),
    OF_FIELD("vlan_tci1", "vlan2_tci", number, encap, ENCAP, vlan2_tci, 0, 0),
};
#undef OF_FIELD

struct NxmName {
  std::string_view name, column;
};

// Names of NXM and OXM, as actions print a field.
constexpr NxmName kNxm[] = {
    {"NXM_OF_ETH_SRC", "eth_src"},
    {"OXM_OF_ETH_SRC", "eth_src"},
    {"NXM_OF_ETH_DST", "eth_dst"},
    {"OXM_OF_ETH_DST", "eth_dst"},
    {"NXM_OF_ETH_TYPE", "eth_type"},
    {"OXM_OF_ETH_TYPE", "eth_type"},
    {"NXM_OF_VLAN_TCI", "vlan_tci"},
    {"OXM_OF_VLAN_VID", "vlan_vid"},
    {"OXM_OF_VLAN_PCP", "vlan_pcp"},
    {"NXM_OF_IP_SRC", "nw_src"},
    {"OXM_OF_IPV4_SRC", "nw_src"},
    {"NXM_OF_IP_DST", "nw_dst"},
    {"OXM_OF_IPV4_DST", "nw_dst"},
    {"NXM_OF_IP_PROTO", "nw_proto"},
    {"OXM_OF_IP_PROTO", "nw_proto"},
    {"NXM_OF_IP_TOS", "nw_tos"},
    {"OXM_OF_IP_DSCP", "nw_dscp"},
    {"NXM_NX_IP_ECN", "nw_ecn"},
    {"OXM_OF_IP_ECN", "nw_ecn"},
    {"NXM_NX_IP_TTL", "nw_ttl"},
    {"NXM_NX_IP_FRAG", "nw_frag"},
    {"NXM_OF_TCP_SRC", "tcp_src"},
    {"OXM_OF_TCP_SRC", "tcp_src"},
    {"NXM_OF_TCP_DST", "tcp_dst"},
    {"OXM_OF_TCP_DST", "tcp_dst"},
    {"NXM_NX_TCP_FLAGS", "tcp_flags"},
    {"ONFOXM_ET_TCP_FLAGS", "tcp_flags"},
    {"OXM_OF_TCP_FLAGS", "tcp_flags"},
    {"NXM_OF_UDP_SRC", "udp_src"},
    {"OXM_OF_UDP_SRC", "udp_src"},
    {"NXM_OF_UDP_DST", "udp_dst"},
    {"OXM_OF_UDP_DST", "udp_dst"},
    {"OXM_OF_SCTP_SRC", "sctp_src"},
    {"OXM_OF_SCTP_DST", "sctp_dst"},
    {"NXM_OF_ICMP_TYPE", "icmp_type"},
    {"OXM_OF_ICMPV4_TYPE", "icmp_type"},
    {"NXM_NX_ICMPV6_TYPE", "icmp_type"},
    {"OXM_OF_ICMPV6_TYPE", "icmp_type"},
    {"NXM_OF_ICMP_CODE", "icmp_code"},
    {"OXM_OF_ICMPV4_CODE", "icmp_code"},
    {"NXM_NX_ICMPV6_CODE", "icmp_code"},
    {"OXM_OF_ICMPV6_CODE", "icmp_code"},
    {"NXM_OF_ARP_OP", "arp_op"},
    {"OXM_OF_ARP_OP", "arp_op"},
    {"NXM_OF_ARP_SPA", "arp_spa"},
    {"OXM_OF_ARP_SPA", "arp_spa"},
    {"NXM_OF_ARP_TPA", "arp_tpa"},
    {"OXM_OF_ARP_TPA", "arp_tpa"},
    {"NXM_NX_ARP_SHA", "arp_sha"},
    {"OXM_OF_ARP_SHA", "arp_sha"},
    {"NXM_NX_ARP_THA", "arp_tha"},
    {"OXM_OF_ARP_THA", "arp_tha"},
    {"NXM_NX_IPV6_SRC", "ipv6_src"},
    {"OXM_OF_IPV6_SRC", "ipv6_src"},
    {"NXM_NX_IPV6_DST", "ipv6_dst"},
    {"OXM_OF_IPV6_DST", "ipv6_dst"},
    {"NXM_NX_IPV6_LABEL", "ipv6_label"},
    {"OXM_OF_IPV6_FLABEL", "ipv6_label"},
    {"NXM_NX_ND_TARGET", "nd_target"},
    {"OXM_OF_IPV6_ND_TARGET", "nd_target"},
    {"NXM_NX_ND_SLL", "nd_sll"},
    {"OXM_OF_IPV6_ND_SLL", "nd_sll"},
    {"NXM_NX_ND_TLL", "nd_tll"},
    {"OXM_OF_IPV6_ND_TLL", "nd_tll"},
    {"ERICOXM_OF_ICMPV6_ND_RESERVED", "nd_reserved"},
    {"ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE", "nd_options_type"},
    {"OXM_OF_MPLS_LABEL", "mpls_label"},
    {"OXM_OF_MPLS_TC", "mpls_tc"},
    {"OXM_OF_MPLS_BOS", "mpls_bos"},
    {"NXM_NX_MPLS_TTL", "mpls_ttl"},
    {"NXM_OF_IN_PORT", "in_port"},
    {"OXM_OF_IN_PORT", "in_port"},
    {"ONFOXM_ET_ACTSET_OUTPUT", "actset_output"},
    {"OXM_OF_ACTSET_OUTPUT", "actset_output"},
    {"OXM_OF_METADATA", "metadata"},
    {"NXM_NX_PKT_MARK", "pkt_mark"},
    {"NXM_NX_SKB_PRIORITY", "skb_priority"},
    {"NXM_NX_DP_HASH", "dp_hash"},
    {"NXM_NX_RECIRC_ID", "recirc_id"},
    {"NXM_NX_CONJ_ID", "conj_id"},
    {"OXM_OF_PACKET_TYPE", "packet_type"},
    {"NXM_NX_CT_STATE", "ct_state"},
    {"NXM_NX_CT_ZONE", "ct_zone"},
    {"NXM_NX_CT_MARK", "ct_mark"},
    {"NXM_NX_CT_LABEL", "ct_label"},
    {"NXM_NX_CT_NW_SRC", "ct_nw_src"},
    {"NXM_NX_CT_NW_DST", "ct_nw_dst"},
    {"NXM_NX_CT_IPV6_SRC", "ct_ipv6_src"},
    {"NXM_NX_CT_IPV6_DST", "ct_ipv6_dst"},
    {"NXM_NX_CT_NW_PROTO", "ct_nw_proto"},
    {"NXM_NX_CT_TP_SRC", "ct_tp_src"},
    {"NXM_NX_CT_TP_DST", "ct_tp_dst"},
    {"NXM_NX_TUN_ID", "tun_id"},
    {"OXM_OF_TUNNEL_ID", "tun_id"},
    {"NXM_NX_TUN_IPV4_SRC", "tun_src"},
    {"NXM_NX_TUN_IPV4_DST", "tun_dst"},
    {"NXM_NX_TUN_IPV6_SRC", "tun_ipv6_src"},
    {"NXM_NX_TUN_IPV6_DST", "tun_ipv6_dst"},
    {"NXM_NX_TUN_FLAGS", "tun_flags"},
    {"NXM_NX_TUN_GBP_ID", "tun_gbp_id"},
    {"NXM_NX_TUN_GBP_FLAGS", "tun_gbp_flags"},
    {"NXM_NX_TUN_ERSPAN_IDX", "tun_erspan_idx"},
    {"NXOXM_ET_ERSPAN_IDX", "tun_erspan_idx"},
    {"NXM_NX_TUN_ERSPAN_VER", "tun_erspan_ver"},
    {"NXOXM_ET_ERSPAN_VER", "tun_erspan_ver"},
    {"NXM_NX_TUN_ERSPAN_DIR", "tun_erspan_dir"},
    {"NXOXM_ET_ERSPAN_DIR", "tun_erspan_dir"},
    {"NXM_NX_TUN_ERSPAN_HWID", "tun_erspan_hwid"},
    {"NXOXM_ET_ERSPAN_HWID", "tun_erspan_hwid"},
    {"NXOXM_ET_GTPU_FLAGS", "tun_gtpu_flags"},
    {"NXOXM_ET_GTPU_MSGTYPE", "tun_gtpu_msgtype"},
    {"NXOXM_NSH_FLAGS", "nsh_flags"},
    {"NXOXM_NSH_TTL", "nsh_ttl"},
    {"NXOXM_NSH_MDTYPE", "nsh_mdtype"},
    {"NXOXM_NSH_NP", "nsh_np"},
    {"NXOXM_NSH_SPI", "nsh_spi"},
    {"NXOXM_NSH_SI", "nsh_si"},
    {"NXOXM_NSH_C1", "nsh_c1"},
    {"NXOXM_NSH_C2", "nsh_c2"},
    {"NXOXM_NSH_C3", "nsh_c3"},
    {"NXOXM_NSH_C4", "nsh_c4"},
};

// What else of a row's columns is changed with one; those of a header that several protocols have in one place, both ways.
constexpr NxmName kWith[] = {
    {"tcp_src", "tp_src"}, {"udp_src", "tp_src"}, {"sctp_src", "tp_src"}, {"tcp_dst", "tp_dst"}, {"udp_dst", "tp_dst"}, {"sctp_dst", "tp_dst"}, {"vlan_vid", "vlan_tci"},
    {"vlan_pcp", "vlan_tci"}, {"vlan_tci", "vlan_vid"}, {"vlan_tci", "vlan_pcp"}, {"nw_dscp", "nw_tos"}, {"nw_ecn", "nw_tos"}, {"tp_src", "tcp_src"}, {"tp_src", "udp_src"},
    {"tp_src", "sctp_src"}, {"tp_dst", "tcp_dst"}, {"tp_dst", "udp_dst"}, {"tp_dst", "sctp_dst"}, {"icmp_type", "icmpv6_type"}, {"icmp_code", "icmpv6_code"},
};

// The columns of registers, as text that stays.
constexpr std::string_view kRegs[] = {"reg0", "reg1", "reg2", "reg3", "reg4", "reg5", "reg6", "reg7", "reg8", "reg9", "reg10", "reg11", "reg12", "reg13", "reg14", "reg15",
                                      "reg16", "reg17", "reg18", "reg19", "reg20", "reg21", "reg22", "reg23", "reg24", "reg25", "reg26", "reg27", "reg28", "reg29", "reg30", "reg31"};
constexpr std::string_view kXregs[] = {"xreg0", "xreg1", "xreg2", "xreg3", "xreg4", "xreg5", "xreg6", "xreg7", "xreg8", "xreg9", "xreg10", "xreg11", "xreg12", "xreg13", "xreg14", "xreg15"};
constexpr std::string_view kXxregs[] = {"xxreg0", "xxreg1", "xxreg2", "xxreg3", "xxreg4", "xxreg5", "xxreg6", "xxreg7"};
constexpr std::string_view kMetadata = "tun_metadata";
static_assert(offsetof(cti_of_rules_regs_half, xreg15) == 15 * 8);

// PREFIX and a decimal number below 'end'.
bool numbered(std::string_view name, std::string_view prefix, uint64_t end, uint64_t& number) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  if (name.empty() || name.size() > 2 || (name.size() > 1 && name[0] == '0')) return false;
  Cursor c(name);
  return c.number(number, end - 1) && c.done();
}

constexpr std::string_view kAnyMetadata = "tun_metadata";

}  // namespace

bool find_of_field(std::string_view name, OfField& field) {
  uint64_t n;
  // A register is half of an xreg, the even one the high half.
  if (numbered(name, "reg", 32, n)) {
    field = {kRegs[n], kRegs[n], OfKind::number, CTI_OF_RULES_SEGMENT_REGS, 8, 32, static_cast<uint8_t>(n % 2 ? 0 : 32), static_cast<uint16_t>(n / 2 * 8)};
    return true;
  }
  if (numbered(name, "xreg", 16, n)) {
    field = {kXregs[n], kXregs[n], OfKind::number, CTI_OF_RULES_SEGMENT_REGS, 8, 64, 0, static_cast<uint16_t>(n * 8)};
    return true;
  }
  if (numbered(name, kMetadata, 64, n)) {
    field = {kAnyMetadata, kAnyMetadata, OfKind::text, 0, 0, 0, 0, 0};
    return true;
  }
  if (numbered(name, "xxreg", 8, n)) {
    field = {kXxregs[n], kXxregs[n], OfKind::wide, 0, 0, 0, 0, 0};  // four registers: only actions name it
    return true;
  }
  for (const OfField& candidate : kFields) {
    if (candidate.name != name) continue;
    field = candidate;
    return true;
  }
  return false;
}

std::string_view of_column(std::string_view name) {
  uint64_t n;
  if (numbered(name, "NXM_NX_REG", 32, n)) return kRegs[n];
  if (numbered(name, "OXM_OF_PKT_REG", 16, n)) return kXregs[n];
  if (numbered(name, "NXM_NX_XXREG", 8, n)) return kXxregs[n];
  if (numbered(name, "NXM_NX_TUN_METADATA", 64, n)) return kAnyMetadata;
  for (const NxmName& candidate : kNxm)
    if (candidate.name == name) return candidate.column;
  OfField field;
  return find_of_field(name, field) ? field.column : std::string_view();
}

void add_set_columns(std::string_view column, std::string& sets) {
  const auto add = [&](std::string_view name) {
    std::string with;
    with.append(",").append(name).append(",");
    if (sets.find(with) == std::string::npos) sets.append(sets.empty() ? with : with.substr(1));
  };
  add(column);
  for (const NxmName& pair : kWith)
    if (pair.name == column) add(pair.column);
  uint64_t n;
  if (numbered(column, "reg", 32, n)) add(kXregs[n / 2]);
  if (numbered(column, "xreg", 16, n)) add(kRegs[2 * n]), add(kRegs[2 * n + 1]);
  if (numbered(column, "xxreg", 8, n))
    for (uint64_t i = 0; i < 4; i++) add(kRegs[4 * n + i]), add(kXregs[2 * n + i / 2]);
}

}  // namespace cti::text
