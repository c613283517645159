// Faults of machine code. The handler takes a fault for the program's trap only if this thread is in the activation's code, at an
// instruction that is known to access the window, and the address lies in the window or its guards. Everything else goes to the
// handler that was there before: V8's, which turns faults of WebAssembly into its traps, or a sanitizer's.
//
// The handler moves the thread to the machine's stop code; nothing is unwound or skipped. It is installed with the first program
// that is compiled, so after the runtime's own.
//
// Thread-safety: any thread.
#pragma once

#include "base/error.h"

namespace cti::jit {

Result<void> install_fault_handler();

// Makes sure that this thread has an alternate signal stack; its own is kept if it has one.
void ensure_signal_stack();

}  // namespace cti::jit
