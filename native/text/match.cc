#include "text/match.h"

#include "text/field.h"
#include "text/tunnel_key.h"

namespace cti::text {
namespace {

using tables::DpFlow;

bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

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

void print_eth_type(uint16_t value, uint16_t mask, TextBuffer& out) {
  out.put("eth_type(0x");
  out.put_hex_digits(value, 4);
  if (mask != 0xffff) {
    out.put("/0x");
    out.put_hex_digits(mask, 4);
  }
  out.put(')');
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

bool scan_mpls(Cursor& c, DpFlow& flow) {
  auto& key = flow.encap.key;
  auto& mask = flow.encap.mask;
  uint32_t values[3] = {}, masks[3] = {};
  uint8_t n = 0;
  do {
    if (n == 3 || !scan_mpls_entry(c, values[n], masks[n])) return false;
    n++;
  } while (c.eat(','));
  key.mpls_lse0 = values[0], key.mpls_lse1 = values[1], key.mpls_lse2 = values[2];
  mask.mpls_lse0 = masks[0], mask.mpls_lse1 = masks[1], mask.mpls_lse2 = masks[2];
  key.mpls_depth = n;
  return true;
}

void print_mpls(const DpFlow& flow, TextBuffer& out) {
  const auto& key = flow.encap.key;
  const auto& mask = flow.encap.mask;
  const uint32_t values[3] = {key.mpls_lse0, key.mpls_lse1, key.mpls_lse2};
  const uint32_t masks[3] = {mask.mpls_lse0, mask.mpls_lse1, mask.mpls_lse2};
  int n = key.mpls_depth > 3 ? 3 : key.mpls_depth;
  bool exact = true;
  for (int i = 0; i < n; i++) exact &= masks[i] == UINT32_MAX;
  for (int i = 0; i < n; i++) {
    if (i) out.put(',');
    if (exact) {
      print_mpls_entry(values[i], out);
      continue;
    }
    out.put("label=");
    out.put_dec(values[i] >> 12);
    out.put("/");
    out.put_0x(masks[i] >> 12);
    out.put(",tc=");
    out.put_dec(values[i] >> 9 & 7);
    out.put('/');
    out.put_hex_digits(masks[i] >> 9 & 7, 1);
    out.put(",ttl=");
    out.put_dec(values[i] & 0xff);
    out.put("/");
    out.put_0x(masks[i] & 0xff);
    out.put(",bos=");
    out.put_dec(values[i] >> 8 & 1);
    out.put('/');
    out.put_hex_digits(masks[i] >> 8 & 1, 1);
  }
}

// Keys that lie in the same fields of a row: a packet is one or the other, and so is a flow that OVS prints.
uint64_t sharing(unsigned number) {
  constexpr uint64_t kGroups[] = {key_bit(kKeyIpv4) | key_bit(kKeyIpv6), key_bit(kKeyTcp) | key_bit(kKeyUdp) | key_bit(kKeySctp),
                                  key_bit(kKeyIcmp) | key_bit(kKeyIcmpv6), key_bit(kKeyCtTuple4) | key_bit(kKeyCtTuple6)};
  for (uint64_t group : kGroups)
    if (group >> number & 1) return group;
  return key_bit(number);
}

void clear_key(const Key& key, DpFlow& flow) {
  for (const Field& field : key.fields) clear_field(field, flow);
  switch (key.number) {
    case kKeyTunnel:
      flow.tunnel = {};
      break;
    case kKeyInPort:
      flow.match.key.in_port = flow.match.mask.in_port = 0;
      break;
    default:  // the others write only once all of it is read
      break;
  }
}

// The match grammar proper.
class MatchScanner {
 public:
  MatchScanner(Cursor& cursor, DpFlow& flow, Names& names, std::vector<UnknownPart>& unknown)
      : c_(cursor), flow_(flow), attrs_(flow.match.key.attrs), names_(names), unknown_(unknown) {}

  MatchEnd scan() {
    while (true) {
      if (!scan_part()) return MatchEnd::malformed;
      if (opened_) {
        opened_ = false;
        if (c_.peek() != ')') continue;
      }
      while (depth_ > 0 && c_.eat(')')) depth_--;
      if (c_.done() || (c_.left() >= 2 && c_.at[0] == ',' && c_.at[1] == ' ')) break;
      if (!c_.eat(',')) return MatchEnd::malformed;
    }
    if (depth_ != 0) return MatchEnd::malformed;
    note_untagged();
    return MatchEnd::ok;
  }

 private:
  // Keys of the datapath cannot say "with or without a tag": a flow without vlan(...) matches untagged packets only, and
  // ovs-vswitchd's own datapath does the same (dpif-netdev.c, handle_packet_upcall). Without -m a tag of which nothing is
  // matched is left out, but its encap(...) is there.
  void note_untagged() {
    if (attrs_ & (key_bit(kKeyVlan) | key_bit(kKeyEncap))) return;
    for (const UnknownPart& part : unknown_)
      if (part.name == "vlan" || part.name == "encap") return;
    flow_.match.mask.vlan_tci = 0xffff;  // the key is 0
  }

  const Key* next_key(std::string_view name) {
    std::span<const Key> all = keys();
    for (size_t i = expected_, tried = 0; tried < all.size(); tried++, i++) {
      if (i >= all.size()) i = 0;
      if (all[i].name != name) continue;
      expected_ = i + 1;
      return &all[i];
    }
    return nullptr;
  }

  bool keep_as_text(const char* start, std::string_view kind, std::string_view name) {
    c_.at = start;
    std::string_view text = c_.item();
    if (text.empty()) return false;
    unknown_.push_back({kind, name, text});
    return true;
  }

  bool scan_part() {
    const char* start = c_.at;
    while (!c_.done() && is_name(*c_.at)) c_.at++;
    std::string_view name(start, static_cast<size_t>(c_.at - start));
    const Key* key = c_.eat('(') ? next_key(name) : nullptr;
    if (!key) return keep_as_text(start, "unknown key", name);
    if (key->number == kKeyVlan) return scan_vlan(start);
    if (key->number == kKeyEncap) return open_encap(start);
    if (attrs_ >> key->number & 1) return keep_as_text(start, "key given twice", name);
    if (attrs_ & sharing(key->number)) return keep_as_text(start, "key beside another of its kind", name);
    const char* inside = c_.at;
    if (!scan_key(*key, c_, flow_, names_) || !c_.eat(')')) {
      clear_key(*key, flow_);
      if (key->number == kKeyEthertype) flow_.match.key.eth_type = flow_.match.mask.eth_type = 0, attrs_ &= ~kNoEthertype;
      return keep_as_text(start, "malformed key", name);
    }
    attrs_ |= key_bit(key->number);
    if (std::memchr(inside, '/', static_cast<size_t>(c_.at - inside))) flow_.match.mask.attrs |= key_bit(key->number);
    note_order(*key);
    return true;
  }

  // The kernel's datapath gives recirc_id before the metadata, ovs-vswitchd's own after it.
  void note_order(const Key& key) {
    constexpr uint64_t kMetadata = key_bit(kKeyPriority) | key_bit(kKeyTunnel) | key_bit(kKeySkbMark) | key_bit(kKeyCtState) |
                                   key_bit(kKeyCtZone) | key_bit(kKeyCtMark) | key_bit(kKeyCtLabels) |
                                   key_bit(kKeyCtTuple4) | key_bit(kKeyCtTuple6);
    if (kMetadata >> key.number & 1 && attrs_ & key_bit(kKeyRecircId)) attrs_ |= kRecircFirst;
  }

  bool scan_vlan(const char* start) {
    uint64_t given = depth_ == 0 ? key_bit(kKeyVlan) : kVlan2Given;
    uint16_t value, mask;
    if (depth_ > 1 || attrs_ & given) return keep_as_text(start, "key given twice", "vlan");
    const char* inside = c_.at;
    if (!scan_vlan_tci(c_, value, mask) || !c_.eat(')')) return keep_as_text(start, "malformed key", "vlan");
    if (std::memchr(inside, '/', static_cast<size_t>(c_.at - inside))) flow_.match.mask.attrs |= given;
    attrs_ |= given;
    if (depth_ == 0)
      flow_.match.key.vlan_tci = value, flow_.match.mask.vlan_tci = mask;
    else
      flow_.encap.key.vlan2_tci = value, flow_.encap.mask.vlan2_tci = mask;
    take_tpid();
    return true;
  }

  // What was read as the EtherType turns out to be the tag's, because vlan(...) or encap(...) follows.
  void take_tpid() {
    if (!(attrs_ & key_bit(kKeyEthertype))) return;
    auto& key = flow_.match.key;
    auto& mask = flow_.match.mask;
    if (depth_ == 0) {
      key.vlan_tpid = key.eth_type, mask.vlan_tpid = mask.eth_type;
      attrs_ |= kTpidGiven;
    } else {
      flow_.encap.key.vlan2_tpid = key.eth_type, flow_.encap.mask.vlan2_tpid = mask.eth_type;
      attrs_ |= kTpid2Given;
    }
    key.eth_type = mask.eth_type = 0;
    attrs_ &= ~(key_bit(kKeyEthertype) | kNoEthertype);
    mask.attrs &= ~key_bit(kKeyEthertype);
  }

  bool open_encap(const char* start) {
    uint64_t given = depth_ == 0 ? key_bit(kKeyEncap) : kEncap2Given;
    if (depth_ > 1) return keep_as_text(start, "nested too deep", "encap");
    if (attrs_ & given) return keep_as_text(start, "key given twice", "encap");
    attrs_ |= given;
    take_tpid();  // without -m a tag that is not matched is left out, its encap is not
    depth_++;
    opened_ = true;
    return true;
  }

  Cursor& c_;
  DpFlow& flow_;
  uint64_t& attrs_;
  Names& names_;
  std::vector<UnknownPart>& unknown_;
  size_t expected_ = 0;
  int depth_ = 0;        // encap(...) we are inside of
  bool opened_ = false;  // just after "encap("
};

// Prints keys with commas between, parentheses of encap around.
class MatchPrinter {
 public:
  MatchPrinter(const DpFlow& flow, const PortPrinter& printer, TextBuffer& out)
      : flow_(flow), attrs_(flow.match.key.attrs), printer_(printer), out_(out), verbose_(!(attrs_ & kWithoutWildcards)) {}

  void print() {
    std::span<const Key> all = keys();
    size_t i = 0;
    if (attrs_ & kRecircFirst) {
      for (uint8_t index : kernel_order()) key(all[index]);
    } else {
      for (; all[i].number != kKeyEthernet; i++) key(all[i]);
    }
    while (all[i].number != kKeyEthernet) i++;
    key(all[i]);
    int open = 0;
    if (attrs_ & kTpidGiven) tpid(flow_.match.key.vlan_tpid, flow_.match.mask.vlan_tpid);
    if (attrs_ & key_bit(kKeyVlan)) vlan(flow_.match.key.vlan_tci, flow_.match.mask.vlan_tci);
    if (attrs_ & key_bit(kKeyEncap)) encap(), open++;
    if (attrs_ & kTpid2Given) tpid(flow_.encap.key.vlan2_tpid, flow_.encap.mask.vlan2_tpid);
    if (attrs_ & kVlan2Given) vlan(flow_.encap.key.vlan2_tci, flow_.encap.mask.vlan2_tci);
    if (attrs_ & kEncap2Given) encap(), open++;
    for (i++; i < all.size(); i++) key(all[i]);
    if (flow_.rows.unknown.size) {
      comma();
      out_.put(printer_.text(flow_.rows.unknown));
    }
    while (open--) out_.put(')');
  }

 private:
  void comma() {
    if (!first_) out_.put(',');
    first_ = false;
  }
  void tpid(uint16_t value, uint16_t mask) {
    comma();
    print_eth_type(value, mask, out_);
  }
  void vlan(uint16_t value, uint16_t mask) {
    comma();
    out_.put("vlan(");
    print_vlan_tci(value, mask, verbose_, out_);
    out_.put(')');
  }
  void encap() {
    comma();
    out_.put("encap(");
    first_ = true;
  }
  void key(const Key& key) {
    if (!(attrs_ >> key.number & 1) || key.number == kKeyVlan || key.number == kKeyEncap) return;
    comma();
    if (key.number == kKeyEthertype) {
      if (!(attrs_ & kNoEthertype)) return print_eth_type(flow_.match.key.eth_type, flow_.match.mask.eth_type, out_);
      out_.put("eth_type(0/0x");
      out_.put_hex_digits(flow_.match.mask.eth_type, 4);
      return out_.put(')');
    }
    out_.put(key.name);
    out_.put('(');
    print_key(key, flow_, verbose_, printer_, out_);
    out_.put(')');
  }

  const DpFlow& flow_;
  uint64_t attrs_;
  const PortPrinter& printer_;
  TextBuffer& out_;
  bool verbose_;
  bool first_ = true;
};

}  // namespace

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
      return scan_mpls(c, flow);
    case kKeyTunnel:
      return scan_tunnel(c, flow, names);
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
      return print_mpls(flow, out);
    case kKeyTunnel:
      return print_tunnel(flow, verbose, printer, out);
    default:
      return;
  }
}

MatchEnd scan_match(Cursor& cursor, DpFlow& flow, Names& names, std::vector<UnknownPart>& unknown) {
  unknown.clear();
  return MatchScanner(cursor, flow, names, unknown).scan();
}

void print_match(const DpFlow& flow, const PortPrinter& printer, TextBuffer& out) { MatchPrinter(flow, printer, out).print(); }

}  // namespace cti::text
