// The match of a rule as ovs-ofctl prints it (lib/match.c's match_format), read into the masked segments of of_rules.
//
// Thread-safety: plain values.
#pragma once

#include "tables/generated/of_rules.h"
#include "text/of_values.h"

namespace cti::text {

// One rule with all its records at hand.
struct OfRule {
  tables::of_rules::Rows rows;
  tables::of_rules::Match match;
  tables::of_rules::Tunnel tunnel;
  tables::of_rules::Ipv6 ipv6;
  tables::of_rules::CtTuple ct_tuple;
  tables::of_rules::Arp arp;
  tables::of_rules::Encap encap;
  tables::of_rules::Regs regs;
};

// The id of a port as it is printed, in the file's own dictionary; UINT32_MAX if that is no port.
class OfPorts {
 public:
  virtual ~OfPorts() = default;
  virtual uint32_t port(std::string_view printed) = 0;
};

// The next item of a list: up to a ',' or a ' ' that is in no quotes and no parentheses, or to the end.
std::string_view of_item(Cursor& c);

// NAME=VALUE or a word (tcp, ip): false if it is none, is there already, or has no column; the rule is unchanged then.
bool scan_of_match_item(std::string_view item, OfPorts& ports, OfRule& rule);

}  // namespace cti::text
