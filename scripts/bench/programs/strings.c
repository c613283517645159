/* Comparison of strings with a common start. */
#include "bench.h"

static NOINLINE s32 compare(const u8 *a, const u8 *b);

u64 bench(u8 *mem, u64 len) {
  u8 *strings = mem + N_INPUT;
  for (u32 i = 0; i < 256; i++) {
    for (u32 j = 0; j < 31; j++) strings[32 * i + j] = j < 20 + i % 11 ? 'a' + j : 'a' + (mem[i + j] & 15);
    strings[32 * i + 31] = 0;
  }
  u64 less = 0;
  for (u32 i = 0; i < 2000; i++) less += compare(strings + 32 * (i & 255), strings + 32 * ((i * 7) & 255)) < 0;
  return less;
}

static NOINLINE s32 compare(const u8 *a, const u8 *b) {
  while (*a && *a == *b) {
    a++;
    b++;
  }
  return (s32)*a - (s32)*b;
}
