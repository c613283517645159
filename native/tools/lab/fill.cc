#include "tools/lab/fill.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "tools/lab/frame.h"
#include "tools/lab/port.h"
#include "tools/lab/random.h"

namespace cti::lab {
namespace {

constexpr uint32_t magic = 0x63744669;
constexpr uint64_t sink_mac = 0x0200000000fe, source_mac = 0x0200000000fd;

Ip6 ip6_of(uint16_t subnet, uint32_t host) {
  Ip6 address{0xfd, 0, 0, 0, 0, 0, static_cast<uint8_t>(subnet >> 8), static_cast<uint8_t>(subnet)};
  for (size_t i = 0; i < 4; i++) address[12 + i] = static_cast<uint8_t>(host >> (24 - 8 * i));
  return address;
}

// The frame of flow 'index'; the last 8 bytes say which flow it is.
std::span<const uint8_t> flow_frame(FrameBuilder& frame, const FillOptions& options, uint32_t index) {
  // One-to-one on 24 bits, whatever the seed and the shapes: no two fills of a lab make the same flow, and
  // neighbours in the sequence are not neighbours in address.
  uint32_t host = scatter24(index);
  auto port = static_cast<uint16_t>(1024 + splitmix(index ^ options.seed) % 60000);
  uint32_t near = 10u << 24 | host, far = 0xac100000 | (host >> 4 & 0xfffff);
  frame.ethernet(sink_mac, source_mac);
  switch (index % options.n_shapes) {
    case 0: frame.ip4(near, 0xc0a80001).udp(port, 53); break;
    // 'far' holds 20 bits of the 24; the port must hold at least the other 4.
    case 1: frame.ip4(0xc0a80002, far).tcp(40000, static_cast<uint16_t>((port & ~15u) | (host & 15)), tcp_syn); break;
    case 2: frame.ip6(ip6_of(1, host), ip6_of(2, 1)).udp(5000, port); break;
    case 3: frame.ip4(near, far).icmp(8, 0, port); break;
    case 4: frame.vlan(static_cast<uint16_t>(1 + index % 4000)).ip4(near, 0xc0a80003).tcp(port, 443, tcp_ack); break;
    case 5: frame.ethernet(0x020001000000 | (host & 0xff), 0x020002000000 | host).other(0x88b5); break;
    case 6: frame.arp(1, source_mac, near, 0, far); break;
    default: frame.ip6(ip6_of(3, 1), ip6_of(4, host)).sctp(port, 3868); break;
  }
  std::array<uint8_t, 8> trailer{};
  for (size_t i = 0; i < 4; i++) {
    trailer[i] = static_cast<uint8_t>(magic >> (24 - 8 * i));
    trailer[4 + i] = static_cast<uint8_t>(index >> (24 - 8 * i));
  }
  return frame.finish(100 + splitmix(index + options.seed) % 400, trailer);
}

std::optional<uint32_t> flow_of(std::span<const uint8_t> frame) {
  if (frame.size() < 60) return std::nullopt;
  uint32_t words[2] = {};
  for (size_t i = 0; i < 8; i++) words[i / 4] = words[i / 4] << 8 | frame[frame.size() - 8 + i];
  if (words[0] != magic) return std::nullopt;
  return words[1];
}

class Filler {
 public:
  Filler(const FillOptions& options, Port out, Port in)
      : options_(options),
        out_(std::move(out)),
        in_(std::move(in)),
        pacer_(options.rate),
        begin_ns_(monotonic_ns()),
        end_ns_(begin_ns_ + static_cast<uint64_t>(options.seconds * 1e9)),
        seen_(options.count) {}

  Result<FillResult> run() {
    while (result_.n_seen < options_.count && result_.n_rounds < 10 && !late()) {
      result_.n_rounds++;
      for (uint32_t i = 0; i < options_.count && !late(); i++)
        if (!seen_[i]) CTI_TRY(send(i));
      CTI_TRY(settle());
    }
    result_.install_seconds = seconds();
    if (options_.extra_hits) CTI_TRY(hit_some_again());
    result_.total_seconds = seconds();
    result_.n_sent = out_.n_sent();
    return result_;
  }

 private:
  bool late() const { return monotonic_ns() > end_ns_; }
  double seconds() const { return static_cast<double>(monotonic_ns() - begin_ns_) / 1e9; }

  // The flow of rank r gets heaviest / r more packets, so that "top N by packets" has one right order near its top.
  Result<void> hit_some_again() {
    std::vector<uint32_t> ranked(options_.count);
    for (uint32_t i = 0; i < options_.count; i++) ranked[i] = i;
    for (uint32_t i = options_.count; i > 1; i--)
      std::swap(ranked[i - 1], ranked[splitmix(options_.seed * 31 + i) % i]);
    uint32_t heaviest = std::max<uint32_t>(50, options_.count / 20);
    for (uint32_t rank = 1; rank <= std::min(heaviest, options_.count); rank++)
      for (uint32_t hits = heaviest / rank; hits > 0 && !late(); hits--) CTI_TRY(send(ranked[rank - 1]));
    return settle();
  }

  Result<void> send(uint32_t i) {
    while (out_.n_sent() + n_queued_ >= result_.n_returned + n_lost_ + options_.window || !pacer_.allowance())
      CTI_TRY(wait());
    CTI_TRY(out_.queue(flow_frame(frame_, options_, options_.first + i)));
    pacer_.used(1);
    if (++n_queued_ == 16) CTI_TRY(flush());
    return {};
  }

  Result<void> flush() {
    n_queued_ = 0;
    last_progress_ns_ = monotonic_ns();
    CTI_TRY(out_.flush());
    return receive();
  }

  // Until all that was sent is back, or nothing has come for a while.
  Result<void> settle() {
    while (out_.n_sent() + n_queued_ > result_.n_returned + n_lost_) CTI_TRY(wait());
    return {};
  }

  Result<void> wait() {
    if (n_queued_) CTI_TRY(flush());
    uint64_t before = result_.n_returned;
    CTI_TRY(receive());
    if (result_.n_returned != before) return {};
    if (monotonic_ns() - last_progress_ns_ > stall_ns) {
      // What is still out will not come back; a flow among it is sent again in the next round.
      n_lost_ = out_.n_sent() - result_.n_returned;
      last_progress_ns_ = monotonic_ns();
    }
    sleep_ns(100'000);
    return {};
  }

  Result<void> receive() {
    auto received = in_.receive([this](std::span<const uint8_t> frame) {
      auto flow = flow_of(frame);
      if (!flow || *flow < options_.first || *flow - options_.first >= options_.count) return;
      result_.n_returned++;
      last_progress_ns_ = monotonic_ns();
      auto bit = seen_.begin() + (*flow - options_.first);
      if (!*bit) result_.n_seen++;
      *bit = true;
    });
    if (!received) return received.error();
    // A frame given up for lost came after all.
    n_lost_ = std::min(n_lost_, out_.n_sent() - std::min(out_.n_sent(), result_.n_returned));
    return {};
  }

  static constexpr uint64_t stall_ns = 200'000'000;

  const FillOptions& options_;
  Port out_, in_;
  Pacer pacer_;
  uint64_t begin_ns_, end_ns_;
  uint64_t last_progress_ns_ = monotonic_ns();
  uint64_t n_queued_ = 0;
  uint64_t n_lost_ = 0;
  std::vector<bool> seen_;
  FrameBuilder frame_;
  FillResult result_;
};

}  // namespace

Result<FillResult> fill(const FillOptions& options) {
  auto out = Port::open(options.out);
  if (!out) return out.error();
  auto in = Port::open(options.in);
  if (!in) return in.error();
  return Filler(options, std::move(*out), std::move(*in)).run();
}

}  // namespace cti::lab
