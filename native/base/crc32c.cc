#include "base/crc32c.h"

#include <array>

namespace cti {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // bits reversed

// kTables[k][b]: what byte b adds when k bytes follow it.
constexpr auto kTables = [] {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t b = 0; b < 256; b++) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? kPolynomial : 0);
    tables[0][b] = crc;
  }
  for (size_t k = 1; k < tables.size(); k++) {
    for (uint32_t b = 0; b < 256; b++) tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 0xff];
  }
  return tables;
}();

}  // namespace

uint32_t crc32c(Bytes bytes, uint32_t before) {
  uint32_t crc = ~before;
  size_t i = 0;
  for (; bytes.size() - i >= 8; i += 8) {
    uint64_t word = load<uint64_t>(bytes.data() + i) ^ crc;
    crc = 0;
    for (unsigned k = 0; k < 8; k++) crc ^= kTables[7 - k][word >> 8 * k & 0xff];
  }
  for (; i < bytes.size(); i++) crc = (crc >> 8) ^ kTables[0][(crc ^ bytes[i]) & 0xff];
  return ~crc;
}

}  // namespace cti
