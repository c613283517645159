// What the native code knows of a table's schema: its segments. Filled by the generated headers (schema/tables/*.yaml).
//
// Thread-safety: constants.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace cti::tables {

// How a segment's records relate to the table's rows; schema/tables/*.yaml explains each.
enum class SegmentPer { row, some_rows, distinct, bytes };

struct SegmentSchema {
  std::string_view name;
  SegmentPer per;
  bool masked;
  uint32_t stride;  // bytes a record; key and mask together where masked; 1 for bytes
};

struct TableSchema {
  std::string_view name;
  uint64_t hash;
  std::span<const SegmentSchema> segments;  // at most 16 (struct cti_table)
};

}  // namespace cti::tables
