// Frames that a well-behaved host would not send, or not often: strays, forgeries, odd protocols. Sent from one host's
// interface towards another host, deterministic from a seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "tools/lab/frame.h"

namespace cti::lab {

struct Host {
  uint64_t mac = 0;
  uint32_t ip4 = 0;
  Ip6 ip6{};
};

struct MixOptions {
  std::string interface;
  Host from, to;
  std::vector<std::string> kinds;
  uint32_t count = 10;  // frames of each kind
  uint16_t vlan = 100;
  uint64_t seed = 1;
  double rate = 5000;
  double seconds = 10;
};

// The names 'kinds' may have.
std::vector<std::string> mix_kinds();

// Returns the number of frames sent.
Result<uint64_t> mix(const MixOptions& options);

}  // namespace cti::lab
