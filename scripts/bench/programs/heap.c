/* A binary heap: push all, pop all. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  const u32 *words = (const u32 *)mem;
  u32 *heap = (u32 *)(mem + N_INPUT);
  u32 n = 0;
  for (u32 i = 0; i < 1000; i++) {
    u32 at = n++;
    u32 value = words[i];
    while (at > 0 && heap[(at - 1) / 2] > value) {
      heap[at] = heap[(at - 1) / 2];
      at = (at - 1) / 2;
    }
    heap[at] = value;
  }
  u64 sum = 0;
  while (n > 0) {
    sum = sum * 31 + heap[0];
    u32 value = heap[--n];
    u32 at = 0;
    for (;;) {
      u32 child = 2 * at + 1;
      if (child >= n) break;
      if (child + 1 < n && heap[child + 1] < heap[child]) child++;
      if (heap[child] >= value) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = value;
  }
  return sum;
}
