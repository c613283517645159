// What the loops by hand have in common (scan_loop.cc, group_loop.cc): segments whose descriptors the caller left open, and a clock.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace cti::by_hand {

// Time of this process on a core: what others do on the machine does not count.
inline uint64_t cpu_ns() {
  struct timespec now {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
}

template <typename Record>
const Record* map(const char* fd, size_t n_rows) {
  void* at = ::mmap(nullptr, n_rows * sizeof(Record), PROT_READ, MAP_PRIVATE, std::atoi(fd), 0);
  if (at != MAP_FAILED) return static_cast<const Record*>(at);
  std::perror("mmap");
  std::exit(1);
}

// Some packet that the flow matches has 'value' in the field.
template <typename Field>
bool overlaps(Field key, Field mask, Field value) {
  return ((key ^ value) & mask) == 0;
}

}  // namespace cti::by_hand
