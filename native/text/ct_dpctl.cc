// A line of `ovs-appctl dpctl/dump-conntrack`:
//   PROTO,orig=(src=..,dst=..,sport=..,dport=..[,packets=..,bytes=..]),reply=(..)[,start=..][,stop=..][,id=N][,zone=N][,status=A|B]
//   [,timeout=N][,mark=N][,labels=0x..][,protoinfo=(state=..)][,helper=NAME][,parent=(..)]
// and of ICMP id=, type=, code= for the ports; of -m protoinfo=(state_orig=..,state_reply=..,wscale_orig=..,..,flags_orig=A|B,..).
#include <algorithm>

#include "text/ct_words.h"

namespace cti::text {

using namespace tables::ct;

namespace {

// NAME=VALUE; all of 'item' is the name if there is no '='.
std::pair<std::string_view, std::string_view> split(std::string_view item) {
  const size_t equals = std::min(item.find('='), item.size());
  return {item.substr(0, equals), item.substr(std::min(equals + 1, item.size()))};
}

template <typename Each>
void each_item(std::string_view list, Each each) {
  Cursor c(list);
  while (!c.done()) {
    each(c.item());
    if (!c.eat(',') && !c.done()) {
      each(c.rest());  // a parenthesis that nothing opened
      return;
    }
  }
}

// The inside of "(...)"; false if 'value' is not that.
bool inside(std::string_view value, std::string_view& list) {
  if (value.size() < 2 || value.front() != '(' || value.back() != ')') return false;
  list = value.substr(1, value.size() - 2);
  return true;
}

bool tuple(CtEntry& entry, Direction direction, std::string_view value) {
  std::string_view list;
  if (!inside(value, list)) return false;
  each_item(list, [&](std::string_view item) {
    const auto [name, text] = split(item);
    const bool is_counter = name == "packets" || name == "bytes";
    if (!(is_counter ? ct_counter(entry, direction, name, text) : ct_tuple_field(entry, direction, name, text))) entry.not_understood("part of a tuple", name, item);
  });
  return true;
}

bool number_into(CtEntry& entry, uint32_t known, std::string_view text, uint64_t max, uint64_t& number) {
  if (entry.rows.known & known || !whole_number(text, max, number)) return false;
  entry.know(known);
  return true;
}

bool one_state(CtEntry& entry, uint32_t known, std::string_view text, uint8_t& state) {
  if (entry.rows.known & known || !ct_state(text, state)) return false;
  entry.know(known);
  return true;
}

bool one_flags(CtEntry& entry, uint32_t known, std::string_view text, uint16_t& flags) {
  if (entry.rows.known & known || !ct_tcp_flags(text, flags)) return false;
  entry.know(known);
  return true;
}

bool protoinfo_item(CtEntry& entry, std::string_view name, std::string_view text) {
  Rows& rows = entry.rows;
  uint64_t number = 0;
  if (name == "state") return one_state(entry, CTI_CT_KNOWN_STATE, text, rows.state);
  if (name == "state_orig") return one_state(entry, CTI_CT_KNOWN_ORIG_STATE, text, rows.orig_state);
  if (name == "state_reply") return one_state(entry, CTI_CT_KNOWN_REPLY_STATE, text, rows.reply_state);
  if (name == "flags_orig") return one_flags(entry, CTI_CT_KNOWN_ORIG_TCP_FLAGS, text, rows.orig_tcp_flags);
  if (name == "flags_reply") return one_flags(entry, CTI_CT_KNOWN_REPLY_TCP_FLAGS, text, rows.reply_tcp_flags);
  if (name == "wscale_orig") return number_into(entry, CTI_CT_KNOWN_ORIG_WSCALE, text, UINT8_MAX, number) && (rows.orig_wscale = static_cast<uint8_t>(number), true);
  if (name == "wscale_reply") return number_into(entry, CTI_CT_KNOWN_REPLY_WSCALE, text, UINT8_MAX, number) && (rows.reply_wscale = static_cast<uint8_t>(number), true);
  if (name == "vtag_orig") return number_into(entry, CTI_CT_KNOWN_ORIG_VTAG, text, UINT32_MAX, number) && (rows.orig_vtag = static_cast<uint32_t>(number), true);
  if (name == "vtag_reply") return number_into(entry, CTI_CT_KNOWN_REPLY_VTAG, text, UINT32_MAX, number) && (rows.reply_vtag = static_cast<uint32_t>(number), true);
  return false;
}

bool protoinfo(CtEntry& entry, std::string_view value) {
  std::string_view list;
  if (!inside(value, list)) return false;
  each_item(list, [&](std::string_view item) {
    const auto [name, text] = split(item);
    if (!protoinfo_item(entry, name, text)) entry.not_understood("part of protoinfo", name, item);
  });
  Rows& rows = entry.rows;
  const uint32_t both = CTI_CT_KNOWN_ORIG_STATE | CTI_CT_KNOWN_REPLY_STATE;
  if (!(rows.known & CTI_CT_KNOWN_STATE) && (rows.known & both) == both) {
    rows.state = std::max(rows.orig_state, rows.reply_state);  // as OVS does without -m
    entry.know(CTI_CT_KNOWN_STATE);
  }
  return true;
}

void status(CtEntry& entry) {
  Rows& rows = entry.rows;
  entry.know(CTI_CT_KNOWN_STATUS);
  // The userspace datapath keeps no status and prints 0; the kernel lists confirmed connections only.
  if (!(rows.status & CTI_CT_STATUS_CONFIRMED)) return;
  rows.assured = rows.status & CTI_CT_STATUS_ASSURED ? CTI_CT_ASSURED_YES : CTI_CT_ASSURED_NO;
  rows.replied = rows.status & CTI_CT_STATUS_SEEN_REPLY ? CTI_CT_REPLIED_YES : CTI_CT_REPLIED_NO;
  entry.know(CTI_CT_KNOWN_ASSURED | CTI_CT_KNOWN_REPLIED);
}

bool text_into(std::string_view& to, std::string_view text) {
  if (!to.empty() || text.empty()) return false;
  to = text;
  return true;
}

bool item_of(CtEntry& entry, std::string_view name, std::string_view value) {
  Rows& rows = entry.rows;
  uint64_t number = 0;
  if (name == "orig") return tuple(entry, Direction::orig, value);
  if (name == "reply") return tuple(entry, Direction::reply, value);
  if (name == "parent") return tuple(entry, Direction::parent, value);
  if (name == "protoinfo") return protoinfo(entry, value);
  if (name == "zone") return !rows.zone && whole_number(value, UINT16_MAX, number) && (rows.zone = static_cast<uint16_t>(number), true);
  if (name == "mark") return !rows.mark && whole_number(value, UINT32_MAX, number) && (rows.mark = static_cast<uint32_t>(number), true);
  if (name == "id") return number_into(entry, CTI_CT_KNOWN_ID, value, UINT32_MAX, number) && (rows.id = static_cast<uint32_t>(number), true);
  if (name == "timeout") return number_into(entry, CTI_CT_KNOWN_TIMEOUT_MS, value, UINT32_MAX, number) && (rows.timeout_ms = number * 1000, true);
  if (name == "helper") return text_into(entry.helper, value);
  if (name == "start") return text_into(entry.start, value);
  if (name == "stop") return text_into(entry.stop, value);
  if (name == "status") {
    if (rows.known & CTI_CT_KNOWN_STATUS || !ct_status_flags(value, rows.status)) return false;
    status(entry);
    return true;
  }
  if (name == "labels") {
    Cursor c(value);
    cti_be128 label;
    if (rows.label.word[0] || rows.label.word[1] || !value.starts_with("0x") || (value.size() > 3 && value[2] == '0') || !c.number128(label) || !c.done()) return false;
    rows.label = label;
    return true;
  }
  return false;
}

}  // namespace

const char* scan_ct_dpctl(std::string_view line, CtEntry& entry) {
  entry.clear();
  Cursor c(line);
  const std::string_view protocol = c.item();
  if (ct_protocol(protocol, entry.tuple.key.nw_proto))
    entry.tuple.mask.nw_proto = UINT8_MAX;
  else
    entry.not_understood("protocol", protocol, protocol);
  entry.know(CTI_CT_KNOWN_LABEL);  // printed wherever there is one
  while (c.eat(',')) {
    const std::string_view item = c.item();
    const auto [name, value] = split(item);
    if (!item_of(entry, name, value)) entry.not_understood("item", name, item);
  }
  if (!c.done()) return "a parenthesis that nothing opened";
  return ct_complete(entry);
}

}  // namespace cti::text
