// Between a State and the frames that machine code keeps on the host's stack (plan.h draws them).
//
// Thread-safety: pure functions.
#pragma once

#include "jit/activation.h"
#include "jit/code.h"
#include "vm/state.h"

namespace cti::jit {

// Sets up 'activation' (registers, frames, where to go on) so that machine code goes on from 'state'. False if it has no place to go
// on there, or the frames are none that its functions could have made: then the interpreter must run it.
bool build_frames(const Code& code, const vm::State& state, Activation& activation);

// Writes registers, frames and depth of machine code that stopped in the function of 'pc' into 'state'. 'stack' is the stack pointer
// in that function's body.
void read_frames(const Code& code, const std::array<uint64_t, isa::kNumRegisters>& regs, uint32_t pc, const uint64_t* stack,
                 vm::State& state);

}  // namespace cti::jit
