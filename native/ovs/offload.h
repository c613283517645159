// What a flow's memory says of its hardware offload. The readers by structural variant:
//
//   mark (2.10 to 3.6)                 0 (or all ones, before 2.16): the datapath did not give the flow to hardware; else it did, under that mark, and
//                                      what became of it is in last_attrs as the port's driver said last, where the layout has that
//   offloaded, no mark (3.7)           false: not given to hardware; true: given, whether wholly or in part is not here
//   neither                            unknown
//
// Packets that hardware forwarded are counted by it; what its driver reported last is in last_stats, and belongs to the flow's counters, as
// dpctl/dump-flows adds it.
//
// Thread-safety: an OffloadReader is used by one thread at a time.
#pragma once

#include "ovs/layout.h"
#include "ovs/target_memory.h"
#include "tables/generated/dp_flows.h"

namespace cti::ovs {

class OffloadReader {
 public:
  OffloadReader(TargetMemory& memory, const Layout& layout) : memory_(memory), l_(layout) {}

  // What fill() looks at lies in these bytes of a dp_netdev_flow; empty if the layout has nothing of it.
  struct Extent {
    uint32_t begin = UINT32_MAX, end = 0;
  };
  static Extent extent(const Layout& layout);

  // Fills in hw, layer and mark of 'row' from 'bytes', which are of a dp_netdev_flow from its byte 'start' on and have all of extent(), and adds what
  // hardware counted. The row's counters must be those of the flow's own stats; 'now_ms' is the switch's monotonic clock.
  void fill(const uint8_t* bytes, uint32_t start, uint64_t now_ms, tables::dp_flows::Rows& row);

 private:
  enum class Layer : uint8_t { unknown, ovs, tc, dpdk };
  Layer layer_at(uint64_t address);
  void last_answer(const uint8_t* bytes, uint32_t start, uint64_t now_ms, tables::dp_flows::Rows& row);

  TargetMemory& memory_;
  const Layout& l_;
  // dp_layer points at one of a few constants of the program.
  uint64_t last_address_ = 0;
  Layer last_layer_ = Layer::unknown;
};

}  // namespace cti::ovs
