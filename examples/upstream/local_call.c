/* A function of the program's own, called with five arguments, the last a pointer into the caller's stack.
 *
 *     ctinspector run examples/upstream/local_call.c            prints 10 + 100 + 1000
 */
#include <ebpf_vm_functions.h>

static __attribute__((noinline)) uint64_t add(uint64_t a, uint64_t b, uint64_t c, uint64_t d, const uint64_t *more) {
  return a + b + c + d + more[1] + more[2];
}

uint64_t vm_main(void) {
  volatile uint64_t more[3] = {10, 100, 1000};
  debug_print(add(1, 2, 3, 4, (const uint64_t *)more));
  return 0;
}
