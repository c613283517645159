#include "text/print.h"

#include <algorithm>
#include <array>

namespace cti::text {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

// The decimal text of a byte, and its length.
struct ByteText {
  char text[3];
  uint8_t size;
};
constexpr std::array<ByteText, 256> kBytes = [] {
  std::array<ByteText, 256> table{};
  for (int i = 0; i < 256; i++) {
    ByteText& entry = table[i];
    if (i >= 100) entry.text[entry.size++] = static_cast<char>('0' + i / 100);
    if (i >= 10) entry.text[entry.size++] = static_cast<char>('0' + i / 10 % 10);
    entry.text[entry.size++] = static_cast<char>('0' + i % 10);
  }
  return table;
}();

char* byte_dec(char* to, uint8_t value) {
  const ByteText& entry = kBytes[value];
  std::memcpy(to, entry.text, 3);
  return to + entry.size;
}

char* hex(char* to, uint32_t value) {
  int digits = 1;
  while (digits < 8 && value >> (4 * digits)) digits++;
  while (digits--) *to++ = kDigits[value >> (4 * digits) & 15];
  return to;
}

}  // namespace

void TextBuffer::grow(size_t size) {
  size_t used = static_cast<size_t>(at_ - begin_);
  size_t capacity = std::max<size_t>(used + size, 2 * static_cast<size_t>(end_ - begin_));
  void* begin = std::realloc(begin_, capacity);
  if (!begin) throw std::bad_alloc();
  begin_ = static_cast<char*>(begin);
  at_ = begin_ + used;
  end_ = begin_ + capacity;
}

void TextBuffer::put_dec(uint64_t value) {
  char digits[20];
  int n = 0;
  do {
    digits[n++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value);
  room(20);
  while (n) *at_++ = digits[--n];
}

void TextBuffer::put_0x(uint64_t value) {
  room(18);
  *at_++ = '0';
  *at_++ = 'x';
  int digits = value ? (67 - __builtin_clzll(value)) / 4 : 1;
  while (digits--) *at_++ = kDigits[value >> (4 * digits) & 15];
}

void TextBuffer::put_hex_digits(uint64_t value, int digits) {
  room(16);
  while (digits--) *at_++ = kDigits[value >> (4 * digits) & 15];
}

void TextBuffer::put_ipv4(uint32_t address) {
  room(20);
  char* p = byte_dec(at_, static_cast<uint8_t>(address >> 24));
  *p++ = '.';
  p = byte_dec(p, static_cast<uint8_t>(address >> 16));
  *p++ = '.';
  p = byte_dec(p, static_cast<uint8_t>(address >> 8));
  *p++ = '.';
  at_ = byte_dec(p, static_cast<uint8_t>(address));
}

void TextBuffer::put_mac(uint64_t address) {
  room(17);
  for (int shift = 44; shift >= 0; shift -= 8) {
    *at_++ = kDigits[address >> shift & 15];
    *at_++ = kDigits[address >> (shift - 4) & 15];
    if (shift > 4) *at_++ = ':';
  }
}

void TextBuffer::put_ipv6(const cti_be128& address) {
  uint8_t bytes[16];
  std::memcpy(bytes, &address, 16);
  uint16_t words[8];
  for (int i = 0; i < 8; i++) words[i] = static_cast<uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  int best = -1, best_size = 1;  // a run of one zero is not shortened
  for (int i = 0; i < 8; i++) {
    int size = 0;
    while (i + size < 8 && !words[i + size]) size++;
    if (size > best_size) best = i, best_size = size;
    i += size;
  }
  room(48);
  char* p = at_;
  for (int i = 0; i < 8; i++) {
    if (i == best) {
      *p++ = ':';
      i += best_size - 1;
      if (i == 7) *p++ = ':';
      continue;
    }
    if (i) *p++ = ':';
    if (i == 6 && best == 0 && (best_size == 6 || (best_size == 5 && words[5] == 0xffff))) {
      at_ = p;
      put_ipv4(static_cast<uint32_t>(words[6]) << 16 | words[7]);
      return;
    }
    p = hex(p, words[i]);
  }
  at_ = p;
}

void TextBuffer::put_hex_bytes(Bytes bytes) {
  size_t i = 0;
  while (i < bytes.size() && !bytes[i]) i++;
  if (i == bytes.size()) return put('0');
  put_0x(bytes[i]);
  while (++i < bytes.size()) put_hex_digits(bytes[i], 2);
}

}  // namespace cti::text
