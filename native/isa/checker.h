// The structural checker: refuses programs that are not well formed, and nothing else. Whether a program is safe is
// not its business: the window confines every access, and fuel every loop.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "isa/opcode.h"

namespace cti::isa {

// A function is an entry and all slots up to the next entry.
struct Function {
  uint32_t entry;
  uint32_t n_slots;
  // Slots from the entry to the end of the last function that control can come to from here by jumping or running on, calls
  // apart: what entering costs. n_slots of a function that keeps to itself, as compilers make them.
  uint32_t reach;
};

// By entry, ascending; the first starts at slot 0.
using FunctionTable = std::vector<Function>;

// The function whose entry is 'slot', or null.
const Function* find_function(const FunctionTable& functions, uint64_t slot);

// A program as its parts agree on it after the check.
struct CheckedCode {
  std::vector<Slot> slots;
  std::vector<Op> ops;  // one a slot; of the second slot of an lddw it says nothing
  FunctionTable functions;
};

// Checks 'code'; 'entry' and 'functions' are entries that a loader adds to those the code shows by itself (slot 0,
// targets of local calls, lddw of code addresses). PROGRAM_MALFORMED, the message ending in "at pc N", for the first
// slot that is wrong.
Result<CheckedCode> check(Bytes code, uint32_t entry, std::span<const uint32_t> functions);

}  // namespace cti::isa
