/* Division and remainder, by what is read and by constants. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  const u32 *words = (const u32 *)mem;
  u64 sum = 0;
  for (u32 i = 0; i + 1 < N_INPUT / 4; i++) {
    u32 a = words[i], b = words[i + 1] >> 16;
    sum += a / (b | 1) + a % (b | 1);
    sum += a % 1000 + a / 10;
  }
  return sum;
}
