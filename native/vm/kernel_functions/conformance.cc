// Set `conformance`: what the public BPF conformance suite and benchmarks call.
#include "vm/kernel_function.h"

namespace cti::vm {

KernelResult conformance_add_one(Environment&, const KernelArgs& args) { return answer(args[0] + args[1] + 1, 1); }

KernelResult conformance_unwind(Environment&, const KernelArgs& args) {
  return {args[0] == 0 ? KernelResult::Kind::end : KernelResult::Kind::value, args[0], 1};
}

}  // namespace cti::vm
