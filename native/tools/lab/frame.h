// Ethernet frames, built layer by layer, with lengths and checksums filled in at the end.
//
// Only for the lab's traffic (lab_traffic): it knows the few protocols the lab sends. Addresses and ports are
// host-order integers; the frame is in wire order.
//
// Thread-safety: plain values; one thread a builder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cti::lab {

using Ip6 = std::array<uint8_t, 16>;

inline constexpr uint8_t tcp_fin = 0x01, tcp_syn = 0x02, tcp_rst = 0x04, tcp_ack = 0x10;

struct Ip4Options {
  uint8_t ttl = 64;
  uint8_t tos = 0;
  uint16_t fragment = 0;  // flags and offset: 0x2000 is "more fragments", the low 13 bits count 8 bytes each
};

class FrameBuilder {
 public:
  // Forgets everything and starts with the MAC addresses (low 48 bits). Call the layers in wire order, then finish().
  FrameBuilder& ethernet(uint64_t dst, uint64_t src);
  FrameBuilder& vlan(uint16_t vid, uint8_t pcp = 0);
  // A payload of 'type' that is none of the layers below.
  FrameBuilder& other(uint16_t type);
  FrameBuilder& arp(uint16_t op, uint64_t sha, uint32_t spa, uint64_t tha, uint32_t tpa);
  FrameBuilder& ip4(uint32_t src, uint32_t dst, Ip4Options options = {});
  FrameBuilder& ip6(const Ip6& src, const Ip6& dst, uint8_t hop_limit = 64);
  // On ip4() or ip6().
  FrameBuilder& udp(uint16_t src, uint16_t dst);
  FrameBuilder& tcp(uint16_t src, uint16_t dst, uint8_t flags);
  FrameBuilder& sctp(uint16_t src, uint16_t dst);
  FrameBuilder& icmp(uint8_t type, uint8_t code, uint16_t id);  // ICMP or ICMPv6, as the layer below
  FrameBuilder& neighbor_solicit(const Ip6& target, uint64_t source_mac);
  FrameBuilder& protocol(uint8_t number);  // an IP protocol without a header of its own

  // Pads with zeroes to 'size' bytes (at least 60, at most 1514), writes 'trailer' into the last bytes, fills in
  // lengths and checksums. The view is valid until the next call.
  std::span<const uint8_t> finish(size_t size = 0, std::span<const uint8_t> trailer = {});

 private:
  enum class L3 : uint8_t { none, ip4, ip6 };
  enum class Checksum : uint8_t { none, plain, pseudo, crc };

  void put8(uint8_t value) { bytes_[size_++] = value; }
  void put16(uint16_t value);
  void put32(uint32_t value);
  void put48(uint64_t value);
  void set16(size_t at, uint16_t value);
  void layer4(uint8_t number, Checksum kind, size_t checksum_at);
  uint16_t checksum4(size_t l4_size) const;

  std::array<uint8_t, 1514> bytes_{};
  size_t size_ = 0;
  L3 l3_ = L3::none;
  size_t l3_at_ = 0;
  size_t l4_at_ = 0;
  uint8_t protocol_ = 0;
  Checksum checksum_ = Checksum::none;
  size_t checksum_at_ = 0;
};

}  // namespace cti::lab
