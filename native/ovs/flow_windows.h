// Windows of a process's memory that hold megaflows: what one pass of a walk (flow_table_walk.h) copies, from the highest window down. Two copiers share
// the work by stripes: each takes the next one that nobody has.
//
// What is in a window was copied at a time that the window tells, by the clock and by numbers that grow with every copy; so whoever takes a list for a
// flow can tell whether the list was copied after the flow, and how long after, whenever he looks at them and whichever thread copied them.
//
// Thread-safety: Stripes may be used by several threads. A WindowCopier is used by one thread at a time. A window, and the entries in it, belong to the copier until copy_next() has returned,
// and then to whoever has the window.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "ovs/layout.h"
#include "ovs/target_memory.h"

namespace cti::ovs {

// A flow's actions can be taken from what was copied only if that was copied after the flow: from a lower window, or from behind it in its own. So
// windows are small, and several are copied in one call, the highest first.
constexpr uint64_t kWindow = 64 << 10;
constexpr size_t kBatchWindows = 16;

enum class Fate : uint8_t { waiting, taken, gone, refused, unreadable, bad_actions };
// How a taken flow's action list was read: before its identity was read again, with a window, or by itself; the last two soon after the flow.
enum class ListRead : uint8_t { by_identity, with_window, at_once };

// A flow that the table named.
struct FlowEntry {
  uint64_t flow;    // address of the dp_netdev_flow
  uint32_t hash;
  uint32_t bucket;  // of the image the entry came from
  uint32_t row;
  Fate fate;
  ListRead list;
};

struct FlowWindow {
  uint64_t base = 0;
  uint64_t end = 0;             // copied from base to here; base: flow by flow
  uint64_t sequence = 0;        // one with a higher number was copied later
  uint64_t flows_sequence = 0;  // the same of its flows: higher if some were copied by themselves
  uint64_t began_ns = 0, ended_ns = 0;  // of the call
  uint64_t now_ms = 0;
  uint32_t first = 0, last = 0;      // entries in it; the same: none, and base says nothing
  uint8_t* bytes = nullptr;          // WindowCopier::room() of them
  std::vector<uint64_t> lists;       // addresses of its flows' action lists, for who looks at it; by entry from 'first'

  bool has_flows() const { return first < last; }
};

// Entries that are grouped by window, the highest first, in stripes of about 'n_flows' each; no window is in two.
class Stripes {
 public:
  struct Stripe {
    uint32_t first, last;  // entries; the same: there is none left
  };
  Stripes(std::span<FlowEntry> entries, size_t n_flows) : entries(entries), n_flows_(n_flows) {}
  Stripe take();
  const std::span<FlowEntry> entries;

 private:
  const size_t n_flows_;
  std::mutex mutex_;
  uint32_t at_ = 0;
};

class WindowCopier {
 public:
  // Takes its first stripe.
  WindowCopier(TargetMemory& memory, const Layout& layout, Stripes& stripes);

  // How many bytes of room a window needs: for itself and what reaches out of it. A multiple of a cache line.
  size_t room() const { return kWindow + room_behind_; }
  // Where copying 'size' bytes of windows costs least, if there is such a place.
  uint8_t* best_place(size_t size) const { return memory_.pages() && size <= kernel::PageReader::kRoom ? memory_.pages()->room() : nullptr; }
  // Copies the next windows, kBatchWindows of them or as many as are left of its stripe; false: none is, and no stripe either.
  bool copy_next(std::span<FlowWindow> batch);

 private:
  void read_batch(std::span<FlowWindow> batch);
  void read_flows(FlowWindow& window);

  TargetMemory& memory_;
  const Layout& l_;
  Stripes& stripes_;
  const std::span<FlowEntry> entries_;
  const size_t room_behind_;  // bytes that may be copied with a window and lie behind it
  Stripes::Stripe left_;      // begins with the next window
  uint64_t n_copied_ = 0;     // windows
  std::vector<ReadRange> ranges_;
};

}  // namespace cti::ovs
