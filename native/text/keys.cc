#include "text/keys.h"

namespace cti::text {
namespace {

using tables::DpFlow;

#define CTI_FIELD(name, kind, group, member, wire)                                                          \
  Field {                                                                                                   \
    name, Kind::kind, offsetof(DpFlow, group.key.member), offsetof(DpFlow, group.mask.member), wire \
  }

constexpr Field kPriority[] = {CTI_FIELD("", hex32, match, skb_priority, 0)};
constexpr Field kSkbMark[] = {CTI_FIELD("", hex32, match, pkt_mark, 0)};
constexpr Field kCtState[] = {CTI_FIELD("", ct_state, match, ct_state, 0)};
constexpr Field kCtZone[] = {CTI_FIELD("", hex16_host, match, ct_zone, 0)};
constexpr Field kCtMark[] = {CTI_FIELD("", hex32, match, ct_mark, 0)};
constexpr Field kCtLabel[] = {CTI_FIELD("", u128, ct_tuple, ct_label, 0)};
constexpr Field kCtTuple4[] = {
    CTI_FIELD("src", ipv4, ct_tuple, ct_nw_src, 0),     CTI_FIELD("dst", ipv4, ct_tuple, ct_nw_dst, 4),
    CTI_FIELD("proto", dec8, ct_tuple, ct_nw_proto, 12), CTI_FIELD("tp_src", dec16, ct_tuple, ct_tp_src, 8),
    CTI_FIELD("tp_dst", dec16, ct_tuple, ct_tp_dst, 10)};
constexpr Field kCtTuple6[] = {
    CTI_FIELD("src", ipv6, ct_tuple, ct_ipv6_src, 0),   CTI_FIELD("dst", ipv6, ct_tuple, ct_ipv6_dst, 16),
    CTI_FIELD("proto", dec8, ct_tuple, ct_nw_proto, 36), CTI_FIELD("src_port", dec16, ct_tuple, ct_tp_src, 32),
    CTI_FIELD("dst_port", dec16, ct_tuple, ct_tp_dst, 34)};
constexpr Field kRecircId[] = {CTI_FIELD("", hex32, match, recirc_id, 0)};
constexpr Field kDpHash[] = {CTI_FIELD("", hex32, match, dp_hash, 0)};
constexpr Field kEth[] = {CTI_FIELD("src", mac, match, eth_src, 0), CTI_FIELD("dst", mac, match, eth_dst, 6)};
constexpr Field kIpv4[] = {
    CTI_FIELD("src", ipv4, match, nw_src, 0),  CTI_FIELD("dst", ipv4, match, nw_dst, 4),
    CTI_FIELD("proto", dec8, match, nw_proto, 8), CTI_FIELD("tos", hex8, match, nw_tos, 9),
    CTI_FIELD("ttl", dec8, match, nw_ttl, 10),    CTI_FIELD("frag", frag, match, nw_frag, 11)};
constexpr Field kIpv6[] = {
    CTI_FIELD("src", ipv6, ipv6, ipv6_src, 0),     CTI_FIELD("dst", ipv6, ipv6, ipv6_dst, 16),
    CTI_FIELD("label", label, ipv6, ipv6_label, 32), CTI_FIELD("proto", dec8, match, nw_proto, 36),
    CTI_FIELD("tclass", hex8, match, nw_tos, 37),    CTI_FIELD("hlimit", dec8, match, nw_ttl, 38),
    CTI_FIELD("frag", frag, match, nw_frag, 39)};
constexpr Field kArp[] = {
    CTI_FIELD("sip", ipv4, arp, arp_spa, 0), CTI_FIELD("tip", ipv4, arp, arp_tpa, 4), CTI_FIELD("op", dec16, arp, arp_op, 8),
    CTI_FIELD("sha", mac, arp, arp_sha, 10), CTI_FIELD("tha", mac, arp, arp_tha, 16)};
constexpr Field kNsh[] = {
    CTI_FIELD("flags", nsh8, encap, nsh_flags, 0), CTI_FIELD("ttl", nsh8, encap, nsh_ttl, 1),
    CTI_FIELD("mdtype", nsh8, encap, nsh_mdtype, 2), CTI_FIELD("np", nsh8, encap, nsh_np, 3),
    CTI_FIELD("spi", nsh32, encap, nsh_spi, 4), CTI_FIELD("si", nsh8, encap, nsh_si, 7),
    CTI_FIELD("c1", nsh32, encap, nsh_c1, 8), CTI_FIELD("c2", nsh32, encap, nsh_c2, 12),
    CTI_FIELD("c3", nsh32, encap, nsh_c3, 16), CTI_FIELD("c4", nsh32, encap, nsh_c4, 20)};
constexpr Field kPorts[] = {CTI_FIELD("src", dec16, match, tp_src, 0), CTI_FIELD("dst", dec16, match, tp_dst, 2)};
constexpr Field kTcpFlags[] = {CTI_FIELD("", tcp_flags, match, tcp_flags, 0)};
constexpr Field kIcmp[] = {CTI_FIELD("type", dec8, match, icmp_type, 0), CTI_FIELD("code", dec8, match, icmp_code, 1)};
constexpr Field kNd[] = {CTI_FIELD("target", ipv6, ipv6, nd_target, 0), CTI_FIELD("sll", mac, ipv6, nd_sll, 16),
                         CTI_FIELD("tll", mac, ipv6, nd_tll, 22)};
constexpr Field kNdExt[] = {CTI_FIELD("nd_reserved", reserved32, ipv6, nd_reserved, 0),
                            CTI_FIELD("nd_options_type", dec8, ipv6, nd_options_type, 4)};
constexpr Field kTunnel[] = {
    CTI_FIELD("tun_id", hex64, tunnel, tun_id, 0),         CTI_FIELD("src", ipv4, tunnel, tun_src, 1),
    CTI_FIELD("dst", ipv4, tunnel, tun_dst, 2),            CTI_FIELD("ipv6_src", ipv6, tunnel, tun_ipv6_src, 12),
    CTI_FIELD("ipv6_dst", ipv6, tunnel, tun_ipv6_dst, 13), CTI_FIELD("tos", hex8, tunnel, tun_tos, 3),
    CTI_FIELD("ttl", dec8, tunnel, tun_ttl, 4),            CTI_FIELD("tp_src", dec16, tunnel, tun_tp_src, 9),
    CTI_FIELD("tp_dst", dec16, tunnel, tun_tp_dst, 10)};
constexpr Field kGbp[] = {CTI_FIELD("id", dec16, tunnel, tun_gbp_id, 0), CTI_FIELD("flags", hex8, tunnel, tun_gbp_flags, 2)};
constexpr Field kErspan[] = {CTI_FIELD("ver", dec8, tunnel, tun_erspan_ver, 0), CTI_FIELD("idx", hex32_network, tunnel, tun_erspan_idx, 4),
                             CTI_FIELD("dir", dec8, tunnel, tun_erspan_dir, 0), CTI_FIELD("hwid", hex8, tunnel, tun_erspan_hwid, 0)};
constexpr Field kGtpu[] = {CTI_FIELD("flags", hex8, tunnel, tun_gtpu_flags, 0), CTI_FIELD("msgtype", dec8, tunnel, tun_gtpu_msgtype, 1)};

constexpr Key kKeys[] = {
    {"skb_priority", kKeyPriority, Shape::single, 4, kPriority},
    {"tunnel", kKeyTunnel, Shape::special, 0, {}},
    {"skb_mark", kKeySkbMark, Shape::single, 4, kSkbMark},
    {"ct_state", kKeyCtState, Shape::single, 4, kCtState},
    {"ct_zone", kKeyCtZone, Shape::single, 2, kCtZone},
    {"ct_mark", kKeyCtMark, Shape::single, 4, kCtMark},
    {"ct_label", kKeyCtLabels, Shape::single, 16, kCtLabel},
    {"ct_tuple4", kKeyCtTuple4, Shape::fields, 13, kCtTuple4},
    {"ct_tuple6", kKeyCtTuple6, Shape::fields, 37, kCtTuple6},
    {"recirc_id", kKeyRecircId, Shape::single, 4, kRecircId},
    {"dp_hash", kKeyDpHash, Shape::single, 4, kDpHash},
    {"in_port", kKeyInPort, Shape::special, 0, {}},
    {"packet_type", kKeyPacketType, Shape::special, 0, {}},
    {"eth", kKeyEthernet, Shape::fields, 12, kEth},
    {"eth_type", kKeyEthertype, Shape::special, 0, {}},
    {"vlan", kKeyVlan, Shape::special, 0, {}},
    {"encap", kKeyEncap, Shape::special, 0, {}},
    {"ipv4", kKeyIpv4, Shape::fields, 12, kIpv4},
    {"ipv6", kKeyIpv6, Shape::fields, 40, kIpv6},
    {"key32", kKeyIpv6Exthdrs, Shape::special, 0, {}},
    {"arp", kKeyArp, Shape::fields, 24, kArp},
    {"mpls", kKeyMpls, Shape::special, 0, {}},
    {"nsh", kKeyNsh, Shape::fields, 24, kNsh},
    {"tcp", kKeyTcp, Shape::fields, 4, kPorts},
    {"udp", kKeyUdp, Shape::fields, 4, kPorts},
    {"sctp", kKeySctp, Shape::fields, 4, kPorts},
    {"icmp", kKeyIcmp, Shape::fields, 2, kIcmp},
    {"icmpv6", kKeyIcmpv6, Shape::fields, 2, kIcmp},
    {"tcp_flags", kKeyTcpFlags, Shape::single, 2, kTcpFlags},
    {"nd", kKeyNd, Shape::fields, 28, kNd},
    {"nd_ext", kKeyNdExtensions, Shape::fields, 8, kNdExt},
};
static_assert(kKeys[13].number == kKeyEthernet);
// recirc_id, dp_hash, skb_priority, tunnel, in_port, skb_mark, ct_*, packet_type
constexpr uint8_t kKernelOrder[] = {9, 10, 0, 1, 11, 2, 3, 4, 5, 6, 7, 8, 12};

struct ByNumber {
  uint8_t index[64];
  constexpr ByNumber() : index() {
    for (uint8_t& i : index) i = 0xff;
    for (size_t i = 0; i < std::size(kKeys); i++) index[kKeys[i].number] = static_cast<uint8_t>(i);
  }
};
constexpr ByNumber kByNumber;

}  // namespace

std::span<const Key> keys() { return kKeys; }
std::span<const uint8_t> kernel_order() { return kKernelOrder; }
std::span<const Field> tunnel_fields() { return kTunnel; }
std::span<const Field> gbp_fields() { return kGbp; }
std::span<const Field> erspan_fields() { return kErspan; }
std::span<const Field> gtpu_fields() { return kGtpu; }

const Key* find_key(unsigned number) {
  return number < 64 && kByNumber.index[number] != 0xff ? &kKeys[kByNumber.index[number]] : nullptr;
}

const Key* find_key(std::string_view name) {
  for (const Key& key : kKeys)
    if (key.name == name) return &key;
  return nullptr;
}

size_t kind_size(Kind kind) {
  switch (kind) {
    case Kind::dec8:
    case Kind::hex8:
    case Kind::frag:
    case Kind::nsh8:
      return 1;
    case Kind::dec16:
    case Kind::hex16:
    case Kind::hex16_host:
    case Kind::tcp_flags:
    case Kind::tun_flags:
      return 2;
    case Kind::hex64:
    case Kind::mac:
      return 8;
    case Kind::ipv6:
    case Kind::u128:
      return 16;
    default:
      return 4;
  }
}

}  // namespace cti::text
