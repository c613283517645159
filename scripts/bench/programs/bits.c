/* Bit tricks: count, reverse, next power of two. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  const u64 *words = (const u64 *)mem;
  u64 sum = 0;
  for (u32 i = 0; i < N_INPUT / 8; i++) {
    u64 x = words[i];
    u64 n = x - ((x >> 1) & 0x5555555555555555ULL);
    n = (n & 0x3333333333333333ULL) + ((n >> 2) & 0x3333333333333333ULL);
    n = (n + (n >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
    sum += (n * 0x0101010101010101ULL) >> 56;
    u32 r = (u32)x;
    r = (r >> 1 & 0x55555555) | (r & 0x55555555) << 1;
    r = (r >> 2 & 0x33333333) | (r & 0x33333333) << 2;
    r = (r >> 4 & 0x0f0f0f0f) | (r & 0x0f0f0f0f) << 4;
    sum ^= r;
    u32 p = (u32)(x >> 32) >> 2;
    p |= p >> 1, p |= p >> 2, p |= p >> 4, p |= p >> 8, p |= p >> 16;
    sum += p;
  }
  return sum;
}
