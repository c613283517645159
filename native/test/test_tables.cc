// native/tables: growing segments, the builder, the dictionary.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "tables/builder.h"
#include "tables/dp_flows_view.h"

using namespace cti;
using namespace cti::tables;

TEST_CASE("a segment grows by doubling, keeps what it holds and ends sealed at its size rounded up to a page") {
  auto segment = GrowingSegment::create("test", 1ull << 32);
  REQUIRE(segment);
  constexpr uint32_t kWords = 3'000'000;  // 12 MB: four growths
  for (uint32_t i = 0; i < kWords; i++) {
    uint8_t* at = segment->append(4);
    REQUIRE(at != nullptr);
    store(at, i);
  }
  CHECK(segment->size() == 4ull * kWords);
  uint32_t wrong = 0;
  for (uint32_t i = 0; i < kWords; i++) wrong += load<uint32_t>(segment->data() + 4ull * i) != i;
  CHECK(wrong == 0);
  auto fd = segment->seal();
  REQUIRE(fd);
  CHECK(sys::is_sealed(fd->get()));
  CHECK(lseek(fd->get(), 0, SEEK_END) == static_cast<off_t>(sys::round_up_to_page(4ull * kWords)));
  uint32_t last = 0;
  CHECK(pread(fd->get(), &last, 4, 4ull * (kWords - 1)) == 4);
  CHECK(last == kWords - 1);
}

TEST_CASE("a segment refuses to grow past its bound and says so") {
  auto segment = GrowingSegment::create("test", 2 << 20);
  REQUIRE(segment);
  CHECK(segment->append(2 << 20) != nullptr);
  CHECK(segment->append(1) == nullptr);
  CHECK(segment->error().code == ErrorCode::OUT_OF_MEMORY);
  CHECK(segment->error().message.find("2097152") != std::string::npos);
}

TEST_CASE("a segment keeps its bound where memory grew past it, so that no offset in it outgrows 32 bits") {
  auto segment = GrowingSegment::create("test", (3 << 20) + 10);
  REQUIRE(segment);
  CHECK(segment->append((2 << 20) + 1) != nullptr);
  CHECK(segment->append(1 << 20) != nullptr);  // 4 MiB are mapped now
  CHECK(segment->append(10) == nullptr);
  CHECK(segment->append(9) != nullptr);
  CHECK(segment->append(1) == nullptr);
  CHECK(segment->append(0) != nullptr);
  CHECK(segment->append(SIZE_MAX) == nullptr);
  CHECK(segment->size() == (3 << 20) + 10);
  CHECK(segment->error().message.find("segment test: expected at most 3145738 bytes") != std::string::npos);

  auto small = GrowingSegment::create("small", 100);
  REQUIRE(small);
  CHECK(small->append(101) == nullptr);
  CHECK(small->append(100) != nullptr);
}

TEST_CASE("an empty snapshot has every segment of the schema, a page each, sealed") {
  auto builder = SnapshotBuilder::create(dp_flows::kSchema);
  REQUIRE(builder);
  auto snapshot = builder->finish(0);
  REQUIRE(snapshot);
  REQUIRE(snapshot->segments.size() == std::size(dp_flows::kSegments));
  for (const SegmentData& segment : snapshot->segments) {
    CHECK(segment.size == 0);
    CHECK(segment.n_records == 0);
    CHECK(sys::is_sealed(segment.fd.get()));
    CHECK(lseek(segment.fd.get(), 0, SEEK_END) == 4096);
  }
  auto map = DpFlowsMap::open(*snapshot);
  REQUIRE(map);
  DpFlow flow;
  CHECK_FALSE(map->view().flow(0, flow));
}

TEST_CASE("refs and indexes outside their segment read as nothing") {
  auto builder = SnapshotBuilder::create(dp_flows::kSchema);
  REQUIRE(builder);
  dp_flows::Rows row{};
  row.tunnel = 77;
  REQUIRE(builder->append(CTI_DP_FLOWS_SEGMENT_ROWS, row) == 0);
  REQUIRE(builder->append(CTI_DP_FLOWS_SEGMENT_MATCH, dp_flows::Match{}) == 0);
  DpFlowsView view = DpFlowsView::of(*builder);
  DpFlow flow;
  REQUIRE(view.flow(0, flow));
  CHECK(flow.tunnel.key.tun_id == 0);
  CHECK(view.text({0, 1}).empty());
  CHECK(view.text({0xffffffff, 0xffffffff}).empty());
  CHECK(view.action_list(0) == nullptr);
  CHECK(view.port(0) == nullptr);
}

TEST_CASE("the dictionary finds what was put in, and nothing else, through many growths") {
  StringDictionary dictionary;
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < 20'000; i++) texts.push_back("text " + std::to_string(i * 7919));
  for (uint32_t i = 0; i < texts.size(); i++) dictionary.insert(StringDictionary::hash(texts[i]), i);
  auto find = [&](const std::string& text) {
    return dictionary.find(StringDictionary::hash(text), [&](uint32_t i) { return texts[i] == text; });
  };
  uint32_t wrong = 0;
  for (uint32_t i = 0; i < texts.size(); i++) wrong += find(texts[i]) != i;
  CHECK(wrong == 0);
  CHECK(find("text 1") == UINT32_MAX);
  CHECK(StringDictionary::hash("a", 1) != StringDictionary::hash("a", 2));
  CHECK(StringDictionary::hash(std::string_view("a\0", 2)) != StringDictionary::hash("a"));
}

TEST_CASE("records through a buffer: all of them, in order, and those in hand can be changed in place") {
  for (const size_t n_kept : {0u, 1u, 700u, 1024u}) {
    CAPTURE(n_kept);
    auto segment = GrowingSegment::create("records", 1ull << 32);
    REQUIRE(segment);
    RecordWriter writer(*segment, 16, n_kept);
    constexpr uint64_t kRecords = 10'000;
    for (uint64_t i = 0; i < kRecords; i++) {
      const uint64_t record[2] = {i, 0};
      REQUIRE(writer.append(record));
      CHECK(writer.size() == i + 1);
      CHECK(segment->size() % 4096 == 0);  // whole pages
      CHECK(segment->size() <= 16 * (i + 1 - std::min<uint64_t>(i + 1, n_kept)));
      if (i >= n_kept && n_kept > 0) store<uint64_t>(writer.at(i - n_kept) + 8, 7 * (i - n_kept));
      store<uint64_t>(writer.at(i / 2) + 8, 7 * (i / 2));
    }
    REQUIRE(writer.flush());
    CHECK(segment->size() == 16 * kRecords);
    for (uint64_t i = 0; i < kRecords; i++) {
      CHECK(load<uint64_t>(segment->data() + 16 * i) == i);
      if (i < kRecords / 2) CHECK(load<uint64_t>(segment->data() + 16 * i + 8) == 7 * i);
    }
  }
}
