// What /proc tells of the switch's process without any right: its cost of a request.
//
// Thread-safety: pure functions of /proc; any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace cti::ovs {

struct ProcessSample {
  std::optional<uint64_t> cpu_ns;     // time its main thread has been on a CPU; in steps of 10 ms without schedstat
  std::optional<uint64_t> rss_bytes;  // resident set
};

// What could not be read (hidden, gone, pid 0) is absent.
ProcessSample sample_process(pid_t pid);

// The CPU that its main thread runs on, or ran on last.
std::optional<int> main_thread_cpu(pid_t pid);

// The pid that 'pid' has in its own pid namespace (a container's), or 0 if that cannot be read.
pid_t innermost_pid(pid_t pid);

}  // namespace cti::ovs
