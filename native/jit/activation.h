// One call of Engine::run() of a compiled program: what machine code, the handler of faults and C++ share. Machine code reaches it
// through the context word of a frame (plan.h), C++ through current().
//
// Thread-safety: belongs to the thread that runs.
#pragma once

#include <array>
#include <cstdint>

#include "jit/plan.h"
#include "vm/engine.h"
#include "window/guest.h"

namespace cti::jit {

struct Access;
struct Code;

// Why machine code came back. The machine's stop code gets it and the pc in one number.
enum class Reason : uint8_t { exited, out_of_fuel, misaligned_atomic, stack_overflow, bad_call_target, end_of_program, kernel, fault };

constexpr unsigned kReasonShift = 24;
static_assert(isa::kMaxSlots < 1u << kReasonShift);
constexpr uint32_t stop_word(Reason reason, uint32_t pc) { return static_cast<uint32_t>(reason) << kReasonShift | pc; }

// Words that frames take at most: 4 saved registers, context, pad, return address.
inline constexpr unsigned kMaxFrameWords = 7 * window::kMaxFrames;

struct Activation {
  // In and out.
  std::array<uint64_t, isa::kNumRegisters> regs;
  int64_t fuel;
  // In: where to go on, and the frames, lowest word first.
  const uint8_t* target;
  uint64_t n_words;
  std::array<uint64_t, kMaxFrameWords> words;
  uint8_t* base;  // guest address 0
  vm::Environment* env;
  // The host's stack pointer where machine code was entered.
  uint64_t host_stack;
  // A kernel call under way: what it was given, and its answer.
  vm::KernelArgs args;
  uint64_t saved_r0;
  uint64_t saved_r10;
  uint64_t callx_value;
  vm::KernelResult result;
  // Out.
  uint32_t stop;
  // For C++ alone.
  const Access* fault;  // of a stop for Reason::fault
  vm::State* state;
  const Code* code;
  const vm::KernelSet* kernel_functions;
  Activation* previous;
};

// A callx to a number that its set does not have, as the kind of a KernelResult.
inline constexpr auto kBadCallTarget = static_cast<vm::KernelResult::Kind>(0x7f);

// The activation of this thread, null if it runs no machine code.
Activation* current();
void set_current(Activation* activation);

}  // namespace cti::jit
