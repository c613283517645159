// Where a program's registers live. A kernel function's C code leaves r6..r9, fuel and base alone.
//
//    r0   r1   r2   r3   r4   r5   r6   r7   r8   r9   r10   fuel  base  scratch
//    rax  rdi  rsi  rdx  rcx  r8   rbx  r13  r14  r15  r9    rbp   r12   r10 r11
//
// Thread-safety: constants.
#pragma once

#include <asmjit/x86.h>

#include "isa/opcode.h"

namespace cti::jit::x86_64 {

using asmjit::x86::Gp;

inline const Gp kRegisters[isa::kNumRegisters] = {
    asmjit::x86::rax, asmjit::x86::rdi, asmjit::x86::rsi, asmjit::x86::rdx, asmjit::x86::rcx, asmjit::x86::r8,
    asmjit::x86::rbx, asmjit::x86::r13, asmjit::x86::r14, asmjit::x86::r15, asmjit::x86::r9,
};
inline const Gp kFramePointer = asmjit::x86::r9;
inline const Gp kFuel = asmjit::x86::rbp;
inline const Gp kBase = asmjit::x86::r12;  // `mask` only
inline const Gp kScratch = asmjit::x86::r10;
inline const Gp kScratch2 = asmjit::x86::r11;
inline const Gp kStack = asmjit::x86::rsp;

}  // namespace cti::jit::x86_64
