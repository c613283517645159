/* Goes on in three places: here, and on two nodes.
 *
 *     ctinspector run examples/upstream/clone.c --nodes 3
 */
#include <ebpf_vm_functions.h>

uint64_t vm_main(void) {
  struct ub_address nodes[2] = {{.url = {127, 0, 0, 2, 7, 89}}, {.url = {127, 0, 0, 3, 7, 89}}};
  debug_print(1000);
  uint64_t place = clone_to(nodes, 2);
  if (place == 2) debug_print(2000); /* the original: both were reached */
  else if (place == 0) debug_print(3000);
  else debug_print(4000);
  return place;
}
