/* The program interface of openEuler's CTinspector: its names and numbers, so that programs written for it compile here.
 * docs/migration.md, "Programs of the original", says what they do here. Kernel functions are called by number; an
 * object that includes this is linked against the set `upstream`.
 *
 * Counts are 64 bits wide here, so that a negative one is seen to be negative. */
#ifndef CTINSPECTOR_UPSTREAM_H
#define CTINSPECTOR_UPSTREAM_H

#include <stddef.h>
#include <stdint.h>

#define VM_URL_SIZE 24
#define INVALID_MMAP_ADDR ((void *)-1)

/* Of monitor_address; the comparison is unsigned. */
enum {
  MONITOR_T_BIGGER_THAN_VALUE = 0,
  MONITOR_T_LESS_THAN_VALUE = 1,
  MONITOR_T_EQUAL_VALUE = 2,
  MONITOR_T_NOT_EQUAL_VALUE = 3,
  MONITOR_T_CLEAR = 4 /* of address 0: all */
};

enum {
  EBPF_FUNC_debug_print = 1,
  EBPF_FUNC_mmap = 2,
  EBPF_FUNC_monitor_address = 3,
  EBPF_FUNC_wait_for_address_event = 4,
  EBPF_FUNC_migrate_to = 5,
  EBPF_FUNC_clone_to = 6,
  EBPF_FUNC_switch_to_address_space = 7,
  EBPF_FUNC_memcpy = 8,
  EBPF_FUNC_fork_to = 9,
  EBPF_FUNC_fork_return = 10,
  EBPF_FUNC_fork_join = 11
};

/* A node: url holds four bytes of IPv4 and two of port, big-endian. access_key is not looked at. */
struct ub_address {
  uint64_t access_key;
  uint8_t url[VM_URL_SIZE];
};

/* A thread on a node: fork_to writes id, fork_join writes result. */
struct remote_thread {
  struct ub_address target_node;
  uint64_t id;
  uint64_t result;
};

#ifdef __bpf__

/* Tells the linker the set. Not part of the program. */
static const char cti_kernel_functions[] __attribute__((used, section(".ctinspector.set"))) = "upstream";

/* A kernel function: calling the constant is a call by number. */
#define CTI_UPSTREAM(name, ...) \
  static uint64_t (*const name)(__VA_ARGS__) __attribute__((unused)) = (void *)EBPF_FUNC_##name

/* docs/reference/kernel-functions.md, "upstream", says what each does and returns. */
CTI_UPSTREAM(debug_print, uint64_t s);
CTI_UPSTREAM(mmap, uint64_t va, uint64_t size);
CTI_UPSTREAM(monitor_address, uint64_t type, uint64_t target_address, uint64_t value, uint64_t tag);
CTI_UPSTREAM(wait_for_address_event, void);
CTI_UPSTREAM(migrate_to, struct ub_address *dst);
CTI_UPSTREAM(clone_to, struct ub_address *target_list, uint64_t len);
CTI_UPSTREAM(switch_to_address_space, uint64_t asid);
CTI_UPSTREAM(memcpy, struct ub_address *dst, struct ub_address *src, uint64_t len, void *completion_addr,
             uint64_t result);
CTI_UPSTREAM(fork_to, struct remote_thread *thread_list, uint64_t len);
CTI_UPSTREAM(fork_return, uint64_t result);
CTI_UPSTREAM(fork_join, struct remote_thread *thread_list, uint64_t len);

#undef CTI_UPSTREAM

#define join_thread fork_join

/* A block that runs on each target, with `result` its index; what it leaves in `result` is what the thread brings. The
 * parent passes over it. */
#define start_remote_thread(list, n) \
  for (uint64_t result = fork_to((list), (n)); result < (uint64_t)(n); fork_return(result))

#endif

#endif
