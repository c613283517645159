/* Shell sort of 32-bit numbers. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  const u32 *from = (const u32 *)mem;
  u32 *a = (u32 *)(mem + N_INPUT);
  u32 n = 1024;
  for (u32 i = 0; i < n; i++) a[i] = from[i];
  for (u32 gap = n / 2; gap > 0; gap /= 2) {
    for (u32 i = gap; i < n; i++) {
      u32 value = a[i];
      u32 j = i;
      while (j >= gap && a[j - gap] > value) {
        a[j] = a[j - gap];
        j -= gap;
      }
      a[j] = value;
    }
  }
  return a[0] ^ a[n / 2] ^ a[n - 1];
}
