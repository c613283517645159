// Read access to the segments of a dp_flows table: while it is built (DpFlowsView over the builder) or finished (DpFlowsMap).
//
// Every index and ref is checked against the segment it points into, so a view may be laid over bytes that another process made.
//
// Thread-safety: plain pointers to memory that nobody writes meanwhile; a DpFlowsMap has one owner.
#pragma once

#include <string_view>
#include <vector>

#include "sys/memory.h"
#include "tables/builder.h"
#include "tables/generated/dp_flows.h"
#include "tables/snapshot.h"

namespace cti::tables {

// One row with all its records at hand; absent some-rows records are zero.
struct DpFlow {
  dp_flows::Rows rows;
  dp_flows::Match match;
  dp_flows::Tunnel tunnel;
  dp_flows::Ipv6 ipv6;
  dp_flows::CtTuple ct_tuple;
  dp_flows::Arp arp;
  dp_flows::Encap encap;
};

struct DpFlowsView {
  Bytes segments[std::size(dp_flows::kSegments)];  // in the schema's order, bytes in use

  static DpFlowsView of(const SnapshotBuilder& builder);

  template <typename T>
  const T* record(uint32_t segment, uint64_t index) const {
    const Bytes& bytes = segments[segment];
    // SAFETY: the record lies inside the segment; its start is page-aligned and strides keep the struct's alignment.
    return index < bytes.size() / sizeof(T) ? reinterpret_cast<const T*>(bytes.data()) + index : nullptr;
  }
  // Bytes of the blob; empty if 'ref' is not inside it.
  std::string_view text(const cti_ref& ref) const;
  const dp_flows::ActionLists* action_list(uint32_t id) const;
  const dp_flows::Ports* port(uint32_t id) const;
  // Gathers row 'row'; false if there is none.
  bool flow(uint64_t row, DpFlow& out) const;
};

// A finished snapshot's segments, mapped read-only.
class DpFlowsMap {
 public:
  static Result<DpFlowsMap> open(const Snapshot& snapshot);
  const DpFlowsView& view() const { return view_; }

 private:
  std::vector<sys::Mapping> mappings_;
  DpFlowsView view_;
};

}  // namespace cti::tables
