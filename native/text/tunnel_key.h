// tunnel(...): text <-> row, and the geneve options that it, tnl_push and set(tunnel) carry (geneve.cc).
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
  kTunGtpu = 16,  // 17 in some releases
};
// Bits of tun_attrs: flags(...) was given; erspan's idx= was given (mask half: with a mask).
inline constexpr uint32_t kTunFlagsGiven = 1u << 31;
inline constexpr uint32_t kTunErspanIndexGiven = 1u << 30;

// What is not known of it goes to flow.tunnel.key.tun_options as text, and is told to 'unknown', if there is one.
bool scan_tunnel(Cursor& cursor, tables::DpFlow& flow, Names& names, std::vector<UnknownPart>* unknown);
void print_tunnel(const tables::DpFlow& flow, bool verbose, const PortPrinter& printer, TextBuffer& out);

// Geneve options are kept as on the wire: class be16, type, length of the data in words (low 5 bits), data.
// "{class=0x1,type=0x2,len=4,0x3}{...}" without masks, as actions have them.
bool scan_geneve(Cursor& cursor, std::vector<uint8_t>& out);
void print_geneve(Bytes options, TextBuffer& out);
// The same with masks, as a match has them: 'mask' is as long as 'key'. What is not matched may be left out.
bool scan_geneve(Cursor& cursor, std::vector<uint8_t>& key, std::vector<uint8_t>& mask);
void print_geneve(Bytes key, Bytes mask, bool verbose, TextBuffer& out);
// Whether all of every option is matched.
bool geneve_is_exact(Bytes key, Bytes mask);
// The columns of the first option.
void fill_geneve_columns(Bytes key, Bytes mask, tables::dp_flows::Tunnel& tunnel);

}  // namespace cti::text
