#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <random>

#include "test/vm_support.h"
#include "window/window.h"

using namespace cti;
using namespace cti::window;

namespace {

std::unique_ptr<Window> new_window() {
  auto window = Window::create();
  REQUIRE(window);
  return *std::move(window);
}

sys::UniqueFd memfd(size_t size, bool seal) {
  auto fd = sys::create_memfd("test");
  REQUIRE(fd);
  REQUIRE(ftruncate(fd->get(), static_cast<off_t>(size)) == 0);
  std::string bytes(size, 'x');
  REQUIRE(pwrite(fd->get(), bytes.data(), size, 0) == static_cast<ssize_t>(size));
  if (seal) REQUIRE(sys::seal_memfd(fd->get()));
  return *std::move(fd);
}

const Bytes kText{reinterpret_cast<const uint8_t*>("hello"), 5};

}  // namespace

TEST_CASE("window: nothing is mapped at first") {
  auto window = new_window();
  for (uint64_t address : {0ull, 1ull, 0xffffull, 0x10000ull, 0x7fffffffull, 0xffffffffull}) {
    CHECK(window->check(address, 1, Intent::read) == Denial::unmapped);
    CHECK(window->view().access(static_cast<uint32_t>(address), 8, Intent::read) == nullptr);
  }
}

TEST_CASE("window: accesses at the edges of a page, every width") {
  auto window = new_window();
  REQUIRE(window->map_anonymous(0x20000000, 100, kWindowSize, "data"));
  Bytes page{window->view().base + 0x20000000, 4096};
  REQUIRE(window->map_copy(0x20002000, page, Access::read, kWindowSize, "constants"));
  for (unsigned size : {1u, 2u, 4u, 8u}) {
    CAPTURE(size);
    for (uint32_t start : {0x20000000u, 0x20002000u}) {
      for (int distance = -9; distance <= 9; distance++) {
        for (uint32_t edge : {start, start + 4096}) {
          uint32_t address = edge + static_cast<uint32_t>(distance);
          bool mapped = address >= start && address + size <= start + 4096;
          CHECK((window->view().access(address, size, Intent::read) != nullptr) == mapped);
          CHECK((window->check(address, size, Intent::read) == Denial::none) == mapped);
          bool writable = mapped && start == 0x20000000;
          CHECK((window->view().access(address, size, Intent::write) != nullptr) == writable);
          if (mapped && !writable) CHECK(window->check(address, size, Intent::write) == Denial::read_only);
          if (!mapped) CHECK(window->check(address, size, Intent::write) == Denial::unmapped);
        }
      }
    }
  }
}

TEST_CASE("window: the last page, and nothing past it") {
  auto window = new_window();
  REQUIRE(window->map_anonymous(0xfffff000, 4096, kWindowSize, "last"));
  REQUIRE(window->map_anonymous(0x10000, 4096, kWindowSize, "first"));
  for (unsigned size : {1u, 2u, 4u, 8u}) {
    uint32_t last = static_cast<uint32_t>(kWindowSize - size);
    CHECK(window->view().access(last, size, Intent::write) != nullptr);
    if (size > 1) CHECK(window->view().access(last + 1, size, Intent::write) == nullptr);
    CHECK(window->check(uint64_t{last} + 1, size, Intent::write) == Denial::unmapped);
  }
  CHECK(window->range(0xfffff000, 4096, Intent::write) != nullptr);
  CHECK(window->range(0xfffff000, 4097, Intent::write) == nullptr);
  CHECK_FALSE(window->map_anonymous(0xfffff000, 4097, kWindowSize, "too long"));
}

TEST_CASE("window: a range is checked in a time that does not grow with its size") {
  auto window = new_window();
  constexpr uint64_t kLarge = uint64_t{1} << 30;
  REQUIRE(window->map_anonymous(0x40000000, kLarge, kWindowSize, "large"));
  // Of this thread: others may have the machine meanwhile.
  auto cpu_time = [] {
    timespec now{};
    REQUIRE(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  };
  auto time_of = [&](uint64_t size) {
    auto start = cpu_time();
    for (int i = 0; i < 2000; i++) REQUIRE(window->range(0x40000000, size, Intent::write) != nullptr);
    return cpu_time() - start;
  };
  auto small = time_of(8);
  // A look at each of its 262,144 pages would take thousands of times as long.
  CHECK(time_of(kLarge) < 50 * small + std::chrono::milliseconds(20));
}

TEST_CASE("window: the ranges that the page map allows, and no others, over random mappings") {
  std::mt19937 random(7);
  for (int round = 0; round < 20; round++) {
    auto window = new_window();
    for (int i = 0; i < 12; i++) {
      uint32_t at = 0x50000000 + 4096 * (random() % 32);
      uint64_t size = 1 + random() % (4 * 4096);
      // What does not fit is refused and leaves nothing behind.
      if (random() % 2) {
        (void)!window->map_anonymous(at, size, kWindowSize, "a");
      } else {
        std::vector<uint8_t> bytes(size, 7);
        (void)!window->map_copy(at, bytes, Access::read, kWindowSize, "b");
      }
    }
    for (int i = 0; i < 3000; i++) {
      uint64_t address = 0x50000000 - 4096 + random() % (40 * 4096), size = 1 + random() % (6 * 4096);
      for (Intent intent : {Intent::read, Intent::write}) {
        Denial expected = Denial::none;
        for (uint64_t page = address >> 12; page <= (address + size - 1) >> 12; page++) {
          uint8_t access = window->view().pages[page];
          if (access == 0) expected = Denial::unmapped;
          if (expected == Denial::none && !(access & static_cast<uint8_t>(intent))) expected = Denial::read_only;
        }
        REQUIRE(window->check(address, size, intent) == expected);
      }
    }
  }
}

TEST_CASE("window: a range across neighbours, holes and read-only pages") {
  auto window = new_window();
  REQUIRE(window->map_anonymous(0x20000000, 4096, kWindowSize, "a"));
  REQUIRE(window->map_copy(0x20001000, kText, Access::read, kWindowSize, "b"));
  REQUIRE(window->map_anonymous(0x20003000, 4096, kWindowSize, "c"));
  CHECK(window->range(0x20000ff8, 16, Intent::read) != nullptr);
  CHECK(window->check(0x20000ff8, 16, Intent::write) == Denial::read_only);
  CHECK(window->check(0x20000ff8, 0x1009, Intent::write) == Denial::unmapped);
  CHECK(window->check(0x20000000, 0x4000, Intent::read) == Denial::unmapped);
  CHECK(window->check(0x20000000, kWindowSize, Intent::read) == Denial::unmapped);
  CHECK(window->check(0x20000000, UINT64_MAX, Intent::read) == Denial::unmapped);
  CHECK(window->check(UINT64_MAX, 2, Intent::read) == Denial::unmapped);
  CHECK(window->check(kWindowSize + 0x20000000, 1, Intent::read) == Denial::unmapped);
  CHECK(window->range(0x5, 0, Intent::write) != nullptr);
  CHECK(std::memcmp(window->range(0x20001000, 6, Intent::read), "hello", 6) == 0);
}

TEST_CASE("window: what cannot be mapped is refused with a reason") {
  auto window = new_window();
  auto code_of = [&](Result<void> result) {
    REQUIRE_FALSE(result);
    return result.error().code;
  };
  CHECK(code_of(window->map_anonymous(0, 1, kWindowSize, "null")) == ErrorCode::INVALID_ARGUMENT);
  CHECK(code_of(window->map_anonymous(0xf000, 1, kWindowSize, "low")) == ErrorCode::INVALID_ARGUMENT);
  CHECK(code_of(window->map_anonymous(0x10001, 1, kWindowSize, "odd")) == ErrorCode::INVALID_ARGUMENT);
  CHECK(code_of(window->map_anonymous(0x10000, 0x10001, 0x20000, "long")) == ErrorCode::WINDOW_FULL);
  CHECK(code_of(window->map_anonymous(0x10000, UINT64_MAX, kWindowSize, "huge")) == ErrorCode::WINDOW_FULL);
  REQUIRE(window->map_anonymous(0x11000, 1, kWindowSize, "there"));
  CHECK(code_of(window->map_anonymous(0x10000, 4097, kWindowSize, "over")) == ErrorCode::WINDOW_FULL);
  CHECK(code_of(window->map_copy(0x11000, kText, Access::read, kWindowSize, "again")) == ErrorCode::WINDOW_FULL);
  CHECK(window->map_anonymous(0x11000, 0, kWindowSize, "nothing"));
  CHECK(window->check(0x10000, 1, Intent::read) == Denial::unmapped);
}

TEST_CASE("window: sealed memfds are mapped read-only, others refused") {
  auto window = new_window();
  sys::UniqueFd sealed = memfd(5000, true);
  REQUIRE(window->map_sealed(0x40000000, sealed.get(), 5000, kWindowSize, "sealed"));
  CHECK(*window->range(0x40000000 + 4999, 1, Intent::read) == 'x');
  CHECK(*window->range(0x40000000 + 5000, 1, Intent::read) == 0);
  CHECK(window->check(0x40000000, 1, Intent::write) == Denial::read_only);
  CHECK(window->check(0x40002000, 1, Intent::read) == Denial::unmapped);
  CHECK(window->private_bytes() == 0);

  auto refused = [&](int fd, uint64_t size) {
    auto result = window->map_sealed(0x50000000, fd, size, kWindowSize, "segment rows");
    REQUIRE_FALSE(result);
    CHECK(window->check(0x50000000, 1, Intent::read) == Denial::unmapped);
    return result.error();
  };
  CHECK(refused(sealed.get(), 5001).code == ErrorCode::INVALID_ARGUMENT);
  sys::UniqueFd open = memfd(4096, false);
  Error error = refused(open.get(), 4096);
  CHECK(error.code == ErrorCode::INVALID_ARGUMENT);
  CHECK(error.message.find("memory that can shrink is not mapped") != std::string::npos);
  REQUIRE(fcntl(open.get(), F_ADD_SEALS, F_SEAL_SHRINK) == 0);
  CHECK(refused(open.get(), 4096).code == ErrorCode::INVALID_ARGUMENT);
  sys::UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  CHECK(refused(file.get(), 4096).code == ErrorCode::INVALID_ARGUMENT);
  CHECK(refused(-1, 4096).code == ErrorCode::SYSTEM);
}

TEST_CASE("window: room is the lowest that fits, with a hole behind, until the window is full; what was unmapped is room again") {
  auto window = new_window();
  auto place = [&](uint64_t size) {
    auto at = window->find_room(size, "a");
    REQUIRE(at);
    REQUIRE(window->map_anonymous(number(*at), size, kWindowSize, "a"));
    return number(*at);
  };
  CHECK(place(1) == 0x40000000);
  CHECK(place(4096) == 0x40002000);
  CHECK(place(4097) == 0x40004000);
  CHECK(*window->unmap(0x40002000));
  CHECK_FALSE(*window->unmap(0x40002000));
  CHECK_FALSE(*window->unmap(0x40004001));
  CHECK(window->check(0x40002000, 1, Intent::read) == Denial::unmapped);
  CHECK(window->private_bytes() == 3 * 4096);
  CHECK(place(4097) == 0x40007000);
  CHECK(place(1) == 0x40002000);
  CHECK(*window->range(0x40002000, 1, Intent::read) == 0);
  uint64_t left = kWindowSize - 0x4000a000;
  auto too_long = window->find_room(left + 1, "table flows, segment blobs");
  REQUIRE_FALSE(too_long);
  CHECK(too_long.error().code == ErrorCode::WINDOW_FULL);
  CHECK(too_long.error().message.starts_with("table flows, segment blobs: "));
  CHECK(number(*window->find_room(left, "all")) == 0x4000a000);
  REQUIRE(window->map_stale(0x4000a000, left, kWindowSize, "all"));
  CHECK_FALSE(window->find_room(1, "one more"));
  CHECK_FALSE(window->find_room(UINT64_MAX, "huge"));
}

TEST_CASE("window: shared memory shows what others write, and they what the program writes; it must not be able to shrink") {
  auto window = new_window();
  sys::UniqueFd fd = memfd(5000, false);
  CHECK(window->map_shared(0x40000000, fd.get(), 5000, Access::read_write, kWindowSize, "region r").error().code ==
        ErrorCode::INVALID_ARGUMENT);
  REQUIRE(fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK) == 0);
  REQUIRE(window->map_shared(0x40000000, fd.get(), 5000, Access::read_write, kWindowSize, "region r"));
  REQUIRE(window->map_shared(0x50000000, fd.get(), 5000, Access::read, kWindowSize, "region r"));
  CHECK(window->check(0x50000000, 1, Intent::write) == Denial::read_only);
  *window->range(0x40000000 + 4999, 1, Intent::write) = 'y';
  char seen = 0;
  REQUIRE(pread(fd.get(), &seen, 1, 4999) == 1);
  CHECK(seen == 'y');
  REQUIRE(pwrite(fd.get(), "z", 1, 0) == 1);
  CHECK(*window->range(0x40000000, 1, Intent::read) == 'z');
  CHECK(*window->range(0x50000000, 1, Intent::read) == 'z');
  CHECK(window->private_bytes() == 0);

  // Nobody can write it: readable, not writable.
  sys::UniqueFd sealed = memfd(4096, true);
  CHECK(window->map_shared(0x60000000, sealed.get(), 4096, Access::read_write, kWindowSize, "region s").error().code ==
        ErrorCode::INVALID_ARGUMENT);
  REQUIRE(window->map_shared(0x60000000, sealed.get(), 4096, Access::read, kWindowSize, "region s"));
  CHECK(*window->range(0x60000000, 1, Intent::read) == 'x');
}

TEST_CASE("window: a stale range denies every access as such, and keeps its place") {
  auto window = new_window();
  REQUIRE(window->map_stale(0x40000000, 5000, kWindowSize, "stale"));
  REQUIRE(window->map_anonymous(0x40002000, 4096, kWindowSize, "behind"));
  for (Intent intent : {Intent::read, Intent::write}) {
    CHECK(window->check(0x40000000, 8, intent) == Denial::stale);
    CHECK(window->check(0x40001fff, 2, intent) == Denial::stale);
    CHECK(window->check(0x3fffffff, 2, intent) == Denial::unmapped);
    CHECK(window->view().access(0x40000000, 8, intent) == nullptr);
    CHECK(window->view().access(0x40001ffc, 8, intent) == nullptr);
    CHECK(window->range(0x40001ffc, 8, intent) == nullptr);
  }
  CHECK_FALSE(window->map_anonymous(0x40001000, 1, kWindowSize, "there"));
  CHECK(*window->unmap(0x40000000));
  CHECK(window->check(0x40000000, 8, Intent::read) == Denial::unmapped);
}

TEST_CASE("window: windows are apart, and freed") {
  for (int round = 0; round < 200; round++) {
    std::vector<std::unique_ptr<Window>> windows;
    for (int i = 0; i < 8; i++) {
      windows.push_back(new_window());
      REQUIRE(windows.back()->map_anonymous(0x20000000, 4096, kWindowSize, "data"));
      *windows.back()->range(0x20000000, 1, Intent::write) = static_cast<uint8_t>(i);
    }
    for (int i = 0; i < 8; i++) CHECK(*windows[i]->range(0x20000000, 1, Intent::read) == i);
  }
}

TEST_CASE("window: address space that runs out is an error, and later there is room again") {
  uint64_t n_pages = 0;
  std::ifstream("/proc/self/statm") >> n_pages;
  rlimit before;
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  rlimit limited = before;
  limited.rlim_cur = n_pages * sys::kPageSize + kWindowSize + kWindowSize / 2;
  REQUIRE(setrlimit(RLIMIT_AS, &limited) == 0);
  auto first = Window::create();
  auto second = Window::create();
  REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
  CHECK(first);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::OUT_OF_MEMORY);
  CHECK(Window::create());
}
