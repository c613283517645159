// N distinct megaflows: one frame a flow, and more for some of them.
//
// Frames go out of one interface and come back on another, through a bridge whose rules copy the fields named below
// into registers, so that OVS must match on all their bits (test/support/lab-pipeline.ts). What came back was installed
// or at least translated; what did not come back is sent again. The window of frames under way is smaller than the
// switch's socket buffer, so the switch's own speed sets the pace and (nearly) nothing is lost.
//
// Thread-safety: fill() uses only its own sockets; call it from any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace cti::lab {

// shape  frame                 differs in
// 0      IPv4 UDP              nw_src, tp_src
// 1      IPv4 TCP              nw_dst, tp_dst
// 2      IPv6 UDP              ipv6_src, tp_dst
// 3      IPv4 ICMP             nw_src, nw_dst
// 4      VLAN, IPv4 TCP        dl_vlan, nw_src
// 5      other EtherType       dl_src, dl_dst
// 6      ARP                   arp_spa, arp_tpa
// 7      IPv6 SCTP             ipv6_dst, tp_src
inline constexpr uint32_t n_fill_shapes = 8;

struct FillOptions {
  std::string out, in;
  uint32_t first = 0;  // flows first .. first + count - 1: distinct from those of all other ranges
  uint32_t count = 0;
  uint32_t n_shapes = 6;
  uint64_t seed = 1;  // of ports, sizes and which flows get how many packets
  double rate = 50000;  // frames a second at most
  uint32_t window = 128;
  double seconds = 60;  // at most
  bool extra_hits = true;
};

struct FillResult {
  uint32_t n_seen = 0;  // distinct flows that came back
  uint64_t n_sent = 0;
  uint64_t n_returned = 0;
  uint32_t n_rounds = 0;
  double install_seconds = 0, total_seconds = 0;
};

Result<FillResult> fill(const FillOptions& options);

}  // namespace cti::lab
