#include "text/tunnel_key.h"

#include "text/field.h"

namespace cti::text {
namespace {

using tables::DpFlow;

struct Option {
  std::string_view name;
  TunnelNumber number;
};
constexpr Option kOptions[] = {{"vxlan(", kTunVxlan}, {"geneve(", kTunGeneve}, {"erspan(", kTunErspan}, {"gtpu(", kTunGtpu}};

bool scan_flags_part(Cursor& c, DpFlow& flow) {
  auto& key = flow.tunnel.key;
  auto& mask = flow.tunnel.mask;
  if (key.tun_attrs & kTunFlagsGiven) return false;
  const char* inside = c.at;
  if (!scan_tun_flags(c, key.tun_flags, mask.tun_flags)) return false;
  key.tun_attrs |= kTunFlagsGiven;
  if (*inside == '+' || *inside == '-') mask.tun_attrs |= kTunFlagsGiven;
  return c.eat(')');
}

// "gbp(id=1,flags=0x2))" after "vxlan("; anything else there is kept as text.
bool scan_gbp(Cursor& c, DpFlow& flow) {
  return c.eat("gbp(") && scan_fields(c, gbp_fields(), flow) && c.eat("))");
}

}  // namespace

bool scan_tunnel(Cursor& c, DpFlow& flow, Names& names) {
  auto& key = flow.tunnel.key;
  auto& mask = flow.tunnel.mask;
  std::span<const Field> fields = tunnel_fields();
  size_t expected = 0;
  const char* options_start = nullptr;
  const char* options_end = nullptr;
  if (c.peek() == ')') return true;
  do {
    const char* start = c.at;
    const Field* field = nullptr;
    for (size_t i = expected; i < fields.size() && !field; i++) {
      c.at = start;
      if (c.eat(fields[i].name) && c.eat('=')) field = &fields[i], expected = i + 1;
    }
    if (field) {
      const char* value = c.at;
      if (!scan_field(c, *field, flow)) return false;
      key.tun_attrs |= 1u << field->wire;
      if (std::memchr(value, '/', static_cast<size_t>(c.at - value))) mask.tun_attrs |= 1u << field->wire;
      continue;
    }
    c.at = start;
    if (c.eat("flags(")) {
      if (!scan_flags_part(c, flow)) return false;
      continue;
    }
    const Option* option = nullptr;
    for (const Option& candidate : kOptions)
      if (c.eat(candidate.name)) option = &candidate;
    if (!option || key.tun_attrs & (1u << option->number)) return false;
    key.tun_attrs |= 1u << option->number;
    if (option->number == kTunVxlan) {
      if (scan_gbp(c, flow)) continue;
      for (const Field& gbp : gbp_fields()) clear_field(gbp, flow);
      key.tun_attrs &= ~(1u << kTunVxlan);
    }
    c.at = start;
    if (options_start && options_end + 1 != start) return false;
    if (!options_start) options_start = start;
    c.item();
    options_end = c.at;
  } while (c.eat(','));
  if (options_start)
    key.tun_options = names.intern({options_start, static_cast<size_t>(options_end - options_start)});
  return true;
}

void print_tunnel(const DpFlow& flow, bool verbose, const PortPrinter& printer, TextBuffer& out) {
  const auto& key = flow.tunnel.key;
  size_t start = out.size();
  for (const Field& field : tunnel_fields()) {
    if (!(key.tun_attrs >> field.wire & 1) || (!verbose && !field_masked(field, flow))) continue;
    out.put(field.name);
    out.put('=');
    print_value(field, flow, verbose, out);
    out.put(',');
  }
  if (key.tun_attrs >> kTunVxlan & 1) {
    out.put("vxlan(gbp(");
    print_fields(gbp_fields(), flow, verbose, out);
    out.put(")),");
  }
  if (key.tun_options.size) {
    out.put(printer.text(key.tun_options));
    out.put(',');
  }
  if (key.tun_attrs & kTunFlagsGiven) {
    out.put("flags(");
    print_tun_flags(key.tun_flags, flow.tunnel.mask.tun_flags, out);
    out.put("),");
  }
  if (out.size() != start) out.chomp(',');
}

bool scan_geneve(Cursor& c, std::vector<uint8_t>& out) {
  while (c.eat('{')) {
    uint64_t cls, type, size;
    if (!c.eat("class=") || !c.number(cls, 0xffff) || !c.eat(",type=") || !c.number(type, 0xff) || !c.eat(",len=") ||
        !c.number(size, 124) || size % 4)
      return false;
    const uint8_t head[4] = {static_cast<uint8_t>(cls >> 8), static_cast<uint8_t>(cls), static_cast<uint8_t>(type),
                             static_cast<uint8_t>(size / 4)};
    out.insert(out.end(), head, head + 4);
    if (size && (!c.eat(',') || !c.hex_bytes(out, size))) return false;
    if (!c.eat('}')) return false;
  }
  return true;
}

void print_geneve(Bytes options, TextBuffer& out) {
  while (options.size() >= 4) {
    size_t size = 4u * (options[3] & 0x1f);
    if (size > options.size() - 4) return;
    out.put("{class=");
    out.put_hex(static_cast<uint64_t>(options[0]) << 8 | options[1]);
    out.put(",type=");
    out.put_hex(options[2]);
    out.put(",len=");
    out.put_dec(size);
    if (size) {
      out.put(',');
      out.put_hex_bytes(options.subspan(4, size));
    }
    out.put('}');
    options = options.subspan(4 + size);
  }
}

}  // namespace cti::text
