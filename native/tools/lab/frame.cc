#include "tools/lab/frame.h"

#include <algorithm>

namespace cti::lab {
namespace {

constexpr uint8_t proto_icmp = 1, proto_tcp = 6, proto_udp = 17, proto_icmp6 = 58, proto_sctp = 132;

// The ones' complement sum of RFC 1071, not yet folded or inverted.
uint32_t sum16(std::span<const uint8_t> bytes, uint32_t sum = 0) {
  for (size_t i = 0; i < bytes.size(); i++) sum += i % 2 ? bytes[i] : uint32_t{bytes[i]} << 8;
  return sum;
}

uint16_t fold(uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

// CRC32c of RFC 9260, bit by bit: SCTP frames are few.
uint32_t crc32c(std::span<const uint8_t> bytes) {
  uint32_t crc = ~0u;
  for (uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

}  // namespace

void FrameBuilder::put16(uint16_t value) {
  put8(static_cast<uint8_t>(value >> 8));
  put8(static_cast<uint8_t>(value));
}

void FrameBuilder::put32(uint32_t value) {
  put16(static_cast<uint16_t>(value >> 16));
  put16(static_cast<uint16_t>(value));
}

void FrameBuilder::put48(uint64_t value) {
  put16(static_cast<uint16_t>(value >> 32));
  put32(static_cast<uint32_t>(value));
}

void FrameBuilder::set16(size_t at, uint16_t value) {
  bytes_[at] = static_cast<uint8_t>(value >> 8);
  bytes_[at + 1] = static_cast<uint8_t>(value);
}

FrameBuilder& FrameBuilder::ethernet(uint64_t dst, uint64_t src) {
  bytes_.fill(0);
  size_ = 0;
  l3_ = L3::none;
  protocol_ = 0;
  checksum_ = Checksum::none;
  l4_at_ = 0;
  put48(dst);
  put48(src);
  return *this;
}

FrameBuilder& FrameBuilder::vlan(uint16_t vid, uint8_t pcp) {
  put16(0x8100);
  put16(static_cast<uint16_t>(pcp << 13 | (vid & 0xfff)));
  return *this;
}

FrameBuilder& FrameBuilder::other(uint16_t ether_type) {
  put16(ether_type);
  return *this;
}

FrameBuilder& FrameBuilder::arp(uint16_t op, uint64_t sha, uint32_t spa, uint64_t tha, uint32_t tpa) {
  put16(0x0806);
  put16(1);
  put16(0x0800);
  put8(6);
  put8(4);
  put16(op);
  put48(sha);
  put32(spa);
  put48(tha);
  put32(tpa);
  return *this;
}

FrameBuilder& FrameBuilder::ip4(uint32_t src, uint32_t dst, Ip4Options options) {
  put16(0x0800);
  l3_ = L3::ip4;
  l3_at_ = size_;
  put8(0x45);
  put8(options.tos);
  put16(0);  // length: finish()
  put16(0);
  put16(options.fragment);
  put8(options.ttl);
  put8(0);  // protocol: the next layer
  put16(0);
  put32(src);
  put32(dst);
  l4_at_ = size_;
  return *this;
}

FrameBuilder& FrameBuilder::ip6(const Ip6& src, const Ip6& dst, uint8_t hop_limit) {
  put16(0x86dd);
  l3_ = L3::ip6;
  l3_at_ = size_;
  put32(0x60000000);
  put16(0);
  put8(59);  // no next header, unless a layer follows
  put8(hop_limit);
  for (uint8_t byte : src) put8(byte);
  for (uint8_t byte : dst) put8(byte);
  l4_at_ = size_;
  return *this;
}

void FrameBuilder::layer4(uint8_t number, Checksum kind, size_t checksum_at) {
  bytes_[l3_at_ + (l3_ == L3::ip4 ? 9 : 6)] = number;
  protocol_ = number;
  checksum_ = kind;
  checksum_at_ = l4_at_ + checksum_at;
}

FrameBuilder& FrameBuilder::protocol(uint8_t number) {
  layer4(number, Checksum::none, 0);
  return *this;
}

FrameBuilder& FrameBuilder::udp(uint16_t src, uint16_t dst) {
  layer4(proto_udp, Checksum::pseudo, 6);
  put16(src);
  put16(dst);
  put32(0);
  return *this;
}

FrameBuilder& FrameBuilder::tcp(uint16_t src, uint16_t dst, uint8_t flags) {
  layer4(proto_tcp, Checksum::pseudo, 16);
  put16(src);
  put16(dst);
  put32(1000);
  put32(flags & tcp_ack ? 1 : 0);
  put8(5 << 4);
  put8(flags);
  put16(8192);
  put32(0);
  return *this;
}

FrameBuilder& FrameBuilder::sctp(uint16_t src, uint16_t dst) {
  layer4(proto_sctp, Checksum::crc, 8);
  put16(src);
  put16(dst);
  put32(0);
  put32(0);
  put8(1);  // an INIT chunk of 20 bytes
  put8(0);
  put16(20);
  put32(0x11223344);
  put32(65536);
  put32(0x00010001);
  put32(1);
  return *this;
}

FrameBuilder& FrameBuilder::icmp(uint8_t icmp_type, uint8_t code, uint16_t id) {
  if (l3_ == L3::ip4) {
    layer4(proto_icmp, Checksum::plain, 2);
  } else {
    layer4(proto_icmp6, Checksum::pseudo, 2);
  }
  put8(icmp_type);
  put8(code);
  put16(0);
  put16(id);
  put16(1);
  return *this;
}

FrameBuilder& FrameBuilder::neighbor_solicit(const Ip6& target, uint64_t source_mac) {
  layer4(proto_icmp6, Checksum::pseudo, 2);
  put8(135);
  put8(0);
  put16(0);
  put32(0);
  for (uint8_t byte : target) put8(byte);
  put8(1);  // option: source link-layer address
  put8(1);
  put48(source_mac);
  return *this;
}

// Over the pseudo header of RFC 768 and RFC 8200 where the protocol has one, and the 'l4_size' bytes of layer 4.
uint16_t FrameBuilder::checksum4(size_t l4_size) const {
  std::span<const uint8_t> all(bytes_);
  uint32_t sum = 0;
  if (checksum_ == Checksum::pseudo) {
    sum = l3_ == L3::ip4 ? sum16(all.subspan(l3_at_ + 12, 8)) : sum16(all.subspan(l3_at_ + 8, 32));
    sum += protocol_ + static_cast<uint32_t>(l4_size);
  }
  uint16_t result = fold(sum16(all.subspan(l4_at_, l4_size), sum));
  return result == 0 && protocol_ == proto_udp ? 0xffff : result;
}

std::span<const uint8_t> FrameBuilder::finish(size_t size, std::span<const uint8_t> trailer) {
  bool pads_ip = l3_ != L3::none && protocol_ != proto_sctp && protocol_ != proto_icmp6;
  size_t payload_end = size_;
  size_ = std::clamp(std::max({size, size_ + trailer.size(), size_t{60}}), size_, bytes_.size());
  std::copy(trailer.begin(), trailer.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(size_ - trailer.size()));
  // Neighbour discovery and SCTP chunks allow no stray bytes: for them the padding is the link's, not the packet's.
  size_t end = pads_ip || !trailer.empty() ? size_ : payload_end;

  if (l3_ == L3::ip4) set16(l3_at_ + 2, static_cast<uint16_t>(end - l3_at_));
  if (l3_ == L3::ip6) set16(l3_at_ + 4, static_cast<uint16_t>(end - l4_at_));
  if (protocol_ == proto_udp && checksum_ != Checksum::none) set16(l4_at_ + 4, static_cast<uint16_t>(end - l4_at_));
  if (checksum_ == Checksum::crc) {
    uint32_t crc = crc32c(std::span(bytes_).subspan(l4_at_, end - l4_at_));
    for (int i = 0; i < 4; i++) bytes_[checksum_at_ + static_cast<size_t>(i)] = static_cast<uint8_t>(crc >> (8 * i));
  } else if (checksum_ != Checksum::none) {
    set16(checksum_at_, checksum4(end - l4_at_));
  }
  if (l3_ == L3::ip4) set16(l3_at_ + 10, fold(sum16(std::span(bytes_).subspan(l3_at_, 20))));
  return std::span(bytes_).first(size_);
}

}  // namespace cti::lab
