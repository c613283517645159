// The way into compiled programs and out of them, and what the processor must offer.
#include <immintrin.h>
#include <sys/auxv.h>
#include <ucontext.h>

#include <cstddef>

#include "jit/frames.h"
#include "jit/x86_64/emitter.h"

namespace cti::jit {
namespace x86_64 {
namespace {

using namespace asmjit;

// What the stop code pushes, lowest word first; 'stack' is the program's.
struct Stopped {
  uint64_t stop;
  int64_t fuel;
  std::array<uint64_t, isa::kNumRegisters> regs;
  uint64_t stack[];
};

// Called by the stop code on the stack of the program: reads registers and frames. Returns the host's stack pointer.
uint64_t on_stop(const Stopped* stopped) noexcept {
  Activation& activation = *current();
  const Code& code = *activation.code;
  activation.fuel = stopped->fuel;
  activation.stop = static_cast<uint32_t>(stopped->stop);
  const uint64_t* stack = stopped->stack;
  if (static_cast<Reason>(activation.stop >> kReasonShift) == Reason::stack_overflow) {
    // The callee found out, before it made a frame: the trap is the caller's.
    const CallSite* site = code.find_call_site_by_offset(*stack++ - reinterpret_cast<uintptr_t>(code.start()));
    activation.stop = stop_word(Reason::stack_overflow, site->return_pc - 1);
  }
  uint32_t pc = activation.stop & ((1u << kReasonShift) - 1);
  read_frames(code, stopped->regs, pc, stack, *activation.state);
  return activation.host_stack;
}

const Gp kCalleeSaved[] = {x86::rbx, x86::rbp, x86::r12, x86::r13, x86::r14, x86::r15};

Mem field(const Gp& activation, size_t offset) { return x86::qword_ptr(activation, static_cast<int32_t>(offset)); }

// void enter(Activation*)
void emit_enter(x86::Assembler& a) {
  for (const Gp& reg : kCalleeSaved) a.push(reg);
  a.mov(field(x86::rdi, offsetof(Activation, host_stack)), kStack);
  // Six words and the return address: one more makes the stack a multiple of 16, and frames keep it so.
  a.sub(kStack, 8);
  a.mov(x86::rcx, field(x86::rdi, offsetof(Activation, n_words)));
  a.lea(x86::rdx, x86::ptr(x86::rdi, offsetof(Activation, words)));
  Label next = a.newLabel();
  a.bind(next);
  a.push(x86::qword_ptr(x86::rdx, x86::rcx, 3, -8));
  a.dec(x86::rcx);
  a.jnz(next);
  a.mov(kScratch2, x86::rdi);
  a.mov(kFuel, field(kScratch2, offsetof(Activation, fuel)));
  a.mov(kBase, field(kScratch2, offsetof(Activation, base)));
  for (unsigned i = 0; i < isa::kNumRegisters; i++) a.mov(kRegisters[i], field(kScratch2, offsetof(Activation, regs) + 8 * i));
  a.jmp(field(kScratch2, offsetof(Activation, target)));
}

// Arrives with the stop word in kScratch2.
void emit_stop_code(x86::Assembler& a) {
  for (unsigned i = isa::kNumRegisters; i-- > 0;) a.push(kRegisters[i]);
  a.push(kFuel);
  a.push(kScratch2);
  a.mov(x86::rdi, kStack);
  a.and_(kStack, -16);
  a.mov(x86::rax, reinterpret_cast<uintptr_t>(&on_stop));
  a.call(x86::rax);
  a.mov(kStack, x86::rax);
  for (size_t i = std::size(kCalleeSaved); i-- > 0;) a.pop(kCalleeSaved[i]);
  a.ret();
}

Runtime* make_runtime() {
  CodeHolder holder;
  if (holder.init(Environment::host())) return nullptr;
  x86::Assembler a(&holder);
  emit_enter(a);
  a.align(AlignMode::kCode, 16);
  size_t stop = a.offset();
  emit_stop_code(a);
  auto block = CodeBlock::allocate(holder.codeSize());
  if (!block) return nullptr;
  if (holder.relocateToBase(reinterpret_cast<uintptr_t>(block->rx())) ||
      holder.copyFlattenedData(block->rw(), holder.codeSize())) {
    return nullptr;
  }
  auto* made = new Runtime;
  made->block = *std::move(block);
  made->enter = reinterpret_cast<void (*)(Activation*)>(reinterpret_cast<uintptr_t>(made->block.rx()));
  made->stop = made->block.rx() + stop;
  return made;
}

bool has_fsgsbase() {
  constexpr unsigned long kFsgsbase = 1ul << 1;  // HWCAP2_FSGSBASE: the kernel allows it, too
  static const bool has = getauxval(AT_HWCAP2) & kFsgsbase;
  return has;
}

[[gnu::target("fsgsbase")]] void set_gs_base(uint64_t base) {
  // Nothing else in the process sets it, but to rely on that costs more than to look.
  if (_readgsbase_u64() != base) _writegsbase_u64(base);
}

}  // namespace

const Runtime* runtime() {
  static const Runtime* const made = make_runtime();
  return made;
}

bool has_bmi2() {
  static const bool has = __builtin_cpu_supports("bmi2");
  return has;
}

vm::KernelResult call_kernel_by_number(vm::Environment& env, const vm::KernelArgs& args) {
  // SAFETY: the kernel call sequence passes the args of the activation that runs.
  const Activation& activation = *current();
  const vm::KernelFunction* function = activation.kernel_functions->by_number(activation.callx_value);
  if (!function) return {kBadCallTarget, 0, 0};
  return function->code(env, args);
}

}  // namespace x86_64

namespace machine {

const char* unsupported(Addressing addressing) {
  if (addressing == Addressing::gs && !x86_64::has_fsgsbase()) return "gs addressing needs a processor and kernel with FSGSBASE";
  if (!x86_64::runtime()) return "the system gives no executable memory";
  return nullptr;
}

Addressing choose(Addressing addressing) {
  if (addressing != Addressing::automatic) return addressing;
  return x86_64::has_fsgsbase() ? Addressing::gs : Addressing::mask;
}

void set_base(uint8_t* base, Addressing addressing) {
  if (addressing == Addressing::gs) x86_64::set_gs_base(reinterpret_cast<uintptr_t>(base));
}

void enter(Activation& activation) { x86_64::runtime()->enter(&activation); }

uint64_t fault_pc(const void* context) {
  return static_cast<uint64_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
}

void resume_at_stop(void* context, uint32_t stop) {
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  registers[REG_R11] = stop;
  registers[REG_RIP] = static_cast<greg_t>(reinterpret_cast<uintptr_t>(x86_64::runtime()->stop));
}

}  // namespace machine
}  // namespace cti::jit
