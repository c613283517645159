// A cursor over one line of text and the number notations a flow dump uses.
//
// A scanner moves the cursor past what it took and returns true, or returns false and leaves the cursor anywhere: the caller
// that wants to go on remembers where it was. Nothing reads at or past 'end'.
//
// Thread-safety: plain values.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "ctinspector/table.h"

namespace cti::text {

struct Cursor {
  const char* at;
  const char* end;

  explicit Cursor(std::string_view text) : at(text.data()), end(text.data() + text.size()) {}

  bool done() const { return at == end; }
  char peek() const { return at == end ? '\0' : *at; }
  size_t left() const { return static_cast<size_t>(end - at); }
  std::string_view rest() const { return {at, left()}; }

  bool eat(char c) {
    if (at == end || *at != c) return false;
    at++;
    return true;
  }
  bool eat(std::string_view word) {
    if (left() < word.size() || std::memcmp(at, word.data(), word.size()) != 0) return false;
    at += word.size();
    return true;
  }

  // Decimal, or hexadecimal after 0x; at most 'max'.
  bool number(uint64_t& value, uint64_t max);
  // Hexadecimal digits without 0x, one at least; at most 'max'.
  bool hex_digits(uint64_t& value, uint64_t max);
  bool mac(uint64_t& value);
  bool ipv4(uint32_t& value);
  // The same, of numbers without leading zeros: an address has one text.
  bool plain_ipv4(uint32_t& value);
  bool ipv6(cti_be128& value);
  // A number of up to 128 bits (decimal up to 64), as 16 bytes in wire order.
  bool number128(cti_be128& value);
  // 0x and hex digits (or a lone 0) as bytes, right-aligned in 'size' bytes if 'size' is not 0.
  bool hex_bytes(std::vector<uint8_t>& out, size_t size);

  // Text up to the first of ',' and ')' that is in no parentheses opened after the cursor, or to the end: an item of a list
  // that nobody understands. Iterative, so nesting costs nothing. What OVS prints of an attribute of a wrong length, whose
  // parentheses do not fit and which has commas, is passed over as what it is.
  std::string_view item();

  // What OVS prints in place of a key of another length than it expects:
  //   [ "(bad key length N, expected N)(" ] bytes [ "/" [ "(bad mask length N, expected N)(" ] bytes ] ")"
  // with at least one of the two complaints; the bytes are pairs of hex digits with blanks between.
  bool bad_length();
};

// IPv4 mask of a prefix length.
constexpr uint32_t prefix_mask(uint64_t size) { return size == 0 ? 0 : ~uint32_t{0} << (32 - size); }

}  // namespace cti::text
