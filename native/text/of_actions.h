// Action lists of OpenFlow rules, as ovs-ofctl prints them (ovs-actions(7)): a grammar, and what follows from a list for questions.
//
// Thread-safety: plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/of_match.h"

namespace cti::text {

class OfUnknown {
 public:
  virtual ~OfUnknown() = default;
  virtual void unknown_action(std::string_view name, std::string_view text) = 0;
};

struct OfActionFacts {
  uint64_t does = 0;                // CTI_OF_RULES_ACTION_*, nested lists included
  std::vector<uint32_t> out_ports;  // ascending, once each; UINT32_MAX: a port that stands in a field
  std::string sets;                 // ",eth_src,reg0,": columns that it sets
  uint32_t n_unknown = 0;           // actions that are not understood, each told to OfUnknown
};

// Reads the whole of 'text'. An action that is not understood to its end counts as one of which nothing is.
void scan_of_actions(std::string_view text, OfPorts& ports, OfUnknown& unknown, OfActionFacts& facts);

}  // namespace cti::text
