// The tables that are small enough to be read at one go, whole: one row each. A reader of memory and one of the control socket fill the same
// schema.
//
// Thread-safety: constants; the functions as their own headers say.
#pragma once

#include <string_view>

#include "ovs/layout.h"
#include "ovs/questions.h"
#include "ovs/target_memory.h"
#include "tables/snapshot.h"

namespace cti::ovs {

struct SmallTable {
  std::string_view name;
  Result<tables::Snapshot> (*read)(TargetMemory& memory, const Layout& layout, OvsAddr dp_netdevs);
  Result<tables::Snapshot> (*ask)(Questions& questions);
};

// INVALID_ARGUMENT if there is none of that name.
Result<const SmallTable*> find_small_table(std::string_view name);

}  // namespace cti::ovs
