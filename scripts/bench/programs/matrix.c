/* Multiplication of 40 by 40 matrices. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  const u32 *a = (const u32 *)mem;
  const u32 *b = a + 1600;
  u32 *c = (u32 *)(mem + N_INPUT);
  for (u32 i = 0; i < 40; i++) {
    for (u32 j = 0; j < 40; j++) {
      u32 sum = 0;
      for (u32 k = 0; k < 40; k++) sum += a[40 * i + k] * b[40 * k + j];
      c[40 * i + j] = sum;
    }
  }
  return c[0] ^ c[777] ^ c[1599];
}
