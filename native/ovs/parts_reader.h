// Reads one part of each of many objects that lie near each other, such as the counters of flows.
//
// By the kernel's page tables where there is a reader for them (kernel/page_reader.h): each part by itself. What that cannot read, and all where there is
// none, is copied by process_vm_readv: there a range of its own costs more than some thousand bytes, so what lies between two parts is copied as well, but
// over itself. Each part goes to where what followed the one before has just been written, so that few lines of the cache take it all, and the parts come
// to lie side by side.
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
  const uint8_t* part(size_t i) const { return slots_[i] == kUnreadable ? nullptr : &to_[slots_[i]]; }

 private:
  struct Wanted {
    uint64_t address;
    uint32_t index;
  };
  static constexpr uint32_t kUnreadable = UINT32_MAX;
  void sort(std::span<const uint64_t> addresses);
  void read_by_pages();
  void copy_all();
  void copy_one(size_t i);

  TargetMemory& memory_;
  const uint32_t size_, stride_;
  kernel::PageReader* const pages_;          // null too for parts that are too large for it
  const std::unique_ptr<uint8_t[]> buffer_;  // none where there are pages
  uint8_t* const to_;                        // where slots are: begins a cache line
  std::vector<kernel::PageReader::Wanted> wanted_;
  std::vector<uint8_t> alone_;
  std::vector<Wanted> sorted_;
  std::vector<uint32_t> slots_;  // by index: bytes behind to_
  std::vector<uint32_t> starts_;
  std::vector<AddressRange> from_;
  std::vector<std::span<uint8_t>> places_;
};

}  // namespace cti::ovs
