// Which CPUs a thread, or all threads of this process, may run on.
//
// Thread-safety: AvoidCpus changes the calling thread only, and must be made and destroyed on it. keep_process_on may be called from any thread.
#pragma once

#include <sched.h>

#include <cstdint>
#include <span>
#include <vector>

namespace cti::sys {

// CPUs that the calling thread may run on, ascending.
std::vector<int> allowed_cpus();

// Lets every thread of this process run on these CPUs only, and with them those that they start. Returns 0, or the errno of the first that could not
// be set (EINVAL: none of these CPUs is there for it); the others are set all the same.
int keep_process_on(std::span<const int> cpus);

// Keeps the calling thread off some CPUs while it lives; what the thread was allowed before, or its process by keep_process_on meanwhile, comes back with its end. Where nothing else is
// left, or the kernel refuses, nothing changes. 'also' are kept off where that leaves some besides.
class AvoidCpus {
 public:
  explicit AvoidCpus(std::span<const int> cpus, std::span<const int> also = {});
  ~AvoidCpus();
  AvoidCpus(const AvoidCpus&) = delete;
  AvoidCpus& operator=(const AvoidCpus&) = delete;

  bool changed() const { return changed_; }

 private:
  cpu_set_t before_;
  uint64_t generation_ = 0;  // of what the process is kept on
  bool changed_ = false;
};

}  // namespace cti::sys
