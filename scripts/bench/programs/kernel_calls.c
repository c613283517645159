/* Kernel calls between a little work. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  const u32 *words = (const u32 *)mem;
  u64 sum = 0;
  for (u32 i = 0; i < 4000; i++) {
    u64 x = words[i] ^ sum;
    x = (x ^ (x >> 13)) * 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 15)) * 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 31;
    sum = add_one(x, i);
  }
  return sum;
}
