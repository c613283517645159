// The table ports: the ports of the datapaths, out of the switch's memory or as it prints them.
//
// Thread-safety: functions of their arguments.
#pragma once

#include "ovs/layout.h"
#include "ovs/questions.h"
#include "ovs/target_memory.h"
#include "tables/snapshot.h"

namespace cti::ovs {

// By the members that the layout has: a column that needs one it has not is unknown. PROTOCOL if what is there does not agree with itself.
Result<tables::Snapshot> read_ports(TargetMemory& memory, const Layout& layout, OvsAddr dp_netdevs);

// By dpctl/show of each datapath; what it does not say is unknown.
Result<tables::Snapshot> ask_ports(Questions& questions);

}  // namespace cti::ovs
