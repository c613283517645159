/* A walk through a linked list. */
#include "bench.h"

struct node {
  u32 next;
  u32 value;
};

u64 bench(u8 *mem, u64 len) {
  struct node *nodes = (struct node *)(mem + N_INPUT);
  const u32 *words = (const u32 *)mem;
  for (u32 i = 0; i < 4096; i++) {
    nodes[i].next = (i * 1366 + 1) & 4095;
    nodes[i].value = words[i];
  }
  u64 sum = 0;
  u32 at = 0;
  for (u32 i = 0; i < 8192; i++) {
    if (nodes[at].value & 1) sum += nodes[at].value;
    else sum ^= nodes[at].value;
    at = nodes[at].next;
  }
  return sum;
}
