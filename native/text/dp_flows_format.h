// Prints rows of a dp_flows table as `ovs-appctl dpctl/dump-flows` did: with -m the whole row; of a row that was read from the
// plain notation, that. A row or list that was kept verbatim comes out as it came in. So a printed row is what OVS printed.
//
// Thread-safety: reads the view only; one object may be used by one thread at a time.
#pragma once

#include <string>

#include "tables/dp_flows_view.h"
#include "text/match.h"

namespace cti::text {

class DpFlowsFormat final : public PortPrinter {
 public:
  // 'view' must outlive this.
  explicit DpFlowsFormat(const tables::DpFlowsView& view) : view_(view) {}

  // Appends row 'row', without a newline; false (and nothing appended) if there is none.
  bool row(uint64_t row, TextBuffer& out) const;
  // Appends action list 'id'; false if there is none.
  bool actions(uint32_t id, TextBuffer& out) const;

  // The pieces of a row: up to and with "actions:", and what follows the list. From the fields, not verbatim.
  void head(const tables::DpFlow& flow, TextBuffer& out) const;
  void tail(const tables::DpFlow& flow, TextBuffer& out) const;

  void port(uint32_t id, TextBuffer& out) const override;
  void port_number(uint32_t id, TextBuffer& out) const override;
  std::string_view text(const cti_ref& ref) const override { return view_.text(ref); }

 private:
  const tables::DpFlowsView& view_;
};

// TCP flags as packets were seen with: "SFPR.", "none" for 0; scan_tcp_flags_seen() reads that.
void print_tcp_flags_seen(uint16_t flags, TextBuffer& out);
bool scan_tcp_flags_seen(Cursor& cursor, uint16_t& flags);

}  // namespace cti::text
