// The words that both printers of connections use, and a connection while its line is read.
//
// Thread-safety: constants and plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tables/generated/ct.h"
#include "text/scan.h"

namespace cti::text {

struct CtPart {
  std::string_view kind, name, text;
};

// Texts are the line's own; the reader puts them into the snapshot.
struct CtEntry {
  tables::ct::Rows rows;
  tables::ct::Tuple tuple;
  tables::ct::Parent parent;
  std::string_view helper, secctx, start, stop;
  std::vector<CtPart> unknown;

  void clear();
  void not_understood(std::string_view kind, std::string_view name, std::string_view text) { unknown.push_back({kind, name, text}); }
  void know(uint32_t bit) { rows.known |= bit; }
};

enum class Direction { orig, reply, parent };

// Each returns false, having changed nothing, for a word or number that is none, or for a field that is there already.
bool ct_protocol(std::string_view word, uint8_t& number);  // tcp, icmpv6, or a number
bool ct_state(std::string_view word, uint8_t& state);
bool ct_status_flags(std::string_view words, uint32_t& bits);  // joined by |
bool ct_tcp_flags(std::string_view words, uint16_t& bits);
bool whole_number(std::string_view text, uint64_t max, uint64_t& value);
// src, dst, sport, dport, id, type, code of a tuple; false also for another name.
bool ct_tuple_field(CtEntry& entry, Direction direction, std::string_view name, std::string_view value);
// packets, bytes of a direction.
bool ct_counter(CtEntry& entry, Direction direction, std::string_view name, std::string_view value);
// What follows from what was read: the EtherType, sums of both directions, a state of none. What keeps the row from being one, or nullptr.
const char* ct_complete(CtEntry& entry);

// The two printers' lines. Why the line is no connection, or nullptr; what of it is not understood is in entry.unknown.
const char* scan_ct_dpctl(std::string_view line, CtEntry& entry);
const char* scan_ct_list(std::string_view line, CtEntry& entry);

}  // namespace cti::text
