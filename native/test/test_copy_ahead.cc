// A reading by two threads, one of which copies ahead of the other: the same rows as by one, in order, bounded by the ring; and its ends: a cancel, memory
// that is gone, an exception. Of the proof in both forms: test_attach_truth.cc.
#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <map>
#include <new>
#include <set>
#include <thread>

#include "ovs/flow_table_walk.h"
#include "test/attach_support.h"

using namespace cti;
using namespace cti::ovs;
using cti::test::FakeMemory;
using cti::test::FakeSwitch;
using cti::test::make_fake_switch;

namespace {

constexpr uint32_t kFlows = 9000;  // three rings of windows

// Copies, and counts windows; 'before' is called before every call, and says whether there is anything to copy.
class CountingReader final : public TargetMemory {
 public:
  CountingReader(TargetMemory& memory, std::function<bool(uint64_t windows)> before) : memory_(memory), before_(std::move(before)) {}
  size_t copy(std::span<const ReadRange> ranges) override {
    if (!before_(n_windows)) return 0;
    const size_t got = memory_.copy(ranges);
    for (const ReadRange& range : ranges)  // one at the end of what is mapped makes its call stop short, and come again
      if (range.size >= kWindow) windows_.insert(raw(range.from));
    n_windows = windows_.size();
    return got;
  }
  std::atomic<uint64_t> n_windows = 0;

 private:
  TargetMemory& memory_;
  std::function<bool(uint64_t)> before_;
  std::set<uint64_t> windows_;
};

// Takes every flow: by the address that tells it, where its actions output to.
class Sink final : public FlowSink {
 public:
  Sink(const Layout& layout, std::function<void(uint64_t window)> on_flow = [](uint64_t) {}) : l_(layout), on_flow_(std::move(on_flow)) {}
  uint32_t flow(OvsAddr address, const uint8_t* bytes, size_t, uint64_t) override {
    on_flow_(raw(address) / kWindow);
    rows_.push_back({load<uint32_t>(bytes + l_.flow_nw_src.offset), 0, true});
    return static_cast<uint32_t>(rows_.size() - 1);
  }
  bool actions(uint32_t row, Bytes list) override {
    REQUIRE(list.size() == 8);
    rows_[row].port = load<uint32_t>(&list[4]);
    return true;
  }
  void drop(uint32_t row) override { rows_[row].kept = false; }
  bool go_on() override { return !stopped; }
  std::map<uint32_t, uint32_t> ports() const {
    std::map<uint32_t, uint32_t> ports;
    for (const Row& row : rows_)
      if (row.kept) CHECK(ports.emplace(row.flow, row.port).second);
    return ports;
  }
  bool stopped = false;

 private:
  struct Row {
    uint32_t flow, port;
    bool kept;
  };
  const Layout& l_;
  std::function<void(uint64_t)> on_flow_;
  std::vector<Row> rows_;
};

bool always(uint64_t) { return true; }

PmdRoot pmd_of(const FakeSwitch& fake) { return {OvsAddr{fake.pmd}, 3, 0, kFlows}; }

}  // namespace

TEST_CASE("copy ahead: the same rows by one thread and by two") {
  for (const auto lists : {test::Lists::behind, test::Lists::below, test::Lists::above}) {
    FakeSwitch fake = make_fake_switch(kFlows, 3, lists);
    std::map<uint32_t, uint32_t> rows[2];
    for (const bool threaded : {false, true}) {
      test::TwoReaders readers(fake.memory);
      CountingReader copier(readers.copier, always);
      Sink sink(fake.layout);
      FlowTableWalk walk(readers.walker, fake.layout, sink, {.max_ring_gap_ns = UINT64_MAX, .copier = threaded ? &copier : nullptr});
      REQUIRE(walk.run(pmd_of(fake)));
      rows[threaded] = sink.ports();
      CHECK(rows[threaded].size() == kFlows);
      if (lists == test::Lists::behind) CHECK(walk.stats().n_from_ring > kFlows * 9 / 10);
      if (lists == test::Lists::above) CHECK(walk.stats().n_at_once > kFlows * 9 / 10);
      CHECK((walk.stats().copier_cpu_ns > 0) == threaded);
      CHECK((copier.n_windows > 2 * CopyAhead::kThreadedRing * kBatchWindows) == threaded);
    }
    CHECK(rows[0] == rows[1]);
  }
}

TEST_CASE("copy ahead: who would wait for the copier copies stripes itself, each window is copied once") {
  FakeSwitch fake = make_fake_switch(kFlows, 3);
  std::map<uint32_t, uint32_t> rows[2];
  uint64_t n_windows[2], n_own[2];  // what the walker reads else (the buckets) is as much both times
  for (const bool shared : {false, true}) {
    test::TwoReaders readers(fake.memory);
    auto slow = [](uint64_t) { return std::this_thread::sleep_for(std::chrono::microseconds(500)), true; };
    CountingReader copier(readers.copier, slow), walker(readers.walker, always);
    Sink sink(fake.layout);
    const WalkOptions options{.max_ring_gap_ns = UINT64_MAX, .copier = &copier, .stripe_flows = shared ? 500u : kFlows};
    FlowTableWalk walk(walker, fake.layout, sink, options);
    REQUIRE(walk.run(pmd_of(fake)));
    CHECK(walk.stats().n_from_ring > kFlows * 8 / 10);
    CHECK(copier.n_windows > 0);
    n_own[shared] = walker.n_windows;
    n_windows[shared] = walker.n_windows + copier.n_windows;
    rows[shared] = sink.ports();
  }
  CHECK(n_own[1] > n_own[0]);
  CHECK(n_windows[0] == n_windows[1]);
  CHECK(rows[0] == rows[1]);
  CHECK(rows[0].size() == kFlows);
}

TEST_CASE("copy ahead: stripes have every entry once, and no window is in two") {
  std::vector<FlowEntry> entries;
  for (uint64_t window = 400; window > 0; window--)
    for (uint64_t i = 0; i < 1 + window % 7; i++) entries.push_back({window * kWindow + 64 * i, 0, 0, 0, Fate::waiting, ListRead::by_identity});
  for (const size_t n_flows : {size_t{1}, size_t{10}, size_t{64}, entries.size(), entries.size() + 1}) {
    Stripes stripes(entries, n_flows);
    uint32_t at = 0;
    for (auto stripe = stripes.take(); stripe.first < stripe.last; stripe = stripes.take()) {
      CHECK(stripe.first == at);
      at = stripe.last;
      CHECK((at == entries.size() || entries[at].flow / kWindow != entries[at - 1].flow / kWindow));
      CHECK((at == entries.size() || at - stripe.first >= n_flows));
    }
    CHECK(at == entries.size());
  }
  Stripes none(std::span<FlowEntry>{}, 10);
  CHECK(none.take().last == 0);
}

TEST_CASE("copy ahead: it is ahead by the ring, and by no more") {
  FakeSwitch fake = make_fake_switch(kFlows, 3);
  test::TwoReaders readers(fake.memory);
  CountingReader copier(readers.copier, always);
  std::set<uint64_t> seen;
  uint64_t farthest = 0;
  Sink sink(fake.layout, [&](uint64_t window) {
    seen.insert(window);
    // Whoever looks waits: the copier fills the ring, and stands still.
    const uint64_t full = CopyAhead::kThreadedRing * kBatchWindows;
    while (seen.size() == 1 && copier.n_windows < full) std::this_thread::yield();
    const uint64_t batch = (seen.size() - 1) / kBatchWindows;
    const uint64_t ahead = copier.n_windows - batch * kBatchWindows;
    farthest = std::max(farthest, ahead);
  });
  FlowTableWalk walk(readers.walker, fake.layout, sink, {.max_ring_gap_ns = UINT64_MAX, .copier = &copier});
  REQUIRE(walk.run(pmd_of(fake)));
  CHECK(sink.ports().size() == kFlows);
  CHECK(farthest == CopyAhead::kThreadedRing * kBatchWindows);
}

TEST_CASE("copy ahead: how long a list was copied after its flow counts, not when they are looked at") {
  // Of time that may not pass at all no list counts by time, however the threads run.
  FakeSwitch fake = make_fake_switch(kFlows, 3);
  for (const bool threaded : {false, true}) {
    test::TwoReaders readers(fake.memory);
    Sink sink(fake.layout);
    FlowTableWalk walk(readers.walker, fake.layout, sink, {.max_ring_gap_ns = 0, .copier = threaded ? &readers.copier : nullptr});
    REQUIRE(walk.run(pmd_of(fake)));
    CHECK(walk.stats().n_from_ring == 0);
    CHECK(walk.stats().n_at_once == 0);
    CHECK(sink.ports().size() == kFlows);
  }
  // A copier that stops for longer than the bound between two calls: lists in a lower call are not taken from it, those of a flow's own call are.
  for (const bool threaded : {false, true}) {
    FakeSwitch apart = make_fake_switch(kFlows, 3);
    for (uint32_t i = 0; i < kFlows; i++) {  // each list eight windows below its flow, where there is one
      const uint64_t flow = apart.flows[i];
      uint32_t j = i;
      while (j > 0 && apart.actions[j] / kWindow + kBatchWindows > flow / kWindow) j--;
      apart.memory.put<uint64_t>(flow + apart.layout.dp_netdev_flow_actions.offset, apart.actions[j]);
    }
    auto from_ring = [&](uint64_t bound) {
      test::TwoReaders readers(apart.memory);
      auto slow = [&](uint64_t) { return std::this_thread::sleep_for(std::chrono::milliseconds(1)), true; };
      CountingReader copier(readers.copier, slow), walker(readers.walker, slow);
      Sink sink(apart.layout);
      FlowTableWalk walk(walker, apart.layout, sink, {.max_ring_gap_ns = bound, .copier = threaded ? &copier : nullptr});
      REQUIRE(walk.run(pmd_of(apart)));
      CHECK(sink.ports().size() == kFlows);
      return walk.stats().n_from_ring + walk.stats().n_at_once;
    };
    CHECK(from_ring(UINT64_MAX) > kFlows * 8 / 10);
    CHECK(from_ring(WalkOptions().max_ring_gap_ns) == 0);
  }
}

TEST_CASE("copy ahead: it ends when nobody wants more") {
  FakeSwitch fake = make_fake_switch(2 * kFlows, 3);
  test::TwoReaders readers(fake.memory);
  CountingReader copier(readers.copier, always);
  Sink* stopping = nullptr;
  Sink sink(fake.layout, [&](uint64_t) { stopping->stopped = true; });
  stopping = &sink;
  FlowTableWalk walk(readers.walker, fake.layout, sink, {.copier = &copier});
  auto walked = walk.run({OvsAddr{fake.pmd}, 3, 0, 2 * kFlows});
  REQUIRE(!walked);
  CHECK(walked.error().code == ErrorCode::CANCELLED);
}

TEST_CASE("copy ahead: a switch that is gone while it is copied") {
  FakeSwitch fake = make_fake_switch(kFlows, 3);
  for (const uint64_t windows : {0u, 40u, 200u}) {
    test::TwoReaders readers(fake.memory);
    std::atomic<bool> gone = false;
    CountingReader copier(readers.copier, [&](uint64_t n) { return gone = gone || n >= windows, !gone; });
    CountingReader walker(readers.walker, [&](uint64_t) { return !gone; });
    Sink sink(fake.layout);
    FlowTableWalk walk(walker, fake.layout, sink, {.copier = &copier, .stripe_flows = windows > 0 ? kFlows : 500u});
    // The table cannot be read again, so nothing counts.
    auto walked = walk.run(pmd_of(fake));
    REQUIRE(!walked);
    CHECK(walked.error().code == ErrorCode::PROTOCOL);
  }
}

TEST_CASE("copy ahead: what the thread throws comes out where the windows are wanted") {
  FakeSwitch fake = make_fake_switch(kFlows, 3);
  for (const uint64_t windows : {0u, 40u, 200u}) {
    test::TwoReaders readers(fake.memory);
    CountingReader copier(readers.copier, [&](uint64_t n) { return n >= windows ? throw std::bad_alloc() : true; });
    Sink sink(fake.layout);
    FlowTableWalk walk(readers.walker, fake.layout, sink, {.copier = &copier, .stripe_flows = windows > 0 ? kFlows : 500u});
    CHECK_THROWS_AS((void)walk.run(pmd_of(fake)), std::bad_alloc);
  }
}
