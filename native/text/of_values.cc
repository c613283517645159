#include "text/of_values.h"

#include <algorithm>
#include <span>

namespace cti::text {
namespace {

struct Flag {
  std::string_view name;
  uint64_t bit;
};
constexpr Flag kCtState[] = {{"new", 1}, {"est", 2}, {"rel", 4}, {"rpl", 8}, {"inv", 0x10}, {"trk", 0x20}, {"snat", 0x40}, {"dnat", 0x80}};
constexpr Flag kTcp[] = {{"fin", 1}, {"syn", 2}, {"rst", 4}, {"psh", 8}, {"ack", 0x10}, {"urg", 0x20}, {"ece", 0x40}, {"cwr", 0x80}, {"ns", 0x100},
                         {"[200]", 0x200}, {"[400]", 0x400}, {"[800]", 0x800}};
constexpr Flag kTunnel[] = {{"df", 1}, {"csum", 2}, {"key", 4}, {"oam", 8}};

constexpr uint64_t ones(unsigned width) { return width >= 64 ? UINT64_MAX : (uint64_t{1} << width) - 1; }

bool flag_named(std::span<const Flag> flags, std::string_view name, uint64_t& bit) {
  for (const Flag& flag : flags)
    if (flag.name == name) {
      bit = flag.bit;
      return true;
    }
  return false;
}

// +a-b: the flags named. a|b or 0: all flags.
bool scan_flags(std::string_view text, std::span<const Flag> flags, OfValue& value) {
  if (text.empty()) return false;
  uint64_t all = 0, bit;
  for (const Flag& flag : flags) all |= flag.bit;
  if (text == "0") {
    value.low_mask = all;
    return true;
  }
  if (text[0] == '+' || text[0] == '-') {
    for (size_t at = 0; at < text.size();) {
      const bool set = text[at] == '+';
      const size_t end = std::min(text.find_first_of("+-", at + 1), text.size());
      if (!flag_named(flags, text.substr(at + 1, end - at - 1), bit) || value.low_mask & bit) return false;
      value.low_mask |= bit;
      if (set) value.low |= bit;
      at = end;
    }
    return true;
  }
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('|', at), text.size());
    if (!flag_named(flags, text.substr(at, end - at), bit) || value.low & bit) return false;
    value.low |= bit;
    at = end + 1;
  }
  value.low_mask = all;
  return true;
}

bool plain_number(Cursor& c, uint64_t max, uint64_t& number) {
  // Decimal without leading zeros, as it is printed; hexadecimal may be padded (ipv6_label=0x00005).
  if (c.left() > 1 && c.at[0] == '0' && c.at[1] >= '0' && c.at[1] <= '9') return false;
  return c.number(number, max);
}

// A mask is printed only where it is neither nothing nor all.
bool is_partial(uint64_t mask, uint64_t all) { return mask != 0 && mask != all; }

bool scan_number(std::string_view text, unsigned width, OfValue& value) {
  Cursor c(text);
  if (!plain_number(c, ones(width), value.low)) return false;
  value.low_mask = ones(width);
  if (c.eat('/')) {
    // With a mask both are hexadecimal.
    if ((value.low && !text.starts_with("0x")) || !c.rest().starts_with("0x")) return false;
    if (!plain_number(c, ones(width), value.low_mask) || !is_partial(value.low_mask, ones(width))) return false;
  }
  return c.done() && (value.low & ~value.low_mask) == 0;
}

bool scan_wide(std::string_view text, OfValue& value) {
  Cursor c(text);
  const auto is_printed_so = [](std::string_view number) { return number.starts_with("0x") || number == "0" || number.starts_with("0/"); };
  if (!is_printed_so(text) || !c.number128(value.wide)) return false;
  value.wide_mask = {{UINT64_MAX, UINT64_MAX}};
  if (c.eat('/') && !c.number128(value.wide_mask)) return false;
  return c.done() && !(value.wide.word[0] & ~value.wide_mask.word[0]) && !(value.wide.word[1] & ~value.wide_mask.word[1]);
}

bool scan_mac(std::string_view text, OfValue& value) {
  Cursor c(text);
  if (!c.mac(value.low)) return false;
  value.low_mask = ones(48);
  if (c.eat('/') && (!c.mac(value.low_mask) || !is_partial(value.low_mask, ones(48)))) return false;
  return c.done() && (value.low & ~value.low_mask) == 0;
}

// A prefix length, or an address as a mask. Of a prefix of no bits there is nothing to print.
bool scan_ipv4(std::string_view text, OfValue& value) {
  Cursor c(text);
  uint32_t address, mask = UINT32_MAX;
  if (!c.plain_ipv4(address)) return false;
  if (c.eat('/')) {
    const Cursor at = c;
    uint64_t length;
    if (!c.plain_ipv4(mask)) {
      c = at;
      if (!plain_number(c, 31, length) || length == 0) return false;
      mask = prefix_mask(length);
    } else if (!(~mask & (~mask + 1))) {
      return false;  // a prefix is printed by its length
    }
  }
  value.low = address;
  value.low_mask = mask;
  return c.done() && (address & ~mask) == 0;
}

bool scan_ipv6(std::string_view text, OfValue& value) {
  Cursor c(text);
  if (!c.ipv6(value.wide)) return false;
  value.wide_mask = {{UINT64_MAX, UINT64_MAX}};
  if (c.eat('/')) {
    const Cursor at = c;
    uint64_t length;
    if (!c.ipv6(value.wide_mask)) {
      c = at;
      if (!plain_number(c, 128, length) || length == 0) return false;
      value.wide_mask.word[0] = __builtin_bswap64(length >= 64 ? UINT64_MAX : ~(UINT64_MAX >> length));
      value.wide_mask.word[1] = __builtin_bswap64(length == 128 ? UINT64_MAX : length <= 64 ? 0 : ~(UINT64_MAX >> (length - 64)));
    }
  }
  return c.done() && !(value.wide.word[0] & ~value.wide_mask.word[0]) && !(value.wide.word[1] & ~value.wide_mask.word[1]);
}

// As flow.h has it: bit 0 any fragment, bit 1 a later one. Both bits are all there is: the mask of the column is exact then.
bool scan_frag(std::string_view text, OfValue& value) {
  struct Frag {
    std::string_view word;
    uint8_t key, mask;
  };
  constexpr Frag kFrags[] = {{"no", 0, 0xff}, {"yes", 1, 1}, {"first", 1, 0xff}, {"later", 3, 0xff}, {"not_later", 0, 2}};
  for (const Frag& frag : kFrags) {
    if (frag.word != text) continue;
    value.low = frag.key;
    value.low_mask = frag.mask;
    return true;
  }
  return false;
}

bool scan_packet_type(std::string_view text, OfValue& value) {
  Cursor c(text);
  uint64_t ns, type;
  if (!c.eat('(') || !plain_number(c, UINT16_MAX, ns) || !c.eat(',') || !plain_number(c, UINT16_MAX, type) || !c.eat(')') || !c.done()) return false;
  value.low = ns << 16 | type;
  value.low_mask = UINT32_MAX;
  return true;
}

bool is_port_char(char ch) {
  return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_';
}

}  // namespace

bool scan_of_port(Cursor& c, std::string_view& text) {
  const char* start = c.at;
  if (c.eat('"')) {
    while (!c.done() && *c.at != '"') {
      if (*c.at == '\\' && c.left() > 1) c.at++;
      c.at++;
    }
    if (!c.eat('"')) return false;
  } else {
    // A name that is more than a word is quoted.
    while (!c.done() && is_port_char(*c.at)) c.at++;
  }
  text = {start, static_cast<size_t>(c.at - start)};
  return text.size() > (*start == '"' ? 2u : 0u);
}

bool read_of_port(std::string_view text, OfPort& port) {
  port = {};
  if (text.empty()) return false;
  if (text[0] != '"') {
    Cursor c(text);
    uint64_t number;
    if (text[0] >= '0' && text[0] <= '9') {
      if (!plain_number(c, UINT32_MAX, number) || !c.done()) return false;
      port.is_number = true;
      port.number = static_cast<uint32_t>(number);
      return true;
    }
    port.name = text;
    return true;
  }
  // A JSON string.
  for (size_t i = 1; i + 1 < text.size(); i++) {
    char ch = text[i];
    if (ch != '\\') {
      port.name += ch;
      continue;
    }
    if (++i + 1 >= text.size()) return false;
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    const size_t at = kFrom.find(text[i]);
    if (at != std::string_view::npos) {
      port.name += kTo[at];
      continue;
    }
    uint64_t code;
    if (text[i] != 'u' || i + 5 >= text.size()) return false;
    Cursor digits(text.substr(i + 1, 4));
    if (!digits.hex_digits(code, 0x7f) || !digits.done()) return false;  // others are printed as they are, in UTF-8
    port.name += static_cast<char>(code);
    i += 4;
  }
  return !port.name.empty();
}

bool scan_of_value(std::string_view text, const OfField& field, OfValue& value) {
  value = {};
  switch (field.kind) {
    case OfKind::number: return scan_number(text, field.width, value);
    case OfKind::wide: return scan_wide(text, value);
    case OfKind::mac: return scan_mac(text, value);
    case OfKind::ipv4: return scan_ipv4(text, value);
    case OfKind::ipv6: return scan_ipv6(text, value);
    case OfKind::ct_state: return scan_flags(text, kCtState, value) || (value = {}, scan_number(text, 32, value));
    case OfKind::tcp_flags: return scan_flags(text, kTcp, value) || (value = {}, scan_number(text, 12, value));
    case OfKind::tun_flags: return (text.starts_with('+') || text.starts_with('-')) && scan_flags(text, kTunnel, value);
    case OfKind::frag: return scan_frag(text, value);
    case OfKind::packet_type: return scan_packet_type(text, value);
    case OfKind::port: {
      Cursor c(text);
      value.low_mask = UINT32_MAX;
      return scan_of_port(c, value.port) && c.done();
    }
    case OfKind::text: return false;
  }
  return false;
}

}  // namespace cti::text
