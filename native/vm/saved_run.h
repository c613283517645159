// All of a run that has stopped, as plain data: what an image holds besides the program. Run::save() makes one, Run::restore() a run of
// it, on any engine and in any window.
//
// Thread-safety: plain values; the bytes are views of the run's window, or of the image.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "vm/kernel_function.h"
#include "vm/state.h"

namespace cti::vm {

// What a run maps at most, besides what it was started with.
inline constexpr size_t kMaxTables = 64;
inline constexpr size_t kMaxRegions = 256;
inline constexpr size_t kMaxPieces = 256;

// A granted region that is mapped.
struct OpenRegion {
  std::string node;
  std::string name;
  uint32_t asid;
  uint32_t address;
  uint64_t size;
  bool is_writable;
  bool is_stale = false;  // the range is only reserved
};

// Memory of the run's own, besides stack, data and what it was started on: copies that were handed to it.
struct MemoryPiece {
  std::string name;
  uint32_t address;
  uint64_t size;
  bool is_writable;
};

// Bytes of the run's own memory that are not zero.
struct StoredBytes {
  uint32_t address;
  Bytes bytes;
};

// The call that waits: a function of the program's set.
struct SavedCall {
  uint32_t number;
  KernelArgs args;
};

struct SavedRun {
  State state;
  uint64_t call_number = 0;  // calls that suspended so far, the one that waits included
  std::optional<SavedCall> call;
  uint64_t memory_size = 0;  // what it was started on
  std::vector<MemoryPiece> pieces;
  std::vector<StoredBytes> stored;  // ascending
  std::vector<OpenTable> tables;
  std::vector<OpenRegion> regions;
};

}  // namespace cti::vm
