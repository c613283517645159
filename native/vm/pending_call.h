// A call that waits for the host's answer: what it was given, and copies of what its pointers had. The program has stopped behind it.
//
// Thread-safety: belongs to one run, as its window does.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "vm/kernel_function.h"

namespace cti::vm {

// Bytes of a buffer at most.
inline constexpr uint64_t kMaxBufferSize = 64 * 1024;

struct PendingCall {
  const KernelFunction* function = nullptr;  // null: none waits
  KernelArgs args{};                         // those past the function's own are 0
  uint64_t number = 0;                       // counts the calls that suspended, from 1; stays when one is answered
  // Per argument: what an in or inout buffer had when the call was made, or when it was read again in another window. Nothing for other
  // arguments, and where the memory is no longer readable.
  std::array<std::optional<std::vector<uint8_t>>, 5> inputs;

  // The buffer that is argument 'arg'; null if it is none.
  const BufferArg* buffer(uint64_t arg) const;
  // Its bytes; at most kMaxBufferSize.
  uint64_t buffer_size(const BufferArg& buffer) const;
  // Fills 'inputs'. std::bad_alloc.
  void read_inputs(const window::Window& window);
  // No call waits any more; the number stays.
  void clear();
};

// Whether each buffer of 'function' has at most kMaxBufferSize bytes with these arguments.
bool has_sane_sizes(const KernelFunction& function, const KernelArgs& args);

// What a function that hands over to the host returns: suspended with the call noted, or at once -ENOSYS in a run that cannot suspend,
// -E2BIG for a buffer over kMaxBufferSize, -EFAULT for one that is not all readable (writable), -ENOMEM; of set `upstream` always -1.
KernelResult suspend(Environment& env, const KernelArgs& args, const KernelFunction& function);

}  // namespace cti::vm
