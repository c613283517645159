#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "sys/memory.h"

using namespace cti;

TEST_CASE("a system error names the call, the reason and a code to act on") {
  Error error = system_error(EACCES, "connect to /x.ctl");
  CHECK(error.code == ErrorCode::NO_RIGHTS);
  CHECK(error.message == "connect to /x.ctl: Permission denied");
  CHECK(error_code_name(error.code) == "NO_RIGHTS");
}

TEST_CASE("a memfd is sealed as soon as a child that was forked meanwhile gives its mapping back") {
  auto fd = sys::create_memfd("test");
  REQUIRE(fd);
  REQUIRE(ftruncate(fd->get(), 4096) == 0);
  auto writable = sys::Mapping::map(4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd->get(), "test");
  REQUIRE(writable);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    usleep(50'000);  // as long as it has not come to its exec
    _exit(0);
  }
  writable->reset();
  CHECK(sys::seal_memfd(fd->get()));
  CHECK(sys::is_sealed(fd->get()));
  waitpid(child, nullptr, 0);

  auto other = sys::create_memfd("test");
  REQUIRE(other);
  REQUIRE(ftruncate(other->get(), 4096) == 0);
  auto kept = sys::Mapping::map(4096, PROT_READ | PROT_WRITE, MAP_SHARED, other->get(), "test");
  REQUIRE(kept);
  auto refused = sys::seal_memfd(other->get());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::SYSTEM);
}

TEST_CASE("a sealed memfd cannot be written, grown, shrunk or mapped writable") {
  auto fd = sys::create_memfd("test");
  REQUIRE(fd);
  REQUIRE(ftruncate(fd->get(), 4096) == 0);
  CHECK_FALSE(sys::is_sealed(fd->get()));
  REQUIRE(sys::seal_memfd(fd->get()));
  CHECK(sys::is_sealed(fd->get()));
  CHECK(write(fd->get(), "x", 1) == -1);
  CHECK(ftruncate(fd->get(), 8192) == -1);
  CHECK(ftruncate(fd->get(), 0) == -1);
  auto writable = sys::Mapping::map(4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd->get(), "test");
  CHECK_FALSE(writable);
  CHECK(writable.error().code == ErrorCode::NO_RIGHTS);
}
