// Snapshots in JavaScript: sealed segments as descriptors and as ArrayBuffers that share the memory.
//
// Thread-safety: the JavaScript thread only.
#pragma once

#include <napi.h>

#include "tables/snapshot.h"

namespace cti::bind {

// {handle, table, schemaHash, nRows, nVerbatim, rejected, unknown, segments: [{name, fd, size, stride, nRecords}]}; snapshotBuffer(handle, i)
// is the buffer of a segment.
//
// A buffer is a private writable mapping: what JavaScript stores there nobody else sees. The descriptors belong to the handle: they
// are closed with closeSnapshot(handle), or when it is collected. The mappings live until closeSnapshot, which detaches the buffers
// first, or until each buffer is collected.
Napi::Object snapshot_to_js(Napi::Env env, tables::Snapshot snapshot);

// The snapshot of a handle, with descriptors of its own: whatever becomes of the handle meanwhile. INVALID_ARGUMENT if it is closed.
tables::Snapshot share_snapshot(Napi::Env env, Napi::Value handle);

}  // namespace cti::bind
