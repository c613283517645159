// The operation in an arithmetic instruction's code (RFC 9669, table 3).
//
// Thread-safety: pure functions.
#pragma once

#include "isa/opcode.h"

namespace cti::jit::x86_64 {

enum class Alu : uint8_t { add, sub, mul, div, or_, and_, lsh, rsh, neg, mod, xor_, mov, arsh, end };

constexpr Alu operation(const isa::Slot& slot) { return static_cast<Alu>(slot.code >> 4); }

// That of a conditional jump (table 5).
enum class Jump : uint8_t { always, eq, gt, ge, set, ne, sgt, sge, call, exit, lt, le, slt, sle };

constexpr Jump condition(const isa::Slot& slot) { return static_cast<Jump>(slot.code >> 4); }

}  // namespace cti::jit::x86_64
