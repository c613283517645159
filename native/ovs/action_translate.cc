#include "ovs/action_translate.h"

#include <string>

#include "text/keys.h"

namespace cti::ovs {

using namespace text;

namespace {

constexpr uint16_t kTypeMask = 0x3fff;  // without NLA_F_NESTED and NLA_F_NET_BYTEORDER

uint16_t type_of(const TreeAttr& attr) { return attr.type & kTypeMask; }

// Whether 'enumerator' is there and is 'value'.
bool is(const Member& enumerator, uint64_t value) { return enumerator && enumerator.offset == value; }

template <typename T>
T field(Bytes from, const Member& member) {
  return member && member.offset + sizeof(T) <= from.size() ? load<T>(from.data() + member.offset) : T{};
}

void append_reversed(Bytes bytes, TreeWriter& tree) {
  for (size_t i = bytes.size(); i-- > 0;) tree.append(bytes[i]);
}

}  // namespace

bool is_attribute_chain(Bytes bytes) {
  TreeAttr attr;
  while (!bytes.empty())
    if (!next_attr(bytes, attr)) return false;
  return true;
}

bool ActionTranslator::translate(Bytes bytes, TreeWriter& tree) {
  tree.clear();
  return list(bytes, 0, tree) && !tree.overflowed();
}

bool ActionTranslator::list(Bytes bytes, int depth, TreeWriter& tree) {
  if (depth > kMaxNesting) return false;
  TreeAttr attr;
  while (!bytes.empty()) {
    if (!next_attr(bytes, attr)) return false;
    if (!action(type_of(attr), attr.payload, depth, tree)) return false;
  }
  return true;
}

// Numbers up to check_pkt_len are the kernel's and never change.
uint16_t ActionTranslator::number_of(uint16_t type) const {
  if (type <= kActCheckPktLen) return type;
  const struct {
    const Member& enumerator;
    uint16_t number;
  } rows[] = {{l_.ovs_action_attr_OVS_ACTION_ATTR_ADD_MPLS, kActAddMpls},       {l_.ovs_action_attr_OVS_ACTION_ATTR_TUNNEL_PUSH, kActTunnelPush},
              {l_.ovs_action_attr_OVS_ACTION_ATTR_TUNNEL_POP, kActTunnelPop}, {l_.ovs_action_attr_OVS_ACTION_ATTR_DROP, kActDrop},
              {l_.ovs_action_attr_OVS_ACTION_ATTR_LB_OUTPUT, kActLbOutput},   {l_.ovs_action_attr_OVS_ACTION_ATTR_DEC_TTL, kActDecTtl},
              {l_.ovs_action_attr_OVS_ACTION_ATTR_PSAMPLE, kActPsample}};
  for (const auto& row : rows)
    if (is(row.enumerator, type)) return row.number;
  return kActUnknown;
}

bool ActionTranslator::action(uint16_t type, Bytes payload, int depth, TreeWriter& tree) {
  const uint16_t number = number_of(type);
  switch (number) {
    case kActOutput:
    case kActTunnelPop:
      if (payload.size() != 4) return false;
      tree.put_value(number, ports_.port_id(load<uint32_t>(payload.data())));
      return true;
    case kActUserspace:
      return userspace(payload, tree);
    case kActSet:
    case kActSetMasked: {
      if (!is_attribute_chain(payload)) return false;
      Bytes rest = payload;
      TreeAttr key;
      if (!next_attr(rest, key) || !rest.empty()) return false;
      const size_t start = tree.open(number);
      tree.put(type_of(key), key.payload);
      tree.close(start);
      return true;
    }
    case kActClone:
      return nested_actions(kActClone, payload, depth, tree);
    case kActSample:
    case kActCheckPktLen:
    case kActDecTtl: {
      const size_t start = tree.open(number);
      TreeAttr attr;
      while (!payload.empty()) {
        if (!next_attr(payload, attr)) return false;
        const uint16_t inner = type_of(attr);
        const bool is_list = number == kActDecTtl ? inner == 1 : inner == 2 || (number == kActCheckPktLen && inner == 3);
        if (is_list ? !nested_actions(inner, attr.payload, depth, tree) : (tree.put(inner, attr.payload), false)) return false;
      }
      tree.close(start);
      return true;
    }
    case kActCt:
      return ct(payload, tree);
    case kActPushNsh:
      return push_nsh(payload, tree);
    case kActPsample: {
      if (!is_attribute_chain(payload)) return false;
      tree.put(number, payload);
      return true;
    }
    case kActTunnelPush:
      return tunnel_push(payload, tree);
    case kActDrop: {  // OVS prints no reason
      if (payload.size() != 4) return false;
      const size_t start = tree.open(kActDrop);
      tree.append(payload);
      tree.append<uint32_t>(0);
      tree.close(start);
      return true;
    }
    case kActUnknown: {
      const std::string text = "action" + std::to_string(type);
      tree.put(kActUnknown, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
      return true;
    }
    default: {
      static constexpr struct {
        uint16_t number;
        size_t size;
      } kSizes[] = {{kActPushVlan, 4}, {kActPopVlan, 0},  {kActRecirc, 4}, {kActHash, 8},     {kActPushMpls, 6}, {kActPopMpls, 2},  {kActTrunc, 4},
                    {kActPushEth, 12}, {kActPopEth, 0},   {kActCtClear, 0}, {kActPopNsh, 0},  {kActMeter, 4},    {kActAddMpls, 6},  {kActLbOutput, 4}};
      for (const auto& row : kSizes)
        if (row.number == number && payload.size() < row.size) return false;
      tree.put(number, payload);
      return number != 0;
    }
  }
}

bool ActionTranslator::nested_actions(uint16_t type, Bytes payload, int depth, TreeWriter& tree) {
  const size_t start = tree.open(type);
  if (!list(payload, depth + 1, tree)) return false;
  tree.close(start);
  return true;
}

bool ActionTranslator::userspace(Bytes nested, TreeWriter& tree) {
  const size_t start = tree.open(kActUserspace);
  TreeAttr attr;
  while (!nested.empty()) {
    if (!next_attr(nested, attr)) return false;
    switch (type_of(attr)) {
      case kUserspaceUserdata:
        cookie(attr.payload, tree);
        break;
      case kUserspaceTunnelPort:
        if (attr.payload.size() != 4) return false;
        tree.put_value(kUserspaceTunnelPort, ports_.port_id(load<uint32_t>(attr.payload.data())));
        break;
      default:
        tree.put(type_of(attr), attr.payload);
    }
  }
  tree.close(start);
  return true;
}

// What is printed of a cookie; one of another size or kind is printed as bytes.
void ActionTranslator::cookie(Bytes c, TreeWriter& tree) {
  const uint16_t type = c.size() == l_.sizeof_user_action_cookie ? field<uint16_t>(c, l_.user_action_cookie_type) : 0;
  if (is(l_.user_action_cookie_type_USER_ACTION_COOKIE_SLOW_PATH, type) && l_.user_action_cookie_slow_path_reason) {
    const struct {
      const Member& bit;
      const char* name;
    } reasons[] = {{l_.slow_path_reason_SLOW_CFM, "cfm"},       {l_.slow_path_reason_SLOW_BFD, "bfd"},
                   {l_.slow_path_reason_SLOW_LACP, "lacp"},     {l_.slow_path_reason_SLOW_STP, "stp"},
                   {l_.slow_path_reason_SLOW_LLDP, "lldp"},     {l_.slow_path_reason_SLOW_CONTROLLER, "controller"},
                   {l_.slow_path_reason_SLOW_ACTION, "action"}, {l_.slow_path_reason_SLOW_MATCH, "match"}};
    const uint32_t given = field<uint32_t>(c, l_.user_action_cookie_slow_path_reason);
    std::string text;
    for (uint32_t bit = 1; bit; bit <<= 1)
      for (const auto& reason : reasons)
        if (given & bit && is(reason.bit, bit)) text += std::string(text.empty() ? "" : ",") + reason.name;
    tree.put(kCookieSlowPath, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  } else if (is(l_.user_action_cookie_type_USER_ACTION_COOKIE_SFLOW, type) && l_.user_action_cookie_sflow_output) {
    const size_t start = tree.open(kCookieSflow);
    const uint32_t tci = swap16(field<uint16_t>(c, l_.user_action_cookie_sflow_vlan_tci));
    tree.append((tci & 0xfff) | (tci >> 13) << 13);
    tree.append(field<uint32_t>(c, l_.user_action_cookie_sflow_output));
    tree.close(start);
  } else if (is(l_.user_action_cookie_type_USER_ACTION_COOKIE_FLOW_SAMPLE, type) && l_.user_action_cookie_flow_sample_direction) {
    const size_t start = tree.open(kCookieFlowSample);
    tree.append(uint32_t{field<uint16_t>(c, l_.user_action_cookie_flow_sample_probability)});
    tree.append(field<uint32_t>(c, l_.user_action_cookie_flow_sample_collector_set_id));
    tree.append(field<uint32_t>(c, l_.user_action_cookie_flow_sample_obs_domain_id));
    tree.append(field<uint32_t>(c, l_.user_action_cookie_flow_sample_obs_point_id));
    tree.append(ports_.port_id(field<uint32_t>(c, l_.user_action_cookie_flow_sample_output_odp_port)));
    tree.append(field<uint32_t>(c, l_.user_action_cookie_flow_sample_direction));
    tree.close(start);
  } else if (is(l_.user_action_cookie_type_USER_ACTION_COOKIE_IPFIX, type) && l_.user_action_cookie_ipfix_output_odp_port) {
    tree.put_value(kCookieIpfix, ports_.port_id(field<uint32_t>(c, l_.user_action_cookie_ipfix_output_odp_port)));
  } else if (is(l_.user_action_cookie_type_USER_ACTION_COOKIE_CONTROLLER, type) && l_.user_action_cookie_controller_max_len) {
    const size_t start = tree.open(kCookieController);
    tree.append(swap64(field<uint64_t>(c, l_.user_action_cookie_controller_rule_cookie)));
    tree.append(field<uint32_t>(c, l_.user_action_cookie_controller_recirc_id));
    tree.append(uint32_t{field<uint16_t>(c, l_.user_action_cookie_controller_reason)});
    tree.append(uint32_t{field<uint8_t>(c, l_.user_action_cookie_controller_dont_send) != 0});
    tree.append(uint32_t{field<uint8_t>(c, l_.user_action_cookie_controller_continuation) != 0});
    tree.append(uint32_t{field<uint16_t>(c, l_.user_action_cookie_controller_controller_id)});
    tree.append(uint32_t{field<uint16_t>(c, l_.user_action_cookie_controller_max_len)});
    tree.close(start);
  } else {
    tree.put(kUserspaceUserdata, c);
  }
}

bool ActionTranslator::ct(Bytes nested, TreeWriter& tree) {
  const size_t start = tree.open(kActCt);
  TreeAttr attr;
  while (!nested.empty()) {
    if (!next_attr(nested, attr)) return false;
    switch (type_of(attr)) {
      case kCtLabels: {  // two ovs_u128 in host order
        if (attr.payload.size() != 32) return false;
        const size_t labels = tree.open(kCtLabels);
        append_reversed(attr.payload.first(16), tree);
        append_reversed(attr.payload.subspan(16), tree);
        tree.close(labels);
        break;
      }
      case kCtZone:  // the default is put there, and not printed
        if (attr.payload.size() != 2) return false;
        if (load<uint16_t>(attr.payload.data()) != 0) tree.put(kCtZone, attr.payload);
        break;
      case kCtEventMask:  // never printed
        break;
      case kCtHelper:
      case kCtTimeout: {  // with their terminating zero
        Bytes text = attr.payload;
        while (!text.empty() && text.back() == 0) text = text.first(text.size() - 1);
        tree.put(type_of(attr), text);
        break;
      }
      case kCtNat:
        if (!is_attribute_chain(attr.payload)) return false;
        tree.put(kCtNat, attr.payload);
        break;
      default:
        tree.put(type_of(attr), attr.payload);
    }
  }
  tree.close(start);
  return true;
}

// One OVS_KEY_ATTR_NSH, whose attributes are the tree's: 1 base, 2 contexts of type 1, 3 metadata of type 2, which is left out where there is none.
bool ActionTranslator::push_nsh(Bytes payload, TreeWriter& tree) {
  TreeAttr key, attr;
  if (!is_attribute_chain(payload) || !next_attr(payload, key) || !payload.empty() || type_of(key) != kKeyNsh || !is_attribute_chain(key.payload)) return false;
  Bytes base, contexts, metadata;
  for (Bytes rest = key.payload; !rest.empty();) {
    if (!next_attr(rest, attr)) return false;
    if (type_of(attr) == 1) base = attr.payload;
    if (type_of(attr) == 2) contexts = attr.payload;
    if (type_of(attr) == 3) metadata = attr.payload;
  }
  if (base.size() != 8) return false;
  const uint8_t type = base[2];
  const size_t start = tree.open(kActPushNsh);
  tree.put(1, base);
  if (type == 1) {
    if (contexts.size() != 16) return false;
    tree.put(2, contexts);
  } else if (type == 2) {
    tree.put(3, metadata);
  }
  tree.close(start);
  return true;
}

// struct ovs_action_push_tnl: tnl_port, out_port, header_len, tnl_type, 512 bytes of header. The same in 2.5 to 3.7.
bool ActionTranslator::tunnel_push(Bytes payload, TreeWriter& tree) {
  if (payload.size() < 16) return false;
  const uint32_t size = load<uint32_t>(payload.data() + 8);
  if (size > payload.size() - 16) return false;
  const size_t start = tree.open(kActTunnelPush);
  tree.append(ports_.port_id(load<uint32_t>(payload.data())));
  tree.append(ports_.port_id(load<uint32_t>(payload.data() + 4)));
  tree.append(size);
  tree.append(load<uint32_t>(payload.data() + 12));
  tree.append(payload.subspan(16, size));
  tree.close(start);
  return true;
}

}  // namespace cti::ovs
