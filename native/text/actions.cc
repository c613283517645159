#include "text/actions.h"

#include <cmath>
#include <cstdio>

namespace cti::text {
namespace {

// The scanner of one list grammar: action { "," action }.
class ActionScanner {
 public:
  ActionScanner(Names& names, UnknownActions& unknown, TreeWriter& tree) : names_(names), unknown_(unknown), tree_(tree) {}

  // A list up to ')' or the end; false if it nests too deep or an item is empty.
  bool list(Cursor& c, int depth) {
    if (depth > kMaxNesting) return false;
    Cursor start = c;
    if (c.eat("drop") && (c.done() || c.peek() == ')')) return true;
    c = start;
    do {
      if (!action(c, depth)) return false;
    } while (c.eat(','));
    return c.done() || c.peek() == ')';
  }

 private:
  using Scan = bool (ActionScanner::*)(Cursor&, int);
  struct Row {
    std::string_view name;  // with the parenthesis, if it has one
    Scan scan;
  };

  bool action(Cursor& c, int depth) {
    static constexpr Row kRows[] = {
        {"set(", &ActionScanner::set},
        {"userspace(", &ActionScanner::userspace},
        {"ct(", &ActionScanner::ct},
        {"recirc(", &ActionScanner::number<kActRecirc>},
        {"tnl_push(", &ActionScanner::tunnel_push},
        {"tnl_pop(", &ActionScanner::tunnel_pop},
        {"clone(", &ActionScanner::clone},
        {"push_vlan(", &ActionScanner::push_vlan},
        {"hash(", &ActionScanner::hash},
        {"meter(", &ActionScanner::number<kActMeter>},
        {"trunc(", &ActionScanner::number<kActTrunc>},
        {"sample(", &ActionScanner::sample},
        {"check_pkt_len(", &ActionScanner::check_pkt_len},
        {"push_mpls(", &ActionScanner::mpls<kActPushMpls>},
        {"add_mpls(", &ActionScanner::mpls<kActAddMpls>},
        {"pop_mpls(", &ActionScanner::pop_mpls},
        {"push_eth(", &ActionScanner::push_eth},
        {"push_nsh(", &ActionScanner::push_nsh},
        {"pop_nsh(", &ActionScanner::pop_nsh},
        {"dec_ttl(", &ActionScanner::dec_ttl},
        {"psample(", &ActionScanner::psample},
        {"lb_output(", &ActionScanner::number<kActLbOutput>},
        {"drop(", &ActionScanner::number<kActDrop>},
    };
    struct Word {
      std::string_view name;
      ActionNumber number;
    };
    static constexpr Word kWords[] = {{"pop_vlan", kActPopVlan}, {"ct_clear", kActCtClear}, {"pop_eth", kActPopEth},
                                      {"drop", kActDrop},        {"ct", kActCt}};
    const char* start = c.at;
    size_t tree_start = tree_.size();
    for (const Row& row : kRows) {
      if (!c.eat(row.name)) continue;
      if ((this->*row.scan)(c, depth) && c.eat(')') && ends(c)) return true;
      return text(c, start, tree_start);
    }
    for (const Word& word : kWords) {
      if (c.eat(word.name) && ends(c)) {
        tree_.flag(word.number);
        return true;
      }
      c.at = start;
    }
    uint32_t port;
    if (scan_port(c, names_, port) && ends(c)) {
      tree_.put_value(kActOutput, port);
      return true;
    }
    return text(c, start, tree_start);
  }

  static bool ends(const Cursor& c) { return c.done() || c.peek() == ',' || c.peek() == ')'; }

  bool text(Cursor& c, const char* start, size_t tree_start) {
    tree_.truncate(tree_start);
    c.at = start;
    // OVS's complaint about an action's length has a comma in it.
    uint64_t number;
    const bool complaint = c.eat("bad length ") && c.number(number, UINT64_MAX) && c.eat(", expected ") &&
                           (c.eat('-'), c.number(number, UINT64_MAX)) && c.eat(" for: ");
    if (!complaint) c.at = start;
    c.item();
    std::string_view whole(start, static_cast<size_t>(c.at - start));
    if (whole.empty()) return false;
    unknown_.unknown_action(whole.substr(0, whole.find_first_of("(=")), whole);
    put_text(whole, tree_);
    return true;
  }

 public:
  static void put_text(std::string_view text, TreeWriter& tree) {
    constexpr size_t kPiece = 0x8000;
    do {
      std::string_view piece = text.substr(0, kPiece);
      tree.put(kActUnknown, {reinterpret_cast<const uint8_t*>(piece.data()), piece.size()});
      text.remove_prefix(piece.size());
    } while (!text.empty());
  }

 private:
  bool set(Cursor& c, int) { return scan_set(c, names_, unknown_, tree_); }
  bool userspace(Cursor& c, int) { return scan_userspace(c, names_, tree_); }
  bool ct(Cursor& c, int) { return scan_ct(c, tree_); }
  bool tunnel_push(Cursor& c, int) { return scan_tunnel_push(c, names_, tree_); }
  bool push_nsh(Cursor& c, int) { return scan_push_nsh(c, tree_); }

  bool pop_nsh(Cursor&, int) {
    tree_.flag(kActPopNsh);
    return true;
  }

  template <ActionNumber kNumber>
  bool number(Cursor& c, int) {
    uint64_t value;
    if (!c.number(value, UINT32_MAX)) return false;
    tree_.put_value(kNumber, static_cast<uint32_t>(value));
    return true;
  }

  bool tunnel_pop(Cursor& c, int) {
    uint32_t port;
    if (!scan_port(c, names_, port)) return false;
    tree_.put_value(kActTunnelPop, port);
    return true;
  }

  bool nested(Cursor& c, uint16_t type, int depth) {
    size_t start = tree_.open(type);
    if (!list(c, depth + 1)) return false;
    tree_.close(start);
    return true;
  }

  bool clone(Cursor& c, int depth) { return nested(c, kActClone, depth); }

  bool sample(Cursor& c, int depth) {
    uint64_t whole, tenth = 0;
    if (!c.eat("sample=") || !c.number(whole, 100)) return false;
    if (c.eat('.') && (!c.number(tenth, 9))) return false;
    if (!c.eat("%,actions(")) return false;
    double percent = static_cast<double>(whole) + static_cast<double>(tenth) / 10;
    if (percent > 100) return false;
    size_t start = tree_.open(kActSample);
    tree_.put_value(1, static_cast<uint32_t>(std::llround(percent / 100 * UINT32_MAX)));
    if (!nested(c, 2, depth) || !c.eat(')')) return false;
    tree_.close(start);
    return true;
  }

  bool check_pkt_len(Cursor& c, int depth) {
    uint64_t size;
    if (!c.eat("size=") || !c.number(size, 0xffff) || !c.eat(",gt(")) return false;
    size_t start = tree_.open(kActCheckPktLen);
    tree_.put_value(1, static_cast<uint16_t>(size));
    if (!nested(c, 2, depth) || !c.eat("),le(") || !nested(c, 3, depth) || !c.eat(')')) return false;
    tree_.close(start);
    return true;
  }

  bool dec_ttl(Cursor& c, int depth) {
    if (!c.eat("le_1(")) return false;
    size_t start = tree_.open(kActDecTtl);
    if (!nested(c, 1, depth) || !c.eat(')')) return false;
    tree_.close(start);
    return true;
  }

  bool push_vlan(Cursor& c, int) {
    uint64_t tpid = 0x8100;
    uint16_t tci, mask;
    if (c.eat("tpid=") && (!c.number(tpid, 0xffff) || !c.eat(','))) return false;
    if (!scan_vlan_tci(c, tci, mask)) return false;
    size_t start = tree_.open(kActPushVlan);
    tree_.append(swap16(static_cast<uint16_t>(tpid)));
    tree_.append(swap16(tci));
    tree_.close(start);
    return true;
  }

  bool hash(Cursor& c, int) {
    uint32_t algorithm = c.eat("sym_l4(") ? 1 : 0;
    uint64_t basis;
    if ((!algorithm && !c.eat("l4(")) || !c.number(basis, UINT32_MAX) || !c.eat(')')) return false;
    size_t start = tree_.open(kActHash);
    tree_.append(algorithm);
    tree_.append(static_cast<uint32_t>(basis));
    tree_.close(start);
    return true;
  }

  template <ActionNumber kNumber>
  bool mpls(Cursor& c, int) {
    uint32_t value, mask;
    uint64_t eth_type;
    if (!scan_mpls_entry(c, value, mask) || mask != UINT32_MAX || !c.eat(",eth_type=") || !c.number(eth_type, 0xffff))
      return false;
    size_t start = tree_.open(kNumber);
    tree_.append(swap32(value));
    tree_.append(swap16(static_cast<uint16_t>(eth_type)));
    tree_.append(uint16_t{0});
    tree_.close(start);
    return true;
  }

  bool pop_mpls(Cursor& c, int) {
    uint64_t eth_type;
    if (!c.eat("eth_type=") || !c.number(eth_type, 0xffff)) return false;
    tree_.put_value(kActPopMpls, swap16(static_cast<uint16_t>(eth_type)));
    return true;
  }

  bool push_eth(Cursor& c, int) {
    uint64_t src, dst;
    if (!c.eat("src=") || !c.mac(src) || !c.eat(",dst=") || !c.mac(dst)) return false;
    size_t start = tree_.open(kActPushEth);
    for (uint64_t mac : {src, dst})
      for (int shift = 40; shift >= 0; shift -= 8) tree_.append(static_cast<uint8_t>(mac >> shift));
    tree_.close(start);
    return true;
  }

  bool psample(Cursor& c, int) {
    uint64_t group;
    if (!c.eat("group=") || !c.number(group, UINT32_MAX)) return false;
    size_t start = tree_.open(kActPsample);
    tree_.put_value(1, static_cast<uint32_t>(group));
    if (c.eat(",cookie=")) {
      size_t cookie = tree_.open(2);
      if (!c.hex_bytes(tree_.raw(), 0)) return false;
      tree_.close(cookie);
    }
    tree_.close(start);
    return true;
  }

  Names& names_;
  UnknownActions& unknown_;
  TreeWriter& tree_;
};

uint64_t mac_of(Bytes bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < 6; i++) value = value << 8 | bytes[i];
  return value;
}

class ActionPrinter {
 public:
  ActionPrinter(const PortPrinter& printer, TextBuffer& out) : printer_(printer), out_(out) {}

  void list(Bytes list, int depth) {
    if (list.empty()) return out_.put("drop");
    if (depth > kMaxNesting) return;
    TreeAttr attr;
    bool first = true, text_before = false;
    while (next_attr(list, attr)) {
      if (!first && !(text_before && attr.type == kActUnknown)) out_.put(',');
      first = false;
      text_before = attr.type == kActUnknown && attr.payload.size() >= 0x8000;
      action(attr, depth);
    }
  }

 private:
  void action(const TreeAttr& attr, int depth) {
    switch (attr.type) {
      case kActOutput:
        return printer_.port(attr.value<uint32_t>(), out_);
      case kActUserspace:
        return print_userspace(attr.payload, printer_, out_);
      case kActSet:
      case kActSetMasked:
        return print_set(attr, printer_, out_);
      case kActPushVlan: {
        uint16_t tpid = swap16(attr.value<uint16_t>());
        out_.put("push_vlan(");
        if (tpid != 0x8100) {
          out_.put("tpid=0x");
          out_.put_hex_digits(tpid, 4);
          out_.put(',');
        }
        print_vlan_tci(swap16(attr.value<uint16_t>(2)), 0xffff, false, out_);
        return out_.put(')');
      }
      case kActPopVlan:
        return out_.put("pop_vlan");
      case kActSample:
        return sample(attr.payload, depth);
      case kActRecirc:
        out_.put("recirc(");
        out_.put_hex(attr.value<uint32_t>());
        return out_.put(')');
      case kActHash:
        out_.put(attr.value<uint32_t>() ? "hash(sym_l4(" : "hash(l4(");
        out_.put_dec(attr.value<uint32_t>(4));
        return out_.put("))");
      case kActPushMpls:
      case kActAddMpls:
        out_.put(attr.type == kActPushMpls ? "push_mpls(" : "add_mpls(");
        print_mpls_entry(swap32(attr.value<uint32_t>()), out_);
        out_.put(",eth_type=");
        out_.put_0x(swap16(attr.value<uint16_t>(4)));
        return out_.put(')');
      case kActPopMpls:
        out_.put("pop_mpls(eth_type=");
        out_.put_0x(swap16(attr.value<uint16_t>()));
        return out_.put(')');
      case kActCt:
        return print_ct(attr.payload, out_);
      case kActTrunc:
        return number("trunc(", attr);
      case kActPushEth:
        if (attr.payload.size() < 12) return;
        out_.put("push_eth(src=");
        out_.put_mac(mac_of(attr.payload));
        out_.put(",dst=");
        out_.put_mac(mac_of(attr.payload.subspan(6)));
        return out_.put(')');
      case kActPopEth:
        return out_.put("pop_eth");
      case kActCtClear:
        return out_.put("ct_clear");
      case kActPushNsh:
        return print_push_nsh(attr.payload, out_);
      case kActPopNsh:
        return out_.put("pop_nsh()");
      case kActMeter:
        return number("meter(", attr);
      case kActClone:
        out_.put("clone(");
        list(attr.payload, depth + 1);
        return out_.put(')');
      case kActCheckPktLen:
        return check_pkt_len(attr.payload, depth);
      case kActDecTtl: {
        TreeAttr inner{};
        find_attr(attr.payload, 1, inner);
        out_.put("dec_ttl(le_1(");
        list(inner.payload, depth + 1);
        return out_.put("))");
      }
      case kActDrop:
        return attr.payload.size() == 4 ? number("drop(", attr) : out_.put("drop");
      case kActPsample:
        return psample(attr.payload);
      case kActTunnelPush:
        return print_tunnel_push(attr, printer_, out_);
      case kActTunnelPop:
        out_.put("tnl_pop(");
        printer_.port(attr.value<uint32_t>(), out_);
        return out_.put(')');
      case kActLbOutput:
        return number("lb_output(", attr);
      case kActUnknown:
        return out_.put(std::string_view(reinterpret_cast<const char*>(attr.payload.data()), attr.payload.size()));
      default:
        return;
    }
  }

  void number(std::string_view name, const TreeAttr& attr) {
    out_.put(name);
    out_.put_dec(attr.value<uint32_t>());
    out_.put(')');
  }

  void sample(Bytes nested, int depth) {
    TreeAttr probability{}, actions{};
    find_attr(nested, 1, probability);
    find_attr(nested, 2, actions);
    char text[32];
    int n = std::snprintf(text, sizeof text, "sample(sample=%.1f%%,actions(", 100.0 * probability.value<uint32_t>() / UINT32_MAX);
    out_.put(std::string_view(text, static_cast<size_t>(n)));
    list(actions.payload, depth + 1);
    out_.put("))");
  }

  void check_pkt_len(Bytes nested, int depth) {
    TreeAttr size{}, greater{}, other{};
    find_attr(nested, 1, size);
    find_attr(nested, 2, greater);
    find_attr(nested, 3, other);
    out_.put("check_pkt_len(size=");
    out_.put_dec(size.value<uint16_t>());
    out_.put(",gt(");
    list(greater.payload, depth + 1);
    out_.put("),le(");
    list(other.payload, depth + 1);
    out_.put("))");
  }

  void psample(Bytes nested) {
    TreeAttr attr{};
    find_attr(nested, 1, attr);
    out_.put("psample(group=");
    out_.put_dec(attr.value<uint32_t>());
    if (find_attr(nested, 2, attr)) {
      out_.put(",cookie=");
      out_.put_hex_bytes(attr.payload);
    }
    out_.put(')');
  }

  const PortPrinter& printer_;
  TextBuffer& out_;
};

}  // namespace

bool scan_port(Cursor& c, Names& names, uint32_t& id) {
  const char* start = c.at;
  while (!c.done() && *c.at != ',' && *c.at != ')' && *c.at != '(') c.at++;
  std::string_view text(start, static_cast<size_t>(c.at - start));
  // No port is called so; OVS prints such words for what it does not know itself ("action23", "<empty>", "***").
  if (text.empty() || text.find_first_of(" <>*=/{}") != text.npos) return false;
  if (text.starts_with("action") && text.find_first_not_of("0123456789", 6) == text.npos) return false;
  id = names.port(text);
  return id != UINT32_MAX;
}

void scan_actions(std::string_view text, Names& names, UnknownActions& unknown, TreeWriter& tree) {
  tree.clear();
  Cursor c(text);
  if (ActionScanner(names, unknown, tree).list(c, 0) && c.done() && !tree.overflowed()) return;
  tree.clear();
  unknown.unknown_action(text.substr(0, text.find_first_of("(=,")), text);
  ActionScanner::put_text(text, tree);
}

void print_actions(Bytes tree, const PortPrinter& printer, TextBuffer& out) { ActionPrinter(printer, out).list(tree, 0); }

}  // namespace cti::text
