// Jumps, fuel, calls and exit. A charge is taken where a backward jump is taken and where a function is entered (docs/internals.md,
// Fuel); forward code costs nothing.
#include <cstddef>

#include "jit/x86_64/emitter.h"
#include "jit/x86_64/operations.h"

namespace cti::jit::x86_64 {

using namespace asmjit;

namespace {

x86::CondCode condition_code(Jump jump) {
  switch (jump) {
    case Jump::eq:
      return x86::CondCode::kE;
    case Jump::ne:
    case Jump::set:
      return x86::CondCode::kNE;
    case Jump::gt:
      return x86::CondCode::kA;
    case Jump::ge:
      return x86::CondCode::kAE;
    case Jump::lt:
      return x86::CondCode::kB;
    case Jump::le:
      return x86::CondCode::kBE;
    case Jump::sgt:
      return x86::CondCode::kG;
    case Jump::sge:
      return x86::CondCode::kGE;
    case Jump::slt:
      return x86::CondCode::kL;
    case Jump::sle:
      return x86::CondCode::kLE;
    default:
      __builtin_unreachable();
  }
}

Mem field(const Gp& activation, size_t offset) { return x86::qword_ptr(activation, static_cast<int32_t>(offset)); }

}  // namespace

Label Emitter::jump_label(uint32_t target) {
  if (is_mutant(Mutation::branch_off_by_one) && target + 1 < n_slots_ && offsets_.size() > target + 1 &&
      !info(target).is_wide()) {
    plan_.flags[target + 1] |= kIsTarget;
    return label_of(target + 1);
  }
  return label_of(target);
}

void Emitter::emit_compare(uint32_t pc, bool is_wide, bool has_imm) {
  const isa::Slot& s = slot(pc);
  const Gp left = is_wide ? kRegisters[s.dst] : kRegisters[s.dst].r32();
  const Gp right = is_wide ? kRegisters[s.src] : kRegisters[s.src].r32();
  bool is_set = condition(s) == Jump::set;
  if (!has_imm) {
    a_.emit(is_set ? x86::Inst::kIdTest : x86::Inst::kIdCmp, left, right);
  } else if (is_set) {
    a_.test(s.imm >= 0 ? left.r32() : left, s.imm);
  } else if (s.imm == 0) {
    a_.test(left, left);
  } else {
    a_.cmp(left, s.imm);
  }
}

uint32_t Emitter::emit_jump_if(uint32_t pc, bool is_wide, bool has_imm) {
  const isa::Slot& s = slot(pc);
  auto target = jump_target(pc);
  x86::CondCode code = condition_code(condition(s));
  if (target == pc + 2 && emit_conditional_move(pc, code, is_wide, has_imm)) return 2;
  if (target > pc) {
    emit_compare(pc, is_wide, has_imm);
    a_.j(code, jump_label(target));
    return 1;
  }
  emit_charged_jump_if(pc, target, code, is_wide, has_imm);
  return 1;
}

void Emitter::emit_charged_jump_if(uint32_t pc, uint32_t target, x86::CondCode code, bool is_wide, bool has_imm) {
  emit_compare(pc, is_wide, has_imm);
  if (plan_.flags[pc] & kIsBottom) {
    Label not_taken = a_.newLabel();
    a_.short_().j(x86::negateCond(code), not_taken);
    emit_charge_and_jump(pc, target);
    a_.bind(not_taken);
    return;
  }
  Label taken = a_.newLabel();
  a_.j(code, taken);
  stubs_.push_back({Stub::Kind::charge, 0, false, false, taken, {}, pc});
}

// A jump over one move: compilers write it for a choice that seldom can be foretold.
bool Emitter::emit_conditional_move(uint32_t pc, x86::CondCode code, bool is_wide, bool has_imm) {
  if (!is_joinable(pc + 1)) return false;
  const isa::Slot& move = slot(pc + 1);
  // Where the same question comes again at once, it is foretold or not all the same.
  const isa::Slot& asked = slot(pc);
  for (uint32_t next = pc + 2; next < n_slots_ && next < pc + 4; next++) {
    const isa::Slot& s = slot(next);
    if (s.code == asked.code && s.dst == asked.dst && s.src == asked.src && s.imm == asked.imm) return false;
  }
  const Gp dst = kRegisters[move.dst];
  Gp src = kScratch;
  switch (program_.code().ops[pc + 1]) {
    case isa::Op::mov64_reg:
      src = kRegisters[move.src];
      break;
    case isa::Op::mov32_reg:
      // A conditional move of 32 bits would clear the upper half even where it does not move.
      a_.mov(kScratch.r32(), kRegisters[move.src].r32());
      break;
    case isa::Op::mov64_imm:
      a_.mov(kScratch, static_cast<int64_t>(move.imm));
      break;
    case isa::Op::mov32_imm:
      a_.mov(kScratch.r32(), static_cast<uint32_t>(move.imm));
      break;
    default:
      return false;
  }
  emit_compare(pc, is_wide, has_imm);
  a_.cmov(x86::negateCond(code), dst, src);
  return true;
}

void Emitter::emit_jump(uint32_t pc) {
  auto target = jump_target(pc);
  if (target <= pc) {
    emit_charge_and_jump(pc, target);
  } else if (target != pc + 1) {
    a_.jmp(jump_label(target));
  }
}

void Emitter::emit_charge_and_jump(uint32_t pc, uint32_t target) {
  a_.sub(kFuel, static_cast<int32_t>(pc - target + 1));
  if (is_mutant(Mutation::fuel_check_missing)) {
    a_.jmp(label_of(target));
    return;
  }
  a_.jg(label_of(target));
  a_.jmp(stop_label(Reason::out_of_fuel, target));
}

void Emitter::emit_call_local(uint32_t pc) {
  auto target = jump_target(pc);
  a_.call(prologues_[plan_.function_of(target)]);
  call_sites_.push_back({static_cast<uint32_t>(a_.offset()), pc + 1});
}

void Emitter::emit_call_kernel(uint32_t pc) {
  a_.mov(kScratch, reinterpret_cast<uintptr_t>(program_.callee(info(pc), slot(pc).imm).code));
  emit_kernel_call_sequence(pc);
}

// Calls KernelResult f(Environment&, const KernelArgs&) on the host's stack. The result's place comes first (System V ABI: a result of
// more than 16 bytes).
void Emitter::emit_kernel_call_sequence(uint32_t pc) {
  a_.mov(kScratch2, x86::qword_ptr(kStack));
  for (unsigned i = 0; i < 5; i++) a_.mov(field(kScratch2, offsetof(Activation, args) + 8 * i), kRegisters[1 + i]);
  a_.mov(field(kScratch2, offsetof(Activation, saved_r0)), kRegisters[0]);
  a_.mov(field(kScratch2, offsetof(Activation, saved_r10)), kFramePointer);
  a_.lea(x86::rdi, x86::ptr(kScratch2, offsetof(Activation, result)));
  a_.mov(x86::rsi, field(kScratch2, offsetof(Activation, env)));
  a_.lea(x86::rdx, x86::ptr(kScratch2, offsetof(Activation, args)));
  a_.call(kScratch);

  a_.mov(kScratch2, x86::qword_ptr(kStack));
  a_.mov(kFramePointer, field(kScratch2, offsetof(Activation, saved_r10)));
  static_assert(static_cast<int>(vm::KernelResult::Kind::value) == 0);
  a_.cmp(x86::byte_ptr(kScratch2, offsetof(Activation, result) + offsetof(vm::KernelResult, kind)), 0);
  a_.jne(stop_label(Reason::kernel, pc));
  a_.mov(kRegisters[0], field(kScratch2, offsetof(Activation, result) + offsetof(vm::KernelResult, value)));
  for (unsigned i = 1; i <= 5; i++) a_.xor_(kRegisters[i].r32(), kRegisters[i].r32());
  a_.sub(kFuel, field(kScratch2, offsetof(Activation, result) + offsetof(vm::KernelResult, charge)));
  a_.jle(stop_label(Reason::out_of_fuel, pc + 1));
}

// A code address is 0x10000 + 8 n: less 0x10000 and rotated by 3 it is n, or, if it is not of this form, too large.
void Emitter::emit_call_register(uint32_t pc) {
  const Gp value = kRegisters[slot(pc).dst];
  Label back = a_.newLabel();
  Label other = a_.newLabel();
  Label bad = stop_label(Reason::bad_call_target, pc);
  a_.cmp(value, static_cast<int32_t>(isa::kCodeBase));
  a_.jb(other);
  stubs_.push_back({Stub::Kind::callx_kernel, slot(pc).dst, false, false, other, back, pc});
  a_.lea(kScratch, x86::ptr(value, -static_cast<int32_t>(isa::kCodeBase)));
  a_.ror(kScratch, 3);
  a_.cmp(kScratch, static_cast<int32_t>(n_slots_));
  a_.jae(bad);
  a_.lea(kScratch2, x86::ptr(entry_table_));
  a_.movsxd(kScratch, x86::dword_ptr(kScratch2, kScratch, 2));
  a_.test(kScratch, kScratch);
  a_.jz(bad);
  a_.add(kScratch, kScratch2);
  a_.call(kScratch);
  call_sites_.push_back({static_cast<uint32_t>(a_.offset()), pc + 1});
  a_.bind(back);
}

void Emitter::emit_exit(uint32_t pc) {
  const FunctionPlan& plan = function();
  bool may_be_outermost = plan_.is_uniform || function_ == plan_.entry_function;
  if (may_be_outermost) {
    if (!plan.is_called) return emit_stop(Reason::exited, pc);
    a_.cmp(kFramePointer.r32(), static_cast<int32_t>(window::frame_pointer(0)));
    a_.je(stop_label(Reason::exited, pc));
  }
  if (plan.has_context || plan.has_pad) a_.add(kStack, 8 * (plan.has_context + plan.has_pad));
  for (unsigned i = 0; i < 4; i++) {
    if (plan.saved & (1u << i)) a_.pop(kRegisters[6 + i]);
  }
  a_.add(kFramePointer.r32(), static_cast<int32_t>(window::kFrameSize));
  a_.ret();
}

}  // namespace cti::jit::x86_64
