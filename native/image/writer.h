// Puts the bytes of an image together. What is written came from a run or was checked before.
//
// Thread-safety: a value of one thread.
#pragma once

#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace cti::image {

class Writer {
 public:
  template <typename T>
  void number(T value) {
    uint64_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    store(bytes_.data() + at, value);
  }
  void bytes(Bytes from) { bytes_.insert(bytes_.end(), from.begin(), from.end()); }
  void text(std::string_view from) { bytes_.insert(bytes_.end(), from.begin(), from.end()); }
  // A u8 size and as many bytes, cut at 255: then has_long_name() says so.
  void name(std::string_view from) {
    has_long_name_ |= from.size() > 255;
    from = from.substr(0, 255);
    number(static_cast<uint8_t>(from.size()));
    text(from);
  }
  bool has_long_name() const { return has_long_name_; }
  template <typename T>
  void patch(uint64_t at, T value) {
    store(bytes_.data() + at, value);
  }
  uint64_t size() const { return bytes_.size(); }
  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
  bool has_long_name_ = false;
};

}  // namespace cti::image
