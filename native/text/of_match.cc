#include "text/of_match.h"

#include <cstring>

namespace cti::text {

using namespace tables::of_rules;

namespace {

struct Word {
  std::string_view word;
  uint16_t eth_type;
  int16_t nw_proto;  // -1: any
};
constexpr Word kWords[] = {{"ip", 0x0800, -1},   {"tcp", 0x0800, 6},   {"udp", 0x0800, 17},    {"icmp", 0x0800, 1},  {"sctp", 0x0800, 132}, {"igmp", 0x0800, 2},    {"ipv6", 0x86dd, -1},  {"tcp6", 0x86dd, 6},
                           {"udp6", 0x86dd, 17}, {"icmp6", 0x86dd, 58}, {"sctp6", 0x86dd, 132}, {"arp", 0x0806, -1},  {"rarp", 0x8035, -1},  {"mpls", 0x8847, -1},   {"mplsm", 0x8848, -1}};

constexpr uint16_t kVlanPresent = 0x1000;

struct Record {
  uint8_t* key;
  size_t half;
};

Record record_of(OfRule& rule, uint8_t segment) {
  switch (segment) {
    case CTI_OF_RULES_SEGMENT_MATCH: return {reinterpret_cast<uint8_t*>(&rule.match), sizeof rule.match / 2};
    case CTI_OF_RULES_SEGMENT_TUNNEL: return {reinterpret_cast<uint8_t*>(&rule.tunnel), sizeof rule.tunnel / 2};
    case CTI_OF_RULES_SEGMENT_IPV6: return {reinterpret_cast<uint8_t*>(&rule.ipv6), sizeof rule.ipv6 / 2};
    case CTI_OF_RULES_SEGMENT_CT_TUPLE: return {reinterpret_cast<uint8_t*>(&rule.ct_tuple), sizeof rule.ct_tuple / 2};
    case CTI_OF_RULES_SEGMENT_ARP: return {reinterpret_cast<uint8_t*>(&rule.arp), sizeof rule.arp / 2};
    case CTI_OF_RULES_SEGMENT_ENCAP: return {reinterpret_cast<uint8_t*>(&rule.encap), sizeof rule.encap / 2};
    default: return {reinterpret_cast<uint8_t*>(&rule.regs), sizeof rule.regs / 2};
  }
}

// Numbers of up to 64 bits: or-ed into the field, which has room for others' bits (registers, parts of a VLAN tag).
bool put_low(const OfField& field, uint64_t value, uint64_t mask, OfRule& rule) {
  const auto [key, half] = record_of(rule, field.segment);
  uint64_t old_key = 0, old_mask = 0;
  // SAFETY: offset and size are those of a member of the record's half; host order is little-endian (checked in base).
  std::memcpy(&old_key, key + field.offset, field.size);
  std::memcpy(&old_mask, key + half + field.offset, field.size);
  const uint64_t new_mask = mask << field.shift;
  if (old_mask & new_mask) return false;
  old_key |= value << field.shift;
  old_mask |= new_mask;
  std::memcpy(key + field.offset, &old_key, field.size);
  std::memcpy(key + half + field.offset, &old_mask, field.size);
  return true;
}

bool put_wide(const OfField& field, const OfValue& value, OfRule& rule) {
  const auto [key, half] = record_of(rule, field.segment);
  cti_be128 old_mask;
  std::memcpy(&old_mask, key + half + field.offset, 16);
  if (old_mask.word[0] || old_mask.word[1]) return false;
  std::memcpy(key + field.offset, &value.wide, 16);
  std::memcpy(key + half + field.offset, &value.wide_mask, 16);
  return true;
}

bool put_word(const Word& word, OfRule& rule) {
  auto& [key, mask] = rule.match;
  if (mask.eth_type || (word.nw_proto >= 0 && mask.nw_proto)) return false;
  key.eth_type = word.eth_type;
  mask.eth_type = UINT16_MAX;
  if (word.nw_proto < 0) return true;
  key.nw_proto = static_cast<uint8_t>(word.nw_proto);
  mask.nw_proto = UINT8_MAX;
  return true;
}

// dl_vlan, dl_vlan_pcp (of the inner tag with a 1 behind): parts of a tag that is there, or none at all.
bool put_vlan(std::string_view name, std::string_view value, OfRule& rule, bool& is_vlan) {
  const bool inner = name.ends_with('1');
  if (inner) name.remove_suffix(1);
  is_vlan = name == "dl_vlan" || name == "dl_vlan_pcp";
  if (!is_vlan) return false;
  uint16_t& key = inner ? rule.encap.key.vlan2_tci : rule.match.key.vlan_tci;
  uint16_t& mask = inner ? rule.encap.mask.vlan2_tci : rule.match.mask.vlan_tci;
  const OfField vid{{}, {}, OfKind::number, 0, 2, 16, 0, 0}, pcp{{}, {}, OfKind::number, 0, 1, 3, 0, 0};
  OfValue number;
  if (!scan_of_value(value, name == "dl_vlan" ? vid : pcp, number) || value.find('/') != std::string_view::npos) return false;
  if (name == "dl_vlan" && number.low == 0xffff) {
    if (mask) return false;
    mask = UINT16_MAX;
    return true;
  }
  const uint16_t bits = name == "dl_vlan" ? 0x0fff : 0xe000;
  if (name == "dl_vlan" && number.low > bits) return false;
  if (mask & bits || (mask & kVlanPresent && !(key & kVlanPresent))) return false;
  key = static_cast<uint16_t>(key | kVlanPresent | (name == "dl_vlan" ? number.low : number.low << 13));
  mask = static_cast<uint16_t>(mask | kVlanPresent | bits);
  return true;
}

}  // namespace

std::string_view of_item(Cursor& c) {
  const char* start = c.at;
  size_t depth = 0;
  bool quoted = false;
  for (; !c.done(); c.at++) {
    const char ch = *c.at;
    if (quoted) {
      if (ch == '\\' && c.left() > 1)
        c.at++;
      else if (ch == '"')
        quoted = false;
    } else if (ch == '"') {
      quoted = true;
    } else if (ch == '(') {
      depth++;
    } else if (ch == ')') {
      if (depth) depth--;
    } else if ((ch == ',' || ch == ' ') && depth == 0) {
      break;
    }
  }
  return {start, static_cast<size_t>(c.at - start)};
}

bool scan_of_match_item(std::string_view item, OfPorts& ports, OfRule& rule) {
  const size_t equals = item.find('=');
  if (equals == std::string_view::npos) {
    for (const Word& word : kWords)
      if (word.word == item) return put_word(word, rule);
    return false;
  }
  const std::string_view name = item.substr(0, equals), text = item.substr(equals + 1);
  bool is_vlan;
  const bool put = put_vlan(name, text, rule, is_vlan);
  if (is_vlan) return put;
  OfField field;
  OfValue value;
  if (!find_of_field(name, field) || field.size == 0 || !scan_of_value(text, field, value)) return false;
  if (name == "nw_tos") {  // the six bits of DSCP, in their place
    if (value.low & 3 || value.low_mask != UINT8_MAX) return false;
    value.low_mask = 0xfc;
  }
  if (field.size == 16) return put_wide(field, value, rule);
  if (field.kind == OfKind::port) {
    value.low = ports.port(value.port);
    if (value.low == UINT32_MAX) return false;
  }
  return put_low(field, value.low, value.low_mask, rule);
}

}  // namespace cti::text
