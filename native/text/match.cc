#include "text/match.h"

#include <algorithm>
#include <utility>

#include "text/field.h"
#include "text/tunnel_key.h"

namespace cti::text {
namespace {

using tables::DpFlow;

bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

// A VLAN tag beyond the second, as encap.vlan_more has it.
struct MoreVlan {
  uint16_t tci, tpid, given, zero;
};
constexpr uint16_t kMoreVlan = 1, kMoreEncap = 2, kMoreTpid = 4;
// Beyond this OVS refuses to nest, too.
constexpr int kMaxEncaps = 32;

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
    case kKeyPacketType:
      flow.match.key.packet_type = flow.match.mask.packet_type = 0;
      break;
    case kKeyEthertype:
      flow.match.key.eth_type = flow.match.mask.eth_type = 0;
      flow.match.key.attrs &= ~kNoEthertype;
      break;
    case kKeyMpls: {
      auto& key = flow.encap.key;
      auto& mask = flow.encap.mask;
      key.mpls_lse0 = key.mpls_lse1 = key.mpls_lse2 = mask.mpls_lse0 = mask.mpls_lse1 = mask.mpls_lse2 = 0;
      key.mpls_more = mask.mpls_more = {0, 0};
      key.mpls_depth = 0;
      break;
    }
    case kKeyIpv6Exthdrs:
      flow.ipv6.key.ipv6_exthdr = flow.ipv6.mask.ipv6_exthdr = 0;
      break;
    default:
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
      while (true) {
        while (depth_ > 0 && c_.eat(')')) depth_--;
        if (c_.done() || c_.peek() == ',' || !keep_bad_length()) break;
      }
      if (c_.done() || (c_.left() >= 2 && c_.at[0] == ',' && c_.at[1] == ' ')) break;
      if (!c_.eat(',')) return MatchEnd::malformed;
    }
    if (depth_ != 0) return MatchEnd::malformed;
    note_untagged();
    keep_more_vlans();
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

  // OVS prints a key of a length that it does not expect without its name and without a comma before or after it.
  bool keep_bad_length() {
    const Cursor start = c_;
    if (!c_.bad_length()) {
      c_ = start;
      return false;
    }
    unknown_.push_back({"key of an unexpected length", "", {start.at, static_cast<size_t>(c_.at - start.at)}});
    return true;
  }

  bool scan_part() {
    if (c_.peek() == '(' && keep_bad_length() && (c_.done() || c_.peek() == ',' || c_.peek() == ')')) return true;
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
    const size_t n_unknown = unknown_.size();
    const bool read = key->number == kKeyTunnel ? scan_tunnel(c_, flow_, names_, &unknown_) : scan_key(*key, c_, flow_, names_);
    if (!read || !c_.eat(')')) {
      unknown_.resize(n_unknown);
      clear_key(*key, flow_);
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

  // The tag of depth 2 and more.
  std::pair<MoreVlan, MoreVlan>& more_vlan() {
    const size_t n = static_cast<size_t>(depth_) - 1;
    if (more_.size() < n) more_.resize(n);
    return more_[n - 1];
  }

  bool scan_vlan(const char* start) {
    const uint64_t given = depth_ == 0 ? key_bit(kKeyVlan) : kVlan2Given;
    const bool is_second = depth_ > 1 ? (more_vlan().first.given & kMoreVlan) != 0 : (attrs_ & given) != 0;
    if (is_second) return keep_as_text(start, "key given twice", "vlan");
    const char* inside = c_.at;
    uint16_t value, mask;
    if (!scan_vlan_tci(c_, value, mask) || !c_.eat(')')) return keep_as_text(start, "malformed key", "vlan");
    const bool masked = std::memchr(inside, '/', static_cast<size_t>(c_.at - inside)) != nullptr;
    if (depth_ > 1) {
      auto& [key_more, mask_more] = more_vlan();
      key_more.tci = value, key_more.given |= kMoreVlan;
      mask_more.tci = mask, mask_more.given |= masked ? kMoreVlan : 0;
    } else {
      attrs_ |= given;
      if (masked) flow_.match.mask.attrs |= given;
      if (depth_ == 0)
        flow_.match.key.vlan_tci = value, flow_.match.mask.vlan_tci = mask;
      else
        flow_.encap.key.vlan2_tci = value, flow_.encap.mask.vlan2_tci = mask;
    }
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
    } else if (depth_ == 1) {
      flow_.encap.key.vlan2_tpid = key.eth_type, flow_.encap.mask.vlan2_tpid = mask.eth_type;
      attrs_ |= kTpid2Given;
    } else {
      auto& [key_more, mask_more] = more_vlan();
      key_more.tpid = key.eth_type, key_more.given |= kMoreTpid;
      mask_more.tpid = mask.eth_type;
    }
    key.eth_type = mask.eth_type = 0;
    attrs_ &= ~(key_bit(kKeyEthertype) | kNoEthertype);
    mask.attrs &= ~key_bit(kKeyEthertype);
  }

  bool open_encap(const char* start) {
    if (depth_ >= kMaxEncaps) return keep_as_text(start, "nested too deep", "encap");
    const uint64_t given = depth_ == 0 ? key_bit(kKeyEncap) : kEncap2Given;
    const bool is_second = depth_ > 1 ? (more_vlan().first.given & kMoreEncap) != 0 : (attrs_ & given) != 0;
    if (is_second) return keep_as_text(start, "key given twice", "encap");
    if (depth_ > 1)
      more_vlan().first.given |= kMoreEncap;
    else
      attrs_ |= given;
    take_tpid();  // without -m a tag that is not matched is left out, its encap is not
    depth_++;
    opened_ = true;
    return true;
  }

  void keep_more_vlans() {
    if (more_.empty()) return;
    std::vector<MoreVlan> half(more_.size());
    const std::string_view bytes(reinterpret_cast<const char*>(half.data()), half.size() * sizeof(MoreVlan));
    for (size_t i = 0; i < more_.size(); i++) half[i] = more_[i].first;
    flow_.encap.key.vlan_more = names_.intern(bytes);
    for (size_t i = 0; i < more_.size(); i++) half[i] = more_[i].second;
    flow_.encap.mask.vlan_more = names_.intern(bytes);
  }

  Cursor& c_;
  DpFlow& flow_;
  uint64_t& attrs_;
  Names& names_;
  std::vector<UnknownPart>& unknown_;
  size_t expected_ = 0;
  int depth_ = 0;        // encap(...) we are inside of
  std::vector<std::pair<MoreVlan, MoreVlan>> more_;  // key and mask of the tags beyond the second
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
    if (flow_.encap.key.vlan_more.size) open += more_vlans();
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
  // The number of encap(...) opened.
  int more_vlans() {
    const std::string_view keys = printer_.text(flow_.encap.key.vlan_more), masks = printer_.text(flow_.encap.mask.vlan_more);
    int open = 0;
    for (size_t at = 0; at + sizeof(MoreVlan) <= std::min(keys.size(), masks.size()); at += sizeof(MoreVlan)) {
      MoreVlan key, mask;
      std::memcpy(&key, keys.data() + at, sizeof key);
      std::memcpy(&mask, masks.data() + at, sizeof mask);
      if (key.given & kMoreTpid) tpid(key.tpid, mask.tpid);
      if (key.given & kMoreVlan) vlan(key.tci, mask.tci);
      if (key.given & kMoreEncap) encap(), open++;
    }
    return open;
  }
  void tpid(uint16_t value, uint16_t mask) {
    comma();
    eth_type(value, mask);
  }
  void eth_type(uint16_t value, uint16_t mask) {
    out_.put("eth_type(");
    print_eth_type_value(value, mask, out_);
    out_.put(')');
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
      if (!(attrs_ & kNoEthertype)) return eth_type(flow_.match.key.eth_type, flow_.match.mask.eth_type);
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

MatchEnd scan_match(Cursor& cursor, DpFlow& flow, Names& names, std::vector<UnknownPart>& unknown) {
  unknown.clear();
  return MatchScanner(cursor, flow, names, unknown).scan();
}

void print_match(const DpFlow& flow, const PortPrinter& printer, TextBuffer& out) { MatchPrinter(flow, printer, out).print(); }

}  // namespace cti::text
