// tunnel(...): text <-> row, and the geneve options that tnl_push and set(tunnel) carry.
//
// Thread-safety: pure functions over the arguments.
#pragma once

#include "text/match.h"

namespace cti::text {

// OVS_TUNNEL_KEY_ATTR_*
enum TunnelNumber : uint8_t {
  kTunId = 0,
  kTunIpv4Src = 1,
  kTunIpv4Dst = 2,
  kTunTos = 3,
  kTunTtl = 4,
  kTunDontFragment = 5,
  kTunCsum = 6,
  kTunOam = 7,
  kTunGeneve = 8,
  kTunTpSrc = 9,
  kTunTpDst = 10,
  kTunVxlan = 11,
  kTunIpv6Src = 12,
  kTunIpv6Dst = 13,
  kTunErspan = 15,
  kTunGtpu = 16,
};
// Bit of tun_attrs: flags(...) was given.
inline constexpr uint32_t kTunFlagsGiven = 1u << 31;

bool scan_tunnel(Cursor& cursor, tables::DpFlow& flow, Names& names);
void print_tunnel(const tables::DpFlow& flow, bool verbose, const PortPrinter& printer, TextBuffer& out);

// "{class=0x1,type=0x2,len=4,0x3}{...}" without masks <-> struct geneve_opt (class be16, type, length in words, data).
bool scan_geneve(Cursor& cursor, std::vector<uint8_t>& out);
void print_geneve(Bytes options, TextBuffer& out);

}  // namespace cti::text
