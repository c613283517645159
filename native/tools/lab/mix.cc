#include "tools/lab/mix.h"

#include <algorithm>

#include "tools/lab/port.h"
#include "tools/lab/random.h"

namespace cti::lab {
namespace {

struct Context {
  FrameBuilder& frame;
  const Host& from;
  const Host& to;
  uint16_t nested_vlan;
  uint64_t random;  // of this frame

  uint32_t address() const { return static_cast<uint32_t>(random); }
  uint16_t port() const { return static_cast<uint16_t>(1024 + random % 60000); }
  FrameBuilder& ethernet() const { return frame.ethernet(to.mac, from.mac); }
  FrameBuilder& ip4(Ip4Options ip = {}) const { return ethernet().ip4(from.ip4, to.ip4, ip); }
  FrameBuilder& ip6() const { return ethernet().ip6(from.ip6, to.ip6); }
};

constexpr uint64_t broadcast = 0xffffffffffff;

Ip6 solicited_node(const Ip6& target) {
  return {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, target[13], target[14], target[15]};
}

void neighbor_solicit(const Context& c) {
  Ip6 target = c.to.ip6;
  target[15] = static_cast<uint8_t>(c.random);
  Ip6 group = solicited_node(target);
  uint64_t mac = 0x3333ff000000 | uint64_t{group[13]} << 16 | uint64_t{group[14]} << 8 | group[15];
  c.frame.ethernet(mac, c.from.mac).ip6(c.from.ip6, group, 255).neighbor_solicit(target, c.from.mac);
}

// One row a kind. With one argument for all, a row is the frame's layers and nothing else.
struct Kind {
  const char* name;
  void (*build)(const Context&);
};

const Kind kinds[] = {
    {"tcp_syn", [](const Context& c) { c.ip4().tcp(c.port(), static_cast<uint16_t>(c.random >> 32), tcp_syn); }},
    // Conntrack calls the next two invalid: an answer to nothing, and flags that exclude each other.
    {"tcp_syn_ack", [](const Context& c) { c.ip4().tcp(80, c.port(), tcp_syn | tcp_ack); }},
    {"tcp_syn_fin", [](const Context& c) { c.ip4().tcp(c.port(), 80, tcp_syn | tcp_fin); }},
    {"udp", [](const Context& c) { c.ip4().udp(c.port(), static_cast<uint16_t>(c.random >> 32)); }},
    {"udp6", [](const Context& c) { c.ip6().udp(c.port(), 53); }},
    {"tos", [](const Context& c) { c.ip4({.tos = static_cast<uint8_t>(c.random & 0xfc)}).udp(5353, 5353); }},
    {"ttl1", [](const Context& c) { c.ip4({.ttl = 1}).udp(c.port(), 33434); }},
    {"fragments",
     [](const Context& c) {
       uint16_t first = 0x2000, later = 185;
       c.ip4({.fragment = c.random & 1 ? first : later}).udp(7, 7);
     }},
    {"icmp", [](const Context& c) { c.ip4().icmp(c.random & 1 ? 8 : 13, 0, c.port()); }},
    {"icmp6", [](const Context& c) { c.ip6().icmp(128, 0, c.port()); }},
    {"sctp", [](const Context& c) { c.ip4().sctp(c.port(), 3868); }},
    {"esp", [](const Context& c) { c.ip4().protocol(50); }},
    {"elsewhere",
     [](const Context& c) { c.ethernet().ip4(c.from.ip4, c.address()).udp(c.port(), 123); }},
    {"forged_ip",
     [](const Context& c) { c.ethernet().ip4(c.address(), c.to.ip4).udp(c.port(), 53); }},
    {"forged_mac",
     [](const Context& c) {
       uint64_t mac = 0x020000000000 | (c.random & 0xffffff);
       c.frame.ethernet(c.to.mac, mac).ip4(c.from.ip4, c.to.ip4).udp(1, 1);
     }},
    {"vlan",
     [](const Context& c) {
       c.ethernet().vlan(c.nested_vlan, c.random & 7).ip4(c.from.ip4, c.to.ip4).udp(c.port(), 53);
     }},
    {"other_vlan",
     [](const Context& c) {
       auto vid = static_cast<uint16_t>(200 + c.random % 1000);
       c.ethernet().vlan(vid).ip4(c.from.ip4, c.to.ip4).udp(1, 1);
     }},
    {"arp",
     [](const Context& c) {
       uint32_t target = (c.to.ip4 & ~0xffu) | (c.random & 0xff);
       c.frame.ethernet(broadcast, c.from.mac).arp(1, c.from.mac, c.from.ip4, 0, target);
     }},
    {"forged_arp",
     [](const Context& c) {
       c.frame.ethernet(broadcast, c.from.mac).arp(2, c.from.mac, c.address(), 0, c.to.ip4);
     }},
    {"nd", neighbor_solicit},
    {"multicast",
     [](const Context& c) {
       uint32_t group = 0xef000000 | (c.random & 0xf);
       uint64_t mac = 0x01005e000000 | (group & 0x7fffff);
       c.frame.ethernet(mac, c.from.mac).ip4(c.from.ip4, group).udp(5000, 5000);
     }},
    {"other_type", [](const Context& c) { c.ethernet().other(c.random & 1 ? 0x88cc : 0x8847); }},
};

}  // namespace

std::vector<std::string> mix_kinds() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds) names.emplace_back(kind.name);
  return names;
}

Result<uint64_t> mix(const MixOptions& options) {
  auto port = Port::open(options.interface);
  if (!port) return port.error();
  Pacer pacer(options.rate);
  uint64_t end_ns = monotonic_ns() + static_cast<uint64_t>(options.seconds * 1e9);
  FrameBuilder frame;
  for (const std::string& name : options.kinds) {
    const Kind* kind = std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& k) { return name == k.name; });
    if (kind == std::end(kinds))
      return errorf(ErrorCode::INVALID_ARGUMENT, "Expected a kind of traffic but received '%s'", name.c_str());
    for (uint32_t i = 0; i < options.count && monotonic_ns() < end_ns; i++) {
      while (!pacer.allowance()) sleep_ns(200'000);
      pacer.used(1);
      auto place = static_cast<uint64_t>(kind - std::begin(kinds));
      kind->build({frame, options.from, options.to, options.vlan, splitmix(splitmix(options.seed + place) + i)});
      CTI_TRY(port->queue(frame.finish(64 + i % 200)));
      CTI_TRY(port->flush());
    }
  }
  return port->n_sent();
}

}  // namespace cti::lab
