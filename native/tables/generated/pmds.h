// Generated from schema/ by `npm run generate`. Do not edit.
// The structs of include/ctinspector/pmds.h with what the native code adds.
#pragma once

#include "ctinspector/pmds.h"
#include "tables/schema.h"

static_assert(sizeof(cti_pmds_rows) == 176);
static_assert(sizeof(cti_pmds_datapaths) == 16);

namespace cti::tables::pmds {

inline constexpr uint64_t kSchemaHash = CTI_PMDS_SCHEMA_HASH;
inline constexpr SegmentSchema kSegments[] = {
    {"rows", SegmentPer::row, false, 176},
    {"datapaths", SegmentPer::distinct, false, 16},
    {"blob", SegmentPer::bytes, false, 1},
};
inline constexpr TableSchema kSchema = {"pmds", kSchemaHash, kSegments};

using Rows = ::cti_pmds_rows;
using Datapaths = ::cti_pmds_datapaths;

}  // namespace cti::tables::pmds
