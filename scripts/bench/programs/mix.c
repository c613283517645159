/* A 64-bit mixer over words: shifts, multiplications, exclusive or. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  const u64 *words = (const u64 *)mem;
  u64 sum = 0;
  for (u32 round = 0; round < 4; round++) {
    for (u32 i = 0; i < N_INPUT / 8; i++) {
      u64 z = words[i] + sum;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
      sum ^= z ^ (z >> 31);
    }
  }
  return sum;
}
