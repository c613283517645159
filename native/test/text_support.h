// What the tests of native/text share: parse a text, look at the result.
#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tables/dp_flows_view.h"
#include "text/dp_flows_format.h"
#include "text/dp_flows_reader.h"

namespace cti::test {

inline Bytes bytes(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Parsed {
  tables::Snapshot snapshot;
  tables::DpFlowsMap map;

  const tables::DpFlowsView& view() const { return map.view(); }
  tables::DpFlow flow(uint64_t row) const {
    tables::DpFlow flow{};
    REQUIRE(view().flow(row, flow));
    return flow;
  }
  std::string row(uint64_t row) const {
    text::TextBuffer out;
    REQUIRE(text::DpFlowsFormat(view()).row(row, out));
    return std::string(out.text());
  }
  std::string actions(uint32_t id) const {
    text::TextBuffer out;
    REQUIRE(text::DpFlowsFormat(view()).actions(id, out));
    return std::string(out.text());
  }
  size_t n_verbatim_lists() const {
    size_t n = 0;
    for (uint32_t id = 0; const auto* list = view().action_list(id); id++) n += list->verbatim.size != 0;
    return n;
  }
  uint64_t n_rejected() const {
    uint64_t n = 0;
    for (const tables::Note& note : snapshot.rejected) n += note.count;
    return n;
  }
};

inline Parsed finish(text::DpFlowsReader& reader) {
  auto snapshot = reader.finish();
  REQUIRE(snapshot);
  auto map = tables::DpFlowsMap::open(*snapshot);
  REQUIRE(map);
  return {std::move(*snapshot), std::move(*map)};
}

inline Parsed parse(std::string_view text, size_t piece = SIZE_MAX) {
  auto reader = text::DpFlowsReader::create();
  REQUIRE(reader);
  for (size_t at = 0; at < text.size();) {
    std::string_view part = text.substr(at, piece);
    REQUIRE((*reader)->feed(bytes(part)));
    at += part.size();
  }
  return finish(**reader);
}

// The lines of a dump that are neither empty nor section lines.
inline std::vector<std::string> flow_lines(std::string_view dump) {
  std::vector<std::string> lines;
  while (!dump.empty()) {
    size_t end = std::min(dump.find('\n'), dump.size());
    std::string_view line = dump.substr(0, end);
    if (!line.empty() && !line.starts_with("flow-dump from ")) lines.emplace_back(line);
    dump.remove_prefix(std::min(end + 1, dump.size()));
  }
  return lines;
}

}  // namespace cti::test
