// Builds a snapshot of a small table: rows without a match, a dictionary of datapaths, one of texts. What every such table shares; the rows
// themselves are the reader's.
//
// Thread-safety: one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tables/builder.h"

namespace cti::tables {

class TableWriter {
 public:
  // 'schema' has its rows in segment 0 and a segment "blob"; "datapaths" and "texts" where it has columns of those types.
  static Result<TableWriter> create(const TableSchema& schema);

  // The id of a datapath's full name, or of a text; equal ones have one id.
  uint32_t datapath(std::string_view name) { return entry("datapaths", datapaths_, name); }
  uint32_t text(std::string_view text) { return entry("texts", texts_, text); }

  // Appends a row: a record of segment 0.
  template <typename T>
  void row(const T& record) {
    append(0, record);
  }

  // Why something could not be written, else the sealed table. The writer is empty afterwards.
  Result<Snapshot> finish();

 private:
  using Ids = std::unordered_map<std::string, uint32_t>;

  explicit TableWriter(const TableSchema& schema, SnapshotBuilder builder) : schema_(&schema), builder_(std::move(builder)) {}
  size_t segment(std::string_view name) const;
  uint32_t entry(std::string_view segment_name, Ids& ids, std::string_view text);
  template <typename T>
  uint32_t append(size_t segment, const T& record) {
    const uint32_t at = builder_.append(segment, record);
    if (at == UINT32_MAX && !error_) error_ = builder_.segment(segment).error();
    return at;
  }

  const TableSchema* schema_;
  SnapshotBuilder builder_;
  Ids datapaths_, texts_;
  std::optional<Error> error_;
};

}  // namespace cti::tables
