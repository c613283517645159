// The counters of a dp_flows snapshot anew: packets, bytes, time of the last packet and TCP flags of the flows it has, hardware's among them, and their
// state of offload, without reading keys, masks and actions again. For whoever reads a table again and again.
//
// Each flow is looked at where it was and proved to be the same: its whole ufid, its PMD thread, that it is not dead and has references, and that
// it still points to the same actions and to the same mask; counters and all of that lie together and are copied together. A flow that has gone,
// or whose actions were replaced, has no row in what comes out and is counted. Flows that are new are not in it: facts.n_in_tables against n_rows
// says how many, roughly.
//
// What was not read again is as of the base. A flow that was freed and made again with the same ufid in the same place, and with its actions and
// mask where they were, passes for the same; so do actions that were replaced twice and came to lie in the same place.
//
// Thread-safety: runs on any one thread; the cancel flag may be set by any.
#pragma once

#include "ovs/dp_flows_memory.h"

namespace cti::ovs {

struct RefreshFacts : ReadFacts {
  uint64_t n_refreshed = 0;
  uint64_t n_gone = 0;        // rows of the base whose flow is no longer there
  uint64_t n_replaced = 0;    // ... whose flow has other actions, or is in another subtable
  uint64_t n_unreadable = 0;  // ... whose memory is no longer there
  uint64_t n_in_tables = 0;   // flows that the tables said they had at the beginning
};

// 'places' are those that read_dp_flows() gave with 'base', or the refresh before; they become those of the result's rows. The result shares the
// segments that did not change with 'base': all but rows, and match if no row has gone.
//
// Errors: PROTOCOL, CANCELLED, OUT_OF_MEMORY; INVALID_ARGUMENT if 'places' are not of 'base'. 'places' are untouched by an error.
Result<tables::Snapshot> refresh_dp_flows(TargetMemory& memory, const Layout& layout, OvsAddr dp_netdevs, const tables::Snapshot& base, FlowPlaces& places,
                                          const std::atomic<bool>* cancel, RefreshFacts& facts);

}  // namespace cti::ovs
