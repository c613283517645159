#include "ovs/dp_flows_refresh.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "ovs/offload.h"
#include "ovs/parts_reader.h"
#include "sys/clock.h"
#include "sys/thread_cost.h"
#include "tables/builder.h"

namespace cti::ovs {
namespace {

using namespace tables;
using namespace tables::dp_flows;

constexpr size_t kRowsInHand = PartsReader::kMaxParts;

// The part of a dp_netdev_flow with its identity, counters, pointers, and what hardware does of it.
class Core {
 public:
  explicit Core(const Layout& layout) : l_(layout) {
    const uint32_t mask = l_.dp_netdev_flow_cr.offset + l_.dpcls_rule_mask.offset;
    uint32_t end = mask + 8;
    start_ = mask;
    for (const Member* member : {&l_.dp_netdev_flow_ufid, &l_.dp_netdev_flow_pmd_id, &l_.dp_netdev_flow_ref_cnt, &l_.dp_netdev_flow_dead,
                                 &l_.dp_netdev_flow_actions, &l_.dp_netdev_flow_stats}) {
      start_ = std::min(start_, member->offset);
      end = std::max(end, member->offset + member->size);
    }
    const OffloadReader::Extent offload = OffloadReader::extent(l_);
    start_ = std::min(start_, offload.begin);
    size_ = std::max(end, offload.end) - start_;
  }
  uint32_t start() const { return start_; }
  uint32_t size() const { return size_; }

  // 'core' is size() bytes from start() of a flow.
  bool is_flow_of(const uint8_t* core, const Rows& row) const {
    const uint8_t* ufid = at(core, l_.dp_netdev_flow_ufid);
    return ufid_word(load<uint64_t>(ufid)) == row.ufid.word[0] && ufid_word(load<uint64_t>(ufid + 8)) == row.ufid.word[1] &&
           load<uint32_t>(at(core, l_.dp_netdev_flow_pmd_id)) == static_cast<uint32_t>(row.pmd) && *at(core, l_.dp_netdev_flow_dead) == 0 &&
           static_cast<int32_t>(load<uint32_t>(at(core, l_.dp_netdev_flow_ref_cnt))) > 0;
  }
  bool points_as(const uint8_t* core, const FlowPlace& place) const {
    return load<uint64_t>(at(core, l_.dp_netdev_flow_actions)) == place.actions &&
           load<uint64_t>(core + (l_.dp_netdev_flow_cr.offset + l_.dpcls_rule_mask.offset - start_)) == place.mask;
  }
  const uint8_t* stats(const uint8_t* core) const { return at(core, l_.dp_netdev_flow_stats); }

 private:
  const uint8_t* at(const uint8_t* core, const Member& member) const { return core + (member.offset - start_); }
  const Layout& l_;
  uint32_t start_, size_;
};

Result<GrowingSegment> segment_for(const Snapshot& base, size_t segment) {
  const SegmentSchema& schema = base.schema->segments[segment];
  auto made = GrowingSegment::create("ctinspector:" + std::string(base.schema->name) + "." + std::string(schema.name),
                                     uint64_t{UINT32_MAX - 1} * schema.stride);
  if (made) made->reserve(base.n_rows * schema.stride);
  return made;
}

// Some records of a segment of 'base', from number 'first' on.
Result<void> read_records(const Snapshot& base, size_t segment, size_t first, size_t n, void* to) {
  const size_t stride = base.schema->segments[segment].stride;
  return sys::read_at(base.segments[segment].fd.get(), to, n * stride, first * stride);
}

// The rows of 'base' that 'stay', copied: what is theirs by their own number.
Result<GrowingSegment> kept_rows(const Snapshot& base, size_t segment, const std::vector<bool>& stay) {
  auto to = segment_for(base, segment);
  if (!to) return to.error();
  const size_t stride = base.schema->segments[segment].stride;
  std::vector<uint8_t> some(kRowsInHand * stride);
  for (size_t first = 0; first < stay.size(); first += kRowsInHand) {
    const size_t n = std::min(kRowsInHand, stay.size() - first);
    CTI_TRY(read_records(base, segment, first, n, some.data()));
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++) {
      if (!stay[first + i]) continue;
      if (n_kept < i) std::memcpy(&some[n_kept * stride], &some[i * stride], stride);
      n_kept++;
    }
    if (n_kept > 0 && !to->write(some.data(), n_kept * stride)) return to->error();
  }
  return to;
}

}  // namespace

Result<Snapshot> refresh_dp_flows(TargetMemory& memory, const Layout& layout, OvsAddr dp_netdevs, const Snapshot& base, FlowPlaces& places,
                                  const std::atomic<bool>* cancel, RefreshFacts& facts) {
  facts = {};
  if (base.schema != &kSchema || places.size() != base.n_rows)
    return errorf(ErrorCode::INVALID_ARGUMENT, "expected the places of the %llu rows of a dp_flows snapshot, received %zu",
                  static_cast<unsigned long long>(base.n_rows), places.size());
  const ReadCost before = memory.cost();
  const sys::ThreadCost before_reading = sys::thread_cost();
  facts.begin_ns = sys::clock_ns(CLOCK_REALTIME);
  auto roots = read_datapaths(memory, layout, dp_netdevs);
  if (!roots) return roots.error();
  facts.datapaths = *std::move(roots);
  for (const DatapathRoot& datapath : facts.datapaths)
    for (const PmdRoot& pmd : datapath.pmds) facts.n_in_tables += pmd.n_flows;

  const Core core(layout);
  OffloadReader offload(memory, layout);
  auto rows = segment_for(base, CTI_DP_FLOWS_SEGMENT_ROWS);
  if (!rows) return rows.error();
  std::vector<bool> stay(places.size());
  // Some rows at a time, read from the base's memfd, changed in place and written to the new one: neither is mapped.
  PartsReader reader(memory, core.size());
  std::vector<uint64_t> addresses;
  std::vector<Rows> some(kRowsInHand);
  for (size_t first = 0; first < places.size(); first += addresses.size()) {
    if (cancel && cancel->load(std::memory_order_relaxed)) return errorf(ErrorCode::CANCELLED, "stopped before all counters were read");
    addresses.clear();
    for (size_t i = first; i < places.size() && addresses.size() < kRowsInHand; i++) addresses.push_back(places[i].flow + core.start());
    CTI_TRY(read_records(base, CTI_DP_FLOWS_SEGMENT_ROWS, first, addresses.size(), some.data()));
    const uint64_t now_ms = sys::clock_ns(CLOCK_MONOTONIC) / 1'000'000;
    reader.read(addresses);
    size_t n_kept = 0;
    for (size_t i = 0; i < addresses.size(); i++) {
      const uint8_t* bytes = reader.part(i);
      if (!bytes) {
        facts.n_unreadable++;
      } else if (!core.is_flow_of(bytes, some[i])) {
        facts.n_gone++;
      } else if (!core.points_as(bytes, places[first + i])) {
        facts.n_replaced++;
      } else {
        if (n_kept < i) some[n_kept] = some[i];
        Rows& row = some[n_kept++];
        fill_counters(layout, core.stats(bytes), now_ms, row);
        offload.fill(bytes, core.start(), now_ms, row);
        stay[first + i] = true;
      }
    }
    if (n_kept > 0 && !rows->write(some.data(), n_kept * sizeof(Rows))) return rows->error();
    facts.n_refreshed += n_kept;
  }

  Snapshot made{base.schema, {}, facts.n_refreshed, base.n_verbatim, {}, base.unknown};
  for (size_t i = 0; i < base.segments.size(); i++) {
    const SegmentData& shared = base.segments[i];
    const bool by_row = i == CTI_DP_FLOWS_SEGMENT_ROWS || (i == CTI_DP_FLOWS_SEGMENT_MATCH && facts.n_refreshed != base.n_rows);
    if (!by_row) {
      sys::UniqueFd fd(::fcntl(shared.fd.get(), F_DUPFD_CLOEXEC, 0));
      if (!fd) return system_error(errno, "share a segment of the snapshot before");
      made.segments.push_back({std::move(fd), shared.size, shared.n_records});
      continue;
    }
    auto segment = i == CTI_DP_FLOWS_SEGMENT_ROWS ? std::move(rows) : kept_rows(base, i, stay);
    if (!segment) return segment.error();
    const uint64_t size = segment->size();
    auto fd = segment->seal();
    if (!fd) return fd.error();
    made.segments.push_back({std::move(*fd), size, static_cast<uint32_t>(facts.n_refreshed)});
  }
  auto note = [&](const char* what, uint64_t n) {
    if (n) made.rejected.push_back({what, "", n});
  };
  note("left the table since all of it was read", facts.n_gone + facts.n_unreadable);
  note("actions or mask replaced since all of it was read", facts.n_replaced);
  size_t n_kept = 0;
  for (size_t i = 0; facts.n_refreshed < places.size() && i < places.size(); i++)
    if (stay[i]) places[n_kept++] = places[i];
  places.resize(facts.n_refreshed);
  facts.end_ns = sys::clock_ns(CLOCK_REALTIME);
  const sys::ThreadCost used = sys::thread_cost() - before_reading;
  facts.cpu_ns = used.cpu_ns;
  facts.waited_ns = used.waited_ns;
  facts.cost = memory.cost() - before;
  return made;
}

}  // namespace cti::ovs
