#include "ovs/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

#include "sys/fd.h"

namespace cti::ovs {
namespace {

// The first 4 KiB of /proc/'pid'/'name', or an empty string.
std::string read_proc(pid_t pid, const std::string& name) {
  sys::UniqueFd fd(::open(("/proc/" + std::to_string(pid) + "/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return "";
  char text[4096];
  const ssize_t size = ::read(fd.get(), text, sizeof text);
  return size > 0 ? std::string(text, static_cast<size_t>(size)) : "";
}

std::optional<uint64_t> main_thread_cpu_ns(pid_t pid) {
  const std::string task = "task/" + std::to_string(pid) + "/";
  uint64_t on_cpu_ns = 0;
  if (std::sscanf(read_proc(pid, task + "schedstat").c_str(), "%" SCNu64, &on_cpu_ns) == 1) return on_cpu_ns;
  // proc(5): the fields after the name in parentheses, which may itself hold any character; utime and stime are the 12th and
  // 13th of them.
  const std::string stat = read_proc(pid, task + "stat");
  const size_t name_end = stat.rfind(')');
  uint64_t user = 0, system = 0;
  if (name_end == std::string::npos ||
      std::sscanf(stat.c_str() + name_end + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64, &user, &system) != 2) {
    return std::nullopt;
  }
  return (user + system) * (1'000'000'000 / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK)));
}

}  // namespace

std::optional<int> main_thread_cpu(pid_t pid) {
  const std::string stat = read_proc(pid, "task/" + std::to_string(pid) + "/stat");
  size_t at = stat.rfind(')');
  // proc(5): the 37th field after the name.
  for (int field = 0; field < 37 && at != std::string::npos; field++) at = stat.find(' ', at + 1);
  int cpu = 0;
  if (at == std::string::npos || std::sscanf(stat.c_str() + at, "%d", &cpu) != 1) return std::nullopt;
  return cpu;
}

ProcessSample sample_process(pid_t pid) {
  ProcessSample sample;
  if (pid <= 0) return sample;
  sample.cpu_ns = main_thread_cpu_ns(pid);
  uint64_t pages = 0;
  if (std::sscanf(read_proc(pid, "statm").c_str(), "%*s %" SCNu64, &pages) == 1) {
    sample.rss_bytes = pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  return sample;
}

pid_t innermost_pid(pid_t pid) {
  const std::string status = read_proc(pid, "status");
  const size_t line = status.find("\nNSpid:");
  if (line == std::string::npos) return 0;
  const std::string pids = status.substr(line + 7, status.find('\n', line + 1) - line - 7);
  const size_t last = pids.find_last_of(" \t");
  int innermost = 0;
  if (last == std::string::npos || std::sscanf(pids.c_str() + last, "%d", &innermost) != 1) return 0;
  return innermost;
}

}  // namespace cti::ovs
