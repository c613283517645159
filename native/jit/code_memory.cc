#include "jit/code_memory.h"

#include <asmjit/core.h>

#include <cinttypes>

namespace cti::jit {
namespace {

// asmjit's allocator locks by itself.
asmjit::JitAllocator& arena() {
  static asmjit::JitAllocator* const allocator = [] {
    asmjit::JitAllocator::CreateParams params;
    params.options = asmjit::JitAllocatorOptions::kUseDualMapping | asmjit::JitAllocatorOptions::kFillUnusedMemory;
    // Never destroyed: engines may outlive static objects.
    return new asmjit::JitAllocator(&params);
  }();
  return *allocator;
}

}  // namespace

Result<CodeBlock> CodeBlock::allocate(size_t size) {
  void* rx = nullptr;
  void* rw = nullptr;
  if (asmjit::Error error = arena().alloc(&rx, &rw, size)) {
    return errorf(ErrorCode::OUT_OF_MEMORY,
                  "no %zu bytes of executable memory (asmjit error %" PRIu32 "); run with the interpreter (jit=off), or allow memfds to "
                  "be executed (sysctl vm.memfd_noexec=0)",
                  size, error);
  }
  CodeBlock block;
  block.rx_ = static_cast<uint8_t*>(rx);
  block.rw_ = static_cast<uint8_t*>(rw);
  return block;
}

CodeBlock::~CodeBlock() {
  if (rx_) arena().release(rx_);
}

}  // namespace cti::jit
