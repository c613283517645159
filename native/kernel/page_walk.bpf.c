/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Copies small pieces of one process's memory: a program of the kernel's own BPF, an iterator over that one task. It goes through the process's page
 * tables as the processor does, and reads where the kernel has all physical memory mapped. So nothing of the process is touched: no lock of its memory is
 * taken, no page is pinned, nothing is faulted in. Every read is one that may fail (bpf_probe_read_kernel): what is not there, or is no longer a page
 * table, gives an error or bytes that prove to be wrong, never a fault.
 *
 * What a piece has is what was in that page when its entry was read, or a moment later. A page that the kernel moves meanwhile stays as it was, so a piece
 * is at most as old as the call. Whoever calls proves what he reads, as with every other reading of a process that runs.
 *
 * Made into native/kernel/generated/page_walk.inc by scripts/gen/page-walk.ts; loaded by ovs/page_reader.cc. With CTI_WALK_FINDS_BASE it is the program that
 * finds out the base, and takes it from the area; else the base is a constant of the program, which then reads this process and nothing else. */
#include "kernel/page_walk.h"

#define KNOWN_(number)                                    \
  ({                                                      \
    uint64_t known_;                                      \
    asm volatile("%0 = " #number " ll" : "=r"(known_));   \
    known_;                                               \
  })
#define KNOWN(number) KNOWN_(number)

static long (*const loop)(uint32_t n, int (*body)(uint32_t i, void* context), void* context, uint64_t flags) = (void*)181;
static long (*const probe_read_kernel)(void* to, uint32_t size, const void* from) = (void*)113;

#define ENTRY_USABLE 5ull         /* present, and the process's own: its tables have the kernel's memory, too */
#define ENTRY_IS_PAGE (1ull << 7) /* of a table of the second level: 2 MiB; of the third: 1 GiB */
#define ENTRY_ADDRESS 0x000ffffffffff000ull
#define LARGE_ADDRESS 0x000fffffffe00000ull
#define PAGE 4096ull

/* The context of an iterator over tasks. */
struct iterated {
  void* meta;
  void* task;
};

struct state {
  uint64_t base, root;
  /* Pieces come by address: most share the tables of the piece before. */
  uint64_t known;    /* which 2 MiB 'table' is of */
  uint64_t table;    /* of the first level; of a large page: its beginning */
  uint64_t is_large;
};

static inline __attribute__((always_inline)) uint64_t word_at(uint64_t address) {
  uint64_t word = 0;
  return probe_read_kernel(&word, sizeof word, (void*)address) == 0 ? word : 0;
}

static inline __attribute__((always_inline)) uint64_t entry_of(uint64_t table, uint64_t address, uint32_t shift) {
  return word_at(table + ((address >> shift & 511) << 3));
}

__attribute__((section("iter/task"), used)) static int copy_piece(uint32_t i, void* context);

__attribute__((section("iter/task"), used)) int walk(struct iterated* context) {
  struct cti_walk_area* const area = (void*)KNOWN(CTI_WALK_AREA);
  void* const task = context->task;
  if (!task) return 0;
  struct state state = {.known = ~0ull};
#ifdef CTI_WALK_FINDS_BASE
  state.base = area->base;
#else
  state.base = KNOWN(CTI_WALK_BASE);
#endif
  const uint64_t memory = word_at((uint64_t)task + KNOWN(CTI_WALK_TASK_MM));
  if (!memory) return 0;
  state.root = word_at(memory + KNOWN(CTI_WALK_MM_PGD));
  if (!state.root) return 0;
  area->ran = 1;
#ifdef CTI_WALK_FINDS_BASE
  area->root = state.root;
#endif
  loop(area->n_pieces, copy_piece, &state, 0);
  return 0;
}

static int copy_piece(uint32_t i, void* context) {
  struct cti_walk_area* const area = (void*)KNOWN(CTI_WALK_AREA);
  struct state* const s = context;
  if (i >= CTI_WALK_MAX_PIECES) return 1;
  struct cti_walk_piece* const piece = &area->pieces[i];
  const uint64_t from = piece->from;
  if (from >> 21 != s->known) {
    s->known = ~0ull;
    uint64_t at = s->root;
    if (KNOWN(CTI_WALK_LEVELS) == 5) {
      const uint64_t fifth = entry_of(at, from, 48);
      if ((fifth & ENTRY_USABLE) != ENTRY_USABLE) return 0;
      at = s->base + (fifth & ENTRY_ADDRESS);
    }
    const uint64_t fourth = entry_of(at, from, 39);
    if ((fourth & ENTRY_USABLE) != ENTRY_USABLE) return 0;
    const uint64_t third = entry_of(s->base + (fourth & ENTRY_ADDRESS), from, 30);
    if ((third & (ENTRY_USABLE | ENTRY_IS_PAGE)) != ENTRY_USABLE) return 0;
    const uint64_t second = entry_of(s->base + (third & ENTRY_ADDRESS), from, 21);
    if ((second & ENTRY_USABLE) != ENTRY_USABLE) return 0;
    s->is_large = second & ENTRY_IS_PAGE;
    s->table = s->base + (second & (s->is_large ? LARGE_ADDRESS : ENTRY_ADDRESS));
    s->known = from >> 21;
  }
  uint64_t page;
  if (s->is_large) {
    page = s->table + (from & 0x1ff000);
  } else {
    const uint64_t first = entry_of(s->table, from, 12);
    if ((first & ENTRY_USABLE) != ENTRY_USABLE) return 0;
    page = s->base + (first & ENTRY_ADDRESS);
  }
  const uint64_t in_page = from & (PAGE - 1);
  const uint64_t to = piece->to;
  const uint64_t size = piece->size;
  if (size == 0 || size > CTI_WALK_MAX_PIECE || in_page + size > PAGE || to > CTI_WALK_ROOM - CTI_WALK_MAX_PIECE) return 0;
  if (probe_read_kernel(&area->room[to], size, (void*)(page + in_page)) == 0) piece->done = 1;
  return 0;
}
