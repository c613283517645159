// What addresses are made of: for each register, whether it is a sum of others as they are now. Every register is still computed; but
// an access takes the sum itself as its operand and need not wait, and an address that the load from it replaces is not computed.
#include "jit/x86_64/emitter.h"

namespace cti::jit::x86_64 {
namespace {

using isa::Op;

constexpr Sum kUnknown{};

Sum plus(Sum sum, int64_t displacement) {
  int64_t total = sum.displacement + displacement;
  sum.is_exact = sum.is_exact && total == static_cast<int32_t>(total);
  sum.displacement = static_cast<int32_t>(total);
  return sum;
}

// Two sums, if base and index are enough for what they have.
Sum plus(const Sum& a, const Sum& b) {
  if (a.base == Sum::kNone && b.base != Sum::kNone) return plus(b, a);
  if (a.base == Sum::kNone || a.index != Sum::kNone || (b.base != Sum::kNone && b.index != Sum::kNone)) return kUnknown;
  Sum sum = plus(a, b.displacement);
  sum.index = b.base != Sum::kNone ? b.base : b.index;
  sum.shift = b.base != Sum::kNone ? 0 : b.shift;
  sum.is_exact = sum.is_exact && b.is_exact;
  return sum;
}

// A register alone, times 2, 4 or 8.
Sum scaled(const Sum& a, int32_t shift) {
  if (a.base == Sum::kNone || a.index != Sum::kNone || a.displacement != 0 || shift < 1 || shift > 3) return kUnknown;
  return {Sum::kNone, a.base, static_cast<uint8_t>(shift), a.is_exact, 0};
}

}  // namespace

Sum Emitter::sum_after(uint32_t pc) const {
  const isa::Slot& s = slot(pc);
  Sum sum = kUnknown;
  switch (program_.code().ops[pc]) {
    case Op::mov64_reg:
      sum = sum_of(s.src);
      break;
    case Op::mov32_reg:
      sum = sum_of(s.src);
      sum.is_exact = false;
      break;
    case Op::add64_imm:
      sum = plus(sum_of(s.dst), s.imm);
      break;
    case Op::add32_imm:
      sum = plus(sum_of(s.dst), s.imm);
      sum.is_exact = false;
      break;
    case Op::sub64_imm:
      sum = plus(sum_of(s.dst), -int64_t{s.imm});
      break;
    case Op::lsh64_imm:
      sum = scaled(sum_of(s.dst), s.imm);
      break;
    case Op::lsh32_imm:
      sum = scaled(sum_of(s.dst), s.imm);
      sum.is_exact = false;
      break;
    case Op::add64_reg:
      sum = plus(sum_of(s.dst), sum_of(s.src));
      break;
    default:
      break;
  }
  return sum.uses(s.dst) ? kUnknown : sum;
}

void Emitter::forget(unsigned reg) {
  sums_[reg] = kUnknown;
  for (Sum& sum : sums_) {
    if (sum.uses(reg)) sum = kUnknown;
  }
}

void Emitter::track(uint32_t pc) {
  const isa::Slot& s = slot(pc);
  const isa::OpInfo& op = info(pc);
  switch (op.form) {
    case isa::Form::call_number:
    case isa::Form::call_import:
    case isa::Form::call_local:
    case isa::Form::call_register:
      forget_all();
      return;
    case isa::Form::cmpxchg32:
    case isa::Form::cmpxchg64:
      forget(0);
      return;
    default:
      break;
  }
  auto writes = [](isa::RegUse use) { return use == isa::RegUse::write || use == isa::RegUse::modify; };
  if (writes(op.fields().src)) forget(s.src);
  if (!writes(op.fields().dst)) return;
  Sum sum = sum_after(pc);
  forget(s.dst);
  sums_[s.dst] = sum;
}

uint32_t Emitter::emit_address_and_load(uint32_t pc) {
  const uint8_t reg = slot(pc).dst;
  if (program_.code().ops[pc] != Op::mov64_reg || slot(pc).src == reg) return 0;
  const auto before = sums_;
  uint32_t next = pc;
  do {
    track(next++);
  } while (is_joinable(next) && sums_[reg].is_known() && slot(next).dst == reg &&
           (info(next).form == isa::Form::alu64_imm || info(next).form == isa::Form::alu64_reg));
  const Sum sum = sums_[reg];
  bool is_it = is_joinable(next) && info(next).form == isa::Form::load && slot(next).dst == reg && slot(next).src == reg &&
               sum.is_address() && sum.is_exact;
  if (!is_it) {
    sums_ = before;
    return 0;
  }
  const Mem memory = window_memory(sum, slot(next).offset, isa::access_size(slot(next)));
  note_access(next);
  accesses_.back().pending_reg = reg;
  accesses_.back().pending = sum;
  emit_load_from(next, memory);
  track(next);
  return next - pc + 1;
}

}  // namespace cti::jit::x86_64
