// Where a program is: its registers and frames, and why it stopped. A plain struct without host addresses: any engine
// resumes it, and an image holds it.
//
// Thread-safety: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "isa/opcode.h"
#include "window/guest.h"
#include "window/window.h"

namespace cti::vm {

// schema/traps.yaml. The numbers are stable.
enum class TrapKind : uint8_t {
  none = 0,
#define CTI_TRAP(name, id, has_address) name = id,
#include "vm/generated/trap_kinds.inc"
#undef CTI_TRAP
};
std::string_view trap_name(TrapKind kind);
bool trap_has_address(TrapKind kind);
// Of an access that the window denies.
TrapKind trap_of(window::Denial denial);

// What a local call keeps of its caller, outside guest memory.
struct Frame {
  std::array<uint64_t, 4> saved;  // r6..r9; r10 follows from the depth
  uint32_t return_pc;
};

struct State {
  std::array<uint64_t, isa::kNumRegisters> regs{};
  uint32_t pc = 0;     // slot of the next instruction; the number of slots if it ran past the last
  uint32_t depth = 0;  // local calls that have not returned: frames in use, less one
  std::array<Frame, window::kMaxFrames - 1> frames{};

  // At a program's entry.
  static State at_entry(uint32_t entry, const std::array<uint64_t, 5>& args);
};

// Why a program no longer runs. `suspended`: a kernel function answers later; its answer goes into r0 before the
// program resumes.
struct Stop {
  enum class Kind : uint8_t { exited, trapped, out_of_fuel, suspended };

  Kind kind;
  TrapKind trap = TrapKind::none;
  uint32_t pc = 0;         // exited, trapped: of the instruction that did it; else: where it resumes
  uint64_t r0 = 0;         // exited
  uint32_t address = 0;    // trapped, where trap_has_address()
  uint64_t fuel_used = 0;  // of this step; more than was given if the last charge was larger than what was left
};

}  // namespace cti::vm
