// JavaScript values as numbers, bytes and lists. lib/runner has checked what it hands over; these only make sure that nothing is read
// as what it is not.
//
// Thread-safety: the JavaScript thread of the environment only.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "bind/bind.h"

namespace cti::bind {

inline Error invalid(const std::string& message) { return {ErrorCode::INVALID_ARGUMENT, message}; }

// The bytes of a Uint8Array, valid as long as JavaScript does not run.
inline Bytes bytes_of(const Napi::Value& value) {
  if (!value.IsTypedArray()) return {};
  auto array = value.As<Napi::TypedArray>();
  if (array.TypedArrayType() != napi_uint8_array) throw to_js(value.Env(), invalid("expected a Uint8Array"));
  auto bytes = value.As<Napi::Uint8Array>();
  return {bytes.Data(), bytes.ByteLength()};
}

inline std::vector<uint8_t> copy_of(const Napi::Value& value) {
  Bytes bytes = bytes_of(value);
  return {bytes.begin(), bytes.end()};
}

inline uint64_t uint64_of(const Napi::Value& value) {
  if (value.IsBigInt()) {
    bool lossless = false;
    return value.As<Napi::BigInt>().Uint64Value(&lossless);
  }
  return value.IsNumber() ? static_cast<uint64_t>(value.As<Napi::Number>().Int64Value()) : 0;
}

inline uint32_t uint32_of(const Napi::Value& value) { return value.IsNumber() ? value.As<Napi::Number>().Uint32Value() : 0; }

// Calls 'function' with each element of an array; undefined counts as empty.
template <typename Function>
void for_each(const Napi::Value& value, Function function) {
  if (!value.IsArray()) return;
  auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) function(Napi::Value(array[i]));
}

}  // namespace cti::bind
