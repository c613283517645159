#include "ovs/control_socket.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <set>
#include <vector>

#include "ovs/process.h"
#include "ovs/reply_decoder.h"
#include "ovs/rights.h"

namespace cti::ovs {
namespace {

// proc(5), /proc/net/unix: Num RefCount Protocol Flags Type St Inode Path; __SO_ACCEPTCON is set for those that listen.
constexpr unsigned kListens = 0x10000;

// Inodes of the sockets that the process has open; errno if its descriptors cannot be looked at.
int sockets_of(pid_t pid, std::set<uint64_t>& inodes) {
  const std::string fds = "/proc/" + std::to_string(pid) + "/fd";
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(fds.c_str()), ::closedir);
  if (!dir) return errno;
  while (const dirent* entry = ::readdir(dir.get())) {
    char target[64];
    const ssize_t size = ::readlink((fds + "/" + entry->d_name).c_str(), target, sizeof target - 1);
    uint64_t inode;
    if (size <= 0) continue;
    target[size] = 0;
    if (std::sscanf(target, "socket:[%" SCNu64 "]", &inode) == 1) inodes.insert(inode);
  }
  return 0;
}

std::vector<std::string> listening_paths(pid_t pid, const std::set<uint64_t>& inodes) {
  // Of its own network namespace: an abstract or other socket of ours is not in it.
  std::ifstream file("/proc/" + std::to_string(pid) + "/net/unix");
  std::vector<std::string> paths;
  for (std::string line; std::getline(file, line);) {
    unsigned flags;
    uint64_t inode;
    int path_at = 0;
    if (std::sscanf(line.c_str(), "%*s %*s %*s %x %*s %*s %" SCNu64 " %n", &flags, &inode, &path_at) != 2 || path_at == 0) continue;
    if ((flags & kListens) && inodes.contains(inode)) paths.push_back(line.substr(static_cast<size_t>(path_at)));
  }
  return paths;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

Result<std::string> control_socket_of(pid_t pid) {
  std::set<uint64_t> inodes;
  if (const int error = sockets_of(pid, inodes); error == ENOENT || error == ESRCH) {
    return errorf(ErrorCode::NO_SWITCH, "no process %d is running", static_cast<int>(pid));
  } else if (error != 0) {
    return errorf(ErrorCode::NO_RIGHTS, "look at the sockets of process %d: %s: %s. Or name its run directory with --rundir", static_cast<int>(pid),
                  std::strerror(error), what_is_missing(gather_rights(pid)).c_str());
  }
  std::vector<std::string> paths = listening_paths(pid, inodes);
  std::erase_if(paths, [](const std::string& path) { return path.empty() || path[0] != '/' || !ends_with(path, ".ctl"); });
  const std::string own = "/ovs-vswitchd." + std::to_string(innermost_pid(pid)) + ".ctl";
  auto found = std::find_if(paths.begin(), paths.end(), [&](const std::string& path) { return ends_with(path, own); });
  if (found == paths.end() && paths.size() != 1) {
    char name[64] = "";
    std::ifstream("/proc/" + std::to_string(pid) + "/comm").getline(name, sizeof name);
    return errorf(ErrorCode::SWITCH_FOREIGN, "process %d (%s) is no ovs-vswitchd: expected it to listen on a control socket, found %zu", static_cast<int>(pid),
                  printable(name).c_str(), paths.size());
  }
  const std::string path = found == paths.end() ? paths[0] : *found;
  // Its root directory is ours, or is reached through /proc.
  char here[4096], there[4096];
  const ssize_t a = ::readlink("/proc/self/root", here, sizeof here), b = ::readlink(("/proc/" + std::to_string(pid) + "/root").c_str(), there, sizeof there);
  char our_mounts[64], its_mounts[64];
  const ssize_t c = ::readlink("/proc/self/ns/mnt", our_mounts, sizeof our_mounts);
  const ssize_t d = ::readlink(("/proc/" + std::to_string(pid) + "/ns/mnt").c_str(), its_mounts, sizeof its_mounts);
  const bool same_root = a > 0 && a == b && std::memcmp(here, there, static_cast<size_t>(a)) == 0;
  const bool same_mounts = c > 0 && c == d && std::memcmp(our_mounts, its_mounts, static_cast<size_t>(c)) == 0;
  return same_root && same_mounts ? path : "/proc/" + std::to_string(pid) + "/root" + path;
}

}  // namespace cti::ovs
