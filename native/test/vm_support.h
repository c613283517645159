// For the tests of isa, window and vm: programs from instructions by name, and running them.
#pragma once

#include <doctest/doctest.h>

#include <initializer_list>
#include <memory>
#include <vector>

#include "vm/run.h"

namespace cti::test {

// Field values of an instruction; the opcode byte and the selector come from the opcode table's row.
struct Fields {
  uint8_t dst = 0;
  uint8_t src = 0;
  int16_t offset = 0;
  int32_t imm = 0;
};

inline isa::Slot make(isa::Op op, Fields fields = {}) {
  const isa::OpInfo& info = isa::op_info(op);
  isa::Slot slot{info.code, fields.dst, fields.src, fields.offset, fields.imm};
  if (info.fields().src == isa::RegUse::selector) slot.src = static_cast<uint8_t>(info.selector);
  if (info.fields().offset == isa::OffsetUse::selector) slot.offset = static_cast<int16_t>(info.selector);
  if (info.fields().imm == isa::ImmUse::selector) slot.imm = info.selector;
  return slot;
}

inline isa::Slot second_slot(int32_t imm = 0) { return {0, 0, 0, 0, imm}; }

inline std::vector<uint8_t> encode(const std::vector<isa::Slot>& slots) {
  std::vector<uint8_t> code;
  for (const isa::Slot& slot : slots) {
    uint8_t bytes[8] = {slot.code, static_cast<uint8_t>(slot.src << 4 | slot.dst)};
    store(bytes + 2, slot.offset);
    store(bytes + 4, slot.imm);
    code.insert(code.end(), bytes, bytes + 8);
  }
  return code;
}

inline Result<std::shared_ptr<const vm::Program>> load_program(const std::vector<isa::Slot>& slots,
                                                               const vm::KernelSet* set = vm::find_kernel_set("conformance"),
                                                               std::vector<vm::Import> imports = {}) {
  vm::ProgramSpec spec;
  spec.code = encode(slots);
  spec.kernel_functions = set;
  spec.imports = std::move(imports);
  return vm::Program::load(std::move(spec));
}

inline std::unique_ptr<vm::Run> start(std::shared_ptr<const vm::Program> program, const vm::RunOptions& options = {}) {
  auto run = vm::Run::start(program, vm::make_interpreter(program), options);
  REQUIRE(run);
  return *std::move(run);
}

}  // namespace cti::test
