// Finds the userspace datapaths in ovs-vswitchd's memory without symbols: `dp_netdevs`, a static shash of struct dp_netdev, is known by its shape
// in .data and .bss. Its entries must agree with themselves: the key equal to dp->name, dp->class->type a short word, poll_threads a sane cmap
// whose threads point back to dp.
//
// Thread-safety: functions of their arguments.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ovs/attach_target.h"
#include "ovs/layout.h"
#include "ovs/target_memory.h"

namespace cti::ovs {

struct PmdRoot {
  OvsAddr address;
  uint32_t core_id;  // UINT32_MAX: what the main thread does
  int32_t numa_id;
  uint32_t n_flows;  // the flow table's own count
};

struct PortRoot {
  OvsAddr address, netdev;
  uint32_t number;
  std::string name;
  std::string type;
};

struct DatapathRoot {
  OvsAddr address;
  std::string type;  // "netdev", or a dummy's name
  std::string name;  // "ovs-netdev"
  std::vector<PmdRoot> pmds;
  std::vector<PortRoot> ports;
  // other_config:pmd-cpu-mask as it is in force, hexadecimal; empty: none is set. Not there: the layout does not say where it is.
  std::optional<std::string> pmd_cpu_mask;
  std::string full_name() const { return type + "@" + name; }  // as dpctl/dump-dps prints it
};

inline constexpr uint32_t kMaxDatapaths = 256;
inline constexpr uint32_t kMaxPmds = 1024;
inline constexpr uint32_t kMaxPorts = 1u << 17;

// The address of dp_netdevs. PROTOCOL if nothing in 'data' has its shape (no userspace datapath, or the layout is wrong) or several things have.
Result<OvsAddr> find_dp_netdevs(TargetMemory& memory, const Layout& layout, std::span<const AddressRange> data);

// What dp_netdevs holds now. PROTOCOL if it does not agree with itself: it changes, or is not what it was.
Result<std::vector<DatapathRoot>> read_datapaths(TargetMemory& memory, const Layout& layout, OvsAddr dp_netdevs);

}  // namespace cti::ovs
