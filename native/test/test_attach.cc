// The walkers over memory that a test makes: whole, and changing while it is read. test_attach_truth.cc has what each step of the proof is for.
#include <doctest/doctest.h>

#include <map>
#include <random>

#include "test/attach_support.h"
#include "sys/memory.h"
#include "tables/dp_flows_view.h"

using namespace cti;
using namespace cti::ovs;
using cti::test::FakeMemory;
using cti::test::FakeSwitch;
using cti::test::make_fake_switch;

namespace {

struct Row {
  uint64_t bytes;
  uint32_t out_port, nw_src, nw_dst;
};

// Rows by their packets, which tell the flow.
std::map<uint64_t, Row> rows_of(const tables::Snapshot& snapshot) {
  auto map = tables::DpFlowsMap::open(snapshot);
  REQUIRE(map);
  const tables::DpFlowsView& view = map->view();
  std::map<uint64_t, Row> rows;
  tables::DpFlow flow;
  for (uint64_t row = 0; row < snapshot.n_rows; row++) {
    REQUIRE(view.flow(row, flow));
    const auto* list = view.action_list(flow.rows.actions);
    REQUIRE(list);
    const std::string_view ports = view.text(list->out_ports);
    REQUIRE(ports.size() == 4);
    const uint32_t id = load<uint32_t>(ports.data());
    CHECK(rows.emplace(flow.rows.packets, Row{flow.rows.bytes, view.port(id)->odp_port, flow.match.key.nw_src, flow.match.key.nw_dst}).second);
  }
  return rows;
}

}  // namespace

TEST_CASE("attach: every flow of a quiet table, in windows and one by one") {
  for (uint32_t n : {0u, 1u, 7u, 3000u}) {
    CAPTURE(n);
    FakeSwitch fake = make_fake_switch(n, 5);
    auto root = find_dp_netdevs(fake.memory, fake.layout, fake.data);
    REQUIRE(root);
    MemoryReadFacts facts;
    auto snapshot = read_dp_flows(fake.memory, fake.layout, *root, nullptr, facts);
    REQUIRE(snapshot);
    CHECK(facts.datapaths.size() == 1);
    CHECK(facts.datapaths[0].full_name() == "netdev@ovs-netdev");
    CHECK(facts.datapaths[0].ports[0].name == "eth0");
    CHECK(snapshot->n_rows == n);
    CHECK(snapshot->rejected.empty());
    CHECK(facts.walk.n_accepted == n);
    if (n < 3000) CHECK(facts.walk.n_from_ring == 0);
    const auto rows = rows_of(*snapshot);
    CHECK(rows.size() == n);
    for (const auto& [i, row] : rows) {
      CHECK(row.bytes == 100 * i);
      CHECK(row.out_port == 1 + i % 7);
      CHECK(row.nw_src == swap32(static_cast<uint32_t>(i)));
      CHECK(row.nw_dst == swap32(~static_cast<uint32_t>(i)));
    }
  }
}

TEST_CASE("attach: flows with equal hashes hang behind one another") {
  FakeSwitch fake = make_fake_switch(200, 2);
  const Layout& l = fake.layout;
  // Flow 11 leaves its slot and hangs behind flow 10, flow 12 behind flow 11.
  const uint32_t hash = load<uint32_t>(&fake.memory.bytes[fake.flows[10] + l.dp_netdev_flow_ufid.offset - FakeMemory::kBase]);
  for (uint32_t i : {11u, 12u}) {
    const uint64_t bucket = fake.table + l.cmap_impl_buckets.offset + i / l.bucket_entries * l.sizeof_cmap_bucket;
    fake.memory.put<uint64_t>(bucket + l.cmap_bucket_nodes.offset + 8 * (i % l.bucket_entries), 0);
    fake.memory.put<uint32_t>(fake.flows[i] + l.dp_netdev_flow_ufid.offset, hash);
    fake.memory.put<uint64_t>(fake.flows[i - 1] + l.dp_netdev_flow_node.offset, fake.flows[i] + l.dp_netdev_flow_node.offset);
  }
  MemoryReadFacts facts;
  auto snapshot = read_dp_flows(fake.memory, l, *find_dp_netdevs(fake.memory, l, fake.data), nullptr, facts);
  REQUIRE(snapshot);
  CHECK(snapshot->n_rows == 200);
  CHECK(rows_of(*snapshot).size() == 200);
}

TEST_CASE("attach: what does not agree with itself is dropped and counted") {
  FakeSwitch fake = make_fake_switch(100, 3);
  const Layout& l = fake.layout;
  FakeMemory& m = fake.memory;
  m.bytes[fake.flows[1] + l.dp_netdev_flow_dead.offset - FakeMemory::kBase] = 1;
  m.put<uint32_t>(fake.flows[2] + l.dp_netdev_flow_ref_cnt.offset, 0);
  m.put<uint32_t>(fake.flows[3] + l.dp_netdev_flow_pmd_id.offset, 4);
  m.put<uint32_t>(fake.flows[4] + l.dp_netdev_flow_ufid.offset, 77);
  m.put<uint32_t>(fake.flows[5] + l.flow_nw_src.offset, 12345);                        // the masked key says something else
  m.put<uint64_t>(fake.flows[6] + l.dp_netdev_flow_cr.offset + l.dpcls_rule_mask.offset, 8);  // no pointer
  m.put<uint64_t>(fake.flows[7] + l.dp_netdev_flow_actions.offset, FakeMemory::kBase + m.bytes.size());
  m.put<uint32_t>(fake.actions[8] + l.dp_netdev_actions_size.offset, 1u << 31);
  m.put<uint16_t>(fake.actions[9] + l.dp_netdev_actions_actions.offset, 3);            // an attribute shorter than its head
  MemoryReadFacts facts;
  auto snapshot = read_dp_flows(m, l, *find_dp_netdevs(m, l, fake.data), nullptr, facts);
  REQUIRE(snapshot);
  CHECK(snapshot->n_rows == 91);
  CHECK(facts.walk.n_gone == 4);
  CHECK(facts.walk.n_refused == 2);
  CHECK(facts.walk.n_bad_actions + facts.walk.n_unreadable == 3);
  const auto rows = rows_of(*snapshot);
  for (uint64_t i = 0; i < 100; i++) CHECK(rows.contains(i) == (i == 0 || i >= 10));
}

TEST_CASE("attach: a table that changes while it is read gives no row that never was") {
  // Between any two ranges that are read a flow may die (its memory is another's some reads later) and another may have its actions replaced (the
  // old list is another's some reads later). A row's actions must be its flow's, old or new: a function of the key.
  static FakeSwitch* fake;
  static std::mt19937_64 random;
  static std::vector<std::pair<uint64_t, uint64_t>> freed;  // (when, address)
  static uint64_t spare;
  for (uint32_t seed = 0; seed < 20; seed++) {
    random.seed(seed);
    FakeSwitch made = make_fake_switch(1000, 3);
    fake = &made;
    freed.clear();
    spare = FakeMemory::kBase + made.memory.bytes.size();
    made.memory.bytes.resize(made.memory.bytes.size() + (1 << 20));
    auto root = find_dp_netdevs(made.memory, made.layout, made.data);
    REQUIRE(root);
    made.memory.on_copy = [](FakeMemory& m) {
      const Layout& l = fake->layout;
      m.state++;
      while (!freed.empty() && freed.front().first <= m.state) {  // reused, by a list that outputs to a port nobody should see
        std::memset(&m.bytes[freed.front().second - FakeMemory::kBase], 0x7f, 12);
        m.put<uint32_t>(freed.front().second + l.dp_netdev_actions_size.offset, 8);
        m.put<uint32_t>(freed.front().second + l.dp_netdev_actions_actions.offset, 1 << 16 | 8);
        m.put<uint32_t>(freed.front().second + l.dp_netdev_actions_actions.offset + 4, 60000);
        freed.erase(freed.begin());
      }
      for (int k = 0; k < 2; k++) {
        const uint32_t i = static_cast<uint32_t>(random() % 1000);
        const uint64_t bucket = fake->table + l.cmap_impl_buckets.offset + i / l.bucket_entries * l.sizeof_cmap_bucket;
        const uint64_t node = bucket + l.cmap_bucket_nodes.offset + 8 * (i % l.bucket_entries);
        if (load<uint64_t>(&m.bytes[node - FakeMemory::kBase]) == 0) continue;
        if (random() % 2) {  // dies
          m.put<uint64_t>(node, 0);
          m.bytes[fake->flows[i] + l.dp_netdev_flow_dead.offset - FakeMemory::kBase] = 1;
        } else {
          m.put<uint32_t>(spare, 8);
          m.put<uint32_t>(spare + 4, 1 << 16 | 8);
          m.put<uint32_t>(spare + 8, 20 + i % 7);
          m.put<uint64_t>(fake->flows[i] + l.dp_netdev_flow_actions.offset, spare);
          spare += 16;
        }
        freed.emplace_back(m.state + 12, fake->actions[i]);
      }
    };
    MemoryReadFacts facts;
    auto snapshot = read_dp_flows(made.memory, made.layout, *root, nullptr, facts);
    REQUIRE(snapshot);
    CHECK(snapshot->n_rows + facts.walk.n_dropped() + facts.n_bad_masks <= 1000);
    CHECK(snapshot->n_rows > 100);
    for (const auto& [i, row] : rows_of(*snapshot)) {
      CHECK(row.bytes == 100 * i);
      CHECK((row.out_port == 1 + i % 7 || row.out_port == 20 + i % 7));
    }
  }
}

TEST_CASE("attach: flows that die between their window and their actions' give no row") {
  // Worse than RCU allows: what a flow leaves is another's at once. Its bucket tells, for its place there is empty when the buckets are read again.
  static FakeSwitch* fake;
  static std::mt19937_64 random;
  static uint64_t n_died;
  for (uint32_t seed = 0; seed < 10; seed++) {
    random.seed(seed);
    FakeSwitch made = make_fake_switch(1200, 3, test::Lists::below);
    fake = &made;
    n_died = 0;
    auto root = find_dp_netdevs(made.memory, made.layout, made.data);
    REQUIRE(root);
    made.memory.on_copy = [](FakeMemory& m) {
      const Layout& l = fake->layout;
      for (int k = 0; k < 20; k++) {
        const uint32_t i = static_cast<uint32_t>(random() % 1200);
        const uint64_t bucket = fake->table + l.cmap_impl_buckets.offset + i / l.bucket_entries * l.sizeof_cmap_bucket;
        const uint64_t node = bucket + l.cmap_bucket_nodes.offset + 8 * (i % l.bucket_entries);
        if (load<uint64_t>(&m.bytes[node - FakeMemory::kBase]) == 0) continue;
        n_died++;
        m.put<uint64_t>(node, 0);
        m.bytes[fake->flows[i] + l.dp_netdev_flow_dead.offset - FakeMemory::kBase] = 1;
        m.put<uint32_t>(fake->actions[i] + l.dp_netdev_actions_actions.offset + 4, 60000);
      }
    };
    MemoryReadFacts facts;
    auto snapshot = read_dp_flows(made.memory, made.layout, *root, nullptr, facts);
    REQUIRE(snapshot);
    CHECK(n_died > 50);
    CHECK(facts.walk.n_gone > 0);
    for (const auto& [i, row] : rows_of(*snapshot)) CHECK(row.out_port == 1 + i % 7);
  }
}
