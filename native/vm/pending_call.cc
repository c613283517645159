#include "vm/pending_call.h"

#include <algorithm>
#include <new>

namespace cti::vm {
namespace {

// Larger than kMaxBufferSize if it does not fit in 64 bits.
uint64_t size_of(const BufferArg& buffer, const KernelArgs& args) {
  if (buffer.size_arg == kNoArg) return buffer.factor;
  uint64_t n = args[buffer.size_arg];
  return n > kMaxBufferSize ? kMaxBufferSize + 1 : n * buffer.factor;
}

window::Intent intent_of(const BufferArg& buffer) {
  return buffer.direction == Direction::in ? window::Intent::read : window::Intent::write;
}

}  // namespace

bool has_sane_sizes(const KernelFunction& function, const KernelArgs& args) {
  return std::all_of(std::begin(function.buffers), std::end(function.buffers), [&](const BufferArg& buffer) {
    return buffer.direction == Direction::none || size_of(buffer, args) <= kMaxBufferSize;
  });
}

const BufferArg* PendingCall::buffer(uint64_t arg) const {
  if (!function) return nullptr;
  for (const BufferArg& buffer : function->buffers) {
    if (buffer.direction != Direction::none && buffer.arg == arg) return &buffer;
  }
  return nullptr;
}

uint64_t PendingCall::buffer_size(const BufferArg& buffer) const { return size_of(buffer, args); }

void PendingCall::read_inputs(const window::Window& window) {
  for (const BufferArg& buffer : function->buffers) {
    if (buffer.direction != Direction::in && buffer.direction != Direction::inout) continue;
    uint64_t size = buffer_size(buffer);
    const uint8_t* at = window.range(args[buffer.arg], size, window::Intent::read);
    inputs[buffer.arg].reset();
    // SAFETY: range() allowed 'size' bytes; of a size of 0 none are touched.
    if (at) inputs[buffer.arg].emplace(at, at + size);
  }
}

void PendingCall::clear() {
  function = nullptr;
  args = {};
  inputs = {};
}

KernelResult suspend(Environment& env, const KernelArgs& args, const KernelFunction& function) {
  if (!env.pending) return answer(function.failure(ENOSYS), 1);
  if (!has_sane_sizes(function, args)) return answer(function.failure(E2BIG), 1);
  for (const BufferArg& buffer : function.buffers) {
    if (buffer.direction == Direction::none) continue;
    if (!env.window.range(args[buffer.arg], size_of(buffer, args), intent_of(buffer))) return answer(function.failure(EFAULT), 1);
  }
  PendingCall& call = *env.pending;
  call.function = &function;
  std::copy_n(args.begin(), function.n_args, call.args.begin());
  try {
    call.read_inputs(env.window);
  } catch (const std::bad_alloc&) {
    call.clear();
    return answer(function.failure(ENOMEM), 1);
  }
  call.number++;
  return {KernelResult::Kind::suspend, 0, function.fuel};
}

}  // namespace cti::vm
