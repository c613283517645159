#include "text/of_actions.h"

#include <algorithm>

namespace cti::text {
namespace {

#define BIT(NAME) (uint64_t{1} << CTI_OF_RULES_ACTION_##NAME)

constexpr int kMaxDepth = 64;

struct Scanner {
  OfPorts& ports;
  OfUnknown& unknown;
  OfActionFacts& facts;
  bool learning = false;  // inside learn(...): what the rule to be made does is not what this one does
  int depth = 0;

  bool list(Cursor& c);
  bool action(Cursor& c);

  void does(uint64_t bits) { facts.does |= bits; }
  void sets(std::string_view column) {
    if (!learning) add_set_columns(column, facts.sets);
  }
  void out(uint32_t port) {
    if (!learning) facts.out_ports.push_back(port);
  }

  static bool number(Cursor& c, uint64_t max = UINT32_MAX) {
    uint64_t value;
    if (c.left() > 1 && c.at[0] == '0' && c.at[1] >= '0' && c.at[1] <= '9') return false;
    return c.number(value, max);
  }
  static std::string_view word(Cursor& c) {
    const char* start = c.at;
    while (!c.done() && ((*c.at >= 'a' && *c.at <= 'z') || (*c.at >= 'A' && *c.at <= 'Z') || (*c.at >= '0' && *c.at <= '9') || *c.at == '_')) c.at++;
    return {start, static_cast<size_t>(c.at - start)};
  }
  // A field or a part of one: NAME, NAME[], NAME[n], NAME[a..b]. The column it is (of).
  static bool subfield(Cursor& c, std::string_view& column) {
    column = of_column(word(c));
    if (column.empty()) return false;
    if (!c.eat('[')) return true;
    if (c.eat(']')) return true;
    if (!number(c, 1023)) return false;
    if (c.eat("..") && !number(c, 1023)) return false;
    return c.eat(']');
  }
  static bool subfield(Cursor& c) {
    std::string_view column;
    return subfield(c, column);
  }
  bool set_subfield(Cursor& c) {
    std::string_view column;
    if (!subfield(c, column)) return false;
    sets(column);
    return true;
  }
  bool port(Cursor& c, uint32_t& id) {
    std::string_view text;
    if (!scan_of_port(c, text)) return false;
    id = ports.port(text);
    return id != UINT32_MAX;
  }
  bool out_port(Cursor& c) {
    uint32_t id;
    if (!port(c, id)) return false;
    out(id);
    return true;
  }
  static bool table(Cursor& c) {
    const Cursor at = c;
    if (number(c, UINT8_MAX)) return true;
    c = at;
    std::string_view name;
    return scan_of_port(c, name) && !(name[0] >= '0' && name[0] <= '9');  // a name, as ports are named
  }
  // 11.22.33
  static bool bytes(Cursor& c) {
    do {
      uint64_t value;
      if (c.left() < 2) return false;
      Cursor pair(c.rest().substr(0, 2));
      if (!pair.hex_digits(value, UINT8_MAX) || !pair.done()) return false;
      c.at += 2;
    } while (c.eat('.'));
    return true;
  }
  // Up to the next ',' or ')' that is in no parentheses.
  static std::string_view until_item_end(Cursor& c) { return c.item(); }

  bool set_field(Cursor& c);
  bool load(Cursor& c);
  bool output(Cursor& c);
  bool controller(Cursor& c);
  bool resubmit(Cursor& c);
  bool bundle(Cursor& c, bool load);
  bool ct(Cursor& c);
  bool nat(Cursor& c);
  bool learn(Cursor& c);
  bool learn_item(Cursor& c);
  bool encap(Cursor& c);
  bool decap(Cursor& c);
  bool sample(Cursor& c);
  bool nested(Cursor& c) {
    if (!c.eat('(') || depth >= kMaxDepth) return false;
    depth++;
    const bool ok = list(c);
    depth--;
    return ok && c.eat(')');
  }
  bool move_to(Cursor& c) { return c.eat("->") && set_subfield(c); }
  template <typename Item>
  bool items(Cursor& c, Item item) {
    if (!c.eat('(')) return false;
    if (c.eat(')')) return true;
    do {
      if (!item(c)) return false;
    } while (c.eat(','));
    return c.eat(')');
  }
};

using Parse = bool (*)(Scanner&, Cursor&);
bool nothing(Scanner&, Cursor&) { return true; }
bool colon_number(Scanner&, Cursor& c) { return c.eat(':') && Scanner::number(c); }

// Sets 'column' with a value of that field's kind: mod_dl_src:00:11:22:33:44:55.
bool colon_value(Scanner& s, Cursor& c, std::string_view column) {
  OfField field;
  OfValue value;
  const bool parentheses = column.starts_with("mpls_") && c.eat('(');  // set_mpls_ttl(9), as it is printed
  if (!parentheses && !c.eat(':')) return false;
  if (!find_of_field(column, field) || !scan_of_value(c.item(), field, value)) return false;
  s.sets(field.column);
  return !parentheses || c.eat(')');
}

struct Action {
  std::string_view name;
  uint64_t bits;
  Parse parse;
};

constexpr Action kActions[] = {
    {"drop", BIT(DROP), nothing},
    {"output", BIT(OUTPUT), [](Scanner& s, Cursor& c) { return s.output(c); }},
    {"set_field", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return s.set_field(c); }},
    {"load", BIT(LOAD), [](Scanner& s, Cursor& c) { return s.load(c); }},
    {"move", BIT(MOVE), [](Scanner& s, Cursor& c) { return c.eat(':') && Scanner::subfield(c) && s.move_to(c); }},
    {"resubmit", BIT(RESUBMIT), [](Scanner& s, Cursor& c) { return s.resubmit(c); }},
    {"goto_table", BIT(GOTO_TABLE), [](Scanner&, Cursor& c) { return c.eat(':') && Scanner::table(c); }},
    {"ct", BIT(CT), [](Scanner& s, Cursor& c) { return s.ct(c); }},
    {"ct_clear", BIT(CT_CLEAR), nothing},
    {"nat", BIT(NAT), [](Scanner& s, Cursor& c) { return s.nat(c); }},
    {"conjunction", BIT(CONJUNCTION),
     [](Scanner&, Cursor& c) { return c.eat('(') && Scanner::number(c) && c.eat(',') && Scanner::number(c, 64) && c.eat('/') && Scanner::number(c, 64) && c.eat(')'); }},
    {"learn", BIT(LEARN), [](Scanner& s, Cursor& c) { return s.learn(c); }},
    {"group", BIT(GROUP), colon_number},
    {"meter", BIT(METER), colon_number},
    {"controller", BIT(CONTROLLER), [](Scanner& s, Cursor& c) { return s.controller(c); }},
    {"CONTROLLER", BIT(CONTROLLER), [](Scanner&, Cursor& c) { return !c.eat(':') || Scanner::number(c, UINT16_MAX); }},
    {"enqueue", BIT(ENQUEUE) | BIT(OUTPUT),
     [](Scanner& s, Cursor& c) {
       const bool parentheses = c.eat('(');
       if (!parentheses && !c.eat(':')) return false;
       return s.out_port(c) && c.eat(parentheses ? ',' : ':') && Scanner::number(c) && (!parentheses || c.eat(')'));
     }},
    {"bundle", BIT(BUNDLE) | BIT(OUTPUT), [](Scanner& s, Cursor& c) { return s.bundle(c, false); }},
    {"bundle_load", BIT(BUNDLE_LOAD), [](Scanner& s, Cursor& c) { return s.bundle(c, true); }},
    {"multipath", BIT(MULTIPATH),
     [](Scanner& s, Cursor& c) {
       return c.eat('(') && !Scanner::word(c).empty() && (!c.eat('+') || !Scanner::word(c).empty()) && c.eat(',') && Scanner::number(c, UINT16_MAX) && c.eat(',') && !Scanner::word(c).empty() && c.eat(',') &&
              Scanner::number(c, 65536) && c.eat(',') && Scanner::number(c) && c.eat(',') && s.set_subfield(c) && c.eat(')');
     }},
    {"strip_vlan", BIT(POP_VLAN), nothing},
    {"pop_vlan", BIT(POP_VLAN), nothing},
    {"push_vlan", BIT(PUSH_VLAN), colon_number},
    {"push_mpls", BIT(PUSH_MPLS), colon_number},
    {"pop_mpls", BIT(POP_MPLS), colon_number},
    {"encap", BIT(ENCAP), [](Scanner& s, Cursor& c) { return s.encap(c); }},
    {"decap", BIT(DECAP), [](Scanner& s, Cursor& c) { return s.decap(c); }},
    {"mod_dl_src", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "eth_src"); }},
    {"mod_dl_dst", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "eth_dst"); }},
    {"mod_vlan_vid", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "vlan_vid"); }},
    {"mod_vlan_pcp", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "vlan_pcp"); }},
    {"set_vlan_vid", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "vlan_vid"); }},
    {"set_vlan_pcp", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "vlan_pcp"); }},
    {"mod_nw_src", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "nw_src"); }},
    {"mod_nw_dst", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "nw_dst"); }},
    {"mod_nw_tos", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "nw_tos"); }},
    {"mod_nw_ecn", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "nw_ecn"); }},
    {"mod_nw_ttl", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "nw_ttl"); }},
    {"mod_tp_src", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "tp_src"); }},
    {"mod_tp_dst", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "tp_dst"); }},
    {"set_mpls_label", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "mpls_label"); }},
    {"set_mpls_tc", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "mpls_tc"); }},
    {"set_mpls_ttl", BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "mpls_ttl"); }},
    {"set_tunnel", BIT(SET_TUNNEL) | BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "tun_id"); }},
    {"set_tunnel64", BIT(SET_TUNNEL) | BIT(SET_FIELD), [](Scanner& s, Cursor& c) { return colon_value(s, c, "tun_id"); }},
    {"dec_ttl", BIT(DEC_TTL),
     [](Scanner& s, Cursor& c) {
       s.sets("nw_ttl");
       return c.peek() != '(' || s.items(c, [](Cursor& at) { return Scanner::number(at, UINT16_MAX); });
     }},
    {"dec_mpls_ttl", BIT(DEC_MPLS_TTL), [](Scanner& s, Cursor&) { return s.sets("mpls_ttl"), true; }},
    {"dec_nsh_ttl", BIT(DEC_NSH_TTL), [](Scanner& s, Cursor&) { return s.sets("nsh_ttl"), true; }},
    {"set_queue", BIT(SET_QUEUE), colon_number},
    {"pop_queue", BIT(POP_QUEUE), nothing},
    {"push", BIT(PUSH), [](Scanner&, Cursor& c) { return c.eat(':') && Scanner::subfield(c); }},
    {"pop", BIT(POP), [](Scanner& s, Cursor& c) { return c.eat(':') && s.set_subfield(c); }},
    {"check_pkt_larger", BIT(CHECK_PKT_LARGER), [](Scanner& s, Cursor& c) { return c.eat('(') && Scanner::number(c, UINT16_MAX) && c.eat(')') && s.move_to(c); }},
    {"delete_field", BIT(DELETE_FIELD), [](Scanner&, Cursor& c) { return c.eat(':') && !of_column(Scanner::word(c)).empty(); }},
    {"exit", BIT(EXIT), nothing},
    {"fin_timeout", BIT(FIN_TIMEOUT),
     [](Scanner& s, Cursor& c) { return s.items(c, [](Cursor& at) { return (at.eat("idle_timeout=") || at.eat("hard_timeout=")) && Scanner::number(at, UINT16_MAX); }); }},
    {"note", BIT(NOTE), [](Scanner&, Cursor& c) { return !c.eat(':') || Scanner::bytes(c); }},
    {"sample", BIT(SAMPLE), [](Scanner& s, Cursor& c) { return s.sample(c); }},
    {"clone", BIT(CLONE), [](Scanner& s, Cursor& c) { return s.nested(c); }},
    {"write_actions", BIT(WRITE_ACTIONS), [](Scanner& s, Cursor& c) { return s.nested(c); }},
    {"clear_actions", BIT(CLEAR_ACTIONS), nothing},
    {"write_metadata", BIT(WRITE_METADATA),
     [](Scanner& s, Cursor& c) {
       s.sets("metadata");
       return c.eat(':') && Scanner::number(c, UINT64_MAX) && (!c.eat('/') || Scanner::number(c, UINT64_MAX));
     }},
    {"debug_recirc", BIT(DEBUG_RECIRC), nothing},
    {"debug_slow", BIT(DEBUG_SLOW), nothing},
    {"NORMAL", BIT(NORMAL), [](Scanner& s, Cursor&) { return s.out(s.ports.port("NORMAL")), true; }},
    {"FLOOD", BIT(FLOOD) | BIT(OUTPUT), [](Scanner& s, Cursor&) { return s.out(s.ports.port("FLOOD")), true; }},
    {"ALL", BIT(FLOOD) | BIT(OUTPUT), [](Scanner& s, Cursor&) { return s.out(s.ports.port("ALL")), true; }},
    {"LOCAL", BIT(OUTPUT), [](Scanner& s, Cursor&) { return s.out(s.ports.port("LOCAL")), true; }},
    {"IN_PORT", BIT(OUTPUT), [](Scanner& s, Cursor&) { return s.out(s.ports.port("IN_PORT")), true; }},
    {"TABLE", BIT(RESUBMIT), nothing},
};

bool Scanner::set_field(Cursor& c) {
  if (!c.eat(':')) return false;
  const std::string_view rest = c.rest();
  const size_t arrow = rest.find("->");
  if (arrow == std::string_view::npos) return false;
  const std::string_view text = rest.substr(0, arrow);
  c.at += arrow + 2;
  const std::string_view name = word(c);
  OfField field;
  OfValue value;
  if (!find_of_field(name, field)) return false;
  if (field.kind == OfKind::text) {  // tun_metadata: up to 124 bytes of hex, with a mask
    for (const char ch : text)
      if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f') || ch == 'x' || ch == '/')) return false;
    return !text.empty();
  }
  if (!scan_of_value(text, field, value)) return false;
  sets(field.column);
  return true;
}

bool Scanner::load(Cursor& c) {
  cti_be128 value;
  return c.eat(':') && c.number128(value) && move_to(c);
}

bool Scanner::output(Cursor& c) {
  if (c.peek() == '(') {
    bool has_port = false;
    return items(c, [&](Cursor& at) {
             if (at.eat("port=")) return has_port = out_port(at);
             return at.eat("max_len=") && number(at);
           }) &&
           has_port;
  }
  if (!c.eat(':')) return false;
  const Cursor at = c;
  if (subfield(c) && (c.done() || *c.at == ',' || *c.at == ')')) {
    // A field's name is no port's here: ports with such a name are printed in quotes.
    out(UINT32_MAX);
    return true;
  }
  c = at;
  return out_port(c);
}

bool Scanner::controller(Cursor& c) {
  if (c.eat(':')) return number(c, UINT16_MAX);
  return items(c, [&](Cursor& at) {
    if (at.eat("reason=")) return word(at), true;  // of a rule that OVS made itself there is none
    if (at.eat("max_len=") || at.eat("id=")) return number(at, UINT16_MAX);
    if (at.eat("meter_id=")) return number(at);
    if (at.eat("userdata=")) return bytes(at);
    return at.eat("pause");
  });
}

bool Scanner::resubmit(Cursor& c) {
  uint32_t id;
  if (c.eat(':')) return port(c, id);
  if (!c.eat('(')) return false;
  if (c.peek() != ',' && !port(c, id)) return false;
  if (!c.eat(',')) return c.eat(')');
  if (c.peek() != ')' && !table(c)) return false;
  if (c.eat(",ct")) does(BIT(CT));
  return c.eat(')');
}

// (FIELDS,BASIS,ALGORITHM,ofport[,DST],members:PORT,...); before 2.16 slaves.
bool Scanner::bundle(Cursor& c, bool load) {
  if (!c.eat('(') || word(c).empty()) return false;
  if (c.eat('+') && word(c).empty()) return false;
  if (!c.eat(',') || !number(c, UINT16_MAX) || !c.eat(',') || word(c).empty() || !c.eat(",ofport,")) return false;
  if (load && !(set_subfield(c) && c.eat(','))) return false;
  if (!c.eat("members:") && !c.eat("slaves:")) return false;
  if (c.eat(')')) return true;
  do {
    uint32_t id;
    if (!port(c, id)) return false;
    if (!load) out(id);
  } while (c.eat(','));
  return c.eat(')');
}

bool Scanner::nat(Cursor& c) {
  if (c.peek() != '(') return true;
  const auto address = [](Cursor& at) {
    cti_be128 v6;
    uint32_t v4;
    const Cursor start = at;
    if (at.eat('[')) return at.ipv6(v6) && at.eat(']');
    if (at.ipv4(v4)) return true;
    at = start;
    return at.ipv6(v6);
  };
  return items(c, [&](Cursor& at) {
    if (at.eat("persistent") || at.eat("random") || at.eat("hash")) return true;
    const bool src = at.eat("src");
    if (!src && !at.eat("dst")) return false;
    if (!at.eat('=')) return true;
    if (at.peek() != ':' && !(address(at) && (!at.eat('-') || address(at)))) return false;
    return !at.eat(':') || (number(at, UINT16_MAX) && (!at.eat('-') || number(at, UINT16_MAX)));
  });
}

bool Scanner::ct(Cursor& c) {
  if (c.peek() != '(') return true;
  return items(c, [&](Cursor& at) {
    if (at.eat("commit") || at.eat("force")) return true;
    if (at.eat("table=")) return table(at);
    if (at.eat("zone=")) {
      const Cursor start = at;
      if (number(at, UINT16_MAX)) return true;
      at = start;
      return subfield(at);
    }
    if (at.eat("alg=") || at.eat("timeout=")) return !word(at).empty();
    if (at.eat("nat")) return does(BIT(NAT)), nat(at);
    return at.eat("exec") && nested(at);
  });
}

bool Scanner::learn_item(Cursor& c) {
  if (c.eat("table=")) return table(c);
  for (const std::string_view name : {"idle_timeout=", "hard_timeout=", "fin_idle_timeout=", "fin_hard_timeout=", "priority=", "limit="})
    if (c.eat(name)) return number(c);
  if (c.eat("cookie=")) return number(c, UINT64_MAX);
  if (c.eat("send_flow_rem") || c.eat("delete_learned")) return true;
  if (c.eat("result_dst=")) {
    learning = false;
    const bool ok = set_subfield(c);
    learning = true;
    return ok;
  }
  if (c.eat("output:")) return subfield(c);
  if (c.eat("load:")) {
    const Cursor at = c;
    cti_be128 value;
    if (c.number128(value) && c.eat("->")) return subfield(c);
    c = at;
    return subfield(c) && c.eat("->") && subfield(c);
  }
  // FIELD[a..b]=FIELD[a..b], FIELD=VALUE, or FIELD[a..b] alone: the same of the packet.
  const Cursor start = c;
  const std::string_view name = word(c);
  c = start;
  std::string_view column;
  if (!subfield(c, column)) return false;
  if (!c.eat('=')) return true;
  const Cursor at = c;
  if (subfield(c) && (c.done() || *c.at == ',' || *c.at == ')')) return true;
  c = at;
  OfField field;
  OfValue value;
  const std::string_view text = c.item();
  if (find_of_field(name, field) && scan_of_value(text, field, value)) return true;
  cti_be128 number;
  Cursor digits(text);
  return digits.number128(number) && digits.done();
}

bool Scanner::learn(Cursor& c) {
  if (learning) return false;  // a learned rule does not learn
  learning = true;
  const bool ok = items(c, [this](Cursor& at) { return learn_item(at); });
  learning = false;
  return ok;
}

bool Scanner::encap(Cursor& c) {
  if (!c.eat('(')) return false;
  if (c.eat("ethernet") || c.eat("mpls_mc") || c.eat("mpls")) return c.eat(')');
  if (!c.eat("nsh")) return false;
  if (c.peek() == '(' && !items(c, [](Cursor& at) {
        if (at.eat("md_type=")) return number(at, 2);
        return at.eat("tlv(") && number(at, UINT16_MAX) && at.eat(',') && number(at, UINT8_MAX) && at.eat(",0x") &&
               [&] {
                 const char* begin = at.at;
                 while (!at.done() && ((*at.at >= '0' && *at.at <= '9') || (*at.at >= 'a' && *at.at <= 'f'))) at.at++;
                 return at.at != begin;
               }() &&
               at.eat(')');
      }))
    return false;
  return c.eat(')');
}

bool Scanner::decap(Cursor& c) {
  if (!c.eat('(')) return true;
  if (c.eat(')')) return true;
  return c.eat("packet_type(ns=") && number(c, UINT16_MAX) && c.eat(",type=") && number(c, UINT16_MAX) && c.eat("))");
}

bool Scanner::sample(Cursor& c) {
  const auto number_or_field = [](Cursor& at) {
    const Cursor start = at;
    if (number(at)) return true;
    at = start;
    return subfield(at);
  };
  return items(c, [&](Cursor& at) {
    if (at.eat("probability=")) return number(at, UINT16_MAX);
    if (at.eat("collector_set_id=") || at.eat("obs_domain_id=") || at.eat("obs_point_id=")) return number_or_field(at);
    if (at.eat("sampling_port=")) {
      uint32_t id;
      return port(at, id);
    }
    return at.eat("egress") || at.eat("ingress");
  });
}

bool Scanner::action(Cursor& c) {
  const std::string_view name = word(c);
  for (const Action& candidate : kActions) {
    if (candidate.name != name) continue;
    // Behind an action is a ',' or the end of its list: more is not understood.
    if (!candidate.parse(*this, c) || !(c.done() || *c.at == ',' || *c.at == ')')) return false;
    does(candidate.bits);
    return true;
  }
  return false;
}

// Ends at the end of the text or at a ')' that the list did not open. False for a list without any action.
bool Scanner::list(Cursor& c) {
  if (c.done() || *c.at == ')') return false;
  do {
    const Cursor start = c;
    const OfActionFacts before = facts;
    if (action(c)) continue;
    facts = before;  // of what is not understood nothing is claimed
    c = start;
    const std::string_view text = c.item();
    facts.n_unknown++;
    unknown.unknown_action(text.substr(0, text.find_first_of(":(")), text);
  } while (c.eat(','));
  return true;
}

}  // namespace

void scan_of_actions(std::string_view text, OfPorts& ports, OfUnknown& unknown, OfActionFacts& facts) {
  facts = {};
  Scanner scanner{ports, unknown, facts};
  Cursor c(text);
  if (!scanner.list(c) || !c.done()) {
    facts.n_unknown++;
    unknown.unknown_action("list", text);
  }
  std::sort(facts.out_ports.begin(), facts.out_ports.end());
  facts.out_ports.erase(std::unique(facts.out_ports.begin(), facts.out_ports.end()), facts.out_ports.end());
}

}  // namespace cti::text
