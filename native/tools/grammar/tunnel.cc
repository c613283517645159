// tunnel(...) as a key and as what is set, and the headers of tnl_push(...).
#include "tools/grammar/grammar.h"

namespace cti::grammar {
namespace {

// OVS_TUNNEL_KEY_ATTR_*, by number.
enum Tunnel : unsigned { kId = 0, kSrc = 1, kDst = 2, kTos = 3, kTtl = 4, kDf = 5, kCsum = 6, kOam = 7, kGeneve = 8, kTpSrc = 9, kTpDst = 10, kVxlan = 11,
                         kSrc6 = 12, kDst6 = 13, kErspan = 15, kGtpu = 16 };
constexpr uint32_t kFlagsGiven = 1u << 31, kIndexGiven = 1u << 30;
constexpr unsigned kTunnelKey = 16;

std::string network(uint64_t value, size_t size) {
  std::string out;
  for (size_t i = size; i-- > 0;) out += static_cast<char>(value >> (8 * i));
  return out;
}

// OVS's order of flags is oam, df, csum, key; the row's bits are df 1, csum 2, key 4, oam 8.
uint16_t row_flags(uint64_t printed) { return static_cast<uint16_t>((printed >> 1 & 7) | (printed & 1) << 3); }

}  // namespace

void Generator::tunnel() {
  auto& key = row_.flow.tunnel.key;
  auto& mask = row_.flow.tunnel.mask;
  if (one_in(20) && options_.more && may(Production::tunnel_empty)) return put_key(kTunnelKey, "tunnel", "flags(0/0)"), key.tun_attrs = mask.tun_attrs = 0,
    void(key.tun_attrs |= kFlagsGiven);
  std::string text;
  auto given = [&](unsigned number, const std::string& piece) {
    if (piece.empty()) return;
    key.tun_attrs |= 1u << number;
    if (piece.find('/') != piece.npos) mask.tun_attrs |= 1u << number;
    text += piece;
  };
  // What add-flow is given with a value of 0 it leaves out of its dump.
  auto draw = [&](unsigned bits) {
    Bits v = number(bits);
    if (options_.add_flow && !v.key) v = {1 + below(100), bits == 64 ? UINT64_MAX : (1ull << bits) - 1};
    return v;
  };
  auto maybe = [&] { return !one_in(3); };
  std::string piece;
  bool has_id = maybe();
  if (has_id) {
    const Bits id = draw(64);
    if (options_.more || id.mask) {
      piece = format("tun_id=0x%llx", static_cast<unsigned long long>(id.key)) + (id.mask == UINT64_MAX ? "" : format("/%#llx", static_cast<unsigned long long>(id.mask))) + ",";
      key.tun_id = id.key, mask.tun_id = id.mask;
      given(kId, piece);
    } else {
      has_id = false;
    }
  }
  const bool v6 = one_in(3);
  use(v6 ? Production::tunnel_ipv6 : Production::tunnel_ipv4);
  if (v6) {
    Bytes16 src = bytes16(), dst = bytes16();
    if (options_.add_flow) src = {"\x20\x01" + std::string(13, '\0') + "\1", std::string(16, '\xff')}, dst = {"\x20\x01" + random_bytes(14), std::string(16, '\xff')};
    if (options_.more || !src.none()) ipv6(piece = "", "ipv6_src", src), key.tun_ipv6_src = be128(src.key), mask.tun_ipv6_src = be128(src.mask), given(kSrc6, piece);
    if (options_.more || !dst.none()) ipv6(piece = "", "ipv6_dst", dst), key.tun_ipv6_dst = be128(dst.key), mask.tun_ipv6_dst = be128(dst.mask), given(kDst6, piece);
  } else {
    const Bits src = draw(32), dst = draw(32);
    if (options_.more || src.mask) ipv4(piece = "", "src", src), key.tun_src = static_cast<uint32_t>(src.key), mask.tun_src = static_cast<uint32_t>(src.mask), given(kSrc, piece);
    if (options_.more || dst.mask) ipv4(piece = "", "dst", dst), key.tun_dst = static_cast<uint32_t>(dst.key), mask.tun_dst = static_cast<uint32_t>(dst.mask), given(kDst, piece);
  }
  const Bits tos = draw(8), ttl = options_.add_flow ? Bits{1 + below(255), 255} : number(8), src = draw(16), dst = draw(16);
  if (maybe() && (options_.more || tos.mask)) hex(piece = "", "tos", tos, 8), key.tun_tos = static_cast<uint8_t>(tos.key), mask.tun_tos = static_cast<uint8_t>(tos.mask), given(kTos, piece);
  if (options_.more || ttl.mask) decimal(piece = "", "ttl", ttl, 8), key.tun_ttl = static_cast<uint8_t>(ttl.key), mask.tun_ttl = static_cast<uint8_t>(ttl.mask), given(kTtl, piece);
  if (maybe() && (options_.more || src.mask)) decimal(piece = "", "tp_src", src, 16), key.tun_tp_src = static_cast<uint16_t>(src.key), mask.tun_tp_src = static_cast<uint16_t>(src.mask), given(kTpSrc, piece);
  if (maybe() && (options_.more || dst.mask)) decimal(piece = "", "tp_dst", dst, 16), key.tun_tp_dst = static_cast<uint16_t>(dst.key), mask.tun_tp_dst = static_cast<uint16_t>(dst.mask), given(kTpDst, piece);
  text += tunnel_options();
  Bits shown = number(4);
  if (options_.add_flow) shown.mask = (shown.mask & 7) | (has_id ? 8 : 0), shown.key = (shown.key & shown.mask & 7) | (has_id ? 8 : 0);
  shown.key &= shown.mask;
  if (options_.more || shown.mask) {
    use(shown.mask == 15 ? Production::tunnel_flags_exact : Production::tunnel_flags_masked);
    const std::string words = flags({"oam", "df", "csum", "key"}, shown, 15);
    text += "flags(" + words + "),";
    key.tun_attrs |= kFlagsGiven;
    if (words[0] == '+' || words[0] == '-') mask.tun_attrs |= kFlagsGiven;
    key.tun_flags = row_flags(shown.key), mask.tun_flags = shown.mask == 15 ? 0xffff : row_flags(shown.mask);
  }
  put_key(kTunnelKey, "tunnel", text, true);
}

std::string Generator::tunnel_options() {
  auto& key = row_.flow.tunnel.key;
  auto& mask = row_.flow.tunnel.mask;
  std::string text;
  auto option = [&](unsigned number, const char* name, std::string inside) {
    chomp(inside);
    key.tun_attrs |= 1u << number;
    if (inside.find('/') != inside.npos) mask.tun_attrs |= 1u << number;
    text += name + ("(" + inside + "),");
  };
  if (one_in(4) && may(Production::tunnel_gbp)) {
    Bits id = number(16), of = number(8);
    if (options_.add_flow) id = {1 + below(0xffff), 0xffff};
    std::string inside;
    decimal(inside, "id", id, 16), hex(inside, "flags", of, 8);
    chomp(inside);
    key.tun_gbp_id = static_cast<uint16_t>(id.key), mask.tun_gbp_id = static_cast<uint16_t>(id.mask);
    key.tun_gbp_flags = static_cast<uint8_t>(of.key), mask.tun_gbp_flags = static_cast<uint8_t>(of.mask);
    option(kVxlan, "vxlan", "gbp(" + inside + ")");
  }
  if (one_in(3)) {
    if (one_in(20) && may(Production::tunnel_geneve_error)) {
      const char* errors[] = {"geneve(opt len 2 less than minimum 4)", "geneve(opt len 12 greater than remaining 8)", "geneve(value len 8 different from mask len 4)"};
      row_.tunnel_text = errors[below(3)];
    } else {
      use(Production::tunnel_geneve);
      option(kGeneve, "geneve", geneve_match());
    }
  }
  const bool text_last = !row_.tunnel_text.empty();  // parts that are kept stand together
  if (!text_last && !options_.add_flow && one_in(5)) {
    Bits ver{1 + below(2), options_.more ? number(8).mask : 0xff};
    std::string inside;
    decimal(inside, "ver", ver, 8);
    key.tun_erspan_ver = static_cast<uint8_t>(ver.key), mask.tun_erspan_ver = static_cast<uint8_t>(ver.mask);
    if (ver.key == 1) {
      use(Production::tunnel_erspan1);
      const Bits index = number(32);
      inside += format("idx=%#llx/%#llx", static_cast<unsigned long long>(index.key), static_cast<unsigned long long>(index.mask));
      key.tun_attrs |= kIndexGiven, mask.tun_attrs |= kIndexGiven;
      key.tun_erspan_idx = static_cast<uint32_t>(index.key), mask.tun_erspan_idx = static_cast<uint32_t>(index.mask);
    } else {
      use(Production::tunnel_erspan2);
      const Bits dir = number(1), hwid = number(6);
      auto wide = [](Bits v, uint64_t all) { return Bits{v.key, v.mask == all ? 0xff : v.mask}; };
      const Bits d = wide(dir, 1), h = wide(hwid, 63);
      decimal(inside, "dir", d, 8), hex(inside, "hwid", h, 8);
      key.tun_erspan_dir = static_cast<uint8_t>(d.key), mask.tun_erspan_dir = static_cast<uint8_t>(d.mask);
      key.tun_erspan_hwid = static_cast<uint8_t>(h.key), mask.tun_erspan_hwid = static_cast<uint8_t>(h.mask);
    }
    option(kErspan, "erspan", inside);
  }
  if (!text_last && one_in(5) && may(Production::tunnel_gtpu)) {
    Bits of = number(8), type = number(8);
    if (options_.add_flow) of = {1 + below(255), 255}, type = {1 + below(255), 255};
    std::string inside;
    hex(inside, "flags", of, 8), decimal(inside, "msgtype", type, 8);
    key.tun_gtpu_flags = static_cast<uint8_t>(of.key), mask.tun_gtpu_flags = static_cast<uint8_t>(of.mask);
    key.tun_gtpu_msgtype = static_cast<uint8_t>(type.key), mask.tun_gtpu_msgtype = static_cast<uint8_t>(type.mask);
    option(kGtpu, "gtpu", inside);
  }
  if (one_in(20) && may(Production::tunnel_unknown)) {
    if (text_last) row_.tunnel_text += ',';
    row_.tunnel_text += "key19(" + hex_pairs(2, " ") + "/" + hex_pairs(2, " ") + ")";
  }
  if (!row_.tunnel_text.empty()) text += row_.tunnel_text + ",";
  return text;
}

std::string Generator::geneve_match() {
  std::string text;
  auto& tunnel = row_.flow.tunnel;
  for (uint64_t n = below(4), i = 0; i < n || (options_.add_flow && i == 0); i++) {
    Bits cls = number(16), type = number(8);
    const size_t words = below(!one_in(4) ? 4 : options_.add_flow ? 16 : 32);  // add-flow takes 252 bytes in all
    Bits size{4 * words, 0xff};
    uint8_t size_mask = 0x1f;
    std::string data = random_bytes(4 * words), of = one_in(2) ? std::string(4 * words, '\xff') : one_in(3) ? std::string(4 * words, '\0') : random_bytes(4 * words);
    if (options_.add_flow) {
      cls = exact_number(16), type = exact_number(8);
      of = std::string(4 * words, '\xff');
    } else if (one_in(6)) {  // a length that is not matched, or in part
      size.mask = below(0x1f);
      size_mask = static_cast<uint8_t>(size.mask);
      if (!options_.more && !size_mask) {
        // It is left out, so the reader cannot know it, nor where data would be.
        size.key = 0, data.clear(), of.clear();
      }
    }
    const bool unmatched = of == std::string(of.size(), '\0');
    if (!options_.more && unmatched) data.assign(data.size(), '\0');
    std::string option;
    hex(option, "class", cls, 16), hex(option, "type", type, 8), decimal(option, "len", size, 8);
    if (!data.empty() && (options_.more || !unmatched)) {
      option += hex_text(data);
      if (of != std::string(of.size(), '\xff')) option += "/" + hex_text(of);
    }
    chomp(option);
    text += "{" + option + "}";
    row_.geneve_key += network(cls.key, 2) + network(type.key, 1) + network(size.key / 4, 1) + data;
    row_.geneve_mask += network(cls.mask, 2) + network(type.mask, 1) + network(size_mask, 1) + of;
    if (i > 0) continue;
    tunnel.key.tun_geneve_class = static_cast<uint16_t>(cls.key), tunnel.mask.tun_geneve_class = static_cast<uint16_t>(cls.mask);
    tunnel.key.tun_geneve_type = static_cast<uint8_t>(type.key), tunnel.mask.tun_geneve_type = static_cast<uint8_t>(type.mask);
    if (data.empty() || data.size() > 8) continue;
    for (size_t at = 0; at < data.size(); at++) {
      tunnel.key.tun_geneve_data = tunnel.key.tun_geneve_data << 8 | static_cast<uint8_t>(data[at]);
      tunnel.mask.tun_geneve_data = tunnel.mask.tun_geneve_data << 8 | static_cast<uint8_t>(of[at]);
    }
    if (tunnel.mask.tun_geneve_data && data.size() == 4) tunnel.mask.tun_geneve_data |= 0xffffffff00000000;
  }
  return text;
}

// Options as actions have them.
std::string Generator::geneve_exact(std::string& wire) {
  std::string text;
  for (uint64_t n = 1 + below(3); n > 0; n--) {
    const uint64_t cls = below(0x10000), type = below(256), words = below(4);
    const std::string data = random_bytes(4 * words);
    text += format("{class=%#llx,type=%#llx,len=%llu", static_cast<unsigned long long>(cls), static_cast<unsigned long long>(type), static_cast<unsigned long long>(4 * words));
    if (words) text += "," + hex_text(data);
    text += "}";
    wire += network(cls, 2) + network(type, 1) + network(words, 1) + data;
  }
  return text;
}

// As set(tunnel(...)) has it: without masks, of the fields that are there.
void Generator::set_tunnel(Attributes& tree, std::string& text) {
  use(Production::set_tunnel);
  const size_t tunnel = tree.begin(kTunnelKey);
  auto field = [&](unsigned number, const std::string& piece, const std::string& wire) {
    text += piece + ",";
    tree.put(static_cast<uint16_t>(number), wire);
  };
  const bool has_id = !one_in(4), v6 = one_in(3);
  if (has_id) {
    const uint64_t id = random_() >> below(64);
    field(kId, format("tun_id=0x%llx", static_cast<unsigned long long>(id)), network(id, 8));
  }
  for (unsigned number : v6 ? std::array{kSrc6, kDst6} : std::array{kSrc, kDst}) {
    const std::string address = v6 ? random_bytes(16) : "";
    const uint64_t four = random_() & 0xffffffff;
    const std::string name = std::string(v6 ? "ipv6_" : "") + (number == kSrc || number == kSrc6 ? "src=" : "dst=");
    field(number, name + (v6 ? ipv6_text(address) : ipv4_text(four)), v6 ? address : network(four, 4));
  }
  if (one_in(2)) {
    const uint64_t tos = below(256);
    field(kTos, format("tos=%#llx", static_cast<unsigned long long>(tos)), network(tos, 1));
  }
  const uint64_t ttl = below(256);
  field(kTtl, "ttl=" + std::to_string(ttl), network(ttl, 1));
  for (unsigned number : {kTpSrc, kTpDst}) {
    if (one_in(2)) continue;
    const uint64_t value = below(0x10000);
    field(number, (number == kTpSrc ? "tp_src=" : "tp_dst=") + std::to_string(value), network(value, 2));
  }
  switch (below(6)) {
    case 0: {
      use(Production::set_tunnel_gbp);
      const uint32_t id = static_cast<uint32_t>(below(0x10000)), of = static_cast<uint32_t>(below(256));
      text += format("vxlan(gbp(id=%u,flags=%#x)),", id, of);
      const size_t vxlan = tree.begin(kVxlan);
      tree.put_number<uint32_t>(1, id | of << 16);
      tree.end(vxlan);
      break;
    }
    case 1: {
      use(Production::set_tunnel_geneve);
      std::string wire;
      text += "geneve(" + geneve_exact(wire) + "),";
      tree.put(kGeneve, wire);
      break;
    }
    case 2: {
      use(Production::set_tunnel_erspan);
      const size_t erspan = tree.begin(kErspan);
      if (one_in(2)) {
        const uint32_t index = static_cast<uint32_t>(random_());
        text += format("erspan(ver=1,idx=%#x),", index);
        tree.number<uint32_t>(1), tree.network(index, 4), tree.network(0, 4);
      } else {
        const uint32_t dir = static_cast<uint32_t>(below(2)), hwid = static_cast<uint32_t>(below(options_.add_flow ? 16 : 64));
        text += format("erspan(ver=2,dir=%u,hwid=%#x),", dir, hwid);
        tree.number<uint32_t>(2), tree.network(0, 4), tree.network((hwid >> 4) << 8 | (hwid & 15) << 4 | dir << 3, 4);
      }
      tree.end(erspan);
      break;
    }
    case 3: {
      use(Production::set_tunnel_gtpu);
      const uint32_t of = static_cast<uint32_t>(below(256)), type = static_cast<uint32_t>(below(256));
      text += format("gtpu(flags=%#x,msgtype=%u),", of, type);
      tree.put(kGtpu, network(of, 1) + network(type, 1));
      break;
    }
    case 4:
      if (one_in(3) && may(Production::set_tunnel_unknown)) {
        const std::string part = "key19(" + hex_pairs(2, " ") + ")";
        text += part + ",";
        tree.put(0x3f00, part);
        row_.n_unknown_actions++;
      }
      break;
    default:
      break;
  }
  // Where all three are set, add-flow makes a masked set of it, which OVS prints as key and mask one after the other.
  const uint64_t shown = below(options_.add_flow ? 7 : 8) | (has_id ? 8 : 0);
  text += "flags(" + flags({"oam", "df", "csum", "key"}, {shown, 15}, 15) + ")";
  if (shown & 2) tree.flag(kDf);
  if (shown & 4) tree.flag(kCsum);
  if (shown & 1) tree.flag(kOam);
  tree.end(tunnel);
}

void Generator::tunnel_push(Attributes& tree, std::string& text) {
  enum { gre, vxlan, geneve, erspan1, erspan2, gtpu, srv6, other, kKinds };
  constexpr Production kProductionOf[] = {Production::tnl_push_gre, Production::tnl_push_vxlan, Production::tnl_push_geneve, Production::tnl_push_erspan1,
                                          Production::tnl_push_erspan2, Production::tnl_push_gtpu, Production::tnl_push_srv6, Production::tnl_push_other};
  uint64_t kind = below(kKinds);
  while (!may(kProductionOf[kind])) kind = below(kKinds);
  const bool v6 = kind == srv6 || one_in(3);
  std::string wire, head, rest;
  const uint64_t dst = random_() & 0xffffffffffff, src = random_() & 0xffffffffffff;
  wire = network(dst, 6) + network(src, 6) + network(v6 ? 0x86dd : 0x0800, 2);
  const unsigned proto = static_cast<unsigned>(below(256)), tos = static_cast<unsigned>(below(256)), ttl = static_cast<unsigned>(below(256));
  if (v6) {
    const std::string from = random_bytes(16), to = random_bytes(16);
    const unsigned label = static_cast<unsigned>(below(0x100000));
    head = "ipv6(src=" + ipv6_text(from) + ",dst=" + ipv6_text(to) + format(",label=%u,proto=%u,tclass=0x%x,hlimit=%u),", label, proto, tos, ttl);
    wire += network(6ull << 28 | tos << 20 | label, 4) + network(0, 2) + network(proto, 1) + network(ttl, 1) + from + to;
  } else {
    const uint64_t from = random_() & 0xffffffff, to = random_() & 0xffffffff, frag = below(0x10000);
    head = "ipv4(src=" + ipv4_text(from) + ",dst=" + ipv4_text(to) + format(",proto=%u,tos=%#x,ttl=%u,frag=0x%x),", proto, tos, ttl, static_cast<unsigned>(frag));
    std::string ip = network(0x45, 1) + network(tos, 1) + network(0, 4) + network(frag, 2) + network(ttl, 1) + network(proto, 1) + network(0, 2) + network(from, 4) + network(to, 4);
    uint32_t sum = 0;
    for (size_t i = 0; i < 20; i += 2) sum += static_cast<uint32_t>(static_cast<uint8_t>(ip[i]) << 8 | static_cast<uint8_t>(ip[i + 1]));
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    ip.replace(10, 2, network(~sum, 2));
    wire += ip;
  }
  auto udp = [&](uint64_t port) {
    const unsigned source = static_cast<unsigned>(below(0x10000)), csum = static_cast<unsigned>(below(0x10000));
    rest += format("udp(src=%u,dst=%u,csum=0x%x),", source, static_cast<unsigned>(port), csum);
    wire += network(source, 2) + network(port, 2) + network(0, 2) + network(csum, 2);
  };
  const unsigned vni = static_cast<unsigned>(below(0x1000000));
  unsigned type = 0;
  switch (kind) {
    case gre: {
      type = v6 ? 109 : 3;
      const unsigned given = static_cast<unsigned>(below(8)) << 12, of = (given & 0x1000) | (given & 0x2000) | (given & 0x4000 ? 0x8000 : 0), protocol = static_cast<unsigned>(below(0x10000));
      rest = format("gre((flags=0x%x,proto=0x%x)", of, protocol);
      wire += network(of, 2) + network(protocol, 2);
      if (of & 0x8000) {
        const unsigned csum = static_cast<unsigned>(below(0x10000));
        rest += format(",csum=0x%x", csum), wire += network(csum, 2) + network(0, 2);
      }
      if (of & 0x2000) {
        const unsigned id = static_cast<unsigned>(random_());
        rest += format(",key=0x%x", id), wire += network(id, 4);
      }
      if (of & 0x1000) {
        const unsigned sequence = static_cast<unsigned>(random_());
        rest += format(",seq=0x%x", sequence), wire += network(sequence, 4);
      }
      rest += ")";
      break;
    }
    case vxlan: {
      type = 4;
      udp(4789);
      const unsigned of = static_cast<unsigned>(random_());
      rest += format("vxlan(flags=0x%x,vni=0x%x)", of, vni);
      wire += network(of, 4) + network(vni << 8, 4);
      break;
    }
    case geneve: {
      type = 5;
      udp(6081);
      const bool oam = one_in(2), crit = one_in(2), options = one_in(2);
      std::string data;
      const std::string words = options ? geneve_exact(data) : "";
      rest += format("geneve(%s%svni=0x%x", oam ? "oam," : "", crit ? "crit," : "", vni) + (options ? ",options(" + words + ")" : "") + ")";
      wire += network(data.size() / 4, 1) + network((oam ? 0x80 : 0) | (crit ? 0x40 : 0), 1) + network(0x6558, 2) + network(vni << 8, 4) + data;
      break;
    }
    case erspan1:
    case erspan2: {
      type = v6 ? 108 : 107;
      const unsigned sid = static_cast<unsigned>(below(1024)), index = static_cast<unsigned>(random_()), dir = static_cast<unsigned>(below(2)), hwid = static_cast<unsigned>(below(64));
      wire += network(0x1000, 2) + network(kind == erspan1 ? 0x88be : 0x22eb, 2) + network(0, 4) + network((kind == erspan1 ? 1u : 2u) << 28 | sid, 4);
      if (kind == erspan1) {
        rest = format("erspan(ver=1,sid=0x%x,idx=0x%x)", sid, index);
        wire += network(index, 4);
      } else {
        rest = format("erspan(ver=2,sid=0x%x,dir=%u,hwid=0x%x)", sid, dir, hwid);
        wire += network(0, 4) + network((hwid >> 4) << 8 | (hwid & 15) << 4 | dir << 3, 4);
      }
      break;
    }
    case gtpu: {
      type = 110;
      udp(2152);
      const unsigned of = static_cast<unsigned>(below(256)), message = static_cast<unsigned>(below(256)), teid = static_cast<unsigned>(random_());
      rest += format("gtpu(flags=0x%x,msgtype=%u,teid=0x%x)", of, message, teid);
      wire += network(of, 1) + network(message, 1) + network(0, 2) + network(teid, 4);
      break;
    }
    case srv6: {
      type = 112;
      const uint64_t n = 1 + below(6), left = below(n + 1);
      std::string segments, list;
      for (uint64_t i = 0; i < n; i++) {
        const std::string segment = random_bytes(16);
        list += (i ? "," : "") + ipv6_text(segment);
        segments.insert(0, segment);  // the path's last segment comes first
      }
      rest = "srv6(segments_left=" + std::to_string(left) + ",segs(" + list + "))";
      wire += network(0, 1) + network(2 * n, 1) + network(4, 1) + network(left, 1) + network(n - 1, 1) + network(0, 3) + segments;
      break;
    }
    default:
      type = 111;  // bareudp: OVS has no notation for it, and prints a comma and nothing
      break;
  }
  // The size of what is pushed is the header's, but what add-flow would refuse nobody checks elsewhere.
  text = "tnl_push(tnl_port(";
  const size_t push = tree.begin(26);
  tree.number(port(text));
  const size_t out_port = tree.bytes.size();
  tree.number<uint32_t>(0);
  tree.number(static_cast<uint32_t>(wire.size()));
  tree.number<uint32_t>(type);
  tree.raw(wire);
  text += "),header(size=" + std::to_string(wire.size()) + format(",type=%u,eth(dst=", type) + mac_text(dst) + ",src=" + mac_text(src) + format(",dl_type=0x%04x),", v6 ? 0x86dd : 0x800);
  text += head + rest + "),out_port(";
  const uint32_t id = port(text);
  tree.bytes[out_port] = static_cast<uint8_t>(id);
  row_.out_ports.push_back(id);
  text += "))";
  tree.end(push);
  row_.does |= 1ull << 26;
}

}  // namespace cti::grammar
