// Reads connections into a snapshot of table ct: what `ovs-appctl dpctl/dump-conntrack` (plain, -m, -s) prints, and `conntrack -L`
// (plain, -o extended, -o id, IPv4 and IPv6, with counters), a line each; a file may have both.
//
// Thread-safety: as TableReader.
#pragma once

#include "text/table_reader.h"

namespace cti::text {

Result<std::unique_ptr<TableReader>> create_ct_reader();

}  // namespace cti::text
