/* Atomic additions into a histogram. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  u64 *counts = (u64 *)(mem + N_INPUT);
  for (u32 i = 0; i < 256; i++) counts[i] = 0;
  for (u32 i = 0; i < 4000; i++) __sync_fetch_and_add(&counts[mem[i]], 1);
  u64 sum = 0;
  for (u32 i = 0; i < 256; i++) sum = sum * 3 + counts[i];
  return sum;
}
