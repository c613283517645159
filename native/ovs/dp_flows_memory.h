// The megaflows of all userspace datapaths of one ovs-vswitchd, read out of its memory into a dp_flows snapshot.
//
// Thread-safety: read_dp_flows runs on any one thread; the cancel flag may be set by any.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "ovs/flow_table_walk.h"
#include "tables/snapshot.h"

namespace cti::ovs {

struct MemoryReadFacts {
  uint64_t begin_ns = 0, end_ns = 0;  // CLOCK_REALTIME around the read
  uint64_t cpu_ns = 0;                // of this thread
  WalkStats walk;                     // of all tables together
  uint64_t n_bad_masks = 0;           // rows dropped because their mask changed
  ReadCost cost;
  std::vector<DatapathRoot> datapaths;
};

// Errors: PROTOCOL (what is there is not what the layout says), CANCELLED, OUT_OF_MEMORY.
Result<tables::Snapshot> read_dp_flows(TargetMemory& memory, const Layout& layout, OvsAddr dp_netdevs, const std::atomic<bool>* cancel,
                                       MemoryReadFacts& facts);

}  // namespace cti::ovs
