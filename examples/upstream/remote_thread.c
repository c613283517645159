/* Two threads on two nodes; the parent adds up what they bring.
 *
 *     ctinspector run examples/upstream/remote_thread.c --nodes 3
 */
#include <ebpf_vm_functions.h>

#define N 2

uint64_t vm_main(void) {
  struct remote_thread threads[N] = {{.target_node = {.url = {127, 0, 0, 2, 7, 89}}},
                                     {.target_node = {.url = {127, 0, 0, 3, 7, 89}}}};
  start_remote_thread(threads, N) {
    debug_print(100 + result);
    result = (result + 1) * 1000;
  }
  if (join_thread(threads, N) != 0) return -1;
  debug_print(threads[0].result + threads[1].result);
  return 0;
}
