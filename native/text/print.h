// A growing text buffer with the number notations of OVS's formatters.
//
// Thread-safety: a plain value.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "base/bytes.h"
#include "ctinspector/table.h"

namespace cti::text {

class TextBuffer {
 public:
  TextBuffer() { grow(4096); }
  TextBuffer(const TextBuffer&) = delete;
  TextBuffer& operator=(const TextBuffer&) = delete;
  ~TextBuffer() { std::free(begin_); }

  std::string_view text() const { return {begin_, size()}; }
  size_t size() const { return static_cast<size_t>(at_ - begin_); }
  void clear() { at_ = begin_; }
  void truncate(size_t size) { at_ = begin_ + size; }
  // Removes a last 'c', if there is one.
  void chomp(char c) {
    if (at_ != begin_ && at_[-1] == c) at_--;
  }

  void put(char c) {
    room(1);
    *at_++ = c;
  }
  void put(std::string_view text) {
    room(text.size());
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put_dec(uint64_t value);
  // 0x... ; no leading zeros, at least one digit.
  void put_0x(uint64_t value);
  // printf's %#x: as put_0x, but 0 is "0".
  void put_hex(uint64_t value) {
    if (value)
      put_0x(value);
    else
      put('0');
  }
  // 'digits' hex digits, without prefix.
  void put_hex_digits(uint64_t value, int digits);
  void put_ipv4(uint32_t address);
  void put_ipv6(const cti_be128& address);  // as inet_ntop
  void put_mac(uint64_t address);
  // All bytes as one hex number: 0x without leading zeros, "0" if all are zero.
  void put_hex_bytes(Bytes bytes);

 private:
  void room(size_t size) {
    if (size > static_cast<size_t>(end_ - at_)) grow(size);
  }
  void grow(size_t size);

  char* begin_ = nullptr;
  char* at_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace cti::text
