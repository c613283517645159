// The compiler to machine code, behind the same interface as the interpreter: same stops, same fuel, same state.
//
//    Program --(plan.h: functions, jump targets)--> x86_64/compiler.h --> Code (code.h) in CodeMemory --> Engine
//
// jit/ holds what any machine needs, jit/x86_64 what a port must write. docs/jit.md tells how the parts fit together.
//
// A program's accesses cannot leave its window by construction: each is formed in one place (x86_64/memory.cc), as a 32-bit address
// added to the window's base. What is not mapped faults, and the fault becomes the program's trap (faults.h).
//
// Thread-safety: functions may be called from any thread. An engine is immutable and shared.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "vm/engine.h"

namespace cti::jit {

// How an access is confined to the window.
enum class Addressing : uint8_t {
  automatic,  // `gs` where the processor and the kernel let us set the base, else `mask`
  gs,         // gs:[32-bit address]: the processor truncates and adds
  mask,       // a 32-bit lea, then [base + address]
};

// Deliberate errors in the compiler, to show that the tests find them. Only where CTI_JIT_MUTANTS is defined: the native tests.
enum class Mutation : uint8_t {
  none,
  zero_extension_dropped,
  wrong_base,
  wrong_scale,
  fuel_check_missing,
  branch_off_by_one,
};

struct Options {
  Addressing addressing = Addressing::automatic;
  bool use_bmi2 = true;  // where the processor has it
  Mutation mutation = Mutation::none;
};

// Null if this machine can run compiled code with 'addressing', else why not.
const char* unsupported(Addressing addressing = Addressing::automatic);

// INVALID_ARGUMENT if the machine cannot do what 'options' ask for; OUT_OF_MEMORY or SYSTEM if there is no memory for code.
Result<std::shared_ptr<const vm::Engine>> make_jit(std::shared_ptr<const vm::Program> program, const Options& options = {});

// The machine code of a compiled program, for people and tests; empty for another engine. Valid as long as the engine.
struct Listing {
  Bytes code;                           // as it runs, the tables behind it left out
  std::span<const uint32_t> offsets;    // per slot where its code starts; ~0 for a slot that has none of its own
};
Listing listing(const vm::Engine& engine);

}  // namespace cti::jit
