/* Binary search in a sorted array. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  const u32 *keys = (const u32 *)mem;
  u32 *sorted = (u32 *)(mem + N_INPUT);
  u32 n = 4096;
  for (u32 i = 0; i < n; i++) sorted[i] = i * 1048573;
  u64 found = 0;
  for (u32 i = 0; i < 2000; i++) {
    u32 low = 0, high = n;
    while (low < high) {
      u32 middle = (low + high) / 2;
      if (sorted[middle] < keys[i]) low = middle + 1;
      else high = middle;
    }
    found += low;
  }
  return found;
}
