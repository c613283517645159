#include "ovs/roots.h"

#include <algorithm>

#include "base/bytes.h"
#include "ovs/containers.h"

namespace cti::ovs {
namespace {

constexpr size_t kMaxName = 256;
constexpr size_t kMaxCpuMask = 16 << 10;  // 65,536 CPUs

bool is_word(const std::string& text) {
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '@'; });
}

bool read_pmd(TargetMemory& memory, const Layout& layout, OvsAddr dp, OvsAddr node, PmdRoot& pmd) {
  pmd.address = OvsAddr{raw(node) - layout.dp_netdev_pmd_thread_node.offset};
  uint64_t back;
  CmapImage flows;
  if (!memory.read(pmd.address + layout.dp_netdev_pmd_thread_dp.offset, back) || back != raw(dp) ||
      !memory.read(pmd.address + layout.dp_netdev_pmd_thread_core_id.offset, pmd.core_id) ||
      !memory.read(pmd.address + layout.dp_netdev_pmd_thread_numa_id.offset, pmd.numa_id) ||
      !read_cmap(memory, layout, pmd.address + layout.dp_netdev_pmd_thread_flow_table.offset, kMaxBuckets, true, flows))
    return false;
  pmd.n_flows = flows.n;
  return true;
}

bool read_port(TargetMemory& memory, const Layout& layout, OvsAddr node, PortRoot& port) {
  port.address = OvsAddr{raw(node) - layout.dp_netdev_port_node.offset};
  OvsAddr text;
  return memory.read(port.address + layout.dp_netdev_port_port_no.offset, port.number) &&
         memory.read_pointer(port.address + layout.dp_netdev_port_netdev.offset, port.netdev, 8) &&
         memory.read_pointer(port.netdev + layout.netdev_name.offset, text) && memory.read_string(text, port.name, kMaxName) &&
         memory.read_pointer(port.address + layout.dp_netdev_port_type.offset, text) &&
         memory.read_string(text, port.type, kMaxName);
}

// False: it is being changed.
bool read_cpu_mask(TargetMemory& memory, OvsAddr from, std::optional<std::string>& mask) {
  uint64_t text, again;
  mask.emplace();
  if (!memory.read(from, text)) return false;
  if (text == 0) return true;
  // The switch frees the old text when another is set: the pointer tells.
  return is_user_pointer(text) && memory.read_string(OvsAddr{text}, *mask, kMaxCpuMask) && memory.read(from, again) && again == text;
}

bool read_datapath(TargetMemory& memory, const Layout& layout, OvsAddr node, DatapathRoot& root) {
  OvsAddr text;
  std::string key;
  if (!memory.read_pointer(node + layout.shash_node_name.offset, text) || !memory.read_string(text, key, kMaxName) || key.empty() ||
      !memory.read_pointer(node + layout.shash_node_data.offset, root.address, 8))
    return false;
  OvsAddr type_class;
  if (!memory.read_pointer(root.address + layout.dp_netdev_name.offset, text) || !memory.read_string(text, root.name, kMaxName) || root.name != key ||
      !memory.read_pointer(root.address + layout.dp_netdev_class.offset, type_class, 8) ||
      !memory.read_pointer(type_class + layout.dpif_class_type.offset, text) || !memory.read_string(text, root.type, kMaxName) || !is_word(root.type))
    return false;
  if (layout.dp_netdev_pmd_cmask && !read_cpu_mask(memory, root.address + layout.dp_netdev_pmd_cmask.offset, root.pmd_cpu_mask)) return false;
  std::vector<OvsAddr> nodes;
  if (!cmap_nodes(memory, layout, root.address + layout.dp_netdev_poll_threads.offset, kMaxPmds, nodes)) return false;
  for (OvsAddr pmd : nodes)
    if (!read_pmd(memory, layout, root.address, pmd, root.pmds.emplace_back())) return false;
  std::sort(root.pmds.begin(), root.pmds.end(), [](const PmdRoot& a, const PmdRoot& b) { return a.core_id + 1 < b.core_id + 1; });
  if (!hmap_nodes(memory, layout, root.address + layout.dp_netdev_ports.offset, kMaxPorts, nodes)) return false;
  for (OvsAddr port : nodes)
    if (!read_port(memory, layout, port, root.ports.emplace_back())) return false;
  std::sort(root.ports.begin(), root.ports.end(), [](const PortRoot& a, const PortRoot& b) { return a.number < b.number; });
  return true;
}

bool read_all(TargetMemory& memory, const Layout& layout, OvsAddr shash, std::vector<DatapathRoot>& roots) {
  roots.clear();
  std::vector<OvsAddr> nodes;
  if (!hmap_nodes(memory, layout, shash, kMaxDatapaths, nodes)) return false;
  for (OvsAddr node : nodes)
    if (!read_datapath(memory, layout, OvsAddr{raw(node) - layout.shash_node_node.offset}, roots.emplace_back())) return false;
  std::sort(roots.begin(), roots.end(), [](const DatapathRoot& a, const DatapathRoot& b) { return a.full_name() < b.full_name(); });
  return true;
}

}  // namespace

Result<OvsAddr> find_dp_netdevs(TargetMemory& memory, const Layout& layout, std::span<const AddressRange> data) {
  std::vector<OvsAddr> found;
  std::vector<uint8_t> bytes;
  std::vector<DatapathRoot> roots;
  for (const AddressRange& range : data) {
    bytes.resize(range.size);
    if (!memory.read(range.start, bytes.data(), bytes.size())) continue;
    for (uint64_t at = (8 - raw(range.start) % 8) % 8; at + layout.sizeof_hmap <= bytes.size(); at += 8) {
      // Cheap tests on our copy first; the walk makes the rest of them.
      const uint64_t buckets = load<uint64_t>(&bytes[at + layout.hmap_buckets.offset]);
      const uint64_t mask = load<uint64_t>(&bytes[at + layout.hmap_mask.offset]);
      const uint64_t n = load<uint64_t>(&bytes[at + layout.hmap_n.offset]);
      if (n == 0 || n > kMaxDatapaths || mask > 4 * kMaxDatapaths || (mask & (mask + 1)) != 0 || !is_user_pointer(buckets) || buckets % 8 != 0) continue;
      const OvsAddr shash = range.start + at;
      if (read_all(memory, layout, shash, roots)) found.push_back(shash);
    }
  }
  if (found.size() == 1) return found[0];
  return errorf(ErrorCode::PROTOCOL, "expected one table of userspace datapaths in ovs-vswitchd's data, found %zu; it has none of them, or the layout does not fit",
                found.size());
}

Result<std::vector<DatapathRoot>> read_datapaths(TargetMemory& memory, const Layout& layout, OvsAddr dp_netdevs) {
  std::vector<DatapathRoot> roots;
  // It may change while it is read: a port that comes, a PMD that goes.
  for (int attempt = 0; attempt < 5; attempt++)
    if (read_all(memory, layout, dp_netdevs, roots)) return roots;
  return errorf(ErrorCode::PROTOCOL, "the table of userspace datapaths in ovs-vswitchd's memory does not agree with itself; it is being changed, or the process is not what it was");
}

}  // namespace cti::ovs
