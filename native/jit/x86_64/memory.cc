// Loads, stores and atomic operations: the one place that forms memory operands of the window. There are two forms:
//
//    gs     gs:[r32 + offset]   with a 32-bit address size: the processor truncates the sum to 32 bits and adds the base of gs
//    mask   lea r10d, [r64 + offset]; [r12 + r10]
//
// Either way an access starts in the window whatever the register holds; one that starts near its end runs into the guard.
#include "jit/x86_64/emitter.h"

namespace cti::jit::x86_64 {

using namespace asmjit;

namespace {

// Atomic operations, by the immediate (RFC 9669, table 9).
enum : int32_t { kFetch = 0x01, kAdd = 0x00, kOr = 0x40, kAnd = 0x50, kXor = 0xa0, kXchg = 0xe1, kCmpxchg = 0xf1 };

}  // namespace

Mem Emitter::address_of(const Sum& sum, bool is_32_bit) {
  auto sized = [is_32_bit](uint8_t reg) { return is_32_bit ? kRegisters[reg].r32() : kRegisters[reg]; };
  if (sum.index == Sum::kNone) return x86::ptr(sized(sum.base), sum.displacement);
  return x86::ptr(sized(sum.base), sized(sum.index), sum.shift, sum.displacement);
}

Mem Emitter::window_memory(unsigned reg, int32_t offset, unsigned size) {
  return window_memory(Sum{static_cast<uint8_t>(reg)}, offset, size);
}

Mem Emitter::window_memory(Sum sum, int32_t offset, unsigned size) {
  // Modulo 2^32, as the address is.
  sum.displacement = static_cast<int32_t>(static_cast<uint32_t>(sum.displacement) + static_cast<uint32_t>(offset));
  if (is_mutant(Mutation::wrong_scale) && sum.index != Sum::kNone) sum.shift ^= 1;
  if (uses_gs_) {
    Mem memory = address_of(sum, true);
    memory.setSize(size);
    if (!is_mutant(Mutation::wrong_base)) memory.setSegment(x86::gs);
    return memory;
  }
  if (sum.index == Sum::kNone && sum.displacement == 0) {
    a_.mov(kScratch.r32(), kRegisters[sum.base].r32());
  } else {
    a_.lea(kScratch.r32(), address_of(sum, false));
  }
  return window_memory_at_scratch(size);
}

Mem Emitter::window_memory_at_scratch(unsigned size) {
  if (uses_gs_) {
    Mem memory = x86::ptr(kScratch.r32(), 0, size);
    memory.setSegment(x86::gs);
    return memory;
  }
  if (is_mutant(Mutation::wrong_base)) return x86::ptr(kFuel, kScratch, 0, 0, size);
  return x86::ptr(kBase, kScratch, is_mutant(Mutation::wrong_scale) ? 1 : 0, 0, size);
}

// Before the instruction that accesses the window.
void Emitter::note_access(uint32_t pc) { accesses_.push_back({static_cast<uint32_t>(a_.offset()), pc, Sum::kNone, {}}); }

void Emitter::emit_load(uint32_t pc) {
  const isa::Slot& s = slot(pc);
  // The sum need not wait for the register. (A store waits for nothing; there the register is cheaper.)
  const Sum sum = sums_[s.src].is_address() ? sums_[s.src] : Sum{s.src};
  Mem memory = window_memory(sum, s.offset, isa::access_size(s));
  note_access(pc);
  emit_load_from(pc, memory);
}

void Emitter::emit_load_from(uint32_t pc, const Mem& memory) {
  const Gp dst = kRegisters[slot(pc).dst];
  switch (program_.code().ops[pc]) {
    case isa::Op::ldxb:
    case isa::Op::ldxh:
      a_.movzx(dst.r32(), memory);
      break;
    case isa::Op::ldxw:
      a_.mov(dst.r32(), memory);
      break;
    case isa::Op::ldxdw:
      a_.mov(dst, memory);
      break;
    case isa::Op::ldxsb:
    case isa::Op::ldxsh:
      a_.movsx(dst, memory);
      break;
    case isa::Op::ldxsw:
      a_.movsxd(dst, memory);
      break;
    default:
      __builtin_unreachable();
  }
}

void Emitter::emit_store_imm(uint32_t pc) {
  const isa::Slot& s = slot(pc);
  unsigned size = isa::access_size(s);
  Mem memory = window_memory(s.dst, s.offset, size);
  note_access(pc);
  int64_t value = size == 1 ? int64_t{static_cast<int8_t>(s.imm)} : size == 2 ? int64_t{static_cast<int16_t>(s.imm)} : s.imm;
  a_.mov(memory, value);
}

void Emitter::emit_store_reg(uint32_t pc) {
  const isa::Slot& s = slot(pc);
  const Gp src = kRegisters[s.src];
  unsigned size = isa::access_size(s);
  Mem memory = window_memory(s.dst, s.offset, size);
  note_access(pc);
  a_.mov(memory, size == 1 ? src.r8() : size == 2 ? src.r16() : size == 4 ? src.r32() : src);
}

void Emitter::emit_atomic(uint32_t pc) {
  const isa::Slot& s = slot(pc);
  const unsigned size = isa::access_size(s);
  const Gp src = size == 8 ? kRegisters[s.src] : kRegisters[s.src].r32();
  a_.lea(kScratch.r32(), x86::ptr(kRegisters[s.dst], s.offset));
  a_.test(kScratch.r8(), static_cast<int32_t>(size - 1));
  a_.jnz(stop_label(Reason::misaligned_atomic, pc));
  const Mem memory = window_memory_at_scratch(size);
  note_access(pc);
  switch (s.imm) {
    case kAdd:
      a_.lock().add(memory, src);
      return;
    case kOr:
      a_.lock().or_(memory, src);
      return;
    case kAnd:
      a_.lock().and_(memory, src);
      return;
    case kXor:
      a_.lock().xor_(memory, src);
      return;
    case kAdd | kFetch:
      a_.lock().xadd(memory, src);
      return;
    case kXchg:
      a_.xchg(memory, src);
      return;
    case kCmpxchg:
      a_.lock().cmpxchg(memory, src);
      // Where it succeeds the processor leaves the upper half as it was.
      if (size == 4) a_.mov(x86::eax, x86::eax);
      return;
    default:
      emit_fetch_loop(s, memory);
  }
}

// Fetch and or, and, xor: by compare and exchange, which takes rax; it is kept below the stack pointer, where signals do not reach. The
// first operation changes nothing and faults as the whole would, while all registers are still as they were; what it allows stays.
void Emitter::emit_fetch_loop(const isa::Slot& s, const Mem& memory) {
  const bool is_wide = isa::access_size(s) == 8;
  auto sized = [is_wide](Gp reg) { return is_wide ? reg : reg.r32(); };
  const Gp src = kRegisters[s.src];
  const Mem saved = x86::ptr(kStack, -8, is_wide ? 8 : 4);
  const InstId id = (s.imm & ~kFetch) == kOr ? x86::Inst::kIdOr : (s.imm & ~kFetch) == kAnd ? x86::Inst::kIdAnd : x86::Inst::kIdXor;
  a_.lock().or_(memory, 0);
  a_.mov(x86::qword_ptr(kStack, -8), x86::rax);
  a_.mov(sized(x86::rax), memory);
  Label again = a_.newLabel();
  a_.bind(again);
  a_.mov(sized(kScratch2), sized(x86::rax));
  if (src == x86::rax) {
    a_.emit(id, sized(kScratch2), saved);
  } else {
    a_.emit(id, sized(kScratch2), sized(src));
  }
  a_.lock().cmpxchg(memory, sized(kScratch2));
  a_.jne(again);
  if (src != x86::rax) {
    a_.mov(sized(src), sized(x86::rax));
    a_.mov(x86::rax, x86::qword_ptr(kStack, -8));
  }
}

}  // namespace cti::jit::x86_64
