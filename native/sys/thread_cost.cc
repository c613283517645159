#include "sys/thread_cost.h"

#include <fcntl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>

#include "sys/clock.h"
#include "sys/fd.h"

namespace cti::sys {

ThreadCost thread_cost() {
  ThreadCost cost;
  // The kernel's Documentation/scheduler/sched-stats: time on a CPU, time waiting for one, both in ns, and how often it ran.
  const UniqueFd fd(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC));
  char text[128];
  const ssize_t size = fd ? ::read(fd.get(), text, sizeof text - 1) : -1;
  if (size > 0) {
    text[size] = '\0';
    uint64_t waited = 0;
    if (std::sscanf(text, "%*u %" SCNu64, &waited) == 1) cost.waited_ns = waited;
  }
  cost.cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  return cost;
}

}  // namespace cti::sys
