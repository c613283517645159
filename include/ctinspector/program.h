/* What programs in C share with the kernel functions: their structs, and macros that declare them. Written by hand;
 * ctinspector.h, which is generated, includes it. Everything is host byte order and naturally aligned. Also read by the
 * native code. */
#ifndef CTINSPECTOR_PROGRAM_H
#define CTINSPECTOR_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

/* Addresses of the window (docs/internals.md, "Guest ABI"). */
#define CTI_STACK_TOP 0x10001000ULL
#define CTI_RODATA_BASE 0x18000000ULL
#define CTI_DATA_BASE 0x20000000ULL
#define CTI_MEMORY_BASE 0x30000000ULL
#define CTI_TABLES_BASE 0x40000000ULL

/* Kernel functions answer -errno where they fail; these are Linux's numbers. */
#define CTI_EPERM 1
#define CTI_ENOENT 2
#define CTI_EAGAIN 11
#define CTI_ENOMEM 12
#define CTI_EFAULT 14
#define CTI_EINVAL 22
#define CTI_ENOSPC 28
#define CTI_ERANGE 34
#define CTI_ELOOP 40
#define CTI_EOPNOTSUPP 95
#define CTI_EHOSTUNREACH 113
#define CTI_ESTALE 116
#define CTI_ECANCELED 125

/* Whether a kernel function's answer, a number or an address, is -errno. */
#define cti_failed(answer) ((uint64_t)(answer) >= (uint64_t)-4095)

struct cti_pair {
  uint64_t key;
  uint64_t value;
};

/* topk_offer: capacity entries (struct cti_pair) follow. */
struct cti_topk {
  uint32_t capacity;
  uint32_t n; /* entries in use, a heap; pairs_sort() puts them in order */
};

/* group_add: capacity entries { u64 count; u64 sum; key } follow; an entry whose count is 0 is free. */
struct cti_groups {
  uint32_t capacity; /* a power of two */
  uint32_t n;
  uint32_t key_size; /* bytes, a multiple of 8 */
  uint32_t lost;     /* rows that found no room */
};

/* group_entries: capacity entries { key; value } at entries, max_slots slots of 8 bytes, zeroed, at slots. */
struct cti_group_table {
  uint32_t capacity;
  uint32_t n;
  uint32_t key_size;   /* bytes, a multiple of 8 */
  uint32_t value_size; /* bytes, a multiple of 8 */
  uint32_t n_slots;    /* 0 to begin with; group_entries takes more into use */
  uint32_t max_slots;  /* a power of two; twice the capacity makes the searches short */
  uint64_t entries;    /* addresses */
  uint64_t slots;
};

/* map_find and the like: capacity entries { u64 used; key; value } follow. */
struct cti_map {
  uint32_t capacity; /* a power of two */
  uint32_t n;
  uint32_t key_size;   /* bytes, a multiple of 8 */
  uint32_t value_size; /* bytes, a multiple of 8 */
};

/* array_at: capacity values follow. */
struct cti_array {
  uint32_t capacity;
  uint32_t value_size; /* bytes, a multiple of 8 */
};

/* fork and fork_to: names the children's meeting, for join_meeting. */
struct cti_meeting {
  uint64_t id[2];
};

/* join_meeting: how a child fared. */
enum cti_slot_state {
  CTI_SLOT_OPEN = 0,
  CTI_SLOT_ARRIVED = 1,
  CTI_SLOT_FAILED = 2,
  CTI_SLOT_LOST = 3 /* it had not ended when the deadline passed */
};
enum cti_failure {
  CTI_FAILURE_TRAPPED = 1,
  CTI_FAILURE_BUDGET = 2, /* it used up its fuel, memory or lifetime */
  CTI_FAILURE_KILLED = 3,
  CTI_FAILURE_FAILED = 4,     /* a kernel function or its host failed */
  CTI_FAILURE_UNREACHABLE = 5 /* its node could not be reached, or refused it */
};
struct cti_slot {
  uint32_t state;   /* enum cti_slot_state */
  uint32_t failure; /* enum cti_failure, of one that failed */
  uint64_t result;  /* of one that arrived */
};

#ifdef __bpf__

/* Each declares one at file scope, ready for use:
 *
 *   CTI_TOPK(busiest, 10);
 *   topk_offer(&busiest.list, packets, row);
 *   busiest.entries[i].key
 */
#define CTI_TOPK(name, n_entries)         \
  static struct {                         \
    struct cti_topk list;                 \
    struct cti_pair entries[n_entries];   \
  } name = {.list = {.capacity = (n_entries)}}

#define CTI_GROUPS(name, key_type, n_entries) \
  _Static_assert(((n_entries) & ((n_entries) - 1)) == 0, "the capacity of " #name " must be a power of two"); \
  _Static_assert(sizeof(key_type) % 8 == 0, "the key of " #name " must be a multiple of 8 bytes"); \
  static struct { \
    struct cti_groups groups; \
    struct { \
      uint64_t count; \
      uint64_t sum; \
      key_type key; \
    } entries[n_entries]; \
  } name = {.groups = {.capacity = (n_entries), .key_size = sizeof(key_type)}}

#define CTI_MAP(name, key_type, value_type, n_entries) \
  _Static_assert(((n_entries) & ((n_entries) - 1)) == 0, "the capacity of " #name " must be a power of two"); \
  _Static_assert(sizeof(key_type) % 8 == 0, "the key of " #name " must be a multiple of 8 bytes"); \
  _Static_assert(sizeof(value_type) % 8 == 0, "the value of " #name " must be a multiple of 8 bytes"); \
  static struct { \
    struct cti_map map; \
    struct { \
      uint64_t used; \
      key_type key; \
      value_type value; \
    } entries[n_entries]; \
  } name = {.map = {.capacity = (n_entries), .key_size = sizeof(key_type), .value_size = sizeof(value_type)}}

#define CTI_ARRAY(name, value_type, n_entries) \
  _Static_assert(sizeof(value_type) % 8 == 0, "the value of " #name " must be a multiple of 8 bytes"); \
  static struct { \
    struct cti_array array; \
    value_type values[n_entries]; \
  } name = {.array = {.capacity = (n_entries), .value_size = sizeof(value_type)}}

#endif

#endif
