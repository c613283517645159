// The engine: from a State into machine code and back.
#include <algorithm>
#include <mutex>

#include "jit/faults.h"
#include "jit/frames.h"
#include "jit/jit.h"
#include "jit/machine.h"

namespace cti::jit {
namespace {

using vm::KernelResult;
using vm::Stop;
using vm::TrapKind;

// One word in the static part of thread-local storage: the handler of faults reads it, where nothing may be allocated.
[[gnu::tls_model("initial-exec")]] thread_local Activation* t_current = nullptr;

class JitEngine final : public vm::Engine {
 public:
  JitEngine(std::shared_ptr<const vm::Program> program, std::unique_ptr<const Code> code, Addressing addressing)
      : program_(std::move(program)), code_(std::move(code)), addressing_(addressing) {}

  Stop run(vm::State& state, vm::Environment& env, int64_t fuel) const override {
    Activation activation;
    if (!build_frames(*code_, state, activation)) return interpreter().run(state, env, fuel);
    ensure_signal_stack();
    activation.fuel = fuel;
    activation.base = env.window.view().base;
    activation.env = &env;
    activation.state = &state;
    activation.code = code_.get();
    activation.kernel_functions = &program_->kernel_functions();
    activation.previous = current();
    set_current(&activation);
    machine::set_base(activation.base, addressing_);
    machine::enter(activation);
    set_current(activation.previous);
    if (activation.previous) machine::set_base(activation.previous->base, addressing_);
    return finish(state, env, activation, fuel);
  }

  const Code& code() const { return *code_; }

 private:
  Stop finish(vm::State& state, vm::Environment& env, Activation& activation, int64_t given) const {
    auto reason = static_cast<Reason>(activation.stop >> kReasonShift);
    state.pc = activation.stop & ((1u << kReasonShift) - 1);
    Stop stop{Stop::Kind::trapped};
    switch (reason) {
      case Reason::exited:
        stop.kind = Stop::Kind::exited;
        break;
      case Reason::out_of_fuel:
        stop.kind = Stop::Kind::out_of_fuel;
        break;
      case Reason::misaligned_atomic:
        stop.trap = TrapKind::misaligned_atomic;
        stop.address = access_address(state);
        break;
      case Reason::stack_overflow:
        stop.trap = TrapKind::stack_overflow;
        break;
      case Reason::bad_call_target:
        stop.trap = TrapKind::bad_call_target;
        stop.address = static_cast<uint32_t>(state.regs[program_->code().slots[state.pc].dst]);
        break;
      case Reason::end_of_program:
        stop.trap = TrapKind::end_of_program;
        break;
      case Reason::fault:
        put_pending(*activation.fault, state);
        stop.address = access_address(state);
        stop.trap = denial(env, state, stop.address);
        break;
      case Reason::kernel:
        finish_kernel_call(state, activation, stop);
        break;
    }
    stop.pc = state.pc;
    if (stop.kind == Stop::Kind::exited) stop.r0 = state.regs[0];
    stop.fuel_used = static_cast<uint64_t>(given) - static_cast<uint64_t>(activation.fuel);
    return stop;
  }

  static void put_pending(const Access& access, vm::State& state) {
    const Sum& sum = access.pending;
    if (access.pending_reg == Sum::kNone) return;
    uint64_t value = state.regs[sum.base] + static_cast<uint64_t>(int64_t{sum.displacement});
    if (sum.index != Sum::kNone) value += state.regs[sum.index] << sum.shift;
    state.regs[access.pending_reg] = value;
  }

  // A kernel call that the program does not simply go on after.
  static void finish_kernel_call(vm::State& state, Activation& activation, Stop& stop) {
    const KernelResult& result = activation.result;
    activation.fuel -= static_cast<int64_t>(result.charge);
    state.regs[0] = activation.saved_r0;
    std::copy(activation.args.begin(), activation.args.end(), state.regs.begin() + 1);
    if (result.kind == KernelResult::Kind::trap) {
      stop.trap = TrapKind::kernel_function;
      return;
    }
    if (result.kind == kBadCallTarget) {
      stop.trap = TrapKind::bad_call_target;
      stop.address = static_cast<uint32_t>(activation.callx_value);
      return;
    }
    state.regs[0] = result.value;
    std::fill_n(state.regs.begin() + 1, activation.args.size(), 0);
    if (result.kind == KernelResult::Kind::end) {
      stop.kind = Stop::Kind::exited;
    } else {
      stop.kind = Stop::Kind::suspended;
      state.pc++;
    }
  }

  // Registers are as they were before the instruction, so its address is what the interpreter computes.
  uint32_t access_address(const vm::State& state) const {
    const isa::Slot& slot = program_->code().slots[state.pc];
    bool is_load = isa::op_info(program_->code().ops[state.pc]).form == isa::Form::load;
    uint64_t base = state.regs[is_load ? slot.src : slot.dst];
    return static_cast<uint32_t>(base + static_cast<uint64_t>(int64_t{slot.offset}));
  }

  TrapKind denial(const vm::Environment& env, const vm::State& state, uint32_t address) const {
    const isa::Slot& slot = program_->code().slots[state.pc];
    bool is_load = isa::op_info(program_->code().ops[state.pc]).form == isa::Form::load;
    auto intent = is_load ? window::Intent::read : window::Intent::write;
    return vm::trap_of(env.window.check(address, isa::access_size(slot), intent));
  }

  const vm::Engine& interpreter() const {
    std::call_once(interpreter_once_, [this] { interpreter_ = vm::make_interpreter(program_); });
    return *interpreter_;
  }

  std::shared_ptr<const vm::Program> program_;
  std::unique_ptr<const Code> code_;
  Addressing addressing_;
  // For states that no compiled code could have left.
  mutable std::once_flag interpreter_once_;
  mutable std::shared_ptr<const vm::Engine> interpreter_;
};

}  // namespace

Activation* current() { return t_current; }

void set_current(Activation* activation) {
  // The handler of faults runs on this thread: no more than the compiler's order is needed.
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  t_current = activation;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

const char* unsupported(Addressing addressing) { return machine::unsupported(addressing); }

Result<std::shared_ptr<const vm::Engine>> make_jit(std::shared_ptr<const vm::Program> program, const Options& options) {
  if (const char* reason = unsupported(options.addressing)) {
    return errorf(ErrorCode::INVALID_ARGUMENT, "compiled code cannot run here: %s; use the interpreter", reason);
  }
  Options chosen = options;
  chosen.addressing = machine::choose(options.addressing);
  CTI_TRY(install_fault_handler());
  auto code = machine::compile(*program, chosen);
  if (!code) return std::move(code.error());
  return std::shared_ptr<const vm::Engine>(
      std::make_shared<JitEngine>(std::move(program), *std::move(code), chosen.addressing));
}

Listing listing(const vm::Engine& engine) {
  const auto* jit = dynamic_cast<const JitEngine*>(&engine);
  if (!jit) return {};
  return {{jit->code().start(), jit->code().size}, jit->code().offsets};
}

}  // namespace cti::jit
