// Where a daemon of Open vSwitch listens: from its run directory and name, as ovs-appctl finds it.
//
//   <rundir>/<name>.pid        its pid; the daemon holds an fcntl write lock on it for life, which tells a stale one
//   <rundir>/<name>.<pid>.ctl  its control socket
//
// Thread-safety: pure functions of the file system; any thread. They do not wait: a FIFO in the pidfile's place is refused.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"

namespace cti::ovs {

struct Address {
  std::string socket_path;
  std::string name;  // "ovs-vswitchd", or the socket's path where it was named by path
  pid_t pid = 0;     // of the process that holds the pidfile's lock, as this pid namespace has it; 0: not known
};

// 'target' is a daemon's name, looked up in 'rundir'; or a socket's absolute path, taken as it is (no pidfile is looked at); or "pid:N", a
// process of this pid namespace, whose own listening sockets say where it answers, in its own mount namespace (a container's).
//
// Errors: NO_SWITCH (no such run directory or pidfile), SWITCH_STALE (nobody holds the pidfile's lock, or it names another
// process), SWITCH_FOREIGN (the daemon runs, but its socket is not there; process N has none), NO_RIGHTS, INVALID_ARGUMENT.
Result<Address> find_daemon(const std::string& rundir, const std::string& target);

}  // namespace cti::ovs
