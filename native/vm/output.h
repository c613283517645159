// What a program prints and emits, until whoever runs it takes it: a bounded buffer outside the window.
//
//   each piece   u32 kind (0 text, 1 record) | u32 size | u64 type (of a record) | size bytes | zeros to a multiple of 8
//
// Thread-safety: belongs to one run, as its window does.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace cti::vm {

class Output {
 public:
  enum class Kind : uint32_t { text = 0, record = 1 };
  static constexpr uint64_t kHeadSize = 16;
  static constexpr uint64_t kDefaultLimit = 1 << 20;

  // 'limit': bytes of pieces, heads included, that are held at once.
  explicit Output(uint64_t limit = kDefaultLimit) : limit_(limit) {}

  // Whether a piece of 'size' bytes has room now.
  bool has_room(uint64_t size) const {
    uint64_t left = limit_ - pieces_.size();
    return size <= left && kHeadSize + (size + 7) / 8 * 8 <= left;
  }
  // Adds a piece that has room. std::bad_alloc if the host has no memory; nothing is added then.
  void add(Kind kind, uint64_t type, Bytes bytes) {
    uint64_t at = pieces_.size();
    pieces_.resize(at + kHeadSize + (bytes.size() + 7) / 8 * 8);
    store(pieces_.data() + at, static_cast<uint32_t>(kind));
    store(pieces_.data() + at + 4, static_cast<uint32_t>(bytes.size()));
    store(pieces_.data() + at + 8, type);
    if (!bytes.empty()) std::memcpy(pieces_.data() + at + kHeadSize, bytes.data(), bytes.size());
  }
  // All pieces since the last call; there is room again.
  std::vector<uint8_t> take() { return std::exchange(pieces_, {}); }

 private:
  uint64_t limit_;
  std::vector<uint8_t> pieces_;
};

}  // namespace cti::vm
