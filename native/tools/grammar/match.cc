// The match: keys with their masks.
#include "tools/grammar/grammar.h"
#include "tools/grammar/key_numbers.h"

namespace cti::grammar {
namespace {

void u16(std::string& out, uint64_t value) { out += static_cast<char>(value), out += static_cast<char>(value >> 8); }

}  // namespace

void Generator::put_key(unsigned number, const char* name, const std::string& inside, bool keep_empty) {
  std::string text = inside;
  chomp(text);
  if (text.empty() && !keep_empty) return;
  if (!match_.empty() && match_.back() != '(') match_ += ',';
  match_ += name + ("(" + text + ")");
  row_.flow.match.key.attrs |= 1ull << number;
  if (text.find('/') != text.npos) row_.flow.match.mask.attrs |= 1ull << number;
}

void Generator::opaque_key(const std::string& text, bool with_comma) {
  if (with_comma && !match_.empty() && match_.back() != '(') match_ += ',';
  match_ += text;
  if (!row_.unknown.empty()) row_.unknown += ',';
  row_.unknown += text;
  row_.from_fields = false;
}

void Generator::metadata() {
  auto& key = row_.flow.match.key;
  auto& mask = row_.flow.match.mask;
  const bool kernel = !options_.add_flow && one_in(3);
  const bool some = !options_.add_flow;  // add-flow's dump has all of these in -m
  auto number_key = [&](Production production, unsigned number_of_key, const char* name, auto& to, auto& to_mask, unsigned bits) {
    if (some && one_in(3)) return;
    const Bits v = number(bits);
    const std::string text = single(v, bits);
    if (text.empty()) return;
    use(production);
    to = static_cast<std::remove_reference_t<decltype(to)>>(v.key), to_mask = static_cast<std::remove_reference_t<decltype(to)>>(v.mask);
    put_key(number_of_key, name, text);
  };
  auto recirculation = [&] {
    const uint64_t id = options_.add_flow ? serial_ : random_() >> 32 >> below(32);
    use(Production::recirc_id);
    key.recirc_id = static_cast<uint32_t>(id), mask.recirc_id = UINT32_MAX;
    put_key(kRecircId, "recirc_id", format("%#llx", static_cast<unsigned long long>(id)));
    number_key(Production::dp_hash, kDpHash, "dp_hash", key.dp_hash, mask.dp_hash, 32);
  };
  auto in_port = [&] {
    std::string text;
    key.in_port = static_cast<uint32_t>(below(kPorts));
    mask.in_port = UINT32_MAX;
    text = format(options_.names ? "p%u" : "%u", key.in_port);
    if (!options_.names && one_in(5) && may(Production::in_port_masked)) {
      mask.in_port = static_cast<uint32_t>(random_());
      text += format("/%#x", mask.in_port);
    }
    use(Production::in_port);
    put_key(kInPort, "in_port", text);
  };
  auto conntrack = [&] {
    if (!some || !one_in(3)) {
      const std::vector<const char*> names = {"new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"};
      Bits v = number(8);
      if (one_in(30) && !options_.more && may(Production::key_ct_state_unknown)) {
        opaque_key("ct_state(+est-[Unknown])");
      } else if (options_.more && may(Production::ct_state_number)) {
        v.mask = one_in(2) ? v.mask : one_in(2) ? UINT32_MAX : random_() & UINT32_MAX;
        v.key = random_() & UINT32_MAX;
        put_key(kCtState, "ct_state", single(v, 32));
        key.ct_state = static_cast<uint32_t>(v.key), mask.ct_state = static_cast<uint32_t>(v.mask);
      } else if (!options_.more) {
        v.key &= v.mask;
        if (one_in(3) && may(Production::ct_state_exact)) v.mask = UINT32_MAX, v.key = random_() & (one_in(4) ? 0x3ff : 0xff);
        if (v.mask) {
          if (v.mask != UINT32_MAX) use(Production::ct_state_names);
          put_key(kCtState, "ct_state", flags(names, v, UINT32_MAX));
          key.ct_state = static_cast<uint32_t>(v.key), mask.ct_state = static_cast<uint32_t>(v.mask);
        }
      }
    }
    number_key(Production::ct_zone, kCtZone, "ct_zone", key.ct_zone, mask.ct_zone, 16);
    number_key(Production::ct_mark, kCtMark, "ct_mark", key.ct_mark, mask.ct_mark, 32);
    if (!some || !one_in(3)) {
      const Bytes16 v = bytes16();
      if (options_.more || !v.none()) {
        use(Production::ct_label);
        put_key(kCtLabels, "ct_label", hex_text(v.key) + (v.exact() ? "" : "/" + hex_text(v.mask)));
        row_.flow.ct_tuple.key.ct_label = be128(v.key), row_.flow.ct_tuple.mask.ct_label = be128(v.mask);
      }
    }
  };
  if (kernel) recirculation();
  number_key(Production::skb_priority, kPriority, "skb_priority", key.skb_priority, mask.skb_priority, 32);
  if (one_in(3)) tunnel();
  if (kernel) in_port();
  number_key(Production::skb_mark, kSkbMark, "skb_mark", key.pkt_mark, mask.pkt_mark, 32);
  conntrack();
  if (one_in(4)) {
    const bool v6 = !options_.add_flow && one_in(2);  // add-flow reads other names of its ports
    auto& tuple = row_.flow.ct_tuple;
    std::string text;
    if (!v6) {
      const Bits src = number(32), dst = number(32);
      ipv4(text, "src", src), ipv4(text, "dst", dst);
      tuple.key.ct_nw_src = static_cast<uint32_t>(src.key), tuple.mask.ct_nw_src = static_cast<uint32_t>(src.mask);
      tuple.key.ct_nw_dst = static_cast<uint32_t>(dst.key), tuple.mask.ct_nw_dst = static_cast<uint32_t>(dst.mask);
    } else {
      const Bytes16 src = bytes16(), dst = bytes16();
      ipv6(text, "src", src), ipv6(text, "dst", dst);
      tuple.key.ct_ipv6_src = be128(src.key), tuple.mask.ct_ipv6_src = be128(src.mask);
      tuple.key.ct_ipv6_dst = be128(dst.key), tuple.mask.ct_ipv6_dst = be128(dst.mask);
    }
    const Bits proto = options_.add_flow ? Bits{1 + below(255), 0xff} : number(8), src = number(16), dst = number(16);
    decimal(text, "proto", proto, 8);
    decimal(text, v6 ? "src_port" : "tp_src", src, 16), decimal(text, v6 ? "dst_port" : "tp_dst", dst, 16);
    tuple.key.ct_nw_proto = static_cast<uint8_t>(proto.key), tuple.mask.ct_nw_proto = static_cast<uint8_t>(proto.mask);
    tuple.key.ct_tp_src = static_cast<uint16_t>(src.key), tuple.mask.ct_tp_src = static_cast<uint16_t>(src.mask);
    tuple.key.ct_tp_dst = static_cast<uint16_t>(dst.key), tuple.mask.ct_tp_dst = static_cast<uint16_t>(dst.mask);
    use(v6 ? Production::ct_tuple6 : Production::ct_tuple4);
    put_key(v6 ? kCtTuple6 : kCtTuple4, v6 ? "ct_tuple6" : "ct_tuple4", text);
  }
  if (kernel) {
    const uint64_t metadata_keys = 1ull << kPriority | 1ull << kTunnel | 1ull << kSkbMark | 1ull << kCtState | 1ull << kCtZone | 1ull << kCtMark |
                                   1ull << kCtLabels | 1ull << kCtTuple4 | 1ull << kCtTuple6;
    if (key.attrs & metadata_keys) use(Production::kernel_order), key.attrs |= kRecircFirst;
    // With none of them, what stands before in_port is the same in both orders.
    return;
  }
  recirculation();
  in_port();
  if (options_.add_flow || one_in(2)) {
    Bits ns{0, 0xffff}, id{0, 0xffff};
    if (one_in(4) && may(Production::packet_type_masked)) ns = number(16), id = number(16);
    std::string text;
    decimal(text, "ns", ns, 16), hex(text, "id", id, 16);
    if (text.empty()) return;
    use(Production::packet_type);
    put_key(kPacketType, "packet_type", text);
    key.packet_type = static_cast<uint32_t>(ns.key << 16 | id.key), mask.packet_type = static_cast<uint32_t>(ns.mask << 16 | id.mask);
  }
}

void Generator::match() {
  auto& key = row_.flow.match.key;
  auto& mask = row_.flow.match.mask;
  if (one_in(60) && may(Production::key_bad_length)) opaque_key("(bad key length 3, expected 4)(" + hex_pairs(3, " ") + ")");
  const bool bad_first = !match_.empty();
  const size_t before = match_.size();
  metadata();
  // Nothing stands between a key of a bad length and what follows, if it is the first.
  if (bad_first && match_.size() > before) match_.erase(before, 1);
  std::string text;
  const Bits src = number(48), dst = number(48);
  mac(text, "src", src), mac(text, "dst", dst);
  const bool has_packet_type = key.attrs >> kPacketType & 1;
  if (!text.empty() || (!has_packet_type && may(Production::eth_empty))) {
    if (!text.empty()) use(Production::eth);
    key.eth_src = src.key, mask.eth_src = src.mask, key.eth_dst = dst.key, mask.eth_dst = dst.mask;
    put_key(kEthernet, "eth", text, true);
  }
  open_tags();
  network_layer();
  if (one_in(40) && may(Production::key_unknown)) opaque_key(format("key%d(", static_cast<int>(33 + below(9))) + hex_pairs(below(5), " ") + "/" + hex_pairs(2, " ") + ")");
  if (one_in(60) && may(Production::key_tunnel_info)) opaque_key("<error: kernel-only tunnel_info>(" + hex_pairs(2, " ") + ")");
  if (one_in(60) && may(Production::key_leftover)) opaque_key(format("***%d leftover bytes*** (", static_cast<int>(1 + below(3))) + hex_pairs(3, "") + ")");
  match_ += std::string(static_cast<size_t>(open_), ')');
}

void Generator::open_tags() {
  auto& key = row_.flow.match.key;
  auto& mask = row_.flow.match.mask;
  auto& encap = row_.flow.encap;
  int n = one_in(3) ? 1 : 0;
  if (n && one_in(3) && may(Production::vlan_second)) n = 2;
  if (n == 2 && one_in(2) && may(Production::vlan_more)) n = 3 + static_cast<int>(below(3));
  if (n == 0) {
    mask.vlan_tci = 0xffff;  // a datapath key without a tag matches packets without one
    return;
  }
  for (int i = 0; i < n; i++) {
    constexpr unsigned kTpids[] = {0x8100, 0x88a8};
    const unsigned tpid = kTpids[below(2)];
    Bits vid = number(12), pcp = number(3);
    if (options_.add_flow && i == 0 && vid.mask == 0 && pcp.mask == 0) vid = exact_number(12);
    const bool cfi_0 = one_in(5) && may(Production::vlan_cfi_0);
    // Without -m a tag of which nothing is matched is left out, but its encap(...) is not.
    const bool given = options_.more || vid.mask || pcp.mask || vid.key || pcp.key || cfi_0;
    if (!match_.empty() && match_.back() != '(') match_ += ',';
    match_ += format("eth_type(0x%04x)", tpid);
    std::string text;
    auto piece = [&](const char* name, Bits v, uint64_t all) {
      if (!options_.more && !v.mask && !v.key) return;
      text += format("%s=%u", name, static_cast<unsigned>(v.key));
      if (v.mask != all) text += format("/0x%x", static_cast<unsigned>(v.mask));
      text += ',';
    };
    piece("vid", vid, 0xfff), piece("pcp", pcp, 7);
    if (cfi_0) text += "cfi=0";
    chomp(text);
    const uint16_t tci = static_cast<uint16_t>(vid.key | pcp.key << 13 | (cfi_0 ? 0 : 0x1000));
    const uint16_t tci_mask = static_cast<uint16_t>(vid.mask | pcp.mask << 13 | 0x1000);
    const bool slash = text.find('/') != text.npos;
    if (given) {
      use(Production::vlan);
      match_ += ",vlan(" + text + ")";
    } else {
      use(Production::vlan_unmatched);
    }
    match_ += ",encap(";
    open_++;
    if (i == 0) {
      key.attrs |= kTpid | 1ull << kEncap | (given ? 1ull << kVlan : 0);
      key.vlan_tpid = static_cast<uint16_t>(tpid), mask.vlan_tpid = 0xffff;
      if (given) key.vlan_tci = tci, mask.vlan_tci = tci_mask;
      if (slash) mask.attrs |= 1ull << kVlan;
    } else if (i == 1) {
      key.attrs |= kTpid2 | kEncap2 | (given ? kVlan2 : 0);
      encap.key.vlan2_tpid = static_cast<uint16_t>(tpid), encap.mask.vlan2_tpid = 0xffff;
      if (given) encap.key.vlan2_tci = tci, encap.mask.vlan2_tci = tci_mask;
      if (slash) mask.attrs |= kVlan2;
    } else {
      u16(row_.vlans_key, given ? tci : 0), u16(row_.vlans_key, tpid), u16(row_.vlans_key, 2 | 4 | (given ? 1 : 0)), u16(row_.vlans_key, 0);
      u16(row_.vlans_mask, given ? tci_mask : 0), u16(row_.vlans_mask, 0xffff), u16(row_.vlans_mask, slash ? 1 : 0), u16(row_.vlans_mask, 0);
    }
  }
}

}  // namespace cti::grammar
