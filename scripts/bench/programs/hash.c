/* FNV-1a over bytes. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  u64 h = 14695981039346656037ULL;
  for (u64 i = 0; i < N_INPUT; i++) h = (h ^ mem[i]) * 1099511628211ULL;
  return h;
}
