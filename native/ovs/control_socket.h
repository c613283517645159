// The control socket of a process, from what the kernel says of it: the listening Unix sockets among its descriptors. Works for a process of
// another mount or pid namespace, whose pidfile and paths mean nothing here.
//
// Thread-safety: pure function of /proc.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"

namespace cti::ovs {

// Its path as this process can open it: "/proc/N/root/run/openvswitch/ovs-vswitchd.12.ctl", where 12 is the pid that the process has in its own pid
// namespace, or another name if it has only one that ends in ".ctl".
//
// Errors: NO_SWITCH (no such process), NO_RIGHTS (another user's), SWITCH_FOREIGN (it listens on no control socket, or on several).
Result<std::string> control_socket_of(pid_t pid);

}  // namespace cti::ovs
