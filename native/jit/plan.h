// What a compiler wants to know before it emits: where control can arrive, and how each function's frame on the host's stack looks.
//
// A frame, from its low end (the stack pointer in the function's body) up:
//
//    | context | pad | saved r6..r9 | return address |
//
//    context   only in functions that call: the Activation
//    saved     only those of r6..r9 that the function changes
//    pad       so that the stack pointer is a multiple of 16 where a function calls
//
// The outermost frame looks the same; its return address is never used. Jumps (and falling through) from one function into another
// are legal: then every function saves everything, so that any exit fits any frame.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "isa/checker.h"

namespace cti::jit {

struct FunctionPlan {
  uint32_t entry;
  uint32_t charge;   // of entering: isa::Function::reach
  uint8_t saved;     // bit i: r6+i
  bool has_context;
  bool has_pad;
  bool is_called;    // by a local call, or possibly by a callx

  unsigned n_saved() const { return static_cast<unsigned>(__builtin_popcount(saved)); }
  // Words of the frame, the return address included.
  unsigned n_words() const { return has_context + has_pad + n_saved() + 1; }
};

// kArrives are those of slots where control may come from elsewhere than the slot before.
enum SlotFlag : uint8_t {
  kIsTarget = 1,    // of a jump
  kIsLoopHead = 2,  // of a backward jump
  kIsEntry = 4,
  kIsSmallLoop = 8,  // the head of a loop of a few instructions
  kIsBottom = 16,    // the last jump back to its target: where a loop goes round
  kArrives = kIsTarget | kIsLoopHead | kIsEntry | kIsSmallLoop,
};

struct Plan {
  std::vector<FunctionPlan> functions;  // by entry
  std::vector<uint8_t> flags;           // SlotFlag, per slot
  uint32_t entry_function;              // index
  bool has_callx;
  bool is_uniform;  // functions run into each other

  // The function that 'slot' belongs to; one past the end belongs to the last.
  uint32_t function_of(uint32_t slot) const;
};

Plan make_plan(const isa::CheckedCode& code, uint32_t entry);

}  // namespace cti::jit
