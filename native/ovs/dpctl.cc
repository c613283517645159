#include "ovs/dpctl.h"

#include <charconv>

#include "ovs/reply_lines.h"

namespace cti::ovs {
namespace {

bool is_type_char(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

// ": KEY=VALUE, KEY=VALUE": how many receive queues the device says it has, where it does.
std::optional<uint32_t> queues_of(std::string_view config) {
  constexpr std::string_view kKey = " configured_rx_queues=";
  const size_t at = config.find(kKey);
  if (at == std::string_view::npos || at == 0 || (config[at - 1] != ':' && config[at - 1] != ',')) return std::nullopt;
  config.remove_prefix(at + kKey.size());
  uint32_t n = 0;
  const auto parsed = std::from_chars(config.data(), config.data() + config.size(), n);
  const bool ends = parsed.ptr == config.data() + config.size() || *parsed.ptr == ',';
  return parsed.ec == std::errc() && ends ? std::optional(n) : std::nullopt;
}

// Splits "NAME (TYPE...)" at the first " (" whose rest reads as a type.
void split_name(std::string_view text, Port* port) {
  port->name = text;
  port->type = "system";
  if (!text.ends_with(')')) return;
  for (size_t at = text.find(" ("); at != std::string_view::npos; at = text.find(" (", at + 1)) {
    size_t end = at + 2;
    while (end < text.size() && is_type_char(text[end])) end++;
    const bool is_type = end > at + 2 && (end == text.size() - 1 || text[end] == ':' || text[end] == ',');
    if (!is_type || at == 0) continue;
    port->name = text.substr(0, at);
    port->type = text.substr(at + 2, end - at - 2);
    port->rx_queues = queues_of(text.substr(end, text.size() - 1 - end));
    return;
  }
}

}  // namespace

Result<std::vector<std::string>> parse_dump_dps(std::string_view text) {
  std::vector<std::string> names;
  CTI_TRY(for_each_line(text, [&](std::string_view line, size_t number) -> Result<void> {
    if (line.empty()) return unexpected_line("dpctl/dump-dps", number, "a datapath's name", line);
    names.emplace_back(line);
    return {};
  }));
  return names;
}

Result<std::vector<Port>> parse_show(std::string_view text, std::string_view datapath) {
  constexpr const char* kCommand = "dpctl/show";
  std::vector<Port> ports;
  bool headed = false;
  CTI_TRY(for_each_line(text, [&](std::string_view line, size_t number) -> Result<void> {
    if (!headed) {
      if (line.empty() || line.back() != ':' || line.substr(0, line.size() - 1) != datapath) {
        return unexpected_line(kCommand, number, "the datapath's name and ':'", line);
      }
      headed = true;
      return {};
    }
    if (!line.starts_with("  ")) return unexpected_line(kCommand, number, "an indented line", line);
    constexpr std::string_view kPort = "  port ";
    if (!line.starts_with(kPort)) {
      if (line.find(':') == std::string_view::npos) return unexpected_line(kCommand, number, "a statistic or a port", line);
      return {};
    }
    const std::string_view rest = line.substr(kPort.size());
    Port port;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), port.number);
    const std::string_view after = rest.substr(static_cast<size_t>(parsed.ptr - rest.data()));
    if (parsed.ec != std::errc() || !after.starts_with(": ") || after.size() == 2) {
      return unexpected_line(kCommand, number, "'port NUMBER: NAME'", line);
    }
    split_name(after.substr(2), &port);
    ports.push_back(std::move(port));
    return {};
  }));
  if (!headed) return unexpected_line(kCommand, 1, "the datapath's name and ':'", "");
  return ports;
}

}  // namespace cti::ovs
