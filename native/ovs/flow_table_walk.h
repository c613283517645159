// Reads all megaflows of one PMD thread's flow table out of ovs-vswitchd's memory, each with its actions, and proves each.
//
// OVS frees under RCU, which a reader outside cannot hold back. So nothing counts because it was read; it counts because of what was seen
// around the read:
//
//   1. The table's buckets are copied: nodes, hashes, and each bucket's counter, which every change of the bucket increases.
//   2. The nodes are sorted by address and memory is copied in windows, from the highest down, into a ring; a window's flows are looked at while it is
//      still near. A flow is taken if it names itself as the table does (hash, PMD), is not dead, has references, and its masked key is its key under
//      its mask (the sink checks that).
//   3. Its actions count if they were copied after the flow, whole, soon enough: with its window, with one below, which is waited for, or by themselves
//      at once where neither brings them. Else they are read by a call that copies them first and then the flow's identity and action pointer again.
//   4. The buckets are copied again. An unchanged one proves that its nodes were in the table all the time, hence not freed. What a changed one
//      held or holds is read again, and proved by its identity after its actions; so is what was refused. After a few passes the rest is dropped
//      and counted.
//   5. Rows whose actions counted by time alone could have had them replaced in between. Where the table is small, or anything at all was seen to
//      change, their identities and action pointers are read once more (half a microsecond each: more than half of what the rest costs, hence not
//      always).
//
// Windows come from a CopyAhead: copied by the thread that looks at them, or by another that is ahead of it, or some by each.
//
// Thread-safety: one walk is used by one thread; the sink is called by that one only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_set>
#include <vector>

#include "base/big_vector.h"
#include "base/bytes.h"
#include "ovs/containers.h"
#include "ovs/copy_ahead.h"
#include "ovs/layout.h"
#include "ovs/roots.h"
#include "ovs/target_memory.h"

namespace cti::ovs {

// Takes the flows. Rows are numbers that the sink gives out.
class FlowSink {
 public:
  static constexpr uint32_t kRefused = UINT32_MAX;
  virtual ~FlowSink() = default;
  // About so many flows will come: as many as nodes were seen.
  virtual void expect(size_t) {}
  // The first 'size' bytes of the dp_netdev_flow at 'address', at least layout.flow_head. kRefused if it does not agree with itself.
  virtual uint32_t flow(OvsAddr address, const uint8_t* bytes, size_t size, uint64_t now_ms) = 0;
  // The action list of a row; false if it is not one.
  virtual bool actions(uint32_t row, Bytes list) = 0;
  // The row is not true after all.
  virtual void drop(uint32_t row) = 0;
  // Whether reading should go on (memory, a cancel).
  virtual bool go_on() = 0;
};

struct WalkStats {
  uint64_t n_accepted = 0;
  uint64_t n_from_ring = 0;  // of these, actions came with the window
  uint64_t n_at_once = 0;    // of these, actions were read by themselves soon after the flow
  uint64_t n_reproved = 0;   // of those two, identity and pointer were read once more
  uint64_t n_gone = 0;       // left the table, or was replaced, while it was read
  uint64_t n_refused = 0;    // did not agree with itself to the end
  uint64_t n_unreadable = 0;
  uint64_t n_bad_actions = 0;
  uint64_t n_retried = 0;    // read again, whatever came of it
  uint32_t n_passes = 0;
  bool table_moved = false;  // it grew or shrank meanwhile
  uint64_t copier_cpu_ns = 0;  // of the thread that copied windows, if there was one

  uint64_t n_dropped() const { return n_gone + n_refused + n_unreadable + n_bad_actions; }
};

struct WalkOptions {
  // Up to so many rows whose actions counted by time are always read once more (65,536: 35 ms).
  size_t always_reproved = 1 << 16;
  // Actions that were copied longer after their flow do not count by themselves: freed memory needs a grace period of all of the switch's threads, an
  // allocation and a write before it holds something else.
  uint64_t max_ring_gap_ns = 500'000;
  // Another reader of the same memory: then the first pass's windows are copied through it by a thread of their own while this one looks at those that
  // have come, and copies a stripe of windows itself whenever it would wait. What counts as proof is the same, for it goes by when a window was copied,
  // not by when it is looked at; and only windows of one copier are compared.
  TargetMemory* copier = nullptr;
  size_t stripe_flows = 1 << 14;
};

class FlowTableWalk {
 public:
  FlowTableWalk(TargetMemory& memory, const Layout& layout, FlowSink& sink, const WalkOptions& options = {});

  // Reads the table of 'pmd' into the sink. PROTOCOL if it is no flow table (any more); CANCELLED if the sink said so.
  Result<void> run(const PmdRoot& pmd);

  const WalkStats& stats() const { return stats_; }

 private:
  using Entry = FlowEntry;
  struct Deferred {  // a flow and the list its pointer named
    uint64_t actions;
    uint64_t copied_ns;  // when the copy of the flow began
    uint32_t entry;
    bool by_identity;    // the list is read before the flow's identity is read again; else it counts if it was read soon after the flow
  };
  struct Early {  // a row whose list was copied soon after its flow, and the address of the list
    uint64_t actions;
    uint32_t entry;
  };
  void take_nodes(const CmapImage& image, uint32_t bucket);
  bool pass(bool first);
  bool look_at_all(bool first);
  void sort_entries();
  void look_at_flows(FlowWindow& window, uint64_t lowest);
  uint64_t look_at_flow(Entry& entry, const FlowWindow& window);
  void look_at_lists(const FlowWindow& window, const CopyAhead& windows);
  const FlowWindow* copied_after(const Entry& entry, uint64_t actions, const FlowWindow& window, const CopyAhead& windows) const;
  bool actions_from_ring(Entry& entry, uint64_t actions, const FlowWindow& window, const CopyAhead& windows);
  bool comes_with_windows(uint64_t actions, const Entry& entry, const FlowWindow& window, uint64_t lowest) const;
  bool take_early(Entry& entry, uint64_t actions, Bytes list, ListRead how);
  void drain();
  void drain_batch(std::span<Deferred> batch);
  void drain_alone(const Deferred& deferred);
  void finish_deferred(Entry& entry, uint64_t actions, Bytes list, const uint8_t* identity);
  // 'identity' is id_size_ bytes, from id_start_ of a flow.
  bool lives(const Entry& entry, const uint8_t* identity) const;
  bool same_actions(uint64_t actions, const uint8_t* identity) const;
  void follow_chain(const Entry& entry, uint64_t next);
  void settle(Entry& entry, Fate fate);
  std::vector<uint32_t> changed_buckets(const CmapImage& before, const CmapImage& after) const;
  bool anything_changed() const;
  void reprove();
  void choose_again(bool all, const std::vector<uint32_t>& changed, const CmapImage& after);

  TargetMemory& memory_;
  const Layout& l_;
  FlowSink& sink_;
  WalkStats stats_;
  const WalkOptions options_;
  uint32_t core_id_ = 0;

  BigVector<Entry> entries_, again_;
  std::vector<Deferred> deferred_, late_;
  BigVector<Early> early_;  // of the first pass
  size_t n_chained_ = 0;
  std::unique_ptr<uint8_t[]> actions_buffer_;
  std::vector<uint8_t> identity_buffer_;
  std::vector<ReadRange> ranges_;
  std::unordered_set<uint64_t> taken_again_;  // flows that passes after the first took
  // What of a dp_netdev_flow is read again to prove that it still is the one that was read.
  uint32_t id_start_ = 0, id_size_ = 0;
};

}  // namespace cti::ovs
