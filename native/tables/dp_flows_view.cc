#include "tables/dp_flows_view.h"

namespace cti::tables {

using namespace dp_flows;

DpFlowsView DpFlowsView::of(const SnapshotBuilder& builder) {
  DpFlowsView view;
  for (size_t i = 0; i < std::size(kSegments); i++) view.segments[i] = {builder.segment(i).data(), builder.segment(i).size()};
  return view;
}

std::string_view DpFlowsView::text(const cti_ref& ref) const {
  const Bytes& blob = segments[CTI_DP_FLOWS_SEGMENT_BLOB];
  if (ref.offset > blob.size() || ref.size > blob.size() - ref.offset) return "";
  // SAFETY: checked just above; char may alias any byte.
  return {reinterpret_cast<const char*>(blob.data()) + ref.offset, ref.size};
}

const ActionLists* DpFlowsView::action_list(uint32_t id) const {
  return record<ActionLists>(CTI_DP_FLOWS_SEGMENT_ACTION_LISTS, id);
}

const Ports* DpFlowsView::port(uint32_t id) const { return record<Ports>(CTI_DP_FLOWS_SEGMENT_PORTS, id); }

bool DpFlowsView::flow(uint64_t row, DpFlow& out) const {
  const Rows* rows = record<Rows>(CTI_DP_FLOWS_SEGMENT_ROWS, row);
  const Match* match = record<Match>(CTI_DP_FLOWS_SEGMENT_MATCH, row);
  if (!rows || !match) return false;
  out = {};
  out.rows = *rows;
  out.match = *match;
  auto gather = [this](uint32_t segment, uint32_t one_based, auto& to) {
    if (one_based == 0) return;
    if (const auto* from = record<std::remove_reference_t<decltype(to)>>(segment, one_based - 1)) to = *from;
  };
  gather(CTI_DP_FLOWS_SEGMENT_TUNNEL, rows->tunnel, out.tunnel);
  gather(CTI_DP_FLOWS_SEGMENT_IPV6, rows->ipv6, out.ipv6);
  gather(CTI_DP_FLOWS_SEGMENT_CT_TUPLE, rows->ct_tuple, out.ct_tuple);
  gather(CTI_DP_FLOWS_SEGMENT_ARP, rows->arp, out.arp);
  gather(CTI_DP_FLOWS_SEGMENT_ENCAP, rows->encap, out.encap);
  return true;
}

Result<DpFlowsMap> DpFlowsMap::open(const Snapshot& snapshot) {
  if (snapshot.schema != &kSchema || snapshot.segments.size() != std::size(kSegments))
    return errorf(ErrorCode::SNAPSHOT_MALFORMED, "expected a snapshot of dp_flows with %zu segments, received %zu of %s",
                  std::size(kSegments), snapshot.segments.size(), snapshot.schema ? snapshot.schema->name.data() : "nothing");
  DpFlowsMap map;
  for (size_t i = 0; i < snapshot.segments.size(); i++) {
    const SegmentData& segment = snapshot.segments[i];
    size_t size = std::max(sys::round_up_to_page(segment.size), sys::kPageSize);
    auto mapping = sys::Mapping::map(size, PROT_READ, MAP_SHARED, segment.fd.get(), kSegments[i].name);
    if (!mapping) return mapping.error();
    map.view_.segments[i] = {mapping->data(), segment.size};
    map.mappings_.push_back(std::move(*mapping));
  }
  return map;
}

}  // namespace cti::tables
