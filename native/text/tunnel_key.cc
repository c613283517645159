#include "text/tunnel_key.h"

#include "text/field.h"

namespace cti::text {
namespace {

using tables::DpFlow;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
std::string_view text_of(const std::vector<uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool has_slash(const char* from, const Cursor& c) { return std::memchr(from, '/', static_cast<size_t>(c.at - from)) != nullptr; }

// Each option's inside: the cursor stands after "name(" and is left after the ")" that belongs to it.

bool scan_gbp(Cursor& c, DpFlow& flow) { return c.eat("gbp(") && scan_fields(c, gbp_fields(), flow) && c.eat("))"); }

bool scan_gtpu(Cursor& c, DpFlow& flow) { return scan_fields(c, gtpu_fields(), flow) && c.eat(')'); }

// [ver] then idx, or dir and hwid, each left out without -m if not matched; but idx is always there in version 1.
bool scan_erspan(Cursor& c, DpFlow& flow) {
  std::span<const Field> fields = erspan_fields();
  auto piece = [&](size_t i) {
    const Cursor start = c;
    if (!c.eat(fields[i].name) || !c.eat('=')) {
      c = start;
      return true;
    }
    return scan_field(c, fields[i], flow) && (c.peek() == ')' || (c.eat(',') && c.peek() != ')'));
  };
  if (!piece(0)) return false;
  const char* rest = c.at;
  if (c.rest().starts_with("idx=")) {
    if (!piece(1)) return false;
    flow.tunnel.key.tun_attrs |= kTunErspanIndexGiven;
    if (has_slash(rest, c)) flow.tunnel.mask.tun_attrs |= kTunErspanIndexGiven;
  } else if (!piece(2) || !piece(3)) {
    return false;
  }
  return c.eat(')');
}

void clear_fields(std::span<const Field> fields, DpFlow& flow) {
  for (const Field& field : fields) clear_field(field, flow);
}

void clear_erspan(DpFlow& flow) {
  clear_fields(erspan_fields(), flow);
  flow.tunnel.key.tun_attrs &= ~kTunErspanIndexGiven;
  flow.tunnel.mask.tun_attrs &= ~kTunErspanIndexGiven;
}

struct Option {
  std::string_view name;
  TunnelNumber number;
  bool (*scan)(Cursor&, DpFlow&);  // geneve's is apart
  void (*clear)(DpFlow&);
};
constexpr Option kOptions[] = {{"vxlan(", kTunVxlan, scan_gbp, [](DpFlow& flow) { clear_fields(gbp_fields(), flow); }},
                               {"geneve(", kTunGeneve, nullptr, nullptr},
                               {"erspan(", kTunErspan, scan_erspan, clear_erspan},
                               {"gtpu(", kTunGtpu, scan_gtpu, [](DpFlow& flow) { clear_fields(gtpu_fields(), flow); }}};

bool scan_geneve_option(Cursor& c, DpFlow& flow, Names& names) {
  std::vector<uint8_t> key, mask;
  if (!scan_geneve(c, key, mask) || !c.eat(')')) return false;
  flow.tunnel.key.tun_geneve = names.intern(text_of(key));
  flow.tunnel.mask.tun_geneve = names.intern(text_of(mask));
  fill_geneve_columns({key.data(), key.size()}, {mask.data(), mask.size()}, flow.tunnel);
  return true;
}

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

// The scanner of one tunnel(...): scalar fields in OVS's order, options, flags(...).
class TunnelScanner {
 public:
  TunnelScanner(Cursor& cursor, DpFlow& flow, Names& names, std::vector<UnknownPart>* unknown)
      : c_(cursor), flow_(flow), names_(names), unknown_(unknown) {}

  bool scan() {
    if (c_.peek() == ')') return true;
    do {
      const char* start = c_.at;
      if (const Field* field = next_field()) {
        if (!scalar(*field)) return false;
      } else if (c_.eat("flags(")) {
        if (!scan_flags_part(c_, flow_)) return false;
      } else if (!option(start)) {
        return false;
      }
    } while (c_.eat(','));
    if (text_start_)
      flow_.tunnel.key.tun_options = names_.intern({text_start_, static_cast<size_t>(text_end_ - text_start_)});
    return true;
  }

 private:
  const Field* next_field() {
    std::span<const Field> fields = tunnel_fields();
    const char* start = c_.at;
    for (size_t i = expected_; i < fields.size(); i++) {
      if (c_.eat(fields[i].name) && c_.eat('=')) {
        expected_ = i + 1;
        return &fields[i];
      }
      c_.at = start;
    }
    return nullptr;
  }

  bool scalar(const Field& field) {
    const char* value = c_.at;
    if (!scan_field(c_, field, flow_)) return false;
    flow_.tunnel.key.tun_attrs |= 1u << field.wire;
    if (has_slash(value, c_)) flow_.tunnel.mask.tun_attrs |= 1u << field.wire;
    return true;
  }

  bool option(const char* start) {
    auto& key = flow_.tunnel.key;
    for (const Option& option : kOptions) {
      if (!c_.eat(option.name)) continue;
      if (text_start_ || tried_ & (1u << option.number)) return false;  // what is not known comes last
      tried_ |= 1u << option.number;
      const char* inside = c_.at;
      if (option.scan ? option.scan(c_, flow_) : scan_geneve_option(c_, flow_, names_)) {
        key.tun_attrs |= 1u << option.number;
        if (has_slash(inside, c_)) flow_.tunnel.mask.tun_attrs |= 1u << option.number;
        return true;
      }
      if (option.clear) option.clear(flow_);
      break;
    }
    c_.at = start;
    return keep_as_text(start);
  }

  // Parts that are not known follow one another, as OVS prints them last.
  bool keep_as_text(const char* start) {
    if (text_start_ && text_end_ + 1 != start) return false;
    std::string_view text = c_.item();
    size_t name = text.find_first_of("(=");
    if (text.empty() || name == text.npos) return false;
    if (!text_start_) text_start_ = start;
    text_end_ = c_.at;
    if (unknown_) unknown_->push_back({"unknown part of tunnel", text.substr(0, name), text, true});
    return true;
  }

  Cursor& c_;
  DpFlow& flow_;
  Names& names_;
  std::vector<UnknownPart>* unknown_;
  size_t expected_ = 0;
  uint32_t tried_ = 0;  // options met, understood or not
  const char* text_start_ = nullptr;
  const char* text_end_ = nullptr;
};

void print_erspan(const DpFlow& flow, bool verbose, TextBuffer& out) {
  std::span<const Field> fields = erspan_fields();
  const auto& key = flow.tunnel.key;
  const auto& mask = flow.tunnel.mask;
  auto piece = [&](const Field& field) {
    if (!verbose && !field_masked(field, flow)) return;
    out.put(field.name);
    out.put('=');
    print_value(field, flow, verbose, out);
    out.put(',');
  };
  out.put("erspan(");
  piece(fields[0]);
  if (key.tun_attrs & kTunErspanIndexGiven) {
    out.put("idx=");
    out.put_hex(key.tun_erspan_idx);
    if (mask.tun_attrs & kTunErspanIndexGiven) {
      out.put('/');
      out.put_hex(mask.tun_erspan_idx);
    }
  } else if (!verbose || key.tun_erspan_ver == 2) {
    piece(fields[2]);
    piece(fields[3]);
  }
  out.chomp(',');
  out.put("),");
}

}  // namespace

bool scan_tunnel(Cursor& c, DpFlow& flow, Names& names, std::vector<UnknownPart>* unknown) {
  return TunnelScanner(c, flow, names, unknown).scan();
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
  if (key.tun_attrs >> kTunGeneve & 1) {
    out.put("geneve(");
    print_geneve(bytes_of(printer.text(key.tun_geneve)), bytes_of(printer.text(flow.tunnel.mask.tun_geneve)), verbose, out);
    out.put("),");
  }
  if (key.tun_attrs >> kTunErspan & 1) print_erspan(flow, verbose, out);
  if (key.tun_attrs >> kTunGtpu & 1) {
    out.put("gtpu(");
    print_fields(gtpu_fields(), flow, verbose, out);
    out.put("),");
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

}  // namespace cti::text
