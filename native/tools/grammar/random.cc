// What is drawn, and how values are written.
#include <arpa/inet.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "tools/grammar/grammar.h"

namespace cti::grammar {

const std::array<ProductionInfo, kProductions> kProductionInfo = {{
#define CTI_PRODUCTION(name, cls) {#name, Class::cls},
#include "tools/grammar/productions.def"
#undef CTI_PRODUCTION
}};

std::string format(const char* format, ...) {
  char buffer[256];
  va_list args;
  va_start(args, format);
  const int size = std::vsnprintf(buffer, sizeof buffer, format, args);
  va_end(args);
  return {buffer, static_cast<size_t>(size)};
}

std::string ipv4_text(uint64_t address) {
  const in_addr in{htonl(static_cast<uint32_t>(address))};
  char text[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, &in, text, sizeof text);
}

std::string ipv6_text(std::string_view bytes) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
}

std::string mac_text(uint64_t a) {
  return format("%02x:%02x:%02x:%02x:%02x:%02x", static_cast<int>(a >> 40 & 255), static_cast<int>(a >> 32 & 255), static_cast<int>(a >> 24 & 255),
                static_cast<int>(a >> 16 & 255), static_cast<int>(a >> 8 & 255), static_cast<int>(a & 255));
}

std::string hex_text(std::string_view bytes) {
  std::string digits;
  for (char byte : bytes) digits += format("%02x", static_cast<uint8_t>(byte));
  const size_t first = digits.find_first_not_of('0');
  return first == digits.npos ? "0" : "0x" + digits.substr(first);
}

cti_be128 be128(std::string_view bytes) {
  cti_be128 value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

void chomp(std::string& text) {
  if (text.ends_with(',')) text.pop_back();
}

bool Generator::may(Production production) {
  const Class cls = kProductionInfo[static_cast<size_t>(production)].cls;
  if (options_.add_flow && cls != Class::all) return false;
  if (!options_.errors && (cls == Class::error || production == Production::key_unknown || production == Production::action_unknown ||
                           production == Production::tunnel_unknown || production == Production::set_tunnel_unknown))
    return false;
  use(production);
  return true;
}

// Not matched, matched, or some bits of it. With -m OVS prints key bits that are not matched; add-flow drops them.
Generator::Bits Generator::number(unsigned bits) {
  const uint64_t ones = bits == 64 ? UINT64_MAX : (1ull << bits) - 1;
  Bits value;
  const uint64_t style = below(3);
  value.mask = style == 0 ? 0 : style == 1 ? ones : random_() & ones;
  value.key = one_in(4) ? below(3) & ones : random_() & ones;
  if (options_.add_flow || (!options_.more && value.mask == 0)) value.key &= value.mask;
  return value;
}

Generator::Bits Generator::exact_number(unsigned bits) {
  const uint64_t ones = bits == 64 ? UINT64_MAX : (1ull << bits) - 1;
  return {(one_in(4) ? below(3) : random_()) & ones, ones};
}

Generator::Bytes16 Generator::bytes16() {
  Bytes16 value{std::string(16, '\0'), std::string(16, '\0')};
  const uint64_t style = below(4), zeros = random_() & random_();
  for (size_t i = 0; i < 16; i++) {
    value.mask[i] = static_cast<char>(style == 0 ? 0 : style == 1 ? 0xff : style == 2 ? (i < 8 ? 0xff : 0) : static_cast<int>(random_() & 0xff));
    value.key[i] = zeros >> i & 1 ? static_cast<char>(random_()) : '\0';
    if (options_.add_flow || (!options_.more && style == 0)) value.key[i] = static_cast<char>(value.key[i] & value.mask[i]);
  }
  return value;
}

std::string Generator::random_bytes(size_t size) {
  std::string bytes(size, '\0');
  const bool leading_zeros = one_in(2);
  for (size_t i = 0; i < size; i++) bytes[i] = leading_zeros && i < size / 2 ? '\0' : static_cast<char>(random_());
  return bytes;
}

std::string Generator::hex_pairs(size_t size, std::string_view between) {
  std::string text;
  for (size_t i = 0; i < size; i++) {
    if (i) text += between;
    text += format("%02x", static_cast<int>(below(256)));
  }
  return text;
}

}  // namespace cti::grammar
