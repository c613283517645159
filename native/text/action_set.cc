// set(...): one key, coded as the netlink struct of that key (key and mask for set_masked).
#include <memory>

#include "text/actions.h"
#include "text/field.h"
#include "text/tunnel_key.h"

namespace cti::text {
namespace {

using tables::DpFlow;

bool host_order(Kind kind) { return kind == Kind::hex32 || kind == Kind::hex16_host || kind == Kind::ct_state; }

// Bytes of a value in a netlink struct.
size_t wire_size(Kind kind) { return kind == Kind::mac ? 6 : kind_size(kind); }

void encode(const Field& field, size_t offset, const DpFlow& flow, uint8_t* wire) {
  size_t size = kind_size(field.kind), n = wire_size(field.kind);
  const uint8_t* from = at(flow, offset);
  if (size == 16 || host_order(field.kind)) {
    std::memcpy(wire, from, n);
  } else {
    for (size_t i = 0; i < n; i++) wire[i] = from[n - 1 - i];
  }
}

void decode(const Field& field, size_t offset, const uint8_t* wire, DpFlow& flow) {
  size_t size = kind_size(field.kind), n = wire_size(field.kind);
  uint8_t* to = at(flow, offset);
  if (size == 16 || host_order(field.kind)) {
    std::memcpy(to, wire, n);
  } else {
    for (size_t i = 0; i < n; i++) to[i] = wire[n - 1 - i];
    std::memset(to + n, 0, size - n);
  }
}

bool exact(const Field& field, const DpFlow& flow) {
  const uint8_t* mask = at(flow, field.mask);
  for (size_t i = 0; i < wire_size(field.kind); i++)
    if (mask[i] != 0xff) return false;
  return true;
}

void decode_mask(const Field& field, const uint8_t* wire, DpFlow& flow) {
  if (wire)
    decode(field, field.mask, wire, flow);
  else
    std::memset(at(flow, field.mask), 0xff, wire_size(field.kind));
}

// NSH: flags, ttl, mdtype, np, be32 of spi 24 and si 8, four contexts: as a struct of 24 bytes, which netlink splits in two.
void encode_nsh(const DpFlow& flow, bool mask, uint8_t (&wire)[24]) {
  const auto& half = mask ? flow.encap.mask : flow.encap.key;
  const uint8_t head[4] = {half.nsh_flags, half.nsh_ttl, half.nsh_mdtype, half.nsh_np};
  std::memcpy(wire, head, 4);
  store(wire + 4, swap32(half.nsh_spi << 8 | half.nsh_si));
  const uint32_t contexts[4] = {half.nsh_c1, half.nsh_c2, half.nsh_c3, half.nsh_c4};
  for (int i = 0; i < 4; i++) store(wire + 8 + 4 * i, swap32(contexts[i]));
}

void decode_nsh(const uint8_t (&wire)[24], bool mask, DpFlow& flow) {
  auto& half = mask ? flow.encap.mask : flow.encap.key;
  half.nsh_flags = wire[0], half.nsh_ttl = wire[1], half.nsh_mdtype = wire[2], half.nsh_np = wire[3];
  uint32_t path = swap32(load<uint32_t>(wire + 4));
  half.nsh_spi = path >> 8, half.nsh_si = static_cast<uint8_t>(path);
  if (mask && half.nsh_spi == 0xffffff) half.nsh_spi = UINT32_MAX;
  uint32_t* contexts[4] = {&half.nsh_c1, &half.nsh_c2, &half.nsh_c3, &half.nsh_c4};
  for (int i = 0; i < 4; i++) *contexts[i] = swap32(load<uint32_t>(wire + 8 + 4 * i));
}

bool set_nsh(Cursor& c, DpFlow& flow, Names& names, TreeWriter& tree) {
  if (!scan_key(*find_key(kKeyNsh), c, flow, names)) return false;
  uint8_t key[24], mask[24];
  encode_nsh(flow, false, key);
  encode_nsh(flow, true, mask);
  size_t nsh = tree.open(kKeyNsh);
  size_t base = tree.open(1);
  tree.append(Bytes(key, 8));
  tree.append(Bytes(mask, 8));
  tree.close(base);
  size_t md1 = tree.open(2);
  tree.append(Bytes(key + 8, 16));
  tree.append(Bytes(mask + 8, 16));
  tree.close(md1);
  tree.close(nsh);
  return true;
}

bool set_mpls(Cursor& c, DpFlow& flow, Names& names, uint16_t& type, TreeWriter& tree) {
  if (!scan_key(*find_key(kKeyMpls), c, flow, names)) return false;
  const uint32_t values[3] = {flow.encap.key.mpls_lse0, flow.encap.key.mpls_lse1, flow.encap.key.mpls_lse2};
  const uint32_t masks[3] = {flow.encap.mask.mpls_lse0, flow.encap.mask.mpls_lse1, flow.encap.mask.mpls_lse2};
  uint8_t n = flow.encap.key.mpls_depth;
  bool all = true;
  for (int i = 0; i < n; i++) all &= masks[i] == UINT32_MAX;
  type = all ? kActSet : kActSetMasked;
  size_t start = tree.open(kKeyMpls);
  for (int i = 0; i < n; i++) tree.append(swap32(values[i]));
  for (int i = 0; i < n && !all; i++) tree.append(swap32(masks[i]));
  tree.close(start);
  return true;
}

// Keeps a tunnel's option text in place of the snapshot's blob.
class LocalText final : public Names, public PortPrinter {
 public:
  uint32_t port(std::string_view) override { return UINT32_MAX; }
  cti_ref intern(std::string_view text) override {
    text_ = text;
    return {0, static_cast<uint32_t>(text.size())};
  }
  void port(uint32_t, TextBuffer&) const override {}
  std::string_view text(const cti_ref&) const override { return text_; }

 private:
  std::string_view text_;
};

bool set_tunnel(Cursor& c, DpFlow& flow, TreeWriter& tree) {
  LocalText text;
  if (!scan_tunnel(c, flow, text)) return false;
  const auto& key = flow.tunnel.key;
  size_t tunnel = tree.open(kKeyTunnel);
  for (const Field& field : tunnel_fields()) {
    if (!(key.tun_attrs >> field.wire & 1)) continue;
    if (!exact(field, flow) && field.kind != Kind::mac) return false;
    uint8_t wire[16];
    encode(field, field.key, flow, wire);
    tree.put(field.wire, {wire, wire_size(field.kind)});
  }
  if (key.tun_attrs >> kTunVxlan & 1) {
    size_t vxlan = tree.open(kTunVxlan);
    tree.put_value(1, static_cast<uint32_t>(key.tun_gbp_id | key.tun_gbp_flags << 16));
    tree.close(vxlan);
  }
  if (key.tun_options.size) {
    Cursor options(text.text({}));
    size_t start = tree.open(kTunGeneve), before = tree.size();
    if (options.eat("geneve(") && scan_geneve(options, tree.raw()) && options.eat(')') && options.done()) {
      tree.close(start);
    } else {
      tree.truncate(before - 4);
      tree.put(kActUnknown, {reinterpret_cast<const uint8_t*>(text.text({}).data()), text.text({}).size()});
    }
  }
  if (key.tun_attrs & kTunFlagsGiven) {
    if (key.tun_flags & CTI_TUN_FLAGS_DF) tree.flag(kTunDontFragment);
    if (key.tun_flags & CTI_TUN_FLAGS_CSUM) tree.flag(kTunCsum);
    if (key.tun_flags & CTI_TUN_FLAGS_OAM) tree.flag(kTunOam);
  }
  tree.close(tunnel);
  return true;
}

void print_set_tunnel(Bytes nested, DpFlow& flow, TextBuffer& out) {
  auto& key = flow.tunnel.key;
  TextBuffer options;
  TreeAttr attr{};
  for (const Field& field : tunnel_fields()) {
    if (!find_attr(nested, field.wire, attr) || attr.payload.size() < wire_size(field.kind)) continue;
    decode(field, field.key, attr.payload.data(), flow);
    std::memset(at(flow, field.mask), 0xff, kind_size(field.kind));
    key.tun_attrs |= 1u << field.wire;
  }
  Bytes rest = nested;
  while (next_attr(rest, attr)) {
    switch (attr.type) {
      case kTunDontFragment:
        key.tun_flags |= CTI_TUN_FLAGS_DF;
        break;
      case kTunCsum:
        key.tun_flags |= CTI_TUN_FLAGS_CSUM;
        break;
      case kTunOam:
        key.tun_flags |= CTI_TUN_FLAGS_OAM;
        break;
      case kTunVxlan:
        key.tun_attrs |= 1u << kTunVxlan;
        key.tun_gbp_id = attr.value<uint16_t>(4);
        key.tun_gbp_flags = attr.value<uint8_t>(6);
        flow.tunnel.mask.tun_gbp_id = 0xffff;
        flow.tunnel.mask.tun_gbp_flags = 0xff;
        break;
      case kTunGeneve:
        options.put("geneve(");
        print_geneve(attr.payload, options);
        options.put(')');
        break;
      case kActUnknown:
        options.put(std::string_view(reinterpret_cast<const char*>(attr.payload.data()), attr.payload.size()));
        break;
      default:
        break;
    }
  }
  // A tunnel key that is set is also flagged "key", as OVS prints it.
  if (key.tun_attrs & 1u << kTunId) key.tun_flags |= CTI_TUN_FLAGS_KEY;
  flow.tunnel.mask.tun_flags = 0xffff;
  key.tun_attrs |= kTunFlagsGiven;
  LocalText text;
  key.tun_options = text.intern(options.text());
  print_tunnel(flow, true, text, out);
}

void print_set_nsh(Bytes nested, DpFlow& flow, TextBuffer& out) {
  uint8_t key[24] = {}, mask[24] = {};
  TreeAttr attr{};
  if (find_attr(nested, 1, attr) && attr.payload.size() == 16)
    std::memcpy(key, attr.payload.data(), 8), std::memcpy(mask, attr.payload.data() + 8, 8);
  if (find_attr(nested, 2, attr) && attr.payload.size() == 32)
    std::memcpy(key + 8, attr.payload.data(), 16), std::memcpy(mask + 8, attr.payload.data() + 16, 16);
  decode_nsh(key, false, flow);
  decode_nsh(mask, true, flow);
  print_fields(find_key(kKeyNsh)->fields, flow, false, out);
}

void print_set_mpls(const TreeAttr& inner, bool masked, DpFlow& flow, const PortPrinter& printer, TextBuffer& out) {
  size_t n = inner.payload.size() / (masked ? 8 : 4);
  if (n > 3) return;
  uint32_t* values[3] = {&flow.encap.key.mpls_lse0, &flow.encap.key.mpls_lse1, &flow.encap.key.mpls_lse2};
  uint32_t* masks[3] = {&flow.encap.mask.mpls_lse0, &flow.encap.mask.mpls_lse1, &flow.encap.mask.mpls_lse2};
  for (size_t i = 0; i < n; i++) {
    *values[i] = swap32(inner.value<uint32_t>(4 * i));
    *masks[i] = masked ? swap32(inner.value<uint32_t>(4 * (n + i))) : UINT32_MAX;
  }
  flow.encap.key.mpls_depth = static_cast<uint8_t>(n);
  print_key(*find_key(kKeyMpls), flow, false, printer, out);
}

}  // namespace

bool scan_set(Cursor& c, Names& names, TreeWriter& tree) {
  const char* start = c.at;
  while (!c.done() && *c.at != '(' && *c.at != ')') c.at++;
  const Key* key = find_key(std::string_view(start, static_cast<size_t>(c.at - start)));
  if (!key || !c.eat('(')) return false;
  DpFlow flow = {};
  size_t outer = tree.open(kActSet);
  uint16_t type = kActSet;
  if (key->number == kKeyTunnel) {
    if (!set_tunnel(c, flow, tree)) return false;
  } else if (key->number == kKeyNsh) {
    type = kActSetMasked;
    if (!set_nsh(c, flow, names, tree)) return false;
  } else if (key->number == kKeyMpls) {
    if (!set_mpls(c, flow, names, type, tree)) return false;
  } else {
    if (!key->wire_size || !scan_key(*key, c, flow, names)) return false;
    uint8_t wire[2][40] = {};
    bool all = true;
    for (const Field& field : key->fields) {
      all &= exact(field, flow);
      encode(field, field.key, flow, wire[0] + field.wire);
      encode(field, field.mask, flow, wire[1] + field.wire);
    }
    type = all ? kActSet : kActSetMasked;
    size_t inner = tree.open(key->number);
    tree.append(Bytes(wire[0], key->wire_size));
    if (!all) tree.append(Bytes(wire[1], key->wire_size));
    tree.close(inner);
  }
  tree.close(outer);
  store<uint16_t>(&tree.raw()[outer + 2], type);
  return c.eat(')');
}

void print_set(const TreeAttr& set, const PortPrinter& printer, TextBuffer& out) {
  Bytes rest = set.payload;
  TreeAttr inner{};
  if (!next_attr(rest, inner)) return;
  const Key* key = find_key(inner.type);
  if (!key) return;
  bool masked = set.type == kActSetMasked;
  DpFlow flow = {};
  out.put("set(");
  out.put(key->name);
  out.put('(');
  if (key->number == kKeyTunnel) {
    print_set_tunnel(inner.payload, flow, out);
  } else if (key->number == kKeyNsh) {
    print_set_nsh(inner.payload, flow, out);
  } else if (key->number == kKeyMpls) {
    print_set_mpls(inner, masked, flow, printer, out);
  } else if (key->wire_size && inner.payload.size() == key->wire_size * (masked ? 2u : 1u)) {
    for (const Field& field : key->fields) {
      decode(field, field.key, inner.payload.data() + field.wire, flow);
      decode_mask(field, masked ? inner.payload.data() + key->wire_size + field.wire : nullptr, flow);
    }
    print_key(*key, flow, !masked, printer, out);
  }
  out.put("))");
}

}  // namespace cti::text
