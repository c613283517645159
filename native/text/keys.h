// The match keys (OVS_KEY_ATTR_*) as one table: how each is written, where its value and mask lie in a row, and how it looks
// as a netlink attribute of a set action. Parser, printer and action coder all walk it; a new key is a row here.
//
// Thread-safety: constants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "tables/dp_flows_view.h"

namespace cti::text {

// OVS_KEY_ATTR_*, as odp-netlink.h numbers them.
enum KeyNumber : uint8_t {
  kKeyEncap = 1,
  kKeyPriority = 2,
  kKeyInPort = 3,
  kKeyEthernet = 4,
  kKeyVlan = 5,
  kKeyEthertype = 6,
  kKeyIpv4 = 7,
  kKeyIpv6 = 8,
  kKeyTcp = 9,
  kKeyUdp = 10,
  kKeyIcmp = 11,
  kKeyIcmpv6 = 12,
  kKeyArp = 13,
  kKeyNd = 14,
  kKeySkbMark = 15,
  kKeyTunnel = 16,
  kKeySctp = 17,
  kKeyTcpFlags = 18,
  kKeyDpHash = 19,
  kKeyRecircId = 20,
  kKeyMpls = 21,
  kKeyCtState = 22,
  kKeyCtZone = 23,
  kKeyCtMark = 24,
  kKeyCtLabels = 25,
  kKeyCtTuple4 = 26,
  kKeyCtTuple6 = 27,
  kKeyNsh = 28,
  kKeyPacketType = 29,
  kKeyNdExtensions = 30,
  kKeyIpv6Exthdrs = 32,  // the kernel's; OVS has no name for it and prints its bytes
};

// Bits of match.key.attrs above the key numbers: what else printing a row needs to know.
inline constexpr uint64_t kVlan2Given = 1ull << 40;      // a second vlan(...)
inline constexpr uint64_t kEncap2Given = 1ull << 41;     // a second encap(...)
inline constexpr uint64_t kTpidGiven = 1ull << 42;       // eth_type before the first vlan
inline constexpr uint64_t kTpid2Given = 1ull << 43;      // eth_type before the second vlan
inline constexpr uint64_t kNoEthertype = 1ull << 44;     // eth_type(0/0xffff): a frame without EtherType
inline constexpr uint64_t kRecircFirst = 1ull << 45;     // the kernel's order: recirc_id, dp_hash before the metadata
inline constexpr uint64_t kWithoutWildcards = 1ull << 46;  // dump-flows without -m: fields with mask 0 are not printed
constexpr uint64_t key_bit(unsigned number) { return 1ull << number; }

// How a value and its mask are written. 'dec' and 'hex' are the value's base; masks are hex unless the comment says else.
enum class Kind : uint8_t {
  dec8,
  hex8,      // %#x
  dec16,
  hex16,     // %#x
  hex16_host,
  hex32,     // %#x, host order in netlink
  hex64,     // 0x%x, tunnel ids
  ipv4,      // mask dotted
  ipv6,      // mask as an address
  mac,       // mask as an address
  frag,      // no, first, later; no mask
  label,     // %#x, 20 bits
  u128,      // hex bytes
  ct_state,  // %#x with -m, flag names without
  tcp_flags,
  tun_flags,
  nsh8,   // dec; with a mask 0x%02x/0x%02x
  nsh32,  // 0x%x; mask 0x%08x
  reserved32,  // 0x%x, never with a mask
  hex32_network,  // %#x, network order in netlink
};

// A value inside a key. Offsets are into tables::DpFlow.
struct Field {
  std::string_view name;
  Kind kind;
  uint16_t key;
  uint16_t mask;
  uint8_t wire;  // offset in the netlink struct; in a nested key (tunnel) the attribute's number
};

enum class Shape : uint8_t {
  single,   // name(value/mask), one field
  fields,   // name(field=value/mask,...)
  special,  // code of its own: in_port, packet_type, eth_type, vlan, encap, mpls, tunnel, key32
};

struct Key {
  std::string_view name;
  uint8_t number;
  Shape shape;
  uint8_t wire_size;  // bytes of the netlink struct; 0: not settable by the table alone
  std::span<const Field> fields;
};

// In the order in which ovs-vswitchd's own datapath prints them.
std::span<const Key> keys();
// The first keys, up to and without eth, in the kernel datapath's order, as indexes into keys().
std::span<const uint8_t> kernel_order();
// The key of that number, or nullptr.
const Key* find_key(unsigned number);
const Key* find_key(std::string_view name);
// tunnel(...)'s scalar fields; wire is the OVS_TUNNEL_KEY_ATTR number.
std::span<const Field> tunnel_fields();
// The fields of tunnel(...)'s options, each in the order in which it is printed: vxlan(gbp(...)), erspan(...), gtpu(...).
std::span<const Field> gbp_fields();
std::span<const Field> erspan_fields();
std::span<const Field> gtpu_fields();

// Bytes of a value of this kind, in a row.
size_t kind_size(Kind kind);

inline uint8_t* at(tables::DpFlow& flow, size_t offset) { return reinterpret_cast<uint8_t*>(&flow) + offset; }
inline const uint8_t* at(const tables::DpFlow& flow, size_t offset) { return reinterpret_cast<const uint8_t*>(&flow) + offset; }

}  // namespace cti::text
