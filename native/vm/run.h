// A run: a program in a window of its own, with what it was given, from its entry to its end.
//
//   Program + RunOptions -> Run::start() -> step() ... step() -> exited or trapped
//                                             '-> suspended -> answer_...() -> step()
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
#include "vm/output.h"
#include "vm/pending_call.h"
#include "vm/saved_run.h"

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
  std::string node;  // where it was read; empty: here
  std::string name;
  uint64_t n_rows = 0;
  uint64_t generation = 0;
  uint64_t schema_hash = 0;
  std::vector<TableSegment> segments;  // in the schema's order, at most 16
};

// Shared memory that an application granted. 'fd' is a memfd that cannot shrink; it stays the caller's.
struct RegionMapping {
  std::string node;
  std::string name;
  uint32_t asid = 0;
  int fd = -1;
  uint64_t size = 0;
  bool is_writable = false;
};

// Bytes for the buffer of an argument of the pending call.
struct CallOutput {
  uint64_t arg;
  Bytes bytes;
};

// What a saved run's tables and regions are now, in its order; null where it is gone, and the range becomes stale.
struct Mappings {
  std::vector<std::optional<TableMapping>> tables;
  std::vector<std::optional<RegionMapping>> regions;
};

struct RunOptions {
  Bytes memory;                                 // copied to window::kMemoryBase
  std::vector<SegmentSource> segments;          // mapped first, from window::kTablesBase up
  std::vector<TableMapping> tables;             // mapped after them
  uint64_t output_limit = Output::kDefaultLimit;  // bytes of what is printed and emitted and not yet taken
  std::optional<std::array<uint64_t, 5>> args;  // r1..r5; without them address and length of the memory
  bool suspends = false;                          // functions that suspend do; else they answer -ENOSYS
};

class Run {
 public:
  // WINDOW_FULL, INVALID_ARGUMENT (a descriptor that is not sealed), OUT_OF_MEMORY.
  static Result<std::unique_ptr<Run>> start(std::shared_ptr<const Program> program,
                                            std::shared_ptr<const Engine> engine, const RunOptions& options);

  // A run that goes on where 'saved' stopped; it can suspend. 'saved' has been checked against 'program' (native/image). INVALID_ARGUMENT
  // for mappings that are not what it had; else as start().
  static Result<std::unique_ptr<Run>> restore(std::shared_ptr<const Program> program, std::shared_ptr<const Engine> engine,
                                              const SavedRun& saved, const Mappings& mappings, uint64_t output_limit);
  // Another program in the window of this one, which has exited: tables stay mapped where they are, all else is new. Only for a run that cannot
  // suspend and was given nothing but tables (INVALID_ARGUMENT). After an error it can only be ended.
  Result<void> restart(std::shared_ptr<const Program> program, std::shared_ptr<const Engine> engine);
  // What restore() needs; the bytes are valid until the run goes on. Must not be called after an end. Output is not part of it.
  SavedRun save() const;
  // The registers and frames alone, in place of those it has; they have been checked against the program.
  void set_state(const State& state) { state_ = state; }

  // Goes on with 'fuel' (1 to 2^63 - 1). Must not be called after a stop that is an end, nor while a call waits for its answer.
  Stop step(int64_t fuel);

  // The call that waits; its function is null if none does.
  const PendingCall& pending() const { return pending_; }

  // Answers to the call that waits, which they need: then step() goes on behind it with its result in r0. What the window has no room
  // for is -ENOSPC to the program, what does not fit its buffer any more -EFAULT. Else INVALID_ARGUMENT, and the call waits on: bytes
  // for what is no out buffer, or more than it has; a descriptor that cannot be mapped.
  Result<void> answer_value(uint64_t r0, std::span<const CallOutput> outputs);
  // Maps a table in place of one of the same name, and writes struct cti_table into the buffer of argument 'arg'; -EINVAL if that has
  // no room for it. If the window has no room, the older one is gone, too.
  Result<void> answer_table(uint64_t arg, const TableMapping& table);
  // Maps a region; r0 is its address.
  Result<void> answer_region(const RegionMapping& region, std::span<const CallOutput> outputs);
  // Maps a read-only copy; r0 is its address.
  Result<void> answer_copy(const std::string& name, Bytes bytes, std::span<const CallOutput> outputs);
  // Unmaps the table, region or piece that starts at 'address', stale or not; -EINVAL if none does.
  Result<void> answer_unmap(uint64_t address);
  // The program has ended with 'r0', as the next step() says.
  Result<void> answer_end(uint64_t r0);

  // Whether step() said so.
  bool has_ended() const { return has_ended_; }
  // Whether it has, or the host's answer was an end.
  bool is_over() const { return has_ended_ || is_ended_by_host_; }
  window::Window& window() { return *window_; }
  const State& state() const { return state_; }
  Output& output() { return output_; }
  const Program& program() const { return *program_; }
  const std::vector<OpenTable>& tables() const { return tables_; }
  const std::vector<OpenRegion>& regions() const { return regions_; }
  const std::vector<MemoryPiece>& pieces() const { return pieces_; }
  // Where RunOptions::segments lie, in their order; 0 for an empty one.
  const std::vector<uint32_t>& segment_addresses() const { return segment_addresses_; }

 private:
  Run(std::shared_ptr<const Program> program, std::shared_ptr<const Engine> engine,
      std::unique_ptr<window::Window> window)
      : program_(std::move(program)), engine_(std::move(engine)), window_(std::move(window)) {}
  Result<void> map_program(Bytes data);
  Result<uint32_t> map_segment(const SegmentSource& source, const std::string& what);
  Result<const OpenTable*> map_table(const TableMapping& table);
  void unmap_table(const OpenTable& table);

  // run_save.cc
  Result<void> restore_table(const OpenTable& saved, const TableMapping* mapping);
  Result<void> restore_region(const OpenRegion& saved, const RegionMapping* mapping);
  Result<void> restore_bytes(const SavedRun& saved);

  // run_answer.cc
  // Whether a call waits that 'outputs' fit.
  Result<void> check_answer(std::span<const CallOutput> outputs) const;
  // Writes them and sets r0: to 'r0', or to -EFAULT if a buffer is not writable any more.
  void finish_call(uint64_t r0, std::span<const CallOutput> outputs);
  // For a mapping that failed: the program gets -ENOSPC if the window is full.
  Result<void> finish_failed(Error error);

  std::shared_ptr<const Program> program_;
  std::shared_ptr<const Engine> engine_;
  std::unique_ptr<window::Window> window_;
  State state_;
  std::vector<OpenTable> tables_;
  std::vector<OpenRegion> regions_;
  std::vector<MemoryPiece> pieces_;
  Output output_;
  std::vector<uint32_t> segment_addresses_;
  uint64_t memory_size_ = 0;
  PendingCall pending_;
  bool suspends_ = false;
  bool is_ended_by_host_ = false;
  bool has_ended_ = false;
};

}  // namespace cti::vm
