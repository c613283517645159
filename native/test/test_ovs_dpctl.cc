// dpctl/dump-dps and dpctl/show. The texts are as OVS 3.1 and its lib/dpctl.c print them.
#include <doctest/doctest.h>

#include "ovs/dpctl.h"

using namespace cti;

TEST_CASE("ports of dpctl/show: number, name, type") {
  auto ports = ovs::parse_show(
      "netdev@ovs-netdev:\n"
      "  lookups: hit:0 missed:0 lost:0\n"
      "  flows: 0\n"
      "  masks: hit:0 total:0 hit/pkt:0.00\n"
      "  caches:\n"
      "    masks-cache: size:256\n"
      "  port 0: ovs-netdev (tap)\n"
      "  port 2: vv0\n"
      "  port 3: genev_sys_6081 (geneve: packet_type=ptap)\n"
      "  port 4: vx (vxlan: open failed (No such device))\n"
      "  port 5: dpdk0 (dpdk, could not retrieve configuration (Invalid argument))\n"
      "  port 4294967295: a (b\n"
      "  port 7: (x) (dpdkvhostuserclient: a=b (c: d), mtu=1500)\n",
      "netdev@ovs-netdev");
  REQUIRE_MESSAGE(ports, ports.error().message);
  const ovs::Port expected[] = {{0, "ovs-netdev", "tap"}, {2, "vv0", "system"},        {3, "genev_sys_6081", "geneve"},
                                {4, "vx", "vxlan"},       {5, "dpdk0", "dpdk"},        {4294967295u, "a (b", "system"},
                                {7, "(x)", "dpdkvhostuserclient"}};
  REQUIRE(ports->size() == 7);
  for (size_t i = 0; i < 7; i++) {
    CHECK((*ports)[i].number == expected[i].number);
    CHECK((*ports)[i].name == expected[i].name);
    CHECK((*ports)[i].type == expected[i].type);
  }
}

TEST_CASE("a dpctl/show that does not read so is refused with its line") {
  struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"", "reply to \"dpctl/show\", line 1: expected the datapath's name and ':' but received ''"},
      {"system@x:\n", "line 1: expected the datapath's name and ':' but received 'system@x:'"},
      {"dp:\nport 1: a\n", "line 2: expected an indented line but received 'port 1: a'"},
      {"dp:\n  port x: a\n", "line 2: expected 'port NUMBER: NAME' but received '  port x: a'"},
      {"dp:\n  port 1: \n", "line 2: expected 'port NUMBER: NAME'"},
      {"dp:\n  port 4294967296: a\n", "line 2: expected 'port NUMBER: NAME'"},
      {"dp:\n  port -1: a\n", "line 2: expected 'port NUMBER: NAME'"},
      {"dp:\n  flows: 0\n  \x1b[0m\n", "line 3: expected a statistic or a port but received '  \\x1b[0m'"},
  };
  for (const auto& bad : cases) {
    auto ports = ovs::parse_show(bad.text, "dp");
    REQUIRE_FALSE(ports);
    CHECK(ports.error().code == ErrorCode::PROTOCOL);
    CHECK_MESSAGE(ports.error().message.find(bad.message) != std::string::npos, ports.error().message);
  }
}

TEST_CASE("names of dpctl/dump-dps") {
  auto names = ovs::parse_dump_dps("system@ovs-system\nnetdev@ovs-netdev\n");
  REQUIRE(names);
  CHECK(*names == std::vector<std::string>{"system@ovs-system", "netdev@ovs-netdev"});
  CHECK(ovs::parse_dump_dps("")->empty());
  CHECK_FALSE(ovs::parse_dump_dps("a\n\nb\n"));
}
