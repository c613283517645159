#include "sys/affinity.h"

#include <dirent.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <set>

namespace cti::sys {
namespace {

// What keep_process_on said last. A thread that keeps off more for a while goes back to this.
std::mutex g_mutex;
cpu_set_t g_process;
uint64_t g_generation = 0;

}  // namespace

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

int keep_process_on(std::span<const int> cpus) {
  cpu_set_t wanted;
  CPU_ZERO(&wanted);
  for (int cpu : cpus)
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(cpu, &wanted);
  const std::lock_guard lock(g_mutex);
  std::set<pid_t> done;
  int failed = 0;
  // A thread that was not looked at yet may start another meanwhile: until there is none that is new.
  for (bool again = true; again;) {
    again = false;
    const std::unique_ptr<DIR, int (*)(DIR*)> tasks(::opendir("/proc/self/task"), ::closedir);
    if (!tasks) return errno;
    while (const dirent* task = ::readdir(tasks.get())) {
      const pid_t tid = std::atoi(task->d_name);
      if (tid <= 0 || !done.insert(tid).second) continue;
      again = true;
      if (::sched_setaffinity(tid, sizeof wanted, &wanted) != 0 && errno != ESRCH && failed == 0) failed = errno;
    }
  }
  if (failed == 0) {
    g_process = wanted;
    g_generation++;
  }
  return failed;
}

AvoidCpus::AvoidCpus(std::span<const int> cpus, std::span<const int> also) {
  const std::lock_guard lock(g_mutex);
  generation_ = g_generation;
  if ((cpus.empty() && also.empty()) || ::sched_getaffinity(0, sizeof before_, &before_) != 0) return;
  cpu_set_t wanted = before_;
  auto drop = [&wanted](std::span<const int> dropped) {
    cpu_set_t left = wanted;
    for (int cpu : dropped)
      if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_CLR(cpu, &left);
    if (CPU_COUNT(&left) > 0) wanted = left;
  };
  drop(cpus);
  drop(also);
  if (CPU_EQUAL(&wanted, &before_)) return;
  changed_ = ::sched_setaffinity(0, sizeof wanted, &wanted) == 0;
}

AvoidCpus::~AvoidCpus() {
  if (!changed_) return;
  const std::lock_guard lock(g_mutex);
  const cpu_set_t& back = generation_ == g_generation ? before_ : g_process;
  ::sched_setaffinity(0, sizeof back, &back);
}

}  // namespace cti::sys
