// Random programs that are well formed and do something: loops that end or run out of fuel, calls, every operation, addresses near
// edges. A seed gives the same program everywhere.
//
// Thread-safety: pure functions.
#pragma once

#include "vm/program.h"

namespace cti::differential {

vm::ProgramSpec generate(uint64_t seed);

}  // namespace cti::differential
