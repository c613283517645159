// Every recorded dump prints back as it is, from its fields.
#include <doctest/doctest.h>

#include <filesystem>

#include "test/text_support.h"

using namespace cti;
using namespace cti::test;

TEST_CASE("a recorded dump prints back byte for byte, from fields alone") {
  size_t n_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator("test/fixtures/dumps")) {
    if (entry.path().extension() != ".txt") continue;
    n_files++;
    CAPTURE(entry.path().string());
    std::string dump = read_file(entry.path());
    Parsed parsed = parse(dump);
    std::vector<std::string> rows = flow_lines(dump);
    bool has_unknown = entry.path().filename().string().starts_with("unknown-");
    CHECK(parsed.snapshot.n_rows == rows.size());
    CHECK(parsed.snapshot.rejected.empty());
    if (!has_unknown) {
      CHECK(parsed.snapshot.n_verbatim == 0);
      CHECK(parsed.n_verbatim_lists() == 0);
      CHECK(parsed.snapshot.unknown.empty());
    } else {
      CHECK_FALSE(parsed.snapshot.unknown.empty());
    }
    for (size_t i = 0; i < rows.size() && i < parsed.snapshot.n_rows; i++) CHECK(parsed.row(i) == rows[i]);
    if (!parsed.snapshot.unknown.empty() && !has_unknown) MESSAGE(parsed.snapshot.unknown[0].what << ": " << parsed.snapshot.unknown[0].sample);
  }
  CHECK(n_files >= 50);
}
