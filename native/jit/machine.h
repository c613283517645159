// What jit/ needs of a machine; a port writes a folder with the same functions.
//
// Thread-safety: any thread, unless a comment says otherwise.
#pragma once

#include <cstdint>
#include <memory>

#include "jit/activation.h"
#include "jit/code.h"
#include "jit/jit.h"

namespace cti::jit::machine {

// Null if this processor and kernel can do it.
const char* unsupported(Addressing addressing);
// `gs` or `mask`, for what was asked.
Addressing choose(Addressing addressing);

// Compiles 'program'; 'options.addressing' is not automatic.
Result<std::unique_ptr<const Code>> compile(const vm::Program& program, const Options& options);

// Runs machine code from 'activation' until it stops; its registers, fuel, stop word and its State's frames are then those of the stop.
void enter(Activation& activation);
// Makes the window at 'base' the one that `gs` code of this thread accesses.
void set_base(uint8_t* base, Addressing addressing);

// For the handler of faults: the pc in a ucontext_t, and how to go on in the stop code with 'stop'.
uint64_t fault_pc(const void* context);
void resume_at_stop(void* context, uint32_t stop);

}  // namespace cti::jit::machine
