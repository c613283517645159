// Values of OpenFlow fields as ovs-ofctl prints them, and ports.
//
// Thread-safety: plain values.
#pragma once

#include "text/of_fields.h"
#include "text/scan.h"

namespace cti::text {

// 'value' and 'mask' have the field's own bits: the low 64 in 'low', of wide and ipv6 all 128 in wire order in 'wide'.
struct OfValue {
  uint64_t low = 0, low_mask = 0;
  cti_be128 wide{}, wide_mask{};
  std::string_view port;  // kind port: as printed, quotes and all
};

// The whole of 'text' as a value of the field, with its mask; false if it is none. A flag without a name, a bit outside the mask, a number with
// leading zeros that nobody prints: false.
bool scan_of_value(std::string_view text, const OfField& field, OfValue& value);

// A port at the cursor: a number, a word (LOCAL, veth0), or a name in quotes. 'text' is what was taken, quotes included.
bool scan_of_port(Cursor& c, std::string_view& text);
// The name of a port as scan_of_port() took it, escapes resolved; its number if it is one.
struct OfPort {
  std::string name;
  uint32_t number = 0;
  bool is_number = false;
};
bool read_of_port(std::string_view text, OfPort& port);

}  // namespace cti::text
