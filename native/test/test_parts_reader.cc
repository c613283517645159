// Parts of objects near each other, out of this process's own memory by the real call and out of memory made of bytes: each is what is there, whatever
// the order of the addresses, what lies between them, and what of it cannot be read.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "ovs/parts_reader.h"
#include "sys/memory.h"
#include "test/attach_support.h"
#include "test/table_text_support.h"

using namespace cti;
using namespace cti::ovs;
using namespace cti::test;

namespace {

constexpr size_t kPage = sys::kPageSize;

// Memory of this process with a number in each 8 bytes, and pages of it that are not there.
class Holed {
 public:
  Holed(size_t n_pages, const std::vector<size_t>& holes) : size_(n_pages * kPage) {
    bytes_ = static_cast<uint8_t*>(::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (size_t at = 0; at < size_; at += 8) {
      const uint64_t number = at * 0x9e3779b97f4a7c15;
      std::memcpy(bytes_ + at, &number, 8);
    }
    for (size_t page : holes) ::munmap(bytes_ + page * kPage, kPage);
  }
  ~Holed() { ::munmap(bytes_, size_); }
  uint64_t start() const { return reinterpret_cast<uint64_t>(bytes_); }
  const uint8_t* bytes() const { return bytes_; }

 private:
  uint8_t* bytes_;
  size_t size_;
};

}  // namespace

TEST_CASE("parts: each is what is there, in any order, near or far, overlapping or twice") {
  const Holed memory(4096, {});
  ProcessMemory process(::getpid());
  FakeMemory fake;
  fake.bytes.assign(memory.bytes(), memory.bytes() + 4096 * kPage);
  Dice dice(7);
  for (const uint32_t size : {8u, 64u, 152u, 1000u}) {
    PartsReader parts(process, size), fake_parts(fake, size);
    for (const uint64_t spread : {300ull, 3400ull, 20'000ull}) {
      std::vector<uint64_t> offsets;
      uint64_t at = dice.below(100);
      for (size_t i = 0; i < 800 && at + size <= 4096 * kPage; i++, at += 1 + dice.below(2 * spread)) offsets.push_back(at);
      for (size_t i = 0; i < 20; i++) offsets.push_back(offsets[dice.below(offsets.size())]);
      for (size_t i = 0; i < offsets.size(); i++) std::swap(offsets[i], offsets[dice.below(offsets.size())]);
      auto at_base = [&](uint64_t base) {
        std::vector<uint64_t> addresses;
        for (const uint64_t offset : offsets) addresses.push_back(base + offset);
        return addresses;
      };
      parts.read(at_base(memory.start()));
      fake_parts.read(at_base(FakeMemory::kBase));
      for (size_t i = 0; i < offsets.size(); i++) {
        REQUIRE(parts.part(i));
        REQUIRE(fake_parts.part(i));
        CHECK(std::memcmp(parts.part(i), memory.bytes() + offsets[i], size) == 0);
        CHECK(std::memcmp(fake_parts.part(i), memory.bytes() + offsets[i], size) == 0);
      }
    }
  }
  CHECK(process.cost().calls == 12);  // one for each
}

TEST_CASE("parts: what cannot be read is said, and takes nothing else with it") {
  const std::vector<size_t> holes = {3, 4, 9, 15};
  const Holed memory(16, holes);
  ProcessMemory process(::getpid());
  constexpr uint32_t kSize = 100;
  PartsReader parts(process, kSize);
  std::vector<uint64_t> addresses;
  for (uint64_t at = 0; at + kSize <= 16 * kPage; at += 700) addresses.push_back(memory.start() + at);
  parts.read(addresses);
  size_t n_unreadable = 0;
  for (size_t i = 0; i < addresses.size(); i++) {
    const uint64_t at = addresses[i] - memory.start();
    bool whole = true;
    for (size_t page : holes) whole &= at + kSize <= page * kPage || at >= (page + 1) * kPage;
    CAPTURE(at);
    REQUIRE((parts.part(i) != nullptr) == whole);
    if (whole) CHECK(std::memcmp(parts.part(i), memory.bytes() + at, kSize) == 0);
    n_unreadable += !whole;
  }
  CHECK(n_unreadable > 15);
  CHECK(n_unreadable < addresses.size() - 40);
  parts.read({});
  // Far apart, the highest first, and one of them nowhere.
  const uint64_t far[] = {memory.start() + 8, 0x10000, memory.start()};
  parts.read(far);
  CHECK(parts.part(0));
  CHECK_FALSE(parts.part(1));
  CHECK(parts.part(2));
}
