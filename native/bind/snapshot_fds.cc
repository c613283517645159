// Snapshots that another process made, from their sealed memfds.
//
// Thread-safety: the JavaScript thread of the environment only.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "bind/snapshot.h"
#include "bind/values.h"
#include "sys/memory.h"
#include "tables/generated/all_tables.h"

namespace cti::bind {
namespace {

std::vector<tables::Note> notes_of(const Napi::Value& value) {
  std::vector<tables::Note> notes;
  for_each(value, [&](Napi::Value item) {
    auto note = item.As<Napi::Object>();
    notes.push_back({note.Get("what").ToString(), note.Get("sample").ToString(), uint64_of(note.Get("count"))});
  });
  return notes;
}

Error misfit(const tables::SegmentSchema& segment, const char* what) {
  return errorf(ErrorCode::SNAPSHOT_MALFORMED, "segment %.*s: %s", static_cast<int>(segment.name.size()), segment.name.data(), what);
}

// One memfd as a segment. Who made it is not trusted: it must be sealed, as long as it says, and of whole records.
tables::SegmentData segment_of(Napi::Env env, const tables::SegmentSchema& schema, const Napi::Object& given, int fd) {
  struct stat about {};
  tables::SegmentData segment{sys::UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)), uint64_of(given.Get("size")), uint32_of(given.Get("nRecords"))};
  if (!segment.fd || ::fstat(segment.fd.get(), &about) != 0) throw to_js(env, system_error(errno, "look at a segment of a snapshot"));
  if (!sys::is_sealed(segment.fd.get())) throw to_js(env, misfit(schema, "expected a memfd that is sealed against writing and resizing"));
  const uint64_t room = sys::round_up_to_page(std::max<uint64_t>(segment.size, 1));
  if (segment.size > std::numeric_limits<int64_t>::max() / 2 || static_cast<uint64_t>(about.st_size) < room) throw to_js(env, misfit(schema, "it is shorter than it is said to be"));
  if (segment.size != uint64_t{schema.stride} * segment.n_records) throw to_js(env, misfit(schema, "its size is not that of its records"));
  return segment;
}

// (table, schemaHash, {nRows, nVerbatim, rejected, unknown, segments: [{size, nRecords}]}, fds) -> as snapshot_to_js(). The descriptors
// stay the caller's.
Napi::Value snapshot_from_fds(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string table = info[0].As<Napi::String>();
  char hash[17];
  auto found = std::find_if(std::begin(tables::kAllTables), std::end(tables::kAllTables), [&](const auto* schema) { return schema->name == table; });
  if (found == std::end(tables::kAllTables)) throw to_js(env, invalid("expected the name of a table but received '" + table + "'"));
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>((*found)->hash));
  if (info[1].ToString().Utf8Value() != hash) throw to_js(env, Error{ErrorCode::SNAPSHOT_MALFORMED, "the snapshot of " + table + " is of another version of its schema"});
  auto facts = info[2].As<Napi::Object>();
  auto segments = facts.Get("segments").As<Napi::Array>();
  auto fds = info[3].As<Napi::Array>();
  const auto& schemas = (*found)->segments;
  if (segments.Length() != schemas.size() || fds.Length() != schemas.size())
    throw to_js(env, Error{ErrorCode::SNAPSHOT_MALFORMED, "a snapshot of " + table + " with another number of segments than its schema has"});
  tables::Snapshot snapshot{*found, {}, uint64_of(facts.Get("nRows")), uint64_of(facts.Get("nVerbatim")), notes_of(facts.Get("rejected")), notes_of(facts.Get("unknown"))};
  for (uint32_t i = 0; i < schemas.size(); i++)
    snapshot.segments.push_back(segment_of(env, schemas[i], Napi::Value(segments[i]).As<Napi::Object>(), Napi::Value(fds[i]).As<Napi::Number>().Int32Value()));
  for (uint32_t i = 0; i < schemas.size(); i++)
    if (schemas[i].per == tables::SegmentPer::row && snapshot.segments[i].n_records != snapshot.n_rows) throw to_js(env, misfit(schemas[i], "it has another number of records than the table has rows"));
  return snapshot_to_js(env, std::move(snapshot));
}

}  // namespace

void init_snapshot_fds(Napi::Env env, Napi::Object exports) { export_function<snapshot_from_fds>(env, exports, "snapshotFromFds"); }

}  // namespace cti::bind
