// time_now: the host's clocks.
#include <ctime>

#include "vm/kernel_function.h"

namespace cti::vm {

KernelResult ctinspector_time_now(Environment&, const KernelArgs& args) {
  clockid_t clock;
  if (args[0] == 0) {
    clock = CLOCK_REALTIME;
  } else if (args[0] == 1) {
    clock = CLOCK_MONOTONIC;
  } else {
    return refuse(EINVAL);
  }
  timespec now;
  if (clock_gettime(clock, &now) != 0) return refuse(errno);
  return answer(static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec), 1);
}

}  // namespace cti::vm
