// The interpreter: the reference every other engine is compared with, and the off switch. Each row of opcodes.def
// becomes a label; instructions are decoded once into a form that needs no more shifting or sign extension, one a slot
// so that a pc is an index. Guest memory is touched only where the window's page map allows it.
#include <cinttypes>

#include "isa/semantics.h"
#include "vm/engine.h"

namespace cti::vm {
namespace {

using isa::Form;
using window::Intent;

struct Insn {
  uint8_t op;      // isa::Op, or kEnd
  uint8_t dst;
  uint8_t src;
  int32_t offset;  // displacement, or slots from the next instruction
  uint64_t imm;    // sign-extended; a call: the callee's charge (local) or its KernelFunction
};

// The operation behind the last slot: the program ran past its end.
constexpr unsigned kEnd = [] {
  unsigned n = 0;
#define CTI_OP(...) n++;
#include "isa/opcodes.def"
#undef CTI_OP
  return n;
}();
static_assert(kEnd <= 255);

class Interpreter final : public Engine {
 public:
  explicit Interpreter(std::shared_ptr<const Program> program) : program_(std::move(program)) {
    const isa::CheckedCode& code = program_->code();
    code_.reserve(program_->n_slots() + 1);
    for (uint32_t pc = 0; pc < program_->n_slots(); pc++) {
      code_.push_back(predecode(pc));
      // The second slot of an lddw is never reached; it holds the place.
      if (isa::op_info(code.ops[pc]).is_wide()) code_.push_back({kEnd}), pc++;
    }
    code_.push_back({kEnd});
  }

  Stop run(State& state, Environment& env, int64_t fuel) const override;

 private:
  Insn predecode(uint32_t pc) const {
    const isa::CheckedCode& code = program_->code();
    const isa::Slot& slot = code.slots[pc];
    const isa::OpInfo& info = isa::op_info(code.ops[pc]);
    Insn insn{static_cast<uint8_t>(info.op), slot.dst, slot.src, slot.offset, static_cast<uint64_t>(int64_t{slot.imm})};
    switch (info.form) {
      case Form::jump_long:
        insn.offset = slot.imm;
        break;
      case Form::call_local:
        insn.offset = slot.imm;
        insn.imm = isa::find_function(code.functions, static_cast<uint64_t>(isa::jump_target(info, slot, pc)))->reach;
        break;
      case Form::call_number:
      case Form::call_import:
        insn.imm = reinterpret_cast<uintptr_t>(&program_->callee(info, slot.imm));
        break;
      case Form::wide_imm:
        insn.imm = uint64_t{static_cast<uint32_t>(code.slots[pc + 1].imm)} << 32 | static_cast<uint32_t>(slot.imm);
        break;
      case Form::wide_code:
        insn.imm = isa::code_address(static_cast<uint32_t>(isa::jump_target(info, slot, pc)));
        break;
      default:
        break;
    }
    return insn;
  }

  std::shared_ptr<const Program> program_;
  std::vector<Insn> code_;
};

// What the rows' semantics see: a, b of type T. One macro a form.
#define OPERANDS(type, right)                            \
  using T [[maybe_unused]] = type;                       \
  [[maybe_unused]] T a = static_cast<T>(regs[insn->dst]); \
  [[maybe_unused]] T b = static_cast<T>(right)

#define NEXT_AFTER(n_slots)      \
  do {                           \
    insn += (n_slots);           \
    goto* kLabels[insn->op];     \
  } while (0)
#define NEXT() NEXT_AFTER(1)

// A taken backward jump charges the slots from its target to itself: -distance, as the distance counts from the next
// slot.
#define JUMP(distance)               \
  do {                               \
    int32_t d = (distance);          \
    insn += d + 1;                   \
    if (d < 0) {                     \
      fuel += d;                     \
      if (fuel <= 0) goto out_of_fuel; \
    }                                \
    goto* kLabels[insn->op];         \
  } while (0)

#define TRAP(what)                \
  do {                            \
    trap = TrapKind::what;        \
    goto trapped;                 \
  } while (0)

// The host's address of a T at register + offset, modulo 2^32; denied accesses do not come back.
#define ACCESS(T, reg, intent)                                                                        \
  address = static_cast<uint32_t>(regs[reg] + static_cast<uint64_t>(int64_t{insn->offset}));          \
  access_size = sizeof(T);                                                                            \
  access_intent = intent;                                                                             \
  uint8_t* host = view.access(address, sizeof(T), intent);                                            \
  if (!host) [[unlikely]]                                                                             \
    goto denied

#define ATOMIC_ACCESS(T)                                                                               \
  address = static_cast<uint32_t>(regs[insn->dst] + static_cast<uint64_t>(int64_t{insn->offset}));     \
  if (address % sizeof(T) != 0) TRAP(misaligned_atomic);                                              \
  ACCESS(T, insn->dst, Intent::write);                                                                \
  T* p = reinterpret_cast<T*>(host) /* SAFETY: checked and aligned */

#define ALU(type, right, ...)                      \
  {                                                \
    OPERANDS(type, right);                         \
    regs[insn->dst] = static_cast<T>(__VA_ARGS__); \
  }                                                \
  NEXT();
#define FORM_alu64_imm(...) ALU(uint64_t, insn->imm, __VA_ARGS__)
#define FORM_alu64_reg(...) ALU(uint64_t, regs[insn->src], __VA_ARGS__)
#define FORM_alu32_imm(...) ALU(uint32_t, insn->imm, __VA_ARGS__)
#define FORM_alu32_reg(...) ALU(uint32_t, regs[insn->src], __VA_ARGS__)
#define FORM_neg64(...) ALU(uint64_t, 0, __VA_ARGS__)
#define FORM_neg32(...) ALU(uint32_t, 0, __VA_ARGS__)
#define FORM_byteswap(...) ALU(uint64_t, 0, __VA_ARGS__)

#define JUMP_IF(type, right, ...)          \
  {                                        \
    OPERANDS(type, right);                 \
    if (__VA_ARGS__) JUMP(insn->offset);   \
  }                                        \
  NEXT();
#define FORM_jump64_imm(...) JUMP_IF(uint64_t, insn->imm, __VA_ARGS__)
#define FORM_jump64_reg(...) JUMP_IF(uint64_t, regs[insn->src], __VA_ARGS__)
#define FORM_jump32_imm(...) JUMP_IF(uint32_t, insn->imm, __VA_ARGS__)
#define FORM_jump32_reg(...) JUMP_IF(uint32_t, regs[insn->src], __VA_ARGS__)

#define FORM_jump(...) JUMP(insn->offset);
#define FORM_jump_long(...) JUMP(insn->offset);

#define FORM_call_number(...)                                                                                  \
  kernel_function = reinterpret_cast<const KernelFunction*>(insn->imm); /* SAFETY: predecode() put it there */ \
  goto call_kernel;
#define FORM_call_import(...) FORM_call_number()
#define FORM_call_local(...)                              \
  callee = insn + 1 + insn->offset;                       \
  callee_charge = static_cast<int64_t>(insn->imm);         \
  goto call_local;
#define FORM_call_register(...) goto call_register;
#define FORM_exit(...) goto leave;

#define FORM_wide_imm(...)         \
  regs[insn->dst] = insn->imm;     \
  NEXT_AFTER(2);
#define FORM_wide_code(...) FORM_wide_imm()
#define FORM_wide_unlinked(...) __builtin_unreachable(); /* the checker refuses them */

// A signed type in memory is sign-extended, an unsigned one zero-extended.
#define FORM_load(type)                                              \
  {                                                                  \
    ACCESS(type, insn->src, Intent::read);                           \
    regs[insn->dst] = static_cast<uint64_t>(load<type>(host)); \
  }                                                                  \
  NEXT();
#define STORE(type, value)                          \
  {                                                 \
    ACCESS(type, insn->dst, Intent::write);         \
    store(host, static_cast<type>(value));          \
  }                                                 \
  NEXT();
#define FORM_store_imm(type) STORE(type, insn->imm)
#define FORM_store_reg(type) STORE(type, regs[insn->src])

#define ATOMIC(type, left, result, ...)                      \
  {                                                          \
    using T [[maybe_unused]] = type;                         \
    ATOMIC_ACCESS(T);                                        \
    [[maybe_unused]] T a = static_cast<T>(left);             \
    T b = static_cast<T>(regs[insn->src]);                   \
    [[maybe_unused]] T old = __VA_ARGS__;                    \
    result;                                                  \
  }                                                          \
  NEXT();
#define FORM_atomic32(...) ATOMIC(uint32_t, 0, , __VA_ARGS__)
#define FORM_atomic64(...) ATOMIC(uint64_t, 0, , __VA_ARGS__)
#define FORM_fetch32(...) ATOMIC(uint32_t, 0, regs[insn->src] = old, __VA_ARGS__)
#define FORM_fetch64(...) ATOMIC(uint64_t, 0, regs[insn->src] = old, __VA_ARGS__)
#define FORM_cmpxchg32(...) ATOMIC(uint32_t, regs[0], regs[0] = old, __VA_ARGS__)
#define FORM_cmpxchg64(...) ATOMIC(uint64_t, regs[0], regs[0] = old, __VA_ARGS__)

Stop Interpreter::run(State& state, Environment& env, int64_t fuel) const {
  using namespace isa::semantics;
  static const void* const kLabels[] = {
#define CTI_OP(name, ...) &&op_##name,
#include "isa/opcodes.def"
#undef CTI_OP
      &&end_of_program,
  };

  const int64_t given = fuel;
  const window::Window::View view = env.window.view();
  const Insn* const code = code_.data();
  auto& regs = state.regs;
  const Insn* insn = code + state.pc;
  TrapKind trap = TrapKind::none;
  uint32_t address = 0;
  unsigned access_size = 0;
  Intent access_intent = Intent::read;
  const KernelFunction* kernel_function = nullptr;
  const Insn* callee = nullptr;
  int64_t callee_charge = 0;
  auto stop = [&](Stop::Kind kind) {
    state.pc = static_cast<uint32_t>(insn - code);
    Stop result{kind};
    result.pc = state.pc;
    result.fuel_used = static_cast<uint64_t>(given) - static_cast<uint64_t>(fuel);
    return result;
  };

  goto* kLabels[insn->op];

#define CTI_OP(name, code, form, selector, text, ...) \
  op_##name : FORM_##form(__VA_ARGS__)
#include "isa/opcodes.def"
#undef CTI_OP

call_kernel: {
  KernelResult result = kernel_function->code(env, {regs[1], regs[2], regs[3], regs[4], regs[5]});
  fuel -= static_cast<int64_t>(result.charge);
  if (result.kind == KernelResult::Kind::trap) TRAP(kernel_function);
  regs[0] = result.value;
  regs[1] = regs[2] = regs[3] = regs[4] = regs[5] = 0;
  if (result.kind == KernelResult::Kind::end) goto exited;
  insn++;
  if (result.kind == KernelResult::Kind::suspend) return stop(Stop::Kind::suspended);
  if (fuel <= 0) goto out_of_fuel;
  goto* kLabels[insn->op];
}

call_register: {
  uint64_t value = regs[insn->dst];
  address = static_cast<uint32_t>(value);
  if (value < isa::kCodeBase) {
    kernel_function = program_->kernel_functions().by_number(value);
    if (!kernel_function) TRAP(bad_call_target);
    goto call_kernel;
  }
  uint64_t distance = value - isa::kCodeBase;
  if (distance % isa::kSlotSize != 0) TRAP(bad_call_target);
  const isa::Function* function = isa::find_function(program_->code().functions, distance / isa::kSlotSize);
  if (!function) TRAP(bad_call_target);
  callee = code + function->entry;
  callee_charge = function->reach;
  goto call_local;
}

call_local: {
  if (state.depth >= state.frames.size()) TRAP(stack_overflow);
  state.frames[state.depth++] = {{regs[6], regs[7], regs[8], regs[9]}, static_cast<uint32_t>(insn + 1 - code)};
  regs[isa::kFramePointer] = window::frame_pointer(state.depth);
  insn = callee;
  fuel -= callee_charge;
  if (fuel <= 0) goto out_of_fuel;
  goto* kLabels[insn->op];
}

leave: {
  if (state.depth == 0) goto exited;
  const Frame& frame = state.frames[--state.depth];
  for (unsigned i = 0; i < frame.saved.size(); i++) regs[6 + i] = frame.saved[i];
  regs[isa::kFramePointer] = window::frame_pointer(state.depth);
  insn = code + frame.return_pc;
  goto* kLabels[insn->op];
}

exited: {
  Stop result = stop(Stop::Kind::exited);
  result.r0 = regs[0];
  return result;
}

out_of_fuel:
  return stop(Stop::Kind::out_of_fuel);

denied:
  trap = trap_of(env.window.check(address, access_size, access_intent));
  goto trapped;

end_of_program:
  trap = TrapKind::end_of_program;

trapped: {
  Stop result = stop(Stop::Kind::trapped);
  result.trap = trap;
  result.address = trap_has_address(trap) ? address : 0;
  return result;
}
}

}  // namespace

std::shared_ptr<const Engine> make_interpreter(std::shared_ptr<const Program> program) {
  return std::make_shared<Interpreter>(std::move(program));
}

}  // namespace cti::vm
