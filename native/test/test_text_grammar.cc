// Random rows of every production of the dump text: read, they are what the generator says; printed, they are what was read. And
// the same text cut short and changed.
//
// CTI_GRAMMAR_ROWS=200000 gives the full size (CONTRIBUTING.md); without it, fewer.
#include <cstdlib>

#include "test/grammar/grammar.h"
#include "test/text_support.h"

using namespace cti;
using namespace cti::test;
using namespace cti::grammar;

namespace {

uint64_t wanted(const char* name, uint64_t usual) {
  const char* given = std::getenv(name);
  return given ? std::strtoull(given, nullptr, 10) : usual;
}

// Gives the ports their ids.
std::string first_row(bool names) {
  std::string row = "recirc_id(0), packets:0, bytes:0, used:never, actions:";
  for (uint32_t i = 0; i < kPorts; i++) row += (i ? "," : "") + std::string(names ? "p" : "") + std::to_string(i);
  return row;
}

std::string_view view_of(const std::vector<uint8_t>& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// What is wrong with row 'at', or "".
std::string compare(const Parsed& parsed, uint64_t at, const Row& expected) {
  const auto& view = parsed.view();
  tables::DpFlow flow = parsed.flow(at);
  const auto* list = view.action_list(flow.rows.actions);
  if (!list) return "no list";
  auto text = [&](const cti_ref& ref) { return view.text(ref); };
  auto differ = [&](const cti_ref& ref, const std::string& content) { return text(ref) != content; };
  if (differ(flow.tunnel.key.tun_geneve, expected.geneve_key) || differ(flow.tunnel.mask.tun_geneve, expected.geneve_mask)) return "geneve options";
  if (differ(flow.tunnel.key.tun_options, expected.tunnel_text)) return "text of the tunnel";
  if (differ(flow.encap.key.vlan_more, expected.vlans_key) || differ(flow.encap.mask.vlan_more, expected.vlans_mask)) return "further VLAN tags";
  if (differ(flow.encap.key.mpls_more, expected.mpls_key) || differ(flow.encap.mask.mpls_more, expected.mpls_mask)) return "further MPLS entries";
  if (differ(flow.rows.unknown, expected.unknown)) return "unknown parts: " + std::string(text(flow.rows.unknown));
  if (differ(flow.rows.extra, expected.extra.empty() ? "" : expected.extra.substr(std::string(", dp-extra-info:").size()))) return "extra";
  if (expected.from_fields && flow.rows.verbatim.size) return "not printed from its fields";
  // The rest is compared whole; what points into the snapshot was compared above.
  flow.tunnel.key.tun_geneve = flow.tunnel.mask.tun_geneve = flow.tunnel.key.tun_options = {0, 0};
  flow.encap.key.vlan_more = flow.encap.mask.vlan_more = flow.encap.key.mpls_more = flow.encap.mask.mpls_more = {0, 0};
  auto& rows = flow.rows;
  rows.unknown = rows.verbatim = rows.extra = {0, 0};
  rows.tunnel = rows.ipv6 = rows.ct_tuple = rows.arp = rows.encap = rows.actions = 0;
  rows.known &= ~CTI_DP_FLOWS_KNOWN_EXTRA;
  if (std::memcmp(&flow, &expected.flow, sizeof flow) != 0) {
    auto one = [&](const char* name, const auto& got, const auto& want) -> std::string {
      const auto* g = reinterpret_cast<const uint8_t*>(&got);
      const auto* w = reinterpret_cast<const uint8_t*>(&want);
      for (size_t i = 0; i < sizeof got; i++)
        if (g[i] != w[i]) return std::string(name) + " at byte " + std::to_string(i) + ": " + std::to_string(w[i]) + " expected, " + std::to_string(g[i]) + " read; ";
      return "";
    };
    const auto& e = expected.flow;
    return one("rows", rows, e.rows) + one("match", flow.match, e.match) + one("tunnel", flow.tunnel, e.tunnel) + one("ipv6", flow.ipv6, e.ipv6) +
           one("ct_tuple", flow.ct_tuple, e.ct_tuple) + one("arp", flow.arp, e.arp) + one("encap", flow.encap, e.encap);
  }
  if (text(list->attrs) != view_of(expected.tree)) return "tree of the actions";
  if (list->verbatim.size) return "actions not printed from their tree";
  if (list->does != expected.does || list->sets != expected.sets) return "what the actions do";
  if (list->n_unknown != expected.n_unknown_actions) return "number of unknown actions";
  if (text(list->out_ports) != std::string_view(reinterpret_cast<const char*>(expected.out_ports.data()), expected.out_ports.size() * 4)) return "output ports";
  if (parsed.row(at) != expected.line()) return "printed as " + parsed.row(at);
  return "";
}

}  // namespace

TEST_CASE("random rows of every production: read as the generator meant them, printed as they were") {
  const uint64_t n_rows = wanted("CTI_GRAMMAR_ROWS", 20'000);
  Generator generator(20260611);
  constexpr uint64_t kBatch = 100;
  uint64_t n_bad = 0, n_kept = 0;
  for (uint64_t done = 0, batch = 0; done < n_rows; done += kBatch, batch++) {
    const bool names = batch % 4 < 2;
    std::vector<Row> rows;
    std::string dump = first_row(names) + "\n";
    for (uint64_t i = 0; i < kBatch; i++) {
      rows.push_back(generator.row({.more = batch % 2 == 0, .names = names, .errors = batch % 8 >= 4}));
      dump += rows.back().line() + "\n";
    }
    Parsed parsed = parse(dump, 1 + batch * 37 % 5000);
    REQUIRE(parsed.snapshot.n_rows == kBatch + 1);
    if (batch % 8 < 4) CHECK(parsed.snapshot.unknown.empty());
    for (uint64_t i = 0; i < kBatch; i++) {
      const std::string wrong = compare(parsed, i + 1, rows[i]);
      n_kept += !rows[i].from_fields;
      if (!wrong.empty() && n_bad++ < 5) MESSAGE(wrong << "\n  of " << rows[i].line());
    }
  }
  CHECK(n_bad == 0);
  for (size_t i = 0; i < kProductions; i++) {
    INFO("production " << kProductionInfo[i].name);
    CHECK(generator.reached()[i] >= n_rows / 4000);
  }
  if (std::getenv("CTI_GRAMMAR_ROWS")) {
    std::string report;
    for (size_t i = 0; i < kProductions; i++) report += std::string(kProductionInfo[i].name) + " " + std::to_string(generator.reached()[i]) + "\n";
    MESSAGE(n_rows << " rows, " << n_kept << " of them kept as they came; how often each production was reached:\n" << report);
  }
}
