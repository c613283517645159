// Set `upstream`, as far as C++ answers it: debug_print and memcpy. -1 is failure, as the original has it.
#include <cinttypes>
#include <cstdio>
#include <new>

#include "vm/kernel_function.h"
#include "vm/output.h"

namespace cti::vm {
namespace {

constexpr uint64_t kFailed = ~uint64_t{0};

}  // namespace

KernelResult upstream_debug_print(Environment& env, const KernelArgs& args) {
  char line[40];
  int size = std::snprintf(line, sizeof line, "vm debug: %" PRId64 "\n", static_cast<int64_t>(args[0]));
  Bytes text{reinterpret_cast<const uint8_t*>(line), static_cast<size_t>(size)};
  if (!env.output || !env.output->has_room(text.size())) return answer(kFailed, 1);
  try {
    env.output->add(Output::Kind::text, 0, text);
  } catch (const std::bad_alloc&) {
    return answer(kFailed, 1);
  }
  return answer(0, 4);
}

KernelResult upstream_memcpy(Environment&, const KernelArgs&) { return answer(kFailed, 1); }

}  // namespace cti::vm
