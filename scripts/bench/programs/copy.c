/* Copying bytes, then words. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  u8 *to = mem + N_INPUT;
  for (u32 i = 0; i < 8192; i++) to[i] = mem[i];
  u64 *words = (u64 *)(to + 8192);
  const u64 *from = (const u64 *)mem;
  for (u32 i = 0; i < 1024; i++) words[i] = from[i];
  return words[100] + to[5000];
}
