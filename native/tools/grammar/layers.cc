// The keys of the network and transport layers.
#include "tools/grammar/grammar.h"
#include "tools/grammar/key_numbers.h"

namespace cti::grammar {
namespace {

uint64_t ones(unsigned bits) { return bits == 64 ? UINT64_MAX : (1ull << bits) - 1; }

void u32(std::string& out, uint64_t value) {
  for (int i = 0; i < 4; i++) out += static_cast<char>(value >> (8 * i));
}

}  // namespace

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
