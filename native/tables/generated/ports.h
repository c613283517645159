// Generated from schema/ by `npm run generate`. Do not edit.
// The structs of include/ctinspector/ports.h with what the native code adds.
#pragma once

#include "ctinspector/ports.h"
#include "tables/schema.h"

static_assert(sizeof(cti_ports_rows) == 32);
static_assert(sizeof(cti_ports_datapaths) == 16);
static_assert(sizeof(cti_ports_texts) == 16);

namespace cti::tables::ports {

inline constexpr uint64_t kSchemaHash = CTI_PORTS_SCHEMA_HASH;
inline constexpr SegmentSchema kSegments[] = {
    {"rows", SegmentPer::row, false, 32},
    {"datapaths", SegmentPer::distinct, false, 16},
    {"texts", SegmentPer::distinct, false, 16},
    {"blob", SegmentPer::bytes, false, 1},
};
inline constexpr TableSchema kSchema = {"ports", kSchemaHash, kSegments};

using Rows = ::cti_ports_rows;
using Datapaths = ::cti_ports_datapaths;
using Texts = ::cti_ports_texts;

}  // namespace cti::tables::ports
