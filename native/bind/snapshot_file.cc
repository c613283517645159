// What snapshot files need of native code: CRC-32C, and a snapshot made of bytes that were read from a file.
//
// Thread-safety: the JavaScript thread of the environment only.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/crc32c.h"
#include "bind/snapshot.h"
#include "bind/values.h"
#include "sys/memory.h"
#include "tables/generated/all_tables.h"

namespace cti::bind {
namespace {

// (bytes, before) -> the CRC-32C of 'bytes' after those that gave 'before'.
Napi::Value crc32c_of(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), crc32c(bytes_of(info[0]), uint32_of(info[1])));
}

Result<void> write_all(int fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), std::min<size_t>(bytes.size(), size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return system_error(n < 0 ? errno : ENOSPC, "fill a segment's memfd");
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

std::vector<tables::Note> notes_of(const Napi::Value& value) {
  std::vector<tables::Note> notes;
  for_each(value, [&](const Napi::Value& item) {
    const auto note = item.As<Napi::Object>();
    notes.push_back({note.Get("what").ToString(), note.Get("sample").ToString(), uint64_of(note.Get("count"))});
  });
  return notes;
}

Result<tables::SegmentData> segment_from(const tables::TableSchema& table, const tables::SegmentSchema& schema, Bytes bytes) {
  if (bytes.size() % schema.stride != 0 || bytes.size() / schema.stride >= UINT32_MAX) {
    return errorf(ErrorCode::SNAPSHOT_MALFORMED, "%s.%s: expected records of %u bytes, fewer than 2^32 - 1, received %zu bytes", table.name.data(),
                  schema.name.data(), schema.stride, bytes.size());
  }
  auto fd = sys::create_memfd("ctinspector:" + std::string(table.name) + "." + std::string(schema.name));
  if (!fd) return fd.error();
  const uint64_t size = std::max<uint64_t>(sys::round_up_to_page(bytes.size()), sys::kPageSize);
  if (::ftruncate(fd->get(), static_cast<off_t>(size)) < 0) return system_error(errno, "size a segment's memfd");
  CTI_TRY(write_all(fd->get(), bytes));
  CTI_TRY(sys::seal_memfd(fd->get()));
  return tables::SegmentData{std::move(*fd), bytes.size(), static_cast<uint32_t>(bytes.size() / schema.stride)};
}

// (table, schemaHash, segments: Uint8Array[] in the schema's order, {nRows, nVerbatim, rejected, unknown}) -> a snapshot, as snapshot_to_js() has
// it. The bytes are copied. SNAPSHOT_MALFORMED if there is no such table, or its segments are of other sizes.
Napi::Value import_snapshot(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string name = info[0].As<Napi::String>();
  const uint64_t hash = std::strtoull(info[1].As<Napi::String>().Utf8Value().c_str(), nullptr, 16);
  const tables::TableSchema* schema = nullptr;
  for (const tables::TableSchema* one : tables::kAllTables)
    if (one->name == name && one->hash == hash) schema = one;
  if (!schema)
    throw to_js(env, errorf(ErrorCode::SNAPSHOT_MALFORMED, "the addon has no table %s with schema %016llx", name.c_str(), static_cast<unsigned long long>(hash)));
  std::vector<Bytes> parts;
  for_each(info[2], [&](const Napi::Value& value) { parts.push_back(bytes_of(value)); });
  if (parts.size() != schema->segments.size())
    throw to_js(env, errorf(ErrorCode::SNAPSHOT_MALFORMED, "%s: expected %zu segments, received %zu", name.c_str(), schema->segments.size(), parts.size()));
  const auto facts = info[3].As<Napi::Object>();
  tables::Snapshot snapshot{schema, {}, uint64_of(facts.Get("nRows")), uint64_of(facts.Get("nVerbatim")), notes_of(facts.Get("rejected")), notes_of(facts.Get("unknown"))};
  for (size_t i = 0; i < parts.size(); i++) {
    snapshot.segments.push_back(unwrap(env, segment_from(*schema, schema->segments[i], parts[i])));
    if (schema->segments[i].per == tables::SegmentPer::row && snapshot.segments[i].n_records != snapshot.n_rows) {
      throw to_js(env, errorf(ErrorCode::SNAPSHOT_MALFORMED, "%s.%s: expected %llu records, one a row, received %u", name.c_str(), schema->segments[i].name.data(),
                              static_cast<unsigned long long>(snapshot.n_rows), snapshot.segments[i].n_records));
    }
  }
  return snapshot_to_js(env, std::move(snapshot));
}

}  // namespace

void init_snapshot_file(Napi::Env env, Napi::Object exports) {
  export_function<crc32c_of>(env, exports, "crc32c");
  export_function<import_snapshot>(env, exports, "importSnapshot");
}

}  // namespace cti::bind
