// What dpctl/dump-dps and dpctl/show print, read by their grammar:
//
//   dump-dps  { NAME "\n" }
//   show      NAME ":\n" { statistics | port }
//             statistics = two or more blanks WORDS ":" ...              (skipped: "lookups:", "flows:", "masks:", "caches:", ...)
//             port       = "  port " NUMBER ": " NAME [" (" TYPE [(":" | ",") anything] ")"]; without TYPE it is "system"
//
// A name may hold any character but a newline: " (" ends it where the rest reads as a type, the first such place
// (a kernel's names have no blanks; a configuration may say anything).
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace cti::ovs {

struct Port {
  uint32_t number;
  std::string name;
  std::string type;
  std::optional<uint32_t> rx_queues = {};  // where the device's configuration, behind its type, says so
};

// PROTOCOL, with the line, where a reply does not read so.
Result<std::vector<std::string>> parse_dump_dps(std::string_view text);
Result<std::vector<Port>> parse_show(std::string_view text, std::string_view datapath);

}  // namespace cti::ovs
