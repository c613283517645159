// Numbers of keys, and what else a row notes of how it was written, as schema/tables/dp_flows.yaml and native/text/keys.h document them.
#pragma once

#include <cstdint>

namespace cti::grammar {

// OVS_KEY_ATTR_*, by number.
enum Key : uint16_t {
  kEncap = 1, kPriority = 2, kInPort = 3, kEthernet = 4, kVlan = 5, kEthertype = 6, kIpv4 = 7, kIpv6 = 8, kTcp = 9, kUdp = 10, kIcmp = 11,
  kIcmpv6 = 12, kArp = 13, kNd = 14, kSkbMark = 15, kTunnel = 16, kSctp = 17, kTcpFlags = 18, kDpHash = 19, kRecircId = 20, kMpls = 21,
  kCtState = 22, kCtZone = 23, kCtMark = 24, kCtLabels = 25, kCtTuple4 = 26, kCtTuple6 = 27, kNsh = 28, kPacketType = 29, kNdExt = 30, kExthdrs = 32
};
// Bits of attrs above them.
inline constexpr uint64_t kVlan2 = 1ull << 40, kEncap2 = 1ull << 41, kTpid = 1ull << 42, kTpid2 = 1ull << 43, kNoType = 1ull << 44,
                   kRecircFirst = 1ull << 45, kPlain = 1ull << 46;

}  // namespace cti::grammar
