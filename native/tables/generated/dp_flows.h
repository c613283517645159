// Generated from schema/ by `npm run generate`. Do not edit.
// The structs of include/ctinspector/dp_flows.h with what the native code adds.
#pragma once

#include "ctinspector/dp_flows.h"
#include "tables/schema.h"

static_assert(sizeof(cti_dp_flows_rows) == 112);
static_assert(sizeof(cti_dp_flows_match) == 176);
static_assert(sizeof(cti_dp_flows_tunnel) == 208);
static_assert(sizeof(cti_dp_flows_ipv6) == 160);
static_assert(sizeof(cti_dp_flows_ct_tuple) == 128);
static_assert(sizeof(cti_dp_flows_arp) == 64);
static_assert(sizeof(cti_dp_flows_encap) == 120);
static_assert(sizeof(cti_dp_flows_action_lists) == 48);
static_assert(sizeof(cti_dp_flows_ports) == 32);
static_assert(sizeof(cti_dp_flows_datapaths) == 16);

namespace cti::tables::dp_flows {

inline constexpr uint64_t kSchemaHash = CTI_DP_FLOWS_SCHEMA_HASH;
inline constexpr SegmentSchema kSegments[] = {
    {"rows", SegmentPer::row, false, 112},
    {"match", SegmentPer::row, true, 176},
    {"tunnel", SegmentPer::some_rows, true, 208},
    {"ipv6", SegmentPer::some_rows, true, 160},
    {"ct_tuple", SegmentPer::some_rows, true, 128},
    {"arp", SegmentPer::some_rows, true, 64},
    {"encap", SegmentPer::some_rows, true, 120},
    {"action_lists", SegmentPer::distinct, false, 48},
    {"ports", SegmentPer::distinct, false, 32},
    {"datapaths", SegmentPer::distinct, false, 16},
    {"blob", SegmentPer::bytes, false, 1},
};
inline constexpr TableSchema kSchema = {"dp_flows", kSchemaHash, kSegments};

using Rows = ::cti_dp_flows_rows;
using Match = ::cti_dp_flows_match;
using Tunnel = ::cti_dp_flows_tunnel;
using Ipv6 = ::cti_dp_flows_ipv6;
using CtTuple = ::cti_dp_flows_ct_tuple;
using Arp = ::cti_dp_flows_arp;
using Encap = ::cti_dp_flows_encap;
using ActionLists = ::cti_dp_flows_action_lists;
using Ports = ::cti_dp_flows_ports;
using Datapaths = ::cti_dp_flows_datapaths;

}  // namespace cti::tables::dp_flows
