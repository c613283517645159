// The match of a flow: text <-> row. And single keys, as set actions write them.
//
// Thread-safety: pure functions over the arguments.
#pragma once

#include "text/keys.h"
#include "text/print.h"
#include "text/scan.h"

namespace cti::text {

// What parsing needs from whoever keeps the dictionaries.
class Names {
 public:
  // The id of a port written as 'text' (its name or its number) in the datapath at hand; UINT32_MAX when out of room.
  virtual uint32_t port(std::string_view text) = 0;
  virtual cti_ref intern(std::string_view text) = 0;

 protected:
  ~Names() = default;
};

// What printing needs.
class PortPrinter {
 public:
  virtual void port(uint32_t id, TextBuffer& out) const = 0;
  // Its number, where OVS prints that even if it knows the name.
  virtual void port_number(uint32_t id, TextBuffer& out) const = 0;
  virtual std::string_view text(const cti_ref& ref) const = 0;

 protected:
  ~PortPrinter() = default;
};

// A part of the match that is kept as text.
struct UnknownPart {
  std::string_view kind;  // "unknown key", "malformed key", "key given twice", ...
  std::string_view name;
  std::string_view text;
  bool in_place = false;  // kept inside its key (a tunnel's options), so not in rows.unknown
};

enum class MatchEnd { ok, malformed };

// Reads keys until ", " or the end. What is not understood goes to 'unknown' (cleared first) and leaves no trace in 'flow'.
// malformed: parentheses do not fit, or an empty key.
MatchEnd scan_match(Cursor& cursor, tables::DpFlow& flow, Names& names, std::vector<UnknownPart>& unknown);

// Prints the keys in the order and notation that flow.match.key.attrs says, then flow.rows.unknown.
void print_match(const tables::DpFlow& flow, const PortPrinter& printer, TextBuffer& out);

// MPLS stacks: entries as in mpls_lse0, outermost first.
inline constexpr size_t kMaxMplsEntries = 255;
struct MplsStack {
  size_t n = 0;
  uint32_t values[kMaxMplsEntries];
  uint32_t masks[kMaxMplsEntries];
};
bool scan_mpls_stack(Cursor& cursor, MplsStack& stack);
void print_mpls_stack(const MplsStack& stack, TextBuffer& out);

// One key's inside, for set(...): the cursor stands after "name(" and is left before ")".
bool scan_key(const Key& key, Cursor& cursor, tables::DpFlow& flow, Names& names);
void print_key(const Key& key, const tables::DpFlow& flow, bool verbose, const PortPrinter& printer, TextBuffer& out);

// label=..,tc=..,ttl=..,bos=..: an MPLS label stack entry, as push_mpls writes it (without masks).
bool scan_mpls_entry(Cursor& cursor, uint32_t& value, uint32_t& mask);
void print_mpls_entry(uint32_t value, TextBuffer& out);
// eth_type(...)'s inside.
void print_eth_type_value(uint16_t value, uint16_t mask, TextBuffer& out);
// vid=..,pcp=..[,cfi=0]
bool scan_vlan_tci(Cursor& cursor, uint16_t& value, uint16_t& mask);
void print_vlan_tci(uint16_t value, uint16_t mask, bool verbose, TextBuffer& out);

}  // namespace cti::text
