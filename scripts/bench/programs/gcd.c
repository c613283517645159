/* Greatest common divisors. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  const u32 *words = (const u32 *)mem;
  u64 sum = 0;
  for (u32 i = 0; i < 1000; i++) {
    u64 a = words[i], b = words[i + 1];
    while (b) {
      u64 rest = a % b;
      a = b;
      b = rest;
    }
    sum += a;
  }
  return sum;
}
