// The hash of keys in guest memory. It is part of the kernel functions' signatures: a table that a program filled on
// one host is filled further on another.
//
// Thread-safety: a pure function.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace cti::vm {

// The finalizer of splitmix64 over each word of the key. 'size' is a multiple of 8.
inline uint64_t hash_key(const uint8_t* key, uint32_t size) {
  uint64_t h = size;
  for (uint32_t i = 0; i < size; i += 8) {
    h = (h ^ load<uint64_t>(key + i)) + 0x9e3779b97f4a7c15;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
    h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
    h ^= h >> 31;
  }
  return h;
}

// A faster one, of group_entries: a multiplication to 128 bits for two words of the key, its halves folded together.
inline uint64_t fold_key(const uint8_t* key, uint32_t size) {
  constexpr uint64_t kOdd[] = {0xc2b2ae3d27d4eb4f, 0x9e3779b185ebca87};
  auto fold = [](uint64_t a, uint64_t b) {
    unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  uint64_t h = size;
  uint32_t i = 0;
  for (; i + 16 <= size; i += 16) h = fold(load<uint64_t>(key + i) ^ h ^ kOdd[0], load<uint64_t>(key + i + 8) ^ kOdd[1]);
  if (i < size) h = fold(load<uint64_t>(key + i) ^ h ^ kOdd[0], kOdd[1]);
  return h;
}

}  // namespace cti::vm
