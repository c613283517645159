// asmjit's three debugging functions. Debian's static library has them in its only object that is not position-independent;
// with these here, that object is not linked.
//
// Thread-safety: any thread.
#include <asmjit/core.h>

#include <cstdio>
#include <cstdlib>

const char* asmjit::DebugUtils::errorAsString(Error) noexcept { return "asmjit error"; }

void asmjit::DebugUtils::debugOutput(const char* text) noexcept { std::fputs(text, stderr); }

void asmjit::DebugUtils::assertionFailed(const char* file, int line, const char* message) noexcept {
  std::fprintf(stderr, "asmjit: %s:%d: %s\n", file, line, message);
  std::abort();
}
