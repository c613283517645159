#include "test/attach_fuzz/fuzz.h"

#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "base/bytes.h"
#include "ovs/action_translate.h"
#include "ovs/dp_flows_refresh.h"
#include "ovs/flow_decode.h"
#include "tables/dp_flows_view.h"
#include "test/attach_support.h"
#include "text/dp_flows_format.h"

namespace cti::attach_fuzz {
namespace {

using test::FakeMemory;
using test::FakeSwitch;

constexpr uint32_t kFlows = 72;  // enough in one window for the ring
constexpr uint64_t kMostReads = 20'000, kMostBytes = 32 << 20;
constexpr uint64_t kSnapshotEvery = 32;  // cases; a snapshot costs a dozen memfds

// What a place in memory is: by that it is changed.
enum class Kind : uint8_t { node, flow_part, actions, mask, count, bits, hash, length, attribute, liveness, text };
struct Place {
  uint64_t at;
  uint8_t size;
  Kind kind;
};

struct Image {
  FakeSwitch whole;
  std::vector<Place> places;
  std::vector<uint64_t> nodes, masks, lists;
};

// Appends attributes to a list in the making.
class List {
 public:
  List& attribute(uint16_t type, std::span<const uint8_t> payload) {
    head(type, payload.size());
    bytes_.insert(bytes_.end(), payload.begin(), payload.end());
    bytes_.resize((bytes_.size() + 3) & ~size_t{3});
    return *this;
  }
  List& number(uint16_t type, uint32_t value) {
    uint8_t payload[4];
    store(payload, value);
    return attribute(type, payload);
  }
  const std::vector<uint8_t>& bytes() const { return bytes_; }
  std::vector<size_t> heads;  // where attributes of the outermost list begin

 private:
  void head(uint16_t type, size_t size) {
    heads.push_back(bytes_.size());
    uint8_t bytes[4];
    store(bytes, static_cast<uint16_t>(4 + size));
    store(bytes + 2, type);
    bytes_.insert(bytes_.end(), bytes, bytes + 4);
  }
  std::vector<uint8_t> bytes_;
};

// Numbers of OVS_ACTION_ATTR and what is inside them: include/linux/openvswitch.h.
std::vector<List> lists_of_many_kinds() {
  enum : uint16_t { kOutput = 1, kUserspace = 2, kSet = 3, kSample = 6, kRecirc = 7, kHash = 8, kSetMasked = 11, kCt = 12, kTrunc = 13, kClone = 20, kCheckLen = 21 };
  List in;
  in.number(kTrunc, 64).number(kOutput, 2);
  List sample;
  sample.number(1, 1u << 30).attribute(2, in.bytes());
  List ct;
  ct.attribute(1, {}).attribute(2, std::array<uint8_t, 2>{5, 0}).attribute(3, std::array<uint8_t, 8>{1, 0, 0, 0, 255, 255, 255, 255});
  List check;
  check.attribute(1, std::array<uint8_t, 2>{100, 0}).attribute(2, in.bytes()).attribute(3, in.bytes());
  List eth;
  eth.attribute(4, std::array<uint8_t, 24>{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 255, 255, 255, 255, 255, 255});
  List port;
  port.attribute(3, std::array<uint8_t, 4>{1, 0, 0, 0});
  List user;
  user.number(1, 7).attribute(2, std::array<uint8_t, 48>{2});
  std::vector<List> lists(6);
  lists[0].attribute(kClone, in.bytes()).number(kOutput, 3);
  lists[1].attribute(kSample, sample.bytes()).number(kRecirc, 9);
  lists[2].attribute(kCt, ct.bytes()).number(kRecirc, 4);
  lists[3].attribute(kSetMasked, eth.bytes()).attribute(kSet, port.bytes()).number(kOutput, 1);
  lists[4].attribute(kUserspace, user.bytes()).attribute(kCheckLen, check.bytes()).attribute(kHash, std::array<uint8_t, 8>{});
  for (int i = 0; i < 40; i++) lists[5].number(kOutput, 1);  // longer than what is read at first
  List deep = in;
  for (int i = 0; i < 6; i++) {
    List around;
    around.attribute(kClone, deep.bytes());
    deep = around;
  }
  lists.push_back(deep);
  return lists;
}

Image make_image() {
  Image image;
  image.whole = test::make_fake_switch(kFlows, 3);
  FakeSwitch& fake = image.whole;
  FakeMemory& m = fake.memory;
  const ovs::Layout& l = fake.layout;
  const auto kinds = lists_of_many_kinds();
  for (uint32_t i = 0; i < kFlows; i++) {
    if (i % 3 == 0) {  // a list of another kind, behind everything else
      const List& list = kinds[i / 3 % kinds.size()];
      const uint64_t at = FakeMemory::kBase + ((m.bytes.size() + 15) & ~size_t{15});
      m.bytes.resize(at - FakeMemory::kBase + l.dp_netdev_actions_actions.offset + list.bytes().size() + 16);
      m.put(at + l.dp_netdev_actions_size.offset, static_cast<uint32_t>(list.bytes().size()));
      std::memcpy(&m.bytes[at + l.dp_netdev_actions_actions.offset - FakeMemory::kBase], list.bytes().data(), list.bytes().size());
      m.put(fake.flows[i] + l.dp_netdev_flow_actions.offset, at);
      fake.actions[i] = at;
      for (size_t head : list.heads) {
        image.places.push_back({at + l.dp_netdev_actions_actions.offset + head, 2, Kind::length});
        image.places.push_back({at + l.dp_netdev_actions_actions.offset + head + 2, 2, Kind::attribute});
        image.places.push_back({at + l.dp_netdev_actions_actions.offset + head + 4, 2, Kind::length});  // of what is nested, if anything
      }
    }
    const uint64_t flow = fake.flows[i];
    const uint64_t mask_at = flow + l.dp_netdev_flow_cr.offset + l.dpcls_rule_mask.offset;
    const auto mask = load<uint64_t>(&m.bytes[mask_at - FakeMemory::kBase]);
    image.nodes.push_back(flow + l.dp_netdev_flow_node.offset);
    image.lists.push_back(fake.actions[i]);
    image.masks.push_back(mask);
    const uint64_t bucket = fake.table + l.cmap_impl_buckets.offset + i / l.bucket_entries * l.sizeof_cmap_bucket;
    const Place places[] = {
        {flow + l.dp_netdev_flow_node.offset, 8, Kind::node},
        {bucket + l.cmap_bucket_nodes.offset + 8 * (i % l.bucket_entries), 8, Kind::node},
        {bucket + l.cmap_bucket_hashes.offset + 4 * (i % l.bucket_entries), 4, Kind::hash},
        {bucket + l.cmap_bucket_counter.offset, 4, Kind::count},
        {flow + l.dp_netdev_flow_ufid.offset, 4, Kind::hash},
        {flow + l.dp_netdev_flow_ref_cnt.offset, 4, Kind::liveness},
        {flow + l.dp_netdev_flow_dead.offset, 1, Kind::liveness},
        {flow + l.dp_netdev_flow_actions.offset, 8, Kind::actions},
        {mask_at, 8, Kind::mask},
        {flow + l.flow_key, 8, Kind::bits},
        {flow + l.flow_head, 8, Kind::bits},
        {flow + l.flow_dl_type.offset, 2, Kind::bits},
        {flow + l.flow_tunnel.offset, 8, Kind::bits},
        {fake.actions[i] + l.dp_netdev_actions_size.offset, 4, Kind::length},
        {fake.actions[i] + l.dp_netdev_actions_actions.offset, 2, Kind::length},
        {fake.actions[i] + l.dp_netdev_actions_actions.offset + 2, 2, Kind::attribute},
        {mask + l.netdev_flow_key_len.offset, 4, Kind::length},
        {mask + l.netdev_flow_key_mf.offset + 8 * (i % 2), 8, Kind::bits},
        {mask + l.netdev_flow_key_buf.offset, 8, Kind::bits},
        {flow, 0, Kind::flow_part},
    };
    image.places.insert(image.places.end(), std::begin(places), std::end(places));
  }
  // Two chains of flows with the same hash.
  for (uint32_t i : {11u, 12u, 31u}) {
    const uint64_t bucket = fake.table + l.cmap_impl_buckets.offset + i / l.bucket_entries * l.sizeof_cmap_bucket;
    m.put<uint64_t>(bucket + l.cmap_bucket_nodes.offset + 8 * (i % l.bucket_entries), 0);
    m.put<uint32_t>(fake.flows[i] + l.dp_netdev_flow_ufid.offset, load<uint32_t>(&m.bytes[fake.flows[i - 1] + l.dp_netdev_flow_ufid.offset - FakeMemory::kBase]));
    m.put<uint64_t>(fake.flows[i - 1] + l.dp_netdev_flow_node.offset, image.nodes[i]);
  }
  // The way from .data to the table. Often changed: every case goes there.
  const uint64_t data = raw(fake.data[0].start);
  for (int k = 0; k < 6; k++) {
    for (uint64_t at = 1024; at < 1024 + l.sizeof_hmap; at += 8) image.places.push_back({data + at, 8, at % 16 ? Kind::count : Kind::node});
    image.places.push_back({fake.table + l.cmap_impl_n.offset, 4, Kind::count});
    image.places.push_back({fake.table + l.cmap_impl_mask.offset, 4, Kind::count});
    for (uint64_t at = 0; at < 40; at += 8) image.places.push_back({fake.pmd + at, 8, Kind::node});
    for (uint64_t at = data + 4096; at < fake.pmd; at += 8)
      if (load<uint64_t>(&m.bytes[at - FakeMemory::kBase]) >> 32) image.places.push_back({at, 8, Kind::text});
  }
  return image;
}

// Changes memory by what it is.
class Breaker {
 public:
  Breaker(const Image& image, uint64_t seed) : image_(image), random_(seed) {}
  uint64_t below(uint64_t n) { return random_() % n; }

  void change(FakeMemory& m) {
    if (below(24) == 0) return garbage(m);
    const Place& place = image_.places[below(image_.places.size())];
    if (place.kind == Kind::flow_part) return replace_flow(m, place.at);
    const uint64_t at = place.at - FakeMemory::kBase;
    uint64_t old = 0;
    std::memcpy(&old, &m.bytes[at], place.size);
    const uint64_t value = value_for(m, place, old);
    std::memcpy(&m.bytes[at], &value, place.size);
  }

 private:
  uint64_t somewhere(FakeMemory& m) { return FakeMemory::kBase + below(m.bytes.size()); }
  template <typename T>
  T any_of(const std::vector<T>& values) {
    return values[below(values.size())];
  }
  uint64_t pointer(FakeMemory& m, const Place& place) {
    switch (below(10)) {
      case 0: return 0;
      case 1: return random_();
      case 2: return place.at;  // itself
      case 3: return somewhere(m) & ~7ull;
      case 4: return FakeMemory::kBase + m.bytes.size() - below(64) * 8;  // at the edge of what is mapped
      case 5: return any_of(image_.nodes);
      case 6: return any_of(image_.lists);
      case 7: return any_of(image_.masks);
      default: return place.kind == Kind::node ? any_of(image_.nodes) : place.kind == Kind::mask ? any_of(image_.masks) : any_of(image_.lists);
    }
  }
  uint64_t value_for(FakeMemory& m, const Place& place, uint64_t old) {
    switch (place.kind) {
      case Kind::node:
      case Kind::actions:
      case Kind::mask: return pointer(m, place);
      case Kind::text: return below(2) ? somewhere(m) : pointer(m, place);
      case Kind::count: {
        const uint64_t choices[] = {0, 1, old + 1, old - 1, old * 2 + 1, (1ull << below(40)) - 1, 1ull << below(40), ~0ull, random_()};
        return choices[below(std::size(choices))];
      }
      case Kind::bits: return below(3) ? old ^ 1ull << below(8 * place.size) : random_();
      case Kind::hash: {
        const uint64_t other = any_of(image_.whole.flows) + image_.whole.layout.dp_netdev_flow_ufid.offset;
        return below(2) ? load<uint32_t>(&m.bytes[other - FakeMemory::kBase]) : old + 1;
      }
      case Kind::length: {
        const uint64_t choices[] = {0, 1, 3, 4, old - 4, old + 4, old + 1, 0xfffc, 0xffff, kMaxLength, 1u << 31, ~0ull};
        return choices[below(std::size(choices))];
      }
      case Kind::attribute: return below(2) ? below(40) : below(1 << 16);
      case Kind::liveness: return below(2) ? 0 : below(2) ? 1 : 0x80000000u;
      case Kind::flow_part: break;
    }
    return old;
  }
  // Freed and another's: the bytes of another flow, of anything, or what an allocator leaves.
  void replace_flow(FakeMemory& m, uint64_t flow) {
    const size_t size = image_.whole.layout.sizeof_dp_netdev_flow;
    uint8_t* to = &m.bytes[flow - FakeMemory::kBase];
    switch (below(4)) {
      case 0: std::memmove(to, &m.bytes[any_of(image_.whole.flows) - FakeMemory::kBase], size); break;
      case 1: std::memmove(to, &m.bytes[below(m.bytes.size() - size)], size); break;
      case 2: std::memset(to, static_cast<int>(below(256)), 16); break;
      default: std::memset(to, static_cast<int>(below(256)), below(size)); break;
    }
  }
  void garbage(FakeMemory& m) {
    const uint64_t size = 1 + below(256), at = below(m.bytes.size() - size);
    for (uint64_t i = 0; i < size; i++) m.bytes[at + i] = static_cast<uint8_t>(random_());
  }

  static constexpr uint64_t kMaxLength = 1 << 16;
  const Image& image_;
  std::mt19937_64 random_;
};

// Takes flows as the real sink does, but keeps nothing: decodes under whatever mask it finds, translates, and notes how far cases get.
class Sink final : public ovs::FlowSink, private ovs::ActionTranslator::PortIds {
 public:
  Sink(const ovs::Layout& layout, std::array<bool, kNumStages>& reached) : l_(layout), reached_(reached), decoder_(layout, false), translator_(layout, *this) {}
  uint32_t flow(ovs::OvsAddr, const uint8_t* bytes, size_t, uint64_t) override {
    reached_[kFlowSeen] = true;
    tables::dp_flows::Match match;
    decoder_.decode(bytes + l_.dp_netdev_flow_flow.offset, ones_.data(), ones_memo_, match, extras_);
    tables::dp_flows::Match without_memo;
    ovs::FlowDecoder::MaskMemo fresh, memo;
    decoder_.decode(bytes + l_.dp_netdev_flow_flow.offset, ones_.data(), fresh, without_memo, extras_);
    if (std::memcmp(&match, &without_memo, sizeof match) != 0) std::abort();  // what another flow left in the memo is in this one
    decoder_.decode(bytes + l_.dp_netdev_flow_flow.offset, bytes, memo, match, extras_);  // a mask of anything
    return n_++;
  }
  bool actions(uint32_t, Bytes list) override {
    reached_[kListRead] = true;
    const bool well = translator_.translate(list, tree_);
    reached_[well ? kListTranslated : kListRefused] = true;
    return well;
  }
  void drop(uint32_t) override {}
  bool go_on() override { return true; }

 private:
  uint32_t port_id(uint32_t port) override { return port; }
  const ovs::Layout& l_;
  std::array<bool, kNumStages>& reached_;
  ovs::FlowDecoder decoder_;
  ovs::ActionTranslator translator_;
  ovs::FlowExtras extras_;
  text::TreeWriter tree_;
  const std::vector<uint8_t> ones_ = std::vector<uint8_t>(l_.sizeof_flow, 0xff);
  ovs::FlowDecoder::MaskMemo ones_memo_;
  uint32_t n_ = 0;
};

void print_rows(const tables::Snapshot& snapshot, std::array<bool, kNumStages>& reached) {
  auto map = tables::DpFlowsMap::open(snapshot);
  if (!map) return;
  const text::DpFlowsFormat format(map->view());
  text::TextBuffer out;
  for (uint32_t row = 0; row < snapshot.n_rows; row++)
    if (format.row(row, out)) reached[kRowsPrinted] = true;
}

class Fuzzer {
 public:
  Fuzzer() : image_(make_image()), fake_(image_.whole) {}

  Report run(uint64_t seed, uint64_t first, uint64_t n) {
    Report report;
    for (uint64_t i = first; i < first + n; i++) {
      report.n_cases++;
      reached_ = {};
      const bool failed = !one(i, Breaker(image_, seed * 0x9e3779b97f4a7c15 + i), report);
      for (uint32_t stage = 0; stage < kNumStages; stage++) report.reached[stage] += reached_[stage];
      if (!failed) continue;
      report.failure = "case " + std::to_string(i) + " of seed " + std::to_string(seed) + " cost more than it may";
      break;
    }
    return report;
  }

 private:
  // False if it read more than it may.
  bool bounded(Report& report, uint64_t calls_before) {
    const uint64_t reads = fake_.memory.cost().calls - calls_before, bytes = fake_.memory.n_copied;
    report.most_reads = std::max(report.most_reads, reads);
    report.most_bytes = std::max(report.most_bytes, bytes);
    fake_.memory.n_copied = 0;
    return reads <= kMostReads && bytes <= kMostBytes;
  }

  bool one(uint64_t number, Breaker breaker, Report& report) {
    FakeMemory& m = fake_.memory;
    const ovs::Layout& l = fake_.layout;
    std::memcpy(m.bytes.data(), image_.whole.memory.bytes.data(), m.bytes.size());
    for (uint64_t k = breaker.below(14); k > 0; k--) breaker.change(m);
    // Half of the cases change while they are read, most of these page by page.
    static Breaker* changing;
    changing = &breaker;
    m.on_copy = breaker.below(2) ? nullptr : +[](FakeMemory& memory) {
      if (changing->below(6) == 0) changing->change(memory);
    };
    m.step = breaker.below(3) ? 4096 : FakeMemory::kWhole;
    m.n_copied = 0;
    uint64_t calls = m.cost().calls;
    const auto root = ovs::find_dp_netdevs(m, l, fake_.data);
    reached_[kRootFound] = static_cast<bool>(root);
    if (!bounded(report, calls)) return false;

    calls = m.cost().calls;
    Sink sink(l, reached_);
    // A third of the cases are read by two threads.
    test::TwoReaders readers(m);
    ovs::TargetMemory* copier = number % 3 == 1 ? &readers.copier : nullptr;
    ovs::FlowTableWalk walk(readers.walker, l, sink, {.always_reproved = breaker.below(2) ? 0 : kFlows, .max_ring_gap_ns = UINT64_MAX, .copier = copier, .stripe_flows = breaker.below(2) ? 16u : kFlows});
    (void)walk.run({ovs::OvsAddr{image_.whole.pmd}, 3, 0, kFlows});
    const ovs::WalkStats& stats = walk.stats();
    report.n_rows += stats.n_accepted;
    reached_[kFlowTaken] = stats.n_accepted > 0;
    reached_[kFromRing] = stats.n_from_ring > 0;
    reached_[kSomeDropped] = stats.n_dropped() > 0;
    reached_[kReadAgain] = stats.n_passes > 1;
    reached_[kManyPasses] = stats.n_passes >= 6;
    reached_[kTableMoved] = stats.table_moved;
    if (!bounded(report, calls)) return false;
    if (number % kSnapshotEvery != 0) return true;

    calls = m.cost().calls;
    ovs::MemoryReadFacts facts;
    ovs::FlowPlaces places;
    auto snapshot =
        ovs::read_dp_flows(readers.walker, l, root ? *root : ovs::OvsAddr{raw(fake_.data[0].start) + 1024}, nullptr, facts, &places, {.walk = {.copier = copier}, .recirc_first = number % 2 == 1});
    if (!bounded(report, calls) || !snapshot) return static_cast<bool>(snapshot) ? false : true;
    reached_[kSnapshotMade] = true;
    print_rows(*snapshot, reached_);
    for (uint64_t k = breaker.below(8); k > 0; k--) breaker.change(m);
    calls = m.cost().calls;
    ovs::RefreshFacts refreshed;
    auto again = ovs::refresh_dp_flows(m, l, root ? *root : ovs::OvsAddr{raw(fake_.data[0].start) + 1024}, *snapshot, places, nullptr, refreshed);
    if (!bounded(report, calls)) return false;
    if (!again) return true;
    reached_[kRefreshed] = true;
    reached_[kRefreshDropped] = again->n_rows < snapshot->n_rows;
    print_rows(*again, reached_);
    return again->n_rows == places.size() && again->n_rows <= snapshot->n_rows;
  }

  const Image image_;
  FakeSwitch fake_;
  std::array<bool, kNumStages> reached_{};
};

}  // namespace

const char* const kStageNames[kNumStages] = {
    "datapaths found by their shape", "a flow named itself as the table does", "a row was taken", "an action list was copied", "an action list was well formed",
    "an action list was refused", "a row came from the ring", "something was dropped", "a second pass", "as many passes as there are", "the table moved",
    "a snapshot was made", "its rows were printed", "its counters were refreshed", "a refresh dropped rows",
};

Report run(uint64_t seed, uint64_t first, uint64_t n) { return Fuzzer().run(seed, first, n); }

}  // namespace cti::attach_fuzz
