#include "ovs/flow_decode.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "text/keys.h"
#include "text/tunnel_key.h"

namespace cti::ovs {
namespace {

using namespace text;

constexpr uint16_t kEthTypeMin = 0x600, kIp = 0x0800, kArpType = 0x0806, kRarp = 0x8035, kIp6 = 0x86dd, kNshType = 0x894f;
constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmp6 = 58, kSctp = 132;
constexpr uint8_t kFragAny = 1, kFragLater = 2;  // FLOW_NW_FRAG_*
enum TunnelFlag : uint16_t { kOam = 1, kDontFragment = 2, kCsum = 4, kKey = 8, kRawOptions = 16 };  // FLOW_TNL_F_*, the last F_UDPIF

bool is_vlan(uint16_t type) { return type == 0x8100 || type == 0x88a8; }
bool is_mpls(uint16_t type) { return type == 0x8847 || type == 0x8848; }

uint16_t be16(const uint8_t* at) { return swap16(load<uint16_t>(at)); }
uint32_t be32(const uint8_t* at) { return swap32(load<uint32_t>(at)); }
uint64_t mac(const uint8_t* at) { return static_cast<uint64_t>(be16(at)) << 32 | be32(at + 2); }

bool is_zero(const uint8_t* at, size_t size) {
  uint64_t any = 0;
  for (; size >= 8; at += 8, size -= 8) any |= load<uint64_t>(at);
  for (; size > 0; at++, size--) any |= *at;
  return any == 0;
}

bool is_ones(const uint8_t* at, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (at[i] != 0xff) return false;
  return true;
}

void copy16(const uint8_t* at, cti_be128& to) { std::memcpy(&to, at, 16); }

// An ovs_u128 in host order (low half first) into wire order.
void host128(const uint8_t* at, cti_be128& to) {
  to.word[0] = swap64(load<uint64_t>(at + 8));
  to.word[1] = swap64(load<uint64_t>(at));
}

// The datapath's own numbering of fragments (enum ovs_frag_type), and of its mask, which is all or nothing.
uint8_t frag_of(uint8_t flow_frag, bool is_mask) {
  if (is_mask) return flow_frag & kFragAny ? 0xff : 0;
  return !(flow_frag & kFragAny) ? 0 : flow_frag & kFragLater ? 2 : 1;
}

// OVS writes an ARP operation's exact mask, which the flow has 8 bits of, as 16.
uint16_t arp_op_of(uint8_t nw_proto) { return nw_proto == 0xff ? 0xffff : nw_proto; }

// Options as they are on the wire, without the reserved bits beside the length.
void copy_geneve(const uint8_t* key, const uint8_t* mask, size_t size, FlowExtras& extras) {
  for (size_t at = 0; at + 4 <= size;) {
    const size_t data = 4u * (key[at + 3] & 0x1f);
    if (data > size - at - 4) break;
    extras.geneve_key.insert(extras.geneve_key.end(), key + at, key + at + 4 + data);
    extras.geneve_mask.insert(extras.geneve_mask.end(), mask + at, mask + at + 4 + data);
    extras.geneve_key[at + 3] &= 0x1f;
    extras.geneve_mask[at + 3] &= 0x1f;
    at += 4 + data;
  }
}

template <typename T>
bool any(const T& record) {
  return !is_zero(reinterpret_cast<const uint8_t*>(&record), sizeof record);
}

}  // namespace

// As the switch counts them: up to the bottom of the stack; where the masked key shows none, those that are not all zero.
uint8_t FlowDecoder::mpls_entries(const uint8_t* flow) const {
  uint8_t n = 0;
  for (uint8_t i = 0; i < 3; i++) {
    const uint32_t entry = be32(flow + l_.flow_mpls_lse.offset + 4 * i);
    if (entry & 0x100) return i + 1;
    n += entry != 0;
  }
  return n;
}

FlowDecoder::Shape FlowDecoder::shape_of(const uint8_t* flow, const uint8_t* mask) const {
  Shape s;
  s.attrs = key_bit(kKeyPriority) | key_bit(kKeySkbMark) | key_bit(kKeyCtState) | key_bit(kKeyCtZone) | key_bit(kKeyCtMark) |
            key_bit(kKeyCtLabels) | key_bit(kKeyRecircId) | key_bit(kKeyDpHash) | key_bit(kKeyPacketType);
  if (load<uint32_t>(flow + l_.flow_in_port.offset) != UINT32_MAX) s.attrs |= key_bit(kKeyInPort);
  const uint8_t* tunnel = flow + l_.flow_tunnel.offset;
  if (!is_zero(tunnel + l_.flow_tnl_ip_dst.offset, 4) || !is_zero(tunnel + l_.flow_tnl_ip_src.offset, 4) ||
      !is_zero(tunnel + l_.flow_tnl_ipv6_dst.offset, 16) || !is_zero(tunnel + l_.flow_tnl_ipv6_src.offset, 16))
    s.attrs |= key_bit(kKeyTunnel);
  const uint16_t type = be16(flow + l_.flow_dl_type.offset);
  const uint8_t proto = flow[l_.flow_nw_proto.offset];
  if (flow[l_.flow_ct_nw_proto.offset]) {
    s.ct_tuple4 = type == kIp;
    s.ct_tuple6 = type == kIp6;
    if (s.ct_tuple4) s.attrs |= key_bit(kKeyCtTuple4);
    if (s.ct_tuple6) s.attrs |= key_bit(kKeyCtTuple6);
  }
  if (load<uint32_t>(flow + l_.flow_packet_type.offset) == 0) {
    s.attrs |= key_bit(kKeyEthernet);
    for (int i = 0; i < 2; i++) {
      if (be16(flow + l_.flow_vlans.offset + 4 * i + 2) == 0) {
        // A packet with more tags than other_config:vlan-limit allows has the next one's TPID as its type. The limit is not at hand; its default is
        // 1, so with no tag or one that was read, the type is printed as a type.
        break;
      }
      s.n_vlans++;
    }
    if (s.n_vlans >= 1) s.attrs |= key_bit(kKeyVlan) | key_bit(kKeyEncap) | kTpidGiven;
    if (s.n_vlans >= 2) s.attrs |= kVlan2Given | kEncap2Given | kTpid2Given;
  }
  s.attrs |= key_bit(kKeyEthertype);
  if (type < kEthTypeMin) {
    s.attrs |= kNoEthertype;
    return s;
  }
  s.eth_type = type;
  if (is_vlan(type)) return s;
  if (type == kIp || type == kIp6) {
    s.ip = true;
    s.ipv6 = type == kIp6;
    s.attrs |= key_bit(s.ipv6 ? kKeyIpv6 : kKeyIpv4);
  } else if (type == kArpType || type == kRarp) {
    s.arp = true;
    s.attrs |= key_bit(kKeyArp);
  } else if (is_mpls(type)) {
    s.n_mpls = mpls_entries(flow);
    s.mpls = s.n_mpls > 0;
    if (s.mpls) s.attrs |= key_bit(kKeyMpls);
    s.mpls_is_empty = !s.mpls;
  } else if (type == kNshType) {
    s.nsh = true;
    s.attrs |= key_bit(kKeyNsh);
  }
  if (!s.ip || flow[l_.flow_nw_frag.offset] & kFragLater) return s;
  if (proto == kTcp || proto == kUdp || proto == kSctp) {
    s.ports = true;
    s.attrs |= key_bit(proto == kTcp ? kKeyTcp : proto == kUdp ? kKeyUdp : kKeySctp);
    if (proto == kTcp && (!is_zero(flow + l_.flow_tcp_flags.offset, 2) || !is_zero(mask + l_.flow_tcp_flags.offset, 2))) {
      s.tcp_flags = true;
      s.attrs |= key_bit(kKeyTcpFlags);
    }
  } else if (proto == (s.ipv6 ? kIcmp6 : kIcmp)) {
    s.icmp = true;
    s.attrs |= key_bit(s.ipv6 ? kKeyIcmpv6 : kKeyIcmp);
    const uint16_t icmp_type = be16(flow + l_.flow_tp_src.offset);
    if (s.ipv6 && be16(flow + l_.flow_tp_dst.offset) == 0 && (icmp_type == 135 || icmp_type == 136)) {
      s.nd = true;
      s.attrs |= key_bit(kKeyNd);
    }
  }
  return s;
}

template <typename Half>
void FlowDecoder::match_half(const uint8_t* f, bool is_mask, const Shape& s, Half& half) const {
  half.skb_priority = load<uint32_t>(f + l_.flow_skb_priority.offset);
  half.pkt_mark = load<uint32_t>(f + l_.flow_pkt_mark.offset);
  half.ct_state = f[l_.flow_ct_state.offset];
  half.ct_zone = load<uint16_t>(f + l_.flow_ct_zone.offset);
  half.ct_mark = load<uint32_t>(f + l_.flow_ct_mark.offset);
  half.recirc_id = load<uint32_t>(f + l_.flow_recirc_id.offset);
  half.dp_hash = load<uint32_t>(f + l_.flow_dp_hash.offset);
  half.in_port = load<uint32_t>(f + l_.flow_in_port.offset);
  half.packet_type = be32(f + l_.flow_packet_type.offset);
  if (s.attrs & key_bit(kKeyEthernet)) {
    half.eth_src = mac(f + l_.flow_dl_src.offset);
    half.eth_dst = mac(f + l_.flow_dl_dst.offset);
    if (s.n_vlans > 0) {
      half.vlan_tci = be16(f + l_.flow_vlans.offset + 2);
      half.vlan_tpid = is_mask ? 0xffff : be16(f + l_.flow_vlans.offset);
    }
  }
  // What is printed without vlan(...) matches packets without a tag (text/match.cc reads it so): the datapath makes the mask exact.
  if (s.n_vlans == 0 && is_mask) half.vlan_tci = 0xffff;
  half.eth_type = s.eth_type ? be16(f + l_.flow_dl_type.offset) : is_mask ? 0xffff : 0;
  if (s.ip) {
    if (!s.ipv6) {
      half.nw_src = be32(f + l_.flow_nw_src.offset);
      half.nw_dst = be32(f + l_.flow_nw_dst.offset);
    }
    half.nw_proto = f[l_.flow_nw_proto.offset];
    half.nw_tos = f[l_.flow_nw_tos.offset];
    half.nw_ttl = f[l_.flow_nw_ttl.offset];
    half.nw_frag = frag_of(f[l_.flow_nw_frag.offset], is_mask);
  }
  if (s.ports) {
    half.tp_src = be16(f + l_.flow_tp_src.offset);
    half.tp_dst = be16(f + l_.flow_tp_dst.offset);
    if (s.tcp_flags) half.tcp_flags = be16(f + l_.flow_tcp_flags.offset);
  }
  if (s.icmp) {
    half.icmp_type = static_cast<uint8_t>(be16(f + l_.flow_tp_src.offset));
    half.icmp_code = static_cast<uint8_t>(be16(f + l_.flow_tp_dst.offset));
  }
}

void FlowDecoder::tunnel(const uint8_t* flow, const uint8_t* mask, FlowExtras& extras) const {
  auto& t = extras.tunnel;
  t = {};
  extras.geneve_key.clear();
  extras.geneve_mask.clear();
  extras.parts |= FlowExtras::kTunnel;
  const uint8_t* k = flow + l_.flow_tunnel.offset;
  const uint8_t* m = mask + l_.flow_tunnel.offset;
  const uint16_t flags = load<uint16_t>(k + l_.flow_tnl_flags.offset), mask_flags = load<uint16_t>(m + l_.flow_tnl_flags.offset);
  uint32_t& given = t.key.tun_attrs;
  uint32_t& masked = t.mask.tun_attrs;
  // An attribute is given if its key is not zero (the id: or the key flag is set); its mask goes with it.
  auto has = [&](TunnelNumber number, const Member& member) {
    if (is_zero(k + member.offset, member.size)) return false;
    given |= 1u << number;
    if (!is_ones(m + member.offset, member.size)) masked |= 1u << number;
    return true;
  };
  if (!is_zero(k + l_.flow_tnl_tun_id.offset, 8) || flags & kKey) {
    given |= 1u << kTunId;
    t.key.tun_id = swap64(load<uint64_t>(k + l_.flow_tnl_tun_id.offset));
    t.mask.tun_id = swap64(load<uint64_t>(m + l_.flow_tnl_tun_id.offset));
    if (t.mask.tun_id != UINT64_MAX) masked |= 1u << kTunId;
  }
  if (has(kTunIpv4Src, l_.flow_tnl_ip_src)) t.key.tun_src = be32(k + l_.flow_tnl_ip_src.offset), t.mask.tun_src = be32(m + l_.flow_tnl_ip_src.offset);
  if (has(kTunIpv4Dst, l_.flow_tnl_ip_dst)) t.key.tun_dst = be32(k + l_.flow_tnl_ip_dst.offset), t.mask.tun_dst = be32(m + l_.flow_tnl_ip_dst.offset);
  if (has(kTunIpv6Src, l_.flow_tnl_ipv6_src)) copy16(k + l_.flow_tnl_ipv6_src.offset, t.key.tun_ipv6_src), copy16(m + l_.flow_tnl_ipv6_src.offset, t.mask.tun_ipv6_src);
  if (has(kTunIpv6Dst, l_.flow_tnl_ipv6_dst)) copy16(k + l_.flow_tnl_ipv6_dst.offset, t.key.tun_ipv6_dst), copy16(m + l_.flow_tnl_ipv6_dst.offset, t.mask.tun_ipv6_dst);
  if (has(kTunTos, l_.flow_tnl_ip_tos)) t.key.tun_tos = k[l_.flow_tnl_ip_tos.offset], t.mask.tun_tos = m[l_.flow_tnl_ip_tos.offset];
  given |= 1u << kTunTtl;  // always
  t.key.tun_ttl = k[l_.flow_tnl_ip_ttl.offset], t.mask.tun_ttl = m[l_.flow_tnl_ip_ttl.offset];
  if (t.mask.tun_ttl != 0xff) masked |= 1u << kTunTtl;
  if (has(kTunTpSrc, l_.flow_tnl_tp_src)) t.key.tun_tp_src = be16(k + l_.flow_tnl_tp_src.offset), t.mask.tun_tp_src = be16(m + l_.flow_tnl_tp_src.offset);
  if (has(kTunTpDst, l_.flow_tnl_tp_dst)) t.key.tun_tp_dst = be16(k + l_.flow_tnl_tp_dst.offset), t.mask.tun_tp_dst = be16(m + l_.flow_tnl_tp_dst.offset);
  if (!is_zero(k + l_.flow_tnl_gbp_id.offset, 2) || k[l_.flow_tnl_gbp_flags.offset]) {
    given |= 1u << kTunVxlan;
    t.key.tun_gbp_id = be16(k + l_.flow_tnl_gbp_id.offset), t.mask.tun_gbp_id = be16(m + l_.flow_tnl_gbp_id.offset);
    t.key.tun_gbp_flags = k[l_.flow_tnl_gbp_flags.offset], t.mask.tun_gbp_flags = m[l_.flow_tnl_gbp_flags.offset];
    if (t.mask.tun_gbp_id != 0xffff || t.mask.tun_gbp_flags != 0xff) masked |= 1u << kTunVxlan;
  }
  // df 1, csum 2, key 4, oam 8 (schema); the key flag's mask goes with the id.
  auto row_flags = [](uint16_t f) {
    return static_cast<uint16_t>((f & kDontFragment ? 1 : 0) | (f & kCsum ? 2 : 0) | (f & kOam ? 8 : 0));
  };
  const uint16_t key_flag = given & 1u << kTunId ? 4 : 0;
  t.key.tun_flags = row_flags(flags) | key_flag;
  t.mask.tun_flags = row_flags(mask_flags) | key_flag;
  given |= kTunFlagsGiven;
  masked |= kTunFlagsGiven;
  const uint32_t present = l_.flow_tnl_metadata.offset + l_.tun_metadata_present.offset, opts = l_.flow_tnl_metadata.offset + l_.tun_metadata_opts.offset;
  if (flags & kRawOptions) {
    given |= 1u << kTunGeneve;
    copy_geneve(k + opts, m + opts, std::min<size_t>(k[present], l_.tun_metadata_opts.size), extras);
    fill_geneve_columns(extras.geneve_key, extras.geneve_mask, t);
  } else if (!is_zero(k + present, 8)) {
    extras.unknown = "tunnel(geneve)";
  }
  const uint8_t erspan = k[l_.flow_tnl_erspan_ver.offset];
  if (erspan == 1 || erspan == 2) extras.unknown = "tunnel(erspan)";
  if (l_.flow_tnl_gtpu_flags && l_.flow_tnl_gtpu_msgtype && k[l_.flow_tnl_gtpu_flags.offset] && k[l_.flow_tnl_gtpu_msgtype.offset]) {
    given |= 1u << kTunGtpu;
    t.key.tun_gtpu_flags = k[l_.flow_tnl_gtpu_flags.offset], t.key.tun_gtpu_msgtype = k[l_.flow_tnl_gtpu_msgtype.offset];
    // A mask that lacks one of the two is left out whole.
    if (m[l_.flow_tnl_gtpu_flags.offset] && m[l_.flow_tnl_gtpu_msgtype.offset])
      t.mask.tun_gtpu_flags = m[l_.flow_tnl_gtpu_flags.offset], t.mask.tun_gtpu_msgtype = m[l_.flow_tnl_gtpu_msgtype.offset];
    if (t.mask.tun_gtpu_flags != 0xff || t.mask.tun_gtpu_msgtype != 0xff) masked |= 1u << kTunGtpu;
  }
}

void FlowDecoder::ipv6(const uint8_t* flow, const uint8_t* mask, const Shape& s, FlowExtras& extras) const {
  auto& v = extras.ipv6;
  v = {};
  extras.parts |= FlowExtras::kIpv6;
  auto half = [&](const uint8_t* f, auto& to) {
    copy16(f + l_.flow_ipv6_src.offset, to.ipv6_src);
    copy16(f + l_.flow_ipv6_dst.offset, to.ipv6_dst);
    to.ipv6_label = be32(f + l_.flow_ipv6_label.offset);
  };
  half(flow, v.key);
  half(mask, v.mask);
  if (!s.nd) return;
  auto nd = [&](const uint8_t* f, auto& to) {
    copy16(f + l_.flow_nd_target.offset, to.nd_target);
    to.nd_sll = mac(f + l_.flow_arp_sha.offset);
    to.nd_tll = mac(f + l_.flow_arp_tha.offset);
  };
  nd(flow, v.key);
  // The mask goes with it only where type and code are matched exactly, 8 bits each.
  if (be16(mask + l_.flow_tp_src.offset) == 0xff && be16(mask + l_.flow_tp_dst.offset) == 0xff) nd(mask, v.mask);
}

void FlowDecoder::ct_tuple(const uint8_t* flow, const uint8_t* mask, const Shape& s, FlowExtras& extras) const {
  if (!s.ct_tuple4 && !s.ct_tuple6 && is_zero(flow + l_.flow_ct_label.offset, 16) && is_zero(mask + l_.flow_ct_label.offset, 16)) return;
  auto& c = extras.ct_tuple;
  c = {};
  auto half = [&](const uint8_t* f, auto& to) {
    host128(f + l_.flow_ct_label.offset, to.ct_label);
    if (!s.ct_tuple4 && !s.ct_tuple6) return;
    if (s.ct_tuple4) {
      to.ct_nw_src = be32(f + l_.flow_ct_nw_src.offset);
      to.ct_nw_dst = be32(f + l_.flow_ct_nw_dst.offset);
    } else {
      copy16(f + l_.flow_ct_ipv6_src.offset, to.ct_ipv6_src);
      copy16(f + l_.flow_ct_ipv6_dst.offset, to.ct_ipv6_dst);
    }
    to.ct_tp_src = be16(f + l_.flow_ct_tp_src.offset);
    to.ct_tp_dst = be16(f + l_.flow_ct_tp_dst.offset);
    to.ct_nw_proto = f[l_.flow_ct_nw_proto.offset];
  };
  half(flow, c.key);
  half(mask, c.mask);
  if (any(c)) extras.parts |= FlowExtras::kCtTuple;
}

void FlowDecoder::arp(const uint8_t* flow, const uint8_t* mask, FlowExtras& extras) const {
  auto& a = extras.arp;
  a = {};
  extras.parts |= FlowExtras::kArp;
  auto half = [&](const uint8_t* f, auto& to) {
    to.arp_spa = be32(f + l_.flow_nw_src.offset);
    to.arp_tpa = be32(f + l_.flow_nw_dst.offset);
    to.arp_op = arp_op_of(f[l_.flow_nw_proto.offset]);
    to.arp_sha = mac(f + l_.flow_arp_sha.offset);
    to.arp_tha = mac(f + l_.flow_arp_tha.offset);
  };
  half(flow, a.key);
  half(mask, a.mask);
}

void FlowDecoder::encap(const uint8_t* flow, const uint8_t* mask, const Shape& s, FlowExtras& extras) const {
  auto& e = extras.encap;
  e = {};
  extras.parts |= FlowExtras::kEncap;
  auto half = [&](const uint8_t* f, bool is_mask, auto& to) {
    if (s.n_vlans > 1) {
      to.vlan2_tci = be16(f + l_.flow_vlans.offset + 6);
      to.vlan2_tpid = is_mask ? 0xffff : be16(f + l_.flow_vlans.offset + 4);
    }
    if (s.mpls) {
      uint32_t* const entries[] = {&to.mpls_lse0, &to.mpls_lse1, &to.mpls_lse2};
      for (int i = 0; i < s.n_mpls; i++) *entries[i] = be32(f + l_.flow_mpls_lse.offset + 4 * i);
      if (!is_mask) to.mpls_depth = static_cast<uint8_t>(s.n_mpls);
    }
    if (s.nsh) {
      const uint8_t* n = f + l_.flow_nsh.offset;
      to.nsh_flags = n[l_.ovs_key_nsh_flags.offset];
      to.nsh_ttl = n[l_.ovs_key_nsh_ttl.offset];
      to.nsh_mdtype = n[l_.ovs_key_nsh_mdtype.offset];
      to.nsh_np = n[l_.ovs_key_nsh_np.offset];
      const uint32_t path = be32(n + l_.ovs_key_nsh_path_hdr.offset);
      to.nsh_spi = path >> 8;
      to.nsh_si = static_cast<uint8_t>(path);
      if (flow[l_.flow_nsh.offset + l_.ovs_key_nsh_mdtype.offset] == 1) {
        uint32_t* const contexts[] = {&to.nsh_c1, &to.nsh_c2, &to.nsh_c3, &to.nsh_c4};
        for (int i = 0; i < 4; i++) *contexts[i] = be32(n + l_.ovs_key_nsh_context.offset + 4 * i);
      }
    }
  };
  half(flow, false, e.key);
  half(mask, true, e.mask);
}

void FlowDecoder::decode(const uint8_t* flow, const uint8_t* mask, MaskMemo& memo, tables::dp_flows::Match& match, FlowExtras& extras) const {
  const Shape s = shape_of(flow, mask);
  extras.parts = 0;
  extras.unknown = nullptr;
  match.key = {};
  match_half(flow, false, s, match.key);
  match.key.attrs = s.attrs | order_;
  if (memo.shape_ != s) {
    memo.shape_ = s;
    mask_half(mask, s, memo.half_);
  }
  match.mask = memo.half_;
  if (s.attrs & key_bit(kKeyTunnel)) tunnel(flow, mask, extras);
  if (s.ipv6) ipv6(flow, mask, s, extras);
  ct_tuple(flow, mask, s, extras);
  if (s.arp) arp(flow, mask, extras);
  if (s.n_vlans > 1 || s.mpls || s.nsh) encap(flow, mask, s, extras);
  // What the switch prints then is an error text: its own printer expects an entry at least.
  if (s.mpls_is_empty && !extras.unknown) extras.unknown = "mpls((bad key length 0)";
}

void FlowDecoder::mask_half(const uint8_t* mask, const Shape& s, decltype(tables::dp_flows::Match::mask)& m) const {
  m = {};
  match_half(mask, true, s, m);
  // A datapath's flows belong to one port; its classifier leaves the port out of the mask because it is always matched.
  m.in_port = UINT32_MAX;
  // Which keys are printed with a mask: those with a field that is not matched exactly.
  uint64_t exact = key_bit(kKeyInPort) | kTpidGiven | kTpid2Given;
  auto when = [&](unsigned key, bool is_exact) { exact |= is_exact ? key_bit(key) : 0; };
  when(kKeyPriority, m.skb_priority == UINT32_MAX);
  when(kKeySkbMark, m.pkt_mark == UINT32_MAX);
  when(kKeyCtState, m.ct_state == 0xff);
  when(kKeyCtZone, m.ct_zone == 0xffff);
  when(kKeyCtMark, m.ct_mark == UINT32_MAX);
  when(kKeyCtLabels, is_ones(mask + l_.flow_ct_label.offset, 16));
  when(kKeyRecircId, m.recirc_id == UINT32_MAX);
  when(kKeyDpHash, m.dp_hash == UINT32_MAX);
  when(kKeyPacketType, m.packet_type == UINT32_MAX);
  when(kKeyEthernet, m.eth_src == 0xffffffffffff && m.eth_dst == 0xffffffffffff);
  when(kKeyEthertype, m.eth_type == 0xffff && s.eth_type);
  when(kKeyVlan, (m.vlan_tci & 0xefff) == 0xefff);
  when(kKeyIpv4, m.nw_src == UINT32_MAX && m.nw_dst == UINT32_MAX && m.nw_proto == 0xff && m.nw_tos == 0xff && m.nw_ttl == 0xff);
  when(kKeyTcp, m.tp_src == 0xffff && m.tp_dst == 0xffff);
  when(kKeyUdp, m.tp_src == 0xffff && m.tp_dst == 0xffff);
  when(kKeySctp, m.tp_src == 0xffff && m.tp_dst == 0xffff);
  when(kKeyTcpFlags, (m.tcp_flags & 0xfff) == 0xfff);
  when(kKeyIcmp, m.icmp_type == 0xff && m.icmp_code == 0xff);
  when(kKeyIcmpv6, m.icmp_type == 0xff && m.icmp_code == 0xff);
  m.attrs = s.attrs & ~exact & (key_bit(31) - 1) & ~(key_bit(kKeyEncap) | key_bit(kKeyNsh) | key_bit(kKeyMpls));
}

}  // namespace cti::ovs
