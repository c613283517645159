// Which CPUs a thread may run on.
//
// Thread-safety: AvoidCpus changes the calling thread only, and must be made and destroyed on it.
#pragma once

#include <sched.h>

#include <span>
#include <vector>

namespace cti::sys {

// CPUs that the calling thread may run on, ascending.
std::vector<int> allowed_cpus();

// Keeps the calling thread off some CPUs while it lives; what the thread was allowed before comes back with its end. Where nothing else is
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
  bool changed_ = false;
};

}  // namespace cti::sys
