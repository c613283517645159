// A finished snapshot of a table: sealed segments and the facts about how it was read. Readers (native/text, later native/ovs)
// make one; native/bind hands its descriptors to JavaScript and to windows.
//
// Thread-safety: immutable once made; made on one thread, it may be handed to another.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sys/fd.h"
#include "tables/schema.h"

namespace cti::tables {

struct SegmentData {
  sys::UniqueFd fd;    // sealed memfd; valid even if the segment is empty
  uint64_t size;       // bytes in use; the memfd is as long, rounded up to a page, at least one page
  uint32_t n_records;  // records (bytes for a blob, at most 4 GiB - 1)
};

// Something that happened to 'count' rows or parts, with the first example's text.
struct Note {
  std::string what;    // "unknown key", "no actions", ...
  std::string sample;  // at most 200 bytes, as received
  uint64_t count;
};

struct Snapshot {
  const TableSchema* schema;
  std::vector<SegmentData> segments;  // in the schema's order, all of them
  uint64_t n_rows;
  uint64_t n_verbatim;         // rows kept as text because printing their fields gives something else
  std::vector<Note> rejected;  // rows that are not in the snapshot, by reason
  std::vector<Note> unknown;   // parts kept as text, by kind and name
};

}  // namespace cti::tables
