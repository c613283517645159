// Single keys: the inside of name(...), text <-> row.
#include <algorithm>

#include "text/field.h"
#include "text/match.h"
#include "text/tunnel_key.h"

namespace cti::text {
namespace {

using tables::DpFlow;

// "value" or "value/mask"; 'bare_hex': the mask is written as hex digits without 0x.
bool scan_masked(Cursor& c, uint64_t max, bool bare_hex, uint64_t& value, uint64_t& mask) {
  mask = max;
  if (!c.number(value, max)) return false;
  if (!c.eat('/')) return true;
  if (bare_hex && !c.rest().starts_with("0x")) return c.hex_digits(mask, max);
  return c.number(mask, max);
}

bool scan_packet_type(Cursor& c, DpFlow& flow) {
  uint64_t ns = 0, ns_mask = 0, id = 0, id_mask = 0;
  if (c.eat("ns=")) {
    if (!scan_masked(c, 0xffff, false, ns, ns_mask)) return false;
    if (!c.eat(',') && c.peek() != ')') return false;
  }
  if (c.eat("id=") && !scan_masked(c, 0xffff, false, id, id_mask)) return false;
  flow.match.key.packet_type = static_cast<uint32_t>(ns << 16 | id);
  flow.match.mask.packet_type = static_cast<uint32_t>(ns_mask << 16 | id_mask);
  return true;
}

void print_masked16(std::string_view name, uint32_t value, uint32_t mask, bool verbose, bool hex, TextBuffer& out) {
  value &= 0xffff, mask &= 0xffff;
  if (!verbose && !mask) return;
  out.put(name);
  hex ? out.put_hex(value) : out.put_dec(value);
  if (mask != 0xffff) {
    out.put('/');
    out.put_hex(mask);
  }
  out.put(',');
}

bool scan_eth_type(Cursor& c, DpFlow& flow) {
  bool none = c.rest().starts_with("0/");
  uint64_t value, mask;
  if (!scan_masked(c, 0xffff, false, value, mask)) return false;
  flow.match.key.eth_type = static_cast<uint16_t>(value);
  flow.match.mask.eth_type = static_cast<uint16_t>(mask);
  if (none) flow.match.key.attrs |= kNoEthertype;
  return true;
}

bool scan_in_port(Cursor& c, DpFlow& flow, Names& names) {
  const char* start = c.at;
  while (!c.done() && *c.at != ')') c.at++;
  std::string_view text(start, static_cast<size_t>(c.at - start));
  if (text.empty()) return false;
  uint64_t mask = UINT32_MAX;
  if (size_t slash = text.find('/'); slash != text.npos) {
    Cursor m(text.substr(slash + 1));
    uint64_t number;
    Cursor n(text.substr(0, slash));
    if (!n.number(number, UINT32_MAX) || !n.done() || !m.number(mask, UINT32_MAX) || !m.done()) return false;
    text = text.substr(0, slash);
  }
  flow.match.key.in_port = names.port(text);
  flow.match.mask.in_port = static_cast<uint32_t>(mask);
  return flow.match.key.in_port != UINT32_MAX;
}

// The first three entries have columns, the rest are a list in the blob.
bool scan_mpls(Cursor& c, DpFlow& flow, Names& names) {
  MplsStack stack;
  if (!scan_mpls_stack(c, stack)) return false;
  auto& key = flow.encap.key;
  auto& mask = flow.encap.mask;
  uint32_t* const values[] = {&key.mpls_lse0, &key.mpls_lse1, &key.mpls_lse2};
  uint32_t* const masks[] = {&mask.mpls_lse0, &mask.mpls_lse1, &mask.mpls_lse2};
  for (size_t i = 0; i < 3 && i < stack.n; i++) *values[i] = stack.values[i], *masks[i] = stack.masks[i];
  if (stack.n > 3) {
    const size_t size = 4 * (stack.n - 3);
    key.mpls_more = names.intern({reinterpret_cast<const char*>(stack.values + 3), size});
    mask.mpls_more = names.intern({reinterpret_cast<const char*>(stack.masks + 3), size});
  }
  key.mpls_depth = static_cast<uint8_t>(stack.n);
  return true;
}

void print_mpls(const DpFlow& flow, const PortPrinter& printer, TextBuffer& out) {
  const auto& key = flow.encap.key;
  const auto& mask = flow.encap.mask;
  MplsStack stack;
  const uint32_t values[] = {key.mpls_lse0, key.mpls_lse1, key.mpls_lse2};
  const uint32_t masks[] = {mask.mpls_lse0, mask.mpls_lse1, mask.mpls_lse2};
  for (size_t i = 0; i < 3 && i < key.mpls_depth; i++) stack.values[i] = values[i], stack.masks[i] = masks[i], stack.n++;
  if (key.mpls_depth > 3) {
    const std::string_view more = printer.text(key.mpls_more), more_masks = printer.text(mask.mpls_more);
    const size_t n = std::min({size_t{key.mpls_depth} - 3, more.size() / 4, more_masks.size() / 4});
    if (n) std::memcpy(stack.values + 3, more.data(), 4 * n), std::memcpy(stack.masks + 3, more_masks.data(), 4 * n);
    stack.n += n;
  }
  print_mpls_stack(stack, out);
}

// key32(02 00/ff ff): the bytes of a u16 of the machine that printed it, which we take to be little-endian.
bool scan_exthdr_bytes(Cursor& c, uint16_t& value) {
  uint64_t low, high;
  if (c.left() < 5 || c.at[2] != ' ') return false;
  Cursor first(c.rest().substr(0, 2)), second(c.rest().substr(3, 2));
  if (!first.hex_digits(low, 0xff) || !first.done() || !second.hex_digits(high, 0xff) || !second.done()) return false;
  value = static_cast<uint16_t>(high << 8 | low);
  c.at += 5;
  return true;
}

bool scan_exthdrs(Cursor& c, DpFlow& flow) {
  uint16_t value, mask = 0xffff;
  if (!scan_exthdr_bytes(c, value) || (c.eat('/') && !scan_exthdr_bytes(c, mask))) return false;
  flow.ipv6.key.ipv6_exthdr = value;
  flow.ipv6.mask.ipv6_exthdr = mask;
  return true;
}

void print_exthdrs(const DpFlow& flow, TextBuffer& out) {
  auto bytes = [&](uint16_t value) {
    out.put_hex_digits(value & 0xff, 2);
    out.put(' ');
    out.put_hex_digits(value >> 8, 2);
  };
  bytes(flow.ipv6.key.ipv6_exthdr);
  if (!(flow.match.mask.attrs >> kKeyIpv6Exthdrs & 1)) return;
  out.put('/');
  bytes(flow.ipv6.mask.ipv6_exthdr);
}

}  // namespace

void print_eth_type_value(uint16_t value, uint16_t mask, TextBuffer& out) {
  out.put("0x");
  out.put_hex_digits(value, 4);
  if (mask == 0xffff) return;
  out.put("/0x");
  out.put_hex_digits(mask, 4);
}

bool scan_mpls_entry(Cursor& c, uint32_t& value, uint32_t& mask) {
  uint64_t label, tc, ttl, bos, label_mask, tc_mask, ttl_mask, bos_mask;
  if (!c.eat("label=") || !scan_masked(c, 0xfffff, false, label, label_mask)) return false;
  if (!c.eat(",tc=") || !scan_masked(c, 7, true, tc, tc_mask)) return false;
  if (!c.eat(",ttl=") || !scan_masked(c, 255, false, ttl, ttl_mask)) return false;
  if (!c.eat(",bos=") || !scan_masked(c, 1, true, bos, bos_mask)) return false;
  value = static_cast<uint32_t>(label << 12 | tc << 9 | bos << 8 | ttl);
  mask = static_cast<uint32_t>(label_mask << 12 | tc_mask << 9 | bos_mask << 8 | ttl_mask);
  return true;
}

void print_mpls_entry(uint32_t value, TextBuffer& out) {
  out.put("label=");
  out.put_dec(value >> 12);
  out.put(",tc=");
  out.put_dec(value >> 9 & 7);
  out.put(",ttl=");
  out.put_dec(value & 0xff);
  out.put(",bos=");
  out.put_dec(value >> 8 & 1);
}

bool scan_mpls_stack(Cursor& c, MplsStack& stack) {
  do {
    if (stack.n == kMaxMplsEntries || !scan_mpls_entry(c, stack.values[stack.n], stack.masks[stack.n])) return false;
    stack.n++;
  } while (c.eat(','));
  return true;
}

// Masks stand with all entries or with none.
void print_mpls_stack(const MplsStack& stack, TextBuffer& out) {
  bool exact = true;
  for (size_t i = 0; i < stack.n; i++) exact &= stack.masks[i] == UINT32_MAX;
  for (size_t i = 0; i < stack.n; i++) {
    const uint32_t value = stack.values[i], mask = stack.masks[i];
    if (i) out.put(',');
    if (exact) {
      print_mpls_entry(value, out);
      continue;
    }
    out.put("label=");
    out.put_dec(value >> 12);
    out.put('/');
    out.put_0x(mask >> 12);
    out.put(",tc=");
    out.put_dec(value >> 9 & 7);
    out.put('/');
    out.put_hex_digits(mask >> 9 & 7, 1);
    out.put(",ttl=");
    out.put_dec(value & 0xff);
    out.put('/');
    out.put_0x(mask & 0xff);
    out.put(",bos=");
    out.put_dec(value >> 8 & 1);
    out.put('/');
    out.put_hex_digits(mask >> 8 & 1, 1);
  }
}

bool scan_vlan_tci(Cursor& c, uint16_t& value, uint16_t& mask) {
  uint64_t v, m;
  value = mask = 0x1000;
  bool vid = false, pcp = false, cfi = false;
  if (c.peek() == ')') return true;
  do {
    if (!vid && c.eat("vid=")) {
      vid = true;
      if (!scan_masked(c, 0xfff, false, v, m)) return false;
    } else if (!pcp && c.eat("pcp=")) {
      pcp = true;
      if (!scan_masked(c, 7, false, v, m)) return false;
      v <<= 13, m <<= 13;
    } else if (!cfi && c.eat("cfi=")) {
      cfi = true;
      if (!c.number(v, 1)) return false;
      m = 0;
      if (!v) value &= 0xefff;
      v = 0;
    } else {
      return false;
    }
    value |= static_cast<uint16_t>(v);
    mask |= static_cast<uint16_t>(m);
  } while (c.eat(','));
  return true;
}

void print_vlan_tci(uint16_t value, uint16_t mask, bool verbose, TextBuffer& out) {
  uint32_t vid = value & 0xfff, vid_mask = mask & 0xfff, pcp = value >> 13, pcp_mask = mask >> 13;
  if (verbose || vid || vid_mask) {
    out.put("vid=");
    out.put_dec(vid);
    if (vid_mask != 0xfff) {
      out.put('/');
      out.put_0x(vid_mask);
    }
    out.put(',');
  }
  if (verbose || pcp || pcp_mask) {
    out.put("pcp=");
    out.put_dec(pcp);
    if (pcp_mask != 7) {
      out.put('/');
      out.put_0x(pcp_mask);
    }
    out.put(',');
  }
  if (!(value & 0x1000)) out.put("cfi=0");
  out.chomp(',');
}

bool scan_key(const Key& key, Cursor& c, DpFlow& flow, Names& names) {
  switch (key.shape) {
    case Shape::single:
      // Without -m OVS prints nothing between the parentheses where the mask is 0.
      return c.peek() == ')' ? true : scan_field(c, key.fields[0], flow);
    case Shape::fields:
      return scan_fields(c, key.fields, flow);
    case Shape::special:
      break;
  }
  switch (key.number) {
    case kKeyInPort:
      return scan_in_port(c, flow, names);
    case kKeyPacketType:
      return scan_packet_type(c, flow);
    case kKeyEthertype:
      return scan_eth_type(c, flow);
    case kKeyMpls:
      return scan_mpls(c, flow, names);
    case kKeyIpv6Exthdrs:
      return scan_exthdrs(c, flow);
    default:
      return false;
  }
}

void print_key(const Key& key, const DpFlow& flow, bool verbose, const PortPrinter& printer, TextBuffer& out) {
  switch (key.shape) {
    case Shape::single:
      if (!verbose && key.number >= kKeyCtZone && key.number <= kKeyCtLabels && !field_masked(key.fields[0], flow)) return;
      return print_value(key.fields[0], flow, verbose, out);
    case Shape::fields:
      return print_fields(key.fields, flow, verbose, out);
    case Shape::special:
      break;
  }
  switch (key.number) {
    case kKeyInPort:
      printer.port(flow.match.key.in_port, out);
      if (flow.match.mask.in_port != UINT32_MAX) {
        out.put('/');
        out.put_hex(flow.match.mask.in_port);
      }
      return;
    case kKeyPacketType:
      print_masked16("ns=", flow.match.key.packet_type >> 16, flow.match.mask.packet_type >> 16, verbose, false, out);
      print_masked16("id=", flow.match.key.packet_type, flow.match.mask.packet_type, verbose, true, out);
      return out.chomp(',');
    case kKeyMpls:
      return print_mpls(flow, printer, out);
    case kKeyIpv6Exthdrs:
      return print_exthdrs(flow, out);
    case kKeyTunnel:
      return print_tunnel(flow, verbose, printer, out);
    default:
      return;
  }
}

}  // namespace cti::text
