// Asks a switch for a text of each of its datapaths (dpctl/dump-conntrack) and streams it to a receiver, on one connection: version,
// dpctl/dump-dps, then the command with its arguments and the datapath's full name.
//
// Thread-safety: capture_datapath_texts runs on any one thread and calls the receiver on it; cancel from any thread.
#pragma once

#include <string>
#include <vector>

#include "ovs/unixctl.h"

namespace cti::ovs {

// Takes what is read. native/bind gives it to a text::TableReader. An error ends the capture.
class TextReceiver {
 public:
  virtual ~TextReceiver() = default;
  virtual Result<void> begin_datapath(const std::string& name) = 0;
  virtual Result<void> feed(Bytes text) = 0;
};

// A datapath whose type does not have what was asked for, with the switch's words.
struct NotSupported {
  std::string datapath;
  std::string words;
};

struct TextFacts {
  std::string socket_path;
  uint64_t begin_ns = 0, end_ns = 0;  // CLOCK_REALTIME around the texts
  std::vector<RequestCost> requests;  // all of them, in order
  std::vector<NotSupported> not_supported;
};

// A switch without a datapath gives no text, which is no error. One of several datapaths that does not support the command is said in the
// facts; if none does, that is an error. Errors: those of find_daemon and Unixctl, SWITCH_REFUSED, the receiver's.
Result<TextFacts> capture_datapath_texts(const std::string& rundir, const std::string& target, const std::string& command,
                                         const std::vector<std::string>& args, const Patience& patience, TextReceiver& receiver);

}  // namespace cti::ovs
