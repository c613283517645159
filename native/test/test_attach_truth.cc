// What each step of the proof of a row is for: memory that changes at the one moment at which only that step can tell, so that the test fails without
// it; in both forms of a reading, of one thread and of two. And the counters' refresh, and broken memory (attach_fuzz/; CTI_FUZZ_CASES sets how many, by hand a million).
#include <algorithm>
#include <doctest/doctest.h>

#include <cstdlib>
#include <map>

#include "ovs/dp_flows_refresh.h"
#include "tables/dp_flows_view.h"
#include "test/attach_support.h"
#include "test/attach_fuzz/fuzz.h"

using namespace cti;
using namespace cti::ovs;
using cti::test::FakeMemory;
using cti::test::FakeSwitch;
using cti::test::Lists;
using cti::test::make_fake_switch;

namespace {

constexpr uint32_t kNobody = 60000;  // a port that no flow ever sent to

// The port that a list of make_fake_switch() outputs to.
uint32_t port_of(Bytes list) {
  REQUIRE(list.size() == 8);
  return load<uint32_t>(&list[4]);
}

// Takes every flow; remembers by nw_src, which tells the flow, where its actions output to.
class PortSink final : public FlowSink {
 public:
  explicit PortSink(const Layout& layout) : l_(layout) {}
  uint32_t flow(OvsAddr, const uint8_t* bytes, size_t, uint64_t) override {
    rows_.push_back({load<uint32_t>(bytes + l_.flow_nw_src.offset), 0, true});
    return static_cast<uint32_t>(rows_.size() - 1);
  }
  bool actions(uint32_t row, Bytes list) override {
    rows_[row].port = port_of(list);
    return true;
  }
  void drop(uint32_t row) override { rows_[row].kept = false; }
  bool go_on() override { return true; }
  std::map<uint32_t, uint32_t> ports() const {
    std::map<uint32_t, uint32_t> ports;
    for (const Row& row : rows_)
      if (row.kept) CHECK(ports.emplace(row.flow, row.port).second);
    return ports;
  }

 private:
  struct Row {
    uint32_t flow, port;
    bool kept;
  };
  const Layout& l_;
  std::vector<Row> rows_;
};

// By one thread; by two, one of which copies; by two that share the copying.
struct Form {
  bool threaded;
  size_t stripe_flows;
};
constexpr Form kForms[] = {{false, WalkOptions().stripe_flows}, {true, WalkOptions().stripe_flows}, {true, 40}};

// Each with lists that come with their flows' windows, and with lists that no window brings.
const std::vector<std::pair<Form, Lists>> kFormsAndPlaces = [] {
  std::vector<std::pair<Form, Lists>> all;
  for (const Form form : kForms)
    for (const Lists lists : {Lists::behind, Lists::above}) all.emplace_back(form, lists);
  return all;
}();

// A switch whose memory is copied page by page, and what happens to it when 'moment' pages have been.
struct Moment {
  FakeSwitch fake;
  uint64_t moment = 0;
  void (*happens)(Moment&) = nullptr;

  Moment(uint32_t n, uint64_t at, void (*what)(Moment&), Lists lists = Lists::behind)
      : fake(make_fake_switch(n, 3, lists)), moment(at), happens(what) {
    current = this;
    fake.memory.step = 4096;
    fake.memory.on_copy = [](FakeMemory& m) {
      if (++m.state == current->moment) current->happens(*current);
    };
  }
  Moment(const Moment&) = delete;

  uint64_t slot_of(uint32_t i) const {
    const Layout& l = fake.layout;
    return fake.table + l.cmap_impl_buckets.offset + i / l.bucket_entries * l.sizeof_cmap_bucket + l.cmap_bucket_nodes.offset + 8 * (i % l.bucket_entries);
  }
  void remove(uint32_t i) {
    const Layout& l = fake.layout;
    FakeMemory& m = fake.memory;
    const uint64_t counter = fake.table + l.cmap_impl_buckets.offset + i / l.bucket_entries * l.sizeof_cmap_bucket + l.cmap_bucket_counter.offset;
    m.put<uint32_t>(counter, load<uint32_t>(&m.bytes[counter - FakeMemory::kBase]) + 2);
    m.put<uint64_t>(slot_of(i), 0);
    m.bytes[fake.flows[i] + l.dp_netdev_flow_dead.offset - FakeMemory::kBase] = 1;
  }
  // The list's memory is another's now: well formed, and wrong.
  void reuse_list(uint64_t list) { fake.memory.put<uint32_t>(list + fake.layout.dp_netdev_actions_actions.offset + 4, kNobody); }
  void put_list(uint64_t at, uint32_t port) {
    FakeMemory& m = fake.memory;
    m.put<uint32_t>(at, 8);
    m.put<uint32_t>(at + 4, 1 << 16 | 8);
    m.put<uint32_t>(at + 8, port);
  }

  std::pair<std::map<uint32_t, uint32_t>, WalkStats> walk(size_t always_reproved, Form form) {
    PortSink sink(fake.layout);
    test::TwoReaders readers(fake.memory);
    FlowTableWalk walk(readers.walker, fake.layout, sink,
                       {.always_reproved = always_reproved, .max_ring_gap_ns = UINT64_MAX, .copier = form.threaded ? &readers.copier : nullptr, .stripe_flows = form.stripe_flows});
    fake.memory.state = 0;
    REQUIRE(walk.run({OvsAddr{fake.pmd}, 3, 0, static_cast<uint32_t>(fake.flows.size())}));
    return {sink.ports(), walk.stats()};
  }

  static Moment* current;
};
Moment* Moment::current = nullptr;

constexpr uint32_t kFlows = 300;

// Flow pages of a walk over kFlows flows, which are some windows: the moments at which something may happen between a flow and its list. Lists above the
// flows come with no window, and are read by themselves.
uint64_t n_moments(Form form, Lists lists = Lists::behind) {
  Moment quiet(kFlows, 0, [](Moment&) {}, lists);
  const auto [ports, stats] = quiet.walk(0, form);
  CHECK(ports.size() == kFlows);
  CHECK((lists == Lists::above ? stats.n_at_once : stats.n_from_ring) > kFlows / 2);
  CHECK(stats.n_reproved == 0);
  return quiet.fake.memory.state;
}

}  // namespace

TEST_CASE("attach: a flow that dies between its copy and its list's is told by its bucket alone") {
  for (const auto& [form, lists] : kFormsAndPlaces) {
    CAPTURE(form.threaded);
    CAPTURE(form.stripe_flows);
    CAPTURE(static_cast<int>(lists));
    // Rows whose lists counted by time are not read again unless a bucket says that something changed. Whenever it happens, a row with another's list must
    // not stay.
    const uint64_t n = n_moments(form, lists);
    uint64_t n_dropped = 0;
    for (uint64_t at = 1; at <= n; at++) {
      auto die = [](Moment& m) {
        for (uint32_t i = 0; i < kFlows; i += 2) m.remove(i), m.reuse_list(m.fake.actions[i]);
      };
      Moment moment(kFlows, at, die, lists);
      const auto [ports, stats] = moment.walk(0, form);
      for (const auto& [flow, port] : ports) CHECK(port == 1 + flow % 7);
      for (uint32_t i = 1; i < kFlows; i += 2) CHECK(ports.contains(i));
      n_dropped += kFlows - ports.size();
    }
    CHECK(n_dropped > 0);
  }
}

TEST_CASE("attach: a flow that comes to the table while it is read is found when its bucket is read again") {
  for (const Form form : kForms) {
    CAPTURE(form.threaded);
    CAPTURE(form.stripe_flows);
    const uint64_t n = n_moments(form);
    uint64_t n_found = 0, n_missed = 0;
    static uint64_t node;
    for (uint64_t at = 1; at <= n; at += 3) {
      Moment moment(kFlows, at, [](Moment& m) { m.fake.memory.put<uint64_t>(m.slot_of(7), node); });
      node = moment.fake.flows[7] + moment.fake.layout.dp_netdev_flow_node.offset;
      moment.fake.memory.put<uint64_t>(moment.slot_of(7), 0);
      const auto [ports, stats] = moment.walk(0, form);
      (ports.contains(7) ? n_found : n_missed)++;
    }
    // It comes at any time but before the first look and after the last.
    CHECK(n_found > 0);
    CHECK(n_missed * 3 < n_found);
  }
}

TEST_CASE("attach: actions that are replaced between a flow's copy and its list's, the old list's memory another's at once") {
  for (const auto& [form, lists] : kFormsAndPlaces) {
    CAPTURE(form.threaded);
    CAPTURE(form.stripe_flows);
    CAPTURE(static_cast<int>(lists));
    // The table does not change, so the buckets do not tell: the pointer read again does. 200 flows at once, at every page of the reading.
    const uint64_t n = n_moments(form, lists);
    uint64_t n_refused = 0, n_reproved = 0;
    static uint64_t spare;
    for (uint64_t at = 1; at <= n; at++) {
      auto replace = [](Moment& m) {
        for (uint32_t i = 0; i < 200; i++) {
          const uint64_t list = spare + 16 * i;
          m.put_list(list, 20 + i % 7);
          m.fake.memory.put<uint64_t>(m.fake.flows[i] + m.fake.layout.dp_netdev_flow_actions.offset, list);
          m.reuse_list(m.fake.actions[i]);
        }
      };
      Moment moment(kFlows, at, replace, lists);
      FakeMemory& memory = moment.fake.memory;
      spare = FakeMemory::kBase + ((memory.bytes.size() + 63) & ~size_t{63});
      memory.bytes.resize(spare + 16 * 200 - FakeMemory::kBase);
      const auto [ports, stats] = moment.walk(WalkOptions().always_reproved, form);
      CHECK(ports.size() == kFlows);  // refused ones are read again, with the new list
      n_reproved += stats.n_reproved;
      n_refused += stats.n_retried;
      for (const auto& [flow, port] : ports) {
        const bool old = port == 1 + flow % 7, replaced = flow < 200 && port == 20 + flow % 7;
        CHECK((old || replaced));
      }
    }
    CHECK(n_refused > 0);
    CHECK(n_reproved > 0);
  }
}

TEST_CASE("attach: a flow that is copied by itself after the windows below it does not take a list that these had before") {
  for (const Form form : kForms) {
    CAPTURE(form.threaded);
    CAPTURE(form.stripe_flows);
    // The highest window has few flows, which are copied one by one after all windows of their call. Their actions are replaced by a list in a window of the
    // same call. Where nothing else changes and the table counts as large, only the order of the copies tells.
    uint32_t n = 150;
    auto in_last_window = [](const FakeSwitch& fake) {
      return std::count_if(fake.flows.begin(), fake.flows.end(), [&](uint64_t flow) { return flow >> 16 == fake.flows.back() >> 16; });
    };
    while (in_last_window(make_fake_switch(n, 3, Lists::below)) != 4) n++;
    auto replace = [](Moment& m) {
      m.put_list(m.fake.actions[0], 33);
      for (size_t i = m.fake.flows.size() - 4; i < m.fake.flows.size(); i++)
        m.fake.memory.put<uint64_t>(m.fake.flows[i] + m.fake.layout.dp_netdev_flow_actions.offset, m.fake.actions[0]);
    };
    uint64_t n_old = 0, n_new = 0;
    for (uint64_t at = 1, end = 2; at < end; at++) {
      Moment moment(n, at, replace, Lists::below);
      moment.remove(0);
      moment.reuse_list(moment.fake.actions[0]);
      const auto [ports, stats] = moment.walk(0, form);
      end = moment.fake.memory.state + 1;
      // Where the copying is shared, whose ring a list is in is chance.
      if (form.stripe_flows >= n) CHECK(stats.n_from_ring > n / 2);
      for (const auto& [flow, port] : ports) {
        CHECK(port != kNobody);
        if (flow >= n - 4) (port == 33 ? n_new : n_old)++;
      }
    }
    CHECK(n_old > 0);
    CHECK(n_new > 0);
  }
}

TEST_CASE("attach: in a large table rows whose lists counted by time are read once more as soon as anything is seen to change") {
  for (const Form form : kForms) {
    CAPTURE(form.threaded);
    CAPTURE(form.stripe_flows);
    const uint64_t n = n_moments(form);
    uint64_t n_reproved = 0;
    for (uint64_t at = 1; at <= n; at++) {
      Moment moment(kFlows, at, [](Moment& m) { m.remove(299); });
      const auto [ports, stats] = moment.walk(0, form);
      if (stats.n_retried == 0) continue;  // before the first look or after the last
      CHECK(stats.n_reproved > 0);
      n_reproved++;
    }
    CHECK(n_reproved > n / 2);
  }
}

TEST_CASE("attach: a refresh gives the counters of now, and no row of a flow that is not what it was") {
  for (uint32_t n : {40u, 1500u}) {  // in one go; in two
    CAPTURE(n);
    FakeSwitch fake = make_fake_switch(n, 3);
    const Layout& l = fake.layout;
    FakeMemory& m = fake.memory;
    const OvsAddr root = *find_dp_netdevs(m, l, fake.data);
    MemoryReadFacts facts;
    FlowPlaces places;
    auto base = read_dp_flows(m, l, root, nullptr, facts, &places);
    REQUIRE(base);
    REQUIRE(places.size() == n);
    RefreshFacts refreshed;

    // Nothing gone: match is shared, packets are new.
    for (uint32_t i = 0; i < n; i++) m.put<uint64_t>(fake.flows[i] + l.dp_netdev_flow_stats.offset + l.dp_netdev_flow_stats_packet_count.offset, 1000 + i);
    auto first = refresh_dp_flows(m, l, root, *base, places, nullptr, refreshed);
    REQUIRE(first);
    CHECK(first->n_rows == n);
    CHECK(first->rejected.empty());
    CHECK(refreshed.n_in_tables == n);
    auto map = tables::DpFlowsMap::open(*first);
    REQUIRE(map);
    tables::DpFlow flow;
    for (uint32_t row = 0; row < n; row++) {
      REQUIRE(map->view().flow(row, flow));
      const uint32_t i = swap32(flow.match.key.nw_src);
      CHECK(flow.rows.packets == 1000 + i);
      CHECK(flow.rows.bytes == 100 * i);
      CHECK(places[row].flow == fake.flows[i]);
    }
    CHECK(first->segments[CTI_DP_FLOWS_SEGMENT_ROWS].size == base->segments[CTI_DP_FLOWS_SEGMENT_ROWS].size);

    // Eight ways of not being the same flow any more.
    m.bytes[fake.flows[0] + l.dp_netdev_flow_dead.offset - FakeMemory::kBase] = 1;
    m.put<uint32_t>(fake.flows[1] + l.dp_netdev_flow_ref_cnt.offset, 0);
    m.put<uint32_t>(fake.flows[2] + l.dp_netdev_flow_pmd_id.offset, 4);
    m.put<uint32_t>(fake.flows[3] + l.dp_netdev_flow_ufid.offset, 77);
    m.put<uint32_t>(fake.flows[4] + l.dp_netdev_flow_ufid.offset + 12, 77);
    m.put<uint64_t>(fake.flows[5] + l.dp_netdev_flow_actions.offset, fake.actions[6]);
    m.put<uint64_t>(fake.flows[6] + l.dp_netdev_flow_cr.offset + l.dpcls_rule_mask.offset, raw(root));
    std::memset(&m.bytes[fake.flows[7] - FakeMemory::kBase], 0x5a, l.sizeof_dp_netdev_flow);
    m.put<uint64_t>(fake.flows[8] + l.dp_netdev_flow_stats.offset + l.dp_netdev_flow_stats_byte_count.offset, 5);
    auto second = refresh_dp_flows(m, l, root, *first, places, nullptr, refreshed);
    REQUIRE(second);
    CHECK(second->n_rows == n - 8);
    CHECK(refreshed.n_gone == 6);
    CHECK(refreshed.n_replaced == 2);
    CHECK(places.size() == n - 8);
    map = tables::DpFlowsMap::open(*second);
    REQUIRE(map);
    for (uint32_t row = 0; row < second->n_rows; row++) {
      REQUIRE(map->view().flow(row, flow));
      const uint32_t i = swap32(flow.match.key.nw_src);
      CHECK(i >= 8);
      CHECK(flow.rows.packets == 1000 + i);
      CHECK(flow.rows.bytes == (i == 8 ? 5 : 100 * i));
      CHECK(flow.match.key.nw_dst == swap32(~i));
    }
    // What the base has is what it was.
    auto old = tables::DpFlowsMap::open(*base);
    REQUIRE(old);
    REQUIRE(old->view().flow(n - 1, flow));
    CHECK(flow.rows.packets == swap32(flow.match.key.nw_src));

    // The memory of the last flows is no longer there.
    const size_t there = fake.flows[n - 10] - FakeMemory::kBase;
    m.bytes.resize(there);
    FlowPlaces before = places;
    auto third = refresh_dp_flows(m, l, root, *second, places, nullptr, refreshed);
    REQUIRE(third);
    CHECK(refreshed.n_unreadable == 10);
    CHECK(third->n_rows == second->n_rows - 10);
    auto wrong = refresh_dp_flows(m, l, root, *second, places, nullptr, refreshed);
    REQUIRE(!wrong);
    CHECK(wrong.error().code == ErrorCode::INVALID_ARGUMENT);
  }
}

TEST_CASE("attach: memory that is broken in any way costs no more than it should") {
  const char* wanted = std::getenv("CTI_FUZZ_CASES");
  const uint64_t n = wanted ? std::strtoull(wanted, nullptr, 10) : 2000;
  const auto report = attach_fuzz::run(20261122, 0, n);
  CHECK(report.failure == "");
  CHECK(report.n_cases == n);
  CHECK(report.n_rows > n);
  // No stage that the cases do not reach; most reach the deep ones.
  for (uint32_t stage = 0; stage < attach_fuzz::kNumStages; stage++) {
    CAPTURE(attach_fuzz::kStageNames[stage]);
    CHECK(report.reached[stage] > 0);
  }
  CHECK(report.reached[attach_fuzz::kRootFound] > n / 3);
  CHECK(report.reached[attach_fuzz::kFlowTaken] > n / 2);
  CHECK(report.reached[attach_fuzz::kListTranslated] > n / 2);
}
