#include "ovs/target_memory.h"

#include <errno.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>

namespace cti::ovs {

bool TargetMemory::read_pointer(OvsAddr from, OvsAddr& to, uint64_t align) {
  uint64_t value;
  if (!read(from, value) || !is_user_pointer(value) || value % align != 0) return false;
  to = OvsAddr{value};
  return true;
}

bool TargetMemory::read_string(OvsAddr from, std::string& to, size_t max) {
  to.clear();
  char piece[64];
  while (to.size() < max) {
    // Up to the next multiple of the piece, so that no read crosses into a page that the string does not reach.
    size_t size = std::min<size_t>(sizeof piece - (raw(from) + to.size()) % sizeof piece, max - to.size());
    if (!read(from + to.size(), piece, size)) return false;
    if (const void* end = std::memchr(piece, 0, size)) {
      to.append(piece, static_cast<size_t>(static_cast<const char*>(end) - piece));
      return true;
    }
    to.append(piece, size);
  }
  return false;
}

size_t ProcessMemory::copy(std::span<const ReadRange> ranges) {
  iovec local[kMaxRanges], remote[kMaxRanges];
  const size_t n = std::min(ranges.size(), kMaxRanges);
  if (n == 0) return 0;
  size_t wanted = 0;
  for (size_t i = 0; i < n; i++) {
    local[i] = {ranges[i].to, ranges[i].size};
    // SAFETY: an address of the other process, passed to the kernel and used nowhere else.
    remote[i] = {reinterpret_cast<void*>(raw(ranges[i].from)), ranges[i].size};
    wanted += ranges[i].size;
  }
  const ssize_t got = process_vm_readv(pid_, local, n, remote, n, 0);
  last_errno_ = got < 0 ? errno : static_cast<size_t>(got) < wanted ? EFAULT : 0;
  const size_t size = got < 0 ? 0 : static_cast<size_t>(got);
  cost_.calls++;
  cost_.ranges += n;
  cost_.bytes += size;
  return size;
}

}  // namespace cti::ovs
