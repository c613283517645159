// Memory that a process of ours shares with programs: memfds that cannot shrink.
//
// Thread-safety: the JavaScript thread of the environment only.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "bind/values.h"
#include "sys/memory.h"

namespace cti::bind {
namespace {

// (name, size) -> a descriptor, which is the caller's to close: 'size' zeros, writable, sealed against shrinking and growing.
Napi::Value create_memfd(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  sys::UniqueFd fd = unwrap(env, sys::create_memfd(info[0].As<Napi::String>()));
  uint64_t size = uint64_of(info[1]);
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) < 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
    throw to_js(env, system_error(errno, "make a memfd of " + std::to_string(size) + " bytes"));
  }
  return Napi::Number::New(env, fd.release());
}

}  // namespace

void init_memfd(Napi::Env env, Napi::Object exports) { export_function<create_memfd>(env, exports, "createMemfd"); }

}  // namespace cti::bind
