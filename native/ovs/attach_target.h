// The process to read: held by pidfd, start time and build id, so that a restarted, replaced or foreign process is never taken for it.
//
// Thread-safety: a Target has one owner; still_the_same may be called from any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "ovs/target_memory.h"
#include "sys/fd.h"

namespace cti::ovs {

struct Target {
  pid_t pid = 0;
  sys::UniqueFd pidfd;
  uint64_t start_ticks = 0;         // since boot, clock ticks: with the pid, unique
  std::string build_id;             // hex digits of the executable's GNU build id; empty if it has none
  std::string executable;           // where /proc/PID/exe points
  uint64_t exe_device = 0, exe_inode = 0;
  std::vector<AddressRange> data;   // .data and .bss of the executable, as mapped

  // Opens process 'pid' (of this pid namespace) and proves that its memory may be read.
  // Errors: NO_SWITCH (no such process), NO_RIGHTS (with what forbids it and the remedy), SWITCH_FOREIGN (not an x86-64 ELF executable).
  static Result<Target> open(pid_t pid);

  // Whether the process is alive and still runs what open() saw (an exec keeps pid and start time).
  bool still_the_same() const;
};

}  // namespace cti::ovs
