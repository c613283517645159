#include "vm/program.h"

#include <cinttypes>

#include "isa/disassembler.h"

namespace cti::vm {

Result<std::shared_ptr<const Program>> Program::load(ProgramSpec spec) {
  std::shared_ptr<Program> program(new Program(std::move(spec)));
  auto code = isa::check(program->spec_.code, program->spec_.entry, program->spec_.functions);
  if (!code) return std::move(code.error());
  program->code_ = *std::move(code);
  program->spec_.code = {};
  CTI_TRY(program->resolve());
  return std::shared_ptr<const Program>(std::move(program));
}

Result<void> Program::resolve() {
  const KernelSet& set = kernel_functions();
  for (const Import& import : spec_.imports) imports_.push_back(set.by_name(import.name, import.version));
  for (uint32_t pc = 0; pc < n_slots(); pc++) {
    const isa::OpInfo& info = isa::op_info(code_.ops[pc]);
    int32_t imm = code_.slots[pc].imm;
    if (info.is_wide()) {
      pc++;
    } else if (info.form == isa::Form::call_number && !set.by_number(static_cast<uint32_t>(imm))) {
      return errorf(ErrorCode::PROGRAM_UNRESOLVED,
                    "kernel function %" PRId32 " is not in set %.*s (%s), called at pc %" PRIu32, imm,
                    static_cast<int>(set.name().size()), set.name().data(), set.list().c_str(), pc);
    } else if (info.form == isa::Form::call_import) {
      if (imm < 0 || static_cast<size_t>(imm) >= imports_.size()) {
        return errorf(ErrorCode::PROGRAM_MALFORMED,
                      "call of import %" PRId32 ", but the program has %zu imports, at pc %" PRIu32, imm,
                      imports_.size(), pc);
      }
      if (!imports_[imm]) {
        const Import& import = spec_.imports[imm];
        return errorf(ErrorCode::PROGRAM_UNRESOLVED,
                      "kernel function %s (signature version %" PRIu32 ") is not in set %.*s (%s), called at pc %" PRIu32,
                      import.name.c_str(), import.version, static_cast<int>(set.name().size()), set.name().data(),
                      set.list().c_str(), pc);
      }
    }
  }
  return {};
}

uint64_t Program::data_size() const {
  if (spec_.bss_size == 0) return spec_.data.size();
  // More than a window has is said as it is: with the data it might not fit in 64 bits, and look small.
  if (spec_.bss_size > window::kWindowSize) return spec_.bss_size;
  return ((spec_.data.size() + 7) & ~uint64_t{7}) + spec_.bss_size;
}

const KernelFunction& Program::callee(const isa::OpInfo& info, int32_t imm) const {
  if (info.form == isa::Form::call_import) return *imports_[imm];
  return *kernel_functions().by_number(static_cast<uint32_t>(imm));
}

std::string Program::disassemble() const {
  return isa::disassemble(code_.slots, [this](const isa::OpInfo& info, int32_t imm) {
    return std::string(callee(info, imm).name);
  });
}

}  // namespace cti::vm
