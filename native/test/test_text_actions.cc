// Action lists: the tree of every action, and what a list does.
#include <doctest/doctest.h>

#include "test/text_support.h"
#include "text/action_tree.h"
#include "text/keys.h"

using namespace cti;
using namespace cti::test;
using namespace cti::text;

namespace {

struct List {
  Parsed parsed;
  const tables::dp_flows::ActionLists* list;
  Bytes tree;

  std::vector<std::string> out_ports() const {
    std::vector<std::string> names;
    std::string_view ids = parsed.view().text(list->out_ports);
    for (size_t i = 0; i + 4 <= ids.size(); i += 4) names.push_back(port(load<uint32_t>(ids.data() + i)));
    return names;
  }
  std::string port(uint32_t id) const {
    const auto* port = parsed.view().port(id);
    REQUIRE(port != nullptr);
    return port->known & 1 ? std::string(parsed.view().text(port->name)) : std::to_string(port->odp_port);
  }
};

List list_of(const std::string& actions) {
  CAPTURE(actions);
  List result{parse("ufid:00000001-0002-0003-0004-000500000006, recirc_id(0), packets:1, bytes:2, used:never, actions:" + actions + "\n"), nullptr, {}};
  REQUIRE(result.parsed.snapshot.n_rows == 1);
  result.list = result.parsed.view().action_list(0);
  REQUIRE(result.list != nullptr);
  std::string_view tree = result.parsed.view().text(result.list->attrs);
  result.tree = bytes(tree);
  CHECK(result.parsed.actions(0) == actions);
  return result;
}
// Known in all its parts and printed from the tree.
List exact(const std::string& actions) {
  List result = list_of(actions);
  CAPTURE(actions);
  CHECK(result.list->n_unknown == 0);
  CHECK(result.list->verbatim.size == 0);
  CHECK(result.parsed.snapshot.unknown.empty());
  return result;
}

TreeAttr nth(Bytes tree, size_t n) {
  TreeAttr attr{};
  for (size_t i = 0; i <= n; i++) REQUIRE(next_attr(tree, attr));
  return attr;
}
TreeAttr inside(const TreeAttr& attr, uint16_t type) {
  TreeAttr found{};
  REQUIRE(find_attr(attr.payload, type, found));
  return found;
}
std::string hex(Bytes data) {
  std::string out;
  char digits[3];
  for (uint8_t byte : data) {
    std::snprintf(digits, sizeof digits, "%02x", byte);
    out += digits;
  }
  return out;
}
constexpr uint64_t bit(unsigned n) { return 1ull << n; }

}  // namespace

TEST_CASE("output, drop, and the flags without arguments") {
  List l = exact("p2,3,p1,p2");
  CHECK(l.out_ports() == std::vector<std::string>{"p2", "3", "p1"});
  CHECK(l.list->does == bit(kActOutput));
  List drop = exact("drop");
  CHECK(drop.tree.empty());
  CHECK(drop.list->does == 0);
  CHECK(drop.out_ports().empty());
  List flags = exact("pop_vlan,ct_clear,pop_eth,pop_nsh(),ct,1");
  CHECK(flags.list->does == (bit(kActPopVlan) | bit(kActCtClear) | bit(kActPopEth) | bit(kActPopNsh) | bit(kActCt) | bit(kActOutput)));
}

TEST_CASE("numbers: recirc, hash, meter, trunc, lb_output, tnl_pop") {
  List l = exact("meter(5),trunc(100),lb_output(3),hash(sym_l4(7)),recirc(0x2a)");
  CHECK(nth(l.tree, 0).value<uint32_t>() == 5);
  CHECK(nth(l.tree, 1).value<uint32_t>() == 100);
  CHECK(nth(l.tree, 2).value<uint32_t>() == 3);
  CHECK(nth(l.tree, 3).value<uint32_t>(0) == 1);
  CHECK(nth(l.tree, 3).value<uint32_t>(4) == 7);
  CHECK(nth(l.tree, 4).type == kActRecirc);
  CHECK(nth(l.tree, 4).value<uint32_t>() == 0x2a);
  List pop = exact("tnl_pop(genev_sys_6081)");
  CHECK(pop.port(nth(pop.tree, 0).value<uint32_t>()) == "genev_sys_6081");
  CHECK(pop.out_ports().empty());
}

TEST_CASE("pushes: VLAN, MPLS, Ethernet, NSH") {
  List l = exact("push_vlan(tpid=0x88a8,vid=3,pcp=2),push_vlan(vid=0,pcp=1,cfi=0)");
  CHECK(hex(nth(l.tree, 0).payload) == "88a85003");
  CHECK(hex(nth(l.tree, 1).payload) == "81002000");
  List mpls = exact("push_mpls(label=5,tc=1,ttl=64,bos=1,eth_type=0x8847),pop_mpls(eth_type=0x800),add_mpls(label=6,tc=0,ttl=2,bos=0,eth_type=0x8848)");
  CHECK(hex(nth(mpls.tree, 0).payload) == "0000534088470000");
  CHECK(hex(nth(mpls.tree, 1).payload) == "0800");
  CHECK(nth(mpls.tree, 2).type == kActAddMpls);
  List eth = exact("push_eth(src=01:02:03:04:05:06,dst=0a:0b:0c:0d:0e:0f)");
  CHECK(hex(nth(eth.tree, 0).payload) == "0102030405060a0b0c0d0e0f");
  List nsh = exact("push_nsh(flags=1,ttl=63,mdtype=1,np=3,spi=0x123,si=255,c1=0x1,c2=0x0,c3=0x3,c4=0x4)");
  CHECK(hex(inside(nth(nsh.tree, 0), 1).payload) == "013f0103000123ff");
  CHECK(hex(inside(nth(nsh.tree, 0), 2).payload) == "00000001000000000000000300000004");
  List md2 = exact("push_nsh(flags=0,ttl=63,mdtype=2,np=3,spi=0x0,si=255,md2=0x10000a0412345678)");
  CHECK(hex(inside(nth(md2.tree, 0), 3).payload) == "10000a0412345678");
}

TEST_CASE("set: whole and masked keys as netlink has them") {
  List l = exact("set(eth(src=01:02:03:04:05:06,dst=a1:02:03:04:05:06)),set(ipv4(src=1.2.3.4,dst=5.6.7.0/255.255.255.0,tos=0x4/0x3c,ttl=3))");
  CHECK(nth(l.tree, 0).type == kActSet);
  CHECK(hex(inside(nth(l.tree, 0), kKeyEthernet).payload) == "010203040506a10203040506");
  CHECK(nth(l.tree, 1).type == kActSetMasked);
  CHECK(hex(inside(nth(l.tree, 1), kKeyIpv4).payload) == "010203040506070000040300" "ffffffffffffff00003cff00");
  CHECK(l.list->sets == (bit(kKeyEthernet) | bit(kKeyIpv4)));
  CHECK(l.list->does == (bit(kActSet) | bit(kActSetMasked)));
  List p = exact("set(skb_priority(0x5)),set(skb_mark(0x1/0xf)),set(tcp(src=16/0xf0))");
  CHECK(hex(inside(nth(p.tree, 0), kKeyPriority).payload) == "05000000");
  CHECK(hex(inside(nth(p.tree, 1), kKeySkbMark).payload) == "010000000f000000");
  CHECK(hex(inside(nth(p.tree, 2), kKeyTcp).payload) == "0010000000f00000");
}

TEST_CASE("set: the other keys") {
  List v6 = exact("set(ipv6(dst=2001:db8::9)),set(udp(src=1,dst=2)),set(sctp(dst=3)),set(icmpv6(type=1,code=0))");
  CHECK(v6.list->sets == (bit(kKeyIpv6) | bit(kKeyUdp) | bit(kKeySctp) | bit(kKeyIcmpv6)));
  CHECK(hex(inside(nth(v6.tree, 1), kKeyUdp).payload) == "00010002");
  exact("set(arp(sip=1.1.1.1,tip=2.2.2.2,op=2,sha=00:00:00:00:00:01,tha=00:00:00:00:00:02)),set(nd(target=fe80::1,sll=00:00:00:00:00:01))");
  List mpls = exact("set(mpls(label=5,tc=2,ttl=3,bos=1))");
  CHECK(hex(inside(nth(mpls.tree, 0), kKeyMpls).payload) == "00005503");
  List nsh = exact("set(nsh(flags=2,spi=0x1234,si=255,c1=0x11223344,c2=0x7))");
  CHECK(hex(inside(inside(nth(nsh.tree, 0), kKeyNsh), 1).payload) == "02000000001234ff" "ff000000ffffffff");
  List tunnel = exact(
      "set(tunnel(tun_id=0x77,src=1.1.1.1,dst=2.2.2.2,tos=0x4,ttl=64,tp_src=8,tp_dst=6081,geneve({class=0xffff,type=0x80,len=4,0xa}{class=0x1,type=0,len=0}),"
      "flags(df|key)))");
  TreeAttr key = inside(nth(tunnel.tree, 0), kKeyTunnel);
  CHECK(hex(inside(key, 0).payload) == "0000000000000077");
  CHECK(hex(inside(key, 2).payload) == "02020202");
  CHECK(hex(inside(key, 8).payload) == "ffff80010000000a" "00010000");
  CHECK(inside(key, 5).payload.empty());
  CHECK(tunnel.list->sets == bit(kKeyTunnel));
  exact("set(tunnel(tun_id=0x1,ipv6_src=fe80::1,ipv6_dst=fe80::2,ttl=64,vxlan(gbp(id=1,flags=0x40)),flags(df|csum|key)))");
}

TEST_CASE("ct and nat") {
  List l = exact("ct(commit,zone=5,mark=0x1/0xff,label=0x1/0xffff,helper=ftp,nat(src=1.1.1.1-1.1.1.5:80-90,persistent,random)),recirc(0x4)");
  TreeAttr ct = nth(l.tree, 0);
  CHECK(inside(ct, kCtCommit).payload.empty());
  CHECK(inside(ct, kCtZone).value<uint16_t>() == 5);
  CHECK(inside(ct, kCtMark).value<uint32_t>(4) == 0xff);
  CHECK(hex(inside(ct, kCtLabels).payload) == "00000000000000000000000000000001" "0000000000000000000000000000ffff");
  CHECK(hex(inside(ct, kCtHelper).payload) == "667470");
  TreeAttr nat = inside(ct, kCtNat);
  CHECK(hex(inside(nat, kNatIpMin).payload) == "01010101");
  CHECK(hex(inside(nat, kNatIpMax).payload) == "01010105");
  CHECK(inside(nat, kNatProtoMin).value<uint16_t>() == 80);
  CHECK(inside(nat, kNatProtoMax).value<uint16_t>() == 90);
  CHECK(inside(nat, kNatPersistent).payload.empty());
  for (const char* text : {"ct(nat)", "ct(commit,nat(dst))", "ct(commit,nat(src=fe80::1-fe80::5,hash))", "ct(force_commit,nat(dst=[fe80::1]-[fe80::5]:80))",
                           "ct(commit,nat(src=10.0.0.1))", "ct(commit,nat(src=10.0.0.1:80))", "ct(commit,timeout=tp)",
                           "ct(zone=65535,label=0x123456789abcdef0123456789abcdef0)"})
    exact(text);
}

TEST_CASE("userspace and its cookies") {
  List l = exact("userspace(pid=9,controller(reason=1,dont_send=0,continuation=1,recirc_id=7,rule_cookie=0x1234,controller_id=3,max_len=65535))");
  TreeAttr user = nth(l.tree, 0);
  CHECK(inside(user, kUserspacePid).value<uint32_t>() == 9);
  TreeAttr cookie = inside(user, kCookieController);
  CHECK(cookie.value<uint64_t>() == 0x1234);
  CHECK(cookie.value<uint32_t>(8) == 7);
  CHECK(cookie.value<uint32_t>(12) == 1);
  CHECK(cookie.value<uint32_t>(28) == 65535);
  List sflow = exact("sample(sample=50.0%,actions(userspace(pid=0,sFlow(vid=5,pcp=3,output=1073742080),actions)))");
  TreeAttr sample = nth(sflow.tree, 0);
  CHECK(inside(sample, 1).value<uint32_t>() == 0x80000000);
  CHECK(sflow.list->does == (bit(kActSample) | bit(kActUserspace)));
  TreeAttr inner = nth(inside(sample, 2).payload, 0);
  CHECK(inside(inner, kCookieSflow).value<uint32_t>(0) == (5 | 3 << 13));
  CHECK(inside(inner, kCookieSflow).value<uint32_t>(4) == 1073742080);
  for (const char* text : {"userspace(pid=0)", "userspace(pid=0,slow_path(action))", "userspace(pid=0,slow_path(cfm,match))",
                           "userspace(pid=0,flow_sample(probability=1,collector_set_id=2,obs_domain_id=3,obs_point_id=4,output_port=p1))",
                           "userspace(pid=0,flow_sample(probability=1,collector_set_id=2,obs_domain_id=3,obs_point_id=4,output_port=p1,ingress))",
                           "userspace(pid=0,ipfix(output_port=4294967295))", "userspace(pid=0,userdata(0102),actions,tunnel_out_port=p3)"})
    exact(text);
}

TEST_CASE("tunnel push: the headers as bytes") {
  List l = exact(
      "clone(tnl_push(tnl_port(genev_sys_6081),header(size=58,type=5,eth(dst=f8:bc:12:44:34:b6,src=f8:bc:12:46:58:e0,dl_type=0x0800),"
      "ipv4(src=1.1.2.88,dst=1.1.2.92,proto=17,tos=0x1,ttl=64,frag=0x4000),udp(src=0,dst=6081,csum=0x0),"
      "geneve(crit,vni=0x1c7,options({class=0xffff,type=0x80,len=4,0xa}))),out_port(br-phy)),p1),p2");
  TreeAttr push = nth(nth(l.tree, 0).payload, 0);
  CHECK(push.type == kActTunnelPush);
  CHECK(l.port(push.value<uint32_t>(0)) == "genev_sys_6081");
  CHECK(l.port(push.value<uint32_t>(4)) == "br-phy");
  CHECK(push.value<uint32_t>(8) == 58);
  CHECK(push.value<uint32_t>(12) == 5);
  CHECK(hex(push.payload.subspan(16)) ==
        "f8bc124434b6f8bc124658e00800"
        "450100000000400040113437" "01010258" "0101025c"
        "000017c100000000"
        "024065580001c700" "ffff80010000000a");
  CHECK(l.out_ports() == std::vector<std::string>{"br-phy", "p1", "p2"});
  CHECK(l.list->does == (bit(kActClone) | bit(kActTunnelPush) | bit(kActOutput)));
}

TEST_CASE("nested lists: clone, sample, check_pkt_len, dec_ttl, psample") {
  List l = exact("clone(1,clone(push_vlan(vid=12,pcp=0),2)),check_pkt_len(size=200,gt(3),le(check_pkt_len(size=50,gt(drop),le(4,clone(5)))))");
  CHECK(l.out_ports() == std::vector<std::string>{"1", "2", "3", "4", "5"});
  CHECK(inside(nth(l.tree, 1), 1).value<uint16_t>() == 200);
  CHECK(inside(inside(nth(l.tree, 1), 3).payload.empty() ? TreeAttr{} : nth(inside(nth(l.tree, 1), 3).payload, 0), 2).payload.empty());
  exact("dec_ttl(le_1(userspace(pid=0,slow_path(action)))),1");
  exact("dec_ttl(le_1(drop)),1");
  List ps = exact("psample(group=12,cookie=0x102030),1");
  CHECK(hex(inside(nth(ps.tree, 0), 2).payload) == "102030");
  for (int tenths = 0; tenths <= 1000; tenths++)
    exact("sample(sample=" + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "%,actions(1))");
}

TEST_CASE("nesting is bounded: what is deeper stays as text") {
  auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; i++) text += "clone(";
    return text + "1" + std::string(static_cast<size_t>(depth), ')');
  };
  exact(nested(kMaxNesting));
  List deep = list_of(nested(kMaxNesting + 1));
  CHECK(deep.list->n_unknown == 1);
  CHECK(deep.parsed.snapshot.unknown.size() == 1);
  List very = list_of(nested(50'000));
  CHECK(very.list->n_unknown == 1);
}

TEST_CASE("what is not known stays as text, is counted, and the rest is understood") {
  List l = list_of("p1,teleport(to=mars,speed=(fast,er)),set(color(red)),clone(2,frob(1)),ct(zone=banana),action29(01 02),p3");
  CHECK(l.list->n_unknown == 5);
  CHECK(l.list->verbatim.size == 0);  // in their places they print as they came
  CHECK(l.out_ports() == std::vector<std::string>{"p1", "2", "p3"});
  REQUIRE(l.parsed.snapshot.unknown.size() == 5);
  CHECK(l.parsed.snapshot.unknown[0].what == "unknown action teleport");
  CHECK(l.parsed.snapshot.unknown[0].sample == "teleport(to=mars,speed=(fast,er))");
  CHECK(l.parsed.snapshot.unknown[0].count == 1);
  CHECK(nth(l.tree, 1).type == kActUnknown);
  List unbalanced = list_of("p1,clone(2,3");
  CHECK(unbalanced.list->n_unknown == 1);
  List empty = list_of("");
  CHECK(empty.list->n_unknown == 1);
  // Longer than a netlink attribute can be.
  std::string longer = "clone(";
  for (int i = 0; i < 30'000; i++) longer += "1,";
  longer += "1)";
  List big = list_of(longer);
  CHECK(big.list->n_unknown == 1);
  CHECK(big.list->does == 0);
}

TEST_CASE("equal lists of one datapath are one list; another notation is kept") {
  std::string rows;
  for (int i = 0; i < 10; i++) rows += "recirc_id(" + std::string(i ? "0x" : "") + std::to_string(i) + "), packets:1, bytes:2, used:never, actions:" + (i % 2 ? "1,2" : "drop") + "\n";
  Parsed p = parse(rows);
  CHECK(p.snapshot.segments[CTI_DP_FLOWS_SEGMENT_ACTION_LISTS].n_records == 2);
  List other = list_of("recirc(42),meter(0x5)");
  CHECK(nth(other.tree, 0).value<uint32_t>() == 42);
  CHECK(other.list->n_unknown == 0);
  CHECK(other.list->verbatim.size != 0);
}
