/* Maps a region that an application shares, prints its first word, and writes another.
 *
 *     ctinspector run examples/upstream/mmap.c --map counters=/proc/PID/fd/N:rw --arg counters --arg 4096 --arg 42
 */
#include <ebpf_vm_functions.h>

uint64_t vm_main(uint64_t region, uint64_t size, uint64_t value) {
  volatile uint64_t *word = (volatile uint64_t *)mmap(region, size);
  if ((void *)word == INVALID_MMAP_ADDR) return -1;
  debug_print(*word);
  *word = value;
  debug_print(*word);
  return 0;
}
