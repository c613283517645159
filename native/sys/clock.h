// The kernel's clocks, in nanoseconds.
//
// Thread-safety: any thread; CLOCK_THREAD_CPUTIME_ID is of the one that calls.
#pragma once

#include <time.h>

#include <cstdint>

namespace cti::sys {

inline uint64_t clock_ns(clockid_t clock) {
  timespec now;
  ::clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace cti::sys
