#include "jit/x86_64/emitter.h"

#include <cstddef>

namespace cti::jit::x86_64 {

using namespace asmjit;
using isa::Form;

Emitter::Emitter(x86::Assembler& assembler, const vm::Program& program, Plan plan, const Options& options)
    : a_(assembler),
      program_(program),
      slots_(program.code().slots),
      n_slots_(program.n_slots()),
      options_(options),
      plan_(std::move(plan)),
      uses_gs_(options.addressing == Addressing::gs),
      has_bmi2_(options.use_bmi2 && has_bmi2()),
      labels_(n_slots_),
      offsets_(n_slots_ + 1, kNoCode) {
  for (size_t i = 0; i < plan_.functions.size(); i++) prologues_.push_back(a_.newLabel());
  common_stop_ = a_.newLabel();
  entry_table_ = a_.newLabel();
}

Label Emitter::label_of(uint32_t pc) {
  if (!labels_[pc].isValid()) labels_[pc] = a_.newLabel();
  return labels_[pc];
}

void Emitter::emit() {
  for (uint32_t pc = 0; pc < n_slots_;) {
    uint8_t flags = plan_.flags[pc];
    if (flags & kIsEntry) {
      function_ = plan_.function_of(pc);
      emit_prologue(pc);
    } else if (flags & kIsLoopHead) {
      a_.align(AlignMode::kCode, flags & kIsSmallLoop ? 64 : 16);
    }
    if (flags & kArrives) {
      a_.bind(label_of(pc));
      forget_all();
    }
    offsets_[pc] = static_cast<uint32_t>(a_.offset());
    pc += emit_some(pc);
  }
  offsets_[n_slots_] = static_cast<uint32_t>(a_.offset());
  emit_stop(Reason::end_of_program, n_slots_);
  emit_out_of_line();
  size_ = static_cast<uint32_t>(a_.offset());
  emit_tables();
}

uint32_t Emitter::emit_some(uint32_t pc) {
  if (uint32_t n = emit_address_and_load(pc)) return n;
  uint32_t n = emit_one(pc);
  if (info(pc).fields().offset == isa::OffsetUse::jump) {
    if (n == 2) forget(slot(pc + 1).dst);  // moved or not
  } else {
    track(pc);
    if (n == 2 && !info(pc).is_wide()) track(pc + 1);
  }
  return n;
}

// Where calls arrive. What falls into the function goes around it.
void Emitter::emit_prologue(uint32_t pc) {
  const FunctionPlan& plan = function();
  if (!plan.is_called) return;
  bool falls_in = pc > 0 && plan_.is_uniform;
  if (falls_in) a_.jmp(label_of(pc));
  a_.align(AlignMode::kCode, 16);
  a_.bind(prologues_[function_]);
  // The innermost of 8 frames calls nobody.
  a_.cmp(kFramePointer.r32(), static_cast<int32_t>(window::frame_pointer(window::kMaxFrames - 1)));
  a_.je(stop_label(Reason::stack_overflow, pc));
  for (unsigned i = 4; i-- > 0;) {
    if (plan.saved & (1u << i)) a_.push(kRegisters[6 + i]);
  }
  if (plan.has_pad) a_.push(kRegisters[0]);
  // The caller's context word lies above the return address.
  if (plan.has_context) a_.push(x86::qword_ptr(kStack, static_cast<int32_t>(8 * (plan.has_pad + plan.n_saved() + 1))));
  a_.sub(kFramePointer.r32(), static_cast<int32_t>(window::kFrameSize));
  a_.sub(kFuel, static_cast<int32_t>(plan.charge));
  a_.jle(stop_label(Reason::out_of_fuel, pc));
}

uint32_t Emitter::emit_one(uint32_t pc) {
  const isa::OpInfo& op = info(pc);
  const isa::Slot& s = slot(pc);
  switch (op.form) {
    case Form::alu64_imm:
      return emit_alu(pc, true, true);
    case Form::alu64_reg:
      return emit_alu(pc, true, false);
    case Form::alu32_imm:
      return emit_alu(pc, false, true);
    case Form::alu32_reg:
      return emit_alu(pc, false, false);
    case Form::neg64:
      a_.neg(kRegisters[s.dst]);
      return 1;
    case Form::neg32:
      a_.neg(kRegisters[s.dst].r32());
      return 1;
    case Form::byteswap:
      emit_byteswap(s);
      return 1;
    case Form::jump64_imm:
      return emit_jump_if(pc, true, true);
    case Form::jump64_reg:
      return emit_jump_if(pc, true, false);
    case Form::jump32_imm:
      return emit_jump_if(pc, false, true);
    case Form::jump32_reg:
      return emit_jump_if(pc, false, false);
    case Form::jump:
    case Form::jump_long:
      emit_jump(pc);
      return 1;
    case Form::call_number:
    case Form::call_import:
      emit_call_kernel(pc);
      return 1;
    case Form::call_local:
      emit_call_local(pc);
      return 1;
    case Form::call_register:
      emit_call_register(pc);
      return 1;
    case Form::exit:
      emit_exit(pc);
      return 1;
    case Form::wide_imm:
      load_imm(kRegisters[s.dst], uint64_t{static_cast<uint32_t>(slot(pc + 1).imm)} << 32 | static_cast<uint32_t>(s.imm));
      return 2;
    case Form::wide_code:
      load_imm(kRegisters[s.dst], isa::code_address(static_cast<uint32_t>(isa::jump_target(op, s, pc))));
      return 2;
    case Form::load:
      emit_load(pc);
      return 1;
    case Form::store_imm:
      emit_store_imm(pc);
      return 1;
    case Form::store_reg:
      emit_store_reg(pc);
      return 1;
    case Form::atomic32:
    case Form::atomic64:
    case Form::fetch32:
    case Form::fetch64:
    case Form::cmpxchg32:
    case Form::cmpxchg64:
      emit_atomic(pc);
      return 1;
    case Form::wide_unlinked:
      break;  // the checker refuses them
  }
  __builtin_unreachable();
}

void Emitter::emit_stop(Reason reason, uint32_t pc) {
  a_.mov(kScratch2.r32(), stop_word(reason, pc));
  a_.jmp(common_stop_);
}

Label Emitter::stop_label(Reason reason, uint32_t pc) {
  Label label = a_.newLabel();
  stubs_.push_back({Stub::Kind::stop, 0, false, false, label, {}, stop_word(reason, pc)});
  return label;
}

void Emitter::emit_out_of_line() {
  for (size_t i = 0; i < stubs_.size(); i++) {
    const Stub stub = stubs_[i];  // a copy: emitting may add stubs
    const Gp dst = kRegisters[stub.dst];
    a_.bind(stub.label);
    switch (stub.kind) {
      case Stub::Kind::stop:
        a_.mov(kScratch2.r32(), stub.word);
        a_.jmp(common_stop_);
        break;
      case Stub::Kind::divide_by_zero:
        if (!stub.is_remainder) {
          a_.xor_(dst.r32(), dst.r32());
        } else if (!stub.is_wide) {
          a_.mov(dst.r32(), dst.r32());
        }
        a_.jmp(stub.back);
        break;
      case Stub::Kind::divide_by_minus_one:
        if (stub.is_remainder) {
          a_.xor_(dst.r32(), dst.r32());
        } else {
          a_.neg(stub.is_wide ? dst : dst.r32());
        }
        a_.jmp(stub.back);
        break;
      case Stub::Kind::charge:
        emit_charge_and_jump(stub.word, jump_target(stub.word));
        break;
      case Stub::Kind::callx_kernel:
        a_.mov(kScratch2, x86::qword_ptr(kStack));
        a_.mov(x86::qword_ptr(kScratch2, offsetof(Activation, callx_value)), dst);
        a_.mov(kScratch, reinterpret_cast<uintptr_t>(&call_kernel_by_number));
        emit_kernel_call_sequence(stub.word);
        a_.jmp(stub.back);
        break;
    }
  }
  a_.bind(common_stop_);
  a_.mov(kScratch, reinterpret_cast<uintptr_t>(runtime()->stop));
  a_.jmp(kScratch);
}

// Per slot where a call of it arrives, from the table's own start; 0: not a function's entry.
void Emitter::emit_tables() {
  if (!plan_.has_callx) return;
  a_.align(AlignMode::kZero, 64);
  a_.bind(entry_table_);
  auto start = static_cast<int64_t>(a_.offset());
  std::vector<int32_t> table(n_slots_);
  for (size_t i = 0; i < plan_.functions.size(); i++) {
    auto at = static_cast<int64_t>(a_.code()->labelOffset(prologues_[i]));
    table[plan_.functions[i].entry] = static_cast<int32_t>(at - start);
  }
  a_.embed(table.data(), table.size() * sizeof table[0]);
}

Code Emitter::take_code() {
  return {{}, size_, std::move(plan_), std::move(offsets_), std::move(accesses_), std::move(call_sites_)};
}

}  // namespace cti::jit::x86_64
