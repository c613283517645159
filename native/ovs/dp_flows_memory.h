// The megaflows of all userspace datapaths of one ovs-vswitchd, read out of its memory into a dp_flows snapshot. dp_flows_refresh.h reads the
// counters of one anew.
//
// Thread-safety: read_dp_flows runs on any one thread, and ends what it starts; the cancel flag may be set by any.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "ovs/flow_table_walk.h"
#include "tables/generated/dp_flows.h"
#include "tables/snapshot.h"

namespace cti::ovs {

// Of every reading of megaflows, in full or of counters alone.
struct ReadFacts {
  uint64_t begin_ns = 0, end_ns = 0;  // CLOCK_REALTIME around the read
  uint64_t cpu_ns = 0;                // of this thread, and of the one that copied for it
  std::optional<uint64_t> waited_ns;  // this thread, for a CPU
  ReadCost cost;
  std::vector<DatapathRoot> datapaths;
};

struct MemoryReadFacts : ReadFacts {
  WalkStats walk;            // of all tables together
  uint64_t n_bad_masks = 0;  // rows dropped because their mask changed
};

// Where the flow of a row lay, and what it pointed to: by which a refresh finds it again, and knows it.
struct FlowPlace {
  uint64_t flow, actions, mask;
};
using FlowPlaces = BigVector<FlowPlace>;  // by row

struct FlowReadOptions {
  WalkOptions walk = {};      // two threads read if it has a copier
  bool recirc_first = false;  // how the switch prints a match: flow_decode.h
};

// 'places' gets those of the snapshot's rows, if wanted.
// Errors: PROTOCOL (what is there is not what the layout says), CANCELLED, OUT_OF_MEMORY.
Result<tables::Snapshot> read_dp_flows(TargetMemory& memory, const Layout& layout, OvsAddr dp_netdevs, const std::atomic<bool>* cancel,
                                       MemoryReadFacts& facts, FlowPlaces* places = nullptr, const FlowReadOptions& options = {});

// The parts of a row that any reading of a flow fills in: half of a ufid as printed (each 32-bit part most significant byte first), and the
// counters of a dp_netdev_flow_stats.
inline uint64_t ufid_word(uint64_t in_memory) { return swap64(in_memory << 32 | in_memory >> 32); }
inline void fill_counters(const Layout& l, const uint8_t* stats, uint64_t now_ms, tables::dp_flows::Rows& row) {
  row.packets = load<uint64_t>(stats + l.dp_netdev_flow_stats_packet_count.offset);
  row.bytes = load<uint64_t>(stats + l.dp_netdev_flow_stats_byte_count.offset);
  const uint64_t used = load<uint64_t>(stats + l.dp_netdev_flow_stats_used.offset);
  row.used_ms = used == 0 ? UINT64_MAX : used > now_ms ? 0 : now_ms - used;
  row.tcp_flags_seen = load<uint16_t>(stats + l.dp_netdev_flow_stats_tcp_flags.offset);
}

}  // namespace cti::ovs
