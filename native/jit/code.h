// A compiled program: its machine code and what is known about it.
//
// Thread-safety: immutable.
#pragma once

#include <cstdint>
#include <vector>

#include "jit/code_memory.h"
#include "jit/plan.h"

namespace cti::jit {

inline constexpr uint32_t kNoCode = ~uint32_t{0};

// A number that other registers give: base + (index << shift) + displacement. 64 bits if `is_exact`, else only the low 32 are right.
struct Sum {
  static constexpr uint8_t kNone = 0xff;

  uint8_t base = kNone;   // neither base nor index: the sum is not known
  uint8_t index = kNone;
  uint8_t shift = 0;
  bool is_exact = true;
  int32_t displacement = 0;

  bool is_known() const { return base != kNone || index != kNone; }
  // An access can take it.
  bool is_address() const { return base != kNone; }
  bool uses(unsigned reg) const { return base == reg || index == reg; }
};

// An instruction that can fault, by its first byte. Where the address was never put in its register, because the access replaces it,
// `pending` is what that register holds before the instruction.
struct Access {
  uint32_t offset;
  uint32_t pc;
  uint8_t pending_reg = Sum::kNone;
  Sum pending = {};
};

// Where a local call comes back to.
struct CallSite {
  uint32_t offset;
  uint32_t return_pc;
};

struct Code {
  CodeBlock block;
  uint32_t size;                  // of the instructions; tables may follow
  Plan plan;
  std::vector<uint32_t> offsets;  // per slot, and one past the end; kNoCode where nothing can go on
  std::vector<Access> accesses;   // ascending
  std::vector<CallSite> call_sites;  // ascending in both

  const uint8_t* start() const { return block.rx(); }
  // Null if 'offset' is no instruction that can fault.
  const Access* find_access(uint64_t offset) const;
  const CallSite* find_call_site_by_offset(uint64_t offset) const;
  const CallSite* find_call_site_by_pc(uint32_t return_pc) const;
};

}  // namespace cti::jit
