#include "tables/table_writer.h"

#include "ctinspector/table.h"

namespace cti::tables {
namespace {

// A record of `datapaths` or `texts`.
struct Entry {
  cti_ref text;
  uint64_t reserved;
};
static_assert(sizeof(Entry) == 16);

}  // namespace

Result<TableWriter> TableWriter::create(const TableSchema& schema) {
  auto builder = SnapshotBuilder::create(schema);
  if (!builder) return builder.error();
  return TableWriter(schema, std::move(*builder));
}

size_t TableWriter::segment(std::string_view name) const {
  size_t i = 0;
  while (schema_->segments[i].name != name) i++;  // a name of the schema's own
  return i;
}

uint32_t TableWriter::entry(std::string_view segment_name, Ids& ids, std::string_view text) {
  auto [at, is_new] = ids.try_emplace(std::string(text), static_cast<uint32_t>(ids.size()));
  if (!is_new) return at->second;
  GrowingSegment& blob = builder_.segment(segment("blob"));
  const cti_ref ref{static_cast<uint32_t>(blob.size()), static_cast<uint32_t>(text.size())};
  uint8_t* to = blob.append(text.size());
  if (!to && !error_) error_ = blob.error();
  if (to && !text.empty()) std::memcpy(to, text.data(), text.size());
  append(segment(segment_name), Entry{ref, 0});
  return at->second;
}

Result<Snapshot> TableWriter::finish() {
  if (error_) return *error_;
  return builder_.finish(builder_.n_records(0));
}

}  // namespace cti::tables
