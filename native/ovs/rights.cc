#include "ovs/rights.h"

#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace cti::ovs {
namespace {

// The host's first namespaces have these inodes (PROC_PID_INIT_INO and PROC_USER_INIT_INO of the kernel's proc_ns.h).
constexpr ino_t kHostPids = 0xeffffffc, kHostUsers = 0xeffffffd;

bool is_namespace(const char* path, ino_t inode) {
  struct stat status;
  return ::stat(path, &status) != 0 || status.st_ino == inode;  // hidden: nothing is said of it
}

uint64_t effective_capabilities() {
  std::ifstream file("/proc/thread-self/status");
  for (std::string line; std::getline(file, line);) {
    uint64_t bits;
    if (std::sscanf(line.c_str(), "CapEff: %" SCNx64, &bits) == 1) return bits;
  }
  return 0;
}

}  // namespace

Rights gather_rights(pid_t pid) {
  Rights rights;
  rights.uid = ::geteuid();
  rights.has_ptrace = effective_capabilities() >> CAP_SYS_PTRACE & 1;
  rights.in_container = !is_namespace("/proc/self/ns/pid", kHostPids) || !is_namespace("/proc/self/ns/user", kHostUsers);
  std::ifstream("/proc/sys/kernel/yama/ptrace_scope") >> rights.yama;
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    unsigned real, effective;
    if (std::sscanf(line.c_str(), "Uid: %u %u", &real, &effective) == 2) rights.target_uid = effective;
  }
  return rights;
}

std::string what_is_missing(const Rights& rights) {
  const std::string uid = std::to_string(rights.uid);
  if (rights.yama >= 3) return "kernel.yama.ptrace_scope is 3, which forbids it to everyone until the next boot; set it lower and boot";
  if (rights.has_ptrace) {
    return rights.in_container ? "this container's CAP_SYS_PTRACE does not reach a process of another user namespace; run on the host, or in the host's user namespace"
                               : "a security module (SELinux, AppArmor) or the kernel's lockdown forbids it; its log has the reason";
  }
  if (rights.uid == 0) {
    return rights.in_container ? "this container's root lacks CAP_SYS_PTRACE; give the container --cap-add=SYS_PTRACE and --pid=host, or run on the host"
                               : "this root lacks CAP_SYS_PTRACE; it was dropped (capsh, setpriv, a systemd unit's CapabilityBoundingSet): give it back";
  }
  if (rights.target_uid && *rights.target_uid != rights.uid) {
    return "it runs as uid " + std::to_string(*rights.target_uid) + " and this is uid " + uid + "; run as root, with CAP_SYS_PTRACE, or as that user";
  }
  if (rights.yama > 0) {
    return "kernel.yama.ptrace_scope is " + std::to_string(rights.yama) + ", which forbids it to all but CAP_SYS_PTRACE; run as root, or sysctl kernel.yama.ptrace_scope=0";
  }
  return "uid " + uid + " may not read it: it has changed its user or has capabilities; run as root, or with CAP_SYS_PTRACE";
}

Error no_rights_to_read(pid_t pid, int errnum) {
  return errorf(ErrorCode::NO_RIGHTS, "read the memory of process %d: %s: %s", static_cast<int>(pid), std::strerror(errnum),
                what_is_missing(gather_rights(pid)).c_str());
}

}  // namespace cti::ovs
