// The table pmds: the threads of the userspace datapaths that forward packets, out of the switch's memory or as it prints them.
//
// Thread-safety: functions of their arguments.
#pragma once

#include "ovs/layout.h"
#include "ovs/questions.h"
#include "ovs/target_memory.h"
#include "tables/snapshot.h"

namespace cti::ovs {

// By the members that the layout has: a column that needs one it has not is unknown. PROTOCOL if what is there does not agree with itself.
Result<tables::Snapshot> read_pmds(TargetMemory& memory, const Layout& layout, OvsAddr dp_netdevs);

// By dpif-netdev/pmd-stats-show and pmd-rxq-show of each datapath; what they do not say is unknown.
Result<tables::Snapshot> ask_pmds(Questions& questions);

}  // namespace cti::ovs
