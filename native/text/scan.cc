#include "text/scan.h"

#include <cstddef>

namespace cti::text {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool Cursor::hex_digits(uint64_t& value, uint64_t max) {
  const char* start = at;
  uint64_t v = 0;
  for (int digit; at != end && (digit = hex_value(*at)) >= 0; at++) {
    if (v >> 60) return false;
    v = v << 4 | static_cast<uint64_t>(digit);
  }
  value = v;
  return at != start && v <= max;
}

bool Cursor::number(uint64_t& value, uint64_t max) {
  if (left() >= 3 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
    at += 2;
    return hex_digits(value, max);
  }
  const char* start = at;
  uint64_t v = 0;
  for (; at != end && is_digit(*at); at++) {
    uint64_t digit = static_cast<uint64_t>(*at - '0');
    if (v > (UINT64_MAX - digit) / 10) return false;
    v = v * 10 + digit;
  }
  value = v;
  return at != start && v <= max;
}

bool Cursor::mac(uint64_t& value) {
  if (left() < 17) return false;
  uint64_t v = 0;
  for (int i = 0; i < 6; i++, at += 3) {
    int high = hex_value(at[0]), low = hex_value(at[1]);
    if ((high | low) < 0 || (i < 5 && at[2] != ':')) return false;
    v = v << 8 | static_cast<uint64_t>(high << 4 | low);
    if (i == 5) break;
  }
  at += 2;
  value = v;
  return true;
}

bool Cursor::ipv4(uint32_t& value) {
  uint32_t v = 0;
  for (int i = 0; i < 4; i++) {
    if (i && !eat('.')) return false;
    uint32_t byte = 0;
    const char* start = at;
    for (; at != end && is_digit(*at) && at - start < 3; at++) byte = byte * 10 + static_cast<uint32_t>(*at - '0');
    if (at == start || byte > 255) return false;
    v = v << 8 | byte;
  }
  value = v;
  return true;
}

bool Cursor::plain_ipv4(uint32_t& value) {
  const char* start = at;
  if (!ipv4(value)) return false;
  for (const char* c = start; c + 1 < at; c++)
    if (*c == '0' && is_digit(c[1]) && (c == start || c[-1] == '.')) return false;
  return true;
}

bool Cursor::ipv6(cti_be128& value) {
  uint16_t words[8];
  int n = 0, gap = -1;
  if (eat("::")) gap = 0;
  while (n < 8) {
    const char* start = at;
    uint32_t word = 0;
    for (int digit; at != end && at - start < 5 && (digit = hex_value(*at)) >= 0; at++)
      word = word << 4 | static_cast<uint32_t>(digit);
    if (at == start) {
      if (gap != n) return false;  // only "::" may be followed by nothing
      break;
    }
    if (word > 0xffff) return false;
    if (peek() == '.') {
      uint32_t v4;
      at = start;
      if (n > 6 || !ipv4(v4)) return false;
      words[n++] = static_cast<uint16_t>(v4 >> 16);
      words[n++] = static_cast<uint16_t>(v4);
      break;
    }
    words[n++] = static_cast<uint16_t>(word);
    if (n == 8 || peek() != ':') break;
    if (left() >= 2 && at[1] == ':') {
      if (gap >= 0) return false;
      at += 2;
      gap = n;
    } else {
      at++;
      if (at == end || hex_value(*at) < 0) return false;
    }
  }
  if (gap < 0 ? n != 8 : n > 7) return false;
  uint8_t bytes[16] = {};
  for (int i = 0; i < n; i++) {
    int place = gap >= 0 && i >= gap ? 8 - n + i : i;
    bytes[2 * place] = static_cast<uint8_t>(words[i] >> 8);
    bytes[2 * place + 1] = static_cast<uint8_t>(words[i]);
  }
  std::memcpy(&value, bytes, 16);
  return true;
}

bool Cursor::number128(cti_be128& value) {
  if (left() < 3 || at[0] != '0' || (at[1] != 'x' && at[1] != 'X')) {
    uint64_t low;
    if (!number(low, UINT64_MAX)) return false;
    value.word[0] = 0;
    value.word[1] = __builtin_bswap64(low);
    return true;
  }
  at += 2;
  unsigned __int128 v = 0;
  const char* start = at;
  for (int digit; at != end && (digit = hex_value(*at)) >= 0; at++) {
    if (v >> 124) return false;
    v = v << 4 | static_cast<unsigned>(digit);
  }
  if (at == start) return false;
  value.word[0] = __builtin_bswap64(static_cast<uint64_t>(v >> 64));
  value.word[1] = __builtin_bswap64(static_cast<uint64_t>(v));
  return true;
}

bool Cursor::hex_bytes(std::vector<uint8_t>& out, size_t size) {
  size_t first = out.size();
  if (eat("0x")) {
    const char* start = at;
    while (at != end && hex_value(*at) >= 0) at++;
    size_t n = static_cast<size_t>(at - start);
    if (n == 0 || (size && n > 2 * size)) return false;
    size_t n_bytes = size ? size : (n + 1) / 2;
    out.resize(first + n_bytes, 0);
    for (size_t i = 0; i < n; i++) {
      int digit = hex_value(at[-1 - static_cast<ptrdiff_t>(i)]);
      out[first + n_bytes - 1 - i / 2] |= static_cast<uint8_t>(i % 2 ? digit << 4 : digit);
    }
    return true;
  }
  if (!eat('0')) return false;
  out.resize(first + (size ? size : 1), 0);
  return true;
}

namespace {

// "(bad key length 3, expected 4)(", or "mask" for "key".
bool bad_length_complaint(Cursor& c, std::string_view words) {
  uint64_t number;
  if (!c.eat(words) || !c.number(number, UINT64_MAX) || !c.eat(", expected ")) return false;
  c.eat('-');
  return c.number(number, UINT64_MAX) && c.eat(")(");
}

void bytes_with_blanks(Cursor& c) {
  while (c.left() >= 2 && hex_value(c.at[0]) >= 0 && hex_value(c.at[1]) >= 0) {
    c.at += 2;
    if (c.left() >= 3 && *c.at == ' ' && hex_value(c.at[1]) >= 0) c.at++;
  }
}

constexpr std::string_view kBadKey = "(bad key length ", kBadMask = "(bad mask length ";

// The two complaints about an MPLS stack, after which OVS does not close the key's own parenthesis.
bool mpls_complaint(Cursor& c) {
  uint64_t number;
  if (c.eat(kBadKey)) return c.number(number, UINT64_MAX) && c.eat(')');
  return c.eat("(key length ") && c.number(number, UINT64_MAX) && c.eat(" != mask length ") && c.number(number, UINT64_MAX) && c.eat(')');
}

}  // namespace

bool Cursor::bad_length() {
  bool complaint = false;
  if (rest().starts_with(kBadKey)) {
    if (!bad_length_complaint(*this, kBadKey)) return false;
    complaint = true;
  }
  bytes_with_blanks(*this);
  if (eat('/')) {
    if (rest().starts_with(kBadMask)) {
      if (!bad_length_complaint(*this, kBadMask)) return false;
      complaint = true;
    }
    bytes_with_blanks(*this);
  }
  return complaint && eat(')');
}

std::string_view Cursor::item() {
  const char* start = at;
  size_t depth = 0;
  while (at != end) {
    if (*at == '(') {
      Cursor complaint = *this;
      if (rest().starts_with(kBadKey) && complaint.bad_length()) {
        at = complaint.at;
        continue;
      }
      complaint = *this;
      if (rest().starts_with(kBadMask) && bad_length_complaint(complaint, kBadMask)) {
        bytes_with_blanks(complaint);
        if (complaint.eat(')')) {
          at = complaint.at;
          continue;
        }
      }
      complaint = *this;
      if (depth && mpls_complaint(complaint)) {
        at = complaint.at;
        depth--;
        continue;
      }
      depth++;
    } else if (*at == ')') {
      if (depth-- == 0) break;
    } else if (*at == ',' && depth == 0) {
      break;
    }
    at++;
  }
  return {start, static_cast<size_t>(at - start)};
}

}  // namespace cti::text
