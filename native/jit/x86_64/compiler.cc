// From a program to machine code in the arena.
#include <cinttypes>

#include "jit/x86_64/emitter.h"

namespace cti::jit {
namespace x86_64 {
namespace {

using namespace asmjit;

class FirstError final : public ErrorHandler {
 public:
  void handleError(asmjit::Error error, const char*, BaseEmitter*) override {
    if (!error_) error_ = error;
  }
  asmjit::Error error() const { return error_; }

 private:
  asmjit::Error error_ = 0;
};

Result<std::unique_ptr<const Code>> compile(const vm::Program& program, const Options& options) {
  // Its memory is kept for this thread's next program.
  static thread_local CodeHolder holder;
  auto internal = [](asmjit::Error error) {
    holder.reset(ResetPolicy::kHard);
    return errorf(ErrorCode::INTERNAL, "compiling a program: asmjit error %" PRIu32, error);
  };
  FirstError errors;
  holder.reset(ResetPolicy::kSoft);
  if (asmjit::Error error = holder.init(Environment::host())) return internal(error);
  x86::Assembler assembler;
  assembler.setErrorHandler(&errors);
  if (asmjit::Error error = holder.attach(&assembler)) return internal(error);
  // Long no-operations rather than many short ones.
  assembler.addEncodingOptions(EncodingOptions::kOptimizedAlign);

  Emitter emitter(assembler, program, make_plan(program.code(), program.entry()), options);
  emitter.emit();
  if (errors.error()) return internal(errors.error());
  auto code = std::make_unique<Code>(emitter.take_code());
  auto block = CodeBlock::allocate(holder.codeSize());
  if (!block) return std::move(block.error());
  code->block = *std::move(block);
  asmjit::Error error = holder.relocateToBase(reinterpret_cast<uintptr_t>(code->start()));
  if (!error) error = holder.copyFlattenedData(code->block.rw(), holder.codeSize());
  holder.detach(&assembler);
  if (error) return internal(error);
  return std::unique_ptr<const Code>(std::move(code));
}

}  // namespace
}  // namespace x86_64

namespace machine {

Result<std::unique_ptr<const Code>> compile(const vm::Program& program, const Options& options) {
  return x86_64::compile(program, options);
}

}  // namespace machine
}  // namespace cti::jit
