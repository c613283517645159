// random_u64 and random_bytes: what getrandom(2) gives.
#include <sys/random.h>

#include "vm/kernel_function.h"

namespace cti::vm {
namespace {

// Up to here getrandom() neither stops in the middle nor is interrupted.
constexpr uint64_t kMaxSize = 256;

// Whether 'size' (at most kMaxSize) bytes were filled; the kernel has none only while a host boots.
bool fill(void* at, uint64_t size) { return ::getrandom(at, size, GRND_NONBLOCK) == static_cast<ssize_t>(size); }

}  // namespace

KernelResult ctinspector_random_u64(Environment&, const KernelArgs&) {
  uint64_t value;
  if (!fill(&value, sizeof value)) return refuse(EAGAIN);
  return answer(value, 32);
}

KernelResult ctinspector_random_bytes(Environment& env, const KernelArgs& args) {
  uint64_t address = args[0];
  uint64_t size = args[1];
  if (size > kMaxSize) return refuse(E2BIG);
  uint8_t* at = env.window.range(address, size, window::Intent::write);
  if (!at) return refuse(EFAULT);
  // SAFETY: range() allowed 'size' bytes at 'at'; of a size of 0 none are touched.
  if (size > 0 && !fill(at, size)) return refuse(EAGAIN);
  return answer(0, 32 + size);
}

}  // namespace cti::vm
