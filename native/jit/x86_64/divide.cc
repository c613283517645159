// Division (RFC 9669, section 4.1). The processor divides rdx:rax, which are r3 and r0: what they hold is kept aside. What it would
// fault on (0, and the smallest number by -1) goes out of line.
#include <bit>

#include "jit/x86_64/emitter.h"
#include "jit/x86_64/operations.h"

namespace cti::jit::x86_64 {

using namespace asmjit;

namespace {

// n / d = (n * multiplier) >> (32 + shift) for every 32-bit n (Granlund and Montgomery, "Division by invariant integers using
// multiplication", 1994). Of a multiplier of 33 bits, `multiplier` is the low 32.
struct Reciprocal {
  uint32_t multiplier;
  int shift;
  bool has_33_bits;
};

constexpr Reciprocal reciprocal(uint32_t d) {
  const int bits = std::bit_width(d - 1);
  for (int shift = 0; shift <= bits && shift < 32; shift++) {
    uint64_t power = uint64_t{1} << 32 << shift;
    uint64_t multiplier = power / d + 1;
    if (multiplier > UINT32_MAX) break;
    if (multiplier * d - power <= uint64_t{1} << shift) return {static_cast<uint32_t>(multiplier), shift, false};
  }
  // 2^(32 + bits) / d - 2^32, with the product kept below 2^64.
  uint64_t rest = ((uint64_t{1} << bits) - d) << 32;
  return {static_cast<uint32_t>(rest / d + 1), bits, true};
}

}  // namespace

void Emitter::emit_divide(const isa::Slot& s, bool is_wide, bool has_imm) {
  const bool is_signed = s.offset != 0;
  const bool is_remainder = operation(s) == Alu::mod;
  const Gp dst = kRegisters[s.dst];
  auto sized = [is_wide](Gp reg) { return is_wide ? reg : reg.r32(); };
  if (has_imm && emit_divide_simple(s, is_wide, is_signed, is_remainder)) return;

  Gp divisor = has_imm ? kScratch2 : kRegisters[s.src];
  Label done;
  if (has_imm) {
    load_imm(kScratch2, is_wide ? static_cast<uint64_t>(int64_t{s.imm}) : static_cast<uint32_t>(s.imm));
  } else {
    done = a_.newLabel();
    Label zero = a_.newLabel();
    stubs_.push_back({Stub::Kind::divide_by_zero, s.dst, is_wide, is_remainder, zero, done, 0});
    a_.test(sized(divisor), sized(divisor));
    a_.jz(zero);
    if (is_signed) {
      Label minus_one = a_.newLabel();
      stubs_.push_back({Stub::Kind::divide_by_minus_one, s.dst, is_wide, is_remainder, minus_one, done, 0});
      a_.cmp(sized(divisor), -1);
      a_.je(minus_one);
    }
    if (divisor == x86::rax || divisor == x86::rdx || s.src == s.dst) {
      a_.mov(kScratch2, divisor);
      divisor = kScratch2;
    }
  }

  const bool is_rax = dst == x86::rax;
  const bool is_rdx = dst == x86::rdx;
  if (is_rax) {
    a_.mov(kScratch, x86::rdx);
  } else if (is_rdx) {
    a_.mov(kScratch, x86::rax);
    a_.mov(x86::rax, x86::rdx);
  } else {
    a_.mov(kScratch, x86::rdx);
    a_.xchg(x86::rax, dst);
  }
  if (!is_signed) {
    a_.xor_(x86::edx, x86::edx);
    a_.div(sized(divisor));
  } else {
    if (is_wide) {
      a_.cqo();
    } else {
      a_.cdq();
    }
    a_.idiv(sized(divisor));
  }
  const Gp result = is_remainder ? x86::rdx : x86::rax;
  if (is_rdx) {
    if (!is_remainder) a_.mov(x86::rdx, x86::rax);
    a_.mov(x86::rax, kScratch);
  } else if (is_rax) {
    if (is_remainder) a_.mov(x86::rax, x86::rdx);
    a_.mov(x86::rdx, kScratch);
  } else {
    if (is_remainder) {
      a_.mov(x86::rax, dst);
      a_.mov(dst, result);
    } else {
      a_.xchg(x86::rax, dst);
    }
    a_.mov(x86::rdx, kScratch);
  }
  if (done.isValid()) a_.bind(done);
}

// Divisors that need no division.
bool Emitter::emit_divide_simple(const isa::Slot& s, bool is_wide, bool is_signed, bool is_remainder) {
  const Gp dst = kRegisters[s.dst];
  const Gp sized = is_wide ? dst : dst.r32();
  if (s.imm == 0) {
    if (!is_remainder) {
      a_.xor_(dst.r32(), dst.r32());
    } else if (!is_wide) {
      a_.mov(dst.r32(), dst.r32());
    }
    return true;
  }
  if (is_signed && s.imm == -1) {
    if (is_remainder) {
      a_.xor_(dst.r32(), dst.r32());
    } else {
      a_.neg(sized);
    }
    return true;
  }
  auto divisor = static_cast<uint32_t>(s.imm);
  if (is_signed || (is_wide && s.imm < 0)) return false;
  if (!std::has_single_bit(divisor)) {
    if (is_wide) return false;
    emit_divide_by_reciprocal(dst.r32(), divisor, is_remainder);
    return true;
  }
  if (is_remainder) {
    // At most 2^31 - 1, so positive as an immediate.
    emit_and_imm(dst, static_cast<int32_t>(divisor - 1), false);
  } else if (int shift = std::countr_zero(divisor); shift != 0) {
    a_.shr(sized, shift);
  } else if (!is_wide) {
    a_.mov(dst.r32(), dst.r32());
  }
  return true;
}

void Emitter::emit_divide_by_reciprocal(Gp dst, uint32_t divisor, bool is_remainder) {
  const Reciprocal by = reciprocal(divisor);
  a_.mov(kScratch.r32(), dst);
  a_.mov(kScratch2.r32(), by.multiplier);
  if (!by.has_33_bits) {
    a_.imul(kScratch, kScratch2);
    a_.shr(kScratch, 32 + by.shift);
  } else {
    a_.imul(kScratch2, kScratch);
    a_.shr(kScratch2, 32);
    a_.sub(kScratch.r32(), kScratch2.r32());
    a_.shr(kScratch.r32(), 1);
    a_.add(kScratch.r32(), kScratch2.r32());
    if (by.shift > 1) a_.shr(kScratch.r32(), by.shift - 1);
  }
  if (!is_remainder) {
    a_.mov(dst, kScratch.r32());
    return;
  }
  a_.imul(kScratch.r32(), kScratch.r32(), static_cast<int32_t>(divisor));
  a_.sub(dst, kScratch.r32());
}

}  // namespace cti::jit::x86_64
