// Reads the text of `ovs-appctl dpctl/dump-flows` (-m, plain, --names) into a dp_flows snapshot, as a stream.
//
// Every line that is neither empty nor a section line ends as a row or is counted in Snapshot.rejected with a reason. What is in
// a row but not understood stays in it as text and is counted in Snapshot.unknown. Each row is printed back and compared: where
// the text differs the row is kept verbatim and counted (Snapshot.n_verbatim).
//
// Memory: the segments, one line, and the text of each distinct action list.
//
// Thread-safety: one thread at a time; n_bytes() and n_rows() may be read from any thread while another one feeds.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "base/bytes.h"
#include "base/error.h"
#include "tables/snapshot.h"
#include "text/table_reader.h"

namespace cti::text {

// Longer lines are rejected. OVS's own limit on a flow's actions is 64 KiB of netlink, a quarter of this in text.
inline constexpr size_t kMaxLine = 1 << 20;

class DpFlowsReader final : public TableReader {
 public:
  static Result<std::unique_ptr<DpFlowsReader>> create();
  ~DpFlowsReader() override;

  // A datapath by its full name ("netdev@ovs-netdev"); its id.
  Result<uint32_t> add_datapath(std::string_view name);
  // What dpctl/show says of a port. Before the text that names it, so that numbers and names become one port.
  Result<uint32_t> add_port(uint32_t datapath, uint32_t number, std::string_view name, std::string_view type);

  // What is fed from now on is this datapath's dump. Ends the dump before it (a last line without newline is complete).
  // Without it, what is fed belongs to a datapath without a name.
  Result<void> begin_datapath(uint32_t datapath);
  // As TableReader: begin_datapath() of a datapath added now, or of the one of that name. A flow has no column for its file.
  Result<void> begin_file(std::string_view datapath, std::string_view file) override;
  // The next bytes, cut anywhere. Fails only for want of memory or room (OUT_OF_MEMORY); the reader is of no use then.
  Result<void> feed(Bytes chunk) override;
  // Ends the last dump and seals the snapshot. The reader is of no use afterwards.
  Result<tables::Snapshot> finish() override;

  uint64_t n_bytes() const override;
  uint64_t n_rows() const override;
  uint64_t n_rejected() const;

 private:
  class Impl;
  std::unordered_map<std::string, uint32_t> files_datapaths_;  // of begin_file, by name
  explicit DpFlowsReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cti::text
