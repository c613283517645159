#include "text/field.h"

namespace cti::text {
namespace {

using tables::DpFlow;

constexpr std::string_view kCtStateNames[] = {"new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"};
constexpr std::string_view kTcpNames[] = {"fin", "syn", "rst", "psh", "ack",   "urg",
                                          "ece", "cwr", "ns",  "[200]", "[400]", "[800]"};
constexpr std::string_view kTunNames[] = {"oam", "df", "csum", "key"};
constexpr std::string_view kFragNames[] = {"no", "first", "later"};
constexpr FlagNames kCtState{kCtStateNames, UINT32_MAX};
constexpr FlagNames kTcp{kTcpNames, 0xfff};
constexpr FlagNames kTun{kTunNames, 0xf};

uint64_t get(const DpFlow& flow, size_t offset, size_t size) {
  uint64_t value = 0;
  std::memcpy(&value, at(flow, offset), size);
  return value;
}

template <typename T>
void set(DpFlow& flow, const Field& field, T value, T mask) {
  store<T>(at(flow, field.key), value);
  store<T>(at(flow, field.mask), mask);
}

template <typename T>
bool scan_number(Cursor& c, const Field& field, DpFlow& flow) {
  constexpr uint64_t kMax = static_cast<T>(~T{0});
  uint64_t value, mask = kMax;
  if (!c.number(value, kMax) || (c.eat('/') && !c.number(mask, kMax))) return false;
  set<T>(flow, field, static_cast<T>(value), static_cast<T>(mask));
  return true;
}

bool scan_ipv4(Cursor& c, const Field& field, DpFlow& flow) {
  uint32_t value, mask = UINT32_MAX;
  if (!c.ipv4(value)) return false;
  if (c.eat('/')) {
    Cursor start = c;
    if (!c.ipv4(mask)) {
      uint64_t prefix;
      c = start;
      if (!c.number(prefix, 32)) return false;
      mask = prefix_mask(prefix);
    }
  }
  set<uint32_t>(flow, field, value, mask);
  return true;
}

bool scan_ipv6(Cursor& c, const Field& field, DpFlow& flow) {
  cti_be128 value, mask{{UINT64_MAX, UINT64_MAX}};
  if (!c.ipv6(value)) return false;
  if (c.eat('/')) {
    Cursor start = c;
    if (!c.ipv6(mask)) {
      uint64_t prefix;
      c = start;
      if (!c.number(prefix, 128)) return false;
      uint64_t high = prefix == 0 ? 0 : prefix >= 64 ? UINT64_MAX : UINT64_MAX << (64 - prefix);
      uint64_t low = prefix <= 64 ? 0 : prefix == 128 ? UINT64_MAX : UINT64_MAX << (128 - prefix);
      mask = {{swap64(high), swap64(low)}};
    }
  }
  set<cti_be128>(flow, field, value, mask);
  return true;
}

bool scan_mac(Cursor& c, const Field& field, DpFlow& flow) {
  constexpr uint64_t kAll = (1ull << 48) - 1;
  uint64_t value, mask = kAll;
  if (!c.mac(value) || (c.eat('/') && !c.mac(mask))) return false;
  set<uint64_t>(flow, field, value, mask);
  return true;
}

bool scan_frag(Cursor& c, const Field& field, DpFlow& flow) {
  for (uint8_t i = 0; i < 3; i++) {
    if (!c.eat(kFragNames[i])) continue;
    set<uint8_t>(flow, field, i, 0xff);
    return true;
  }
  return false;
}

bool scan_u128(Cursor& c, const Field& field, DpFlow& flow) {
  cti_be128 value, mask{{UINT64_MAX, UINT64_MAX}};
  if (!c.number128(value) || (c.eat('/') && !c.number128(mask))) return false;
  set<cti_be128>(flow, field, value, mask);
  return true;
}

uint32_t tun_to_row(uint32_t printed) { return (printed >> 1 & 7) | (printed & 1) << 3; }
uint32_t tun_from_row(uint32_t row) { return (row & 7) << 1 | (row >> 3 & 1); }

}  // namespace

const FlagNames& ct_state_names() { return kCtState; }
const FlagNames& tcp_flag_names() { return kTcp; }

bool scan_flags(Cursor& c, const FlagNames& flags, uint32_t& value, uint32_t& mask) {
  value = mask = 0;
  auto name = [&](uint32_t& bit) {
    for (size_t i = 0; i < flags.names.size(); i++) {
      Cursor start = c;
      if (c.eat(flags.names[i]) && (c.done() || std::strchr("+-|,)", c.peek()))) {
        bit = 1u << i;
        return true;
      }
      c = start;
    }
    return false;
  };
  uint32_t bit;
  if (c.peek() == '+' || c.peek() == '-') {
    while (c.peek() == '+' || c.peek() == '-') {
      bool on = *c.at++ == '+';
      if (!name(bit) || mask & bit) return false;
      mask |= bit;
      if (on) value |= bit;
    }
    return true;
  }
  if (c.peek() >= '0' && c.peek() <= '9') {
    uint64_t v, m = UINT32_MAX;
    if (!c.number(v, UINT32_MAX) || (c.eat('/') && !c.number(m, UINT32_MAX))) return false;
    value = static_cast<uint32_t>(v);
    mask = static_cast<uint32_t>(m);
    return true;
  }
  mask = UINT32_MAX;
  do {
    uint64_t bad;
    if (name(bit))
      value |= bit;
    else if (c.peek() == '0' && c.number(bad, UINT32_MAX))
      value |= static_cast<uint32_t>(bad);
    else
      return false;
  } while (c.eat('|'));
  return true;
}

void print_flags(const FlagNames& flags, uint32_t value, uint32_t mask, TextBuffer& out) {
  auto name = [&](int i) { return static_cast<size_t>(i) < flags.names.size() ? flags.names[i] : std::string_view(); };
  mask &= flags.all;
  if (mask == flags.all) {
    if (!value) return out.put('0');
    uint32_t bad = 0;
    for (uint32_t left = value; left; left &= left - 1) {
      std::string_view text = name(__builtin_ctz(left));
      if (text.empty()) {
        bad |= left & -left;
      } else {
        out.put(text);
        out.put('|');
      }
    }
    if (bad) out.put_0x(bad);
    return out.chomp('|');
  }
  if (!mask) return out.put("0/0");
  for (uint32_t left = mask; left; left &= left - 1) {
    std::string_view text = name(__builtin_ctz(left));
    out.put(value & left & -left ? '+' : '-');
    out.put(text.empty() ? "[Unknown]" : text);
  }
}

bool scan_tun_flags(Cursor& c, uint16_t& value, uint16_t& mask) {
  uint32_t v, m;
  if (!scan_flags(c, kTun, v, m)) return false;
  if (v & ~kTun.all || (m != UINT32_MAX && m & ~kTun.all)) return false;
  value = static_cast<uint16_t>(tun_to_row(v));
  mask = m == UINT32_MAX ? 0xffff : static_cast<uint16_t>(tun_to_row(m));
  return true;
}

void print_tun_flags(uint16_t value, uint16_t mask, TextBuffer& out) {
  print_flags(kTun, tun_from_row(value), tun_from_row(mask), out);
}

bool scan_field(Cursor& c, const Field& field, DpFlow& flow) {
  switch (field.kind) {
    case Kind::dec8:
    case Kind::hex8:
    case Kind::nsh8:
      return scan_number<uint8_t>(c, field, flow);
    case Kind::dec16:
    case Kind::hex16:
    case Kind::hex16_host:
      return scan_number<uint16_t>(c, field, flow);
    case Kind::hex32:
    case Kind::hex32_network:
    case Kind::nsh32:
    case Kind::label:
      return scan_number<uint32_t>(c, field, flow);
    case Kind::reserved32:
      return scan_number<uint32_t>(c, field, flow) && get(flow, field.mask, 4) == UINT32_MAX;
    case Kind::hex64:
      return scan_number<uint64_t>(c, field, flow);
    case Kind::ipv4:
      return scan_ipv4(c, field, flow);
    case Kind::ipv6:
      return scan_ipv6(c, field, flow);
    case Kind::mac:
      return scan_mac(c, field, flow);
    case Kind::frag:
      return scan_frag(c, field, flow);
    case Kind::u128:
      return scan_u128(c, field, flow);
    case Kind::ct_state: {
      uint32_t value, mask;
      if (!scan_flags(c, kCtState, value, mask)) return false;
      set<uint32_t>(flow, field, value, mask);
      return true;
    }
    case Kind::tcp_flags: {
      uint32_t value, mask;
      if (!scan_flags(c, kTcp, value, mask) || value > 0xffff || (mask != UINT32_MAX && mask > 0xffff)) return false;
      set<uint16_t>(flow, field, static_cast<uint16_t>(value), static_cast<uint16_t>(mask));
      return true;
    }
    case Kind::tun_flags: {
      uint16_t value, mask;
      if (!scan_tun_flags(c, value, mask)) return false;
      set<uint16_t>(flow, field, value, mask);
      return true;
    }
  }
  return false;
}

bool field_masked(const Field& field, const DpFlow& flow) {
  size_t size = kind_size(field.kind);
  return size == 16 ? (get(flow, field.mask, 8) | get(flow, field.mask + 8u, 8)) != 0 : get(flow, field.mask, size) != 0;
}

void print_value(const Field& field, const DpFlow& flow, bool verbose, TextBuffer& out) {
  size_t size = kind_size(field.kind);
  if (size == 16) {
    cti_be128 value = load<cti_be128>(at(flow, field.key)), mask = load<cti_be128>(at(flow, field.mask));
    bool exact = (mask.word[0] & mask.word[1]) == UINT64_MAX;
    auto put = [&](const cti_be128& address) {
      if (field.kind == Kind::ipv6)
        out.put_ipv6(address);
      else
        out.put_hex_bytes({reinterpret_cast<const uint8_t*>(&address), 16});
    };
    put(value);
    if (exact) return;
    out.put('/');
    return put(mask);
  }
  uint64_t value = get(flow, field.key, size), mask = get(flow, field.mask, size);
  bool exact = mask == (size == 8 ? UINT64_MAX : (1ull << 8 * size) - 1);
  switch (field.kind) {
    case Kind::dec8:
    case Kind::dec16:
      out.put_dec(value);
      break;
    case Kind::hex64:
      out.put_0x(value);
      break;
    case Kind::ipv4:
      out.put_ipv4(static_cast<uint32_t>(value));
      if (!exact) {
        out.put('/');
        out.put_ipv4(static_cast<uint32_t>(mask));
      }
      return;
    case Kind::mac:
      out.put_mac(value);
      if (mask != (1ull << 48) - 1) {
        out.put('/');
        out.put_mac(mask);
      }
      return;
    case Kind::frag:
      return out.put(value < 3 ? kFragNames[value] : "<error>");
    case Kind::label:
      exact = (mask & 0xfffff) == 0xfffff;
      out.put_hex(value);
      break;
    case Kind::nsh8:
      if (exact) return out.put_dec(value);
      out.put("0x");
      out.put_hex_digits(value, 2);
      out.put("/0x");
      return out.put_hex_digits(mask, 2);
    case Kind::nsh32:
      out.put_0x(value);
      if (exact) return;
      out.put("/0x");
      return out.put_hex_digits(mask, 8);
    case Kind::reserved32:
      return out.put_0x(value);
    case Kind::ct_state:
      if (!verbose) return print_flags(kCtState, static_cast<uint32_t>(value), static_cast<uint32_t>(mask), out);
      out.put_hex(value);
      break;
    case Kind::tcp_flags:
      return print_flags(kTcp, static_cast<uint32_t>(value), static_cast<uint32_t>(mask), out);
    case Kind::tun_flags:
      return print_tun_flags(static_cast<uint16_t>(value), static_cast<uint16_t>(mask), out);
    default:
      out.put_hex(value);
      break;
  }
  if (exact) return;
  out.put('/');
  out.put_hex(mask);
}

void clear_field(const Field& field, DpFlow& flow) {
  std::memset(at(flow, field.key), 0, kind_size(field.kind));
  std::memset(at(flow, field.mask), 0, kind_size(field.kind));
}

bool scan_fields(Cursor& c, std::span<const Field> fields, DpFlow& flow) {
  if (c.done() || c.peek() == ')') return true;
  size_t expected = 0;
  uint32_t seen = 0;
  do {
    size_t i = expected, tried = 0;
    for (; tried < fields.size(); tried++, i = i + 1 == fields.size() ? 0 : i + 1) {
      Cursor start = c;
      if (c.eat(fields[i].name) && c.eat('=')) break;
      c = start;
    }
    if (tried == fields.size() || seen >> i & 1) return false;
    seen |= 1u << i;
    if (!scan_field(c, fields[i], flow)) return false;
    expected = i + 1 == fields.size() ? 0 : i + 1;
  } while (c.eat(','));
  return true;
}

void print_fields(std::span<const Field> fields, const DpFlow& flow, bool verbose, TextBuffer& out) {
  bool first = true;
  for (const Field& field : fields) {
    bool optional = !verbose || field.kind == Kind::frag || field.kind == Kind::nsh8 || field.kind == Kind::nsh32;
    if (optional && field.kind != Kind::reserved32 && !field_masked(field, flow)) continue;
    if (!first) out.put(',');
    first = false;
    out.put(field.name);
    out.put('=');
    print_value(field, flow, verbose, out);
  }
}

}  // namespace cti::text
