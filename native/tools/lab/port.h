// A raw (AF_PACKET) socket on one interface of the current network namespace, and a pace.
//
// Thread-safety: one thread a Port or Pacer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "sys/fd.h"

namespace cti::lab {

uint64_t monotonic_ns();

class Port {
 public:
  static Result<Port> open(const std::string& interface);

  // Frames are collected and leave together, by flush() or when 64 are there.
  Result<void> queue(std::span<const uint8_t> frame);
  Result<void> flush();
  uint64_t n_sent() const { return n_sent_; }

  // Calls 'each' with every frame that came in since (not those sent from here); returns how many. Does not wait.
  Result<size_t> receive(const std::function<void(std::span<const uint8_t>)>& each);

 private:
  static constexpr size_t batch = 64;

  sys::UniqueFd fd_;
  std::vector<std::vector<uint8_t>> pending_;
  std::vector<uint8_t> buffers_;
  uint64_t n_sent_ = 0;
};

// Lets at most 'per_second' through, evenly.
class Pacer {
 public:
  explicit Pacer(double per_second) : per_second_(per_second), begin_ns_(monotonic_ns()) {}
  // How many more may go now.
  uint64_t allowance() const;
  void used(uint64_t n) { n_used_ += n; }

 private:
  double per_second_;
  uint64_t begin_ns_;
  uint64_t n_used_ = 0;
};

void sleep_ns(uint64_t ns);

// Turns off what veth would leave to hardware that is not there: OVS's userspace datapath reads the frames as they are,
// and its conntrack calls a packet with an unfinished checksum invalid.
Result<void> finish_checksums_in_software(const std::string& interface);

}  // namespace cti::lab
