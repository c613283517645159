// Random rows of every production of the dump text: read, they are what the generator says; printed, they are what was read. And
// the same text cut short and changed.
//
// CTI_GRAMMAR_ROWS=200000 and CTI_GRAMMAR_CHANGES=500000 give the full sizes; without them, fewer.
#include <cstdlib>
#include <random>

#include "tools/grammar/grammar.h"
#include "test/text_support.h"
#include "text/actions.h"
#include "text/keys.h"

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
    INFO("production " << std::string(kProductionInfo[i].name));
    CHECK(generator.reached()[i] >= n_rows / 4000);
  }
  if (std::getenv("CTI_GRAMMAR_ROWS")) {
    std::string report;
    for (size_t i = 0; i < kProductions; i++) report += std::string(kProductionInfo[i].name) + " " + std::to_string(generator.reached()[i]) + "\n";
    MESSAGE(n_rows << " rows, " << n_kept << " of them kept as they came; how often each production was reached:\n" << report);
  }
}

TEST_CASE("what is given to add-flow has every production that it takes, and no other") {
  Generator generator(7);
  for (int i = 0; i < 5000; i++) generator.row({.more = false, .names = false, .errors = false, .add_flow = true});
  for (size_t i = 0; i < kProductions; i++) {
    const auto production = static_cast<Production>(i);
    if (production == Production::ufid || production == Production::offloaded) continue;  // of rows, which are not given
    INFO("production " << std::string(kProductionInfo[i].name));
    CHECK((generator.reached()[i] > 0) == (kProductionInfo[i].cls == Class::all));
  }
}

namespace {

std::string changed(std::string line, std::mt19937_64& random) {
  const char* const tokens[] = {"(", ")", ",", "/", "0x", "=", "{", "}", "-", "::", "/0", "clone(", "encap(", "set(", "nat(", "tunnel(", "key9(", "(bad key length 2, expected -1)(",
                                "4294967296", "99999999999999999999", "error", ", "};
  auto below = [&](size_t n) { return random() % n; };
  for (size_t n = 1 + below(2); n > 0; n--) {
    const size_t at = below(line.size());
    switch (below(6)) {
      case 0:
        line.resize(at + 1);
        break;
      case 1:
        line.erase(at, 1 + below(12));
        break;
      case 2:
        line.insert(at, tokens[below(std::size(tokens))]);
        break;
      case 3:
        line.insert(at, line.substr(below(line.size()), below(40)));
        break;
      default:
        line[at] = " (),/=x0123456789abcdefgzp+-|:.{}"[below(33)];
    }
    if (line.empty()) return "x";
  }
  return line;
}

}  // namespace

// A row keeps what it does not understand as text and prints as it came; its fields alone, printed and read again, are the same
// fields, so nothing of that text is in them.
TEST_CASE("rows cut short and changed: kept as they came or rejected, and never half understood") {
  const uint64_t n_changes = wanted("CTI_GRAMMAR_CHANGES", 20'000);
  Generator generator(99);
  std::mt19937_64 random(99);
  uint64_t n_bad = 0, n_rows = 0, n_rejected = 0, n_unknown = 0, n_verbatim = 0;
  for (uint64_t done = 0, batch = 0; done < n_changes; batch++) {
    std::string dump;
    std::vector<std::string> lines;
    for (int i = 0; i < 5; i++) {
      const std::string line = generator.row({.more = batch % 2 == 0, .names = batch % 4 < 2, .errors = true}).line();
      for (int change = 0; change < 20; change++) lines.push_back(changed(line, random));
    }
    for (const std::string& line : lines) dump += line + "\n";
    done += lines.size();
    Parsed parsed = parse(dump, 1 + random() % 5000);
    n_rows += parsed.snapshot.n_rows;
    n_rejected += parsed.n_rejected();
    REQUIRE(parsed.snapshot.n_rows + parsed.n_rejected() == lines.size());
    text::DpFlowsFormat format(parsed.view());
    std::string fields;  // each row from its fields alone
    size_t next = 0;
    for (uint64_t row = 0; row < parsed.snapshot.n_rows; row++) {
      const std::string printed = parsed.row(row);
      while (next < lines.size() && lines[next] != printed) next++;
      if (next++ >= lines.size() && n_bad++ < 5) MESSAGE("not printed as it came: " << printed);
      tables::DpFlow flow = parsed.flow(row);
      n_unknown += flow.rows.unknown.size != 0;
      n_verbatim += flow.rows.verbatim.size != 0;
      flow.rows.unknown = {0, 0};
      flow.match.key.attrs &= ~text::kWithoutWildcards;  // or what is not matched is left out
      text::TextBuffer out;
      format.head(flow, out);
      out.put("drop");
      // A match of nothing but what is unknown leaves no text; give it a key then.
      std::string text(out.text());
      if (text.starts_with(", packets:")) text.insert(0, "recirc_id(0)");
      if (size_t at = text.find(", , packets:"); at != text.npos) text.insert(at + 2, "recirc_id(0)");
      fields += text + "\n";
    }
    Parsed again = parse(fields);
    REQUIRE_MESSAGE(again.snapshot.n_rows == parsed.snapshot.n_rows, again.snapshot.rejected[0].sample);
    for (uint64_t row = 0; row < parsed.snapshot.n_rows; row++) {
      const tables::DpFlow a = parsed.flow(row), b = again.flow(row);
      auto same = [](const auto& x, const auto& y) { return std::memcmp(&x, &y, sizeof x) == 0; };
      auto no_refs = [](auto flow) {
        flow.tunnel.key.tun_geneve = flow.tunnel.mask.tun_geneve = flow.tunnel.key.tun_options = {0, 0};
        flow.encap.key.vlan_more = flow.encap.mask.vlan_more = flow.encap.key.mpls_more = flow.encap.mask.mpls_more = {0, 0};
        // Notation, not values: which keys had a mask written, the order, and where no tag is unknown rather than none.
        flow.match.mask.attrs = flow.tunnel.mask.tun_attrs = 0;
        flow.match.key.attrs &= ~(text::kRecircFirst | text::kWithoutWildcards);
        flow.match.mask.vlan_tci |= flow.match.key.attrs & (text::key_bit(text::kKeyVlan) | text::key_bit(text::kKeyEncap)) ? 0 : 0xffff;
        flow.match.key.in_port = 0;
        // Of NSH and ERSPAN, what is not matched is left out always.
        auto& nsh = flow.encap;
        if (!nsh.mask.nsh_flags) nsh.key.nsh_flags = 0;
        if (!nsh.mask.nsh_ttl) nsh.key.nsh_ttl = 0;
        if (!nsh.mask.nsh_mdtype) nsh.key.nsh_mdtype = 0;
        if (!nsh.mask.nsh_np) nsh.key.nsh_np = 0;
        if (!nsh.mask.nsh_si) nsh.key.nsh_si = 0;
        if (!nsh.mask.nsh_spi) nsh.key.nsh_spi = 0;
        if (!nsh.mask.nsh_c1) nsh.key.nsh_c1 = 0;
        if (!nsh.mask.nsh_c2) nsh.key.nsh_c2 = 0;
        if (!nsh.mask.nsh_c3) nsh.key.nsh_c3 = 0;
        if (!nsh.mask.nsh_c4) nsh.key.nsh_c4 = 0;
        // Of flags, which are printed by name.
        flow.match.key.tcp_flags &= flow.match.mask.tcp_flags;
        flow.tunnel.key.tun_flags &= flow.tunnel.mask.tun_flags;
        if (flow.tunnel.key.tun_erspan_ver != 2) flow.tunnel.key.tun_erspan_dir = flow.tunnel.key.tun_erspan_hwid = flow.tunnel.mask.tun_erspan_dir = flow.tunnel.mask.tun_erspan_hwid = 0;
        return flow;
      };
      tables::DpFlow x = no_refs(a), y = no_refs(b);
      if (y.match.key.recirc_id == 0 && !(x.match.key.attrs & text::key_bit(text::kKeyRecircId)))
        y.match.mask.recirc_id = 0, y.match.key.attrs &= ~text::key_bit(text::kKeyRecircId);
      if (same(x.match, y.match) && same(x.tunnel, y.tunnel) && same(x.ipv6, y.ipv6) && same(x.ct_tuple, y.ct_tuple) && same(x.arp, y.arp) && same(x.encap, y.encap)) continue;
      auto at = [](const auto& p, const auto& q) {
        const auto *a = reinterpret_cast<const uint8_t*>(&p), *b = reinterpret_cast<const uint8_t*>(&q);
        size_t i = 0;
        while (i < sizeof p && a[i] == b[i]) i++;
        return i;
      };
      if (n_bad++ < 5)
        MESSAGE("half understood, first byte that differs in match " << at(x.match, y.match) << ", tunnel " << at(x.tunnel, y.tunnel) << ", ipv6 " << at(x.ipv6, y.ipv6) << ", ct_tuple "
                << at(x.ct_tuple, y.ct_tuple) << ", arp " << at(x.arp, y.arp) << ", encap " << at(x.encap, y.encap) << ": " << parsed.row(row));
    }
    for (uint32_t id = 0; const auto* list = parsed.view().action_list(id); id++) {
      text::TextBuffer out;
      std::string_view tree = parsed.view().text(list->attrs);
      text::print_actions(bytes(tree), format, out);
      Parsed once = parse("recirc_id(0), packets:1, bytes:2, used:never, actions:" + std::string(out.text()) + "\n");
      if (once.snapshot.n_rows == 1 && once.view().action_list(0)->does == list->does && once.view().action_list(0)->n_unknown == list->n_unknown) continue;
      if (n_bad++ < 5) MESSAGE("half understood list: " << parsed.actions(id));
    }
  }
  CHECK(n_bad == 0);
  CHECK(n_rows > n_changes / 4);
  CHECK(n_rejected > n_changes / 50);
  CHECK(n_unknown > n_changes / 20);
  CHECK(n_verbatim > n_changes / 20);
  if (std::getenv("CTI_GRAMMAR_CHANGES")) MESSAGE(n_changes << " changed rows: " << n_rows << " rows, " << n_rejected << " rejected, " << n_unknown << " with unknown parts, " << n_verbatim << " verbatim");
}
