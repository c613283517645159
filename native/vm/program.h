// A program: checked code, linked against a set of kernel functions.
//
// Thread-safety: immutable once loaded; shared between runs on any threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "isa/checker.h"
#include "vm/kernel_function.h"

namespace cti::vm {

struct Import {
  std::string name;
  uint32_t version;
};

// A program as a loader hands it over; nothing is checked yet.
struct ProgramSpec {
  std::vector<uint8_t> code;
  const KernelSet* kernel_functions;
  std::vector<Import> imports;      // a call with source 2 has an index into these
  uint32_t entry = 0;               // slot
  std::vector<uint32_t> functions;  // slots that are entries besides those the code shows
  std::vector<uint8_t> rodata;
  uint64_t rodata_size = 0;  // of what is mapped, zeros behind 'rodata'; at least its size
  std::vector<uint8_t> data;
  uint64_t bss_size = 0;  // zeroed, at the next multiple of 8 after data
};

class Program {
 public:
  // PROGRAM_MALFORMED ("... at pc N"); PROGRAM_UNRESOLVED for a kernel function that the set does not have.
  static Result<std::shared_ptr<const Program>> load(ProgramSpec spec);

  const isa::CheckedCode& code() const { return code_; }
  uint32_t n_slots() const { return static_cast<uint32_t>(code_.slots.size()); }
  uint32_t entry() const { return spec_.entry; }
  const KernelSet& kernel_functions() const { return *spec_.kernel_functions; }
  Bytes rodata() const { return spec_.rodata; }
  uint64_t rodata_size() const { return std::max<uint64_t>(spec_.rodata_size, spec_.rodata.size()); }
  const std::vector<Import>& imports() const { return spec_.imports; }
  // As they were given: entries that the code does not show.
  const std::vector<uint32_t>& functions() const { return spec_.functions; }
  Bytes data() const { return spec_.data; }
  // Bytes of data and bss together.
  uint64_t data_size() const;

  // The function that a call_number or call_import in this program names.
  const KernelFunction& callee(const isa::OpInfo& info, int32_t imm) const;
  std::string disassemble() const;

 private:
  explicit Program(ProgramSpec spec) : spec_(std::move(spec)) {}
  Result<void> resolve();

  ProgramSpec spec_;
  isa::CheckedCode code_;
  std::vector<const KernelFunction*> imports_;
};

}  // namespace cti::vm
