#include "bind/snapshot.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "bind/bind.h"
#include "bind/values.h"
#include "sys/memory.h"
#include "tables/dp_flows_view.h"
#include "text/dp_flows_format.h"

namespace cti::bind {
namespace {

constexpr napi_type_tag kHandleTag = {0x6374695f736e6170, 0x73686f745f763031};

struct Handle {
  tables::Snapshot snapshot;
  std::vector<std::shared_ptr<sys::Mapping>> mappings;       // of the buffers that were asked for; a buffer shares its own
  std::vector<Napi::Reference<Napi::ArrayBuffer>> buffers;  // weak
  std::optional<tables::DpFlowsMap> printed;                // read-only, for printing: JavaScript cannot change it
  bool closed = false;

  void close() {
    closed = true;
    for (size_t i = 0; i < mappings.size(); i++) {
      Napi::ArrayBuffer buffer = buffers[i].Value();
      // One that was detached by others (transferred) may still be in use elsewhere: its finalizer unmaps it.
      if (buffer.IsEmpty() || buffer.IsDetached()) continue;
      buffer.Detach();
      mappings[i]->reset();
    }
    mappings.clear();
    printed.reset();
    for (tables::SegmentData& segment : snapshot.segments) segment.fd.reset();
  }
};

Handle& handle_of(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsExternal() || !info[0].As<Napi::External<Handle>>().CheckTypeTag(&kHandleTag)) {
    throw Napi::TypeError::New(info.Env(), "expected a snapshot's handle");
  }
  return *info[0].As<Napi::External<Handle>>().Data();
}

Handle& open_handle_of(const Napi::CallbackInfo& info) {
  Handle& handle = handle_of(info);
  if (handle.closed) throw to_js(info.Env(), errorf(ErrorCode::INVALID_ARGUMENT, "the snapshot is closed"));
  return handle;
}

const tables::DpFlowsView& view_of(Napi::Env env, Handle& handle) {
  if (!handle.printed) handle.printed = unwrap(env, tables::DpFlowsMap::open(handle.snapshot));
  return handle.printed->view();
}

// The text that 'print' appends for the second argument, a number.
template <typename Print>
Napi::Value print(const Napi::CallbackInfo& info, const char* what, Print print) {
  Handle& handle = open_handle_of(info);
  const text::DpFlowsFormat format(view_of(info.Env(), handle));
  const double index = info.Length() > 1 && info[1].IsNumber() ? info[1].As<Napi::Number>().DoubleValue() : -1;
  text::TextBuffer out;
  // Up to 2^32 - 1, what an id can be; a whole number survives the round trip.
  const bool whole = index >= 0 && index < 4294967296.0 && index == static_cast<double>(static_cast<uint32_t>(index));
  if (!whole || !print(format, static_cast<uint32_t>(index), out)) {
    throw to_js(info.Env(), errorf(ErrorCode::INVALID_ARGUMENT, "expected the number of %s of the snapshot but received %g", what, index));
  }
  const std::string_view text = out.text();
  return Napi::String::New(info.Env(), text.data(), text.size());
}

Napi::Value row_text(const Napi::CallbackInfo& info) {
  return print(info, "a row", [](const text::DpFlowsFormat& format, uint32_t row, text::TextBuffer& out) { return format.row(row, out); });
}

Napi::Value actions_text(const Napi::CallbackInfo& info) {
  return print(info, "an action list", [](const text::DpFlowsFormat& format, uint32_t id, text::TextBuffer& out) { return format.actions(id, out); });
}

Napi::Array notes_to_js(Napi::Env env, const std::vector<tables::Note>& notes) {
  Napi::Array array = Napi::Array::New(env, notes.size());
  for (uint32_t i = 0; i < notes.size(); i++) {
    Napi::Object note = Napi::Object::New(env);
    note.Set("what", notes[i].what);
    note.Set("sample", notes[i].sample);
    note.Set("count", static_cast<double>(notes[i].count));
    array.Set(i, note);
  }
  return array;
}

// (handle, i) -> the ArrayBuffer of segment i, anew at each call. V8 counts its size as garbage to come, whether or not a byte of it is touched: so a
// segment that nobody looks at from JavaScript has none.
Napi::Value segment_buffer(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Handle& handle = open_handle_of(info);
  const uint32_t i = uint32_of(info[1]);
  if (i >= handle.snapshot.segments.size()) throw to_js(env, errorf(ErrorCode::INVALID_ARGUMENT, "the snapshot has no segment %u", i));
  const tables::SegmentData& data = handle.snapshot.segments[i];
  const std::string_view name = handle.snapshot.schema->segments[i].name;
  auto mapping = std::make_shared<sys::Mapping>(unwrap(env, sys::Mapping::map(sys::round_up_to_page(std::max<uint64_t>(data.size, 1)),
                                                                              PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, data.fd.get(), name)));
  // The finalizer's copy keeps the mapping for as long as any ArrayBuffer has its address.
  auto kept = std::make_unique<std::shared_ptr<sys::Mapping>>(mapping);
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(
      env, mapping->data(), data.size, [](Napi::Env, void*, std::shared_ptr<sys::Mapping>* mapping) { delete mapping; }, kept.get());
  kept.release();
  handle.mappings.push_back(std::move(mapping));
  handle.buffers.push_back(Napi::Weak(buffer));
  return buffer;
}

Napi::Value close_snapshot(const Napi::CallbackInfo& info) {
  Handle& handle = handle_of(info);
  if (!handle.closed) handle.close();
  return info.Env().Undefined();
}

}  // namespace

Napi::Object snapshot_to_js(Napi::Env env, tables::Snapshot snapshot) {
  auto handle = std::make_unique<Handle>();
  handle->snapshot = std::move(snapshot);
  const tables::Snapshot& table = handle->snapshot;
  Napi::Array segments = Napi::Array::New(env, table.segments.size());
  for (uint32_t i = 0; i < table.segments.size(); i++) {
    const tables::SegmentData& data = table.segments[i];
    const tables::SegmentSchema& schema = table.schema->segments[i];
    Napi::Object segment = Napi::Object::New(env);
    segment.Set("name", std::string(schema.name));
    segment.Set("fd", data.fd.get());
    segment.Set("size", static_cast<double>(data.size));
    segment.Set("stride", schema.stride);
    segment.Set("nRecords", data.n_records);
    segments.Set(i, segment);
  }
  char hash[17];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(table.schema->hash));
  Napi::Object object = Napi::Object::New(env);
  object.Set("table", std::string(table.schema->name));
  object.Set("schemaHash", hash);
  object.Set("nRows", static_cast<double>(table.n_rows));
  object.Set("nVerbatim", static_cast<double>(table.n_verbatim));
  object.Set("rejected", notes_to_js(env, table.rejected));
  object.Set("unknown", notes_to_js(env, table.unknown));
  object.Set("segments", segments);
  auto external = Napi::External<Handle>::New(env, handle.get(), [](Napi::Env, Handle* handle) { delete handle; });
  handle.release();
  external.TypeTag(&kHandleTag);
  object.Set("handle", external);
  return object;
}

tables::Snapshot share_snapshot(Napi::Env env, Napi::Value value) {
  if (!value.IsExternal() || !value.As<Napi::External<Handle>>().CheckTypeTag(&kHandleTag)) throw Napi::TypeError::New(env, "expected a snapshot's handle");
  const Handle& handle = *value.As<Napi::External<Handle>>().Data();
  if (handle.closed) throw to_js(env, errorf(ErrorCode::INVALID_ARGUMENT, "the snapshot is closed"));
  const tables::Snapshot& from = handle.snapshot;
  tables::Snapshot shared{from.schema, {}, from.n_rows, from.n_verbatim, from.rejected, from.unknown};
  for (const tables::SegmentData& segment : from.segments) {
    sys::UniqueFd fd(::fcntl(segment.fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!fd) throw to_js(env, system_error(errno, "share a snapshot"));
    shared.segments.push_back({std::move(fd), segment.size, segment.n_records});
  }
  return shared;
}

void init_snapshot(Napi::Env env, Napi::Object exports) {
  export_function<close_snapshot>(env, exports, "closeSnapshot");
  export_function<segment_buffer>(env, exports, "snapshotBuffer");
  export_function<row_text>(env, exports, "snapshotRowText");
  export_function<actions_text>(env, exports, "snapshotActionsText");
}

}  // namespace cti::bind
