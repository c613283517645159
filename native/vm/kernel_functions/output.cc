// print and emit: pieces for whoever runs the program (vm/output.h). A piece is taken whole or not at all.
#include <new>

#include "vm/kernel_function.h"
#include "vm/output.h"

namespace cti::vm {
namespace {

KernelResult add(Environment& env, Output::Kind kind, uint64_t type, uint64_t address, uint64_t size) {
  const uint8_t* from = env.window.range(address, size, window::Intent::read);
  if (!from) return refuse(EFAULT);
  if (!env.output || !env.output->has_room(size)) return refuse(ENOSPC);
  try {
    // SAFETY: range() allowed 'size' bytes at 'from'; of a size of 0 none are touched.
    env.output->add(kind, type, Bytes{size == 0 ? nullptr : from, size});
  } catch (const std::bad_alloc&) {
    return refuse(ENOMEM);
  }
  return answer(0, 1 + (size + 7) / 8);
}

}  // namespace

KernelResult ctinspector_print(Environment& env, const KernelArgs& args) {
  return add(env, Output::Kind::text, 0, args[0], args[1]);
}

KernelResult ctinspector_emit(Environment& env, const KernelArgs& args) {
  return add(env, Output::Kind::record, args[0], args[1], args[2]);
}

}  // namespace cti::vm
