// A program that only waits: what scripts/units loads with durable=yes.
#include "ctinspector/ctinspector.h"

int vm_main(long n) {
  for (long i = 0; i < n; i++) sleep(500000000ull);
  return 0;
}
