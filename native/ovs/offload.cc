#include "ovs/offload.h"

#include <algorithm>

#include "base/bytes.h"

namespace cti::ovs {
namespace {

using tables::dp_flows::Rows;

// INVALID_FLOW_MARK of dpif-netdev.c: 0 since 2.16 (marks begin at 1); before, all ones, which no mark is today.
constexpr bool is_mark(uint32_t mark) { return mark != 0 && mark != UINT32_MAX; }

void set_hw(Rows& row, uint8_t hw, uint8_t layer) {
  row.hw = hw;
  row.layer = layer;
  row.known |= CTI_DP_FLOWS_KNOWN_HW | CTI_DP_FLOWS_KNOWN_LAYER;
}

}  // namespace

OffloadReader::Extent OffloadReader::extent(const Layout& l) {
  Extent extent;
  for (const Member* member : {&l.dp_netdev_flow_mark, &l.dp_netdev_flow_offloaded, &l.dp_netdev_flow_netdev_flow_get_result, &l.dp_netdev_flow_last_attrs,
                               &l.dp_netdev_flow_last_stats}) {
    if (!*member) continue;
    extent.begin = std::min(extent.begin, member->offset);
    extent.end = std::max(extent.end, member->offset + member->size);
  }
  return extent;
}

void OffloadReader::fill(const uint8_t* bytes, uint32_t start, uint64_t now_ms, Rows& row) {
  row.hw = row.layer = 0;
  row.known &= ~(CTI_DP_FLOWS_KNOWN_HW | CTI_DP_FLOWS_KNOWN_LAYER);
  if (l_.dp_netdev_flow_mark) {
    const uint32_t mark = load<uint32_t>(bytes + (l_.dp_netdev_flow_mark.offset - start));
    row.mark = is_mark(mark) ? mark : 0;
    row.known |= CTI_DP_FLOWS_KNOWN_MARK;
    if (row.mark == 0) set_hw(row, CTI_DP_FLOWS_HW_NO, CTI_DP_FLOWS_LAYER_OVS);
    else last_answer(bytes, start, now_ms, row);
  } else if (l_.dp_netdev_flow_offloaded && bytes[l_.dp_netdev_flow_offloaded.offset - start] == 0) {
    set_hw(row, CTI_DP_FLOWS_HW_NO, CTI_DP_FLOWS_LAYER_OVS);
  }
}

void OffloadReader::last_answer(const uint8_t* bytes, uint32_t start, uint64_t now_ms, Rows& row) {
  if (!l_.dp_netdev_flow_netdev_flow_get_result || !l_.dp_netdev_flow_last_attrs || !l_.dp_netdev_flow_attrs_offloaded ||
      !l_.dp_netdev_flow_attrs_dp_layer || !l_.dp_netdev_flow_last_stats)
    return;
  // An error: the driver cannot say. Without a layer it was not asked yet.
  const uint8_t* attrs = bytes + (l_.dp_netdev_flow_last_attrs.offset - start);
  const Layer layer = layer_at(load<uint64_t>(attrs + l_.dp_netdev_flow_attrs_dp_layer.offset));
  if (load<int32_t>(bytes + (l_.dp_netdev_flow_netdev_flow_get_result.offset - start)) != 0 || layer == Layer::unknown) return;
  const bool offloaded = attrs[l_.dp_netdev_flow_attrs_offloaded.offset] != 0;
  const bool by_ovs = layer == Layer::ovs;
  set_hw(row, !offloaded ? CTI_DP_FLOWS_HW_NO : by_ovs ? CTI_DP_FLOWS_HW_PARTIAL : CTI_DP_FLOWS_HW_YES,
         by_ovs ? CTI_DP_FLOWS_LAYER_OVS : layer == Layer::tc ? CTI_DP_FLOWS_LAYER_TC : CTI_DP_FLOWS_LAYER_DPDK);

  const uint8_t* stats = bytes + (l_.dp_netdev_flow_last_stats.offset - start);
  row.packets += load<uint64_t>(stats + l_.dp_netdev_flow_stats_packet_count.offset);
  row.bytes += load<uint64_t>(stats + l_.dp_netdev_flow_stats_byte_count.offset);
  row.tcp_flags_seen |= load<uint16_t>(stats + l_.dp_netdev_flow_stats_tcp_flags.offset);
  const uint64_t used = load<uint64_t>(stats + l_.dp_netdev_flow_stats_used.offset);
  if (used != 0) row.used_ms = std::min(row.used_ms, used > now_ms ? 0 : now_ms - used);
}

OffloadReader::Layer OffloadReader::layer_at(uint64_t address) {
  if (!is_user_pointer(address)) return Layer::unknown;
  if (address == last_address_) return last_layer_;
  last_address_ = address;
  std::string name;
  const bool read = memory_.read_string(OvsAddr{address}, name, 16);
  last_layer_ = !read             ? Layer::unknown
                : name == "ovs"  ? Layer::ovs
                : name == "tc"   ? Layer::tc
                : name == "dpdk" ? Layer::dpdk
                                 : Layer::unknown;
  return last_layer_;
}

}  // namespace cti::ovs
