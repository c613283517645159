/* Waits until another process stores `value` in the first word of a region, then answers in the second.
 *
 *     ctinspector run examples/upstream/monitor_address.c --map counters=/proc/PID/fd/N:rw --arg counters --arg 4096 --arg 7
 */
#include <ebpf_vm_functions.h>

#define TAG 77

uint64_t vm_main(uint64_t region, uint64_t size, uint64_t value) {
  volatile uint64_t *word = (volatile uint64_t *)mmap(region, size);
  if ((void *)word == INVALID_MMAP_ADDR) return -1;
  if (monitor_address(MONITOR_T_EQUAL_VALUE, (uint64_t)word, value, TAG) != 0) return -2;
  debug_print(wait_for_address_event());
  debug_print(word[0]);
  word[1] = word[0] + 1;
  return monitor_address(MONITOR_T_CLEAR, 0, 0, 0);
}
