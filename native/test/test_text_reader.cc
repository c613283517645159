// The reader as a stream: chunks, ports, rejected rows, unknown parts, mutated text, round trips of random flows.
#include <doctest/doctest.h>

#include <filesystem>
#include <random>

#include "test/text_support.h"
#include "text/field.h"
#include "text/keys.h"

using namespace cti;
using namespace cti::test;

namespace {

constexpr const char* kDumps[] = {"actions", "bond", "keys", "rules", "sampling", "tunnels"};

std::string fixture(const std::string& name) { return read_file("test/fixtures/dumps/" + name + ".txt"); }

bool same_segments(const Parsed& a, const Parsed& b) {
  for (size_t i = 0; i < std::size(a.view().segments); i++) {
    Bytes x = a.view().segments[i], y = b.view().segments[i];
    if (x.size() != y.size() || (x.size() && std::memcmp(x.data(), y.data(), x.size()) != 0)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("any split into chunks gives the same snapshot") {
  std::string dump = fixture("bond-more") + "\nnot a flow\r\n";
  Parsed whole = parse(dump);
  CHECK(whole.snapshot.n_rows == 2);
  CHECK(whole.n_rejected() == 1);
  size_t wrong = 0;
  for (size_t at = 0; at <= dump.size(); at++) {
    auto reader = text::DpFlowsReader::create();
    REQUIRE(reader);
    REQUIRE((*reader)->feed(bytes(std::string_view(dump).substr(0, at))));
    REQUIRE((*reader)->feed(bytes(std::string_view(dump).substr(at))));
    wrong += !same_segments(whole, finish(**reader));
  }
  CHECK(wrong == 0);
  for (size_t piece : {1, 2, 3, 7, 64, 1000}) CHECK(same_segments(whole, parse(dump, piece)));
  std::string cut = dump.substr(0, dump.size() - 2);  // the last line need not end
  CHECK(parse(cut).n_rejected() == 1);
}

TEST_CASE("ports: what dpctl/show said joins numbers and names; datapaths are apart") {
  auto made = text::DpFlowsReader::create();
  REQUIRE(made);
  text::DpFlowsReader& reader = **made;
  auto a = reader.add_datapath("netdev@ovs-netdev"), b = reader.add_datapath("system@ovs-system");
  REQUIRE(a);
  REQUIRE(b);
  REQUIRE(reader.add_port(*a, 1, "p1", "dummy"));
  REQUIRE(reader.add_port(*a, 2, "p2", "dummy"));
  CHECK_FALSE(reader.add_port(7, 1, "x", "y"));
  CHECK_FALSE(reader.begin_datapath(7));
  REQUIRE(reader.begin_datapath(*a));
  REQUIRE(reader.feed(bytes("flow-dump from the main thread:\n"
                            "ufid:00000001-0002-0003-0004-000500000006, recirc_id(0),in_port(p1), packets:1, bytes:2, used:never, actions:p2\n"
                            "recirc_id(0),in_port(1), packets:1, bytes:2, used:never, actions:2")));
  REQUIRE(reader.begin_datapath(*b));
  REQUIRE(reader.feed(bytes("recirc_id(0),in_port(p1), packets:1, bytes:2, used:never, actions:p2\n")));
  CHECK(reader.n_rows() == 3);
  Parsed p = finish(reader);
  REQUIRE(p.snapshot.n_rows == 3);
  tables::DpFlow first = p.flow(0), second = p.flow(1), third = p.flow(2);
  CHECK(first.match.key.in_port == second.match.key.in_port);
  CHECK(first.match.key.in_port != third.match.key.in_port);
  CHECK(first.rows.datapath == 0);
  CHECK(third.rows.datapath == 1);
  CHECK(first.rows.actions != third.rows.actions);
  CHECK((third.rows.known & CTI_DP_FLOWS_KNOWN_PMD) == 0);
  const auto* port = p.view().port(first.match.key.in_port);
  CHECK(port->known == 7);
  CHECK(port->odp_port == 1);
  CHECK(p.view().text(port->type) == "dummy");
  CHECK(p.view().port(third.match.key.in_port)->datapath == 1);
  // A number where the name is known is kept as it came.
  CHECK(p.row(1) == "recirc_id(0),in_port(1), packets:1, bytes:2, used:never, actions:2");
  CHECK(p.snapshot.n_verbatim == 1);
  const auto* name = p.view().record<tables::dp_flows::Datapaths>(CTI_DP_FLOWS_SEGMENT_DATAPATHS, 1);
  CHECK(p.view().text(name->name) == "system@ovs-system");
}

TEST_CASE("rows that are no flows are rejected with a reason and a sample, never dropped") {
  std::string long_line = "recirc_id(0),in_port(" + std::string(text::kMaxLine, 'x') + "), packets:1, bytes:2, used:never, actions:1\n";
  std::string dump =
      "ovs-vswitchd: no such datapath\n"
      "ufid:zzz, recirc_id(0), packets:1, bytes:2, used:never, actions:1\n"
      "recirc_id(0),in_port(1), packets:1, bytes:2, used:never\n"
      "recirc_id(0),in_port(1), actions:1\n"
      "recirc_id(0)),in_port(1), packets:1, bytes:2, used:never, actions:1\n"
      "recirc_id(0),,in_port(1), packets:1, bytes:2, used:never, actions:1\n"
      "flow-dump from pmd on cpu core: x\n"
      "\n" + long_line + "recirc_id(0),in_port(1), packets:1, bytes:2, used:never, actions:1\n";
  for (size_t piece : {SIZE_MAX, size_t{65536}, size_t{1000}}) {
    Parsed p = parse(dump, piece);
    CHECK(p.snapshot.n_rows == 1);
    CHECK(p.n_rejected() == 8);
    auto count = [&](std::string_view what) {
      for (const tables::Note& note : p.snapshot.rejected)
        if (note.what == what) return note.count;
      return uint64_t{0};
    };
    CHECK(count("malformed ufid") == 1);
    CHECK(count("no actions") == 3);
    CHECK(count("no packets, bytes or used") == 1);
    CHECK(count("malformed match") == 2);
    CHECK(count("line longer than 1 MiB") == 1);
    for (const tables::Note& note : p.snapshot.rejected) {
      CHECK_FALSE(note.sample.empty());
      CHECK(note.sample.size() <= 200);
    }
  }
}

TEST_CASE("the sample of a rejected row shows how the row begins and where it went wrong") {
  std::string head = "ufid:00000001-0002-0003-0004-000500000006, recirc_id(0),dp_hash(0/0)";
  std::string filler;
  while (filler.size() < 3000) filler += ",key" + std::to_string(filler.size()) + "(1)";
  auto sample_of = [](const std::string& line) {
    Parsed p = parse(line + "\n");
    REQUIRE(p.snapshot.n_rows == 0);
    REQUIRE(p.snapshot.rejected.size() == 1);
    return p.snapshot.rejected[0].sample;
  };
  std::string sample = sample_of(head + filler + ",,in_port(1)" + filler + ", packets:1, bytes:2, used:never, actions:1");
  CHECK(sample.size() == 200);
  CHECK(sample.starts_with(head.substr(0, 60) + "..."));
  CHECK(sample.find(",,in_port(1)") != std::string::npos);
  CHECK(sample.ends_with("..."));
  sample = sample_of(head + filler + ", packets:1, bytes:2");
  CHECK(sample.starts_with(head.substr(0, 60) + "..."));
  CHECK(sample.ends_with(", packets:1, bytes:2"));
  CHECK(sample.size() == 200);
  sample = sample_of("ufid:zz, " + filler);
  CHECK(sample == "ufid:zz, " + filler.substr(0, 188) + "...");
}

TEST_CASE("unknown and malformed keys and items stay in the row as text and are reported") {
  std::string line =
      "ufid:00000001-0002-0003-0004-000500000006, recirc_id(0),aura(color=blue,x(y)),ipv4(src=banana,dst=1.2.3.4),tcp(src=1,dst=2),tcp(src=3,dst=4), packets:1, "
      "dpe_packets:7, bytes:2, used:never, dp:moon, actions:1, later:x";
  Parsed p = parse(line + "\n" + line + "\n");
  REQUIRE(p.snapshot.n_rows == 2);
  CHECK(p.snapshot.n_verbatim == 2);
  CHECK(p.row(0) == line);
  tables::DpFlow flow = p.flow(0);
  CHECK(flow.match.key.nw_dst == 0);  // nothing half-read
  CHECK(flow.match.mask.nw_dst == 0);
  CHECK(flow.match.key.tp_src == 1);
  CHECK(flow.rows.packets == 1);
  CHECK(p.view().text(flow.rows.unknown) ==
        "aura(color=blue,x(y)),ipv4(src=banana,dst=1.2.3.4),tcp(src=3,dst=4),dpe_packets:7,dp:moon,later:x");
  std::vector<std::string> what;
  for (const tables::Note& note : p.snapshot.unknown) {
    what.push_back(note.what);
    CHECK(note.count == 2);
  }
  CHECK(what == std::vector<std::string>{"unknown key aura", "malformed key ipv4", "key given twice tcp", "unknown item dpe_packets",
                                         "unknown item dp", "unknown item later"});
  // At the end of the match OVS's order is not disturbed: printed from fields.
  Parsed last = parse("recirc_id(0),key33(0x1122), packets:1, bytes:2, used:never, actions:1\n");
  CHECK(last.snapshot.n_verbatim == 0);
  CHECK(last.row(0).find("key33(0x1122)") != std::string::npos);
}

TEST_CASE("what is kept as text leaves no trace in the fields") {
  auto flow_of = [](const std::string& line, const char* unknown) {
    CAPTURE(line);
    Parsed p = parse(line + "\n");
    REQUIRE(p.snapshot.n_rows == 1);
    CHECK(p.row(0) == line);
    tables::DpFlow flow = p.flow(0);
    CHECK(p.view().text(flow.rows.unknown) == unknown);
    return flow;
  };
  // Counters: a second one, and one that goes on.
  auto flow = flow_of("recirc_id(0), packets:1, packets:7, bytes:2, bytes:9e9, used:1.500s, used:never, flags:S, flags:Fx, offloaded:yesterday, dp:tcp, actions:1",
                      "packets:7,bytes:9e9,used:never,flags:Fx,offloaded:yesterday,dp:tcp");
  CHECK(flow.rows.packets == 1);
  CHECK(flow.rows.bytes == 2);
  CHECK(flow.rows.used_ms == 1500);
  CHECK(flow.rows.tcp_flags_seen == 2);
  CHECK((flow.rows.known & (CTI_DP_FLOWS_KNOWN_HW | CTI_DP_FLOWS_KNOWN_LAYER)) == 0);
  CHECK(parse("recirc_id(0), packets:1x, bytes:2, used:never, actions:1\n").snapshot.n_rows == 0);

  // Keys that share fields.
  const std::string end = ", packets:1, bytes:2, used:never, actions:1";
  flow = flow_of("tcp(src=1,dst=2),udp(src=3,dst=4),sctp(src=x)" + end, "udp(src=3,dst=4),sctp(src=x)");
  CHECK(flow.match.key.tp_src == 1);
  CHECK(flow.match.mask.tp_dst == 0xffff);
  flow = flow_of("ipv6(proto=6),ipv4(src=1.2.3.4,proto=17)" + end, "ipv4(src=1.2.3.4,proto=17)");
  CHECK(flow.match.key.nw_proto == 6);
  CHECK(flow.match.mask.nw_src == 0);
  flow = flow_of("icmp(type=8,code=0),icmpv6(type=)" + end, "icmpv6(type=)");
  CHECK(flow.match.key.icmp_type == 8);
  flow = flow_of("ct_tuple4(proto=6),ct_tuple6(proto=17)" + end, "ct_tuple6(proto=17)");
  CHECK(flow.ct_tuple.key.ct_nw_proto == 6);

  // Masks of more bits than the field has.
  flow = flow_of("tcp_flags(0x2/0x10002)" + end, "tcp_flags(0x2/0x10002)");
  CHECK(flow.match.mask.tcp_flags == 0);
  flow = flow_of("tunnel(src=1.1.1.1,flags(0x2/0x12))" + end, "tunnel(src=1.1.1.1,flags(0x2/0x12))");
  CHECK(flow.tunnel.mask.tun_flags == 0);
  CHECK(flow.tunnel.key.tun_src == 0);
}

TEST_CASE("reports stay small however many kinds there are") {
  std::string dump;
  for (int i = 0; i < 1000; i++) dump += "recirc_id(0),k" + std::to_string(i) + "(1), packets:1, bytes:2, used:never, actions:1\n";
  Parsed p = parse(dump);
  CHECK(p.snapshot.n_rows == 1000);
  CHECK(p.snapshot.unknown.size() <= 101);
  uint64_t total = 0;
  for (const tables::Note& note : p.snapshot.unknown) total += note.count;
  CHECK(total == 1000);
}

TEST_CASE("10,000 mutated dumps: every line is a row that prints back or is rejected") {
  std::vector<std::string> base;
  for (const char* name : kDumps)
    for (const char* notation : {"-more", "-plain", "-names"})
      for (std::string& line : flow_lines(fixture(std::string(name) + notation))) base.push_back(std::move(line));
  REQUIRE(base.size() > 200);
  std::mt19937 random(20240611);
  auto below = [&](size_t n) { return n ? random() % n : 0; };
  const char* tokens[] = {"(", ")", ",", ", ", "/", "0x", "=", "clone(", "encap(", "{", "}", "vlan(", "tunnel(", ", actions:", "ufid:", "4294967296",
                          "18446744073709551616", "-", "::", "set(", "nat(", "mask"};
  size_t n_bad = 0, n_rows = 0, n_rejected = 0;
  for (int i = 0; i < 10'000; i++) {
    std::string dump;
    for (size_t n = 1 + below(3); n > 0; n--) {
      std::string line = base[below(base.size())];
      for (size_t m = below(4); m > 0; m--) {
        size_t at = below(line.size() + 1);
        switch (below(8)) {
          case 0:
            if (!line.empty()) line[below(line.size())] = static_cast<char>(random());
            break;
          case 1:
            line.resize(at);
            break;
          case 2:
            line.insert(at, line.substr(below(line.size() + 1), below(40)));
            break;
          case 3:
            line.erase(at, 1 + below(20));
            break;
          case 4:
            line.insert(at, tokens[below(std::size(tokens))]);
            break;
          case 5:
            line.insert(at, std::string(below(i % 100 == 0 ? 200'000 : 200), "(x1,)"[below(5)]));
            break;
          case 6: {
            std::string deep;
            for (size_t d = below(100); d > 0; d--) deep += "clone(";
            line.insert(at, deep);
            break;
          }
          default:
            line += line.substr(at);
        }
      }
      dump += line + "\n";
    }
    Parsed p = parse(dump, 1 + below(dump.size() + 10));
    std::vector<std::string> lines;
    for (std::string& line : flow_lines(dump)) {
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty()) lines.push_back(std::move(line));
    }
    n_rows += p.snapshot.n_rows;
    n_rejected += p.n_rejected();
    bool good = p.snapshot.n_rows + p.n_rejected() == lines.size();
    size_t next = 0;
    for (uint64_t row = 0; row < p.snapshot.n_rows && good; row++) {
      std::string printed = p.row(row);
      while (next < lines.size() && lines[next] != printed) next++;
      good = next++ < lines.size();
    }
    if (!good && n_bad++ == 0) MESSAGE("seed case " << i << ": " << dump);
  }
  CHECK(n_bad == 0);
  CHECK(n_rows > 2000);
  CHECK(n_rejected > 2000);
}

namespace {

using tables::DpFlow;
using text::Field;
using text::Kind;

// A value and a mask that the notation of the field can carry.
void randomize(const Field& field, DpFlow& flow, std::mt19937_64& random, bool more) {
  size_t size = text::kind_size(field.kind);
  uint64_t key[2] = {random(), random()}, mask[2];
  int style = static_cast<int>(random() % 3);
  for (uint64_t& m : mask) m = style == 0 ? 0 : style == 1 ? UINT64_MAX : random();
  uint64_t limit = size >= 8 ? UINT64_MAX : (1ull << 8 * size) - 1;
  switch (field.kind) {
    case Kind::mac:
      limit = (1ull << 48) - 1;
      break;
    case Kind::frag:
      key[0] %= 3;
      if (mask[0]) mask[0] = UINT64_MAX;
      break;
    case Kind::label:
      key[0] &= 0xfffff;
      if ((mask[0] & 0xfffff) == 0xfffff) mask[0] = UINT64_MAX;
      break;
    case Kind::tcp_flags:
      key[0] &= 0xfff;
      mask[0] = (mask[0] & 0xfff) == 0xfff ? UINT64_MAX : mask[0] & 0xfff;
      key[0] &= mask[0];
      break;
    case Kind::ct_state:
      if (more) break;
      key[0] &= 0xff;
      if (mask[0] != UINT64_MAX) mask[0] &= 0xff;
      key[0] &= mask[0];
      break;
    case Kind::reserved32:
      mask[0] = UINT64_MAX;
      break;
    default:
      break;
  }
  if (size < 16) key[0] &= limit, mask[0] &= limit;
  // What is not matched is not printed, so its value is not known to the reader.
  bool printed_if_masked = !more || field.kind == Kind::frag || field.kind == Kind::nsh8 || field.kind == Kind::nsh32;
  if (printed_if_masked && mask[0] == 0 && (size < 16 || mask[1] == 0)) key[0] = key[1] = 0;
  std::memcpy(text::at(flow, field.key), key, size);
  std::memcpy(text::at(flow, field.mask), mask, size);
}

}  // namespace

TEST_CASE("random flows: printed, parsed, equal in every field") {
  std::mt19937_64 random(42);
  auto builder = tables::SnapshotBuilder::create(tables::dp_flows::kSchema);
  REQUIRE(builder);
  tables::dp_flows::Ports port{{0, 0}, {0, 0}, 7, 0, 2, 0};
  REQUIRE(builder->append(CTI_DP_FLOWS_SEGMENT_PORTS, port) == 0);
  tables::DpFlowsView view = tables::DpFlowsView::of(*builder);
  text::DpFlowsFormat format(view);
  size_t n_bad = 0;
  for (int round = 0; round < 200; round++) {
    bool more = round % 2 == 0;
    std::vector<DpFlow> flows;
    text::TextBuffer dump;
    for (int i = 0; i < 25; i++) {
      DpFlow flow{};
      uint64_t attrs = 0;
      auto give = [&](unsigned number) {
        attrs |= text::key_bit(number);
        for (const Field& field : text::find_key(number)->fields) randomize(field, flow, random, more);
        // Without -m a scalar that is not matched is left out altogether.
        const text::Key& key = *text::find_key(number);
        if (!more && key.shape == text::Shape::single && !text::field_masked(key.fields[0], flow)) {
          text::clear_field(key.fields[0], flow);
          attrs &= ~text::key_bit(number);
        }
      };
      for (unsigned number : {text::kKeyPriority, text::kKeySkbMark, text::kKeyCtState, text::kKeyCtZone, text::kKeyCtMark, text::kKeyCtLabels,
                              text::kKeyRecircId, text::kKeyDpHash, text::kKeyEthernet})
        if (random() % 2) give(number);
      if (random() % 3 == 0) give(random() % 2 ? text::kKeyCtTuple4 : text::kKeyCtTuple6);
      give(std::array{text::kKeyIpv4, text::kKeyIpv6, text::kKeyArp, text::kKeyNsh}[random() % 4]);
      give(std::array{text::kKeyTcp, text::kKeyUdp, text::kKeySctp, text::kKeyIcmp, text::kKeyIcmpv6}[random() % 5]);
      if (attrs & text::key_bit(text::kKeyTcp)) give(text::kKeyTcpFlags);
      if (attrs & text::key_bit(text::kKeyIcmpv6)) give(text::kKeyNd), give(text::kKeyNdExtensions);
      attrs |= text::key_bit(text::kKeyInPort);
      flow.match.mask.in_port = UINT32_MAX;
      if (random() % 2) {
        attrs |= text::key_bit(text::kKeyVlan) | text::key_bit(text::kKeyEncap) | text::kTpidGiven;
        flow.match.key.vlan_tpid = 0x8100;
        flow.match.mask.vlan_tpid = 0xffff;
        flow.match.mask.vlan_tci = static_cast<uint16_t>(random() | 0x1000);
        flow.match.key.vlan_tci = static_cast<uint16_t>(random());
        if (!more && !(flow.match.mask.vlan_tci & 0xfff)) flow.match.key.vlan_tci &= 0xf000;
        if (!more && !(flow.match.mask.vlan_tci & 0xe000)) flow.match.key.vlan_tci &= 0x1fff;
      } else {
        flow.match.mask.vlan_tci = 0xffff;  // no tag in the key is: no tag on the packet
      }
      attrs |= text::key_bit(text::kKeyEthertype);
      flow.match.key.eth_type = static_cast<uint16_t>(random());
      flow.match.mask.eth_type = 0xffff;
      if (random() % 2) {
        attrs |= text::key_bit(text::kKeyTunnel);
        auto& key = flow.tunnel.key;
        for (const Field& field : text::tunnel_fields()) {
          if (random() % 2) continue;
          randomize(field, flow, random, more);
          if (!more && !text::field_masked(field, flow)) continue;
          key.tun_attrs |= 1u << field.wire;
        }
        key.tun_attrs |= 1u << 31;
        flow.tunnel.mask.tun_flags = random() % 2 ? 0xffff : random() % 15;
        key.tun_flags = static_cast<uint16_t>(random() & 15 & flow.tunnel.mask.tun_flags);
      }
      flow.match.key.attrs = attrs | (more ? 0 : text::kWithoutWildcards);
      flow.rows.known = CTI_DP_FLOWS_KNOWN_TCP_FLAGS_SEEN | (more ? CTI_DP_FLOWS_KNOWN_UFID : 0);
      if (more) flow.rows.ufid = {{random(), random()}};
      flow.rows.packets = random() >> random() % 64;
      flow.rows.bytes = random() >> random() % 64;
      flow.rows.used_ms = random() % 5 ? random() % 100'000'000 : UINT64_MAX;
      flow.rows.tcp_flags_seen = random() & 0xfff;
      flows.push_back(flow);
      format.head(flow, dump);
      dump.put("drop\n");
    }
    Parsed p = parse(dump.text(), 1 + random() % 5000);
    REQUIRE(p.snapshot.n_rows == flows.size());
    CHECK(p.snapshot.n_verbatim == 0);
    for (size_t i = 0; i < flows.size(); i++) {
      DpFlow got = p.flow(i), expected = flows[i];
      got.match.mask.attrs = 0;  // whether a "/" was written
      got.tunnel.mask.tun_attrs = 0;
      got.rows.tunnel = got.rows.ipv6 = got.rows.ct_tuple = got.rows.arp = got.rows.encap = 0;
      bool same = std::memcmp(&got, &expected, sizeof got) == 0;
      if (!same && n_bad++ == 0) {
        text::TextBuffer line;
        format.head(expected, line);
        MESSAGE("differs: " << std::string(line.text()) << " bytes at " << [&] {
          size_t at = 0;
          while (reinterpret_cast<uint8_t*>(&got)[at] == reinterpret_cast<uint8_t*>(&expected)[at]) at++;
          return at;
        }());
      }
    }
  }
  CHECK(n_bad == 0);
}
