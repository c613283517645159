// Small questions to one switch over its control socket, with what they cost: what the captures of tables share.
//
// Thread-safety: one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ovs/unixctl.h"

namespace cti::ovs {

// The most of a dump, which streams: sixteen times V8's longest string; a million flows are about 0.5 GB.
constexpr uint64_t kMaxDumpText = uint64_t{8} << 30;

class Questions {
 public:
  // 'costs' gets a row a question; it and 'patience' outlive this.
  Questions(Unixctl& client, const Patience& patience, std::vector<RequestCost>& costs)
      : client_(client), patience_(patience), costs_(costs) {}

  // The reply's text. SWITCH_REFUSED if the switch answers with an error.
  Result<std::string> ask(const std::string& command, std::vector<std::string> args = {});

  // Full names of all datapaths (netdev@ovs-netdev); none if there are none.
  Result<std::vector<std::string>> datapaths();

 private:
  Unixctl& client_;
  const Patience& patience_;
  std::vector<RequestCost>& costs_;
};

// Whether a datapath is the kernel's; the others are dpif-netdev's, under whatever type's name.
inline bool is_kernel_datapath(std::string_view full_name) { return full_name.starts_with("system@"); }

// "ovs-netdev" of "netdev@ovs-netdev".
inline std::string short_name(const std::string& full_name) { return full_name.substr(full_name.find('@') + 1); }

}  // namespace cti::ovs
