// Where the running kernel has things: offsets and numbers out of its own type information (/sys/kernel/btf/vmlinux; Documentation/bpf/btf.rst).
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace cti::kernel {

class KernelTypes {
 public:
  // The running kernel's. SYSTEM: it has none, or of a form that is not known.
  static Result<KernelTypes> read();
  // Of bytes as in that file.
  static Result<KernelTypes> of(std::vector<uint8_t> bytes);

  // The number of a function, for programs that attach to it; none: the kernel has no such function.
  std::optional<uint32_t> function(std::string_view name) const;
  // Bytes from the beginning of a structure to one of its members, also of a structure without a name in it.
  std::optional<uint32_t> offset(std::string_view structure, std::string_view member) const;

 private:
  KernelTypes() = default;
  std::string_view name_at(uint32_t offset) const;
  std::optional<uint32_t> find(uint32_t kind, std::string_view name) const;
  std::optional<uint32_t> offset_in(uint32_t type, std::string_view member, unsigned depth) const;

  std::vector<uint8_t> bytes_;
  Bytes names_;
  std::vector<uint32_t> types_;  // where each is, by its number; 0 is void
};

}  // namespace cti::kernel
