// Reads the bytes of an image, which anyone may have made: whatever is wrong is noted once, with byte, field, what was expected and what
// was received, and all later reads give zeros. A count is checked against the bytes that are left before anything is made for it.
//
// Thread-safety: a value of one thread.
#pragma once

#include <cinttypes>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace cti::image {

class Reader {
 public:
  // 'bytes' begin at byte 'offset' of the image.
  explicit Reader(Bytes bytes, uint64_t offset = 0) : bytes_(bytes), offset_(offset) {}

  template <typename T>
  T number(const char* field) {
    field_at_ = at_;
    if (failed_ || bytes_.size() - at_ < sizeof(T)) {
      fail(field, std::to_string(sizeof(T)) + " bytes", std::to_string(left()));
      return 0;
    }
    T value = load<T>(bytes_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  // A number from 'low' to 'high'.
  template <typename T>
  T number_in(const char* field, uint64_t low, uint64_t high) {
    T value = number<T>(field);
    check(value >= low && value <= high, field, range_text(low, high), value);
    return failed_ ? 0 : value;
  }
  // How many items follow: at most 'high', each of at least 'item_size' bytes of what is left.
  template <typename T>
  T count(const char* field, uint64_t high, uint64_t item_size) {
    T value = number_in<T>(field, 0, high);
    check(value <= left() / item_size, field, "at most " + std::to_string(left() / item_size) + ", for which there are bytes,", value);
    return failed_ ? 0 : value;
  }
  Bytes bytes(const char* field, uint64_t size) {
    field_at_ = at_;
    if (failed_ || size > left()) {
      fail(field, std::to_string(size) + " bytes", std::to_string(left()));
      return {};
    }
    Bytes result = bytes_.subspan(at_, size);
    at_ += size;
    return result;
  }
  // A u8 size, and as many bytes of UTF-8.
  std::string name(const char* field) { return text(field, number<uint8_t>(field)); }
  std::string text(const char* field, uint64_t size);

  // Of the field that was read last.
  void check(bool is_right, const char* field, std::string_view expected, uint64_t received) {
    if (!is_right) fail(field, expected, std::to_string(received));
  }
  void fail(const char* field, std::string_view expected, std::string_view received);

  // Nothing may be left.
  void end(const char* field);

  uint64_t left() const { return bytes_.size() - at_; }
  uint64_t offset() const { return offset_ + at_; }
  bool failed() const { return failed_; }
  Error error() const { return error_; }

 private:
  static std::string range_text(uint64_t low, uint64_t high) {
    return low == high ? std::to_string(low) : std::to_string(low) + " to " + std::to_string(high);
  }

  Bytes bytes_;
  uint64_t offset_;
  uint64_t at_ = 0;
  uint64_t field_at_ = 0;
  bool failed_ = false;
  Error error_{ErrorCode::IMAGE_MALFORMED, ""};
};

// What is wrong with a field, in the one form such errors have.
Error malformed(uint64_t offset, const char* field, std::string_view expected, std::string_view received);

}  // namespace cti::image
