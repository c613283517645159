#include "text/dp_flows_format.h"

#include "text/actions.h"

namespace cti::text {
namespace {

using tables::DpFlow;

struct SeenFlag {
  std::string_view text;
  uint16_t bit;
};
constexpr SeenFlag kSeen[] = {{"S", 0x2},  {"F", 0x1},  {"P", 0x8},   {"R", 0x4},       {"U", 0x20},      {".", 0x10},
                              {"E", 0x40}, {"C", 0x80}, {"N", 0x100}, {"[200]", 0x200}, {"[400]", 0x400}, {"[800]", 0x800}};

void put_ufid(const cti_be128& ufid, TextBuffer& out) {
  uint64_t high = swap64(ufid.word[0]), low = swap64(ufid.word[1]);
  out.put("ufid:");
  out.put_hex_digits(high >> 32, 8);
  out.put('-');
  out.put_hex_digits(high >> 16 & 0xffff, 4);
  out.put('-');
  out.put_hex_digits(high & 0xffff, 4);
  out.put('-');
  out.put_hex_digits(low >> 48, 4);
  out.put('-');
  out.put_hex_digits(low & 0xffffffffffff, 12);
  out.put(", ");
}

void put_used(uint64_t used_ms, TextBuffer& out) {
  if (used_ms == UINT64_MAX) return out.put("never");
  out.put_dec(used_ms / 1000);
  char rest[] = {'.', static_cast<char>('0' + used_ms / 100 % 10), static_cast<char>('0' + used_ms / 10 % 10),
                 static_cast<char>('0' + used_ms % 10), 's'};
  out.put(std::string_view(rest, sizeof rest));
}

}  // namespace

void print_tcp_flags_seen(uint16_t flags, TextBuffer& out) {
  if (!flags) return out.put("none");
  for (const SeenFlag& flag : kSeen)
    if (flags & flag.bit) out.put(flag.text);
}

bool scan_tcp_flags_seen(Cursor& c, uint16_t& flags) {
  flags = 0;
  if (c.eat("none")) return true;
  const char* start = c.at;
  for (const SeenFlag& flag : kSeen)
    if (c.eat(flag.text)) flags |= flag.bit;
  return c.at != start;
}

void DpFlowsFormat::port(uint32_t id, TextBuffer& out) const {
  const auto* port = view_.port(id);
  if (!port) return out.put('?');
  if (port->known & 1) return out.put(view_.text(port->name));
  out.put_dec(port->odp_port);
}

void DpFlowsFormat::port_number(uint32_t id, TextBuffer& out) const {
  const auto* port = view_.port(id);
  if (!port || !(port->known & 2)) return this->port(id, out);
  out.put_dec(port->odp_port);
}

void DpFlowsFormat::head(const DpFlow& flow, TextBuffer& out) const {
  const auto& rows = flow.rows;
  if (rows.known & CTI_DP_FLOWS_KNOWN_UFID) put_ufid(rows.ufid, out);
  print_match(flow, *this, out);
  out.put(", packets:");
  out.put_dec(rows.packets);
  out.put(", bytes:");
  out.put_dec(rows.bytes);
  out.put(", used:");
  put_used(rows.used_ms, out);
  if (rows.tcp_flags_seen) {
    out.put(", flags:");
    print_tcp_flags_seen(rows.tcp_flags_seen, out);
  }
  if (rows.known & CTI_DP_FLOWS_KNOWN_HW && rows.hw != CTI_DP_FLOWS_HW_NO)
    out.put(rows.hw == CTI_DP_FLOWS_HW_YES ? ", offloaded:yes" : ", offloaded:partial");
  if (rows.known & CTI_DP_FLOWS_KNOWN_LAYER) {
    constexpr std::string_view kLayers[] = {", dp:ovs", ", dp:tc", ", dp:dpdk"};
    out.put(kLayers[rows.layer < 3 ? rows.layer : 0]);
  }
  out.put(", actions:");
}

void DpFlowsFormat::tail(const DpFlow& flow, TextBuffer& out) const {
  if (!(flow.rows.known & CTI_DP_FLOWS_KNOWN_EXTRA)) return;
  out.put(", dp-extra-info:");
  out.put(view_.text(flow.rows.extra));
}

bool DpFlowsFormat::actions(uint32_t id, TextBuffer& out) const {
  const auto* list = view_.action_list(id);
  if (!list) return false;
  if (list->verbatim.size) {
    out.put(view_.text(list->verbatim));
    return true;
  }
  std::string_view tree = view_.text(list->attrs);
  print_actions({reinterpret_cast<const uint8_t*>(tree.data()), tree.size()}, *this, out);
  return true;
}

bool DpFlowsFormat::row(uint64_t row, TextBuffer& out) const {
  DpFlow flow;
  if (!view_.flow(row, flow)) return false;
  if (flow.rows.verbatim.size) {
    out.put(view_.text(flow.rows.verbatim));
    return true;
  }
  head(flow, out);
  actions(flow.rows.actions, out);
  tail(flow, out);
  return true;
}

}  // namespace cti::text
