// A struct flow and its mask, as they lie in ovs-vswitchd's memory, into the match part of a dp_flows row: the keys and fields that
// `dpctl/dump-flows -m` would print of it (odp_flow_key_from_flow in OVS's lib/odp-util.c), with the values it would print.
//
// Thread-safety: a FlowDecoder is immutable; any thread.
#pragma once

#include <vector>

#include "ovs/layout.h"
#include "tables/generated/dp_flows.h"

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
 public:
  explicit FlowDecoder(const Layout& layout) : l_(layout) {}

  // 'flow' and 'mask' are layout.sizeof_flow bytes. in_port is left as the datapath's number: the caller makes it an id.
  void decode(const uint8_t* flow, const uint8_t* mask, tables::dp_flows::Match& match, FlowExtras& extras) const;

 private:
  struct Shape;
  Shape shape_of(const uint8_t* flow, const uint8_t* mask) const;
  template <typename Half>
  void match_half(const uint8_t* from, bool is_mask, const Shape& shape, Half& half) const;
  int mpls_entries(const uint8_t* flow) const;
  void tunnel(const uint8_t* flow, const uint8_t* mask, FlowExtras& extras) const;
  void ipv6(const uint8_t* flow, const uint8_t* mask, const Shape& shape, FlowExtras& extras) const;
  void ct_tuple(const uint8_t* flow, const uint8_t* mask, const Shape& shape, FlowExtras& extras) const;
  void arp(const uint8_t* flow, const uint8_t* mask, FlowExtras& extras) const;
  void encap(const uint8_t* flow, const uint8_t* mask, const Shape& shape, FlowExtras& extras) const;

  const Layout& l_;
};

}  // namespace cti::ovs
