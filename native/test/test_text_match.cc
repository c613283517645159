// The keys of a match: values and masks written by hand, for every key and notation.
#include <arpa/inet.h>
#include <doctest/doctest.h>

#include <random>

#include "test/text_support.h"
#include "text/keys.h"

using namespace cti;
using namespace cti::test;

namespace {

constexpr std::string_view kTail = ", packets:1, bytes:2, used:0.003s, actions:drop";

// One row whose match is 'match', in the plain notation or with -m (an ufid before it).
struct One {
  Parsed parsed;
  tables::DpFlow flow;
};
One one(std::string_view match, bool more = true) {
  std::string line = more ? "ufid:00000001-0002-0003-0004-000500000006, " : "";
  line += match;
  line += kTail;
  One result{parse(line + "\n"), {}};
  CAPTURE(line);
  REQUIRE(result.parsed.snapshot.n_rows == 1);
  result.flow = result.parsed.flow(0);
  CHECK(result.parsed.row(0) == line);
  return result;
}
// The same, and it must print from its fields.
One exact(std::string_view match, bool more = true) {
  One result = one(match, more);
  CAPTURE(std::string(match));
  CHECK(result.parsed.snapshot.n_verbatim == 0);
  CHECK(result.parsed.snapshot.unknown.empty());
  return result;
}

std::string ipv6(const cti_be128& address) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, &address, text, sizeof text);
}

}  // namespace

TEST_CASE("identity and counters") {
  One r = one("recirc_id(0)");
  const auto& rows = r.flow.rows;
  CHECK(rows.packets == 1);
  CHECK(rows.bytes == 2);
  CHECK(rows.used_ms == 3);
  CHECK(swap64(rows.ufid.word[0]) == 0x0000000100020003);
  CHECK(swap64(rows.ufid.word[1]) == 0x0004000500000006);
  CHECK(rows.known == (CTI_DP_FLOWS_KNOWN_UFID | CTI_DP_FLOWS_KNOWN_TCP_FLAGS_SEEN));
}

TEST_CASE("the tail: never, flags, offloaded, dp, dp-extra-info, and the PMD sections") {
  Parsed p = parse(
      "flow-dump from pmd on cpu core: 12\n"
      "ufid:00000001-0002-0003-0004-000500000006, recirc_id(0), packets:18446744073709551615, bytes:0, used:never, flags:SFPRU.ECN[200], "
      "offloaded:partial, dp:tc, actions:drop, dp-extra-info:miniflow_bits(4,1)\n"
      "flow-dump from the main thread:\n"
      "ufid:00000001-0002-0003-0004-000500000007, recirc_id(0), packets:0, bytes:0, used:86400.001s, offloaded:yes, dp:dpdk, actions:drop\n"
      "ufid:00000001-0002-0003-0004-000500000008, recirc_id(0), packets:0, bytes:0, used:0.000s, dp:ovs, actions:drop\n");
  REQUIRE(p.snapshot.n_rows == 3);
  CHECK(p.snapshot.n_verbatim == 0);
  auto a = p.flow(0).rows, b = p.flow(1).rows, c = p.flow(2).rows;
  CHECK(a.pmd == 12);
  CHECK(b.pmd == -1);
  CHECK((a.known & CTI_DP_FLOWS_KNOWN_PMD) != 0);
  CHECK(a.packets == UINT64_MAX);
  CHECK(a.used_ms == UINT64_MAX);
  CHECK(b.used_ms == 86400001);
  CHECK(c.used_ms == 0);
  CHECK(a.tcp_flags_seen == 0x3ff);
  CHECK(a.hw == CTI_DP_FLOWS_HW_PARTIAL);
  CHECK(b.hw == CTI_DP_FLOWS_HW_YES);
  CHECK(c.hw == CTI_DP_FLOWS_HW_NO);
  CHECK((c.known & CTI_DP_FLOWS_KNOWN_HW) != 0);
  CHECK(a.layer == CTI_DP_FLOWS_LAYER_TC);
  CHECK(b.layer == CTI_DP_FLOWS_LAYER_DPDK);
  CHECK(c.layer == CTI_DP_FLOWS_LAYER_OVS);
  CHECK(p.view().text(a.extra) == "miniflow_bits(4,1)");
  CHECK((b.known & CTI_DP_FLOWS_KNOWN_EXTRA) == 0);
}

TEST_CASE("scalars: hexadecimal and decimal, exact, masked and not matched") {
  One r = exact("skb_priority(0x7),skb_mark(0x12/0xff),ct_state(0x21/0x21),ct_zone(0x5),ct_mark(0/0),recirc_id(0x1f),dp_hash(0x3/0xf)");
  const auto &key = r.flow.match.key, &mask = r.flow.match.mask;
  CHECK(key.skb_priority == 7);
  CHECK(mask.skb_priority == UINT32_MAX);
  CHECK(key.pkt_mark == 0x12);
  CHECK(mask.pkt_mark == 0xff);
  CHECK(key.ct_state == 0x21);
  CHECK(mask.ct_state == 0x21);
  CHECK(key.ct_zone == 5);
  CHECK(mask.ct_zone == 0xffff);
  CHECK(mask.ct_mark == 0);
  CHECK(key.recirc_id == 0x1f);
  CHECK(mask.dp_hash == 0xf);
  CHECK((key.attrs & text::key_bit(text::kKeyCtMark)) != 0);
  CHECK((mask.attrs & text::key_bit(text::kKeySkbMark)) != 0);
  CHECK((mask.attrs & text::key_bit(text::kKeyRecircId)) == 0);
  // A number the other way round is understood too, and printed as it came.
  One other = one("recirc_id(31),dp_hash(3/15)");
  CHECK(other.flow.match.key.recirc_id == 31);
  CHECK(other.flow.match.mask.dp_hash == 15);
  CHECK(other.parsed.snapshot.n_verbatim == 1);
}

TEST_CASE("flags: names with + and -, names joined with |, numbers") {
  One r = exact("ct_state(+est-inv+trk),recirc_id(0),eth_type(0x0800),ipv4(proto=6),tcp_flags(+syn-ack)", false);
  CHECK(r.flow.match.key.ct_state == 0x22);
  CHECK(r.flow.match.mask.ct_state == 0x32);
  CHECK(r.flow.match.key.tcp_flags == 0x002);
  CHECK(r.flow.match.mask.tcp_flags == 0x012);
  One joined = exact("ct_state(est|trk|snat),recirc_id(0),tcp_flags(syn|ack|[800])", false);
  CHECK(joined.flow.match.key.ct_state == 0x62);
  CHECK(joined.flow.match.mask.ct_state == UINT32_MAX);
  CHECK(joined.flow.match.key.tcp_flags == 0x812);
  CHECK(joined.flow.match.mask.tcp_flags == 0xffff);
  One none = exact("recirc_id(0),tcp_flags(0/0)");
  CHECK(none.flow.match.mask.tcp_flags == 0);
  One zero = exact("recirc_id(0),tcp_flags(0)");
  CHECK(zero.flow.match.mask.tcp_flags == 0xffff);
}

TEST_CASE("Ethernet and IPv4: addresses with masks as addresses, prefixes") {
  One r = exact(
      "recirc_id(0),eth(src=00:11:22:33:44:55/01:00:00:00:00:00,dst=ff:ff:ff:ff:ff:ff),eth_type(0x0800/0xff00),"
      "ipv4(src=10.1.2.3/255.255.0.0,dst=1.2.3.4,proto=17/0xf0,tos=0x20/0xfc,ttl=64/0,frag=later)");
  const auto &key = r.flow.match.key, &mask = r.flow.match.mask;
  CHECK(key.eth_src == 0x001122334455);
  CHECK(mask.eth_src == 0x010000000000);
  CHECK(key.eth_dst == 0xffffffffffff);
  CHECK(mask.eth_dst == 0xffffffffffff);
  CHECK(key.eth_type == 0x0800);
  CHECK(mask.eth_type == 0xff00);
  CHECK(key.nw_src == 0x0a010203);
  CHECK(mask.nw_src == 0xffff0000);
  CHECK(mask.nw_dst == UINT32_MAX);
  CHECK(key.nw_proto == 17);
  CHECK(mask.nw_proto == 0xf0);
  CHECK(key.nw_tos == 0x20);
  CHECK(mask.nw_tos == 0xfc);
  CHECK(key.nw_ttl == 64);
  CHECK(mask.nw_ttl == 0);
  CHECK(key.nw_frag == CTI_DP_FLOWS_NW_FRAG_LATER);
  CHECK(mask.nw_frag == 0xff);
  for (auto [prefix, expected] : {std::pair{"0", 0u}, {"1", 0x80000000u}, {"24", 0xffffff00u}, {"32", 0xffffffffu}}) {
    One p = one(std::string("recirc_id(0),eth_type(0x0800),ipv4(src=10.0.0.0/") + prefix + ")", false);
    CHECK(p.flow.match.mask.nw_src == expected);
    CHECK(p.parsed.snapshot.n_verbatim == 1);
  }
}

TEST_CASE("IPv6, ICMPv6, neighbour discovery") {
  One r = exact(
      "recirc_id(0),eth_type(0x86dd),ipv6(src=fe80::1/ffff::,dst=::ffff:1.2.3.4,label=0x12345/0xf0000,proto=58,tclass=0x70/0xfc,hlimit=255,"
      "frag=no),icmpv6(type=135,code=0/0),nd(target=2001:db8::2,sll=00:00:00:00:00:05,tll=00:00:00:00:00:00/00:00:00:00:00:00),"
      "nd_ext(nd_reserved=0x8,nd_options_type=2)");
  const auto &key = r.flow.ipv6.key, &mask = r.flow.ipv6.mask;
  CHECK(ipv6(key.ipv6_src) == "fe80::1");
  CHECK(ipv6(mask.ipv6_src) == "ffff::");
  CHECK(ipv6(key.ipv6_dst) == "::ffff:1.2.3.4");
  CHECK(ipv6(mask.ipv6_dst) == "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  CHECK(key.ipv6_label == 0x12345);
  CHECK(mask.ipv6_label == 0xf0000);
  CHECK(r.flow.match.key.nw_proto == 58);
  CHECK(r.flow.match.key.nw_tos == 0x70);
  CHECK(r.flow.match.key.nw_ttl == 255);
  CHECK(r.flow.match.key.icmp_type == 135);
  CHECK(r.flow.match.mask.icmp_code == 0);
  CHECK(ipv6(key.nd_target) == "2001:db8::2");
  CHECK(key.nd_sll == 5);
  CHECK(mask.nd_tll == 0);
  CHECK(key.nd_reserved == 8);
  CHECK(key.nd_options_type == 2);
  for (auto [prefix, expected] : {std::pair{"0", "::"}, {"64", "ffff:ffff:ffff:ffff::"}, {"65", "ffff:ffff:ffff:ffff:8000::"},
                                  {"128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}}) {
    One p = one(std::string("recirc_id(0),eth_type(0x86dd),ipv6(src=fe80::/") + prefix + ")", false);
    CHECK(ipv6(p.flow.ipv6.mask.ipv6_src) == expected);
  }
}

TEST_CASE("ports of TCP, UDP, SCTP; ICMP; ARP") {
  for (const char* name : {"tcp", "udp", "sctp"}) {
    One r = exact(std::string("recirc_id(0),eth_type(0x0800),") + name + "(src=80/0xfff0,dst=443)");
    CHECK(r.flow.match.key.tp_src == 80);
    CHECK(r.flow.match.mask.tp_src == 0xfff0);
    CHECK(r.flow.match.key.tp_dst == 443);
    CHECK(r.flow.match.mask.tp_dst == 0xffff);
    CHECK(r.flow.rows.arp == 0);
  }
  One icmp = exact("recirc_id(0),eth_type(0x0800),icmp(type=8,code=0/0xf)");
  CHECK(icmp.flow.match.key.icmp_type == 8);
  CHECK(icmp.flow.match.mask.icmp_code == 0xf);
  One arp = exact(
      "recirc_id(0),eth_type(0x0806),arp(sip=1.1.1.1,tip=2.0.0.0/255.0.0.0,op=1,sha=00:01:02:03:04:05,tha=00:00:00:00:00:00/00:00:00:00:00:00)");
  CHECK(arp.flow.arp.key.arp_spa == 0x01010101);
  CHECK(arp.flow.arp.mask.arp_tpa == 0xff000000);
  CHECK(arp.flow.arp.key.arp_op == 1);
  CHECK(arp.flow.arp.key.arp_sha == 0x000102030405);
  CHECK(arp.flow.arp.mask.arp_tha == 0);
  CHECK(arp.flow.rows.arp == 1);
}

TEST_CASE("VLAN tags: the outer EtherType is the tag's, the inner one the packet's; QinQ") {
  One r = exact("recirc_id(0),in_port(3),eth_type(0x8100),vlan(vid=5/0xf,pcp=3/0x4),encap(eth_type(0x0800),ipv4(proto=6,frag=no))", false);
  CHECK(r.flow.match.key.vlan_tpid == 0x8100);
  CHECK(r.flow.match.key.eth_type == 0x0800);
  CHECK(r.flow.match.key.vlan_tci == (0x1000 | 5 | 3 << 13));
  CHECK(r.flow.match.mask.vlan_tci == (0x1000 | 0xf | 4 << 13));
  CHECK(r.flow.match.key.nw_proto == 6);
  One cfi = exact("recirc_id(0),eth_type(0x8100),vlan(vid=0,pcp=0,cfi=0),encap()");
  CHECK(cfi.flow.match.key.vlan_tci == 0);
  CHECK(cfi.flow.match.mask.vlan_tci == 0xffff);
  CHECK(cfi.flow.match.mask.eth_type == 0);
  One qinq = exact("recirc_id(0),eth_type(0x88a8),vlan(vid=5,pcp=0),encap(eth_type(0x8100),vlan(vid=6,pcp=1),encap(eth_type(0x0806)))");
  CHECK(qinq.flow.match.key.vlan_tpid == 0x88a8);
  CHECK(qinq.flow.encap.key.vlan2_tpid == 0x8100);
  CHECK(qinq.flow.encap.key.vlan2_tci == (0x1000 | 6 | 1 << 13));
  CHECK(qinq.flow.match.key.eth_type == 0x0806);
  // Without -m a tag that is not matched is left out, its encap is not.
  One bare = exact("recirc_id(0),eth_type(0x88a8),vlan(vid=7,pcp=1),encap(eth_type(0x8100),encap(eth_type(0x0800),ipv4(frag=no)))", false);
  CHECK(bare.flow.encap.key.vlan2_tpid == 0x8100);
  CHECK(bare.flow.encap.mask.vlan2_tci == 0);
  CHECK(bare.flow.match.key.eth_type == 0x0800);
  CHECK(bare.flow.match.mask.vlan_tci == 0xffff);
  One unmatched = exact("recirc_id(0),eth_type(0x8100),encap(eth_type(0x0800),ipv4(frag=no))", false);
  CHECK(unmatched.flow.match.mask.vlan_tci == 0);
  // No tag in the key is: no tag on the packet.
  One untagged = exact("recirc_id(0),in_port(1),eth_type(0x0800),ipv4(frag=no)", false);
  CHECK(untagged.flow.match.key.vlan_tci == 0);
  CHECK(untagged.flow.match.mask.vlan_tci == 0xffff);
  CHECK(untagged.flow.match.mask.vlan_tpid == 0);
  One none = exact("recirc_id(0),in_port(1),eth_type(0/0xffff)", false);
  CHECK(none.flow.match.key.eth_type == 0);
  CHECK(none.flow.match.mask.eth_type == 0xffff);
}

TEST_CASE("MPLS and NSH") {
  One r = exact("recirc_id(0),eth_type(0x8847),mpls(label=100,tc=2,ttl=64,bos=0,label=200,tc=0,ttl=3,bos=1)");
  CHECK(r.flow.encap.key.mpls_lse0 == (100u << 12 | 2 << 9 | 64));
  CHECK(r.flow.encap.key.mpls_lse1 == (200u << 12 | 1 << 8 | 3));
  CHECK(r.flow.encap.mask.mpls_lse0 == UINT32_MAX);
  CHECK(r.flow.encap.key.mpls_depth == 2);
  One masked = exact("recirc_id(0),eth_type(0x8847),mpls(label=101/0xfffff,tc=0/0,ttl=64/0x0,bos=1/1)");
  CHECK(masked.flow.encap.mask.mpls_lse0 == 0xfffff100);
  One nsh = exact("recirc_id(0),eth_type(0x894f),nsh(flags=0,mdtype=1,np=0x01/0x0f,spi=0x123/0x00000fff,si=255,c1=0x11223344,c4=0x1/0x000000ff)");
  CHECK(nsh.flow.encap.key.nsh_spi == 0x123);
  CHECK(nsh.flow.encap.mask.nsh_spi == 0xfff);
  CHECK(nsh.flow.encap.mask.nsh_np == 0x0f);
  CHECK(nsh.flow.encap.mask.nsh_ttl == 0);
  CHECK(nsh.flow.encap.key.nsh_c1 == 0x11223344);
  CHECK(nsh.flow.encap.mask.nsh_c4 == 0xff);
}

TEST_CASE("conntrack label and original tuples") {
  One r = exact(
      "ct_label(0x1234567890abcdef/0xffffffffffffffffff),ct_tuple4(src=10.0.0.1,dst=10.0.0.2/255.255.0.0,proto=6,tp_src=80,tp_dst=443/0),"
      "recirc_id(0x6)");
  CHECK(swap64(r.flow.ct_tuple.key.ct_label.word[1]) == 0x1234567890abcdef);
  CHECK(swap64(r.flow.ct_tuple.mask.ct_label.word[0]) == 0xff);
  CHECK(r.flow.ct_tuple.key.ct_nw_src == 0x0a000001);
  CHECK(r.flow.ct_tuple.mask.ct_nw_dst == 0xffff0000);
  CHECK(r.flow.ct_tuple.key.ct_tp_src == 80);
  CHECK(r.flow.ct_tuple.mask.ct_tp_dst == 0);
  One v6 = exact("ct_tuple6(src=fe80::1,dst=fe80::/ffff::,proto=17,src_port=53,dst_port=54),recirc_id(0)");
  CHECK(ipv6(v6.flow.ct_tuple.key.ct_ipv6_src) == "fe80::1");
  CHECK(v6.flow.ct_tuple.key.ct_nw_proto == 17);
  CHECK(v6.flow.ct_tuple.key.ct_tp_dst == 54);
  One zero = exact("ct_label(0/0),recirc_id(0)");
  CHECK(zero.flow.rows.ct_tuple == 0);  // all zero: no record
}

TEST_CASE("tunnel: fields, flags, geneve and gbp") {
  One r = exact(
      "tunnel(tun_id=0x7b/0xff,src=1.1.1.1,dst=2.2.2.0/255.255.255.0,tos=0/0,ttl=64,tp_src=1000/0xff00,tp_dst=6081,"
      "geneve({class=0x102,type=0x80,len=4,0xa/0xff}),flags(-df+csum+key)),recirc_id(0)");
  const auto &key = r.flow.tunnel.key, &mask = r.flow.tunnel.mask;
  CHECK(key.tun_id == 0x7b);
  CHECK(mask.tun_id == 0xff);
  CHECK(key.tun_src == 0x01010101);
  CHECK(mask.tun_dst == 0xffffff00);
  CHECK(key.tun_ttl == 64);
  CHECK(mask.tun_tos == 0);
  CHECK(mask.tun_tp_src == 0xff00);
  CHECK(key.tun_tp_dst == 6081);
  CHECK(key.tun_flags == (CTI_TUN_FLAGS_CSUM | CTI_TUN_FLAGS_KEY));
  CHECK(mask.tun_flags == (CTI_TUN_FLAGS_DF | CTI_TUN_FLAGS_CSUM | CTI_TUN_FLAGS_KEY));
  CHECK(key.tun_options.size == 0);
  CHECK(r.parsed.view().text(key.tun_geneve) == std::string_view("\x01\x02\x80\x01\0\0\0\x0a", 8));
  CHECK(r.parsed.view().text(mask.tun_geneve) == std::string_view("\xff\xff\xff\x1f\0\0\0\xff", 8));
  CHECK(key.tun_geneve_class == 0x102);
  CHECK(mask.tun_geneve_type == 0xff);
  CHECK(key.tun_geneve_data == 10);
  One v6 = exact("tunnel(tun_id=0x1,ipv6_src=2001:cafe::1,ipv6_dst=2001:cafe::2,ttl=64,vxlan(gbp(id=10,flags=0x8)),flags(oam|df)),recirc_id(0)");
  CHECK(ipv6(v6.flow.tunnel.key.tun_ipv6_dst) == "2001:cafe::2");
  CHECK(v6.flow.tunnel.key.tun_gbp_id == 10);
  CHECK(v6.flow.tunnel.key.tun_gbp_flags == 8);
  CHECK(v6.flow.tunnel.key.tun_flags == (CTI_TUN_FLAGS_OAM | CTI_TUN_FLAGS_DF));
  CHECK(v6.flow.tunnel.mask.tun_flags == 0xffff);
  exact("tunnel(src=1.1.1.1,dst=2.2.2.2,ttl=64,erspan(ver=1,idx=0x7),flags(df|key)),recirc_id(0)");
  exact("tunnel(),recirc_id(0)");
}

TEST_CASE("packet_type and in_port") {
  One r = exact("recirc_id(0),in_port(p1),packet_type(ns=1/0xff,id=0x800)");
  CHECK(r.flow.match.key.packet_type == 0x10800);
  CHECK(r.flow.match.mask.packet_type == 0xffffff);
  CHECK(r.flow.match.mask.in_port == UINT32_MAX);
  const auto* port = r.parsed.view().port(r.flow.match.key.in_port);
  REQUIRE(port != nullptr);
  CHECK(port->known == 1);
  CHECK(r.parsed.view().text(port->name) == "p1");
  One number = exact("recirc_id(0),in_port(7/0xff)", false);
  CHECK(number.flow.match.mask.in_port == 0xff);
  const auto* seven = number.parsed.view().port(number.flow.match.key.in_port);
  CHECK(seven->known == 2);
  CHECK(seven->odp_port == 7);
}

TEST_CASE("the kernel datapath's order is kept") {
  One r = exact("recirc_id(0x5),dp_hash(0/0),skb_priority(0/0),tunnel(tun_id=0x1,src=1.1.1.1,dst=1.1.1.2,ttl=64/0,flags(+key)),in_port(genev_sys_6081),"
                "skb_mark(0/0),ct_state(0x21/0x21),ct_zone(0/0),ct_mark(0/0),ct_label(0/0),eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),"
                "eth_type(0x0800),ipv4(src=1.1.1.1,dst=2.2.2.2,proto=6,tos=0/0,ttl=64/0,frag=no)");
  CHECK(r.flow.match.key.recirc_id == 5);
  exact("recirc_id(0x5),tunnel(tun_id=0x1,src=1.1.1.1,dst=1.1.1.2,flags(+key)),in_port(3),ct_state(+est+trk),eth(),eth_type(0x0806)", false);
}

TEST_CASE("IPv6 addresses print as inet_ntop prints them and read as inet_pton reads them") {
  std::mt19937_64 random(7);
  size_t wrong = 0;
  for (int i = 0; i < 20'000; i++) {
    uint8_t bytes[16];
    for (int w = 0; w < 8; w++) {  // many zeros and small words, so that "::" and embedded IPv4 come up
      uint64_t kind = random() % 4;
      uint16_t word = kind < 2 ? 0 : kind == 2 ? static_cast<uint16_t>(random()) : (w == 5 ? 0xffff : static_cast<uint16_t>(random() % 16));
      bytes[2 * w] = static_cast<uint8_t>(word >> 8);
      bytes[2 * w + 1] = static_cast<uint8_t>(word);
    }
    cti_be128 address = load<cti_be128>(bytes), back{};
    text::TextBuffer out;
    out.put_ipv6(address);
    text::Cursor cursor(out.text());
    wrong += out.text() != ipv6(address) || !cursor.ipv6(back) || !cursor.done() || std::memcmp(&back, bytes, 16) != 0;
  }
  CHECK(wrong == 0);
  for (const char* bad : {"", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "1:", "1::1.2.3", "g::", "1:2:3:4:5:6:7:1.2.3.4"}) {
    CAPTURE(bad);
    text::Cursor cursor{std::string_view(bad)};
    cti_be128 address;
    CHECK_FALSE((cursor.ipv6(address) && cursor.done()));
  }
}
