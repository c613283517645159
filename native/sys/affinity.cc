#include "sys/affinity.h"

namespace cti::sys {

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

AvoidCpus::AvoidCpus(std::span<const int> cpus) {
  if (cpus.empty() || ::sched_getaffinity(0, sizeof before_, &before_) != 0) return;
  cpu_set_t wanted = before_;
  for (int cpu : cpus)
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_CLR(cpu, &wanted);
  if (CPU_COUNT(&wanted) == 0 || CPU_EQUAL(&wanted, &before_)) return;
  changed_ = ::sched_setaffinity(0, sizeof wanted, &wanted) == 0;
}

AvoidCpus::~AvoidCpus() {
  if (changed_) ::sched_setaffinity(0, sizeof before_, &before_);
}

}  // namespace cti::sys
