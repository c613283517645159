/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * What the kernel's side of a PageReader (page_walk.bpf.c) and this side of it (kernel/page_reader.h) have in common: one area, which both have mapped. */
#pragma once

#ifdef __bpf__
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
#else
#include <stdint.h>
#endif

#define CTI_WALK_MAX_PIECE 4096u  /* bytes; a page, or a part of one */
#define CTI_WALK_MAX_PIECES 2048u /* a call */
#define CTI_WALK_ROOM (1u << 22)

struct cti_walk_piece {
  uint64_t from; /* an address in the process */
  uint32_t to;   /* bytes from the beginning of 'room', at most CTI_WALK_ROOM - CTI_WALK_MAX_PIECE */
  uint16_t size; /* 1 to CTI_WALK_MAX_PIECE, and not across a page's end */
  uint16_t done; /* set to 1 by the walk, if it was copied */
};

struct cti_walk_area {
  uint64_t base, root; /* where the kernel has all physical memory mapped, and set by the walk: the top page table. Only where the first is being found out */
  uint64_t n_ran;      /* counted by the walk: of how many tasks it came to that have memory */
  uint64_t n_pieces;
  struct cti_walk_piece pieces[CTI_WALK_MAX_PIECES];
  /* Begins a page: where two places are at the same offset of their pages one is copied to the other without waiting for what has just been written. */
  uint8_t room[CTI_WALK_ROOM] __attribute__((aligned(4096)));
};

#define CTI_WALK_ENTRIES_SIZE (8u * (513u + CTI_WALK_MAX_PIECES)) /* of the program's own memory */

/* Numbers that are known only when the program is loaded: each is the immediate of an lddw, which the loader replaces. */
#define CTI_WALK_AREA 0x6374690000000001      /* the map's value */
#define CTI_WALK_BASE 0x6374690000000002      /* as above */
#define CTI_WALK_LEVELS 0x6374690000000003    /* of page tables: 4 or 5 */
#define CTI_WALK_TASK_MM 0x6374690000000004   /* offset of task_struct.mm */
#define CTI_WALK_MM_PGD 0x6374690000000005    /* offset of mm_struct.pgd */
#define CTI_WALK_ENTRIES 0x6374690000000006   /* the value of another map, which nobody has mapped */
#define CTI_WALK_TASK_START 0x6374690000000007 /* offset of task_struct.start_boottime */
