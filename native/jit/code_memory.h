// Memory for machine code: an arena shared by all programs, mapped twice from one memfd, once to write and once to execute, never
// both at one address. A block goes back to the arena when its owner dies.
//
// Thread-safety: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/error.h"

namespace cti::jit {

class CodeBlock {
 public:
  CodeBlock() = default;
  // OUT_OF_MEMORY, also where the system does not allow executable memory.
  static Result<CodeBlock> allocate(size_t size);
  CodeBlock(CodeBlock&& other) noexcept : rx_(std::exchange(other.rx_, nullptr)), rw_(std::exchange(other.rw_, nullptr)) {}
  CodeBlock& operator=(CodeBlock&& other) noexcept {
    std::swap(rx_, other.rx_);
    std::swap(rw_, other.rw_);
    return *this;
  }
  ~CodeBlock();

  const uint8_t* rx() const { return rx_; }  // where it runs
  uint8_t* rw() const { return rw_; }        // where it is written

 private:
  uint8_t* rx_ = nullptr;
  uint8_t* rw_ = nullptr;
};

}  // namespace cti::jit
