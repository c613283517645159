// Reads one part of each of many objects that lie near each other, such as the counters of flows: what lies between two of them is copied as well, for
// a range of its own costs more than some thousand bytes, but over itself. Each part goes to where what followed the one before has just been written,
// so that few lines of the cache take it all, and the parts come to lie side by side.
//
// Thread-safety: one thread.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ovs/target_memory.h"

namespace cti::ovs {

class PartsReader {
 public:
  static constexpr size_t kMaxParts = TargetMemory::kMaxRanges;

  // Parts of 'size' bytes each.
  PartsReader(TargetMemory& memory, uint32_t size);

  // Copies those at 'addresses', at most kMaxParts, in any order.
  void read(std::span<const uint64_t> addresses);
  // What was at addresses[i], until the next read(); null: it could not be read.
  const uint8_t* part(size_t i) const { return slots_[i] == kUnreadable ? nullptr : &buffer_[slots_[i]]; }

 private:
  struct Wanted {
    uint64_t address;
    uint32_t index;
  };
  static constexpr uint32_t kUnreadable = UINT32_MAX;
  void sort(std::span<const uint64_t> addresses);
  void read_alone(size_t first);

  TargetMemory& memory_;
  const uint32_t size_, stride_;
  const std::unique_ptr<uint8_t[]> memory_of_buffer_;
  uint8_t* const buffer_;  // begins a cache line
  std::vector<Wanted> sorted_;
  std::vector<uint32_t> slots_;  // by index: bytes from the buffer's beginning
  std::vector<uint32_t> starts_;
  std::vector<AddressRange> from_;
  std::vector<std::span<uint8_t>> to_;
};

}  // namespace cti::ovs
