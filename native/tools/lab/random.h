// Deterministic numbers: the same seed gives the same traffic on every machine.
#pragma once

#include <cstdint>

namespace cti::lab {

// Steele, Lea and Flood's SplitMix64, as a function of its state.
constexpr uint64_t splitmix(uint64_t state) {
  uint64_t z = state + 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// A permutation of the 24-bit numbers (an odd multiplier, an addition and an xor-shift each are one).
constexpr uint32_t scatter24(uint32_t value) {
  constexpr uint32_t mask = 0xffffff;
  uint32_t x = (value * 0x9e3779b1u + 0x3c6ef3) & mask;
  x ^= x >> 13;
  return (x * 0x85ebcbu) & mask;
}

}  // namespace cti::lab
