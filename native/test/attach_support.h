// An ovs-vswitchd made of bytes: a layout, and memory in which a table of datapaths, PMD threads, flows, masks and actions hang together as the
// walkers expect. Tests read it, and break it.
//
// Thread-safety: one thread.
#pragma once

#include <algorithm>
#include <cstring>
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

  size_t copy(std::span<const ovs::ReadRange> ranges) override {
    size_t total = 0;
    for (const ovs::ReadRange& range : ranges) {
      const uint64_t at = raw(range.from) - kBase;
      const size_t there = at < bytes.size() ? std::min<size_t>(range.size, bytes.size() - at) : 0;
      if (there) std::memcpy(range.to, &bytes[at], there);
      total += there;
      n_copied += there;
      cost_.calls++;
      if (there < range.size) break;
      if (on_copy) on_copy(*this);
    }
    return total;
  }
  // Called after every range that is copied: changes memory while it is read.
  void (*on_copy)(FakeMemory&) = nullptr;
  uint64_t state = 0;

  template <typename T>
  void put(uint64_t address, T value) {
    std::memcpy(&bytes[address - kBase], &value, sizeof value);
  }
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

// 'n' flows, of one PMD thread on core 3, in 'n_masks' subtables; flow i has packets i, bytes 100 i, and its actions are output to port 1 + i % 7.
// 'lists_apart': the lists lie below all flows, not each behind its own.
FakeSwitch make_fake_switch(uint32_t n, uint32_t n_masks, bool lists_apart = false);

}  // namespace cti::test
