#include "text/ct_words.h"

#include <cstring>

namespace cti::text {

using namespace tables::ct;

namespace {

struct Word {
  std::string_view word;
  uint32_t value;
};

constexpr Word kProtocols[] = {{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmpv6", 58}, {"sctp", 132}, {"igmp", 2}, {"dccp", 33}, {"gre", 47}, {"udplite", 136}};

#define STATE(name) {#name, CTI_CT_STATE_##name}
constexpr Word kStates[] = {STATE(ESTABLISHED), STATE(TIME_WAIT), STATE(SYN_SENT), STATE(SYN_RECV), STATE(NONE), STATE(CLOSED), STATE(LISTEN), STATE(CLOSE_WAIT),
                            STATE(FIN_WAIT_1), STATE(CLOSING), STATE(LAST_ACK), STATE(FIN_WAIT_2), STATE(FIN_WAIT), STATE(CLOSE), STATE(SYN_SENT2), STATE(COOKIE_WAIT),
                            STATE(COOKIE_ECHOED), STATE(SHUTDOWN_SENT), STATE(SHUTDOWN_RECD), STATE(SHUTDOWN_ACK_SENT), STATE(HEARTBEAT_SENT), STATE(HEARTBEAT_ACKED),
                            STATE(REQUEST), STATE(RESPOND), STATE(PARTOPEN), STATE(OPEN), STATE(CLOSEREQ), STATE(TIMEWAIT), STATE(IGNORE), STATE(INVALID)};
#undef STATE

#define STATUS(name) {#name, CTI_CT_STATUS_##name}
constexpr Word kStatus[] = {STATUS(EXPECTED), STATUS(SEEN_REPLY), STATUS(ASSURED), STATUS(CONFIRMED), STATUS(SRC_NAT), STATUS(DST_NAT), STATUS(SEQ_ADJUST),
                            STATUS(SRC_NAT_DONE), STATUS(DST_NAT_DONE), STATUS(DYING), STATUS(FIXED_TIMEOUT), STATUS(TEMPLATE), STATUS(UNTRACKED), STATUS(HELPER), STATUS(OFFLOAD)};
#undef STATUS

#define TCP(name) {#name, CTI_CT_TCP_FLAGS_##name}
constexpr Word kTcpFlags[] = {TCP(WINDOW_SCALE), TCP(SACK_PERM), TCP(CLOSE_INIT), TCP(BE_LIBERAL), TCP(DATA_UNACKNOWLEDGED), TCP(MAXACK_SET)};
#undef TCP

template <size_t n>
const Word* find(const Word (&words)[n], std::string_view word) {
  for (const Word& candidate : words)
    if (candidate.word == word) return &candidate;
  return nullptr;
}

template <size_t n>
bool flags(const Word (&words)[n], std::string_view text, uint32_t& bits) {
  uint32_t all = 0;
  if (text == "0") {
    bits = 0;
    return true;
  }
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('|', at), text.size());
    const Word* word = find(words, text.substr(at, end - at));
    if (!word || all & word->value) return false;
    all |= word->value;
    at = end + 1;
  }
  bits = all;
  return true;
}

// An IPv4 address is ::ffff:a.b.c.d.
bool address(std::string_view text, cti_be128& value) {
  Cursor c(text);
  uint32_t v4;
  if (text.find(':') == std::string_view::npos) {
    if (!c.plain_ipv4(v4) || !c.done()) return false;
    const uint8_t bytes[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, static_cast<uint8_t>(v4 >> 24), static_cast<uint8_t>(v4 >> 16), static_cast<uint8_t>(v4 >> 8), static_cast<uint8_t>(v4)};
    std::memcpy(&value, bytes, 16);
    return true;
  }
  return c.ipv6(value) && c.done();
}

bool is_mapped(const cti_be128& address) {
  uint8_t bytes[16];
  std::memcpy(bytes, &address, 16);
  for (int i = 0; i < 12; i++)
    if (bytes[i] != (i < 10 ? 0 : 0xff)) return false;
  return true;
}

constexpr cti_be128 kExact128 = {{UINT64_MAX, UINT64_MAX}};

template <typename Half, typename T>
bool give(Half& key, Half& mask, T Half::*member, uint64_t value) {
  if (mask.*member) return false;
  key.*member = static_cast<T>(value);
  mask.*member = static_cast<T>(~T{0});
  return true;
}

template <typename Half>
bool give_address(Half& key, Half& mask, cti_be128 Half::*member, std::string_view text) {
  cti_be128 value;
  if ((mask.*member).word[0] || !address(text, value)) return false;
  key.*member = value;
  mask.*member = kExact128;
  return true;
}

using TupleHalf = cti_ct_tuple_half;

// The members of each direction of the tuple.
struct TupleMembers {
  cti_be128 TupleHalf::*src;
  cti_be128 TupleHalf::*dst;
  uint16_t TupleHalf::*sport;
  uint16_t TupleHalf::*dport;
  uint16_t TupleHalf::*id;
  uint8_t TupleHalf::*type;
  uint8_t TupleHalf::*code;
  uint16_t TupleHalf::*srckey;
  uint16_t TupleHalf::*dstkey;
};
constexpr TupleMembers kOrig = {&TupleHalf::orig_src, &TupleHalf::orig_dst, &TupleHalf::orig_sport, &TupleHalf::orig_dport, &TupleHalf::orig_id, &TupleHalf::orig_type, &TupleHalf::orig_code, &TupleHalf::orig_srckey, &TupleHalf::orig_dstkey};
constexpr TupleMembers kReply = {&TupleHalf::reply_src, &TupleHalf::reply_dst, &TupleHalf::reply_sport, &TupleHalf::reply_dport, &TupleHalf::reply_id, &TupleHalf::reply_type, &TupleHalf::reply_code, &TupleHalf::reply_srckey, &TupleHalf::reply_dstkey};

bool parent_field(CtEntry& entry, std::string_view name, std::string_view value) {
  using Half = cti_ct_parent_half;
  auto& [key, mask] = entry.parent;
  if (name == "src") return give_address(key, mask, &Half::parent_src, value);
  if (name == "dst") return give_address(key, mask, &Half::parent_dst, value);
  uint64_t number;
  if (!whole_number(value, UINT16_MAX, number)) return false;
  if (name == "sport") return give(key, mask, &Half::parent_sport, number);
  return name == "dport" && give(key, mask, &Half::parent_dport, number);
}

}  // namespace

void CtEntry::clear() {
  rows = {};
  tuple = {};
  parent = {};
  helper = secctx = start = stop = {};
  unknown.clear();
}

// As it is printed: decimal, without leading zeros, so that a number has one text.
bool whole_number(std::string_view text, uint64_t max, uint64_t& value) {
  Cursor c(text);
  uint64_t number;
  if (text.size() > 1 && text[0] == '0') return false;
  if (!c.number(number, max) || !c.done()) return false;
  value = number;
  return true;
}

bool ct_protocol(std::string_view text, uint8_t& number) {
  if (const Word* word = find(kProtocols, text)) {
    number = static_cast<uint8_t>(word->value);
    return true;
  }
  uint64_t value;
  if (!whole_number(text, UINT8_MAX, value)) return false;
  number = static_cast<uint8_t>(value);
  return true;
}

bool ct_state(std::string_view text, uint8_t& state) {
  const Word* word = find(kStates, text);
  if (word) state = static_cast<uint8_t>(word->value);
  return word != nullptr;
}

bool ct_status_flags(std::string_view words, uint32_t& bits) { return flags(kStatus, words, bits); }

bool ct_tcp_flags(std::string_view words, uint16_t& bits) {
  uint32_t all;
  if (!flags(kTcpFlags, words, all)) return false;
  bits = static_cast<uint16_t>(all);
  return true;
}

bool ct_tuple_field(CtEntry& entry, Direction direction, std::string_view name, std::string_view value) {
  if (direction == Direction::parent) return parent_field(entry, name, value);
  const TupleMembers& of = direction == Direction::orig ? kOrig : kReply;
  auto& [key, mask] = entry.tuple;
  if (name == "src") return give_address(key, mask, of.src, value);
  if (name == "dst") return give_address(key, mask, of.dst, value);
  uint64_t number;
  if (name == "srckey" || name == "dstkey") {
    Cursor c(value);
    if (!c.eat("0x") || (value.size() > 3 && value[2] == '0') || !c.hex_digits(number, UINT16_MAX) || !c.done()) return false;
    return give(key, mask, name == "srckey" ? of.srckey : of.dstkey, number);
  }
  if (!whole_number(value, UINT16_MAX, number)) return false;
  if (name == "sport") return give(key, mask, of.sport, number);
  if (name == "dport") return give(key, mask, of.dport, number);
  if (name == "id") return give(key, mask, of.id, number);
  if (number > UINT8_MAX) return false;
  if (name == "type") return give(key, mask, of.type, number);
  return name == "code" && give(key, mask, of.code, number);
}

bool ct_counter(CtEntry& entry, Direction direction, std::string_view name, std::string_view value) {
  const bool orig = direction == Direction::orig, packets = name == "packets";
  const uint32_t bit = packets ? (orig ? CTI_CT_KNOWN_ORIG_PACKETS : CTI_CT_KNOWN_REPLY_PACKETS) : (orig ? CTI_CT_KNOWN_ORIG_BYTES : CTI_CT_KNOWN_REPLY_BYTES);
  uint64_t number;
  if (direction == Direction::parent || (!packets && name != "bytes") || entry.rows.known & bit || !whole_number(value, UINT64_MAX, number)) return false;
  Rows& rows = entry.rows;
  (packets ? (orig ? rows.orig_packets : rows.reply_packets) : (orig ? rows.orig_bytes : rows.reply_bytes)) = number;
  entry.know(bit);
  return true;
}

const char* ct_complete(CtEntry& entry) {
  auto& [key, mask] = entry.tuple;
  Rows& rows = entry.rows;
  if (!mask.orig_src.word[0] || !mask.orig_dst.word[0] || !mask.reply_src.word[0] || !mask.reply_dst.word[0]) return "an address is missing";
  const bool v4 = is_mapped(key.orig_src);
  if (is_mapped(key.orig_dst) != v4) return "addresses of two families";
  key.eth_type = v4 ? 0x0800 : 0x86dd;
  mask.eth_type = UINT16_MAX;
  const uint32_t both_packets = CTI_CT_KNOWN_ORIG_PACKETS | CTI_CT_KNOWN_REPLY_PACKETS, both_bytes = CTI_CT_KNOWN_ORIG_BYTES | CTI_CT_KNOWN_REPLY_BYTES;
  if ((rows.known & both_packets) == both_packets) {
    rows.packets = rows.orig_packets + rows.reply_packets;
    entry.know(CTI_CT_KNOWN_PACKETS);
  }
  if ((rows.known & both_bytes) == both_bytes) {
    rows.bytes = rows.orig_bytes + rows.reply_bytes;
    entry.know(CTI_CT_KNOWN_BYTES);
  }
  // Protocols without states have none; a state that one with states should have, and is not printed, is not known.
  const uint8_t proto = key.nw_proto;
  const bool has_states = !mask.nw_proto || proto == 6 || proto == 132 || proto == 33;
  if (!has_states && !(rows.known & CTI_CT_KNOWN_STATE)) {
    rows.state = CTI_CT_STATE_NONE;
    entry.know(CTI_CT_KNOWN_STATE);
  }
  return nullptr;
}

}  // namespace cti::text
