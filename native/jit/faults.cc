#include "jit/faults.h"

#include <signal.h>

#include <cerrno>
#include <iterator>

#include "jit/activation.h"
#include "jit/code.h"
#include "jit/machine.h"
#include "sys/memory.h"

namespace cti::jit {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS};
struct sigaction g_previous[2];

// Whether the fault is the running program's; then the thread goes on in the stop code.
bool take(const siginfo_t& info, void* context) {
  Activation* activation = current();
  if (!activation || info.si_code <= 0) return false;  // not from the kernel: someone sent a signal
  const Code& code = *activation->code;
  uint64_t offset = machine::fault_pc(context) - reinterpret_cast<uintptr_t>(code.start());
  if (offset >= code.size) return false;
  const Access* access = code.find_access(offset);
  if (!access) return false;
  uint64_t distance = reinterpret_cast<uintptr_t>(info.si_addr) - reinterpret_cast<uintptr_t>(activation->base) +
                      window::Window::kGuardSize;
  if (distance >= window::kWindowSize + 2 * window::Window::kGuardSize) return false;
  activation->fault = access;
  machine::resume_at_stop(context, stop_word(Reason::fault, access->pc));
  return true;
}

void handle(int signal, siginfo_t* info, void* context) {
  int saved_errno = errno;
  bool is_ours = take(*info, context);
  errno = saved_errno;
  if (is_ours) return;
  const struct sigaction& previous = g_previous[signal == SIGBUS];
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
    // The instruction faults again and the process ends as it would have without us; a signal that was sent is sent again.
    ::sigaction(signal, &previous, nullptr);
    if (info->si_code <= 0) ::raise(signal);
  } else {
    previous.sa_handler(signal);
  }
}

// A thread's alternate stack, if it had none: taken away again when the thread ends.
class SignalStack {
 public:
  SignalStack() {
    stack_t now;
    if (::sigaltstack(nullptr, &now) < 0 || !(now.ss_flags & SS_DISABLE)) return;
    auto memory = sys::Mapping::map(kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, "a signal stack");
    if (!memory) return;  // the handler then runs on the thread's own stack
    stack_t ours{memory->data(), 0, memory->size()};
    if (::sigaltstack(&ours, nullptr) == 0) memory_ = *std::move(memory);
  }
  ~SignalStack() {
    stack_t now;
    if (!memory_.data() || ::sigaltstack(nullptr, &now) < 0 || now.ss_sp != memory_.data()) return;
    stack_t none{nullptr, SS_DISABLE, 0};
    ::sigaltstack(&none, nullptr);
  }

 private:
  static constexpr size_t kSize = 64 * 1024;  // wide registers take several KiB
  sys::Mapping memory_;
};

}  // namespace

Result<void> install_fault_handler() {
  static const int error = [] {
    struct sigaction ours {};
    ours.sa_sigaction = handle;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigemptyset(&ours.sa_mask);
    for (size_t i = 0; i < std::size(kSignals); i++) {
      // Known before ours can be called.
      if (::sigaction(kSignals[i], nullptr, &g_previous[i]) < 0 || ::sigaction(kSignals[i], &ours, nullptr) < 0) return errno;
    }
    return 0;
  }();
  if (error) return system_error(error, "install a handler for faults of compiled programs");
  return {};
}

void ensure_signal_stack() { static thread_local SignalStack stack; }

}  // namespace cti::jit
