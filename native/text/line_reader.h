// The part of a TableReader that every table of lines shares: cutting the bytes into lines, the dictionaries `datapaths` and `texts`, the
// blob, the notes. What a line means is the table's own.
//
// Thread-safety: as TableReader.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "tables/builder.h"
#include "text/dictionaries.h"
#include "text/table_reader.h"

namespace cti::text {

class LineReader : public TableReader {
 public:
  Result<void> begin_file(std::string_view datapath, std::string_view file) final;
  Result<void> feed(Bytes chunk) final;
  Result<tables::Snapshot> finish() final;
  uint64_t n_bytes() const final { return n_bytes_.load(std::memory_order_relaxed); }
  uint64_t n_rows() const final { return n_rows_.load(std::memory_order_relaxed); }

 protected:
  // 'schema' has its rows in segment 0 and the segments "datapaths", "texts" and "blob".
  LineReader(const tables::TableSchema& schema, tables::SnapshotBuilder builder);

  // One line without its end. Stores a row, or rejects it, or passes over a heading.
  virtual void line(std::string_view text) = 0;
  virtual void file_began() {}

  void reject(std::string_view why, std::string_view text) { rejected_.add(why, "", text); }
  void unknown(std::string_view kind, std::string_view name, std::string_view text) { unknown_.add(kind, name, text); }
  void row_stored() { n_rows_.store(n_rows_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }

  // Bytes of the blob: anew, or those of an equal text.
  cti_ref append(std::string_view text);
  cti_ref intern(std::string_view text);
  // The id of a text in `texts`; equal ones have one.
  uint32_t text(std::string_view text) { return entry(texts_, texts_segment_, text); }
  std::string_view bytes(const cti_ref& ref) const;

  template <typename T>
  uint32_t record(size_t segment, const T& value) {
    const uint32_t at = builder_.append(segment, value);
    if (at == UINT32_MAX && !error_) error_ = builder_.segment(segment).error();
    return at;
  }
  // A record of a some-rows segment: its one-based number, or 0 for one that is all zero.
  template <typename T>
  uint32_t some_record(size_t segment, const T& value) {
    static_assert(sizeof value % 8 == 0);
    uint64_t any = 0;
    for (size_t i = 0; i < sizeof value; i += 8) any |= load<uint64_t>(reinterpret_cast<const uint8_t*>(&value) + i);
    return any == 0 ? 0 : record(segment, value) + 1;
  }

  uint32_t datapath() const { return datapath_; }
  // The id of the file's name in `texts`, if the file stands in a set.
  std::optional<uint32_t> file() const { return file_; }

 private:
  struct Dictionary {
    tables::StringDictionary ids;
    std::vector<cti_ref> refs;
  };
  uint32_t entry(Dictionary& dictionary, size_t segment, std::string_view text);
  void end_line(std::string_view text);
  size_t segment_named(std::string_view name) const;

  const tables::TableSchema* schema_;
  tables::SnapshotBuilder builder_;
  size_t datapaths_segment_, texts_segment_, blob_segment_;
  Notes rejected_, unknown_;
  Dictionary datapaths_, texts_;
  tables::StringDictionary interned_;
  std::vector<cti_ref> interned_refs_;
  std::string carry_;
  bool too_long_ = false, begun_ = false;
  uint32_t datapath_ = 0;
  std::optional<uint32_t> file_;
  std::optional<Error> error_;
  std::atomic<uint64_t> n_bytes_{0}, n_rows_{0};
};

}  // namespace cti::text
