// Generated from schema/ by `npm run generate`. Do not edit.
// The structs of include/ctinspector/of_rules.h with what the native code adds.
#pragma once

#include "ctinspector/of_rules.h"
#include "tables/schema.h"

static_assert(sizeof(cti_of_rules_rows) == 152);
static_assert(sizeof(cti_of_rules_match) == 192);
static_assert(sizeof(cti_of_rules_tunnel) == 128);
static_assert(sizeof(cti_of_rules_ipv6) == 160);
static_assert(sizeof(cti_of_rules_ct_tuple) == 128);
static_assert(sizeof(cti_of_rules_arp) == 64);
static_assert(sizeof(cti_of_rules_encap) == 80);
static_assert(sizeof(cti_of_rules_regs) == 256);
static_assert(sizeof(cti_of_rules_action_lists) == 40);
static_assert(sizeof(cti_of_rules_ports) == 24);
static_assert(sizeof(cti_of_rules_datapaths) == 16);
static_assert(sizeof(cti_of_rules_texts) == 16);

namespace cti::tables::of_rules {

inline constexpr uint64_t kSchemaHash = CTI_OF_RULES_SCHEMA_HASH;
inline constexpr SegmentSchema kSegments[] = {
    {"rows", SegmentPer::row, false, 152},
    {"match", SegmentPer::row, true, 192},
    {"tunnel", SegmentPer::some_rows, true, 128},
    {"ipv6", SegmentPer::some_rows, true, 160},
    {"ct_tuple", SegmentPer::some_rows, true, 128},
    {"arp", SegmentPer::some_rows, true, 64},
    {"encap", SegmentPer::some_rows, true, 80},
    {"regs", SegmentPer::some_rows, true, 256},
    {"action_lists", SegmentPer::distinct, false, 40},
    {"ports", SegmentPer::distinct, false, 24},
    {"datapaths", SegmentPer::distinct, false, 16},
    {"texts", SegmentPer::distinct, false, 16},
    {"blob", SegmentPer::bytes, false, 1},
};
inline constexpr TableSchema kSchema = {"of_rules", kSchemaHash, kSegments};

using Rows = ::cti_of_rules_rows;
using Match = ::cti_of_rules_match;
using Tunnel = ::cti_of_rules_tunnel;
using Ipv6 = ::cti_of_rules_ipv6;
using CtTuple = ::cti_of_rules_ct_tuple;
using Arp = ::cti_of_rules_arp;
using Encap = ::cti_of_rules_encap;
using Regs = ::cti_of_rules_regs;
using ActionLists = ::cti_of_rules_action_lists;
using Ports = ::cti_of_rules_ports;
using Datapaths = ::cti_of_rules_datapaths;
using Texts = ::cti_of_rules_texts;

}  // namespace cti::tables::of_rules
