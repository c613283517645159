// What the operations of opcodes.def compute where C++ has no operator of the same meaning (RFC 9669, section 4.1). T is
// uint32_t or uint64_t.
//
// Thread-safety: pure functions, and atomic operations on memory that the caller has checked.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/bytes.h"

namespace cti::isa::semantics {

template <typename T>
constexpr std::make_signed_t<T> signed_of(T value) {
  return static_cast<std::make_signed_t<T>>(value);
}

template <typename T, typename Narrow>
constexpr T sign_extend(T value) {
  return static_cast<T>(static_cast<std::make_signed_t<T>>(static_cast<Narrow>(value)));
}

// Shift counts are taken modulo the width.
template <typename T>
constexpr T lsh(T a, T b) {
  return a << (b & (std::numeric_limits<T>::digits - 1));
}
template <typename T>
constexpr T rsh(T a, T b) {
  return a >> (b & (std::numeric_limits<T>::digits - 1));
}
template <typename T>
constexpr T arsh(T a, T b) {
  return static_cast<T>(signed_of(a) >> (b & (std::numeric_limits<T>::digits - 1)));
}

// Division by zero gives 0, the remainder is then the dividend. The smallest number / -1 is itself, remainder 0.
template <typename T>
constexpr T div(T a, T b) {
  return b == 0 ? 0 : a / b;
}
template <typename T>
constexpr T mod(T a, T b) {
  return b == 0 ? a : a % b;
}
template <typename T>
constexpr T sdiv(T a, T b) {
  if (b == 0) return 0;
  if (b == static_cast<T>(-1)) return T{0} - a;
  return static_cast<T>(signed_of(a) / signed_of(b));
}
template <typename T>
constexpr T smod(T a, T b) {
  if (b == 0) return a;
  if (b == static_cast<T>(-1)) return 0;
  return static_cast<T>(signed_of(a) % signed_of(b));
}

// Stores 'desired' at 'p' if 'expected' is there; the old value. SAFETY: 'p' is checked and aligned.
template <typename T>
inline T compare_exchange(T* p, T expected, T desired) {
  __atomic_compare_exchange_n(p, &expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return expected;
}

}  // namespace cti::isa::semantics
