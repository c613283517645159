#include "vm/state.h"

#include <algorithm>

namespace cti::vm {

std::string_view trap_name(TrapKind kind) {
  switch (kind) {
    case TrapKind::none:
      break;
#define CTI_TRAP(name, id, has_address) \
  case TrapKind::name:                  \
    return #name;
#include "vm/generated/trap_kinds.inc"
#undef CTI_TRAP
  }
  return "none";
}

bool trap_has_address(TrapKind kind) {
  switch (kind) {
    case TrapKind::none:
      break;
#define CTI_TRAP(name, id, has_address) \
  case TrapKind::name:                  \
    return has_address;
#include "vm/generated/trap_kinds.inc"
#undef CTI_TRAP
  }
  return false;
}

TrapKind trap_of(window::Denial denial) {
  switch (denial) {
    case window::Denial::read_only:
      return TrapKind::read_only;
    case window::Denial::stale:
      return TrapKind::stale;
    case window::Denial::none:
    case window::Denial::unmapped:
      break;
  }
  return TrapKind::unmapped;
}

State State::at_entry(uint32_t entry, const std::array<uint64_t, 5>& args) {
  State state;
  std::copy(args.begin(), args.end(), state.regs.begin() + 1);
  state.regs[isa::kFramePointer] = window::frame_pointer(0);
  state.pc = entry;
  return state;
}

}  // namespace cti::vm
