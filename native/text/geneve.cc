// Geneve options: text <-> struct geneve_opt, one after the other.
#include <algorithm>

#include "text/tunnel_key.h"

namespace cti::text {
namespace {

constexpr size_t kHead = 4;
constexpr uint8_t kExactWords = 0x1f;  // the mask of a length that is matched; printed as if it were a byte's

size_t data_size(uint8_t length) { return 4u * (length & 0x1f); }

void append_head(std::vector<uint8_t>& out, uint64_t cls, uint64_t type, uint64_t words) {
  const uint8_t head[kHead] = {static_cast<uint8_t>(cls >> 8), static_cast<uint8_t>(cls), static_cast<uint8_t>(type),
                               static_cast<uint8_t>(words)};
  out.insert(out.end(), head, head + kHead);
}

// "name=value[/mask]" and what separates it from the next piece. What is left out is not matched: both are 0.
bool scan_piece(Cursor& c, std::string_view name, uint64_t max, uint64_t& value, uint64_t& mask) {
  value = mask = 0;
  if (!c.eat(name)) return true;
  mask = max;
  if (!c.number(value, max) || (c.eat('/') && !c.number(mask, max))) return false;
  return c.peek() == '}' || (c.eat(',') && c.peek() != '}');
}

void put_piece(std::string_view name, uint64_t value, uint64_t mask, uint64_t exact, bool decimal, bool verbose, TextBuffer& out) {
  if (!verbose && !mask) return;
  out.put(name);
  decimal ? out.put_dec(value) : out.put_hex(value);
  if (mask != exact) {
    out.put('/');
    out.put_hex(mask);
  }
  out.put(',');
}

bool all(Bytes bytes, uint8_t value) {
  for (uint8_t byte : bytes)
    if (byte != value) return false;
  return true;
}

uint16_t class_of(Bytes option) { return static_cast<uint16_t>(option[0] << 8 | option[1]); }

uint64_t number_of(Bytes data) {
  uint64_t value = 0;
  for (uint8_t byte : data) value = value << 8 | byte;
  return value;
}

bool scan_option(Cursor& c, std::vector<uint8_t>& key, std::vector<uint8_t>& mask) {
  uint64_t cls, cls_mask, type, type_mask, size, size_mask;
  if (!scan_piece(c, "class=", 0xffff, cls, cls_mask) || !scan_piece(c, "type=", 0xff, type, type_mask)) return false;
  const bool has_size = c.rest().starts_with("len=");
  if (!scan_piece(c, "len=", 0xff, size, size_mask) || size % 4 || size > 124) return false;
  if (size_mask == 0xff)
    size_mask = kExactWords;
  else if (size_mask >= kExactWords)
    return false;
  append_head(key, cls, type, size / 4);
  append_head(mask, cls_mask, type_mask, size_mask);
  if (c.eat('}')) {
    key.resize(key.size() + size, 0);
    mask.resize(mask.size() + size, 0);
    return true;
  }
  // Data whose size is not given cannot be put into its place.
  if (!has_size || !size || !c.hex_bytes(key, size)) return false;
  if (!c.eat('/'))
    mask.resize(mask.size() + size, 0xff);
  else if (!c.hex_bytes(mask, size))
    return false;
  return c.eat('}');
}

}  // namespace

bool scan_geneve(Cursor& c, std::vector<uint8_t>& out) {
  while (c.eat('{')) {
    uint64_t cls, type, size;
    if (!c.eat("class=") || !c.number(cls, 0xffff) || !c.eat(",type=") || !c.number(type, 0xff) || !c.eat(",len=") ||
        !c.number(size, 124) || size % 4)
      return false;
    append_head(out, cls, type, size / 4);
    if (size && (!c.eat(',') || !c.hex_bytes(out, size))) return false;
    if (!c.eat('}')) return false;
  }
  return true;
}

bool scan_geneve(Cursor& c, std::vector<uint8_t>& key, std::vector<uint8_t>& mask) {
  while (c.eat('{'))
    if (!scan_option(c, key, mask)) return false;
  return true;
}

void print_geneve(Bytes options, TextBuffer& out) {
  while (options.size() >= kHead) {
    const size_t size = data_size(options[3]);
    if (size > options.size() - kHead) return;
    out.put("{class=");
    out.put_hex(class_of(options));
    out.put(",type=");
    out.put_hex(options[2]);
    out.put(",len=");
    out.put_dec(size);
    if (size) {
      out.put(',');
      out.put_hex_bytes(options.subspan(kHead, size));
    }
    out.put('}');
    options = options.subspan(kHead + size);
  }
}

void print_geneve(Bytes key, Bytes mask, bool verbose, TextBuffer& out) {
  while (key.size() >= kHead && mask.size() == key.size()) {
    const size_t size = data_size(key[3]);
    if (size > key.size() - kHead) return;
    out.put('{');
    put_piece("class=", class_of(key), class_of(mask), 0xffff, false, verbose, out);
    put_piece("type=", key[2], mask[2], 0xff, false, verbose, out);
    put_piece("len=", size, mask[3] == kExactWords ? 0xff : mask[3], 0xff, true, verbose, out);
    Bytes data_mask = mask.subspan(kHead, size);
    if (size && (verbose || !all(data_mask, 0))) {
      out.put_hex_bytes(key.subspan(kHead, size));
      if (!all(data_mask, 0xff)) {
        out.put('/');
        out.put_hex_bytes(data_mask);
      }
    } else {
      out.chomp(',');
    }
    out.put('}');
    key = key.subspan(kHead + size);
    mask = mask.subspan(kHead + size);
  }
}

bool geneve_is_exact(Bytes key, Bytes mask) {
  while (key.size() >= kHead && mask.size() == key.size()) {
    const size_t size = std::min(data_size(key[3]), key.size() - kHead);
    if (!all(mask.first(3), 0xff) || mask[3] != kExactWords || !all(mask.subspan(kHead, size), 0xff)) return false;
    key = key.subspan(kHead + size);
    mask = mask.subspan(kHead + size);
  }
  return key.empty() && mask.empty();
}

void fill_geneve_columns(Bytes key, Bytes mask, tables::dp_flows::Tunnel& tunnel) {
  if (key.size() < kHead || mask.size() != key.size()) return;
  tunnel.key.tun_geneve_class = class_of(key);
  tunnel.mask.tun_geneve_class = class_of(mask);
  tunnel.key.tun_geneve_type = key[2];
  tunnel.mask.tun_geneve_type = mask[2];
  const size_t size = data_size(key[3]);
  if (!size || size > 8 || size > key.size() - kHead) return;
  const uint64_t above = size == 8 ? 0 : UINT64_MAX << (8 * size);  // bits that are not there are matched as 0
  tunnel.key.tun_geneve_data = number_of(key.subspan(kHead, size));
  uint64_t data_mask = number_of(mask.subspan(kHead, size));
  tunnel.mask.tun_geneve_data = data_mask ? data_mask | above : 0;
}

}  // namespace cti::text
