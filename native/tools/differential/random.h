// Random numbers that are the same everywhere: a seed is a program.
//
// Thread-safety: a value of one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

namespace cti::differential {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  // splitmix64.
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // 0 to n - 1.
  uint32_t below(uint32_t n) { return static_cast<uint32_t>((next() >> 32) * n >> 32); }
  bool one_in(uint32_t n) { return below(n) == 0; }
  template <typename T>
  T pick(std::initializer_list<T> from) {
    return from.begin()[below(static_cast<uint32_t>(from.size()))];
  }
  template <typename Range>
  const auto& pick_of(const Range& from) {
    return from[below(static_cast<uint32_t>(std::size(from)))];
  }

 private:
  uint64_t state_;
};

}  // namespace cti::differential
