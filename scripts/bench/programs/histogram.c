/* Prefix sums and a counting sort of bytes. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  u32 *counts = (u32 *)(mem + N_INPUT);
  u8 *sorted = mem + N_INPUT + 1024;
  for (u32 i = 0; i < 256; i++) counts[i] = 0;
  for (u32 i = 0; i < 8192; i++) counts[mem[i]]++;
  u32 sum = 0;
  for (u32 i = 0; i < 256; i++) {
    u32 n = counts[i];
    counts[i] = sum;
    sum += n;
  }
  for (u32 i = 0; i < 8192; i++) sorted[counts[mem[i]]++] = mem[i];
  return sorted[0] + sorted[4096] * 256 + sorted[8191] * 65536;
}
