// Emits a program's machine code, one instruction after the other, in one pass. The parts, a file each:
//
//    emitter.cc    the walk over the program, functions, what stands out of line
//    alu.cc        arithmetic, moves, byte order
//    divide.cc     division
//    memory.cc     loads, stores, atomics: the only place that forms a memory operand of the window
//    sums.cc       what addresses are made of
//    control.cc    jumps, fuel, calls, exit
//
// Between two of the program's instructions every register is in its machine register and nothing is pending, so that a State can be
// read, or gone on from, at any of them. Instructions may be joined where the second is no jump target and neither can stop.
//
// Thread-safety: a value of one thread.
#pragma once

#include <array>
#include <vector>

#include "jit/jit.h"
#include "jit/machine.h"
#include "jit/x86_64/registers.h"

namespace cti::jit::x86_64 {

using asmjit::Label;
using asmjit::x86::Mem;

class Emitter {
 public:
  // 'assembler' is attached to an empty holder.
  Emitter(asmjit::x86::Assembler& assembler, const vm::Program& program, Plan plan, const Options& options);

  // Everything; then finish() with where it will run.
  void emit();
  Code take_code();

 private:

  const isa::Slot& slot(uint32_t pc) const { return slots_[pc]; }
  const isa::OpInfo& info(uint32_t pc) const { return isa::op_info(program_.code().ops[pc]); }
  // Whether 'pc' can be joined to the instruction before it.
  bool is_joinable(uint32_t pc) const { return pc < n_slots_ && !(plan_.flags[pc] & kArrives); }
  bool is_mutant(Mutation mutation) const;
  Label label_of(uint32_t pc);
  uint32_t jump_target(uint32_t pc) const { return static_cast<uint32_t>(isa::jump_target(info(pc), slot(pc), pc)); }
  const FunctionPlan& function() const { return plan_.functions[function_]; }

  // emitter.cc. Each returns how many slots it did.
  uint32_t emit_some(uint32_t pc);
  uint32_t emit_one(uint32_t pc);
  void emit_prologue(uint32_t pc);
  void emit_out_of_line();
  void emit_tables();
  void emit_stop(Reason reason, uint32_t pc);
  // A label whose code stops with 'reason' at 'pc'.
  Label stop_label(Reason reason, uint32_t pc);

  // alu.cc
  uint32_t emit_alu(uint32_t pc, bool is_wide, bool has_imm);
  uint32_t emit_move(uint32_t pc, bool is_wide, bool has_imm);
  bool emit_move_and_more(uint32_t pc, bool is_wide);
  bool emit_shift_pair(uint32_t pc);
  void emit_shift(const isa::Slot& slot, bool is_wide, bool has_imm);
  void emit_and_imm(Gp dst, int32_t imm, bool is_wide);
  void emit_byteswap(const isa::Slot& slot);
  void load_imm(Gp dst, uint64_t value);

  // divide.cc
  void emit_divide(const isa::Slot& slot, bool is_wide, bool has_imm);
  void emit_divide_by_reciprocal(Gp dst, uint32_t divisor, bool is_remainder);
  bool emit_divide_simple(const isa::Slot& slot, bool is_wide, bool is_signed, bool is_remainder);

  // sums.cc
  // Takes note of what the instruction at 'pc' does to the sums.
  void track(uint32_t pc);
  Sum sum_after(uint32_t pc) const;
  Sum sum_of(unsigned reg) const { return sums_[reg].is_known() ? sums_[reg] : Sum{static_cast<uint8_t>(reg)}; }
  void forget(unsigned reg);
  void forget_all() { sums_.fill({}); }
  // An address computed in a register that the load from it replaces: the load alone. 0 if it is no such thing.
  uint32_t emit_address_and_load(uint32_t pc);

  // memory.cc
  // The operand of an access to the window at 'reg' + 'offset'; 'size' in bytes. May use kScratch.
  Mem window_memory(unsigned reg, int32_t offset, unsigned size);
  Mem window_memory(Sum sum, int32_t offset, unsigned size);
  // A lea's operand that gives the low 32 bits of 'sum'.
  static Mem address_of(const Sum& sum, bool is_32_bit);
  void emit_load_from(uint32_t pc, const Mem& memory);
  // That of an access to the address in kScratch's low half.
  Mem window_memory_at_scratch(unsigned size);
  void note_access(uint32_t pc);
  void emit_load(uint32_t pc);
  void emit_store_imm(uint32_t pc);
  void emit_store_reg(uint32_t pc);
  void emit_atomic(uint32_t pc);
  void emit_fetch_loop(const isa::Slot& slot, const Mem& memory);

  // control.cc
  uint32_t emit_jump_if(uint32_t pc, bool is_wide, bool has_imm);
  bool emit_conditional_move(uint32_t pc, asmjit::x86::CondCode code, bool is_wide, bool has_imm);
  void emit_compare(uint32_t pc, bool is_wide, bool has_imm);
  void emit_jump(uint32_t pc);
  void emit_charged_jump_if(uint32_t pc, uint32_t target, asmjit::x86::CondCode code, bool is_wide, bool has_imm);
  void emit_charge_and_jump(uint32_t pc, uint32_t target);
  void emit_call_local(uint32_t pc);
  void emit_call_kernel(uint32_t pc);
  void emit_call_register(uint32_t pc);
  // Calls what kScratch holds.
  void emit_kernel_call_sequence(uint32_t pc);
  void emit_exit(uint32_t pc);
  Label jump_label(uint32_t target);

  asmjit::x86::Assembler& a_;
  const vm::Program& program_;
  const std::vector<isa::Slot>& slots_;
  const uint32_t n_slots_;
  const Options& options_;
  Plan plan_;
  uint32_t function_ = 0;
  const bool uses_gs_;
  const bool has_bmi2_;

  std::array<Sum, isa::kNumRegisters> sums_{};
  std::vector<Label> labels_;    // of jump targets and entries, made when first needed
  std::vector<Label> prologues_; // per function
  Label common_stop_;
  Label entry_table_;

  // What stands behind the program: stops, and the rare side of divisions and calls.
  struct Stub {
    enum class Kind : uint8_t { stop, divide_by_zero, divide_by_minus_one, callx_kernel, charge } kind;
    uint8_t dst;
    bool is_wide;
    bool is_remainder;
    Label label;
    Label back;
    uint32_t word;  // stop word, or pc
  };
  std::vector<Stub> stubs_;

  std::vector<uint32_t> offsets_;
  std::vector<Access> accesses_;
  std::vector<CallSite> call_sites_;
  uint32_t size_ = 0;
};

// The code that enters and leaves compiled programs; one for all.
struct Runtime {
  CodeBlock block;
  void (*enter)(Activation*);
  const uint8_t* stop;
};
// Null if there was no memory for it.
const Runtime* runtime();

bool has_bmi2();

// The kernel function that callx_value of the activation around 'args' names.
vm::KernelResult call_kernel_by_number(vm::Environment& env, const vm::KernelArgs& args);

inline bool Emitter::is_mutant([[maybe_unused]] Mutation mutation) const {
#ifdef CTI_JIT_MUTANTS
  return options_.mutation == mutation;
#else
  return false;
#endif
}

}  // namespace cti::jit::x86_64
