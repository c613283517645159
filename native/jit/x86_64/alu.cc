// Arithmetic, moves and byte order (RFC 9669, sections 4.1 and 4.2).
#include "jit/x86_64/emitter.h"
#include "jit/x86_64/operations.h"

namespace cti::jit::x86_64 {

using namespace asmjit;

void Emitter::load_imm(Gp dst, uint64_t value) {
  if (value == 0) {
    a_.xor_(dst.r32(), dst.r32());
  } else if (value <= UINT32_MAX) {
    a_.mov(dst.r32(), static_cast<uint32_t>(value));
  } else {
    a_.mov(dst, static_cast<int64_t>(value));  // asmjit takes the sign-extended form where it fits
  }
}

uint32_t Emitter::emit_alu(uint32_t pc, bool is_wide, bool has_imm) {
  const isa::Slot& s = slot(pc);
  const Gp dst = is_wide ? kRegisters[s.dst] : kRegisters[s.dst].r32();
  const Gp src = is_wide ? kRegisters[s.src] : kRegisters[s.src].r32();
  const Operand right = has_imm ? static_cast<Operand>(Imm(s.imm)) : static_cast<Operand>(src);
  switch (operation(s)) {
    case Alu::add:
      a_.emit(x86::Inst::kIdAdd, dst, right);
      return 1;
    case Alu::sub:
      a_.emit(x86::Inst::kIdSub, dst, right);
      return 1;
    case Alu::mul:
      if (has_imm) {
        a_.imul(dst, dst, s.imm);
      } else {
        a_.imul(dst, src);
      }
      return 1;
    case Alu::div:
    case Alu::mod:
      emit_divide(s, is_wide, has_imm);
      return 1;
    case Alu::or_:
      a_.emit(x86::Inst::kIdOr, dst, right);
      return 1;
    case Alu::and_:
      if (has_imm) {
        emit_and_imm(kRegisters[s.dst], s.imm, is_wide);
      } else {
        a_.and_(dst, src);
      }
      return 1;
    case Alu::xor_:
      a_.emit(x86::Inst::kIdXor, dst, right);
      return 1;
    case Alu::lsh:
      if (is_wide && has_imm && emit_shift_pair(pc)) return 2;
      [[fallthrough]];
    case Alu::rsh:
    case Alu::arsh:
      emit_shift(s, is_wide, has_imm);
      return 1;
    case Alu::mov:
      return emit_move(pc, is_wide, has_imm);
    case Alu::neg:
    case Alu::end:
      break;  // forms of their own
  }
  __builtin_unreachable();
}

// A mask that is not negative clears the upper half either way: the shorter 32-bit form will do.
void Emitter::emit_and_imm(Gp dst, int32_t imm, bool is_wide) {
  if (imm == 0xff) {
    a_.movzx(dst.r32(), dst.r8());
  } else if (imm == 0xffff) {
    a_.movzx(dst.r32(), dst.r16());
  } else if (is_wide && imm < 0) {
    a_.and_(dst, imm);
  } else {
    a_.and_(dst.r32(), imm);
  }
}

uint32_t Emitter::emit_move(uint32_t pc, bool is_wide, bool has_imm) {
  const isa::Slot& s = slot(pc);
  const Gp dst = kRegisters[s.dst];
  const Gp src = kRegisters[s.src];
  if (has_imm) {
    load_imm(dst, is_wide ? static_cast<uint64_t>(int64_t{s.imm}) : static_cast<uint32_t>(s.imm));
    return 1;
  }
  switch (s.offset) {
    case 8:
      a_.movsx(is_wide ? dst : dst.r32(), src.r8());
      return 1;
    case 16:
      a_.movsx(is_wide ? dst : dst.r32(), src.r16());
      return 1;
    case 32:
      a_.movsxd(dst, src.r32());
      return 1;
    default:
      break;
  }
  if (emit_move_and_more(pc, is_wide)) return 2;
  if (is_wide) {
    if (s.dst != s.src) a_.mov(dst, src);
  } else if (is_mutant(Mutation::zero_extension_dropped)) {
    a_.mov(dst, src);
  } else {
    a_.mov(dst.r32(), src.r32());
  }
  return 1;
}

// dst = src; dst op= x in one instruction.
bool Emitter::emit_move_and_more(uint32_t pc, bool is_wide) {
  if (!is_joinable(pc + 1)) return false;
  const isa::Slot& first = slot(pc);
  const isa::Slot& second = slot(pc + 1);
  isa::Op op = program_.code().ops[pc + 1];
  if (first.dst == first.src || second.dst != first.dst) return false;
  const Gp dst = is_wide ? kRegisters[first.dst] : kRegisters[first.dst].r32();
  const Gp src = kRegisters[first.src];
  bool adds_reg = op == (is_wide ? isa::Op::add64_reg : isa::Op::add32_reg);
  bool adds_imm = op == (is_wide ? isa::Op::add64_imm : isa::Op::add32_imm);
  bool shifts = op == (is_wide ? isa::Op::lsh64_imm : isa::Op::lsh32_imm) && second.imm >= 1 && second.imm <= 3;
  bool masks = op == isa::Op::and64_imm || op == isa::Op::and32_imm;
  if (adds_reg) {
    const Gp added = second.src == first.dst ? src : kRegisters[second.src];
    a_.lea(dst, x86::ptr(src, added));
  } else if (adds_imm) {
    a_.lea(dst, x86::ptr(src, second.imm));
  } else if (shifts) {
    unsigned scale = static_cast<unsigned>(second.imm) + (is_mutant(Mutation::wrong_scale) ? 1 : 0);
    a_.lea(dst, scale > 3 ? x86::ptr(src, src) : scale == 1 ? x86::ptr(src, src) : x86::ptr(0, src, scale));
  } else if (masks && second.imm == 0xff) {
    a_.movzx(kRegisters[first.dst].r32(), src.r8());
  } else if (masks && second.imm == 0xffff) {
    a_.movzx(kRegisters[first.dst].r32(), src.r16());
  } else {
    return false;
  }
  return true;
}

// x <<= n; x >>= n for the widths that a move extends.
bool Emitter::emit_shift_pair(uint32_t pc) {
  if (!is_joinable(pc + 1)) return false;
  const isa::Slot& first = slot(pc);
  const isa::Slot& second = slot(pc + 1);
  isa::Op op = program_.code().ops[pc + 1];
  bool is_signed = op == isa::Op::arsh64_imm;
  if ((op != isa::Op::rsh64_imm && !is_signed) || second.dst != first.dst || second.imm != first.imm) return false;
  const Gp dst = kRegisters[first.dst];
  switch (first.imm) {
    case 32:
      if (is_signed) {
        a_.movsxd(dst, dst.r32());
      } else {
        a_.mov(dst.r32(), dst.r32());
      }
      return true;
    case 48:
      if (is_signed) {
        a_.movsx(dst, dst.r16());
      } else {
        a_.movzx(dst.r32(), dst.r16());
      }
      return true;
    case 56:
      if (is_signed) {
        a_.movsx(dst, dst.r8());
      } else {
        a_.movzx(dst.r32(), dst.r8());
      }
      return true;
    default:
      return false;
  }
}

// The processor takes counts modulo the width, as the program does.
void Emitter::emit_shift(const isa::Slot& s, bool is_wide, bool has_imm) {
  Alu op = operation(s);
  const Gp dst = is_wide ? kRegisters[s.dst] : kRegisters[s.dst].r32();
  InstId by_count = op == Alu::lsh ? x86::Inst::kIdShl : op == Alu::rsh ? x86::Inst::kIdShr : x86::Inst::kIdSar;
  if (has_imm) {
    int count = s.imm & (is_wide ? 63 : 31);
    if (count != 0) {
      a_.emit(by_count, dst, Imm(count));
    } else if (!is_wide) {
      a_.mov(dst, dst);
    }
    return;
  }
  const Gp count = kRegisters[s.src];
  if (has_bmi2_) {
    InstId id = op == Alu::lsh ? x86::Inst::kIdShlx : op == Alu::rsh ? x86::Inst::kIdShrx : x86::Inst::kIdSarx;
    a_.emit(id, dst, dst, is_wide ? count : count.r32());
    return;
  }
  if (count == x86::rcx) {
    if (kRegisters[s.dst] != x86::rcx) {
      a_.emit(by_count, dst, x86::cl);
    } else {
      a_.mov(kScratch, x86::rcx);
      a_.emit(by_count, is_wide ? kScratch : kScratch.r32(), x86::cl);
      a_.mov(x86::rcx, kScratch);
    }
  } else if (kRegisters[s.dst] == x86::rcx) {
    a_.mov(kScratch, x86::rcx);
    a_.mov(x86::ecx, count.r32());
    a_.emit(by_count, is_wide ? kScratch : kScratch.r32(), x86::cl);
    a_.mov(x86::rcx, kScratch);
  } else {
    a_.mov(kScratch, x86::rcx);
    a_.mov(x86::ecx, count.r32());
    a_.emit(by_count, dst, x86::cl);
    a_.mov(x86::rcx, kScratch);
  }
}

void Emitter::emit_byteswap(const isa::Slot& s) {
  const Gp dst = kRegisters[s.dst];
  bool swaps = s.code != isa::op_info(isa::Op::le16).code;
  if (s.imm == 64) {
    if (swaps) a_.bswap(dst);
  } else if (!swaps) {
    if (s.imm == 16) {
      a_.movzx(dst.r32(), dst.r16());
    } else {
      a_.mov(dst.r32(), dst.r32());
    }
  } else {
    a_.bswap(dst.r32());
    if (s.imm == 16) a_.shr(dst.r32(), 16);
  }
}

}  // namespace cti::jit::x86_64
