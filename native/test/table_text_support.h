// Texts through the readers of native/text/readers.cc, and the records of what came out.
//
// Thread-safety: one thread at a time.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include "sys/memory.h"
#include "text/table_reader.h"

namespace cti::test {

class ReadTable {
 public:
  // 'text' fed in pieces of 'piece' bytes.
  ReadTable(std::string_view table, std::string_view text, size_t piece = SIZE_MAX) {
    auto reader = text::create_table_reader(table);
    REQUIRE(reader);
    for (size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at)) {
      const std::string_view part = text.substr(at, piece);
      REQUIRE((*reader)->feed({reinterpret_cast<const uint8_t*>(part.data()), part.size()}));
    }
    auto finished = (*reader)->finish();
    REQUIRE(finished);
    snapshot = *std::move(finished);
    for (const tables::SegmentData& segment : snapshot.segments) {
      auto mapping = sys::Mapping::map(sys::round_up_to_page(std::max<uint64_t>(segment.size, 1)), PROT_READ, MAP_PRIVATE, segment.fd.get(), "segment");
      REQUIRE(mapping);
      mappings_.push_back(*std::move(mapping));
    }
  }

  template <typename T>
  const T& record(size_t segment, uint64_t index) const {
    REQUIRE(index < snapshot.segments[segment].n_records);
    // SAFETY: records of the schema's own struct, from the start of a page.
    return reinterpret_cast<const T*>(mappings_[segment].data())[index];
  }
  std::string_view bytes(size_t blob, const cti_ref& ref) const {
    REQUIRE(ref.offset + uint64_t{ref.size} <= snapshot.segments[blob].size);
    return {reinterpret_cast<const char*>(mappings_[blob].data()) + ref.offset, ref.size};
  }

  tables::Snapshot snapshot{};

 private:
  std::vector<sys::Mapping> mappings_;
};

inline uint64_t wanted_rows(const char* name, uint64_t usual) {
  const char* given = std::getenv(name);
  return given ? std::strtoull(given, nullptr, 10) : usual;
}

// What random rows are made with: the same everywhere, unlike the distributions of <random>.
class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  uint64_t below(uint64_t n) { return random_() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  // Small numbers as often as large ones.
  uint64_t number(unsigned bits) { return random_() >> (64 - bits) >> below(bits); }
  template <typename T, size_t n>
  const T& of(const T (&some)[n]) {
    return some[below(n)];
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace cti::test
