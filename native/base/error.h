// Errors as values.
//
// Native code reports failure by returning a Result; it throws only what the standard library throws (std::bad_alloc), which
// native/bind turns into OUT_OF_MEMORY. An Error is a code from schema/errors.yaml, which callers act on, and a message for
// people: what went wrong, where, what was expected, what was received, what to do.
//
// Thread-safety: plain values; use from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace cti {

enum class ErrorCode : uint16_t {
#define CTI_ERROR(name) name,
#include "base/generated/error_codes.inc"
#undef CTI_ERROR
};

// The code's stable name, for example "NO_SWITCH".
std::string_view error_code_name(ErrorCode code);

struct Error {
  ErrorCode code;
  std::string message;
};

// printf-style, because most messages are built from numbers and short strings.
[[gnu::format(printf, 2, 3)]] Error errorf(ErrorCode code, const char* format, ...);

// SYSTEM (or NO_RIGHTS for EPERM and EACCES, OUT_OF_MEMORY for ENOMEM, EMFILE and ENFILE) for a call that failed with 'errnum'.
// 'what' says what was being done: "connect to /run/openvswitch/ovs-vswitchd.12.ctl".
Error system_error(int errnum, std::string_view what);

// A T or an Error. Test with `if (!result)` before `*result`.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  const Error& error() const { return *std::get_if<1>(&state_); }
  Error& error() { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const { return !error_; }
  const Error& error() const { return *error_; }
  Error& error() { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace cti

// Returns the error of 'expression' (a Result) from the enclosing function, if it is one.
#define CTI_TRY(expression)                              \
  do {                                                   \
    if (auto cti_try_ = (expression); !cti_try_)         \
      return std::move(cti_try_.error());                \
  } while (0)
