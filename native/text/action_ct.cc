// ct(...) and its nat(...).
#include "text/actions.h"

namespace cti::text {
namespace {

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// One address of a nat range. IPv6 stands in brackets where a port follows.
bool scan_nat_address(Cursor& c, uint16_t type, TreeWriter& tree) {
  Cursor start = c;
  uint32_t v4;
  if (c.ipv4(v4)) {
    tree.put_value(type, swap32(v4));
    return true;
  }
  c = start;
  cti_be128 v6;
  bool bracket = c.eat('[');
  if (!c.ipv6(v6) || (bracket && !c.eat(']'))) return false;
  tree.put_value(type, v6);
  return true;
}

bool scan_nat(Cursor& c, TreeWriter& tree) {
  size_t start = tree.open(kCtNat);
  if (c.eat('(')) {
    bool src = c.eat("src");
    if (!src && !c.eat("dst")) return false;
    tree.flag(src ? kNatSrc : kNatDst);
    if (c.eat('=')) {
      uint64_t port;
      if (!scan_nat_address(c, kNatIpMin, tree)) return false;
      if (c.eat('-') && !scan_nat_address(c, kNatIpMax, tree)) return false;
      if (c.eat(':')) {
        if (!c.number(port, 0xffff)) return false;
        tree.put_value(kNatProtoMin, static_cast<uint16_t>(port));
        if (c.eat('-')) {
          if (!c.number(port, 0xffff)) return false;
          tree.put_value(kNatProtoMax, static_cast<uint16_t>(port));
        }
      }
    }
    while (c.eat(',')) {
      if (c.eat("persistent"))
        tree.flag(kNatPersistent);
      else if (c.eat("hash"))
        tree.flag(kNatProtoHash);
      else if (c.eat("random"))
        tree.flag(kNatProtoRandom);
      else
        return false;
    }
    if (!c.eat(')')) return false;
  }
  tree.close(start);
  return true;
}

std::string_view word(Cursor& c) {
  const char* start = c.at;
  while (!c.done() && *c.at != ',' && *c.at != ')') c.at++;
  return {start, static_cast<size_t>(c.at - start)};
}

// Releases before 3.1 print no comma between the timeout policy and nat. No policy that OVS makes ends in "nat": they are
// numbers, or called ovs_tp_NUMBER_PROTOCOL.
bool scan_timeout(Cursor& c, TreeWriter& tree) {
  constexpr std::string_view kNat = "nat";
  const char* start = c.at;
  while (!c.done() && *c.at != ',' && *c.at != ')' && *c.at != '(') c.at++;
  std::string_view name(start, static_cast<size_t>(c.at - start));
  if (name.size() <= kNat.size() || !name.ends_with(kNat)) {
    if (name.empty() || c.peek() == '(') return false;
    tree.put(kCtTimeout, bytes_of(name));
    return true;
  }
  name.remove_suffix(kNat.size());
  tree.put(kCtTimeout, bytes_of(name));
  tree.flag(kCtNatWithoutComma);
  return scan_nat(c, tree);
}

bool scan_part(Cursor& c, TreeWriter& tree) {
  uint64_t value, mask;
  if (c.eat("commit")) {
    tree.flag(kCtCommit);
  } else if (c.eat("force_commit")) {
    tree.flag(kCtForceCommit);
  } else if (c.eat("zone=")) {
    if (!c.number(value, 0xffff)) return false;
    tree.put_value(kCtZone, static_cast<uint16_t>(value));
  } else if (c.eat("mark=")) {
    mask = UINT32_MAX;
    if (!c.number(value, UINT32_MAX) || (c.eat('/') && !c.number(mask, UINT32_MAX))) return false;
    tree.put_value(kCtMark, mask << 32 | value);
  } else if (c.eat("label=")) {
    cti_be128 label, label_mask{{UINT64_MAX, UINT64_MAX}};
    if (!c.number128(label) || (c.eat('/') && !c.number128(label_mask))) return false;
    size_t start = tree.open(kCtLabels);
    tree.append(label);
    tree.append(label_mask);
    tree.close(start);
  } else if (c.eat("helper=")) {
    tree.put(kCtHelper, bytes_of(word(c)));
  } else if (c.eat("timeout=")) {
    return scan_timeout(c, tree);
  } else if (c.eat("nat")) {
    return scan_nat(c, tree);
  } else {
    return false;
  }
  return true;
}

void put_nat_address(Bytes address, bool bracket, TextBuffer& out) {
  if (address.size() == 4) return out.put_ipv4(swap32(load<uint32_t>(address.data())));
  if (address.size() != 16) return;
  if (bracket) out.put('[');
  out.put_ipv6(load<cti_be128>(address.data()));
  if (bracket) out.put(']');
}

void print_nat(Bytes nested, TextBuffer& out) {
  TreeAttr attr{}, ip{}, port{};
  out.put("nat");
  bool src = find_attr(nested, kNatSrc, attr);
  if (!src && !find_attr(nested, kNatDst, attr)) return;
  out.put(src ? "(src" : "(dst");
  bool has_port = find_attr(nested, kNatProtoMin, port);
  if (find_attr(nested, kNatIpMin, ip)) {
    out.put('=');
    put_nat_address(ip.payload, has_port, out);
    if (find_attr(nested, kNatIpMax, ip)) {
      out.put('-');
      put_nat_address(ip.payload, has_port, out);
    }
    if (has_port) {
      out.put(':');
      out.put_dec(port.value<uint16_t>());
      if (find_attr(nested, kNatProtoMax, port)) {
        out.put('-');
        out.put_dec(port.value<uint16_t>());
      }
    }
  }
  if (find_attr(nested, kNatPersistent, attr)) out.put(",persistent");
  if (find_attr(nested, kNatProtoHash, attr)) out.put(",hash");
  if (find_attr(nested, kNatProtoRandom, attr)) out.put(",random");
  out.put(')');
}

}  // namespace

bool scan_ct(Cursor& c, TreeWriter& tree) {
  size_t start = tree.open(kActCt);
  do {
    if (!scan_part(c, tree)) return false;
  } while (c.eat(','));
  tree.close(start);
  return true;
}

void print_ct(Bytes nested, TextBuffer& out) {
  out.put("ct");
  if (nested.empty()) return;
  out.put('(');
  TreeAttr attr{};
  if (find_attr(nested, kCtCommit, attr)) out.put("commit,");
  if (find_attr(nested, kCtForceCommit, attr)) out.put("force_commit,");
  if (find_attr(nested, kCtZone, attr)) {
    out.put("zone=");
    out.put_dec(attr.value<uint16_t>());
    out.put(',');
  }
  if (find_attr(nested, kCtMark, attr)) {
    out.put("mark=");
    out.put_hex(attr.value<uint32_t>());
    out.put('/');
    out.put_hex(attr.value<uint32_t>(4));
    out.put(',');
  }
  if (find_attr(nested, kCtLabels, attr) && attr.payload.size() == 32) {
    out.put("label=");
    out.put_hex_bytes(attr.payload.first(16));
    if ((attr.value<uint64_t>(16) & attr.value<uint64_t>(24)) != UINT64_MAX) {
      out.put('/');
      out.put_hex_bytes(attr.payload.subspan(16));
    }
    out.put(',');
  }
  if (find_attr(nested, kCtHelper, attr)) {
    out.put("helper=");
    out.put(text_of(attr.payload));
    out.put(',');
  }
  if (find_attr(nested, kCtTimeout, attr)) {
    out.put("timeout=");
    out.put(text_of(attr.payload));
    if (!find_attr(nested, kCtNatWithoutComma, attr)) out.put(',');
  }
  if (find_attr(nested, kCtNat, attr)) print_nat(attr.payload, out);
  out.chomp(',');
  out.put(')');
}

}  // namespace cti::text
