#include "ovs/ports.h"

#include <algorithm>

#include "ovs/dpctl.h"
#include "ovs/roots.h"
#include "tables/generated/ports.h"
#include "tables/table_writer.h"

namespace cti::ovs {
namespace {

using tables::ports::Rows;

constexpr uint32_t kMaxQueues = 1u << 16;  // a queue's number is an int, no device has so many

bool read_port(TargetMemory& memory, const Layout& layout, const PortRoot& port, Rows& row) {
  row = {};
  row.odp_port = port.number;
  if (const Member& n_rxq = layout.dp_netdev_port_n_rxq) {
    if (!memory.read(port.address + n_rxq.offset, row.rx_queues) || row.rx_queues > kMaxQueues) return false;
    row.known |= CTI_PORTS_KNOWN_RX_QUEUES;
  }
  if (const Member& n_txq = layout.netdev_n_txq) {
    if (!memory.read(port.netdev + n_txq.offset, row.tx_queues) || row.tx_queues > kMaxQueues) return false;
    row.known |= CTI_PORTS_KNOWN_TX_QUEUES;
  }
  if (const Member& emc = layout.dp_netdev_port_emc_enabled) {
    uint8_t value;
    if (!memory.read(port.address + emc.offset, value) || value > 1) return false;
    row.emc = value ? CTI_PORTS_EMC_YES : CTI_PORTS_EMC_NO;
    row.known |= CTI_PORTS_KNOWN_EMC;
  }
  return true;
}

bool same_ports(const std::vector<DatapathRoot>& a, const std::vector<DatapathRoot>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); i++) {
    if (a[i].full_name() != b[i].full_name() || a[i].ports.size() != b[i].ports.size()) return false;
    for (size_t j = 0; j < a[i].ports.size(); j++)
      if (raw(a[i].ports[j].address) != raw(b[i].ports[j].address) || a[i].ports[j].name != b[i].ports[j].name) return false;
  }
  return true;
}

}  // namespace

Result<tables::Snapshot> read_ports(TargetMemory& memory, const Layout& layout, OvsAddr dp_netdevs) {
  for (int attempt = 0; attempt < 5; attempt++) {
    auto roots = read_datapaths(memory, layout, dp_netdevs);
    if (!roots) return roots.error();
    auto writer = tables::TableWriter::create(tables::ports::kSchema);
    if (!writer) return writer.error();
    bool sane = true;
    for (const DatapathRoot& datapath : *roots) {
      for (const PortRoot& port : datapath.ports) {
        Rows row;
        if (!(sane = sane && read_port(memory, layout, port, row))) break;
        row.datapath = writer->datapath(datapath.full_name());
        row.name = writer->text(port.name);
        row.type = writer->text(port.type);
        writer->row(row);
      }
    }
    auto again = read_datapaths(memory, layout, dp_netdevs);
    if (!again) return again.error();
    if (sane && same_ports(*roots, *again)) return writer->finish();
  }
  return errorf(ErrorCode::PROTOCOL, "the ports in ovs-vswitchd's memory do not agree with themselves; they are being changed, or the layout does not fit");
}

Result<tables::Snapshot> ask_ports(Questions& questions) {
  auto writer = tables::TableWriter::create(tables::ports::kSchema);
  if (!writer) return writer.error();
  auto names = questions.datapaths();
  if (!names) return names.error();
  std::sort(names->begin(), names->end());  // rows come in the same order from both sources
  for (const std::string& name : *names) {
    auto text = questions.ask("dpctl/show", {name});
    if (!text) return text.error();
    auto ports = parse_show(*text, name);
    if (!ports) return ports.error();
    for (const Port& port : *ports) {
      Rows row{};
      row.odp_port = port.number;
      row.datapath = writer->datapath(name);
      row.name = writer->text(port.name);
      row.type = writer->text(port.type);
      if (port.rx_queues) {
        row.rx_queues = *port.rx_queues;
        row.known |= CTI_PORTS_KNOWN_RX_QUEUES;
      }
      writer->row(row);
    }
  }
  return writer->finish();
}

}  // namespace cti::ovs
