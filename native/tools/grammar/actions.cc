// Action lists.
#include <algorithm>
#include <cmath>

#include "tools/grammar/grammar.h"

namespace cti::grammar {
namespace {

constexpr uint16_t kText = 0x3f00;

unsigned u(uint64_t value) { return static_cast<unsigned>(value); }

}  // namespace

uint32_t Generator::port(std::string& text) {
  const uint32_t id = static_cast<uint32_t>(below(kPorts));
  text += format(options_.names ? "p%u" : "%u", id);
  return id;
}

void Generator::list(Attributes& tree, std::string& text, int depth) {
  // add-flow takes drop as a whole list only.
  if (one_in(depth ? 6 : 12) && !(depth && options_.add_flow)) {
    use(Production::drop);
    text += "drop";
  } else {
    for (uint64_t n = 1 + below(depth ? 2 : 4); n > 0; n--) {
      std::string one;
      action(tree, one, depth);
      text += one + (n > 1 ? "," : "");
    }
    if (one_in(12) && !options_.add_flow) {
      use(Production::drop);
      text += ",drop";
      tree.flag(24);
      row_.does |= 1ull << 24;
    }
  }
  if (depth) return;
  std::sort(row_.out_ports.begin(), row_.out_ports.end());
  row_.out_ports.erase(std::unique(row_.out_ports.begin(), row_.out_ports.end()), row_.out_ports.end());
}

void Generator::nested(Attributes& tree, uint16_t type, std::string& text, int depth) {
  const size_t at = tree.begin(type);
  list(tree, text, depth + 1);
  tree.end(at);
}

void Generator::opaque_action(Attributes& tree, std::string& text, const std::string& what) {
  text = what;
  tree.put(kText, what);
  row_.n_unknown_actions++;
}

bool Generator::error_action(Attributes& tree, std::string& text) {
  if (one_in(3)) {
    if (!may(Production::action_unknown)) return false;
    const unsigned number = u(30 + below(20)), size = u(below(6));
    opaque_action(tree, text, format("action%u", number) + (size ? "(" + hex_pairs(size, " ") + ")" : ""));
    return true;
  }
  if (one_in(3)) {
    if (!may(Production::action_bad_length)) return false;
    opaque_action(tree, text, one_in(2) ? "bad length 5, expected 4 for: action1(" + hex_pairs(5, " ") + ")"
                                        : one_in(2) ? "set((bad key length 3, expected 4)(" + hex_pairs(3, " ") + "))"
                                                    : "set((bad key length 3, expected 4)(" + hex_pairs(3, " ") + "/(bad mask length 3, expected 4)(" + hex_pairs(3, " ") + "))");
    return true;
  }
  if (one_in(4)) {
    if (!may(Production::action_leftover)) return false;
    opaque_action(tree, text, "***" + std::to_string(1 + below(3)) + " leftover bytes*** (" + hex_pairs(3, "") + ")");
    return true;
  }
  if (!may(Production::action_error)) return false;
  const char* errors[] = {"userspace(error)", "sample(error)", "ct(error)", "check_pkt_len(error)", "ct(commit,nat(range error))", "hash(Unknown hash algorithm(7))",
                          "ct(zone=3,nat(error: options allowed only with \"src\" or \"dst\"))", "ct(nat(error: nl_parse_nested() failed.))",
                          "push_nsh(flags=0,ttl=63,mdtype=7,np=3,spi=0x1,si=2,<error: unknown mdtype>)", "ct(commit,nat(error: proto but no IP.))",
                          "set(ipv4(src=1.2.3.4,error: partial mask not supported for frag (0x1)))", "set(mpls((bad key length 3))", "psample(error)"};
  opaque_action(tree, text, errors[below(std::size(errors))]);
  return true;
}

void Generator::action(Attributes& tree, std::string& text, int depth) {
  auto simple = [&](Production production, uint16_t number, const char* what) {
    use(production);
    row_.does |= 1ull << number;
    text = what;
    tree.flag(number);
  };
  auto number32 = [&](Production production, uint16_t number, const char* format_of, uint32_t value) {
    use(production);
    row_.does |= 1ull << number;
    text = format(format_of, value);
    tree.put_number<uint32_t>(number, value);
  };
  const uint32_t any = static_cast<uint32_t>(random_() >> 32 >> below(32));
  while (text.empty()) {
    switch (below(38)) {
      case 0: case 1: case 2: case 3:
        use(Production::output);
        row_.does |= 2;
        tree.put_number<uint32_t>(1, row_.out_ports.emplace_back(port(text)));
        return;
      case 4:
        return number32(Production::trunc, 13, "trunc(%u)", 14 + (any >> 1) % 0x7fffff00);
      case 5:
        return number32(Production::meter, 19, "meter(%u)", any);
      case 6:
        return number32(Production::lb_output, 28, "lb_output(%u)", any);
      case 7:
        if (options_.add_flow) break;
        return number32(Production::recirc, 7, "recirc(%#x)", any);
      case 8: {
        if (options_.add_flow) break;
        const uint32_t algorithm = u(below(2));
        use(algorithm ? Production::hash_sym_l4 : Production::hash_l4);
        row_.does |= 1ull << 8;
        text = format(algorithm ? "hash(sym_l4(%u))" : "hash(l4(%u))", any);
        tree.put_number<uint64_t>(8, static_cast<uint64_t>(any) << 32 | algorithm);
        return;
      }
      case 9: {
        use(Production::push_vlan);
        const unsigned vid = u(below(4096)), pcp = u(below(8)), tpid = one_in(3) ? 0x88a8 : 0x8100;
        const bool cfi_0 = one_in(4);
        if (tpid != 0x8100) use(Production::push_vlan_tpid);
        if (cfi_0) use(Production::push_vlan_cfi_0);
        text = "push_vlan(" + (tpid == 0x8100 ? "" : format("tpid=0x%04x,", tpid)) + format("vid=%u,pcp=%u", vid, pcp) + (cfi_0 ? ",cfi=0)" : ")");
        row_.does |= 1ull << 4;
        const size_t at = tree.begin(4);
        tree.network(tpid, 2), tree.network(vid | pcp << 13 | (cfi_0 ? 0 : 0x1000), 2);
        return tree.end(at);
      }
      case 10:
        return simple(Production::pop_vlan, 5, "pop_vlan");
      case 11: {
        const bool add = options_.add_flow || one_in(2);
        if (!may(add ? Production::add_mpls : Production::push_mpls)) break;
        const unsigned label = u(below(0x100000)), tc = u(below(8)), ttl = u(below(options_.add_flow ? 128 : 256)), bos = u(below(2)), type = one_in(2) ? 0x8847 : 0x8848;
        text = format("%s(label=%u,tc=%u,ttl=%u,bos=%u,eth_type=0x%x)", add ? "add_mpls" : "push_mpls", label, tc, ttl, bos, type);
        row_.does |= 1ull << (add ? 22 : 9);
        const size_t at = tree.begin(add ? 22 : 9);
        tree.network(label << 12 | tc << 9 | bos << 8 | ttl, 4), tree.network(type, 2), tree.network(0, 2);
        return tree.end(at);
      }
      case 12: {
        if (!may(Production::pop_mpls)) break;
        const unsigned type = u(below(0x10000));
        text = format("pop_mpls(eth_type=0x%x)", type);
        row_.does |= 1ull << 10;
        const size_t at = tree.begin(10);
        tree.network(type, 2);
        return tree.end(at);
      }
      case 13: {
        if (!may(Production::push_eth)) break;
        const uint64_t src = random_() & 0xffffffffffff, dst = random_() & 0xffffffffffff;
        text = "push_eth(src=" + mac_text(src) + ",dst=" + mac_text(dst) + ")";
        row_.does |= 1ull << 14;
        const size_t at = tree.begin(14);
        tree.network(src, 6), tree.network(dst, 6);
        return tree.end(at);
      }
      case 14:
        if (options_.add_flow) break;
        return simple(Production::pop_eth, 15, "pop_eth");
      case 15:
        return push_nsh(tree, text);
      case 16:
        return simple(Production::pop_nsh, 18, "pop_nsh()");
      case 17: case 18: case 19:
        return ct(tree, text);
      case 20:
        return simple(Production::ct_clear, 16, "ct_clear");
      case 21: case 22:
        return userspace(tree, text);
      case 23: {
        if (depth > 2) break;
        use(Production::sample);
        const unsigned tenths = u(below(1001));
        text = format("sample(sample=%u.%u%%,actions(", tenths / 10, tenths % 10);
        row_.does |= 1ull << 6;
        const size_t at = tree.begin(6);
        tree.put_number<uint32_t>(1, static_cast<uint32_t>(std::llround(tenths / 1000.0 * 4294967295.0)));
        nested(tree, 2, text, depth);
        tree.end(at);
        text += "))";
        return;
      }
      case 24:
        if (depth > 2) break;
        use(Production::clone);
        row_.does |= 1ull << 20;
        text = "clone(";
        nested(tree, 20, text, depth);
        text += ")";
        return;
      case 25: {
        if (depth > 2) break;
        use(Production::check_pkt_len);
        const unsigned size = u(below(options_.add_flow ? 0x8000 : 0x10000));
        text = format("check_pkt_len(size=%u,gt(", size);
        row_.does |= 1ull << 21;
        const size_t at = tree.begin(21);
        tree.put_number<uint16_t>(1, static_cast<uint16_t>(size));
        nested(tree, 2, text, depth);
        text += "),le(";
        nested(tree, 3, text, depth);
        tree.end(at);
        text += "))";
        return;
      }
      case 26: {
        if (depth > 2 || !may(Production::dec_ttl)) break;
        row_.does |= 1ull << 23;
        text = "dec_ttl(le_1(";
        const size_t at = tree.begin(23);
        nested(tree, 1, text, depth);
        tree.end(at);
        text += "))";
        return;
      }
      case 27: {
        if (!may(Production::psample)) break;
        row_.does |= 1ull << 25;
        text = format("psample(group=%u", any);
        const size_t at = tree.begin(25);
        tree.put_number<uint32_t>(1, any);
        if (one_in(2)) {
          // Printed as one number, so a reader cannot know of zeros in front.
          std::string cookie = random_bytes(1 + below(16));
          cookie[0] = static_cast<char>(1 + below(255));
          text += ",cookie=" + hex_text(cookie);
          tree.put(2, cookie);
        }
        tree.end(at);
        text += ")";
        return;
      }
      case 28:
        use(Production::tnl_pop);
        row_.does |= 1ull << 27;
        text = "tnl_pop(";
        tree.put_number<uint32_t>(27, port(text));
        text += ")";
        return;
      case 29: case 30:
        return tunnel_push(tree, text);
      case 31:
        if (!may(Production::drop_reason)) break;
        return number32(Production::drop_reason, 24, "drop(%u)", any);
      case 32:
        if (one_in(4) && error_action(tree, text)) return;
        break;
      default:
        return set(tree, text);
    }
  }
}

void Generator::push_nsh(Attributes& tree, std::string& text) {
  row_.does |= 1ull << 17;
  const bool md1 = one_in(2);
  use(md1 ? Production::push_nsh_md1 : Production::push_nsh_md2);
  const unsigned flags = u(below(options_.add_flow ? 4 : 256)), ttl = u(below(64)), np = u(below(options_.add_flow ? 4 : 256)), spi = u(below(0x1000000)), si = u(below(256));
  text = format("push_nsh(flags=%u,ttl=%u,mdtype=%u,np=%u,spi=0x%x,si=%u", flags, ttl, md1 ? 1 : 2, np, spi, si);
  const size_t at = tree.begin(17), base = tree.begin(1);
  tree.network(flags, 1), tree.network(ttl, 1), tree.network(md1 ? 1 : 2, 1), tree.network(np, 1), tree.network(spi << 8 | si, 4);
  tree.end(base);
  if (md1) {
    const size_t contexts = tree.begin(2);
    for (int i = 1; i <= 4; i++) {
      const unsigned context = static_cast<unsigned>(random_());
      text += format(",c%d=0x%x", i, context);
      tree.network(context, 4);
    }
    tree.end(contexts);
  } else {
    std::string data = random_bytes(4 * (1 + below(4)));
    // Printed as one number, so a reader cannot know of zeros in front; add-flow misreads an odd number of digits.
    data[0] = static_cast<char>(options_.add_flow ? 16 + below(240) : 1 + below(255));
    text += ",md2=" + hex_text(data);
    tree.put(3, data);
  }
  tree.end(at);
  text += ")";
}

void Generator::ct(Attributes& tree, std::string& text) {
  use(Production::ct);
  row_.does |= 1ull << 12;
  const size_t at = tree.begin(12);
  if (one_in(2)) {
    const bool force = one_in(3);
    use(force ? Production::ct_force_commit : Production::ct_commit);
    text += force ? "force_commit," : "commit,";
    tree.flag(force ? 7 : 1);
  }
  if (one_in(2)) {
    const unsigned zone = u(1 + below(0xffff));
    text += format("zone=%u,", zone);
    tree.put_number<uint16_t>(2, static_cast<uint16_t>(zone));
  }
  if (one_in(4)) {
    use(Production::ct_mark_label);
    const uint32_t mask = one_in(2) ? UINT32_MAX : static_cast<uint32_t>(random_()), mark = static_cast<uint32_t>(random_());
    text += format("mark=%#x/%#x,", mark, mask);
    tree.put_number<uint64_t>(3, static_cast<uint64_t>(mask) << 32 | mark);
  }
  if (one_in(4)) {
    use(Production::ct_mark_label);
    const std::string label = random_bytes(16), mask = one_in(2) ? std::string(16, '\xff') : random_bytes(16);
    text += "label=" + hex_text(label) + (mask == std::string(16, '\xff') ? "" : "/" + hex_text(mask)) + ",";
    tree.put(4, label + mask);
  }
  if (one_in(5)) {
    use(Production::ct_helper);
    const std::string helper = one_in(2) ? "ftp" : "tftp";
    text += "helper=" + helper + ",";
    tree.put(5, helper);
  }
  bool without_comma = false;
  if (one_in(5)) {
    use(Production::ct_timeout);
    const std::string policy = one_in(2) ? "ovs_tp_0_tcp4" : std::to_string(below(100));
    text += "timeout=" + policy + ",";
    tree.put(9, policy);
    without_comma = one_in(2) && may(Production::ct_timeout_nat);
    if (without_comma) text.pop_back(), tree.flag(0x3f01);
  }
  if (without_comma || one_in(3)) nat(tree, text);
  chomp(text);
  text = text.empty() ? "ct" : "ct(" + text + ")";
  tree.end(at);
}

void Generator::nat(Attributes& tree, std::string& text) {
  use(Production::nat);
  const size_t at = tree.begin(6);
  text += "nat";
  if (!one_in(4)) {
    const bool src = one_in(2);
    text += src ? "(src" : "(dst";
    tree.flag(src ? 1 : 2);
    const bool has_address = !one_in(4);
    if (has_address) {
      const bool v6 = one_in(2), range = one_in(2), ports = one_in(2), port_range = one_in(2);
      use(v6 ? Production::nat_ipv6 : Production::nat_ipv4);
      if (ports) use(Production::nat_ports);
      // The first is below the second, or OVS says "range error".
      std::string low(v6 ? 16 : 4, '\0'), high;
      low[0] = static_cast<char>(1 + below(100)), low.back() = static_cast<char>(random_());
      high = low;
      high[0] = static_cast<char>(101 + below(100));
      auto address = [&](const std::string& bytes) {
        std::string four;
        uint64_t value = 0;
        for (size_t i = 0; i < 4; i++) value = value << 8 | static_cast<uint8_t>(bytes[i]);
        return v6 ? (ports ? "[" + ipv6_text(bytes) + "]" : ipv6_text(bytes)) : ipv4_text(value);
      };
      text += "=" + address(low);
      tree.put(3, low);
      if (range) text += "-" + address(high), tree.put(4, high);
      if (ports) {
        const unsigned from = u(1 + below(30000)), to = u(30001 + below(30000));
        text += format(":%u", from);
        tree.put_number<uint16_t>(5, static_cast<uint16_t>(from));
        if (port_range) text += format("-%u", to), tree.put_number<uint16_t>(6, static_cast<uint16_t>(to));
      }
    }
    constexpr const char* kFlags[] = {",persistent", ",hash", ",random"};
    for (uint16_t i = 0; i < 3; i++) {
      // add-flow takes one of hash and random, and any flag only with an address.
      if (!one_in(4) || (options_.add_flow && (!has_address || (i == 2 && text.ends_with(",hash"))))) continue;
      use(Production::nat_flags);
      text += kFlags[i];
      tree.flag(static_cast<uint16_t>(7 + i));
    }
    text += ")";
  }
  tree.end(at);
}

void Generator::userspace(Attributes& tree, std::string& text) {
  use(Production::userspace);
  row_.does |= 1ull << 2;
  const unsigned pid = static_cast<unsigned>(random_() >> 33);
  text = format("userspace(pid=%u", pid);
  const size_t at = tree.begin(2);
  tree.put_number<uint32_t>(1, pid);
  const unsigned a = u(random_() >> 33), b = u(random_() >> 33), c = u(random_() >> 33);
  switch (below(options_.add_flow ? 6 : 7)) {  // without a cookie, 3.1 makes one of zeros
    case 0: {
      use(Production::userspace_sflow);
      const unsigned vid = a % 4096, pcp = b % 8;
      text += format(",sFlow(vid=%u,pcp=%u,output=%u)", vid, pcp, c);
      tree.put_number<uint64_t>(0x3f01, static_cast<uint64_t>(c) << 32 | vid | pcp << 13);
      break;
    }
    case 1: {
      use(Production::userspace_slow_path);
      // add-flow takes one reason, and not the last, which is of releases before 2.17.
      const char* reasons[] = {"0", "cfm", "bfd", "lacp", "stp", "lldp", "action", "match", "cfm,match", "stp,action,match", "controller"};
      const std::string reason = reasons[below(std::size(reasons) - (options_.add_flow ? 3 : 0))];
      text += ",slow_path(" + reason + ")";
      tree.put(0x3f02, reason);
      break;
    }
    case 2: {
      use(Production::userspace_flow_sample);
      text += format(",flow_sample(probability=%u,collector_set_id=%u,obs_domain_id=%u,obs_point_id=%u,output_port=", a & 0xffff, b, c, pid);
      const uint32_t id = port(text);
      const unsigned direction = u(below(3));
      text += direction == 0 ? ")" : direction == 1 ? ",ingress)" : ",egress)";
      const size_t cookie = tree.begin(0x3f03);
      for (uint32_t value : {a & 0xffff, b, c, pid, id, direction}) tree.number(value);
      tree.end(cookie);
      break;
    }
    case 3:
      use(Production::userspace_ipfix);
      text += ",ipfix(output_port=";
      tree.put_number<uint32_t>(0x3f04, port(text));
      text += ")";
      break;
    case 4: {
      use(Production::userspace_controller);
      const uint64_t cookie = random_() >> below(64);
      const unsigned reason = a & 0xffff, dont = u(below(2)), continuation = u(below(2)), recirc = b, id = c & 0xffff, size = pid & 0xffff;
      text += format(",controller(reason=%u,dont_send=%u,continuation=%u,recirc_id=%u,rule_cookie=%#llx,controller_id=%u,max_len=%u)", reason, dont, continuation, recirc,
                     static_cast<unsigned long long>(cookie), id, size);
      const size_t attribute = tree.begin(0x3f05);
      tree.number<uint64_t>(cookie);
      for (uint32_t value : {recirc, reason, dont, continuation, id, size}) tree.number(value);
      tree.end(attribute);
      break;
    }
    case 5: {
      use(Production::userspace_userdata);
      const std::string data = random_bytes(below(30) + (options_.add_flow ? 8 : 0));
      text += ",userdata(";
      for (char byte : data) text += format("%02x", static_cast<uint8_t>(byte));
      text += ")";
      tree.put(2, data);
      break;
    }
    default:
      break;
  }
  if (one_in(3)) {
    use(Production::userspace_actions);
    text += ",actions";
    tree.flag(4);
  }
  if (one_in(3)) {
    use(Production::userspace_tunnel_port);
    text += ",tunnel_out_port=";
    tree.put_number<uint32_t>(3, port(text));
  }
  text += ")";
  tree.end(at);
}

}  // namespace cti::grammar
