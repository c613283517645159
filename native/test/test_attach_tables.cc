// Tables pmds and ports, and offload by structural variant: from memory that a test makes, and from text as OVS 3.1 prints it; what rights are
// missing, and the CPUs that a reading thread keeps off.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

#include "ovs/dp_flows_refresh.h"
#include "ovs/dpctl.h"
#include "ovs/pmd_text.h"
#include "ovs/pmds.h"
#include "ovs/ports.h"
#include "ovs/rights.h"
#include "ovs/small_tables.h"
#include "sys/affinity.h"
#include "sys/memory.h"
#include "tables/dp_flows_view.h"
#include "tables/generated/pmds.h"
#include "tables/generated/ports.h"
#include "test/attach_support.h"

using namespace cti;
using namespace cti::ovs;
using cti::test::FakeMemory;
using cti::test::FakeSwitch;
using cti::test::make_fake_switch;

namespace {

// The records of a segment.
template <typename T>
std::vector<T> records(const tables::Snapshot& snapshot, size_t segment) {
  const tables::SegmentData& data = snapshot.segments[segment];
  auto mapping = sys::Mapping::map(std::max(sys::round_up_to_page(data.size), sys::kPageSize), PROT_READ, MAP_SHARED, data.fd.get(), "test");
  REQUIRE(mapping);
  std::vector<T> out(data.n_records);
  if (!out.empty()) std::memcpy(out.data(), mapping->data(), data.size);
  return out;
}

OvsAddr root_of(FakeSwitch& fake) {
  auto root = find_dp_netdevs(fake.memory, fake.layout, fake.data);
  REQUIRE(root);
  return *root;
}

// 'size' bytes more, as a member of the structure at 'owner'.
Member add_member(FakeSwitch& fake, uint64_t owner, uint32_t size) {
  auto& bytes = fake.memory.bytes;
  bytes.resize((bytes.size() + 63) & ~size_t{63});
  const uint64_t at = FakeMemory::kBase + bytes.size();
  bytes.resize(bytes.size() + size);
  return {static_cast<uint32_t>(at - owner), size, true};
}

constexpr uint32_t kCounters = 12;

// A switch whose PMD thread has counters, queues and one classifier with 'n_subtables' subtables.
FakeSwitch switch_with_pmd(uint32_t n_subtables) {
  FakeSwitch fake = make_fake_switch(3, 2);
  Layout& l = fake.layout;
  FakeMemory& memory = fake.memory;
  l.dp_netdev_pmd_thread_perf_stats = add_member(fake, fake.pmd, 16 * kCounters);
  l.pmd_perf_stats_counters = {0, 16 * kCounters, true};
  l.pmd_counters_n = {0, 8 * kCounters, true};
  l.pmd_counters_zero = {8 * kCounters, 8 * kCounters, true};
  for (uint32_t i = 0; i < kCounters; i++) {
    memory.put<uint64_t>(fake.pmd + l.dp_netdev_pmd_thread_perf_stats.offset + 8 * i, 1000 + i);
    memory.put<uint64_t>(fake.pmd + l.dp_netdev_pmd_thread_perf_stats.offset + 8 * (kCounters + i), i == 10 ? 5000 : 100);
  }
  l.dp_netdev_pmd_thread_isolated = add_member(fake, fake.pmd, 1);
  memory.put<uint8_t>(fake.pmd + l.dp_netdev_pmd_thread_isolated.offset, 1);
  l.dp_netdev_pmd_thread_poll_list = add_member(fake, fake.pmd, l.sizeof_hmap);
  memory.put<uint64_t>(fake.pmd + l.dp_netdev_pmd_thread_poll_list.offset + l.hmap_n.offset, 2);

  l.dp_netdev_pmd_thread_classifiers = add_member(fake, fake.pmd, 8);
  const uint64_t classifier = FakeMemory::kBase + memory.bytes.size();
  l.dpcls_node = {8, 8, true};
  l.dpcls_subtables_map = {16, 8, true};
  memory.bytes.resize(memory.bytes.size() + 64);
  auto cmap = [&](uint64_t at, uint32_t n, uint64_t node) {
    const uint64_t impl = FakeMemory::kBase + memory.bytes.size();
    memory.bytes.resize(memory.bytes.size() + l.cmap_impl_buckets.offset + l.sizeof_cmap_bucket);
    memory.put<uint64_t>(at, impl);
    memory.put<uint32_t>(impl + l.cmap_impl_n.offset, n);
    memory.put<uint64_t>(impl + l.cmap_impl_buckets.offset + l.cmap_bucket_nodes.offset, node);
  };
  cmap(fake.pmd + l.dp_netdev_pmd_thread_classifiers.offset, 1, classifier + l.dpcls_node.offset);
  cmap(classifier + l.dpcls_subtables_map.offset, n_subtables, 0);
  return fake;
}

bool known(const tables::pmds::Rows& row, uint32_t bit) { return row.known & bit; }

}  // namespace

TEST_CASE("pmds from memory: counters since they were cleared, flows, subtables, queues") {
  FakeSwitch fake = switch_with_pmd(7);
  auto snapshot = read_pmds(fake.memory, fake.layout, root_of(fake));
  REQUIRE_MESSAGE(snapshot, snapshot.error().message);
  const auto rows = records<tables::pmds::Rows>(*snapshot, CTI_PMDS_SEGMENT_ROWS);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].core == 3);
  CHECK(rows[0].flows == 3);
  CHECK(rows[0].subtables == 7);
  CHECK(rows[0].rxqs == 2);
  CHECK(rows[0].isolated == CTI_PMDS_ISOLATED_YES);
  CHECK(rows[0].packets == 1009 - 100);     // PMD_STAT_RECV is 9 in this layout
  CHECK(rows[0].recirculations == 0);       // cleared a moment ago: its zero is above it
  CHECK(rows[0].emc_hits == 1003 - 100);
  // The array ends before these: 12 counters of an older version.
  CHECK_FALSE(known(rows[0], CTI_PMDS_KNOWN_BUSY_CYCLES));
  CHECK_FALSE(known(rows[0], CTI_PMDS_KNOWN_UPCALL_CYCLES));
  // No such enumerator in the layout.
  CHECK_FALSE(known(rows[0], CTI_PMDS_KNOWN_SLEEPS));
  CHECK(known(rows[0], CTI_PMDS_KNOWN_PACKETS));
}

TEST_CASE("pmds from memory: what the layout does not have is unknown, not 0") {
  FakeSwitch fake = make_fake_switch(3, 2);
  auto snapshot = read_pmds(fake.memory, fake.layout, root_of(fake));
  REQUIRE(snapshot);
  const auto rows = records<tables::pmds::Rows>(*snapshot, CTI_PMDS_SEGMENT_ROWS);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].known == (CTI_PMDS_KNOWN_FLOWS | CTI_PMDS_KNOWN_NUMA));
}

TEST_CASE("pmds from memory: garbage is refused, at a bounded cost") {
  FakeSwitch odd = switch_with_pmd(7);
  odd.memory.put<uint8_t>(odd.pmd + odd.layout.dp_netdev_pmd_thread_isolated.offset, 7);
  FakeSwitch many = switch_with_pmd(0x8000'0000);
  FakeSwitch cycle = switch_with_pmd(7);
  const uint64_t classifiers = load<uint64_t>(&cycle.memory.bytes[cycle.pmd + cycle.layout.dp_netdev_pmd_thread_classifiers.offset - FakeMemory::kBase]);
  const uint64_t node = load<uint64_t>(&cycle.memory.bytes[classifiers + cycle.layout.cmap_impl_buckets.offset + cycle.layout.cmap_bucket_nodes.offset - FakeMemory::kBase]);
  cycle.memory.put<uint64_t>(node + cycle.layout.cmap_node_next.offset, node);
  for (FakeSwitch* fake : {&odd, &many, &cycle}) {
    const OvsAddr root = root_of(*fake);
    auto snapshot = read_pmds(fake->memory, fake->layout, root);
    REQUIRE_FALSE(snapshot);
    CHECK(snapshot.error().code == ErrorCode::PROTOCOL);
    CHECK(fake->memory.n_copied < 64 << 20);
  }
}

TEST_CASE("pmd-cpu-mask from memory") {
  FakeSwitch fake = make_fake_switch(1, 1);
  const OvsAddr root = root_of(fake);
  auto mask = [&] {
    auto roots = read_datapaths(fake.memory, fake.layout, root);
    REQUIRE_MESSAGE(roots, roots.error().message);
    return (*roots)[0].pmd_cpu_mask;
  };
  CHECK(mask() == std::nullopt);
  const OvsAddr dp = (*read_datapaths(fake.memory, fake.layout, root))[0].address;
  fake.layout.dp_netdev_pmd_cmask = add_member(fake, raw(dp), 8);
  const uint64_t at = raw(dp) + fake.layout.dp_netdev_pmd_cmask.offset;
  CHECK(mask() == std::string());  // a null pointer: none is set
  const Member text = add_member(fake, raw(dp), 32 << 10);
  fake.memory.put<uint64_t>(at, raw(dp) + text.offset);
  const char set[] = "0x1fe";
  std::memcpy(&fake.memory.bytes[raw(dp) + text.offset - FakeMemory::kBase], set, sizeof set);
  CHECK(mask() == std::string(set));
  // What is no text of that length is no mask: the layout is wrong, or it is being freed.
  std::memset(&fake.memory.bytes[raw(dp) + text.offset - FakeMemory::kBase], 'f', 32 << 10);
  CHECK_FALSE(read_datapaths(fake.memory, fake.layout, root));
  fake.memory.put<uint64_t>(at, 8);
  CHECK_FALSE(read_datapaths(fake.memory, fake.layout, root));
}

TEST_CASE("ports from memory") {
  FakeSwitch fake = make_fake_switch(1, 1);
  const OvsAddr root = root_of(fake);
  auto roots = read_datapaths(fake.memory, fake.layout, root);
  REQUIRE(roots);
  const PortRoot& port = (*roots)[0].ports[0];
  auto rows_of = [&] {
    auto snapshot = read_ports(fake.memory, fake.layout, root);
    REQUIRE_MESSAGE(snapshot, snapshot.error().message);
    return records<tables::ports::Rows>(*snapshot, CTI_PORTS_SEGMENT_ROWS);
  };
  CHECK(rows_of().at(0).odp_port == 1);
  CHECK(rows_of().at(0).known == 0);
  fake.layout.dp_netdev_port_n_rxq = add_member(fake, raw(port.address), 4);
  fake.memory.put<uint32_t>(raw(port.address) + fake.layout.dp_netdev_port_n_rxq.offset, 4);
  fake.layout.dp_netdev_port_emc_enabled = add_member(fake, raw(port.address), 1);
  const auto rows = rows_of();
  CHECK(rows[0].rx_queues == 4);
  CHECK(rows[0].emc == CTI_PORTS_EMC_NO);
  CHECK(rows[0].known == (CTI_PORTS_KNOWN_RX_QUEUES | CTI_PORTS_KNOWN_EMC));
  fake.memory.put<uint32_t>(raw(port.address) + fake.layout.dp_netdev_port_n_rxq.offset, 1u << 30);
  CHECK_FALSE(read_ports(fake.memory, fake.layout, root));
}

namespace {

tables::dp_flows::Rows first_row(FakeSwitch& fake) {
  MemoryReadFacts facts;
  auto snapshot = read_dp_flows(fake.memory, fake.layout, root_of(fake), nullptr, facts);
  REQUIRE_MESSAGE(snapshot, snapshot.error().message);
  REQUIRE(snapshot->n_rows == 1);
  return records<tables::dp_flows::Rows>(*snapshot, CTI_DP_FLOWS_SEGMENT_ROWS)[0];
}

constexpr uint32_t kMark = CTI_DP_FLOWS_KNOWN_MARK, kHw = CTI_DP_FLOWS_KNOWN_HW, kLayer = CTI_DP_FLOWS_KNOWN_LAYER;

}  // namespace

TEST_CASE("offload, by what the version has: a mark, a flag, neither") {
  FakeSwitch fake = make_fake_switch(1, 1);
  const uint64_t flow = fake.flows[0];
  Layout& l = fake.layout;
  const uint32_t all = kMark | kHw | kLayer;
  l.dp_netdev_flow_last_attrs = {};

  // Neither.
  l.dp_netdev_flow_mark = {};
  CHECK((first_row(fake).known & all) == 0);

  // 3.7: a flag.
  l.dp_netdev_flow_offloaded = {737, 1, true};
  CHECK((first_row(fake).known & all) == (kHw | kLayer));
  CHECK(first_row(fake).hw == CTI_DP_FLOWS_HW_NO);
  fake.memory.put<uint8_t>(flow + 737, 1);
  CHECK((first_row(fake).known & all) == 0);  // given; whether wholly is not here
  l.dp_netdev_flow_offloaded = {};

  // 2.10 to 3.6: a mark. 0 is none, and so are all ones, which earlier versions have.
  l.dp_netdev_flow_mark = {740, 4, true};
  for (uint32_t none : {0u, UINT32_MAX}) {
    fake.memory.put<uint32_t>(flow + 740, none);
    CHECK((first_row(fake).known & all) == all);
    CHECK(first_row(fake).mark == 0);
    CHECK(first_row(fake).hw == CTI_DP_FLOWS_HW_NO);
  }
  fake.memory.put<uint32_t>(flow + 740, 5);
  CHECK((first_row(fake).known & all) == kMark);
  CHECK(first_row(fake).mark == 5);
}

TEST_CASE("offload: what the driver said last of a flow with a mark, and what its hardware counted") {
  FakeSwitch fake = make_fake_switch(1, 1);
  const uint64_t flow = fake.flows[0];
  Layout& l = fake.layout;
  l.dp_netdev_flow_mark = {740, 4, true};
  l.dp_netdev_flow_netdev_flow_get_result = {792, 4, true};
  l.dp_netdev_flow_last_stats = {800, 32, true};
  l.dp_netdev_flow_last_attrs = {832, 16, true};
  l.dp_netdev_flow_attrs_offloaded = {0, 1, true};
  l.dp_netdev_flow_attrs_dp_layer = {8, 8, true};
  const uint64_t names = FakeMemory::kBase + fake.memory.bytes.size();
  fake.memory.bytes.resize(fake.memory.bytes.size() + 64);
  auto layer = [&](const char* name) {
    std::memset(&fake.memory.bytes[names - FakeMemory::kBase], 0, 16);
    std::memcpy(&fake.memory.bytes[names - FakeMemory::kBase], name, std::strlen(name));
    fake.memory.put<uint64_t>(flow + 832 + 8, names);
  };
  fake.memory.put<uint32_t>(flow + 740, 9);
  fake.memory.put<uint64_t>(flow + 800 + l.dp_netdev_flow_stats_packet_count.offset, 70);
  fake.memory.put<uint64_t>(flow + 800 + l.dp_netdev_flow_stats_byte_count.offset, 7000);

  // The same of counters that are read anew, from a row that knew nothing of it.
  const OvsAddr root = *find_dp_netdevs(fake.memory, l, fake.data);
  MemoryReadFacts facts;
  FlowPlaces places;
  auto base = read_dp_flows(fake.memory, l, root, nullptr, facts, &places);
  REQUIRE(base);
  auto refreshed_row = [&] {
    RefreshFacts refreshed;
    auto anew = refresh_dp_flows(fake.memory, l, root, *base, places, nullptr, refreshed);
    REQUIRE(anew);
    REQUIRE(anew->n_rows == 1);
    auto map = tables::DpFlowsMap::open(*anew);
    REQUIRE(map);
    tables::DpFlow row;
    REQUIRE(map->view().flow(0, row));
    return row.rows;
  };

  CHECK_FALSE((first_row(fake).known & kHw));  // not asked yet
  CHECK(first_row(fake).packets == 0);
  CHECK_FALSE((refreshed_row().known & kHw));
  fake.memory.put<uint8_t>(flow + 832, 1);
  layer("dpdk");
  CHECK(first_row(fake).hw == CTI_DP_FLOWS_HW_YES);
  CHECK(first_row(fake).layer == CTI_DP_FLOWS_LAYER_DPDK);
  CHECK(first_row(fake).packets == 70);
  CHECK(first_row(fake).bytes == 7000);
  CHECK(refreshed_row().hw == CTI_DP_FLOWS_HW_YES);
  CHECK((refreshed_row().known & kHw));
  CHECK(refreshed_row().mark == 9);
  CHECK(refreshed_row().packets == 70);
  CHECK(refreshed_row().bytes == 7000);
  layer("ovs");
  CHECK(first_row(fake).hw == CTI_DP_FLOWS_HW_PARTIAL);
  CHECK(first_row(fake).layer == CTI_DP_FLOWS_LAYER_OVS);
  layer("fpga");
  CHECK_FALSE((first_row(fake).known & kHw));  // a layer that is not known here
  layer("dpdk");
  fake.memory.put<int32_t>(flow + 792, 95);  // EOPNOTSUPP: the driver cannot say
  CHECK_FALSE((first_row(fake).known & kHw));
  CHECK(first_row(fake).packets == 0);
  CHECK(refreshed_row().packets == 0);
}

TEST_CASE("layouts: optional members of another size are another shape, and refused") {
  auto entries = cti::test::fake_layout_entries();
  REQUIRE(Layout::make(entries));
  const std::pair<LayoutEntry, const char*> wrong[] = {
      {{"dp_netdev_flow.offloaded", 737, 4}, "dp_netdev_flow.offloaded"},
      {{"dp_netdev_pmd_thread.poll_list", 40, 8}, "poll_list"},
      {{"netdev.n_txq", 64, 8}, "netdev.n_txq"},
  };
  for (const auto& [entry, name] : wrong) {
    auto more = entries;
    std::erase_if(more, [&, wanted = entry.name](const LayoutEntry& of) { return of.name == wanted; });
    more.push_back(entry);
    auto layout = Layout::make(more);
    REQUIRE_FALSE(layout);
    CHECK_MESSAGE(layout.error().message.find(name) != std::string::npos, layout.error().message);
  }
  auto counters = entries;
  for (LayoutEntry& entry : counters)
    if (entry.name == "pmd_counters.zero") entry.size -= 8;
  CHECK_FALSE(Layout::make(counters));
}

TEST_CASE("dpif-netdev/pmd-stats-show") {
  auto rows = parse_pmd_stats(
      "pmd thread numa_id 1 core_id 12:\n"
      "  packets received: 80\n"
      "  packet recirculations: 3\n"
      "  avg. datapath passes per packet: 1.04\n"
      "  phwol hits: 73\n"
      "  miss with success upcall: 2\n"
      "  idle cycles: 278048506 (69.77%)\n"
      "  processing cycles: 120486081 (30.23%)\n"
      "  avg cycles per packet: 4981682.34 (398534587/80)\n"
      "  something of a later version: 9 apples\n"
      "main thread:\n"
      "  packets received: 18446744073709551615\n");
  REQUIRE_MESSAGE(rows, rows.error().message);
  REQUIRE(rows->size() == 2);
  const PmdRow& pmd = (*rows)[0];
  CHECK(pmd.core == 12);
  CHECK(pmd.numa == 1);
  CHECK(pmd.packets == 80);
  CHECK(pmd.recirculations == 3);
  CHECK(pmd.phwol_hits == 73);
  CHECK(pmd.upcalls == 2);
  CHECK(pmd.idle_cycles == 278048506);
  CHECK(pmd.busy_cycles == 120486081);
  CHECK(pmd.known == (CTI_PMDS_KNOWN_NUMA | CTI_PMDS_KNOWN_PACKETS | CTI_PMDS_KNOWN_RECIRCULATIONS | CTI_PMDS_KNOWN_PHWOL_HITS |
                      CTI_PMDS_KNOWN_UPCALLS | CTI_PMDS_KNOWN_IDLE_CYCLES | CTI_PMDS_KNOWN_BUSY_CYCLES));
  CHECK((*rows)[1].core == -1);
  CHECK((*rows)[1].packets == UINT64_MAX);
  CHECK((*rows)[1].known == CTI_PMDS_KNOWN_PACKETS);
  CHECK(parse_pmd_stats("")->empty());

  const std::pair<const char*, const char*> bad[] = {
      {"  packets received: 1\n", "line 1: expected 'pmd thread numa_id N core_id N:'"},
      {"pmd thread numa_id 0:\n", "line 1: expected 'pmd thread"},
      {"main thread numa_id 0 core_id 3:\n", "line 1"},
      {"pmd thread numa_id 0 core_id 4294967295:\n", "line 1"},
      {"main thread:\n  packets received: many\n", "line 2: expected a whole number"},
      {"main thread:\n  packets received: 1.5\n", "line 2: expected a whole number"},
      {"main thread:\n  packets received: 18446744073709551616\n", "line 2: expected a whole number"},
      {"main thread:\n  packets\n", "line 2: expected '  LABEL: VALUE'"},
  };
  for (const auto& [text, message] : bad) {
    auto refused = parse_pmd_stats(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::PROTOCOL);
    CHECK_MESSAGE(refused.error().message.find(message) != std::string::npos, refused.error().message);
  }
}

TEST_CASE("dpif-netdev/pmd-stats-show of 4.0") {
  const std::string head = "\nTime: 11:35:01.035\nMeasurement duration: 4.125 s\n\npmd thread numa_id 0 core_id 7:\n\n";
  auto rows = parse_pmd_stats(head +
                              "  Iterations:                 6715  (1585.95 us/it)\n"
                              "  - Used TSC cycles:    1171528637  ( 28.3 % of total cycles)\n"
                              "  - sleep iterations:         6714  (100.0 % of iterations)\n"
                              "  Sleep time (us):         9475099  (1411 us/iteration avg.)\n"
                              "  Rx packets:                    5  (0 Kpps, 155241 cycles/pkt)\n"
                              "  Datapath passes:               8  (1.60 passes/pkt)\n"
                              "  - PHWOL hits:                  0  (  0.0 %)\n"
                              "  - Simple Match hits:           1  ( 12.5 %)\n"
                              "  - Megaflow hits:               4  ( 50.0 %, 1.00 subtbl lookups/hit)\n"
                              "  - Upcalls:                     2  ( 25.0 %, 0.0 us/upcall)\n"
                              "  - Lost upcalls:                1  ( 12.5 %)\n"
                              "  Tx packets:                    6  (0 Kpps)\n"
                              "  Tx batches:                    3  (2.00 pkts/batch)\n"
                              "\nTime: 11:35:01.035\nMeasurement duration: 4.140 s\n\nmain thread:\n\n"
                              "  Rx packets:                    0\n"
                              "  Tx packets:                    0\n\n");
  REQUIRE_MESSAGE(rows, rows.error().message);
  REQUIRE(rows->size() == 2);
  const PmdRow& pmd = (*rows)[0];
  CHECK(pmd.core == 7);
  CHECK(pmd.packets == 5);
  CHECK(pmd.recirculations == 3);
  CHECK(pmd.simple_hits == 1);
  CHECK(pmd.megaflow_hits == 4);
  CHECK(pmd.upcalls == 2);
  CHECK(pmd.upcalls_failed == 1);
  CHECK(pmd.sent == 6);
  CHECK(pmd.sent_batches == 3);
  CHECK(pmd.sleeps == 6714);
  CHECK(pmd.known == (CTI_PMDS_KNOWN_NUMA | CTI_PMDS_KNOWN_PACKETS | CTI_PMDS_KNOWN_RECIRCULATIONS | CTI_PMDS_KNOWN_PHWOL_HITS | CTI_PMDS_KNOWN_SIMPLE_HITS |
                      CTI_PMDS_KNOWN_MEGAFLOW_HITS | CTI_PMDS_KNOWN_UPCALLS | CTI_PMDS_KNOWN_UPCALLS_FAILED | CTI_PMDS_KNOWN_SENT |
                      CTI_PMDS_KNOWN_SENT_BATCHES | CTI_PMDS_KNOWN_SLEEPS));
  CHECK((*rows)[1].core == -1);
  CHECK((*rows)[1].known == (CTI_PMDS_KNOWN_PACKETS | CTI_PMDS_KNOWN_SENT));
  CHECK(parse_pmd_stats(head)->size() == 1);
  for (const char* text : {"  Rx packets: many\n", "  Rx packets:\n", "  Rx packets: 5.5\n", "  Datapath passes: 5\n", "  Rx packets: 5\n  Datapath passes: 4\n",
                           "  Tx packets 5\n", "words\n"}) {
    auto refused = parse_pmd_stats(head + text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::PROTOCOL);
  }
}

TEST_CASE("dpif-netdev/pmd-rxq-show") {
  std::vector<PmdRow> rows(3);
  rows[0].core = -1;
  rows[1].core = 0;
  rows[2].core = 5;
  auto parsed = parse_pmd_rxqs(
      "Displaying last 60 seconds pmd usage %\n"
      "pmd thread numa_id 0 core_id 0:\n"
      "  isolated : true\n"
      "  port: p 0: x           queue-id:  0 (enabled)   pmd usage: NOT AVAIL\n"
      "  port: p2                queue-id:  1 (disabled)  pmd usage:  3 %\n"
      "  overhead: NOT AVAIL\n"
      "pmd thread numa_id 0 core_id 7:\n"
      "  isolated : false\n"
      "  port: p3                queue-id:  0 (enabled)   pmd usage: NOT AVAIL\n"
      "pmd thread numa_id 1 core_id 5:\n"
      "  isolated : false\n",
      rows);
  REQUIRE_MESSAGE(parsed, parsed.error().message);
  CHECK(rows[1].rxqs == 2);
  CHECK(rows[1].isolated == CTI_PMDS_ISOLATED_YES);
  CHECK(rows[2].rxqs == 0);
  CHECK(rows[2].known == (CTI_PMDS_KNOWN_RXQS | CTI_PMDS_KNOWN_ISOLATED));
  CHECK(rows[0].known == 0);  // it does not say the main thread's
  CHECK_FALSE(parse_pmd_rxqs("pmd thread numa_id 0 core_id 0:\n  isolated : maybe\n", rows));
  CHECK_FALSE(parse_pmd_rxqs("  isolated : true\n", rows));
  CHECK_FALSE(parse_pmd_rxqs("Displaying\n", rows));
}

TEST_CASE("dpctl/show: receive queues, where the device's configuration says so") {
  auto ports = parse_show(
      "dp:\n"
      "  port 1: p0 (dummy-pmd: configured_rx_queues=2, configured_tx_queues=1, requested_rx_queues=3)\n"
      "  port 2: v (vxlan: remote_ip=flow)\n"
      "  port 3: x (dpdk: a=b, configured_rx_queues=12)\n"
      "  port 4: y (dpdk: configured_rx_queues=many)\n"
      "  port 5: z (dpdk: not_configured_rx_queues=3)\n",
      "dp");
  REQUIRE(ports);
  const std::optional<uint32_t> expected[] = {2, std::nullopt, 12, std::nullopt, std::nullopt};
  for (size_t i = 0; i < 5; i++) CHECK((*ports)[i].rx_queues == expected[i]);
}

TEST_CASE("small tables have a row each") {
  for (const char* name : {"pmds", "ports"}) {
    auto table = find_small_table(name);
    REQUIRE(table);
    CHECK((*table)->name == name);
  }
  CHECK_FALSE(find_small_table("dp_flows"));
}

TEST_CASE("rights: what is missing, and the remedy") {
  Rights other{.uid = 1000, .target_uid = 0};
  Rights same{.uid = 1000, .yama = 1, .target_uid = 1000};
  Rights unsafe{.uid = 1000, .target_uid = 1000};
  Rights root{.uid = 0, .target_uid = 0};
  Rights container{.uid = 0, .in_container = true, .target_uid = 0};
  Rights never{.uid = 0, .has_ptrace = true, .yama = 3, .target_uid = 0};
  Rights guarded{.uid = 0, .has_ptrace = true, .target_uid = 0};
  const std::pair<Rights, const char*> cases[] = {
      {other, "runs as uid 0 and this is uid 1000; run as root"},
      {same, "kernel.yama.ptrace_scope is 1, which forbids it to all but CAP_SYS_PTRACE; run as root, or sysctl"},
      {unsafe, "has changed its user or has capabilities; run as root"},
      {root, "this root lacks CAP_SYS_PTRACE; it was dropped"},
      {container, "--cap-add=SYS_PTRACE and --pid=host"},
      {never, "ptrace_scope is 3"},
      {guarded, "a security module"},
  };
  for (const auto& [rights, expected] : cases) CHECK_MESSAGE(what_is_missing(rights).find(expected) != std::string::npos, what_is_missing(rights));
}

TEST_CASE("a thread keeps off CPUs while it is asked to, and gets them back") {
  std::thread([] {
    const std::vector<int> before = sys::allowed_cpus();
    REQUIRE_FALSE(before.empty());
    {
      const sys::AvoidCpus avoid(std::vector<int>{before[0], -1, 1 << 20});
      if (before.size() > 1) {
        CHECK(avoid.changed());
        CHECK(sys::allowed_cpus() == std::vector<int>(before.begin() + 1, before.end()));
      } else {
        CHECK_FALSE(avoid.changed());
      }
    }
    CHECK(sys::allowed_cpus() == before);
    const sys::AvoidCpus all(before);  // nothing else is left: it stays
    CHECK_FALSE(all.changed());
    CHECK(sys::allowed_cpus() == before);
  }).join();
}

TEST_CASE("what the process is kept on meanwhile is where a thread goes back to") {
  const std::vector<int> before = sys::allowed_cpus();
  if (before.size() < 2) return;
  std::thread([&] {
    {
      const sys::AvoidCpus avoid(std::vector<int>{before[0]});
      REQUIRE(sys::keep_process_on(std::vector<int>{before[1]}) == 0);
    }
    CHECK(sys::allowed_cpus() == std::vector<int>{before[1]});
  }).join();
  CHECK(sys::allowed_cpus() == std::vector<int>{before[1]});
  CHECK(sys::keep_process_on(before) == 0);
  CHECK(sys::allowed_cpus() == before);
  CHECK(sys::keep_process_on({}) == EINVAL);
  CHECK(sys::allowed_cpus() == before);
}

// L4 for the small tables. CTI_FUZZ_CASES sets the number of cases; by hand a million.
TEST_CASE("pmds and ports: memory that is broken in any way costs no more than it should") {
  const char* given = std::getenv("CTI_FUZZ_CASES");
  const uint32_t n_cases = given ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : 4000;
  FakeSwitch fake = switch_with_pmd(7);
  const OvsAddr root = root_of(fake);
  const std::vector<uint8_t> whole = fake.memory.bytes;
  std::mt19937_64 random(7);
  uint32_t n_refused = 0;
  for (uint32_t i = 0; i < n_cases; i++) {
    fake.memory.bytes = whole;
    for (uint32_t j = 0, n = 1 + random() % 8; j < n; j++) {
      const size_t at = random() % (whole.size() / 8) * 8;
      // Near another address of the memory, or anything: pointers that lead somewhere find more than those that do not.
      const uint64_t value = random() % 2 ? FakeMemory::kBase + random() % whole.size() : random() >> random() % 64;
      fake.memory.put<uint64_t>(FakeMemory::kBase + at, value);
    }
    fake.memory.n_copied = 0;
    const bool pmds = static_cast<bool>(read_pmds(fake.memory, fake.layout, root));
    const bool ports = static_cast<bool>(read_ports(fake.memory, fake.layout, root));
    n_refused += !pmds || !ports;
    REQUIRE(fake.memory.n_copied < 64 << 20);
  }
  CHECK(n_refused > 0);
  CHECK(n_refused < n_cases);
}
