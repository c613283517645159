// Random connections in both printers' notations: read, they are what was printed. And the same lines changed by a character: rejected, or
// something of them is not understood, or what was read prints as the changed line.
//
// The printer here is written from what OVS's ct-dpif.c and conntrack print, not from the reader. CTI_CT_ROWS=200000 gives the full size.
#include <arpa/inet.h>

#include <cstring>

#include "tables/generated/ct.h"
#include "test/table_text_support.h"

using namespace cti;
using namespace cti::test;
using namespace cti::tables::ct;

namespace {

struct Connection {
  bool list;  // conntrack -L, else dump-conntrack
  Rows rows{};
  Tuple tuple{};
  Parent parent{};
  std::string helper, secctx;
};

struct Name {
  const char* word;
  uint32_t value;
};
constexpr Name kProtocols[] = {{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmpv6", 58}, {"sctp", 132}};
constexpr const char* kStates[] = {"CLOSED", "LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_1", "CLOSING", "LAST_ACK", "FIN_WAIT_2", "TIME_WAIT"};
constexpr const char* kStatus[] = {"EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED", "SRC_NAT", "DST_NAT"};
constexpr const char* kTcpFlags[] = {"WINDOW_SCALE", "SACK_PERM", "CLOSE_INIT", "BE_LIBERAL"};

cti_be128 address(Dice& dice, bool v4) {
  uint8_t bytes[16] = {};
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(dice.below(256));
  bytes[0] = 0xfd;
  if (v4) std::memset(bytes, 0, 10), bytes[10] = bytes[11] = 0xff;
  cti_be128 value;
  std::memcpy(&value, bytes, 16);
  return value;
}

std::string printed(const cti_be128& value) {
  uint8_t bytes[16];
  std::memcpy(bytes, &value, 16);
  static constexpr uint8_t kV4[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  char text[INET6_ADDRSTRLEN];
  if (std::memcmp(bytes, kV4, 12) == 0) return ::inet_ntop(AF_INET, bytes + 12, text, sizeof text);
  return ::inet_ntop(AF_INET6, bytes, text, sizeof text);
}

template <size_t n>
std::string flags(const char* const (&names)[n], uint32_t bits) {
  std::string text;
  for (size_t i = 0; i < n; i++)
    if (bits >> i & 1) text += (text.empty() ? "" : "|") + std::string(names[i]);
  return text.empty() ? "0" : text;
}

Connection random_connection(Dice& dice) {
  Connection c;
  c.list = dice.one_in(2);
  const Name& protocol = dice.of(kProtocols);
  const bool v4 = protocol.value == 58 ? false : protocol.value == 1 || dice.one_in(2);
  auto& [key, mask] = c.tuple;
  key.nw_proto = static_cast<uint8_t>(protocol.value), mask.nw_proto = 0xff;
  key.eth_type = v4 ? 0x0800 : 0x86dd, mask.eth_type = 0xffff;
  key.orig_src = address(dice, v4), key.orig_dst = address(dice, v4), key.reply_src = address(dice, v4), key.reply_dst = address(dice, v4);
  mask.orig_src = mask.orig_dst = mask.reply_src = mask.reply_dst = {{UINT64_MAX, UINT64_MAX}};
  if (protocol.value == 1 || protocol.value == 58) {
    key.orig_id = static_cast<uint16_t>(dice.number(16)), key.reply_id = static_cast<uint16_t>(dice.number(16));
    key.orig_type = static_cast<uint8_t>(dice.number(8)), key.reply_type = static_cast<uint8_t>(dice.number(8));
    key.orig_code = static_cast<uint8_t>(dice.number(8)), key.reply_code = static_cast<uint8_t>(dice.number(8));
    mask.orig_id = mask.reply_id = 0xffff;
    mask.orig_type = mask.reply_type = mask.orig_code = mask.reply_code = 0xff;
  } else {
    key.orig_sport = static_cast<uint16_t>(dice.number(16)), key.orig_dport = static_cast<uint16_t>(dice.number(16));
    key.reply_sport = static_cast<uint16_t>(dice.number(16)), key.reply_dport = static_cast<uint16_t>(dice.number(16));
    mask.orig_sport = mask.orig_dport = mask.reply_sport = mask.reply_dport = 0xffff;
  }
  Rows& rows = c.rows;
  if (dice.one_in(2)) {
    rows.orig_packets = dice.number(60), rows.orig_bytes = dice.number(60), rows.reply_packets = dice.number(60), rows.reply_bytes = dice.number(60);
    rows.packets = rows.orig_packets + rows.reply_packets, rows.bytes = rows.orig_bytes + rows.reply_bytes;
    rows.known |= CTI_CT_KNOWN_ORIG_PACKETS | CTI_CT_KNOWN_ORIG_BYTES | CTI_CT_KNOWN_REPLY_PACKETS | CTI_CT_KNOWN_REPLY_BYTES | CTI_CT_KNOWN_PACKETS | CTI_CT_KNOWN_BYTES;
  }
  if (dice.one_in(2)) rows.zone = static_cast<uint16_t>(1 + dice.below(65535));
  if (dice.one_in(2)) rows.mark = static_cast<uint32_t>(1 + dice.number(31));
  if (dice.one_in(4)) c.helper = "ftp";
  if (dice.one_in(2)) rows.id = static_cast<uint32_t>(dice.number(32)), rows.known |= CTI_CT_KNOWN_ID;
  const bool has_states = protocol.value == 6 || protocol.value == 132;
  if (!has_states) rows.known |= CTI_CT_KNOWN_STATE;
  if (c.list) {
    rows.timeout_ms = dice.number(32) * 1000, rows.known |= CTI_CT_KNOWN_TIMEOUT_MS | CTI_CT_KNOWN_ASSURED | CTI_CT_KNOWN_REPLIED | CTI_CT_KNOWN_OFFLOAD;
    if (has_states) rows.state = static_cast<uint8_t>(1 + dice.below(11)), rows.known |= CTI_CT_KNOWN_STATE;
    rows.assured = dice.one_in(2), rows.replied = dice.one_in(2);
    if (dice.one_in(4)) rows.offload = static_cast<uint8_t>(1 + dice.below(2));
    if (dice.one_in(4)) c.secctx = "system_u:object_r:unlabeled_t:s0", rows.known |= CTI_CT_KNOWN_SECCTX;
    if (dice.one_in(2)) rows.use = static_cast<uint32_t>(dice.number(32)), rows.known |= CTI_CT_KNOWN_USE;
    return c;
  }
  rows.known |= CTI_CT_KNOWN_LABEL;
  if (dice.one_in(2)) rows.label.word[1] = __builtin_bswap64(1 + dice.number(63));
  if (dice.one_in(2)) rows.timeout_ms = dice.number(32) * 1000, rows.known |= CTI_CT_KNOWN_TIMEOUT_MS;
  if (dice.one_in(2)) {
    rows.status = static_cast<uint32_t>(dice.below(64)), rows.known |= CTI_CT_KNOWN_STATUS;
    if (rows.status & 8) rows.known |= CTI_CT_KNOWN_ASSURED | CTI_CT_KNOWN_REPLIED, rows.assured = rows.status >> 2 & 1, rows.replied = rows.status >> 1 & 1;
  }
  if (protocol.value == 6) {
    rows.known |= CTI_CT_KNOWN_STATE;
    if (dice.one_in(2)) {
      rows.orig_state = static_cast<uint8_t>(1 + dice.below(11)), rows.reply_state = static_cast<uint8_t>(1 + dice.below(11));
      rows.state = std::max(rows.orig_state, rows.reply_state);
      rows.orig_tcp_flags = static_cast<uint16_t>(dice.below(16)), rows.reply_tcp_flags = static_cast<uint16_t>(dice.below(16));
      rows.known |= CTI_CT_KNOWN_ORIG_STATE | CTI_CT_KNOWN_REPLY_STATE | CTI_CT_KNOWN_ORIG_TCP_FLAGS | CTI_CT_KNOWN_REPLY_TCP_FLAGS;
      if (dice.one_in(2)) rows.orig_wscale = static_cast<uint8_t>(dice.below(15)), rows.reply_wscale = 7, rows.known |= CTI_CT_KNOWN_ORIG_WSCALE | CTI_CT_KNOWN_REPLY_WSCALE;
    } else {
      rows.state = static_cast<uint8_t>(1 + dice.below(11));
    }
    if (dice.one_in(4)) {
      auto& [parent, parent_mask] = c.parent;
      parent.parent_src = address(dice, v4), parent.parent_dst = address(dice, v4);
      parent.parent_sport = static_cast<uint16_t>(dice.number(16)), parent.parent_dport = 21;
      parent_mask.parent_src = parent_mask.parent_dst = {{UINT64_MAX, UINT64_MAX}};
      parent_mask.parent_sport = parent_mask.parent_dport = 0xffff;
    }
  }
  return c;
}

std::string n(uint64_t value) { return std::to_string(value); }

// Of one direction, with 'comma' between and in 'NAME=VALUE' form.
std::string direction(const Connection& c, bool orig, const char* comma) {
  const auto& key = c.tuple.key;
  std::string text = "src=" + printed(orig ? key.orig_src : key.reply_src) + comma + "dst=" + printed(orig ? key.orig_dst : key.reply_dst);
  auto add = [&](const char* name, uint64_t value) { text += std::string(comma) + name + "=" + n(value); };
  const uint64_t id = orig ? key.orig_id : key.reply_id;
  if (c.tuple.mask.orig_id) {
    if (!c.list) add("id", id);
    add("type", orig ? key.orig_type : key.reply_type), add("code", orig ? key.orig_code : key.reply_code);
    if (c.list) add("id", id);
  } else {
    add("sport", orig ? key.orig_sport : key.reply_sport), add("dport", orig ? key.orig_dport : key.reply_dport);
  }
  if (c.rows.known & CTI_CT_KNOWN_PACKETS) add("packets", orig ? c.rows.orig_packets : c.rows.reply_packets), add("bytes", orig ? c.rows.orig_bytes : c.rows.reply_bytes);
  return text;
}

std::string line(const Connection& c) {
  const Rows& rows = c.rows;
  const char* protocol = "";
  for (const Name& name : kProtocols)
    if (name.value == c.tuple.key.nw_proto) protocol = name.word;
  auto known = [&](uint32_t bit) { return (rows.known & bit) != 0; };
  auto state = [](uint8_t value) -> std::string {
    // What a changed character can make of the others.
    constexpr Name kOthers[] = {{"FIN_WAIT", CTI_CT_STATE_FIN_WAIT}, {"CLOSE", CTI_CT_STATE_CLOSE}, {"SYN_SENT2", CTI_CT_STATE_SYN_SENT2}, {"TIMEWAIT", CTI_CT_STATE_TIMEWAIT}};
    for (const Name& other : kOthers)
      if (other.value == value) return other.word;
    return value >= 1 && value <= 11 ? kStates[value - 1] : "?";
  };
  std::string text = protocol;
  if (c.list) {
    text += " " + n(c.tuple.key.nw_proto) + " " + n(rows.timeout_ms / 1000);
    if (rows.state) text += " " + state(rows.state);
    text += " " + direction(c, true, " ") + (rows.replied ? "" : " [UNREPLIED]") + " " + direction(c, false, " ");
    if (rows.assured) text += " [ASSURED]";
    if (rows.offload) text += rows.offload == 1 ? " [OFFLOAD]" : " [HW_OFFLOAD]";
    text += " mark=" + n(rows.mark);
    if (!c.secctx.empty()) text += " secctx=" + c.secctx;
    if (rows.zone) text += " zone=" + n(rows.zone);
    if (!c.helper.empty()) text += " helper=" + c.helper;
    if (known(CTI_CT_KNOWN_USE)) text += " use=" + n(rows.use);
    if (known(CTI_CT_KNOWN_ID)) text += " id=" + n(rows.id);
    return text;
  }
  text += ",orig=(" + direction(c, true, ",") + "),reply=(" + direction(c, false, ",") + ")";
  if (known(CTI_CT_KNOWN_ID)) text += ",id=" + n(rows.id);
  if (rows.zone) text += ",zone=" + n(rows.zone);
  if (known(CTI_CT_KNOWN_STATUS)) text += ",status=" + flags(kStatus, rows.status);
  if (known(CTI_CT_KNOWN_TIMEOUT_MS)) text += ",timeout=" + n(rows.timeout_ms / 1000);
  if (rows.mark) text += ",mark=" + n(rows.mark);
  if (rows.label.word[0] || rows.label.word[1]) {
    char hex[60];
    const auto high = static_cast<unsigned long long>(__builtin_bswap64(rows.label.word[0])), low = static_cast<unsigned long long>(__builtin_bswap64(rows.label.word[1]));
    if (high) std::snprintf(hex, sizeof hex, ",labels=0x%llx%016llx", high, low);
    else std::snprintf(hex, sizeof hex, ",labels=0x%llx", low);
    text += hex;
  }
  if (known(CTI_CT_KNOWN_ORIG_STATE)) {
    text += ",protoinfo=(state_orig=" + state(rows.orig_state) + ",state_reply=" + state(rows.reply_state);
    if (known(CTI_CT_KNOWN_ORIG_WSCALE)) text += ",wscale_orig=" + n(rows.orig_wscale) + ",wscale_reply=" + n(rows.reply_wscale);
    text += ",flags_orig=" + flags(kTcpFlags, rows.orig_tcp_flags) + ",flags_reply=" + flags(kTcpFlags, rows.reply_tcp_flags) + ")";
  } else if (rows.state) {
    text += ",protoinfo=(state=" + state(rows.state) + ")";
  }
  if (!c.helper.empty()) text += ",helper=" + c.helper;
  if (c.parent.mask.parent_sport)
    text += ",parent=(src=" + printed(c.parent.key.parent_src) + ",dst=" + printed(c.parent.key.parent_dst) + ",sport=" + n(c.parent.key.parent_sport) + ",dport=" + n(c.parent.key.parent_dport) + ")";
  return text;
}

// Row 'at' as the generator would have it. 'unknown' has its parts that are kept as text.
Connection read_back(const ReadTable& table, uint64_t at, bool list, std::string& unknown) {
  Connection c;
  c.list = list;
  c.rows = table.record<Rows>(CTI_CT_SEGMENT_ROWS, at);
  c.tuple = table.record<Tuple>(CTI_CT_SEGMENT_TUPLE, at);
  if (c.rows.parent) c.parent = table.record<Parent>(CTI_CT_SEGMENT_PARENT, c.rows.parent - 1);
  c.helper = table.bytes(CTI_CT_SEGMENT_BLOB, table.record<Texts>(CTI_CT_SEGMENT_TEXTS, c.rows.helper).text);
  c.secctx = table.bytes(CTI_CT_SEGMENT_BLOB, table.record<Texts>(CTI_CT_SEGMENT_TEXTS, c.rows.secctx).text);
  unknown = table.bytes(CTI_CT_SEGMENT_BLOB, c.rows.unknown);
  c.rows.helper = c.rows.secctx = c.rows.parent = c.rows.datapath = 0;
  c.rows.unknown = {0, 0};
  return c;
}

}  // namespace

TEST_CASE("random connections, as both programs print them, are read as they were meant") {
  const uint64_t rows = wanted_rows("CTI_CT_ROWS", 20'000);
  Dice dice(20261123);
  std::vector<Connection> expected;
  std::string text;
  for (uint64_t i = 0; i < rows; i++) {
    expected.push_back(random_connection(dice));
    text += line(expected.back()) + "\n";
  }
  const ReadTable table("ct", text, 4099);
  REQUIRE(table.snapshot.n_rows == rows);
  CHECK(table.snapshot.rejected.empty());
  for (const tables::Note& note : table.snapshot.unknown) FAIL(note.what, ": ", note.sample);
  for (uint64_t i = 0; i < rows; i++) {
    std::string unknown;
    const Connection read = read_back(table, i, expected[i].list, unknown);
    INFO(line(expected[i]));
    REQUIRE(std::memcmp(&read.rows, &expected[i].rows, sizeof read.rows) == 0);
    REQUIRE(std::memcmp(&read.tuple, &expected[i].tuple, sizeof read.tuple) == 0);
    REQUIRE(std::memcmp(&read.parent, &expected[i].parent, sizeof read.parent) == 0);
    REQUIRE(read.helper == expected[i].helper);
    REQUIRE(read.secctx == expected[i].secctx);
  }
}

TEST_CASE("connections changed by a character are never half understood") {
  const uint64_t changes = wanted_rows("CTI_CT_CHANGES", 20'000);
  Dice dice(99);
  uint64_t rejected = 0, kept = 0, other = 0;
  constexpr char kSigns[] = "0123456789abcdef=,() []._|xzTg~";
  for (uint64_t i = 0; i < changes; i++) {
    Connection c = random_connection(dice);
    if (c.tuple.key.eth_type != 0x0800) continue;  // one address of IPv6 has several texts
    std::string text = line(c);
    const size_t at = dice.below(text.size());
    const char sign = kSigns[dice.below(sizeof kSigns - 1)];
    if (dice.one_in(3))
      text.erase(at, 1);
    else if (dice.one_in(2))
      text.insert(at, 1, sign);
    else
      text[at] = sign;
    const ReadTable table("ct", text);
    INFO(text);
    if (table.snapshot.n_rows == 0) {
      REQUIRE((!table.snapshot.rejected.empty() || text.find_first_not_of(' ') == std::string::npos));
      rejected++;
      continue;
    }
    std::string unknown;
    const Connection read = read_back(table, 0, text.find("orig=(") == std::string::npos, unknown);
    if (!table.snapshot.unknown.empty()) {
      kept++;
      continue;
    }
    // Blanks between the words of conntrack -L are for the eye, and a word that says what is so anyway changes nothing.
    const auto squeezed = [](std::string s) {
      std::string out;
      for (const char ch : s)
        if (ch != ' ' || (!out.empty() && out.back() != ' ')) out += ch;
      return out;
    };
    REQUIRE(squeezed(line(read)) == squeezed(text));
    other++;
  }
  CHECK(rejected > 0);
  CHECK(kept > 0);
  CHECK(other > 0);
}
