// Kernel functions: what a program may call. schema/kernel-functions/ has one row each; the row's set and name give the C++ function,
// SET_NAME, in kernel_functions/, one file a group. Those that always suspend have no C++ of their own: pending_call.h answers for them.
//
// A kernel function gets the program's arguments as numbers. Whatever is a pointer goes through Window::range() before
// it is touched, and what is read twice is copied first: the memory may be shared with an application that changes it
// meanwhile. It runs on the engine's thread, must not block, and calls nothing that enters JavaScript: what cannot be
// answered at once says `suspend`.
//
// Thread-safety: constants and pure functions; a KernelCall belongs to one run.
#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ctinspector/table.h"
#include "window/window.h"

namespace cti::vm {

// A table that is mapped into a run, as table_open() tells the program.
struct OpenTable {
  std::string node;  // where it was read; empty: here
  std::string name;
  cti_table facts;
  bool is_stale = false;  // its ranges are only reserved
};

class Output;
struct PendingCall;

// What a run offers to kernel functions.
struct Environment {
  window::Window& window;
  std::span<const OpenTable> tables;
  Output* output = nullptr;  // where print and emit put things; without one they have no room
  PendingCall* pending = nullptr;  // where a call that suspends is noted; without one it answers -ENOSYS
};

struct KernelResult {
  enum class Kind : uint8_t {
    value,    // r0; the program goes on
    end,      // the program ends with r0
    trap,     // the program is stopped: `kernel_function`
    suspend,  // the answer comes later
  };
  Kind kind;
  uint64_t value;
  uint64_t charge;  // of fuel, less than 2^62
};

constexpr KernelResult answer(uint64_t value, uint64_t charge) { return {KernelResult::Kind::value, value, charge}; }
// -errno as the program sees it. What is refused costs 1.
constexpr KernelResult refuse(int errnum) { return answer(static_cast<uint64_t>(-int64_t{errnum}), 1); }

using KernelArgs = std::array<uint64_t, 5>;
using KernelCode = KernelResult (*)(Environment&, const KernelArgs&);

enum class Suspends : uint8_t { never, maybe, always };
enum class Direction : uint8_t { none, in, out, inout };
inline constexpr uint8_t kNoArg = 0xff;

// A pointer argument of a call that can suspend.
struct BufferArg {
  uint8_t arg = 0;
  Direction direction = Direction::none;
  uint8_t size_arg = kNoArg;  // its bytes are 'factor', times this argument if there is one
  uint32_t factor = 0;
};

struct KernelFunction {
  uint32_t number;
  std::string_view name;
  uint32_t version;  // of the signature
  KernelCode code;
  // For those that can suspend.
  uint8_t n_args = 5;
  Suspends suspends = Suspends::never;
  uint64_t fuel = 0;  // what suspending charges
  BufferArg buffers[5] = {};
  bool has_errno = true;  // what fails gives -errno; else -1, as the original has it

  uint64_t failure(int errnum) const { return static_cast<uint64_t>(has_errno ? -int64_t{errnum} : -1); }
};

// Functions that a program can be linked against together.
class KernelSet {
 public:
  // 'functions' must live as long as the set. Numbers are from 0 to 65535.
  KernelSet(std::string_view name, std::span<const KernelFunction> functions);

  std::string_view name() const { return name_; }
  // Null if the set has none.
  const KernelFunction* by_number(uint64_t number) const {
    return number < by_number_.size() ? by_number_[number] : nullptr;
  }
  const KernelFunction* by_name(std::string_view name, uint32_t version) const;
  // "1 add_one, 5 unwind, ...": for errors.
  std::string list() const;

 private:
  std::string_view name_;
  std::span<const KernelFunction> functions_;
  std::vector<const KernelFunction*> by_number_;
};

// The sets of schema/kernel-functions/; null if there is none of this name.
const KernelSet* find_kernel_set(std::string_view name);

}  // namespace cti::vm
