/* Local calls, two deep. */
#include "bench.h"

static NOINLINE u64 outer(u64 a, u64 b, u64 c);
static NOINLINE u64 inner(u64 a, u64 b);

u64 bench(u8 *mem, u64 len) {
  const u32 *words = (const u32 *)mem;
  u64 sum = 0;
  for (u32 i = 0; i < 4000; i++) sum = outer(sum, words[i], i);
  return sum;
}

static NOINLINE u64 outer(u64 a, u64 b, u64 c) {
  u64 first = inner(a, b);
  return first + inner(first, c) + a;
}

static NOINLINE u64 inner(u64 a, u64 b) { return (a ^ b) * 31 + (a >> 7); }
