// A struct flow and its mask, as they lie in ovs-vswitchd's memory, into the match part of a dp_flows row: the keys and fields that
// `dpctl/dump-flows -m` would print of it (odp_flow_key_from_flow in OVS's lib/odp-util.c), with the values it would print.
//
// Thread-safety: a FlowDecoder is immutable; any thread.
#pragma once

#include <optional>
#include <vector>

#include "ovs/layout.h"
#include "tables/generated/dp_flows.h"
#include "text/keys.h"

namespace cti::ovs {

// The parts of a row that only some rows have; each is valid if its bit is set.
struct FlowExtras {
  enum Part : uint32_t { kTunnel = 1, kIpv6 = 2, kCtTuple = 4, kArp = 8, kEncap = 16 };
  uint32_t parts = 0;
  // Something of the match that cannot be read yet, named; null if nothing. The row then carries it as text.
  const char* unknown = nullptr;
  tables::dp_flows::Tunnel tunnel;
  std::vector<uint8_t> geneve_key, geneve_mask;  // options as tun_geneve has them; the caller makes refs of them
  tables::dp_flows::Ipv6 ipv6;
  tables::dp_flows::CtTuple ct_tuple;
  tables::dp_flows::Arp arp;
  tables::dp_flows::Encap encap;
};

class FlowDecoder {
 private:
  // Which keys a flow has; what of them is matched does not change that.
  struct Shape {
    uint64_t attrs = 0;
    uint16_t eth_type = 0;  // 0: the frame has none
    uint8_t n_vlans = 0;    // vlan(...) given
    uint8_t n_mpls = 0;
    bool ip = false;  // nw_* are IP's
    bool ipv6 = false, arp = false, mpls = false, nsh = false, nd = false;
    bool ports = false, icmp = false, tcp_flags = false;
    bool ct_tuple4 = false, ct_tuple6 = false;
    bool mpls_is_empty = false;  // MPLS, but the masked key has no entry to show

    bool operator==(const Shape&) const = default;
  };

 public:
  // 'recirc_first': the switch prints recirc_id and dp_hash before the other metadata, as 3.5 does, and the rows say so.
  FlowDecoder(const Layout& layout, bool recirc_first) : l_(layout), order_(recirc_first ? text::kRecircFirst : 0) {}

  // What the flow before made of a mask: the same for the next one with this mask, if it has the same keys.
  class MaskMemo {
    friend class FlowDecoder;
    std::optional<Shape> shape_;
    decltype(tables::dp_flows::Match::mask) half_{};
  };

  // 'flow' and 'mask' are layout.sizeof_flow bytes; 'memo' is of that mask, whose bytes stay the same. in_port is left as the datapath's number: the caller
  // makes it an id.
  void decode(const uint8_t* flow, const uint8_t* mask, MaskMemo& memo, tables::dp_flows::Match& match, FlowExtras& extras) const;

 private:
  Shape shape_of(const uint8_t* flow, const uint8_t* mask) const;
  template <typename Half>
  void match_half(const uint8_t* from, bool is_mask, const Shape& shape, Half& half) const;
  void mask_half(const uint8_t* mask, const Shape& shape, decltype(tables::dp_flows::Match::mask)& half) const;
  uint8_t mpls_entries(const uint8_t* flow) const;
  void tunnel(const uint8_t* flow, const uint8_t* mask, FlowExtras& extras) const;
  void ipv6(const uint8_t* flow, const uint8_t* mask, const Shape& shape, FlowExtras& extras) const;
  void ct_tuple(const uint8_t* flow, const uint8_t* mask, const Shape& shape, FlowExtras& extras) const;
  void arp(const uint8_t* flow, const uint8_t* mask, FlowExtras& extras) const;
  void encap(const uint8_t* flow, const uint8_t* mask, const Shape& shape, FlowExtras& extras) const;

  const Layout& l_;
  const uint64_t order_;  // bit of match.key.attrs
};

}  // namespace cti::ovs
