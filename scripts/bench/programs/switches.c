/* A bytecode machine: a switch of ten cases, over a program of 256 bytes that is run again and again. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  u64 a = 1, b = 2;
  for (u32 i = 0; i < 16384; i++) {
    switch (mem[i & 255] % 10) {
      case 0: a += b; break;
      case 1: b ^= a; break;
      case 2: a -= 7; break;
      case 3: b += a >> 3; break;
      case 4: a = a * 5 + 1; break;
      case 5: b = ~b; break;
      case 6: a ^= b << 2; break;
      case 7: b -= a; break;
      case 8: a |= 1; break;
      default: b += i; break;
    }
  }
  return a ^ b;
}
