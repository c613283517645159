// Generated from schema/ by `npm run generate`. Do not edit.
// Every table, for whoever looks one up by name.
#pragma once

#include "tables/generated/ct.h"
#include "tables/generated/dp_flows.h"
#include "tables/generated/of_rules.h"
#include "tables/generated/pmds.h"
#include "tables/generated/ports.h"

namespace cti::tables {

inline constexpr const TableSchema* kAllTables[] = {&ct::kSchema, &dp_flows::kSchema, &of_rules::kSchema, &pmds::kSchema, &ports::kSchema};

}  // namespace cti::tables
