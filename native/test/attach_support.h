// An ovs-vswitchd made of bytes: a layout, and memory in which a table of datapaths, PMD threads, flows, masks and actions hang together as the
// walkers expect. Tests read it, and break it.
//
// Thread-safety: one thread; two that read it go through TwoReaders.
#pragma once

#include <algorithm>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "ovs/dp_flows_memory.h"

namespace cti::test {

// The offsets of Debian's 3.1, but for the PMD thread's, which has 9 MB of caches before what is read.
std::vector<ovs::LayoutEntry> fake_layout_entries();

// One range of addresses, as large as it is; reading outside fails, as in a process.
class FakeMemory final : public ovs::TargetMemory {
 public:
  static constexpr uint64_t kBase = 0x5550'0000'0000;

  std::vector<uint8_t> bytes;
  uint64_t n_copied = 0;  // what walkers asked for in all

  size_t copy(std::span<const ovs::ReadRange> ranges) override { return copy_pieces(ranges, nullptr); }
  // 'mutex', if there is one, is held for each piece.
  size_t copy_pieces(std::span<const ovs::ReadRange> ranges, std::mutex* mutex) {
    size_t total = 0;
    for (const ovs::ReadRange& range : ranges) {
      for (size_t done = 0; done < range.size;) {
        const auto lock = mutex ? std::unique_lock(*mutex) : std::unique_lock<std::mutex>();
        if (done == 0) cost_.calls++;
        const uint64_t at = raw(range.from) + done - kBase;
        size_t piece = std::min(range.size - done, step - (raw(range.from) + done) % step);
        piece = at < bytes.size() ? std::min<size_t>(piece, bytes.size() - at) : 0;
        if (piece == 0) return total;
        std::memcpy(static_cast<uint8_t*>(range.to) + done, &bytes[at], piece);
        done += piece;
        total += piece;
        n_copied += piece;
        if (on_copy && (step < kWhole || done == range.size)) on_copy(*this);
      }
    }
    return total;
  }
  // Memory is copied in pieces up to the next multiple of this, as the kernel copies page by page.
  static constexpr size_t kWhole = size_t{1} << 62;
  size_t step = kWhole;
  // Called after every piece that is copied: changes memory while it is read.
  void (*on_copy)(FakeMemory&) = nullptr;
  uint64_t state = 0;

  template <typename T>
  void put(uint64_t address, T value) {
    std::memcpy(&bytes[address - kBase], &value, sizeof value);
  }
};

// Readers of one FakeMemory for two threads. What on_copy changes is changed between two pieces, whichever thread copied them.
class TwoReaders {
 public:
  explicit TwoReaders(FakeMemory& memory) : walker(memory, mutex_), copier(memory, mutex_) {}

 private:
  class Reader final : public ovs::TargetMemory {
   public:
    Reader(FakeMemory& memory, std::mutex& mutex) : memory_(memory), mutex_(mutex) {}
    size_t copy(std::span<const ovs::ReadRange> ranges) override { return memory_.copy_pieces(ranges, &mutex_); }

   private:
    FakeMemory& memory_;
    std::mutex& mutex_;
  };
  std::mutex mutex_;

 public:
  Reader walker, copier;
};

struct FakeSwitch {
  ovs::Layout layout;
  FakeMemory memory;
  std::vector<ovs::AddressRange> data;
  std::vector<uint64_t> flows;    // addresses
  std::vector<uint64_t> actions;  // of each
  uint64_t table = 0;             // the cmap_impl of the only PMD thread's flows
  uint64_t pmd = 0;
};

// Where the action lists lie: each behind its flow, or all of them below all flows, or above.
enum class Lists { behind, below, above };

// 'n' flows, of one PMD thread on core 3, in 'n_masks' subtables; flow i has packets i, bytes 100 i, and its actions are output to port 1 + i % 7.
FakeSwitch make_fake_switch(uint32_t n, uint32_t n_masks, Lists lists = Lists::behind);

}  // namespace cti::test
