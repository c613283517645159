#include "ovs/pmds.h"

#include <algorithm>
#include <array>

#include "ovs/containers.h"
#include "ovs/pmd_text.h"
#include "ovs/roots.h"
#include "tables/table_writer.h"

namespace cti::ovs {
namespace {

using tables::pmds::Rows;

constexpr int32_t kNumaUnspecified = INT32_MAX;  // OVS_NUMA_UNSPEC, which the main thread has
constexpr uint32_t kMaxSubtables = 1u << 20;  // of a classifier, by its own count

struct Counter {
  uint64_t Rows::*column;
  uint32_t known;
  Member Layout::*index;  // into pmd_counters.n
};
constexpr Counter kCounters[] = {
#define CTI_PMD_COUNTER(column, COLUMN, enumerator, label, perf) {&Rows::column, CTI_PMDS_KNOWN_##COLUMN, &Layout::pmd_stat_type_##enumerator},
#include "ovs/pmd_counters.def"
};

class PmdReader {
 public:
  PmdReader(TargetMemory& memory, const Layout& layout) : memory_(memory), l_(layout) {}

  bool read(const PmdRoot& pmd, Rows& row) {
    row = {};
    row.core = pmd.core_id == UINT32_MAX ? -1 : static_cast<int32_t>(pmd.core_id);
    row.numa = pmd.numa_id;
    row.flows = pmd.n_flows;
    row.known = CTI_PMDS_KNOWN_FLOWS;
    if (pmd.numa_id != kNumaUnspecified) row.known |= CTI_PMDS_KNOWN_NUMA;
    else row.numa = 0;
    return counters(pmd, row) && subtables(pmd, row) && queues(pmd, row);
  }

 private:
  bool counters(const PmdRoot& pmd, Rows& row) {
    if (!l_.dp_netdev_pmd_thread_perf_stats || !l_.pmd_perf_stats_counters || !l_.pmd_counters_n) return true;
    std::array<uint64_t, 2 * kMaxPmdCounters> values{};  // since the start; at the last clearing
    const uint32_t n = l_.pmd_counters_n.size / 8;
    const OvsAddr at = pmd.address + l_.dp_netdev_pmd_thread_perf_stats.offset + l_.pmd_perf_stats_counters.offset + l_.pmd_counters_n.offset;
    if (!memory_.read(at, values.data(), 16 * n)) return false;
    for (const Counter& counter : kCounters) {
      const Member& index = l_.*counter.index;
      if (!index || index.offset >= n) continue;
      const uint64_t now = values[index.offset], zero = values[n + index.offset];
      row.*counter.column = now > zero ? now - zero : 0;  // as the switch counts while they are cleared
      row.known |= counter.known;
    }
    return true;
  }

  bool subtables(const PmdRoot& pmd, Rows& row) {
    if (!l_.dp_netdev_pmd_thread_classifiers || !l_.dpcls_node || !l_.dpcls_subtables_map) return true;
    if (!cmap_nodes(memory_, l_, pmd.address + l_.dp_netdev_pmd_thread_classifiers.offset, kMaxPorts, nodes_)) return false;
    for (OvsAddr node : nodes_) {
      const OvsAddr classifier{raw(node) - l_.dpcls_node.offset};
      CmapImage map;
      if (!read_cmap(memory_, l_, classifier + l_.dpcls_subtables_map.offset, kMaxSubtables, true, map) || map.n > kMaxSubtables) return false;
      row.subtables += map.n;
    }
    row.known |= CTI_PMDS_KNOWN_SUBTABLES;
    return true;
  }

  bool queues(const PmdRoot& pmd, Rows& row) {
    if (row.core < 0) return true;  // it polls devices, not queues
    if (const Member& isolated = l_.dp_netdev_pmd_thread_isolated) {
      uint8_t value;
      if (!memory_.read(pmd.address + isolated.offset, value) || value > 1) return false;
      row.isolated = value ? CTI_PMDS_ISOLATED_YES : CTI_PMDS_ISOLATED_NO;
      row.known |= CTI_PMDS_KNOWN_ISOLATED;
    }
    if (const Member& list = l_.dp_netdev_pmd_thread_poll_list) {
      uint64_t n;
      if (!memory_.read(pmd.address + list.offset + l_.hmap_n.offset, n) || n > kMaxPorts) return false;
      row.rxqs = static_cast<uint32_t>(n);
      row.known |= CTI_PMDS_KNOWN_RXQS;
    }
    return true;
  }

  TargetMemory& memory_;
  const Layout& l_;
  std::vector<OvsAddr> nodes_;
};

// Whether the same threads are where they were: what was read between is theirs.
bool same_threads(const std::vector<DatapathRoot>& a, const std::vector<DatapathRoot>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); i++) {
    if (a[i].full_name() != b[i].full_name() || a[i].pmds.size() != b[i].pmds.size()) return false;
    for (size_t j = 0; j < a[i].pmds.size(); j++)
      if (raw(a[i].pmds[j].address) != raw(b[i].pmds[j].address) || a[i].pmds[j].core_id != b[i].pmds[j].core_id) return false;
  }
  return true;
}

}  // namespace

Result<tables::Snapshot> read_pmds(TargetMemory& memory, const Layout& layout, OvsAddr dp_netdevs) {
  PmdReader reader(memory, layout);
  for (int attempt = 0; attempt < 5; attempt++) {
    auto roots = read_datapaths(memory, layout, dp_netdevs);
    if (!roots) return roots.error();
    auto writer = tables::TableWriter::create(tables::pmds::kSchema);
    if (!writer) return writer.error();
    bool sane = true;
    for (const DatapathRoot& datapath : *roots) {
      for (const PmdRoot& pmd : datapath.pmds) {
        Rows row;
        if (!(sane = sane && reader.read(pmd, row))) break;
        row.datapath = writer->datapath(datapath.full_name());
        writer->row(row);
      }
    }
    auto again = read_datapaths(memory, layout, dp_netdevs);
    if (!again) return again.error();
    if (sane && same_threads(*roots, *again)) return writer->finish();
  }
  return errorf(ErrorCode::PROTOCOL, "the PMD threads in ovs-vswitchd's memory do not agree with themselves; they are being changed, or the layout does not fit");
}

Result<tables::Snapshot> ask_pmds(Questions& questions) {
  auto writer = tables::TableWriter::create(tables::pmds::kSchema);
  if (!writer) return writer.error();
  auto names = questions.datapaths();
  if (!names) return names.error();
  std::sort(names->begin(), names->end());  // rows come in the same order from both sources
  for (const std::string& name : *names) {
    if (is_kernel_datapath(name)) continue;  // forwards packets in the kernel, in no thread of the switch
    auto stats = questions.ask("dpif-netdev/pmd-stats-show", {short_name(name)});
    if (!stats) return stats.error();
    auto rows = parse_pmd_stats(*stats);
    if (!rows) return rows.error();
    auto queues = questions.ask("dpif-netdev/pmd-rxq-show", {short_name(name)});
    if (!queues) return queues.error();
    CTI_TRY(parse_pmd_rxqs(*queues, *rows));
    std::sort(rows->begin(), rows->end(), [](const Rows& a, const Rows& b) { return a.core < b.core; });
    for (Rows& row : *rows) {
      row.datapath = writer->datapath(name);
      writer->row(row);
    }
  }
  return writer->finish();
}

}  // namespace cti::ovs
