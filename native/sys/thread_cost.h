// What the calling thread has used of the machine, and how long it stood in line for it.
//
// Thread-safety: any thread; of the one that calls.
#pragma once

#include <cstdint>
#include <optional>

namespace cti::sys {

struct ThreadCost {
  uint64_t cpu_ns = 0;
  // Ready to run while others had the CPUs it may use. Absent: this kernel does not say.
  std::optional<uint64_t> waited_ns;

  ThreadCost operator-(const ThreadCost& before) const {
    ThreadCost since{cpu_ns - before.cpu_ns, std::nullopt};
    if (waited_ns && before.waited_ns) since.waited_ns = *waited_ns - *before.waited_ns;
    return since;
  }
};

// Since the thread began. About 10 us: around a reading, not within it.
ThreadCost thread_cost();

}  // namespace cti::sys
