// set(...): keys as the structs of netlink, whole, or with a mask behind.
#include "tools/grammar/grammar.h"
#include "tools/grammar/key_numbers.h"

namespace cti::grammar {
namespace {

constexpr uint16_t kSet = 3, kSetMasked = 11;

std::string network(uint64_t value, size_t size) {
  std::string out;
  for (size_t i = size; i-- > 0;) out += static_cast<char>(value >> (8 * i));
  return out;
}

}  // namespace

void Generator::set(Attributes& tree, std::string& text) {
  auto put = [&](uint16_t key, const char* name, const std::string& inside, const std::string& wire, const std::string& mask) {
    const bool exact = mask == std::string(mask.size(), '\xff');
    text = std::string("set(") + name + "(" + inside + "))";
    row_.does |= 1ull << (exact ? kSet : kSetMasked);
    row_.sets |= 1ull << key;
    const size_t at = tree.begin(exact ? kSet : kSetMasked);
    tree.put(key, exact ? wire : wire + mask);
    tree.end(at);
  };
  auto host = [](uint64_t value, size_t size) {
    std::string out;
    for (size_t i = 0; i < size; i++) out += static_cast<char>(value >> (8 * i));
    return out;
  };
  // What is set in part is printed as without -m, what is set whole as with it; bits beside the mask are 0.
  auto some = [&](unsigned bits) {
    Bits v;
    do v = number(bits); while (!v.mask);
    v.key &= v.mask;
    return v;
  };
  switch (below(10)) {
    case 0: {
      use(Production::set_number);
      const bool mark = one_in(2);
      const Bits v = some(32);
      return put(mark ? kSkbMark : kPriority, mark ? "skb_mark" : "skb_priority",
                 format("%#llx", static_cast<unsigned long long>(v.key)) + (v.mask == UINT32_MAX ? "" : format("/%#llx", static_cast<unsigned long long>(v.mask))), host(v.key, 4), host(v.mask, 4));
    }
    case 1: {
      // Always its number, whatever names there are.
      if (options_.names && !options_.add_flow) break;
      use(Production::set_in_port);
      const uint32_t id = static_cast<uint32_t>(below(kPorts));
      return put(kInPort, "in_port", std::to_string(id), host(id, 4), host(UINT32_MAX, 4));
    }
    case 2: {
      use(Production::set_eth_type);
      const Bits v = options_.add_flow ? exact_number(16) : some(16);
      return put(kEthertype, "eth_type", format("0x%04x", static_cast<unsigned>(v.key)) + (v.mask == 0xffff ? "" : format("/0x%04x", static_cast<unsigned>(v.mask))),
                 network(v.key, 2), network(v.mask, 2));
    }
    case 3: {
      use(Production::set_vlan);
      Bits vid = number(12), pcp = number(3);
      if (!vid.mask && !pcp.mask) vid = exact_number(12);
      vid.key &= vid.mask, pcp.key &= pcp.mask;
      const bool whole = vid.mask == 0xfff && pcp.mask == 7, cfi_0 = one_in(4);
      std::string inside;
      if (whole || vid.mask) inside += format("vid=%u", static_cast<unsigned>(vid.key)) + (vid.mask == 0xfff ? "" : format("/0x%x", static_cast<unsigned>(vid.mask))) + ",";
      if (whole || pcp.mask) inside += format("pcp=%u", static_cast<unsigned>(pcp.key)) + (pcp.mask == 7 ? "" : format("/0x%x", static_cast<unsigned>(pcp.mask))) + ",";
      if (cfi_0) inside += "cfi=0,";
      chomp(inside);
      return put(kVlan, "vlan", inside, network(vid.key | pcp.key << 13 | (cfi_0 ? 0 : 0x1000), 2), network(vid.mask | pcp.mask << 13 | 0x1000, 2));
    }
    case 4: {
      use(Production::set_mpls);
      const size_t n = options_.add_flow || !one_in(4) ? 1 : 1 + below(6);
      const bool masked = !options_.add_flow && one_in(3);
      std::string inside, wire, mask;
      for (size_t i = 0; i < n; i++) {
        const uint32_t m = masked ? static_cast<uint32_t>(random_()) & ~1u : UINT32_MAX, v = static_cast<uint32_t>(random_()) & m;
        inside += masked ? format("label=%u/0x%x,tc=%u/%x,ttl=%u/0x%x,bos=%u/%x,", v >> 12, m >> 12, v >> 9 & 7, m >> 9 & 7, v & 255, m & 255, v >> 8 & 1, m >> 8 & 1)
                         : format("label=%u,tc=%u,ttl=%u,bos=%u,", v >> 12, v >> 9 & 7, v & 255, v >> 8 & 1);
        wire += network(v, 4), mask += network(m, 4);
      }
      chomp(inside);
      return put(kMpls, "mpls", inside, wire, mask);
    }
    case 5:
      if (options_.add_flow) break;
      return set_nsh(tree, text);
    case 6: {
      std::string inside;
      row_.does |= 1ull << kSet;
      row_.sets |= 1ull << kTunnel;
      const size_t at = tree.begin(kSet);
      set_tunnel(tree, inside);
      tree.end(at);
      text = "set(tunnel(" + inside + "))";
      return;
    }
    default:
      break;
  }
  set_struct(tree, text);
}

// A struct of several fields: each is matched whole, in part or not at all, but not all of them not at all.
void Generator::set_struct(Attributes& tree, std::string& text) {
  struct FieldOf {
    const char* name;
    char kind;  // d decimal, x hexadecimal, 4 and 6 addresses, m Ethernet, f fragment, l flow label, r reserved word
    size_t size;
  };
  struct StructOf {
    Production production;
    uint16_t key;
    const char* name;
    std::vector<FieldOf> fields;
    size_t padding;
  };
  static const std::vector<StructOf> kStructs = {
      {Production::set_eth, kEthernet, "eth", {{"src", 'm', 6}, {"dst", 'm', 6}}, 0},
      {Production::set_ipv4, kIpv4, "ipv4", {{"src", '4', 4}, {"dst", '4', 4}, {"proto", 'd', 1}, {"tos", 'x', 1}, {"ttl", 'd', 1}, {"frag", 'f', 1}}, 0},
      {Production::set_ipv6, kIpv6, "ipv6",
       {{"src", '6', 16}, {"dst", '6', 16}, {"label", 'l', 4}, {"proto", 'd', 1}, {"tclass", 'x', 1}, {"hlimit", 'd', 1}, {"frag", 'f', 1}}, 0},
      {Production::set_ports, kTcp, "tcp", {{"src", 'd', 2}, {"dst", 'd', 2}}, 0},
      {Production::set_ports, kUdp, "udp", {{"src", 'd', 2}, {"dst", 'd', 2}}, 0},
      {Production::set_ports, kSctp, "sctp", {{"src", 'd', 2}, {"dst", 'd', 2}}, 0},
      {Production::set_icmp, kIcmp, "icmp", {{"type", 'd', 1}, {"code", 'd', 1}}, 0},
      {Production::set_icmp, kIcmpv6, "icmpv6", {{"type", 'd', 1}, {"code", 'd', 1}}, 0},
      {Production::set_arp, kArp, "arp", {{"sip", '4', 4}, {"tip", '4', 4}, {"op", 'd', 2}, {"sha", 'm', 6}, {"tha", 'm', 6}}, 2},
      {Production::set_nd, kNd, "nd", {{"target", '6', 16}, {"sll", 'm', 6}, {"tll", 'm', 6}}, 0},
      {Production::set_nd_ext, kNdExt, "nd_ext", {{"nd_reserved", 'r', 4}, {"nd_options_type", 'd', 1}}, 3},
  };
  const StructOf& what = kStructs[below(kStructs.size())];
  use(what.production);
  const bool whole = one_in(3);
  std::string inside, wire, mask;
  bool exact = true;
  // The struct's padding is no field: of what is set whole, it is not looked at.
  while (inside.empty()) {
    wire.clear(), mask.clear();
    exact = true;
    const bool more = options_.more;
    for (const FieldOf& f : what.fields) {
      const unsigned bits = f.kind == 'l' ? 20 : static_cast<unsigned>(8 * f.size);
      if (f.size == 16) {
        options_.more = false;
        Bytes16 v = bytes16();
        if (whole) v.mask = std::string(16, '\xff'), v.key = random_bytes(16);
        for (size_t i = 0; i < 16; i++) v.key[i] = static_cast<char>(v.key[i] & v.mask[i]);
        ipv6(inside, f.name, v);
        wire += v.key, mask += v.mask;
        exact &= v.exact();
        options_.more = more;
        continue;
      }
      Bits v = whole ? exact_number(bits) : number(bits);
      if (f.kind == 'f') v.key %= 3, v.mask = v.mask ? 0xff : 0;
      if (f.kind == 'r') v.mask = 0xffffffff;
      v.key &= v.mask;
      options_.more = false;
      constexpr const char* kFrags[] = {"no", "first", "later"};
      switch (f.kind) {
        case 'd': decimal(inside, f.name, v, bits); break;
        case 'm': mac(inside, f.name, v); break;
        case '4': ipv4(inside, f.name, v); break;
        case 'f': inside += v.mask ? std::string("frag=") + kFrags[v.key] + "," : ""; break;
        case 'r': inside += format("nd_reserved=0x%llx,", static_cast<unsigned long long>(v.key)); break;
        default: hex(inside, f.name, v, bits); break;
      }
      options_.more = more;
      exact &= v.mask == (bits == 64 ? UINT64_MAX : (1ull << bits) - 1);
      // Of the label's mask only 20 bits are there; where they are all set the reader sets all 32.
      if (f.kind == 'l' && v.mask == 0xfffff) v.mask = 0xffffffff;
      wire += network(v.key, f.size), mask += network(v.mask, f.size);
    }
  }
  chomp(inside);
  wire += std::string(what.padding, '\0'), mask += std::string(what.padding, '\0');
  text = std::string("set(") + what.name + "(" + inside + "))";
  row_.does |= 1ull << (exact ? kSet : kSetMasked);
  row_.sets |= 1ull << what.key;
  const size_t at = tree.begin(exact ? kSet : kSetMasked);
  tree.put(what.key, exact ? wire : wire + mask);
  tree.end(at);
}

void Generator::set_nsh(Attributes& tree, std::string& text) {
  use(Production::set_nsh);
  std::string inside, base, base_mask, contexts, contexts_mask;
  auto byte = [&](const char* name) {
    Bits v = number(8);
    v.key &= v.mask;
    if (v.mask) inside += v.mask == 255 ? format("%s=%u,", name, static_cast<unsigned>(v.key)) : format("%s=0x%02x/0x%02x,", name, static_cast<unsigned>(v.key), static_cast<unsigned>(v.mask));
    return v;
  };
  auto word = [&](const char* name, unsigned bits) {
    Bits v = number(bits);
    v.key &= v.mask;
    const bool exact = v.mask == (1ull << bits) - 1;
    if (v.mask) inside += exact ? format("%s=0x%x,", name, static_cast<unsigned>(v.key)) : format("%s=0x%x/0x%08x,", name, static_cast<unsigned>(v.key), static_cast<unsigned>(v.mask));
    return v;
  };
  for (const char* name : {"flags", "ttl", "mdtype", "np"}) {
    if (options_.add_flow && std::string_view(name) != "flags" && std::string_view(name) != "ttl") {
      base += '\0', base_mask += '\0';
      continue;
    }
    const Bits v = byte(name);
    base += network(v.key, 1), base_mask += network(v.mask, 1);
  }
  const Bits spi = word("spi", 24), si = byte("si");
  base += network(spi.key << 8 | si.key, 4), base_mask += network(spi.mask << 8 | si.mask, 4);
  for (const char* name : {"c1", "c2", "c3", "c4"}) {
    const Bits v = word(name, 32);
    contexts += network(v.key, 4), contexts_mask += network(v.mask, 4);
  }
  if (inside.empty()) {
    inside = "si=7,";
    base[7] = 7, base_mask[7] = '\xff';
  }
  chomp(inside);
  text = "set(nsh(" + inside + "))";
  row_.does |= 1ull << kSetMasked;
  row_.sets |= 1ull << kNsh;
  const size_t at = tree.begin(kSetMasked), nsh = tree.begin(kNsh);
  tree.put(1, base + base_mask), tree.put(2, contexts + contexts_mask);
  tree.end(nsh), tree.end(at);
}

}  // namespace cti::grammar
