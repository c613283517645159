#include "ovs/find_switch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string_view>

#include "ovs/control_socket.h"
#include "ovs/process.h"
#include "ovs/reply_decoder.h"
#include "sys/fd.h"

namespace cti::ovs {
namespace {

constexpr const char* kRemedy = "Start it, or name its run directory with --rundir or OVS_RUNDIR, or its socket with --target";

// "; it has the sockets a.1.ctl, b.2.ctl", to tell a wrong directory from a stopped switch.
std::string sockets_in(const std::string& rundir) {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(rundir.c_str()), ::closedir);
  if (!dir) return "";
  std::string names;
  int count = 0;
  while (const dirent* entry = ::readdir(dir.get())) {
    std::string_view name = entry->d_name;
    if (!name.ends_with(".ctl")) continue;
    if (++count > 5) {
      names += ", ...";
      break;
    }
    if (!names.empty()) names += ", ";
    names += printable(name, 80);
  }
  return names.empty() ? "" : "; what is there: " + names;
}

Result<Address> find_by_pid(const std::string& target) {
  pid_t pid = 0;
  const char* end = target.data() + target.size();
  const auto parsed = std::from_chars(target.data() + 4, end, pid);
  if (parsed.ec != std::errc() || parsed.ptr != end || pid <= 0)
    return errorf(ErrorCode::INVALID_ARGUMENT, "expected a process id after pid: but received '%s'", printable(target).c_str());
  auto path = control_socket_of(pid);
  if (!path) return std::move(path.error());
  return Address{*path, "process " + std::to_string(pid), pid};
}

Error no_pidfile(int errnum, const std::string& rundir, const std::string& pidfile, const std::string& name) {
  if (errnum == ENOENT || errnum == ENOTDIR) {
    const bool have_dir = ::access(rundir.c_str(), F_OK) == 0;
    return errorf(ErrorCode::NO_SWITCH, "no running %s: expected its pidfile %s, but %s%s. %s", name.c_str(), pidfile.c_str(),
                  have_dir ? "there is none" : "there is no such directory", have_dir ? sockets_in(rundir).c_str() : "", kRemedy);
  }
  return system_error(errnum, "open pidfile " + pidfile);
}

}  // namespace

Result<Address> find_daemon(const std::string& rundir, const std::string& target) {
  if (target.starts_with('/')) return Address{target, target, 0};
  if (target.starts_with("pid:")) return find_by_pid(target);
  if (target.empty() || target.find('/') != std::string::npos || target.find('\0') != std::string::npos) {
    return errorf(ErrorCode::INVALID_ARGUMENT, "expected --target to be a daemon's name or an absolute path but received '%s'",
                  printable(target).c_str());
  }
  if (rundir.empty() || rundir.find('\0') != std::string::npos) {
    return errorf(ErrorCode::INVALID_ARGUMENT, "expected a directory as --rundir but received '%s'", printable(rundir).c_str());
  }

  const std::string pidfile = rundir + "/" + target + ".pid";
  sys::UniqueFd fd(::open(pidfile.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return no_pidfile(errno, rundir, pidfile, target);
  struct stat status;
  if (::fstat(fd.get(), &status) < 0) return system_error(errno, "stat " + pidfile);
  if (!S_ISREG(status.st_mode)) {
    return errorf(ErrorCode::SWITCH_STALE, "expected a pidfile at %s but it is not a regular file. %s", pidfile.c_str(), kRemedy);
  }

  char text[64];
  const ssize_t size = ::read(fd.get(), text, sizeof text);
  if (size < 0) return system_error(errno, "read " + pidfile);
  std::string_view line(text, static_cast<size_t>(size));
  line = line.substr(0, line.find('\n'));
  pid_t pid = 0;
  const auto parsed = std::from_chars(line.data(), line.data() + line.size(), pid);
  if (parsed.ec != std::errc() || parsed.ptr != line.data() + line.size() || pid <= 0) {
    return errorf(ErrorCode::SWITCH_STALE, "expected a process id in the pidfile %s but received '%s'. %s", pidfile.c_str(),
                  printable(line, 40).c_str(), kRemedy);
  }

  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_GETLK, &lock) < 0) return system_error(errno, "ask for the lock of " + pidfile);
  if (lock.l_type == F_UNLCK) {
    return errorf(ErrorCode::SWITCH_STALE, "the pidfile %s names process %d, but no process holds its lock: that %s has gone. %s",
                  pidfile.c_str(), pid, target.c_str(), kRemedy);
  }
  // In a container the pidfile has the container's pid. A holder outside our pid namespace shows as 0 (or as -1, if the lock
  // is one of an open file): then the socket's name is all there is to go by, and the peer's credentials decide.
  if (lock.l_pid > 0 && lock.l_pid != pid && innermost_pid(lock.l_pid) != pid) {
    return errorf(ErrorCode::SWITCH_STALE, "the pidfile %s names process %d, but process %d holds its lock. %s", pidfile.c_str(), pid,
                  static_cast<int>(lock.l_pid), kRemedy);
  }

  Address address{rundir + "/" + target + "." + std::to_string(pid) + ".ctl", target, lock.l_pid > 0 ? lock.l_pid : 0};
  if (::lstat(address.socket_path.c_str(), &status) < 0) {
    if (errno != ENOENT) return system_error(errno, "look at " + address.socket_path);
    return errorf(ErrorCode::SWITCH_FOREIGN,
                  "%s (process %d) runs, but its control socket is not at %s%s: it was started with another run directory or with "
                  "--unixctl. Name that directory with --rundir, or the socket with --target",
                  target.c_str(), pid, address.socket_path.c_str(), sockets_in(rundir).c_str());
  }
  return address;
}

}  // namespace cti::ovs
