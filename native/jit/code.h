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

// An instruction that can fault, by its first byte.
struct Access {
  uint32_t offset;
  uint32_t pc;
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
