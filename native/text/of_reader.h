// Reads OpenFlow rules into a snapshot of table of_rules: what `ovs-ofctl dump-flows` prints, in every version of OpenFlow, with names or
// without, with statistics or --no-stats; and `ovs-appctl bridge/dump-flows`. A rule is kept as printed too.
//
// Thread-safety: as TableReader.
#pragma once

#include "text/table_reader.h"

namespace cti::text {

Result<std::unique_ptr<TableReader>> create_of_reader();

}  // namespace cti::text
