// What runs a program. The interpreter is one engine; a compiler to machine code is another. All give the same stops, with the
// same fuel, for the same program, state and memory.
//
// Thread-safety: an engine is immutable and shared between threads; a state and its environment belong to one at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "vm/kernel_function.h"
#include "vm/program.h"
#include "vm/state.h"

namespace cti::vm {

class Engine {
 public:
  virtual ~Engine() = default;

  // Runs from 'state' until the program stops; 'fuel' is from 1 to 2^63 - 1. The state is where it stopped: `out_of_fuel` and
  // `suspended` can be resumed by calling again. 'state' must be one that an engine of the same program left, or its entry.
  virtual Stop run(State& state, Environment& env, int64_t fuel) const = 0;
};

std::shared_ptr<const Engine> make_interpreter(std::shared_ptr<const Program> program);

}  // namespace cti::vm
