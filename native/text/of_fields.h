// OpenFlow's fields: by which name a match and an action print each, what values it takes, and where in a row of of_rules it lies.
//
// Thread-safety: constants.
#pragma once

#include <string>
#include <string_view>

#include "tables/generated/of_rules.h"

namespace cti::text {

enum class OfKind : uint8_t {
  number,       // decimal or 0x, with /0x mask
  wide,         // 0x and up to 32 hex digits, with a mask
  mac,
  ipv4,         // with a prefix length or a dotted mask
  ipv6,
  port,         // a number, a name, a quoted name
  ct_state,     // +a-b, a|b, 0, or a number with a mask
  tcp_flags,
  tun_flags,
  frag,         // no, yes, first, later, not_later
  packet_type,  // (NS,TYPE)
  text,         // tun_metadata: no column; kept as text
};

// Where the value is in its record: 'width' bits, 'shift' up, of a field of 'size' bytes at 'offset' of a half.
struct OfField {
  std::string_view name;    // in a match of ovs-ofctl dump-flows, and after set_field
  std::string_view column;  // of the schema
  OfKind kind;
  uint8_t segment;          // CTI_OF_RULES_SEGMENT_*
  uint8_t size;
  uint8_t width;
  uint8_t shift;
  uint16_t offset;
};

// A field by a name of a match or a set_field; a register's is made for the call. False if there is none.
bool find_of_field(std::string_view name, OfField& field);
// The column of an NXM or OXM name (NXM_OF_ETH_SRC), or of a name that find_of_field() knows; empty if there is none.
std::string_view of_column(std::string_view name);
// Appends ",column," and what else of the row changes with it (tp_dst with tcp_dst, xreg0 with reg0), each with commas around.
void add_set_columns(std::string_view column, std::string& sets);

}  // namespace cti::text
