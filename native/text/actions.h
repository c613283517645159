// Action lists: text <-> tree.
//
// Thread-safety: pure functions over the arguments.
#pragma once

#include <string_view>

#include "text/action_tree.h"
#include "text/match.h"

namespace cti::text {

// Told of each part that is kept as text.
class UnknownActions {
 public:
  virtual void unknown_action(std::string_view name, std::string_view text) = 0;

 protected:
  ~UnknownActions() = default;
};

// Parses a whole list ("drop" alone is the empty list) into 'tree' (cleared first). Never fails: what is not understood becomes
// kActUnknown attributes. An attribute that would be longer than netlink allows makes all of the list one text.
void scan_actions(std::string_view text, Names& names, UnknownActions& unknown, TreeWriter& tree);

// As OVS prints a list.
void print_actions(Bytes tree, const PortPrinter& printer, TextBuffer& out);

// The pieces below are one action each; scan_* stand after "name(" and leave the cursor before the last ")".
bool scan_ct(Cursor& cursor, TreeWriter& tree);
void print_ct(Bytes nested, TextBuffer& out);
bool scan_userspace(Cursor& cursor, Names& names, TreeWriter& tree);
void print_userspace(Bytes nested, const PortPrinter& printer, TextBuffer& out);
bool scan_set(Cursor& cursor, Names& names, UnknownActions& unknown, TreeWriter& tree);
void print_set(const TreeAttr& set, const PortPrinter& printer, TextBuffer& out);
bool scan_tunnel_push(Cursor& cursor, Names& names, TreeWriter& tree);
void print_tunnel_push(const TreeAttr& push, const PortPrinter& printer, TextBuffer& out);
bool scan_push_nsh(Cursor& cursor, TreeWriter& tree);
void print_push_nsh(Bytes nested, TextBuffer& out);

// A port as a dump writes it inside an action: up to ',' or ')'.
bool scan_port(Cursor& cursor, Names& names, uint32_t& id);

}  // namespace cti::text
