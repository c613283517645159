#include "vm/kernel_function.h"

#include <algorithm>

#include "vm/kernel_functions/rows.h"
#include "vm/pending_call.h"

namespace cti::vm {

#define CTI_KERNEL_FUNCTION(set, number, name, ...) KernelResult set##_##name(Environment&, const KernelArgs&);
#include "vm/generated/kernel_functions.inc"
#undef CTI_KERNEL_FUNCTION

namespace rows {

#define CTI_KERNEL_FUNCTION(set, number, name, version, n_args, suspends, fuel, ...) \
  constexpr KernelFunction set##_##name = {number,  #name, version, vm::set##_##name, n_args, Suspends::suspends, fuel, {__VA_ARGS__}, \
                                           std::string_view(#set) != "upstream"};
#include "vm/generated/kernel_functions.inc"
#undef CTI_KERNEL_FUNCTION

}  // namespace rows

#define CTI_SUSPENDING_FUNCTION(set, name)                                  \
  KernelResult set##_##name(Environment& env, const KernelArgs& args) {     \
    return suspend(env, args, rows::set##_##name);                          \
  }
#include "vm/generated/suspending_functions.inc"
#undef CTI_SUSPENDING_FUNCTION

namespace {

struct Row {
  std::string_view set;
  const KernelFunction& function;
};

constexpr Row kRows[] = {
#define CTI_KERNEL_FUNCTION(set, number, name, ...) {#set, rows::set##_##name},
#include "vm/generated/kernel_functions.inc"
#undef CTI_KERNEL_FUNCTION
};

struct BuiltinSet {
  explicit BuiltinSet(std::string_view name) : functions(rows_of(name)), set(name, functions) {}

  static std::vector<KernelFunction> rows_of(std::string_view name) {
    std::vector<KernelFunction> functions;
    for (const Row& row : kRows) {
      if (row.set == name) functions.push_back(row.function);
    }
    return functions;
  }

  std::vector<KernelFunction> functions;
  KernelSet set;
};

}  // namespace

KernelSet::KernelSet(std::string_view name, std::span<const KernelFunction> functions)
    : name_(name), functions_(functions) {
  for (const KernelFunction& function : functions) {
    if (function.number >= by_number_.size()) by_number_.resize(function.number + 1);
    by_number_[function.number] = &function;
  }
}

const KernelFunction* KernelSet::by_name(std::string_view name, uint32_t version) const {
  auto at = std::find_if(functions_.begin(), functions_.end(), [&](const KernelFunction& function) {
    return function.name == name && function.version == version;
  });
  return at == functions_.end() ? nullptr : &*at;
}

std::string KernelSet::list() const {
  std::string text;
  for (const KernelFunction& function : functions_) {
    if (!text.empty()) text += ", ";
    text += std::to_string(function.number) + " " + std::string(function.name);
  }
  return text.empty() ? "none yet" : text;
}

const KernelSet* find_kernel_set(std::string_view name) {
  static const BuiltinSet sets[] = {BuiltinSet("conformance"), BuiltinSet("upstream"), BuiltinSet("ctinspector")};
  for (const BuiltinSet& builtin : sets) {
    if (builtin.set.name() == name) return &builtin.set;
  }
  return nullptr;
}

}  // namespace cti::vm
