// A line of `conntrack -L`:
//   [ipv4 2] PROTO NUMBER [SECONDS] [STATE] src=.. dst=.. sport=.. dport=.. [packets=.. bytes=..] [[UNREPLIED]] src=.. .. [[ASSURED]]
//   [mark=N] [secctx=..] [zone=N] [helper=..] [id=N] [use=N]
// with the words of -o extended before it, type=, code= and id= of ICMP for the ports, zone-orig= and zone-reply= behind a direction.
#include <algorithm>

#include "text/ct_words.h"

namespace cti::text {

using namespace tables::ct;

namespace {

// The next word; one in brackets may have blanks ([start=Mon Nov 23 ...]).
std::string_view next(Cursor& c) {
  while (c.peek() == ' ' || c.peek() == '\t') c.at++;
  const char* start = c.at;
  if (c.peek() == '[') {
    const size_t end = c.rest().find(']');
    if (end != std::string_view::npos && (end + 1 == c.left() || c.at[end + 1] == ' ')) {
      c.at += end + 1;
      return {start, end + 1};
    }
  }
  while (!c.done() && *c.at != ' ' && *c.at != '\t') c.at++;
  return {start, static_cast<size_t>(c.at - start)};
}

bool is_upper_word(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char ch) { return (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_'; }) && word[0] >= 'A';
}

struct Scan {
  CtEntry& entry;
  Direction direction = Direction::orig;
  bool direction_begun = false;

  bool number_into(uint32_t known, std::string_view text, uint64_t max, uint64_t& number) {
    if (entry.rows.known & known || !whole_number(text, max, number)) return false;
    entry.know(known);
    return true;
  }

  bool id(std::string_view value) {
    // Of ICMP the tuple has an id, printed behind its type and code; another one is the connection's.
    const auto& mask = entry.tuple.mask;
    const bool orig = direction == Direction::orig;
    const bool tuple_lacks_it = orig ? mask.orig_type && !mask.orig_id : mask.reply_type && !mask.reply_id;
    if (tuple_lacks_it) return ct_tuple_field(entry, direction, "id", value);
    uint64_t number = 0;
    return number_into(CTI_CT_KNOWN_ID, value, UINT32_MAX, number) && (entry.rows.id = static_cast<uint32_t>(number), true);
  }

  bool pair(std::string_view name, std::string_view value) {
    Rows& rows = entry.rows;
    uint64_t number = 0;
    if (name == "src") {
      if (direction_begun) {
        if (direction == Direction::reply) return false;
        direction = Direction::reply;
      }
      direction_begun = true;
      return ct_tuple_field(entry, direction, name, value);
    }
    if (name == "dst" || name == "sport" || name == "dport" || name == "type" || name == "code" || name == "srckey" || name == "dstkey") return ct_tuple_field(entry, direction, name, value);
    if (name == "packets" || name == "bytes") return ct_counter(entry, direction, name, value);
    if (name == "id") return id(value);
    if (name == "mark") return !rows.mark && whole_number(value, UINT32_MAX, number) && (rows.mark = static_cast<uint32_t>(number), true);
    if (name == "zone") return !rows.zone && whole_number(value, UINT16_MAX, number) && (rows.zone = static_cast<uint16_t>(number), true);
    if (name == "zone-orig") return number_into(CTI_CT_KNOWN_ZONE_ORIG, value, UINT16_MAX, number) && (rows.zone_orig = static_cast<uint16_t>(number), true);
    if (name == "zone-reply") return number_into(CTI_CT_KNOWN_ZONE_REPLY, value, UINT16_MAX, number) && (rows.zone_reply = static_cast<uint16_t>(number), true);
    if (name == "use") return number_into(CTI_CT_KNOWN_USE, value, UINT32_MAX, number) && (rows.use = static_cast<uint32_t>(number), true);
    if (name == "helper") return entry.helper.empty() && !value.empty() && (entry.helper = value, true);
    if (name == "secctx") return entry.secctx.empty() && !value.empty() && (entry.secctx = value, true);
    return false;
  }

  bool bracket(std::string_view word) {
    Rows& rows = entry.rows;
    if (word == "[ASSURED]") return (rows.assured = CTI_CT_ASSURED_YES, true);
    if (word == "[UNREPLIED]") return (rows.replied = CTI_CT_REPLIED_NO, true);
    if (word == "[OFFLOAD]") return (rows.offload = CTI_CT_OFFLOAD_SW, true);
    if (word == "[HW_OFFLOAD]") return (rows.offload = CTI_CT_OFFLOAD_HW, true);
    if (word.starts_with("[start=")) return entry.start.empty() && (entry.start = word.substr(7, word.size() - 8), true);
    if (word.starts_with("[stop=")) return entry.stop.empty() && (entry.stop = word.substr(6, word.size() - 7), true);
    return false;
  }
};

}  // namespace

const char* scan_ct_list(std::string_view line, CtEntry& entry) {
  entry.clear();
  Cursor c(line);
  std::string_view word = next(c);
  uint64_t number;
  if (word == "ipv4" || word == "ipv6") {
    if (!whole_number(next(c), UINT16_MAX, number)) return "no protocol";
    word = next(c);
  }
  if (!whole_number(next(c), UINT8_MAX, number)) return "no protocol";
  uint8_t named;
  // The number says it; a name that says another is a line nobody printed. What has no name is "unknown".
  if (ct_protocol(word, named) ? named != number : word != "unknown") entry.not_understood("protocol", word, word);
  entry.tuple.key.nw_proto = static_cast<uint8_t>(number);
  entry.tuple.mask.nw_proto = UINT8_MAX;
  Rows& rows = entry.rows;
  rows.replied = CTI_CT_REPLIED_YES;
  entry.know(CTI_CT_KNOWN_ASSURED | CTI_CT_KNOWN_REPLIED | CTI_CT_KNOWN_OFFLOAD);

  Scan scan{entry};
  word = next(c);
  if (whole_number(word, UINT32_MAX, number)) {  // an offloaded one has no timeout
    rows.timeout_ms = number * 1000;
    entry.know(CTI_CT_KNOWN_TIMEOUT_MS);
    word = next(c);
  }
  if (is_upper_word(word)) {
    if (ct_state(word, rows.state))
      entry.know(CTI_CT_KNOWN_STATE);
    else
      entry.not_understood("state", word, word);
    word = next(c);
  }
  for (; !word.empty(); word = next(c)) {
    const size_t equals = word.find('=');
    bool known;
    if (word[0] == '[')
      known = scan.bracket(word);
    else
      known = equals != std::string_view::npos && scan.pair(word.substr(0, equals), word.substr(equals + 1));
    if (!known) entry.not_understood("word", equals == std::string_view::npos ? word : word.substr(0, equals), word);
  }
  if (!entry.secctx.empty()) entry.know(CTI_CT_KNOWN_SECCTX);
  return ct_complete(entry);
}

}  // namespace cti::text
