// set(...): one key, coded as the netlink struct of that key (key and mask for set_masked).
#include <string>

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

bool set_mpls(Cursor& c, uint16_t& type, TreeWriter& tree) {
  MplsStack stack;
  if (!scan_mpls_stack(c, stack)) return false;
  bool all = true;
  for (size_t i = 0; i < stack.n; i++) all &= stack.masks[i] == UINT32_MAX;
  type = all ? kActSet : kActSetMasked;
  size_t start = tree.open(kKeyMpls);
  for (size_t i = 0; i < stack.n; i++) tree.append(swap32(stack.values[i]));
  for (size_t i = 0; i < stack.n && !all; i++) tree.append(swap32(stack.masks[i]));
  tree.close(start);
  return true;
}

bool is_number(const Key& key) {
  return key.number == kKeyVlan || key.number == kKeyInPort || key.number == kKeyEthertype || key.number == kKeyPacketType;
}

template <typename T>
void append_masked(uint16_t number, T value, T mask, uint16_t& type, TreeWriter& tree) {
  const bool exact = mask == static_cast<T>(~T{0});
  type = exact ? kActSet : kActSetMasked;
  size_t start = tree.open(number);
  tree.append(value);
  if (!exact) tree.append(mask);
  tree.close(start);
}

// Keys of one number that have code of their own. In the tree: in_port as u32 port, the others in network order.
bool set_number(const Key& key, Cursor& c, DpFlow& flow, Names& names, uint16_t& type, TreeWriter& tree) {
  if (key.number == kKeyVlan) {
    uint16_t tci, mask;
    if (!scan_vlan_tci(c, tci, mask)) return false;
    append_masked(kKeyVlan, swap16(tci), swap16(mask), type, tree);
    return true;
  }
  if (!scan_key(key, c, flow, names)) return false;
  const auto& value = flow.match.key;
  const auto& mask = flow.match.mask;
  switch (key.number) {
    case kKeyInPort:
      append_masked(kKeyInPort, value.in_port, mask.in_port, type, tree);
      return true;
    case kKeyEthertype:
      append_masked(kKeyEthertype, swap16(value.eth_type), swap16(mask.eth_type), type, tree);
      return true;
    case kKeyPacketType:
      append_masked(kKeyPacketType, swap32(value.packet_type), swap32(mask.packet_type), type, tree);
      return true;
    default:
      return false;
  }
}

// Keeps what a tunnel's options are in place of the snapshot's blob.
class LocalBlob final : public Names, public PortPrinter {
 public:
  uint32_t port(std::string_view) override { return UINT32_MAX; }
  cti_ref intern(std::string_view text) override {
    cti_ref ref{static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(text.size())};
    bytes_ += text;
    return ref;
  }
  void port(uint32_t, TextBuffer&) const override {}
  void port_number(uint32_t, TextBuffer&) const override {}
  std::string_view text(const cti_ref& ref) const override { return std::string_view(bytes_).substr(ref.offset, ref.size); }
  Bytes bytes(const cti_ref& ref) const { return {reinterpret_cast<const uint8_t*>(bytes_.data()) + ref.offset, ref.size}; }

 private:
  std::string bytes_;
};

// What is set is set whole: a mask in a tunnel's fields is nothing that OVS prints.
bool all_exact(const tables::dp_flows::Tunnel& tunnel, const LocalBlob& blob) {
  const auto& mask = tunnel.mask;
  const uint32_t attrs = tunnel.key.tun_attrs;
  if (mask.tun_attrs) return false;
  if (attrs >> kTunVxlan & 1 && (mask.tun_gbp_id != 0xffff || mask.tun_gbp_flags != 0xff)) return false;
  if (attrs >> kTunGtpu & 1 && (mask.tun_gtpu_flags != 0xff || mask.tun_gtpu_msgtype != 0xff)) return false;
  if (attrs >> kTunGeneve & 1 && !geneve_is_exact(blob.bytes(tunnel.key.tun_geneve), blob.bytes(mask.tun_geneve))) return false;
  if (!(attrs >> kTunErspan & 1)) return true;
  if (mask.tun_erspan_ver != 0xff) return false;
  if (tunnel.key.tun_erspan_ver == 1) return attrs & kTunErspanIndexGiven;
  return tunnel.key.tun_erspan_ver == 2 && mask.tun_erspan_dir == 0xff && mask.tun_erspan_hwid == 0xff;
}

// struct erspan_metadata: version, then be32 index, or the 8 bytes of version 2 (its hwid is in two parts).
void put_erspan(const tables::dp_flows::Tunnel& tunnel, TreeWriter& tree) {
  const auto& key = tunnel.key;
  size_t start = tree.open(kTunErspan);
  tree.append(uint32_t{key.tun_erspan_ver});
  tree.append(key.tun_erspan_ver == 1 ? swap32(key.tun_erspan_idx) : 0);
  const uint32_t bits = (key.tun_erspan_hwid >> 4 & 3u) << 8 | (key.tun_erspan_hwid & 15u) << 4 | (key.tun_erspan_dir & 1u) << 3;
  tree.append(key.tun_erspan_ver == 1 ? 0 : swap32(bits));
  tree.close(start);
}

bool set_tunnel(Cursor& c, DpFlow& flow, UnknownActions& unknown, TreeWriter& tree) {
  LocalBlob blob;
  std::vector<UnknownPart> parts;
  if (!scan_tunnel(c, flow, blob, &parts) || !all_exact(flow.tunnel, blob)) return false;
  const auto& key = flow.tunnel.key;
  if (key.tun_erspan_dir > 1 || key.tun_erspan_hwid > 0x3f) return false;
  size_t tunnel = tree.open(kKeyTunnel);
  for (const Field& field : tunnel_fields()) {
    if (!(key.tun_attrs >> field.wire & 1)) continue;
    uint8_t wire[16];
    encode(field, field.key, flow, wire);
    tree.put(field.wire, {wire, wire_size(field.kind)});
  }
  if (key.tun_attrs >> kTunVxlan & 1) {
    size_t vxlan = tree.open(kTunVxlan);
    tree.put_value(1, static_cast<uint32_t>(key.tun_gbp_id | key.tun_gbp_flags << 16));
    tree.close(vxlan);
  }
  if (key.tun_attrs >> kTunGeneve & 1) tree.put(kTunGeneve, blob.bytes(key.tun_geneve));
  if (key.tun_attrs >> kTunErspan & 1) put_erspan(flow.tunnel, tree);
  if (key.tun_attrs >> kTunGtpu & 1)
    tree.put_value(kTunGtpu, static_cast<uint16_t>(key.tun_gtpu_flags | key.tun_gtpu_msgtype << 8));
  if (key.tun_options.size) tree.put(kActUnknown, blob.bytes(key.tun_options));
  for (const UnknownPart& part : parts) unknown.unknown_action(part.name, part.text);
  if (key.tun_attrs & kTunFlagsGiven) {
    if (key.tun_flags & CTI_TUN_FLAGS_DF) tree.flag(kTunDontFragment);
    if (key.tun_flags & CTI_TUN_FLAGS_CSUM) tree.flag(kTunCsum);
    if (key.tun_flags & CTI_TUN_FLAGS_OAM) tree.flag(kTunOam);
  }
  tree.close(tunnel);
  return true;
}

void get_erspan(const TreeAttr& attr, tables::dp_flows::Tunnel& tunnel) {
  auto& key = tunnel.key;
  auto& mask = tunnel.mask;
  key.tun_attrs |= 1u << kTunErspan;
  key.tun_erspan_ver = attr.value<uint8_t>();
  mask.tun_erspan_ver = 0xff;
  if (key.tun_erspan_ver == 1) {
    key.tun_attrs |= kTunErspanIndexGiven;
    key.tun_erspan_idx = swap32(attr.value<uint32_t>(4));
    return;
  }
  const uint32_t bits = swap32(attr.value<uint32_t>(8));
  key.tun_erspan_dir = bits >> 3 & 1;
  key.tun_erspan_hwid = static_cast<uint8_t>((bits >> 8 & 3) << 4 | (bits >> 4 & 15));
  mask.tun_erspan_dir = mask.tun_erspan_hwid = 0xff;
}

void print_set_tunnel(Bytes nested, DpFlow& flow, TextBuffer& out) {
  auto& key = flow.tunnel.key;
  auto& mask = flow.tunnel.mask;
  LocalBlob blob;
  TreeAttr attr{};
  for (const Field& field : tunnel_fields()) {
    if (!find_attr(nested, field.wire, attr) || attr.payload.size() < wire_size(field.kind)) continue;
    decode(field, field.key, attr.payload.data(), flow);
    std::memset(at(flow, field.mask), 0xff, kind_size(field.kind));
    key.tun_attrs |= 1u << field.wire;
  }
  auto text = [](Bytes bytes) { return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()); };
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
        mask.tun_gbp_id = 0xffff;
        mask.tun_gbp_flags = 0xff;
        break;
      case kTunGeneve:
        key.tun_attrs |= 1u << kTunGeneve;
        key.tun_geneve = blob.intern(text(attr.payload));
        mask.tun_geneve = blob.intern(std::string(attr.payload.size(), '\xff'));
        break;
      case kTunErspan:
        get_erspan(attr, flow.tunnel);
        break;
      case kTunGtpu:
      case kTunGtpu + 1:
        key.tun_attrs |= 1u << kTunGtpu;
        key.tun_gtpu_flags = attr.value<uint8_t>();
        key.tun_gtpu_msgtype = attr.value<uint8_t>(1);
        mask.tun_gtpu_flags = mask.tun_gtpu_msgtype = 0xff;
        break;
      case kActUnknown:
        key.tun_options = blob.intern(text(attr.payload));
        break;
      default:
        break;
    }
  }
  // A tunnel key that is set is also flagged "key", as OVS prints it.
  if (key.tun_attrs & 1u << kTunId) key.tun_flags |= CTI_TUN_FLAGS_KEY;
  mask.tun_flags = 0xffff;
  key.tun_attrs |= kTunFlagsGiven;
  print_tunnel(flow, true, blob, out);
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

void print_set_mpls(const TreeAttr& inner, bool masked, TextBuffer& out) {
  MplsStack stack;
  const size_t n = inner.payload.size() / (masked ? 8 : 4);
  if (n > kMaxMplsEntries) return;
  stack.n = n;
  for (size_t i = 0; i < n; i++) {
    stack.values[i] = swap32(inner.value<uint32_t>(4 * i));
    stack.masks[i] = masked ? swap32(inner.value<uint32_t>(4 * (n + i))) : UINT32_MAX;
  }
  print_mpls_stack(stack, out);
}

// As set_number() wrote it.
void print_set_number(const Key& key, const TreeAttr& inner, bool masked, DpFlow& flow, const PortPrinter& printer, TextBuffer& out) {
  auto& value = flow.match.key;
  auto& mask = flow.match.mask;
  switch (key.number) {
    case kKeyVlan:
      return print_vlan_tci(swap16(inner.value<uint16_t>()), masked ? swap16(inner.value<uint16_t>(2)) : 0xffff, !masked, out);
    case kKeyInPort:
      printer.port_number(inner.value<uint32_t>(), out);
      if (masked) {
        out.put('/');
        out.put_hex(inner.value<uint32_t>(4));
      }
      return;
    case kKeyEthertype:
      return print_eth_type_value(swap16(inner.value<uint16_t>()), masked ? swap16(inner.value<uint16_t>(2)) : 0xffff, out);
    case kKeyPacketType:
      value.packet_type = swap32(inner.value<uint32_t>());
      mask.packet_type = masked ? swap32(inner.value<uint32_t>(4)) : UINT32_MAX;
      return print_key(key, flow, !masked, printer, out);
    default:
      return;
  }
}

}  // namespace

bool scan_set(Cursor& c, Names& names, UnknownActions& unknown, TreeWriter& tree) {
  const char* start = c.at;
  while (!c.done() && *c.at != '(' && *c.at != ')') c.at++;
  const Key* key = find_key(std::string_view(start, static_cast<size_t>(c.at - start)));
  if (!key || !c.eat('(')) return false;
  DpFlow flow = {};
  size_t outer = tree.open(kActSet);
  uint16_t type = kActSet;
  if (key->number == kKeyTunnel) {
    if (!set_tunnel(c, flow, unknown, tree)) return false;
  } else if (key->number == kKeyNsh) {
    type = kActSetMasked;
    if (!set_nsh(c, flow, names, tree)) return false;
  } else if (key->number == kKeyMpls) {
    if (!set_mpls(c, type, tree)) return false;
  } else if (is_number(*key)) {
    if (!set_number(*key, c, flow, names, type, tree)) return false;
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
    print_set_mpls(inner, masked, out);
  } else if (is_number(*key)) {
    print_set_number(*key, inner, masked, flow, printer, out);
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
