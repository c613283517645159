// Random programs that are well formed and do something: loops that end or run out of fuel, calls, every operation, addresses near
// edges. A seed gives the same program everywhere.
//
// Thread-safety: pure functions.
#pragma once

#include "tools/differential/lab.h"

namespace cti::differential {

// What a program may call and where its memory lies.
struct World {
  const vm::KernelSet* kernel_functions;
  std::span<const Region> regions;
  bool suspends;  // the set is `conformance`: calls that suspend, with buffers and without
};
// The lab's own (lab.h).
const World& lab_world();
// What a run has whose image can be made: set `conformance`, a segment at kTablesBase.
const World& image_world();

vm::ProgramSpec generate(uint64_t seed, const World& world = lab_world());

}  // namespace cti::differential
