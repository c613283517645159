/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Copies small pieces of one process's memory: a program of the kernel's own BPF, an iterator over that one task. It goes through the process's page
 * tables as the processor does, and reads where the kernel has all physical memory mapped. So nothing of the process is touched: no lock of its memory is
 * taken, no page is pinned, nothing is faulted in. Every read is one that may fail (bpf_probe_read_kernel): what is not there, or is no longer a page
 * table, gives an error or bytes that prove to be wrong, never a fault.
 *
 * A piece counts only if the entry that leads to its page is the same before all of them are copied and after: pages are moved, collapsed into larger ones,
 * given back and used again for something else at any time, and whoever does that takes the entry away first. So a piece is what was there while it was
 * copied, and pieces are copied in order. Whoever calls proves what he reads, as with every other reading of a process that runs.
 *
 * Made into native/kernel/generated/page_walk.inc by scripts/gen/page-walk.ts; loaded by kernel/page_reader.cc. With CTI_WALK_FINDS_BASE it is the program that
 * finds out the base, and takes it from the area; else the base is a constant of the program. The first process that a program comes to is the only one that it
 * reads: another that has got its number since has started at another time. */
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
#define ENTRY_PRESENT 1ull
#define ENTRY_SPECIAL (1ull << 9) /* not memory as any other: a device's, or the page of zeros */
#define ENTRY_HIDDEN (1ull << 8)  /* if not present: no access, as NUMA balancing has it for a while to see who uses a page; the address is inverted */
#define ENTRY_USED (3ull << 5)    /* accessed, dirty */
#define ENTRY_IS_PAGE (1ull << 7) /* of a table of the second level: 2 MiB; of the third: 1 GiB */
#define ENTRY_ADDRESS 0x000ffffffffff000ull
#define LARGE_ADDRESS 0x000fffffffe00000ull
#define PAGE 4096ull

/* The program's own, which nobody else has mapped. */
struct cti_walk_entries {
  uint64_t started; /* when the process did; 0: none was seen yet */
  uint64_t table[512];
  uint64_t used[CTI_WALK_MAX_PIECES]; /* by piece; 0: it was not copied */
};

/* The context of an iterator over tasks. */
struct iterated {
  void* meta;
  void* task;
};

struct state {
  uint64_t base, root;
  uint64_t known;   /* which 2 MiB 'second' and the table are of: pieces come by address, and most have those of the piece before */
  uint64_t second;  /* the entry of those 2 MiB: a large page, or a table, which is in 'cti_walk_entries' */
};

static inline __attribute__((always_inline)) uint64_t word_at(uint64_t address) {
  uint64_t word = 0;
  return probe_read_kernel(&word, sizeof word, (void*)address) == 0 ? word : 0;
}

/* Where a page is, by the entry that leads to it; 0: nowhere. */
static inline __attribute__((always_inline)) uint64_t page_of(uint64_t entry, uint64_t address) {
  if (entry & ENTRY_SPECIAL) return 0;
  if ((entry & ENTRY_USABLE) == ENTRY_USABLE) return entry & address;
  return (entry & (ENTRY_PRESENT | ENTRY_HIDDEN)) == ENTRY_HIDDEN ? ~entry & address : 0;
}

static inline __attribute__((always_inline)) uint64_t entry_of(uint64_t table, uint64_t address, uint32_t shift) {
  return word_at(table + ((address >> shift & 511) << 3));
}

/* The entry of the page of an address; 0: there is none. */
static inline __attribute__((always_inline)) uint64_t entry_for(struct state* s, struct cti_walk_entries* entries, uint64_t from) {
  if (from >> (KNOWN(CTI_WALK_LEVELS) == 5 ? 56 : 47)) return 0; /* no address of a process */
  if (from >> 21 != s->known) {
    s->known = s->root;
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
    s->second = entry_of(s->base + (third & ENTRY_ADDRESS), from, 21);
    if (!(s->second & ENTRY_IS_PAGE)) {
      if ((s->second & ENTRY_USABLE) != ENTRY_USABLE) return 0;
      if (probe_read_kernel(entries->table, sizeof entries->table, (void*)(s->base + (s->second & ENTRY_ADDRESS))) != 0) return 0;
    }
    s->known = from >> 21;
  }
  return s->second & ENTRY_IS_PAGE ? s->second : entries->table[from >> 12 & 511];
}

static inline __attribute__((always_inline)) void forget(struct state* s) {
  /* Nothing is known: an address of the kernel is no number of 2 MiB. No constants, for a verifier before Linux 6.7 looks at the body of a loop once, with
   * what its state is at the beginning, and takes away what that never comes to. */
  s->known = s->second = s->root;
}

__attribute__((section("iter/task"), used)) static int copy_piece(uint32_t i, void* context);
__attribute__((section("iter/task"), used)) static int check_piece(uint32_t i, void* context);

__attribute__((section("iter/task"), used)) int walk(struct iterated* context) {
  struct cti_walk_area* const area = (void*)KNOWN(CTI_WALK_AREA);
  void* const task = context->task;
  if (!task) return 0;
  struct state state;
#ifdef CTI_WALK_FINDS_BASE
  state.base = area->base;
#else
  state.base = KNOWN(CTI_WALK_BASE);
#endif
  const uint64_t memory = word_at((uint64_t)task + KNOWN(CTI_WALK_TASK_MM));
  if (!memory) return 0;
  area->n_ran++;
  struct cti_walk_entries* const entries = (void*)KNOWN(CTI_WALK_ENTRIES);
  const uint64_t started = word_at((uint64_t)task + KNOWN(CTI_WALK_TASK_START));
  if (!entries->started) entries->started = started;
  if (entries->started != started) return 0;
  state.root = word_at(memory + KNOWN(CTI_WALK_MM_PGD));
  if (!state.root) return 0;
#ifdef CTI_WALK_FINDS_BASE
  area->root = state.root;
#endif
  const uint64_t n = area->n_pieces;
  forget(&state);
  loop(n, copy_piece, &state, 0);
  /* A process that ended or became another program has these tables no more. */
  if (word_at((uint64_t)task + KNOWN(CTI_WALK_TASK_MM)) != memory || word_at(memory + KNOWN(CTI_WALK_MM_PGD)) != state.root) return 0;
  forget(&state);
  loop(n, check_piece, &state, 0);
  return 0;
}

static int copy_piece(uint32_t i, void* context) {
  struct cti_walk_area* const area = (void*)KNOWN(CTI_WALK_AREA);
  struct cti_walk_entries* const entries = (void*)KNOWN(CTI_WALK_ENTRIES);
  struct state* const s = context;
  if (i >= CTI_WALK_MAX_PIECES) return 1;
  struct cti_walk_piece* const piece = &area->pieces[i];
  const uint64_t from = piece->from;
  const uint64_t entry = entry_for(s, entries, from);
  entries->used[i] = 0;
  const uint64_t is_large = s->second & ENTRY_IS_PAGE;
  uint64_t page = page_of(entry, is_large ? LARGE_ADDRESS : ENTRY_ADDRESS);
  if (!page) return 0;
  if (is_large) page += from & 0x1ff000;
  const uint64_t in_page = from & (PAGE - 1);
  const uint64_t to = piece->to;
  const uint64_t size = piece->size;
  if (size == 0 || size > CTI_WALK_MAX_PIECE || in_page + size > PAGE || to > CTI_WALK_ROOM - CTI_WALK_MAX_PIECE) return 0;
  if (probe_read_kernel(&area->room[to], size, (void*)(s->base + page + in_page)) == 0) entries->used[i] = entry;
  return 0;
}

static int check_piece(uint32_t i, void* context) {
  struct cti_walk_area* const area = (void*)KNOWN(CTI_WALK_AREA);
  struct cti_walk_entries* const entries = (void*)KNOWN(CTI_WALK_ENTRIES);
  if (i >= CTI_WALK_MAX_PIECES) return 1;
  struct cti_walk_piece* const piece = &area->pieces[i];
  const uint64_t used = entries->used[i];
  /* Bits that the processor sets when a page is used do not count. */
  if (used && !((entry_for(context, entries, piece->from) ^ used) & ~ENTRY_USED)) piece->done = 1;
  return 0;
}
