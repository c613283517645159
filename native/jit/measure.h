// How long a program takes: to check, to compile, to run. For scripts/bpf-bench and the benchmarks.
//
// Thread-safety: any thread.
#pragma once

#include "jit/jit.h"

namespace cti::jit {

struct Measured {
  double load_ns;     // decoding, checks and linking, the best of several
  double compile_ns;  // the best of several; 0 for the interpreter
  double exec_ns;     // of one run, the best of several
  vm::Stop stop;      // of the first run
  uint32_t n_slots;
};

// Runs 'code' (linked against set `conformance`) on a copy of 'memory' for about 'seconds'. Where a run changes the memory, each run
// gets it anew, which is not counted.
Result<Measured> measure(Bytes code, Bytes memory, double seconds, bool interprets, const Options& options);

}  // namespace cti::jit
