// Programs as text, in the assembler style of bpftool and llvm-objdump.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "isa/opcode.h"

namespace cti::isa {

// A name for the kernel function that a call names by number or import index; empty if it has none.
using CallName = std::function<std::string(const OpInfo& call, int32_t imm)>;

// One instruction, without its slot number and bytes; 'second' is the next slot's immediate, for an lddw.
std::string disassemble_instruction(const OpInfo& info, const Slot& slot, int32_t second);

// One line a slot: number, bytes, instruction and, where it helps, a note: the slot a jump goes to, a kernel function's name.
// What is no instruction is shown as such, so any bytes can be looked at.
std::string disassemble(std::span<const Slot> slots, const CallName& call_name);

}  // namespace cti::isa
