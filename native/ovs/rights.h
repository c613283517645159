// Why a process's memory may not be read, in the terms of whoever runs this: ptrace(2), "Ptrace access mode checking", step by step.
//
// Thread-safety: pure functions; gather_rights reads /proc.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/error.h"

namespace cti::ovs {

struct Rights {
  uid_t uid = 0;                    // ours, effective
  bool has_ptrace = false;          // CAP_SYS_PTRACE is in our effective set
  bool in_container = false;        // our pid or user namespace is not the host's
  int yama = 0;                     // kernel.yama.ptrace_scope; 0 too where the kernel has no Yama
  std::optional<uid_t> target_uid;  // the process's; absent if that is hidden
};

Rights gather_rights(pid_t pid);

// What is missing, and the remedy: "..., which ...; run ...".
std::string what_is_missing(const Rights& rights);

// NO_RIGHTS, of a call that failed with 'errnum'.
Error no_rights_to_read(pid_t pid, int errnum);

}  // namespace cti::ovs
