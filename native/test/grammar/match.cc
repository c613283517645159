// Rows and their match.
#include "test/grammar/grammar.h"

namespace cti::grammar {
namespace {

// OVS_KEY_ATTR_*, by number.
enum Key : unsigned {
  kEncap = 1, kPriority = 2, kInPort = 3, kEthernet = 4, kVlan = 5, kEthertype = 6, kIpv4 = 7, kIpv6 = 8, kTcp = 9, kUdp = 10, kIcmp = 11,
  kIcmpv6 = 12, kArp = 13, kNd = 14, kSkbMark = 15, kTunnel = 16, kSctp = 17, kTcpFlags = 18, kDpHash = 19, kRecircId = 20, kMpls = 21,
  kCtState = 22, kCtZone = 23, kCtMark = 24, kCtLabels = 25, kCtTuple4 = 26, kCtTuple6 = 27, kNsh = 28, kPacketType = 29, kNdExt = 30, kExthdrs = 32
};
// Bits of attrs above them, as schema/tables/dp_flows.yaml and native/text/keys.h document them.
constexpr uint64_t kVlan2 = 1ull << 40, kEncap2 = 1ull << 41, kTpid = 1ull << 42, kTpid2 = 1ull << 43, kNoType = 1ull << 44,
                   kRecircFirst = 1ull << 45, kPlain = 1ull << 46;

uint64_t ones(unsigned bits) { return bits == 64 ? UINT64_MAX : (1ull << bits) - 1; }

void u16(std::string& out, uint64_t value) { out += static_cast<char>(value), out += static_cast<char>(value >> 8); }
void u32(std::string& out, uint64_t value) { u16(out, value), u16(out, value >> 16); }

}  // namespace

Row Generator::row(const Options& options) {
  options_ = options;
  row_ = {};
  match_.clear();
  open_ = 0;
  serial_++;
  row_.flow.match.key.attrs = options.more ? 0 : kPlain;
  match();
  if (options.more) {
    use(Production::ufid);
    const uint64_t high = random_(), low = random_();
    row_.match = format("ufid:%08x-%04x-%04x-%04x-%012llx, ", static_cast<unsigned>(high >> 32), static_cast<unsigned>(high >> 16 & 0xffff),
                        static_cast<unsigned>(high & 0xffff), static_cast<unsigned>(low >> 48), static_cast<unsigned long long>(low & 0xffffffffffff));
    row_.flow.rows.ufid = {{__builtin_bswap64(high), __builtin_bswap64(low)}};
    row_.flow.rows.known |= CTI_DP_FLOWS_KNOWN_UFID;
  }
  row_.match += match_;
  counters();
  Attributes tree;
  list(tree, row_.actions, 0);
  row_.tree = std::move(tree.bytes);
  if (one_in(2)) {
    use(Production::extra);
    row_.extra = ", dp-extra-info:miniflow_bits(4,1)";
  }
  return std::move(row_);
}

void Generator::counters() {
  auto& rows = row_.flow.rows;
  rows.packets = random_() >> below(64);
  rows.bytes = random_() >> below(64);
  row_.counters = ", packets:" + std::to_string(rows.packets) + ", bytes:" + std::to_string(rows.bytes) + ", used:";
  if (one_in(3)) {
    use(Production::used_never);
    rows.used_ms = UINT64_MAX;
    row_.counters += "never";
  } else {
    use(Production::used);
    rows.used_ms = random_() % 100'000'000;
    row_.counters += format("%llu.%03llus", static_cast<unsigned long long>(rows.used_ms / 1000), static_cast<unsigned long long>(rows.used_ms % 1000));
  }
  rows.known |= CTI_DP_FLOWS_KNOWN_TCP_FLAGS_SEEN;
  if (one_in(2)) {
    use(Production::flags);
    // OVS's letters, in the order in which it prints them.
    constexpr struct {
      const char* letter;
      uint16_t bit;
    } kLetters[] = {{"S", 2}, {"F", 1}, {"P", 8}, {"R", 4}, {"U", 32}, {".", 16}, {"E", 64}, {"C", 128}, {"N", 256}, {"[200]", 512}, {"[400]", 1024}, {"[800]", 2048}};
    rows.tcp_flags_seen = static_cast<uint16_t>(1 + below(0xfff));
    row_.counters += ", flags:";
    for (const auto& flag : kLetters)
      if (rows.tcp_flags_seen & flag.bit) row_.counters += flag.letter;
  }
  if (one_in(3)) {
    use(Production::offloaded);
    rows.hw = one_in(2) ? CTI_DP_FLOWS_HW_YES : CTI_DP_FLOWS_HW_PARTIAL;
    rows.known |= CTI_DP_FLOWS_KNOWN_HW;
    row_.counters += rows.hw == CTI_DP_FLOWS_HW_YES ? ", offloaded:yes" : ", offloaded:partial";
  }
  if (one_in(2)) {
    use(Production::dp);
    constexpr const char* kLayers[] = {", dp:ovs", ", dp:tc", ", dp:dpdk"};
    rows.layer = static_cast<uint8_t>(below(3));
    rows.known |= CTI_DP_FLOWS_KNOWN_LAYER | CTI_DP_FLOWS_KNOWN_HW;
    row_.counters += kLayers[rows.layer];
  }
  row_.counters += ", actions:";
}

// ---- notations ----

void Generator::decimal(std::string& out, const char* name, Bits v, unsigned bits) {
  if (!options_.more && !v.mask) return;
  out += name;
  out += format("=%llu", static_cast<unsigned long long>(v.key));
  if (v.mask != ones(bits)) out += format("/%#llx", static_cast<unsigned long long>(v.mask));
  out += ',';
}

void Generator::hex(std::string& out, const char* name, Bits v, unsigned bits) {
  if (!options_.more && !v.mask) return;
  out += name;
  out += format("=%#llx", static_cast<unsigned long long>(v.key));
  if (v.mask != ones(bits)) out += format("/%#llx", static_cast<unsigned long long>(v.mask));
  out += ',';
}

void Generator::mac(std::string& out, const char* name, Bits v) {
  if (!options_.more && !v.mask) return;
  out += name + ("=" + mac_text(v.key));
  if (v.mask != ones(48)) out += "/" + mac_text(v.mask);
  out += ',';
}

void Generator::ipv4(std::string& out, const char* name, Bits v) {
  if (!options_.more && !v.mask) return;
  out += name + ("=" + ipv4_text(v.key));
  if (v.mask != ones(32)) out += "/" + ipv4_text(v.mask);
  out += ',';
}

void Generator::ipv6(std::string& out, const char* name, const Bytes16& v) {
  if (!options_.more && v.none()) return;
  out += name + ("=" + ipv6_text(v.key));
  if (!v.exact()) out += "/" + ipv6_text(v.mask);
  out += ',';
}

std::string Generator::single(Bits v, unsigned bits) {
  if (!options_.more && !v.mask) return "";
  std::string text = format("%#llx", static_cast<unsigned long long>(v.key));
  if (v.mask != ones(bits)) text += format("/%#llx", static_cast<unsigned long long>(v.mask));
  return text;
}

// "a|b" if all flags are matched, "+a-b" for those that are, "0/0" for none.
std::string Generator::flags(const std::vector<const char*>& names, Bits v, uint64_t all) {
  std::string text;
  if (v.mask == all) {
    uint64_t rest = v.key;
    for (size_t i = 0; i < names.size(); i++)
      if (v.key >> i & 1) text += names[i], text += '|', rest &= ~(1ull << i);
    if (rest) text += format("%#llx|", static_cast<unsigned long long>(rest));
    if (text.empty()) return "0";
    text.pop_back();
    return text;
  }
  if (!v.mask) return "0/0";
  for (size_t i = 0; i < names.size(); i++)
    if (v.mask >> i & 1) text += v.key >> i & 1 ? '+' : '-', text += names[i];
  return text;
}

// ---- keys ----

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

void Generator::put_type(uint16_t eth_type) {
  uint16_t of = 0xffff;
  if (one_in(8) && may(Production::eth_type_masked)) of = static_cast<uint16_t>(random_() | 1);
  use(Production::eth_type);
  row_.flow.match.key.eth_type = eth_type, row_.flow.match.mask.eth_type = of;
  put_key(kEthertype, "eth_type", of == 0xffff ? format("0x%04x", eth_type) : format("0x%04x/0x%04x", eth_type, of));
}

void Generator::network_layer() {
  const bool tuple6 = row_.flow.match.key.attrs >> kCtTuple6 & 1, tuple4 = row_.flow.match.key.attrs >> kCtTuple4 & 1;
  uint64_t which = tuple4 ? 0 : tuple6 ? 1 : below(8);
  if (which == 0) return put_type(0x0800), ip(false);
  if (which <= 2) return put_type(0x86dd), ip(true);
  if (which == 3) return put_type(one_in(4) ? 0x8035 : 0x0806), arp();
  if (which == 4) return put_type(one_in(4) ? 0x8848 : 0x8847), mpls();
  if (which == 5 && may(Production::nsh)) return put_type(0x894f), nsh();
  if (which == 6 && may(Production::eth_type_none)) {
    row_.flow.match.mask.eth_type = 0xffff;
    row_.flow.match.key.attrs |= kNoType;
    return put_key(kEthertype, "eth_type", "0/0xffff");
  }
  put_type(static_cast<uint16_t>(0x9000 + below(0x1000)));
}

void Generator::ip(bool v6) {
  auto& key = row_.flow.match.key;
  auto& mask = row_.flow.match.mask;
  auto& six = row_.flow.ipv6;
  std::string text;
  constexpr unsigned kProtocols4[] = {6, 17, 132, 1, 47}, kProtocols6[] = {6, 17, 132, 58, 59};
  Bits proto{v6 ? kProtocols6[below(5)] : kProtocols4[below(5)], 0xff};
  const bool has_transport = !one_in(4);
  const unsigned protocol = static_cast<unsigned>(proto.key);
  if (!has_transport) proto = options_.add_flow ? Bits{100 + below(20), 0xff} : number(8);
  if (v6) {
    const Bytes16 src = bytes16(), dst = bytes16();
    ipv6(text, "src", src), ipv6(text, "dst", dst);
    six.key.ipv6_src = be128(src.key), six.mask.ipv6_src = be128(src.mask), six.key.ipv6_dst = be128(dst.key), six.mask.ipv6_dst = be128(dst.mask);
    const Bits label = number(20);
    hex(text, "label", label, 20);
    six.key.ipv6_label = static_cast<uint32_t>(label.key);
    // Printed without a mask, of which 20 bits are used; the row has all of them then.
    six.mask.ipv6_label = label.mask == 0xfffff ? UINT32_MAX : static_cast<uint32_t>(label.mask);
  } else {
    const Bits src = number(32), dst = number(32);
    ipv4(text, "src", src), ipv4(text, "dst", dst);
    key.nw_src = static_cast<uint32_t>(src.key), mask.nw_src = static_cast<uint32_t>(src.mask);
    key.nw_dst = static_cast<uint32_t>(dst.key), mask.nw_dst = static_cast<uint32_t>(dst.mask);
  }
  const Bits tos = number(8), ttl = number(8);
  decimal(text, "proto", proto, 8), hex(text, v6 ? "tclass" : "tos", tos, 8), decimal(text, v6 ? "hlimit" : "ttl", ttl, 8);
  key.nw_proto = static_cast<uint8_t>(proto.key), mask.nw_proto = static_cast<uint8_t>(proto.mask);
  key.nw_tos = static_cast<uint8_t>(tos.key), mask.nw_tos = static_cast<uint8_t>(tos.mask);
  key.nw_ttl = static_cast<uint8_t>(ttl.key), mask.nw_ttl = static_cast<uint8_t>(ttl.mask);
  uint64_t frag = one_in(2) ? 0 : below(3);
  if (options_.add_flow || !one_in(6)) {
    if (frag) use(frag == 1 ? Production::frag_first : Production::frag_later);
    constexpr const char* kFrags[] = {"no", "first", "later"};
    text += std::string("frag=") + kFrags[frag] + ",";
    key.nw_frag = static_cast<uint8_t>(frag), mask.nw_frag = 0xff;
  }
  use(v6 ? Production::ipv6 : Production::ipv4);
  const bool believed = !one_in(80) || !may(Production::key_frag_error);
  if (!believed) {
    // None of it is to be believed.
    opaque_key((v6 ? "ipv6(" : "ipv4(") + text + "error: partial mask not supported for frag (0x1))");
    row_.flow.ipv6 = {};
    key.nw_src = mask.nw_src = key.nw_dst = mask.nw_dst = 0;
    key.nw_proto = mask.nw_proto = key.nw_tos = mask.nw_tos = key.nw_ttl = mask.nw_ttl = key.nw_frag = mask.nw_frag = 0;
  } else {
    put_key(v6 ? kIpv6 : kIpv4, v6 ? "ipv6" : "ipv4", text);
  }
  if (v6 && one_in(4) && may(Production::exthdrs)) {
    const uint16_t value = static_cast<uint16_t>(random_()), of = static_cast<uint16_t>(random_());
    std::string bytes = format("%02x %02x", value & 255, value >> 8);
    if (!one_in(3)) bytes += format("/%02x %02x", of & 255, of >> 8);
    six.key.ipv6_exthdr = value;
    six.mask.ipv6_exthdr = bytes.size() == 5 ? 0xffff : of;
    put_key(kExthdrs, "key32", bytes);
  } else if (v6 && believed && one_in(8) && may(Production::key_bad_mask_length)) {
    opaque_key(one_in(2) ? "(bad key length 2, expected -1)(00 00/(bad mask length 2, expected -1)(" + hex_pairs(2, " ") + ")"
                         : "(bad key length 2, expected -1)(" + hex_pairs(2, " ") + ")", false);
  }
  if (has_transport && frag != 2) transport(protocol, v6);
}

void Generator::transport(unsigned proto, bool v6) {
  auto& key = row_.flow.match.key;
  auto& mask = row_.flow.match.mask;
  std::string text;
  if (proto == 6 || proto == 17 || proto == 132) {
    Bits src = number(16);
    const Bits dst = number(16);
    if (options_.add_flow && !src.mask) src = exact_number(16);  // the key has to be there
    decimal(text, "src", src, 16), decimal(text, "dst", dst, 16);
    if (!text.empty()) {
      use(proto == 6 ? Production::tcp : proto == 17 ? Production::udp : Production::sctp);
      key.tp_src = static_cast<uint16_t>(src.key), mask.tp_src = static_cast<uint16_t>(src.mask);
      key.tp_dst = static_cast<uint16_t>(dst.key), mask.tp_dst = static_cast<uint16_t>(dst.mask);
      put_key(proto == 6 ? kTcp : proto == 17 ? kUdp : kSctp, proto == 6 ? "tcp" : proto == 17 ? "udp" : "sctp", text);
    }
    if (proto != 6 || one_in(2)) return;
    const std::vector<const char*> names = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns", "[200]", "[400]", "[800]"};
    Bits v = number(12);
    v.key &= v.mask;
    if (!options_.more && !v.mask) return;
    use(v.mask == 0xfff ? Production::tcp_flags_exact : Production::tcp_flags_names);
    key.tcp_flags = static_cast<uint16_t>(v.key), mask.tcp_flags = v.mask == 0xfff ? 0xffff : static_cast<uint16_t>(v.mask);
    return put_key(kTcpFlags, "tcp_flags", flags(names, v, 0xfff));
  }
  if (proto != (v6 ? 58u : 1u)) return;
  Bits type = number(8), code = number(8);
  const bool nd = v6 && one_in(2);
  if (nd) type = {135 + below(2), 0xff}, code = {0, 0xff};
  else if (options_.add_flow) type = {below(100), 0xff};
  decimal(text, "type", type, 8), decimal(text, "code", code, 8);
  if (!text.empty()) {
    use(v6 ? Production::icmpv6 : Production::icmp);
    key.icmp_type = static_cast<uint8_t>(type.key), mask.icmp_type = static_cast<uint8_t>(type.mask);
    key.icmp_code = static_cast<uint8_t>(code.key), mask.icmp_code = static_cast<uint8_t>(code.mask);
    put_key(v6 ? kIcmpv6 : kIcmp, v6 ? "icmpv6" : "icmp", text);
  }
  if (!nd) return;
  auto& six = row_.flow.ipv6;
  Bytes16 target = bytes16();
  if (options_.add_flow && target.none()) target = {random_bytes(16), std::string(16, '\xff')};  // the key has to be there
  const Bits sll = number(48), tll = number(48);
  text.clear();
  ipv6(text, "target", target), mac(text, "sll", sll), mac(text, "tll", tll);
  if (!text.empty()) {
    use(Production::nd);
    six.key.nd_target = be128(target.key), six.mask.nd_target = be128(target.mask);
    six.key.nd_sll = sll.key, six.mask.nd_sll = sll.mask, six.key.nd_tll = tll.key, six.mask.nd_tll = tll.mask;
    put_key(kNd, "nd", text);
  }
  if (one_in(2) || !may(Production::nd_ext)) return;
  const Bits option = number(8);
  six.key.nd_reserved = static_cast<uint32_t>(random_()), six.mask.nd_reserved = UINT32_MAX;
  text = format("nd_reserved=0x%x,", six.key.nd_reserved);
  decimal(text, "nd_options_type", option, 8);
  six.key.nd_options_type = static_cast<uint8_t>(option.key), six.mask.nd_options_type = static_cast<uint8_t>(option.mask);
  put_key(kNdExt, "nd_ext", text);
}

void Generator::arp() {
  auto& a = row_.flow.arp;
  std::string text;
  const Bits sip = options_.add_flow ? exact_number(32) : number(32), tip = number(32), sha = number(48), tha = number(48);
  Bits op = number(options_.add_flow ? 8 : 16);
  if (op.mask == 0xff && options_.add_flow) op.mask = 0xffff;
  ipv4(text, "sip", sip), ipv4(text, "tip", tip), decimal(text, "op", op, 16), mac(text, "sha", sha), mac(text, "tha", tha);
  if (text.empty()) return;
  use(Production::arp);
  a.key.arp_spa = static_cast<uint32_t>(sip.key), a.mask.arp_spa = static_cast<uint32_t>(sip.mask);
  a.key.arp_tpa = static_cast<uint32_t>(tip.key), a.mask.arp_tpa = static_cast<uint32_t>(tip.mask);
  a.key.arp_op = static_cast<uint16_t>(op.key), a.mask.arp_op = static_cast<uint16_t>(op.mask);
  a.key.arp_sha = sha.key, a.mask.arp_sha = sha.mask, a.key.arp_tha = tha.key, a.mask.arp_tha = tha.mask;
  put_key(kArp, "arp", text);
}

void Generator::mpls() {
  if (one_in(20) && may(Production::key_mpls_error))
    return opaque_key(one_in(2) ? "mpls((bad key length 3)" : "mpls((key length 4 != mask length 8)");
  size_t n = 1 + below(3);
  if (one_in(5) && may(Production::mpls_more)) n = 4 + below(8);
  const bool all = one_in(2);
  std::string text;
  uint32_t values[16], masks[16];
  bool exact = true;
  for (size_t i = 0; i < n; i++) {
    const uint32_t bos = options_.add_flow ? (i + 1 == n ? 0x100 : 0) : static_cast<uint32_t>(random_() & 0x100);
    masks[i] = all ? UINT32_MAX : static_cast<uint32_t>(random_()) | 0x100;
    values[i] = (static_cast<uint32_t>(random_()) & ~0x100u) | bos;
    if (options_.add_flow || !options_.more) values[i] &= masks[i];
    exact &= masks[i] == UINT32_MAX;
  }
  use(exact ? Production::mpls : Production::mpls_masked);
  for (size_t i = 0; i < n; i++) {
    const uint32_t v = values[i], m = masks[i];
    if (exact)
      text += format("label=%u,tc=%u,ttl=%u,bos=%u,", v >> 12, v >> 9 & 7, v & 255, v >> 8 & 1);
    else
      text += format("label=%u/0x%x,tc=%u/%x,ttl=%u/0x%x,bos=%u/%x,", v >> 12, m >> 12, v >> 9 & 7, m >> 9 & 7, v & 255, m & 255, v >> 8 & 1, m >> 8 & 1);
    if (i >= 3) u32(row_.mpls_key, v), u32(row_.mpls_mask, m);
  }
  auto& e = row_.flow.encap;
  e.key.mpls_depth = static_cast<uint8_t>(n);
  e.key.mpls_lse0 = values[0], e.mask.mpls_lse0 = masks[0];
  if (n > 1) e.key.mpls_lse1 = values[1], e.mask.mpls_lse1 = masks[1];
  if (n > 2) e.key.mpls_lse2 = values[2], e.mask.mpls_lse2 = masks[2];
  put_key(kMpls, "mpls", text);
}

void Generator::nsh() {
  auto& e = row_.flow.encap;
  std::string text;
  auto byte = [&](const char* name, uint8_t& key, uint8_t& mask, Bits v) {
    if (!v.mask) return;
    key = static_cast<uint8_t>(v.key), mask = static_cast<uint8_t>(v.mask);
    text += v.mask == 0xff ? format("%s=%u,", name, key) : format("%s=0x%02x/0x%02x,", name, key, mask);
  };
  auto word = [&](const char* name, uint32_t& key, uint32_t& mask, unsigned bits) {
    const Bits v = number(bits);
    if (!v.mask) return;
    key = static_cast<uint32_t>(v.key), mask = v.mask == ones(bits) ? UINT32_MAX : static_cast<uint32_t>(v.mask);
    text += mask == UINT32_MAX ? format("%s=0x%x,", name, key) : format("%s=0x%x/0x%08x,", name, key, mask);
  };
  byte("flags", e.key.nsh_flags, e.mask.nsh_flags, number(8)), byte("ttl", e.key.nsh_ttl, e.mask.nsh_ttl, number(8));
  byte("mdtype", e.key.nsh_mdtype, e.mask.nsh_mdtype, number(8));
  byte("np", e.key.nsh_np, e.mask.nsh_np, number(8));
  word("spi", e.key.nsh_spi, e.mask.nsh_spi, 24);
  byte("si", e.key.nsh_si, e.mask.nsh_si, number(8));
  word("c1", e.key.nsh_c1, e.mask.nsh_c1, 32), word("c2", e.key.nsh_c2, e.mask.nsh_c2, 32);
  word("c3", e.key.nsh_c3, e.mask.nsh_c3, 32), word("c4", e.key.nsh_c4, e.mask.nsh_c4, 32);
  put_key(kNsh, "nsh", text, true);
}

}  // namespace cti::grammar
