// What the files of native/bind share: one init function a file, and how native errors become JavaScript errors.
//
// Thread-safety: the JavaScript thread of the environment only.
#pragma once

#include <napi.h>

#include <new>

#include "base/error.h"

namespace cti::bind {

void init_attach(Napi::Env env, Napi::Object exports);
void init_program(Napi::Env env, Napi::Object exports);
void init_small_tables(Napi::Env env, Napi::Object exports);
void init_region(Napi::Env env, Napi::Object exports);
void init_run(Napi::Env env, Napi::Object exports);
void init_image(Napi::Env env, Napi::Object exports);
void init_memfd(Napi::Env env, Napi::Object exports);
void init_snapshot(Napi::Env env, Napi::Object exports);
void init_snapshot_file(Napi::Env env, Napi::Object exports);
void init_unixctl(Napi::Env env, Napi::Object exports);
void init_dp_flows(Napi::Env env, Napi::Object exports);
void init_datapath_texts(Napi::Env env, Napi::Object exports);
void init_measure(Napi::Env env, Napi::Object exports);
void init_lock(Napi::Env env, Napi::Object exports);
void init_channel(Napi::Env env, Napi::Object exports);
void init_cpus(Napi::Env env, Napi::Object exports);
void init_daemon_files(Napi::Env env, Napi::Object exports);
void init_snapshot_fds(Napi::Env env, Napi::Object exports);

// A JavaScript Error whose `code` is the error's code; lib/errors.ts turns it into a CtiError.
Napi::Error to_js(Napi::Env env, const Error& error);

// The value of 'result', or its error thrown.
template <typename T>
T unwrap(Napi::Env env, Result<T> result) {
  if (!result) throw to_js(env, result.error());
  return *std::move(result);
}
inline void unwrap(Napi::Env env, Result<void> result) {
  if (!result) throw to_js(env, result.error());
}

// What 'function' returns; memory that ran out in it is thrown as an error, because a C++ exception must not reach
// Node.
template <typename Function>
auto guarded(Napi::Env env, Function function) {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    throw to_js(env, Error{ErrorCode::OUT_OF_MEMORY, "the host has no memory left for this; free some or ask for less"});
  }
}

// 'kFunction' as JavaScript may call it, guarded.
template <Napi::Value (*kFunction)(const Napi::CallbackInfo&)>
void export_function(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New(
                        env, [](const Napi::CallbackInfo& info) { return guarded(info.Env(), [&] { return kFunction(info); }); }, name));
}

}  // namespace cti::bind
