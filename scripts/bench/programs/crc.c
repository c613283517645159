/* CRC-32 with a table. */
#include "bench.h"

u64 bench(u8 *mem, u64 len) {
  u32 *table = (u32 *)(mem + N_INPUT);
  for (u32 i = 0; i < 256; i++) {
    u32 c = i;
    for (u32 k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  u32 crc = 0xffffffffu;
  for (u32 i = 0; i < 16384; i++) crc = table[(crc ^ mem[i]) & 0xff] ^ (crc >> 8);
  return ~crc;
}
