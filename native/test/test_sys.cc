#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include "sys/affinity.h"
#include "sys/thread_cost.h"

namespace {

using namespace cti;

// Uses the CPU until 'done'.
template <typename Done>
void spin(Done done) {
  for (volatile uint64_t i = 0; !done(); i = i + 1) {
  }
}

TEST_CASE("a thread that shares its CPU says how long it stood in line") {
  const std::vector<int> one{sys::allowed_cpus().front()};
  const std::vector<int> all = sys::allowed_cpus();
  std::atomic<bool> stop = false;
  REQUIRE(sys::keep_process_on(one) == 0);
  std::thread other([&] { spin([&] { return stop.load(); }); });
  const sys::ThreadCost before = sys::thread_cost();
  REQUIRE(before.waited_ns);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  auto used = [&] { return sys::thread_cost() - before; };
  spin([&] { return *used().waited_ns > 20'000'000 || std::chrono::steady_clock::now() > end; });
  stop = true;
  other.join();
  CHECK(sys::keep_process_on(all) == 0);
  CHECK(*used().waited_ns > 20'000'000);
  CHECK(used().cpu_ns > 1'000'000);
}

TEST_CASE("what is not known before or after is not known between") {
  CHECK_FALSE((sys::ThreadCost{5, 7} - sys::ThreadCost{1, std::nullopt}).waited_ns);
  CHECK_FALSE((sys::ThreadCost{5, std::nullopt} - sys::ThreadCost{1, 3}).waited_ns);
  CHECK((sys::ThreadCost{5, 7} - sys::ThreadCost{1, 3}).waited_ns == 4);
  CHECK((sys::ThreadCost{5, 7} - sys::ThreadCost{1, 3}).cpu_ns == 4);
}

}  // namespace
