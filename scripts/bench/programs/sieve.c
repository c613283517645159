/* Sieve of Eratosthenes. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  u8 *composite = mem + N_INPUT;
  u32 n = 16384;
  for (u32 i = 0; i < n; i++) composite[i] = 0;
  u64 primes = 0;
  for (u32 i = 2; i < n; i++) {
    if (composite[i]) continue;
    primes++;
    for (u32 j = i + i; j < n; j += i) composite[j] = 1;
  }
  return primes;
}
