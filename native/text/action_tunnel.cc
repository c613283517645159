// tnl_push(...): the outer headers as the bytes that are pushed; and push_nsh(...).
#include <vector>

#include "text/actions.h"
#include "text/tunnel_key.h"

namespace cti::text {
namespace {

// OVS_VPORT_TYPE_*
enum VportType : uint32_t {
  kVportGre = 3,
  kVportVxlan = 4,
  kVportGeneve = 5,
  kVportErspan = 107,
  kVportIp6Erspan = 108,
  kVportIp6Gre = 109,
  kVportGtpu = 110,
  kVportSrv6 = 112,
};
constexpr size_t kHeaderAt = 16;  // header bytes in the attribute, after four u32

bool number(Cursor& c, std::string_view name, uint64_t max, uint64_t& value) { return c.eat(name) && c.number(value, max); }

void put_mac(uint64_t mac, TreeWriter& tree) {
  for (int shift = 40; shift >= 0; shift -= 8) tree.append(static_cast<uint8_t>(mac >> shift));
}
void put16(uint64_t value, TreeWriter& tree) { tree.append(swap16(static_cast<uint16_t>(value))); }
void put32(uint64_t value, TreeWriter& tree) { tree.append(swap32(static_cast<uint32_t>(value))); }

uint16_t ip_checksum(const uint8_t* header) {
  uint32_t sum = 0;
  for (int i = 0; i < 20; i += 2) sum += static_cast<uint32_t>(header[i] << 8 | header[i + 1]);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~(sum + (sum >> 16)));
}

bool scan_ipv4(Cursor& c, TreeWriter& tree) {
  uint32_t src, dst;
  uint64_t proto, tos, ttl, frag;
  if (!c.eat("ipv4(src=") || !c.ipv4(src) || !c.eat(",dst=") || !c.ipv4(dst) || !number(c, ",proto=", 255, proto) ||
      !number(c, ",tos=", 255, tos) || !number(c, ",ttl=", 255, ttl) || !number(c, ",frag=", 0xffff, frag) || !c.eat("),"))
    return false;
  size_t start = tree.size();
  tree.append(uint8_t{0x45});
  tree.append(static_cast<uint8_t>(tos));
  put32(0, tree);  // length and id: filled in for each packet
  put16(frag, tree);
  tree.append(static_cast<uint8_t>(ttl));
  tree.append(static_cast<uint8_t>(proto));
  put16(0, tree);
  put32(src, tree);
  put32(dst, tree);
  store(&tree.raw()[start + 10], swap16(ip_checksum(&tree.raw()[start])));
  return true;
}

bool scan_ipv6(Cursor& c, TreeWriter& tree) {
  cti_be128 src, dst;
  uint64_t label, proto, tclass, hlimit;
  if (!c.eat("ipv6(src=") || !c.ipv6(src) || !c.eat(",dst=") || !c.ipv6(dst) || !number(c, ",label=", 0xfffff, label) ||
      !number(c, ",proto=", 255, proto) || !number(c, ",tclass=", 255, tclass) || !number(c, ",hlimit=", 255, hlimit) ||
      !c.eat("),"))
    return false;
  put32(6ull << 28 | tclass << 20 | label, tree);
  put16(0, tree);
  tree.append(static_cast<uint8_t>(proto));
  tree.append(static_cast<uint8_t>(hlimit));
  tree.append(src);
  tree.append(dst);
  return true;
}

bool scan_udp(Cursor& c, TreeWriter& tree) {
  uint64_t src, dst, csum;
  if (!number(c, "udp(src=", 0xffff, src) || !number(c, ",dst=", 0xffff, dst) || !number(c, ",csum=", 0xffff, csum) || !c.eat("),"))
    return false;
  put16(src, tree);
  put16(dst, tree);
  put16(0, tree);
  put16(csum, tree);
  return true;
}

bool scan_vxlan(Cursor& c, TreeWriter& tree) {
  uint64_t flags, vni;
  if (!number(c, "flags=", UINT32_MAX, flags) || !number(c, ",vni=", 0xffffff, vni)) return false;
  put32(flags, tree);
  put32(vni << 8, tree);
  return true;
}

bool scan_geneve_header(Cursor& c, TreeWriter& tree) {
  uint8_t flags = 0;
  uint64_t vni;
  if (c.eat("oam,")) flags |= 0x80;
  if (c.eat("crit,")) flags |= 0x40;
  if (!number(c, "vni=", 0xffffff, vni)) return false;
  size_t start = tree.size();
  tree.append(uint8_t{0});
  tree.append(flags);
  put16(0x6558, tree);
  put32(vni << 8, tree);
  if (!c.eat(",options(")) return true;
  if (!scan_geneve(c, tree.raw()) || !c.eat(')')) return false;
  size_t size = tree.size() - start - 8;
  if (size > 252) return false;
  tree.raw()[start] = static_cast<uint8_t>(size / 4);
  return true;
}

bool scan_gre(Cursor& c, TreeWriter& tree) {
  uint64_t flags, proto, value;
  if (!number(c, "(flags=", 0xffff, flags) || !number(c, ",proto=", 0xffff, proto) || !c.eat(')')) return false;
  put16(flags, tree);
  put16(proto, tree);
  if (flags & 0x8000) {
    if (!number(c, ",csum=", 0xffff, value)) return false;
    put16(value, tree);
    put16(0, tree);
  }
  if (flags & 0x2000) {
    if (!number(c, ",key=", UINT32_MAX, value)) return false;
    put32(value, tree);
  }
  if (flags & 0x1000) {
    if (!number(c, ",seq=", UINT32_MAX, value)) return false;
    put32(value, tree);
  }
  return true;
}

bool scan_gtpu(Cursor& c, TreeWriter& tree) {
  uint64_t flags, type, teid;
  if (!number(c, "flags=", 255, flags) || !number(c, ",msgtype=", 255, type) || !number(c, ",teid=", UINT32_MAX, teid)) return false;
  tree.append(static_cast<uint8_t>(flags));
  tree.append(static_cast<uint8_t>(type));
  put16(0, tree);
  put32(teid, tree);
  return true;
}

// A GRE header with sequence number, then the ERSPAN header of version 1 or 2:
//   ver 4 | vlan 12 | cos 3, bso 2, t 1 | sid 10, then v1: be32 index
//   v2: be32 time | be16 sgt | p 1, ft 5, hwid's upper 2 | hwid's lower 4, dir 1, gra 2, o 1
bool scan_erspan(Cursor& c, TreeWriter& tree) {
  uint64_t version, sid, index, dir, hwid;
  if (!number(c, "ver=", 2, version) || version == 0 || !number(c, ",sid=", 0x3ff, sid)) return false;
  put16(0x1000, tree);
  put16(version == 1 ? 0x88be : 0x22eb, tree);
  put32(0, tree);
  put32(version << 28 | sid, tree);
  if (version == 1) {
    if (!number(c, ",idx=", UINT32_MAX, index)) return false;
    put32(index, tree);
    return true;
  }
  if (!number(c, ",dir=", 1, dir) || !number(c, ",hwid=", 0x3f, hwid)) return false;
  put32(0, tree);
  put32(hwid >> 4 << 8 | (hwid & 15) << 4 | dir << 3, tree);
  return true;
}

// A routing header of type 4. The first segment of the list is the last of the path, OVS prints them along the path:
//   next header 8 | length in 8 bytes 8 | type 8 | segments left 8 | last entry 8 | flags 8 | tag 16 | segments, 16 bytes each
constexpr size_t kSegmentsAt = 8, kSegment = 16, kMaxSegments = 127;

bool scan_srv6(Cursor& c, TreeWriter& tree) {
  uint64_t left;
  if (!number(c, "segments_left=", 255, left) || !c.eat(",segs(")) return false;
  std::vector<cti_be128> segments;
  do {
    if (segments.size() == kMaxSegments || !c.ipv6(segments.emplace_back())) return false;
  } while (c.eat(','));
  const size_t n = segments.size();
  for (uint64_t byte : {uint64_t{0}, uint64_t{2 * n}, uint64_t{4}, left, uint64_t{n - 1}, uint64_t{0}})
    tree.append(static_cast<uint8_t>(byte));
  put16(0, tree);
  for (size_t i = n; i-- > 0;) tree.append(segments[i]);
  return c.eat(')');
}

// Behind the IP header; nothing where OVS knows no notation for the tunnel's type.
bool scan_l4(Cursor& c, TreeWriter& tree) {
  if (c.peek() == ')') return true;
  if (c.eat("srv6(")) return scan_srv6(c, tree) && c.eat(')');
  if (c.eat("erspan(")) return scan_erspan(c, tree) && c.eat(')');
  if (c.eat("gre(")) return scan_gre(c, tree) && c.eat(')');
  if (!scan_udp(c, tree)) return false;
  if (c.eat("vxlan(")) return scan_vxlan(c, tree) && c.eat(')');
  if (c.eat("geneve(")) return scan_geneve_header(c, tree) && c.eat(')');
  if (c.eat("gtpu(")) return scan_gtpu(c, tree) && c.eat(')');
  return false;
}

uint16_t get16(Bytes b, size_t offset) { return offset + 2 <= b.size() ? swap16(load<uint16_t>(b.data() + offset)) : 0; }
uint32_t get32(Bytes b, size_t offset) { return offset + 4 <= b.size() ? swap32(load<uint32_t>(b.data() + offset)) : 0; }
uint64_t get_mac(Bytes b, size_t offset) { return static_cast<uint64_t>(get16(b, offset)) << 32 | get32(b, offset + 2); }

void put(std::string_view name, uint64_t value, TextBuffer& out) {
  out.put(name);
  out.put_dec(value);
}
void put_0x(std::string_view name, uint64_t value, TextBuffer& out) {
  out.put(name);
  out.put_0x(value);
}

// Prints the IP header and returns what follows it.
Bytes print_ip(Bytes header, TextBuffer& out) {
  bool v4 = get16(header, 12) == 0x0800;
  Bytes ip = header.subspan(14);
  if (ip.size() < (v4 ? 20u : 40u)) return {};
  if (v4) {
    out.put("ipv4(src=");
    out.put_ipv4(get32(ip, 12));
    out.put(",dst=");
    out.put_ipv4(get32(ip, 16));
    put(",proto=", ip[9], out);
    out.put(",tos=");
    out.put_hex(ip[1]);
    put(",ttl=", ip[8], out);
    put_0x(",frag=", get16(ip, 6), out);
    out.put("),");
    return ip.subspan(20);
  }
  out.put("ipv6(src=");
  out.put_ipv6(load<cti_be128>(ip.data() + 8));
  out.put(",dst=");
  out.put_ipv6(load<cti_be128>(ip.data() + 24));
  put(",label=", get32(ip, 0) & 0xfffff, out);
  put(",proto=", ip[6], out);
  put_0x(",tclass=", get32(ip, 0) >> 20 & 0xff, out);
  put(",hlimit=", ip[7], out);
  out.put("),");
  return ip.subspan(40);
}

Bytes print_udp(Bytes l4, TextBuffer& out) {
  if (l4.size() < 8) return {};
  put("udp(src=", get16(l4, 0), out);
  put(",dst=", get16(l4, 2), out);
  put_0x(",csum=", get16(l4, 6), out);
  out.put("),");
  return l4.subspan(8);
}

void print_gre(Bytes l4, TextBuffer& out) {
  uint16_t flags = get16(l4, 0);
  size_t offset = 4;
  put_0x("gre((flags=", flags, out);
  put_0x(",proto=", get16(l4, 2), out);
  out.put(')');
  if (flags & 0x8000) put_0x(",csum=", get16(l4, offset), out), offset += 4;
  if (flags & 0x2000) put_0x(",key=", get32(l4, offset), out), offset += 4;
  if (flags & 0x1000) put_0x(",seq=", get32(l4, offset), out);
  out.put(')');
}

void print_erspan(Bytes l4, TextBuffer& out) {
  uint32_t head = get32(l4, 8);
  put("erspan(ver=", head >> 28, out);
  put_0x(",sid=", head & 0x3ff, out);
  if (head >> 28 == 1) {
    put_0x(",idx=", get32(l4, 12), out);
  } else {
    uint32_t bits = get32(l4, 16);
    put(",dir=", bits >> 3 & 1, out);
    put_0x(",hwid=", (bits >> 8 & 3) << 4 | (bits >> 4 & 15), out);
  }
  out.put(')');
}

void print_srv6(Bytes l4, TextBuffer& out) {
  if (l4.size() < kSegmentsAt) return;
  const size_t n = l4[4] + size_t{1};
  if (l4.size() < kSegmentsAt + n * kSegment) return;
  put("srv6(segments_left=", l4[3], out);
  out.put(",segs(");
  for (size_t i = n; i-- > 0;) {
    out.put_ipv6(load<cti_be128>(l4.data() + kSegmentsAt + i * kSegment));
    if (i) out.put(',');
  }
  out.put("))");
}

void print_l4(Bytes l4, uint32_t type, TextBuffer& out) {
  if (l4.empty()) return;
  switch (type) {
    case kVportSrv6:
      return print_srv6(l4, out);
    case kVportVxlan:
      l4 = print_udp(l4, out);
      put_0x("vxlan(flags=", get32(l4, 0), out);
      put_0x(",vni=", get32(l4, 4) >> 8, out);
      return out.put(')');
    case kVportGeneve: {
      l4 = print_udp(l4, out);
      if (l4.size() < 8) return;
      out.put("geneve(");
      if (l4[1] & 0x80) out.put("oam,");
      if (l4[1] & 0x40) out.put("crit,");
      put_0x("vni=", get32(l4, 4) >> 8, out);
      if (size_t size = 4u * (l4[0] & 0x3f); size && size <= l4.size() - 8) {
        out.put(",options(");
        print_geneve(l4.subspan(8, size), out);
        out.put(')');
      }
      return out.put(')');
    }
    case kVportGre:
    case kVportIp6Gre:
      return print_gre(l4, out);
    case kVportErspan:
    case kVportIp6Erspan:
      return print_erspan(l4, out);
    case kVportGtpu:
      l4 = print_udp(l4, out);
      if (l4.size() < 8) return;
      put_0x("gtpu(flags=", l4[0], out);
      put(",msgtype=", l4[1], out);
      put_0x(",teid=", get32(l4, 4), out);
      return out.put(')');
    default:
      return;
  }
}

}  // namespace

bool scan_tunnel_push(Cursor& c, Names& names, TreeWriter& tree) {
  uint32_t tunnel_port, out_port;
  uint64_t size, type, src, dst, eth_type;
  if (!c.eat("tnl_port(") || !scan_port(c, names, tunnel_port) || !number(c, "),header(size=", 512, size) ||
      !number(c, ",type=", UINT32_MAX, type) || !c.eat(",eth(dst=") || !c.mac(dst) || !c.eat(",src=") || !c.mac(src) ||
      !number(c, ",dl_type=", 0xffff, eth_type) || !c.eat("),"))
    return false;
  size_t start = tree.open(kActTunnelPush);
  tree.append(tunnel_port);
  tree.append(uint32_t{0});
  tree.append(static_cast<uint32_t>(size));
  tree.append(static_cast<uint32_t>(type));
  put_mac(dst, tree);
  put_mac(src, tree);
  put16(eth_type, tree);
  if (!(eth_type == 0x0800 ? scan_ipv4(c, tree) : scan_ipv6(c, tree)) || !scan_l4(c, tree)) return false;
  if (!c.eat("),out_port(") || !scan_port(c, names, out_port) || !c.eat(')')) return false;
  store(&tree.raw()[start + 8], out_port);
  tree.close(start);
  return true;
}

void print_tunnel_push(const TreeAttr& push, const PortPrinter& printer, TextBuffer& out) {
  if (push.payload.size() < kHeaderAt + 14) return;
  Bytes header = push.payload.subspan(kHeaderAt);
  out.put("tnl_push(tnl_port(");
  printer.port(push.value<uint32_t>(0), out);
  put("),header(size=", push.value<uint32_t>(8), out);
  put(",type=", push.value<uint32_t>(12), out);
  out.put(",eth(dst=");
  out.put_mac(get_mac(header, 0));
  out.put(",src=");
  out.put_mac(get_mac(header, 6));
  out.put(",dl_type=0x");
  out.put_hex_digits(get16(header, 12), 4);
  out.put("),");
  print_l4(print_ip(header, out), push.value<uint32_t>(12), out);
  out.put("),out_port(");
  printer.port(push.value<uint32_t>(4), out);
  out.put("))");
}

bool scan_push_nsh(Cursor& c, TreeWriter& tree) {
  uint64_t flags, ttl, mdtype, np, spi, si;
  if (!number(c, "flags=", 255, flags) || !number(c, ",ttl=", 255, ttl) || !number(c, ",mdtype=", 255, mdtype) ||
      !number(c, ",np=", 255, np) || !number(c, ",spi=", 0xffffff, spi) || !number(c, ",si=", 255, si))
    return false;
  size_t start = tree.open(kActPushNsh);
  size_t base = tree.open(1);
  for (uint64_t byte : {flags, ttl, mdtype, np}) tree.append(static_cast<uint8_t>(byte));
  put32(spi << 8 | si, tree);
  tree.close(base);
  if (c.peek() == ',' && mdtype == 1) {
    size_t md1 = tree.open(2);
    for (std::string_view name : {",c1=", ",c2=", ",c3=", ",c4="}) {
      uint64_t context;
      if (!number(c, name, UINT32_MAX, context)) return false;
      put32(context, tree);
    }
    tree.close(md1);
  } else if (c.eat(",md2=")) {
    size_t md2 = tree.open(3);
    if (!c.hex_bytes(tree.raw(), 0)) return false;
    tree.close(md2);
  }
  tree.close(start);
  return true;
}

void print_push_nsh(Bytes nested, TextBuffer& out) {
  TreeAttr base{}, md{};
  if (!find_attr(nested, 1, base) || base.payload.size() < 8) return;
  put("push_nsh(flags=", base.payload[0], out);
  put(",ttl=", base.payload[1], out);
  put(",mdtype=", base.payload[2], out);
  put(",np=", base.payload[3], out);
  put_0x(",spi=", get32(base.payload, 4) >> 8, out);
  put(",si=", base.payload[7], out);
  if (find_attr(nested, 2, md)) {
    constexpr std::string_view kNames[] = {",c1=", ",c2=", ",c3=", ",c4="};
    for (size_t i = 0; i < 4; i++) put_0x(kNames[i], get32(md.payload, 4 * i), out);
  } else if (find_attr(nested, 3, md)) {
    out.put(",md2=");
    out.put_hex_bytes(md.payload);
  }
  out.put(')');
}

}  // namespace cti::text
