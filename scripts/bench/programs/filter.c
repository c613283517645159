/* Conditions on records in wire order, as a question over flows has them. */
#include "bench.h"

struct record {
  u32 source;
  u32 destination;
  u16 source_port;
  u16 destination_port;
  u16 type;
  u8 protocol;
  u8 flags;
  u64 packets;
  u64 bytes;
};

u64 bench(u8 *mem, u64 len) {
  const struct record *records = (const struct record *)mem;
  u64 packets = 0, n = 0;
  for (u32 round = 0; round < 4; round++) {
    for (u32 i = 0; i < N_INPUT / sizeof(struct record); i++) {
      const struct record *r = &records[i];
      if (r->protocol < 100) continue;
      if ((__builtin_bswap32(r->destination) & 0xc0000000) == 0x40000000) continue;
      u16 port = __builtin_bswap16(r->destination_port);
      if (port == 80 || port == 443) continue;
      packets += r->packets;
      n++;
    }
  }
  return packets ^ n;
}
