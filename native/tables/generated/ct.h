// Generated from schema/ by `npm run generate`. Do not edit.
// The structs of include/ctinspector/ct.h with what the native code adds.
#pragma once

#include "ctinspector/ct.h"
#include "tables/schema.h"

static_assert(sizeof(cti_ct_rows) == 168);
static_assert(sizeof(cti_ct_tuple) == 192);
static_assert(sizeof(cti_ct_parent) == 80);
static_assert(sizeof(cti_ct_datapaths) == 16);
static_assert(sizeof(cti_ct_texts) == 16);

namespace cti::tables::ct {

inline constexpr uint64_t kSchemaHash = CTI_CT_SCHEMA_HASH;
inline constexpr SegmentSchema kSegments[] = {
    {"rows", SegmentPer::row, false, 168},
    {"tuple", SegmentPer::row, true, 192},
    {"parent", SegmentPer::some_rows, true, 80},
    {"datapaths", SegmentPer::distinct, false, 16},
    {"texts", SegmentPer::distinct, false, 16},
    {"blob", SegmentPer::bytes, false, 1},
};
inline constexpr TableSchema kSchema = {"ct", kSchemaHash, kSegments};

using Rows = ::cti_ct_rows;
using Tuple = ::cti_ct_tuple;
using Parent = ::cti_ct_parent;
using Datapaths = ::cti_ct_datapaths;
using Texts = ::cti_ct_texts;

}  // namespace cti::tables::ct
