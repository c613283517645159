#include "ovs/pmd_text.h"

#include <algorithm>
#include <charconv>

#include "ovs/reply_lines.h"

namespace cti::ovs {
namespace {

using tables::pmds::Rows;

struct Counter {
  std::string_view label, perf;
  uint64_t Rows::*column;
  uint32_t known;
};
constexpr Counter kCounters[] = {
#define CTI_PMD_COUNTER(column, COLUMN, enumerator, label, perf) {label, perf, &Rows::column, CTI_PMDS_KNOWN_##COLUMN},
#include "ovs/pmd_counters.def"
};

template <typename T>
bool eat_number(std::string_view& text, T& value) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(parsed.ptr - text.data()));
  return true;
}

bool eat(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

bool parse_head(std::string_view line, Rows& row) {
  const bool is_main = line.starts_with("main thread");
  if (!eat(line, "pmd thread") && !eat(line, "main thread")) return false;
  if (eat(line, " numa_id ")) {
    if (!eat_number(line, row.numa)) return false;
    row.known |= CTI_PMDS_KNOWN_NUMA;
  }
  uint32_t core = 0;
  const bool has_core = eat(line, " core_id ");
  if (has_core && (!eat_number(line, core) || core > INT32_MAX)) return false;
  if (has_core == is_main || line != ":") return false;
  row.core = is_main ? -1 : static_cast<int32_t>(core);
  return true;
}

constexpr const char* kHead = "'pmd thread numa_id N core_id N:' or 'main thread:'";

// Of 4.0, where pmd-stats-show is another name of pmd-perf-show.
Result<std::vector<Rows>> parse_pmd_perf(const char* command, std::string_view text) {
  std::vector<Rows> rows;
  CTI_TRY(for_each_line(text, [&](std::string_view line, size_t number) -> Result<void> {
    if (line.empty() || line.starts_with("Time: ") || line.starts_with("Measurement duration: ")) return {};
    if (!line.starts_with("  ")) {
      Rows row{};
      if (!parse_head(line, row)) return unexpected_line(command, number, kHead, line);
      rows.push_back(row);
      return {};
    }
    const size_t colon = line.find(':');
    if (rows.empty() || colon == std::string_view::npos) return unexpected_line(command, number, rows.empty() ? kHead : "'  LABEL: VALUE'", line);
    Rows& row = rows.back();
    const std::string_view label = line.substr(2, colon - 2);
    std::string_view rest = line.substr(std::min(line.size(), line.find_first_not_of(' ', colon + 1)));
    auto value = [&](uint64_t& into) -> Result<void> {
      if (!eat_number(rest, into) || (!rest.empty() && rest[0] != ' ')) return unexpected_line(command, number, "a whole number", line);
      return {};
    };
    if (label == "Datapath passes") {
      uint64_t passes = 0;
      CTI_TRY(value(passes));
      if (!(row.known & CTI_PMDS_KNOWN_PACKETS) || passes < row.packets) return unexpected_line(command, number, "as many passes as packets, or more", line);
      row.recirculations = passes - row.packets;
      row.known |= CTI_PMDS_KNOWN_RECIRCULATIONS;
    }
    for (const Counter& counter : kCounters) {
      if (counter.perf.empty() || counter.perf != label) continue;
      CTI_TRY(value(row.*counter.column));
      row.known |= counter.known;
    }
    return {};
  }));
  return rows;
}

}  // namespace

Result<std::vector<Rows>> parse_pmd_stats(std::string_view text) {
  constexpr const char* kCommand = "dpif-netdev/pmd-stats-show";
  if (text.starts_with("\nTime: ")) return parse_pmd_perf(kCommand, text);
  std::vector<Rows> rows;
  CTI_TRY(for_each_line(text, [&](std::string_view line, size_t number) -> Result<void> {
    if (!line.starts_with("  ")) {
      Rows row{};
      if (!parse_head(line, row)) return unexpected_line(kCommand, number, kHead, line);
      rows.push_back(row);
      return {};
    }
    std::string_view rest = line.substr(2);
    const size_t colon = rest.find(": ");
    if (rows.empty() || colon == std::string_view::npos) return unexpected_line(kCommand, number, rows.empty() ? kHead : "'  LABEL: VALUE'", line);
    const std::string_view label = rest.substr(0, colon);
    rest.remove_prefix(colon + 2);
    for (const Counter& counter : kCounters) {
      if (counter.label.empty() || counter.label != label) continue;
      if (!eat_number(rest, rows.back().*counter.column) || (!rest.empty() && rest[0] != ' '))
        return unexpected_line(kCommand, number, "a whole number", line);
      rows.back().known |= counter.known;
    }
    return {};
  }));
  return rows;
}

Result<void> parse_pmd_rxqs(std::string_view text, std::vector<Rows>& rows) {
  constexpr const char* kCommand = "dpif-netdev/pmd-rxq-show";
  Rows elsewhere{};  // of a thread that is not among the rows
  Rows* row = nullptr;
  return for_each_line(text, [&](std::string_view line, size_t number) -> Result<void> {
    if (number == 1 && line.starts_with("Displaying ")) return {};
    if (!line.starts_with("  ")) {
      Rows head{};
      if (!parse_head(line, head)) return unexpected_line(kCommand, number, kHead, line);
      const auto found = std::find_if(rows.begin(), rows.end(), [&](const Rows& of) { return of.core == head.core; });
      row = found == rows.end() ? &elsewhere : &*found;
      row->rxqs = 0;
      row->known |= CTI_PMDS_KNOWN_RXQS;
      return {};
    }
    if (!row || line.find(':') == std::string_view::npos) return unexpected_line(kCommand, number, row ? "'  LABEL: VALUE'" : kHead, line);
    std::string_view rest = line.substr(2);
    if (eat(rest, "port: ")) {
      row->rxqs++;
    } else if (eat(rest, "isolated : ")) {
      if (rest != "true" && rest != "false") return unexpected_line(kCommand, number, "true or false", line);
      row->isolated = rest == "true" ? CTI_PMDS_ISOLATED_YES : CTI_PMDS_ISOLATED_NO;
      row->known |= CTI_PMDS_KNOWN_ISOLATED;
    }
    return {};
  });
}

}  // namespace cti::ovs
