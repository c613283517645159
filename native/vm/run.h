// A run: a program in a window of its own, with what it was given, from its entry to its end.
//
//   Program + RunOptions -> Run::start() -> step() ... step() -> exited or trapped
//
// Thread-safety: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vm/engine.h"

namespace cti::vm {

// Where a segment's bytes come from: a sealed memfd, which is mapped, or bytes, which are copied.
struct SegmentSource {
  std::string name;
  int fd = -1;  // used if not negative; stays the caller's
  Bytes bytes;
  uint64_t size = 0;
  bool is_writable = false;  // bytes only
};

struct TableSegment {
  SegmentSource source;
  uint32_t stride = 1;
  uint32_t n_records = 0;
};

struct TableMapping {
  std::string name;
  uint64_t n_rows = 0;
  uint64_t generation = 0;
  uint64_t schema_hash = 0;
  std::vector<TableSegment> segments;  // in the schema's order, at most 16
};

struct RunOptions {
  Bytes memory;                                 // copied to window::kMemoryBase
  std::vector<SegmentSource> segments;          // mapped first, from window::kTablesBase up
  std::vector<TableMapping> tables;             // mapped after them
  std::optional<std::array<uint64_t, 5>> args;  // r1..r5; without them address and length of the memory
};

class Run {
 public:
  // WINDOW_FULL, INVALID_ARGUMENT (a descriptor that is not sealed), OUT_OF_MEMORY.
  static Result<std::unique_ptr<Run>> start(std::shared_ptr<const Program> program, std::shared_ptr<const Engine> engine,
                                            const RunOptions& options);

  // Goes on with 'fuel' (1 to 2^63 - 1). Must not be called after a stop that is an end.
  Stop step(int64_t fuel);

  bool has_ended() const { return has_ended_; }
  window::Window& window() { return *window_; }
  const State& state() const { return state_; }
  // Where RunOptions::segments lie, in their order; 0 for an empty one.
  const std::vector<uint32_t>& segment_addresses() const { return segment_addresses_; }

 private:
  Run(std::shared_ptr<const Program> program, std::shared_ptr<const Engine> engine, std::unique_ptr<window::Window> window)
      : program_(std::move(program)), engine_(std::move(engine)), window_(std::move(window)) {}
  Result<void> map_program();
  Result<uint32_t> map_segment(const SegmentSource& source, const std::string& what);
  Result<void> map_table(const TableMapping& table);

  std::shared_ptr<const Program> program_;
  std::shared_ptr<const Engine> engine_;
  std::unique_ptr<window::Window> window_;
  State state_;
  std::vector<OpenTable> tables_;
  std::vector<uint32_t> segment_addresses_;
  bool has_ended_ = false;
};

}  // namespace cti::vm
