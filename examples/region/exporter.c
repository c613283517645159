/*
 * An application that exports counters: an ordinary Linux process, which knows nothing of CTinspector. It keeps them in a memfd that cannot
 * shrink, says where that can be opened, and counts until its standard input ends.
 *
 *   cc -O2 -o exporter examples/region/exporter.c && sleep 60 | ./exporter
 *   ctinspector run examples/region/watch.c --map counters=/proc/PID/fd/N:rw --arg 100        (as it prints it)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "counters.h"

int main(void) {
  int fd = memfd_create("counters", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0 || ftruncate(fd, 4096) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
    perror("memfd");
    return 1;
  }
  struct counters *counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (counters == MAP_FAILED) {
    perror("mmap");
    return 1;
  }
  printf("/proc/%d/fd/%d\n", (int)getpid(), fd);
  fflush(stdout);

  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  char byte;
  while (poll(&input, 1, 1) == 0 || read(STDIN_FILENO, &byte, 1) > 0) {
    uint64_t asked = __atomic_load_n(&counters->resets_asked, __ATOMIC_ACQUIRE);
    if (asked != counters->resets_done) {
      __atomic_store_n(&counters->requests, 0, __ATOMIC_RELAXED);
      __atomic_store_n(&counters->resets_done, asked, __ATOMIC_RELEASE);
    }
    __atomic_fetch_add(&counters->requests, 1, __ATOMIC_RELAXED);
  }
  return 0;
}
