#include "text/line_reader.h"

#include <cstring>

namespace cti::text {

using namespace tables;

namespace {

// Longer lines are rejected; what OpenFlow can carry of one rule is 64 KiB, a quarter of this in text.
constexpr size_t kMaxLine = 1 << 20;

// A record of `datapaths` or `texts`: the same struct in every table.
struct Entry {
  cti_ref text;
  uint64_t reserved;
};

}  // namespace

LineReader::LineReader(const TableSchema& schema, SnapshotBuilder builder)
    : schema_(&schema),
      builder_(std::move(builder)),
      datapaths_segment_(segment_named("datapaths")),
      texts_segment_(segment_named("texts")),
      blob_segment_(segment_named("blob")) {}

size_t LineReader::segment_named(std::string_view name) const {
  size_t i = 0;
  while (schema_->segments[i].name != name) i++;  // a name of the schema's own
  return i;
}

Result<void> LineReader::begin_file(std::string_view datapath, std::string_view file) {
  if (!carry_.empty() || too_long_) end_line(carry_);
  carry_.clear();
  // Files that do not say are not taken to be of one datapath: the numbers of their ports may mean different ports.
  datapath_ = datapath.empty() ? record(datapaths_segment_, Entry{{0, 0}, 0}) : entry(datapaths_, datapaths_segment_, datapath);
  file_.reset();
  if (!file.empty()) file_ = text(file);
  begun_ = true;
  file_began();
  if (error_) return *error_;
  return {};
}

Result<void> LineReader::feed(Bytes chunk) {
  if (!begun_) CTI_TRY(begin_file("", ""));
  const char* at = reinterpret_cast<const char*>(chunk.data());
  const char* end = at + chunk.size();
  while (at != end) {
    const char* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
    const std::string_view piece(at, static_cast<size_t>((newline ? newline : end) - at));
    at += piece.size() + (newline ? 1 : 0);
    if (newline && carry_.empty() && !too_long_) {
      end_line(piece);
      continue;
    }
    if (carry_.size() + piece.size() > kMaxLine) too_long_ = true;
    if (!too_long_) carry_.append(piece);
    if (newline) {
      end_line(carry_);
      carry_.clear();
    }
  }
  n_bytes_.store(n_bytes_.load(std::memory_order_relaxed) + chunk.size(), std::memory_order_relaxed);
  if (error_) return *error_;
  return {};
}

void LineReader::end_line(std::string_view text) {
  if (too_long_ || text.size() > kMaxLine) {
    too_long_ = false;
    reject("line over 1 MiB", text);
    return;
  }
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.find_first_not_of(" \t") != std::string_view::npos) line(text);
}

Result<Snapshot> LineReader::finish() {
  if (!begun_) CTI_TRY(begin_file("", ""));
  if (!carry_.empty() || too_long_) end_line(carry_);
  carry_.clear();
  if (error_) return *error_;
  auto snapshot = builder_.finish(n_rows());
  if (!snapshot) return snapshot.error();
  snapshot->rejected = rejected_.take();
  snapshot->unknown = unknown_.take();
  return snapshot;
}

cti_ref LineReader::append(std::string_view text) {
  if (text.empty()) return {0, 0};
  GrowingSegment& blob = builder_.segment(blob_segment_);
  const auto offset = static_cast<uint32_t>(blob.size());
  uint8_t* to = blob.append(text.size());
  if (!to) {
    if (!error_) error_ = blob.error();
    return {0, 0};
  }
  std::memcpy(to, text.data(), text.size());
  return {offset, static_cast<uint32_t>(text.size())};
}

std::string_view LineReader::bytes(const cti_ref& ref) const {
  return {reinterpret_cast<const char*>(builder_.segment(blob_segment_).data()) + ref.offset, ref.size};
}

cti_ref LineReader::intern(std::string_view text) {
  if (text.empty()) return {0, 0};
  const uint64_t hash = StringDictionary::hash(text);
  const uint32_t found = interned_.find(hash, [&](uint32_t i) { return bytes(interned_refs_[i]) == text; });
  if (found != UINT32_MAX) return interned_refs_[found];
  const cti_ref ref = append(text);
  interned_.insert(hash, static_cast<uint32_t>(interned_refs_.size()));
  interned_refs_.push_back(ref);
  return ref;
}

uint32_t LineReader::entry(Dictionary& dictionary, size_t segment, std::string_view text) {
  const uint64_t hash = StringDictionary::hash(text);
  const uint32_t found = dictionary.ids.find(hash, [&](uint32_t id) { return bytes(dictionary.refs[id]) == text; });
  if (found != UINT32_MAX) return found;
  const cti_ref ref = append(text);
  const uint32_t id = record(segment, Entry{ref, 0});
  if (id == UINT32_MAX) return 0;  // error_ is set: no row is kept
  dictionary.ids.insert(hash, id);
  dictionary.refs.push_back(ref);
  return id;
}

}  // namespace cti::text
