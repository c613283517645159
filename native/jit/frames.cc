#include "jit/frames.h"

namespace cti::jit {
namespace {

constexpr unsigned kFirstSaved = 6;

// The function that runs at 'depth' of a state.
const FunctionPlan& function_at(const Plan& plan, const vm::State& state, unsigned depth) {
  uint32_t slot = depth < state.depth ? state.frames[depth].return_pc - 1 : state.pc;
  return plan.functions[plan.function_of(slot)];
}

// r6+i as the function at 'depth' has it.
uint64_t kept(const vm::State& state, unsigned depth, unsigned i) {
  return depth < state.depth ? state.frames[depth].saved[i] : state.regs[kFirstSaved + i];
}

}  // namespace

bool build_frames(const Code& code, const vm::State& state, Activation& activation) {
  const Plan& plan = code.plan;
  if (state.pc >= code.offsets.size() || code.offsets[state.pc] == kNoCode || state.depth > state.frames.size() ||
      state.regs[isa::kFramePointer] != window::frame_pointer(state.depth)) {
    return false;
  }
  for (unsigned depth = 0; depth < state.depth; depth++) {
    if (!code.find_call_site_by_pc(state.frames[depth].return_pc)) return false;
  }
  // From the innermost frame, whose words are lowest, outwards.
  unsigned n = 0;
  for (unsigned depth = state.depth + 1; depth-- > 0;) {
    const FunctionPlan& function = function_at(plan, state, depth);
    bool is_entry = &function == &plan.functions[plan.entry_function];
    // Only the entry's function knows how to exit at depth 0; a frame above needs a function that returns. A program whose functions
    // all save everything is one where functions run into each other: any function may be anywhere.
    if (depth == 0 ? !is_entry && !plan.is_uniform : !function.is_called) return false;
    if (function.has_context) activation.words[n++] = reinterpret_cast<uintptr_t>(&activation);
    if (function.has_pad) activation.words[n++] = 0;
    for (unsigned i = 0; i < 4; i++) {
      uint64_t callers = depth == 0 ? 0 : state.frames[depth - 1].saved[i];
      if (function.saved & (1u << i)) {
        activation.words[n++] = callers;
      } else if (depth > 0 && callers != kept(state, depth, i)) {
        return false;
      }
    }
    const CallSite* site = depth == 0 ? nullptr : code.find_call_site_by_pc(state.frames[depth - 1].return_pc);
    activation.words[n++] = site ? reinterpret_cast<uintptr_t>(code.start() + site->offset) : 0;
  }
  activation.n_words = n;
  activation.regs = state.regs;
  activation.target = code.start() + code.offsets[state.pc];
  return true;
}

void read_frames(const Code& code, const std::array<uint64_t, isa::kNumRegisters>& regs, uint32_t pc, const uint64_t* stack,
                 vm::State& state) {
  state.regs = regs;
  state.depth = static_cast<uint32_t>((window::frame_pointer(0) - regs[isa::kFramePointer]) / window::kFrameSize);
  const FunctionPlan* function = &code.plan.functions[code.plan.function_of(pc)];
  std::array<uint64_t, 4> kept;
  for (unsigned i = 0; i < 4; i++) kept[i] = regs[kFirstSaved + i];
  for (unsigned depth = state.depth; depth-- > 0;) {
    // SAFETY: these are the frames that functions of this code pushed; plan.h says how they look.
    stack += function->has_context + function->has_pad;
    for (unsigned i = 0; i < 4; i++) {
      if (function->saved & (1u << i)) kept[i] = *stack++;
    }
    uint64_t offset = *stack++ - reinterpret_cast<uintptr_t>(code.start());
    uint32_t return_pc = code.find_call_site_by_offset(offset)->return_pc;
    state.frames[depth] = {kept, return_pc};
    function = &code.plan.functions[code.plan.function_of(return_pc - 1)];
  }
}

}  // namespace cti::jit
