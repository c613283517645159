/* Goes to and fro between two nodes, 20 times, and counts on the way.
 *
 *     ctinspector run examples/upstream/migrate.c --nodes 2
 */
#include <ebpf_vm_functions.h>

#define ROUNDS 10

static __attribute__((noinline)) void to_and_fro(struct ub_address *here, struct ub_address *there) {
  uint64_t message = 1000;
  for (int i = 0; i < ROUNDS; i++) {
    debug_print(message);
    message += 1000;
    migrate_to(there);
    debug_print(message);
    message += 1000;
    migrate_to(here);
  }
}

uint64_t vm_main(void) {
  struct ub_address here = {.access_key = 0, .url = {127, 0, 0, 1, 7, 89}};
  struct ub_address there = {.access_key = 0, .url = {127, 0, 0, 2, 7, 89}};
  to_and_fro(&here, &there);
  return 0;
}
