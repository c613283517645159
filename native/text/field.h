// One value with its mask: text <-> row.
//
// Thread-safety: pure functions over the arguments.
#pragma once

#include "text/keys.h"
#include "text/print.h"
#include "text/scan.h"

namespace cti::text {

// Reads "value" or "value/mask" of 'field' into 'flow'; a value without a mask has a mask of all ones.
bool scan_field(Cursor& cursor, const Field& field, tables::DpFlow& flow);
// Whether any bit of the field is matched.
bool field_masked(const Field& field, const tables::DpFlow& flow);
// Prints "value" or, if the mask is not all ones, "value/mask". 'verbose': as dump-flows -m.
void print_value(const Field& field, const tables::DpFlow& flow, bool verbose, TextBuffer& out);
// Zeroes value and mask.
void clear_field(const Field& field, tables::DpFlow& flow);

// name(...)'s inside for Shape::fields and Shape::single: "src=1/2,dst=3".
bool scan_fields(Cursor& cursor, std::span<const Field> fields, tables::DpFlow& flow);
void print_fields(std::span<const Field> fields, const tables::DpFlow& flow, bool verbose, TextBuffer& out);

// "+est-inv", "est|trk", "0", "0/0", "0x21/0x21": 'names[i]' is bit i's name (empty: none).
struct FlagNames {
  std::span<const std::string_view> names;
  uint32_t all;  // the mask that counts as exact
};
const FlagNames& ct_state_names();
const FlagNames& tcp_flag_names();
bool scan_flags(Cursor& cursor, const FlagNames& flags, uint32_t& value, uint32_t& mask);
void print_flags(const FlagNames& flags, uint32_t value, uint32_t mask, TextBuffer& out);
// Tunnel flags: the row's bits are df 1, csum 2, key 4, oam 8; OVS prints oam first.
bool scan_tun_flags(Cursor& cursor, uint16_t& value, uint16_t& mask);
void print_tun_flags(uint16_t value, uint16_t mask, TextBuffer& out);

}  // namespace cti::text
