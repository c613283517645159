// What is read through page tables, by a program in the running kernel, out of processes of our own: each piece is what is there, wherever it lies and
// whatever the kernel does with its page meanwhile; and what cannot be read says so. Where the kernel or our rights do not allow such programs the cases say
// why, and look at nothing.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <random>
#include <tuple>
#include <thread>
#include <vector>

#include "kernel/kernel_types.h"
#include "kernel/page_reader.h"
#include "ovs/target_memory.h"
#include "sys/memory.h"

using namespace cti;
using namespace cti::kernel;

namespace {

constexpr size_t kPage = sys::kPageSize;
constexpr size_t kLarge = 2 << 20;

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  uint64_t below(uint64_t n) { return random_() % n; }

 private:
  std::mt19937_64 random_;
};

std::unique_ptr<PageReader> reader_of(pid_t pid) {
  auto made = PageReader::open(pid);
  if (made) return *std::move(made);
  // What may be missing where tests run. Anything else is a fault.
  const bool may_be = made.error().code == ErrorCode::NO_RIGHTS || made.error().message.find("Linux 6.1") != std::string::npos ||
                      made.error().message.find("/sys/kernel/btf") != std::string::npos;
  CHECK_MESSAGE(may_be, made.error().message);
  MESSAGE("not tried: ", made.error().message);
  return nullptr;
}

uint64_t number_at(uint64_t address) { return address * 0x9e3779b97f4a7c15; }

// Memory with a number in each 8 bytes that only its address has.
uint8_t* filled(size_t size, size_t align = kPage) {
  auto* all = static_cast<uint8_t*>(mmap(nullptr, size + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  auto* bytes = all + (align - reinterpret_cast<uintptr_t>(all) % align) % align;
  if (align == kLarge) madvise(bytes, size, MADV_HUGEPAGE);
  for (size_t at = 0; at < size; at += 8) {
    const uint64_t number = number_at(reinterpret_cast<uintptr_t>(bytes) + at);
    std::memcpy(bytes + at, &number, 8);
  }
  return bytes;
}

bool is_as_filled(uint64_t from, const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    const uint64_t number = number_at((from + i) / 8 * 8);
    if (bytes[i] != reinterpret_cast<const uint8_t*>(&number)[(from + i) % 8]) return false;
  }
  return true;
}

uint64_t large_pages_kib() {
  std::FILE* file = std::fopen("/proc/self/smaps_rollup", "r");
  char line[256];
  unsigned long long kib = 0;
  while (file && std::fgets(line, sizeof line, file)) std::sscanf(line, "AnonHugePages: %llu", &kib);
  if (file) std::fclose(file);
  return kib;
}

// A process that has a copy of our memory, and sleeps.
class Child {
 public:
  Child() : pid_(fork()) {
    if (pid_ == 0) {
      for (;;) pause();
    }
  }
  ~Child() { end(); }
  void end() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

void check_everywhere(PageReader& reader, const uint8_t* bytes, size_t size, uint64_t seed) {
  Dice dice(seed);
  size_t n_crossing = 0;
  for (const uint32_t piece : {1u, 8u, 63u, 200u, 512u, 4096u, 66'000u}) {
    std::vector<PageReader::Wanted> wanted;
    for (uint32_t i = 0; i < 3000 && (i + 1) * piece <= PageReader::kRoom; i++) {
      const uint64_t from = reinterpret_cast<uintptr_t>(bytes) + dice.below(size - piece);
      wanted.push_back({from, piece, i * piece, false});
      n_crossing += from / kPage != (from + piece - 1) / kPage;
    }
    CHECK(reader.read(wanted) >= 1);
    size_t n_wrong = 0;
    for (const auto& one : wanted) n_wrong += !one.was_read || !is_as_filled(one.from, reader.room() + one.to, piece);
    CHECK(n_wrong == 0);
  }
  CHECK(n_crossing > 100);
}

}  // namespace

TEST_CASE("page tables: small pages and large ones, ours and another's, across their ends") {
  auto reader = reader_of(getpid());
  if (!reader) return;
  const size_t size = 8 * kLarge;
  uint8_t* const small = filled(size);
  madvise(small, size, MADV_NOHUGEPAGE);
  const uint64_t before = large_pages_kib();
  uint8_t* const large = filled(size, kLarge);
  if (large_pages_kib() == before) MESSAGE("large pages were not tried: the kernel gave none");
  check_everywhere(*reader, small, size, 1);
  check_everywhere(*reader, large, size, 2);
  // As NUMA balancing leaves pages for a while: there, but not to be accessed.
  mprotect(small, size, PROT_NONE);
  mprotect(large, size, PROT_NONE);
  std::vector<PageReader::Wanted> hidden = {{reinterpret_cast<uintptr_t>(small) + 5000, 9000, 0, false}, {reinterpret_cast<uintptr_t>(large) + 5000, 9000, 9000, false}};
  reader->read(hidden);
  for (const auto& one : hidden) CHECK((one.was_read && is_as_filled(one.from, reader->room() + one.to, one.size)));
  mprotect(small, size, PROT_READ | PROT_WRITE);
  mprotect(large, size, PROT_READ | PROT_WRITE);
  Child child;
  auto others = reader_of(child.pid());
  REQUIRE(others);
  // From now on ours is another.
  std::memset(small, 0, size);
  check_everywhere(*others, small, size, 3);
  check_everywhere(*others, large, size, 4);
  munmap(small, size);
  munmap(large, size);
}

TEST_CASE("page tables: what is not there, or not asked for rightly, says so, and the rest is read") {
  auto reader = reader_of(getpid());
  if (!reader) return;
  uint8_t* const bytes = filled(64 * kPage);
  const uint64_t start = reinterpret_cast<uintptr_t>(bytes);
  munmap(bytes + 8 * kPage, kPage);
  madvise(bytes + 16 * kPage, kPage, MADV_DONTNEED);
  std::vector<PageReader::Wanted> wanted = {
      {start, 8, 0, true},
      {start + 8 * kPage + 100, 8, 512, true},      // unmapped
      {start + 8 * kPage - 4, 8, 1024, true},       // half of it is
      {start + 16 * kPage, 8, 1536, true},          // never touched since
      {0, 8, 2560, true},
      {0x7fff'ffff'f000, 8, 3072, true},
      {0xffff'8880'0000'0000, 8, 3584, true},       // the kernel's own half
      {reinterpret_cast<uintptr_t>(reader->room()) | 0xffff'8000'0000'0000, 8, 3600, true},
      {start | 0x0100'0000'0000'0000, 8, 4096, true},  // no address at all, though its lower bits are one
      {start + 32 * kPage, 8, PageReader::kRoom - 8, true},
      {start + 32 * kPage, 8, PageReader::kRoom - 7, true},  // no room
      {start, 0, 0, true},                                   // nothing
      {start + 32 * kPage, PageReader::kRoom + 1, 0, true},  // too much
      {start + 32 * kPage, UINT32_MAX, 8, true},
      {start, 4 * kPage, 8192, true},
      {start + 6 * kPage, 4 * kPage, 32'768, true},          // a page of it is not there
      {start + 9 * kPage, 8, 5120, true},
  };
  const std::vector<bool> expected = {true, false, false, false, false, false, false, false, false, true, false, false, false, false, true, false, true};
  REQUIRE(wanted.size() == expected.size());
  CHECK(reader->read(wanted) == 1);
  for (size_t i = 0; i < wanted.size(); i++) {
    CAPTURE(i);
    CHECK(wanted[i].was_read == expected[i]);
    if (expected[i]) CHECK(is_as_filled(wanted[i].from, reader->room() + wanted[i].to, wanted[i].size));
  }
  CHECK(reader->read({}) == 0);
  munmap(bytes, 8 * kPage);
  munmap(bytes + 9 * kPage, 55 * kPage);
}

TEST_CASE("page tables: a process that ended has nothing, and none is an error") {
  if (!reader_of(getpid())) return;
  uint8_t* const bytes = filled(kPage);
  Child child;
  auto reader = reader_of(child.pid());
  REQUIRE(reader);
  std::vector<PageReader::Wanted> wanted = {{reinterpret_cast<uintptr_t>(bytes), 8, 0, false}};
  reader->read(wanted);
  CHECK(wanted[0].was_read);
  child.end();
  reader->read(wanted);
  CHECK_FALSE(wanted[0].was_read);
  munmap(bytes, kPage);
}

// What callers rely on: a piece is what was there when the call began, or later, and later than what was read before it; and never another page's, though
// the kernel moves pages all the time.
TEST_CASE("page tables: while pages move and change, nothing is older than the call, out of order or another's") {
  auto reader = reader_of(getpid());
  if (!reader) return;
  constexpr size_t kSize = 4 * kLarge;
  uint8_t* const bytes = filled(kSize, kLarge);
  // In each page its number and how often it was written; in words of their own.
  auto word = [&](size_t page, size_t which) { return reinterpret_cast<volatile uint64_t*>(bytes + page * kPage + 8 * which); };
  constexpr size_t kPages = kSize / kPage;
  for (size_t page = 0; page < kPages; page++) {
    *word(page, 0) = page;
    *word(page, 1) = 0;
  }
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> written{0}, n_moves{0};
  std::thread writer([&] {
    for (uint64_t round = 1; !stop; round++) {
      for (size_t page = 0; page < kPages; page++) *word(page, 1) = round;
      written.store(round, std::memory_order_release);
    }
  });
  std::thread mover([&] {
    while (!stop) {
      for (uint8_t* large = bytes; large < bytes + kSize; large += kLarge) {
        // One page of another mode for a moment breaks the large page into entries of its own; then all is copied into a new one.
        mprotect(large + kPage, kPage, PROT_READ | PROT_WRITE | PROT_EXEC);
        mprotect(large + kPage, kPage, PROT_READ | PROT_WRITE);
        n_moves += madvise(large, kLarge, 25 /* MADV_COLLAPSE, Linux 6.1 */) == 0;
      }
    }
  });
  size_t n_read = 0, n_not = 0, n_old = 0, n_others = 0, n_unordered = 0;
  Dice dice(5);
  for (int round = 0; round < 1500; round++) {
    std::vector<PageReader::Wanted> wanted;
    for (uint32_t i = 0; i < 512; i++) wanted.push_back({reinterpret_cast<uintptr_t>(bytes) + dice.below(kPages) * kPage, 16, i * 64, false});
    const uint64_t at_least = written.load(std::memory_order_acquire);
    reader->read(wanted);
    uint64_t newest = 0;
    for (const auto& one : wanted) {
      if (!one.was_read) {
        n_not++;
        continue;
      }
      n_read++;
      uint64_t words[2];
      std::memcpy(words, reader->room() + one.to, sizeof words);
      n_others += words[0] != (one.from - reinterpret_cast<uintptr_t>(bytes)) / kPage;
      n_old += words[1] < at_least;
      // At any time all pages are of two rounds.
      n_unordered += words[1] + 1 < newest;
      newest = std::max(newest, words[1]);
    }
  }
  stop = true;
  writer.join();
  mover.join();
  MESSAGE(n_read, " pieces read, ", n_not, " not, while pages moved ", n_moves.load(), " times 512");
  CHECK(n_read > 100'000);
  CHECK(n_old == 0);
  CHECK(n_others == 0);
  CHECK(n_unordered == 0);
  munmap(bytes, kSize);
}

TEST_CASE("page tables: what is copied into the room is copied by them, and otherwise from the first range on that they cannot read") {
  auto reader = reader_of(getpid());
  if (!reader) return;
  uint8_t* const bytes = filled(64 * kPage);
  const uint64_t start = reinterpret_cast<uintptr_t>(bytes);
  munmap(bytes + 40 * kPage, kPage);
  ovs::ProcessMemory memory(getpid(), reader.get());
  uint8_t* const room = reader->room();
  std::vector<uint8_t> elsewhere(4 * kPage);
  auto copied = [&](std::vector<ovs::ReadRange> ranges) {
    const ovs::ReadCost before = memory.cost();
    const size_t size = memory.copy(ranges);
    size_t left = size;
    for (const auto& range : ranges) {
      const size_t part = std::min(left, range.size);
      CHECK(is_as_filled(ovs::raw(range.from), static_cast<uint8_t*>(range.to), part));
      left -= part;
    }
    return std::pair(size, memory.cost() - before);
  };
  auto range = [&](size_t page, uint8_t* to, size_t size) { return ovs::ReadRange{ovs::OvsAddr{start + page * kPage + 8}, to, size}; };
  auto [size, cost] = copied({range(9, room, 3 * kPage), range(1, room + 20'000, 2 * kPage)});
  CHECK(size == 5 * kPage);
  CHECK(cost.paged == 2);
  CHECK(cost.calls == 1);
  // Any place that is not in the room.
  std::tie(size, cost) = copied({range(9, room, 100), range(1, elsewhere.data(), 2 * kPage)});
  CHECK(size == 100 + 2 * kPage);
  CHECK(cost.paged == 0);
  std::tie(size, cost) = copied({range(9, room + PageReader::kRoom - 99, 100)});
  CHECK(size == 100);
  CHECK(cost.paged == 0);
  // A page that is not there: what comes before it, to the byte, as the call says it.
  std::tie(size, cost) = copied({range(1, room, 2 * kPage), range(38, room + 20'000, 4 * kPage), range(3, room + 50'000, 64)});
  CHECK(size == 2 * kPage + 2 * kPage - 8);
  CHECK(cost.paged == 2);
  CHECK(cost.calls == 2);
  CHECK(memory.last_errno() == EFAULT);
  // One that is there for the call (a page that nobody has touched yet) and not in the tables.
  madvise(bytes + 16 * kPage, kPage, MADV_DONTNEED);
  const ovs::ReadRange untouched[] = {range(15, room, 2 * kPage - 8), range(20, room + 20'000, kPage)};
  CHECK(memory.copy(untouched) == 3 * kPage - 8);
  CHECK(is_as_filled(start + 15 * kPage + 8, room, kPage - 8));
  CHECK(room[kPage] == 0);
  CHECK(is_as_filled(start + 20 * kPage + 8, room + 20'000, kPage));
  munmap(bytes, 64 * kPage);
}

TEST_CASE("kernel types: of the running kernel") {
  auto types = KernelTypes::read();
  if (!types) {
    MESSAGE("not tried: ", types.error().message);
    return;
  }
  CHECK(types->function("bpf_iter_task"));
  CHECK_FALSE(types->function("no_such_function"));
  CHECK(types->offset("list_head", "next") == 0u);
  CHECK(types->offset("list_head", "prev") == 8u);
  CHECK(types->offset("task_struct", "mm"));
  CHECK(types->offset("mm_struct", "pgd"));  // in a structure without a name
  CHECK_FALSE(types->offset("list_head", "no_such_member"));
  CHECK_FALSE(types->offset("no_such_structure", "next"));
}

namespace {

struct Made {
  std::vector<uint8_t> bytes;
  void u16(uint16_t value) { bytes.insert(bytes.end(), {uint8_t(value), uint8_t(value >> 8)}); }
  void u32(uint32_t value) { u16(uint16_t(value)), u16(uint16_t(value >> 16)); }
};

// struct outer { int first; struct { int:3; int inner; }; }, and a function, as Documentation/bpf/btf.rst says.
std::vector<uint8_t> small_types(uint32_t other_kind = 0) {
  const std::string names("\0int\0outer\0first\0inner\0fun\0bit", 31);
  Made types;
  auto type = [&](uint32_t name, uint32_t kind, uint32_t n, uint32_t size, bool has_bits = false) {
    types.u32(name), types.u32(uint32_t(has_bits) << 31 | kind << 24 | n), types.u32(size);
  };
  type(1, 1, 0, 4), types.u32(32);                                                     // 1: int
  type(0, 4, 2, 12, true), types.u32(27), types.u32(1), types.u32(3 << 24 | 8);        // 2: a structure without a name; a bit field that begins at byte 1
  types.u32(17), types.u32(1), types.u32(64);
  type(5, 4, 2, 16), types.u32(11), types.u32(1), types.u32(0), types.u32(0), types.u32(2), types.u32(32);  // 3: outer
  if (other_kind) type(0, other_kind, 0, 0);
  type(0, 13, 0, 0);   // a prototype
  type(23, 12, 0, 4);  // the function
  Made all;
  all.u16(0xeb9f), all.bytes.insert(all.bytes.end(), {1, 0}), all.u32(24), all.u32(0), all.u32(uint32_t(types.bytes.size())), all.u32(uint32_t(types.bytes.size())),
      all.u32(uint32_t(names.size() + 1));
  all.bytes.insert(all.bytes.end(), types.bytes.begin(), types.bytes.end());
  all.bytes.insert(all.bytes.end(), names.begin(), names.end());
  all.bytes.push_back(0);
  return all.bytes;
}

}  // namespace

TEST_CASE("kernel types: members of members, bit fields, kinds that are not known, halves") {
  auto types = KernelTypes::of(small_types());
  REQUIRE(types);
  CHECK(types->offset("outer", "first") == 0u);
  CHECK(types->offset("outer", "inner") == 12u);
  CHECK(types->offset("outer", "bit") == 5u);
  CHECK_FALSE(types->offset("outer", ""));
  CHECK(types->function("fun") == 5u);
  CHECK_FALSE(types->function("outer"));
  CHECK(KernelTypes::of(small_types(19)));
  CHECK(KernelTypes::of(small_types(31)).error().message.find("kind of type that is not known") != std::string::npos);
  const auto whole = small_types();
  for (size_t size = 0; size < whole.size(); size++) CHECK_FALSE(KernelTypes::of({whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)}));
  Dice dice(3);
  for (int i = 0; i < 20'000; i++) {
    auto bytes = whole;
    for (size_t n = 1 + dice.below(4); n > 0; n--) bytes[dice.below(bytes.size())] = static_cast<uint8_t>(dice.below(256));
    auto read = KernelTypes::of(std::move(bytes));
    if (read) (void)read->offset("outer", "inner"), (void)read->function("fun");
  }
}
