// Asks a switch for the megaflows of all its datapaths and streams the text to a receiver: version, dpctl/dump-dps, and for each
// datapath dpctl/show (its ports) and dpctl/dump-flows -m, on one connection.
//
// Thread-safety: capture_dp_flows runs on any one thread and calls the receiver on it; cancel from any thread.
#pragma once

#include <string>
#include <vector>

#include "ovs/unixctl.h"

namespace cti::ovs {

// Takes what is read. native/bind gives it to text::DpFlowsReader, which this folder may not know. An error ends the capture.
class DumpReceiver {
 public:
  virtual ~DumpReceiver() = default;
  virtual Result<uint32_t> add_datapath(const std::string& name) = 0;
  virtual Result<void> add_port(uint32_t datapath, uint32_t number, const std::string& name, const std::string& type) = 0;
  virtual Result<void> begin_datapath(uint32_t datapath) = 0;
  virtual Result<void> feed(Bytes text) = 0;
};

struct CaptureFacts {
  std::string socket_path;
  std::string version;  // "ovs-vswitchd (Open vSwitch) 3.1.0"
  pid_t pid = 0;        // 0: not visible
  uint64_t begin_ns = 0, end_ns = 0;  // CLOCK_REALTIME around the dumps
  std::vector<RequestCost> requests;  // all of them, in order
};

// A switch without a datapath gives an empty table, not an error. Errors: those of find_daemon and Unixctl, SWITCH_REFUSED, the
// receiver's.
Result<CaptureFacts> capture_dp_flows(const std::string& rundir, const std::string& target, const Patience& patience,
                                      DumpReceiver& receiver);

}  // namespace cti::ovs
