// Action lists as a tree of netlink attributes: numbers, writing, reading, and what a list does.
//
// Numbers are those of OVS 3.4 and later (odp-netlink.h); where older versions number an action otherwise (drop, tnl_push,
// tnl_pop, lb_output) these stay. Ports are ids of the snapshot's `ports`, not datapath numbers. What the text of a dump does not
// say is not in the tree: a userspace cookie is one of the kCookie attributes below, with what is printed of it.
//
// Thread-safety: plain values.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace cti::text {

enum ActionNumber : uint16_t {
  kActOutput = 1,       // u32 port
  kActUserspace = 2,    // nested UserspaceNumber
  kActSet = 3,          // one key attribute
  kActPushVlan = 4,     // be16 tpid, be16 tci
  kActPopVlan = 5,
  kActSample = 6,       // nested: 1 u32 probability, 2 actions
  kActRecirc = 7,       // u32
  kActHash = 8,         // u32 algorithm (0 l4, 1 sym_l4), u32 basis
  kActPushMpls = 9,     // be32 entry, be16 EtherType, 2 bytes 0
  kActPopMpls = 10,     // be16 EtherType
  kActSetMasked = 11,   // one key attribute: key, mask
  kActCt = 12,          // nested CtNumber
  kActTrunc = 13,       // u32
  kActPushEth = 14,     // source, destination
  kActPopEth = 15,
  kActCtClear = 16,
  kActPushNsh = 17,     // nested: 1 base, 2 md1, 3 md2
  kActPopNsh = 18,
  kActMeter = 19,       // u32
  kActClone = 20,       // actions
  kActCheckPktLen = 21, // nested: 1 u16 size, 2 actions if greater, 3 actions if not
  kActAddMpls = 22,     // as push_mpls
  kActDecTtl = 23,      // nested: 1 actions if the TTL runs out
  kActDrop = 24,        // u32 reason, where that is printed; u32 reason and u32 0 where it is known and not printed
  kActPsample = 25,     // nested: 1 u32 group, 2 cookie
  kActTunnelPush = 26,  // u32 tnl_port, u32 out_port (ports), u32 header size, u32 vport type, header bytes
  kActTunnelPop = 27,   // u32 port
  kActLbOutput = 28,    // u32
  kActUnknown = 0x3f00,  // text; a long one is several in a row
};

enum UserspaceNumber : uint16_t {
  kUserspacePid = 1,
  kUserspaceUserdata = 2,
  kUserspaceTunnelPort = 3,  // u32 port
  kUserspaceActions = 4,
  kCookieSflow = 0x3f01,       // u32 tci, u32 output
  kCookieSlowPath = 0x3f02,    // text of the reasons, comma between
  kCookieFlowSample = 0x3f03,  // u32 probability, collector set, domain, point, port, direction (0, 1 ingress, 2 egress)
  kCookieIpfix = 0x3f04,       // u32 port
  kCookieController = 0x3f05,  // u64 rule cookie, u32 recirc_id, u32 reason, dont_send, continuation, controller_id, max_len
};

enum CtNumber : uint16_t {
  kCtCommit = 1,
  kCtZone = 2,    // u16
  kCtMark = 3,    // u32 value, u32 mask
  kCtLabels = 4,  // 16 bytes value, 16 mask, wire order
  kCtHelper = 5,
  kCtNat = 6,  // nested NatNumber
  kCtForceCommit = 7,
  kCtEventMask = 8,
  kCtTimeout = 9,
  kCtNatWithoutComma = 0x3f01,  // how it was printed, no attribute of netlink
};

enum NatNumber : uint16_t {
  kNatSrc = 1,
  kNatDst = 2,
  kNatIpMin = 3,
  kNatIpMax = 4,
  kNatProtoMin = 5,
  kNatProtoMax = 6,
  kNatPersistent = 7,
  kNatProtoHash = 8,
  kNatProtoRandom = 9,
};

// Lists nested deeper than this are kept as text, as OVS itself refuses them.
inline constexpr int kMaxNesting = 32;

class TreeWriter {
 public:
  Bytes bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool overflowed() const { return overflowed_; }  // an attribute grew past 65535 bytes
  void clear() { bytes_.clear(), overflowed_ = false; }
  void truncate(size_t size) { bytes_.resize(size); }

  size_t open(uint16_t type) {
    size_t start = bytes_.size();
    bytes_.resize(start + 4);
    store<uint16_t>(&bytes_[start + 2], type);
    return start;
  }
  void close(size_t start) {
    size_t size = bytes_.size() - start;
    if (size > 0xffff) overflowed_ = true;
    store<uint16_t>(&bytes_[start], static_cast<uint16_t>(size));
    bytes_.resize((bytes_.size() + 3) & ~size_t{3});
  }
  void put(uint16_t type, Bytes payload) {
    size_t start = open(type);
    append(payload);
    close(start);
  }
  void append(Bytes payload) { bytes_.insert(bytes_.end(), payload.begin(), payload.end()); }
  template <typename T>
  void append(T value) {
    bytes_.resize(bytes_.size() + sizeof(T));
    store<T>(&bytes_[bytes_.size() - sizeof(T)], value);
  }
  template <typename T>
  void put_value(uint16_t type, T value) {
    size_t start = open(type);
    append(value);
    close(start);
  }
  void flag(uint16_t type) { close(open(type)); }
  std::vector<uint8_t>& raw() { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
  bool overflowed_ = false;
};

struct TreeAttr {
  uint16_t type;
  Bytes payload;

  // The payload as a T; zero if it is too short.
  template <typename T>
  T value(size_t offset = 0) const {
    return payload.size() >= offset + sizeof(T) ? load<T>(payload.data() + offset) : T{};
  }
};

// Takes the first attribute off 'rest'; false at the end or at what is not an attribute.
inline bool next_attr(Bytes& rest, TreeAttr& attr) {
  if (rest.size() < 4) return false;
  size_t size = load<uint16_t>(rest.data());
  if (size < 4 || size > rest.size()) return false;
  attr.type = load<uint16_t>(rest.data() + 2);
  attr.payload = rest.subspan(4, size - 4);
  size_t padded = (size + 3) & ~size_t{3};
  rest = rest.subspan(padded < rest.size() ? padded : rest.size());
  return true;
}

inline bool find_attr(Bytes nested, uint16_t type, TreeAttr& attr) {
  while (next_attr(nested, attr))
    if (attr.type == type) return true;
  return false;
}

// What a list does, nested lists included.
struct ActionFacts {
  uint64_t does = 0;
  uint64_t sets = 0;
  uint32_t n_unknown = 0;
  std::vector<uint32_t> out_ports;  // ascending, once each: output, tnl_push's out_port
};
void action_facts(Bytes tree, ActionFacts& facts);  // clears 'facts' first

}  // namespace cti::text
