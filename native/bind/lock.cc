// lockFile() for the journal: a lock that the kernel gives back when its holder dies, however.
//
// Thread-safety: the JavaScript thread of the environment only.
#include <sys/file.h>

#include <cerrno>

#include "bind/bind.h"

namespace cti::bind {
namespace {

// (fd: number) -> true: this open file has the lock until it is closed; false: another has it.
Napi::Value lock_file(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = info[0].As<Napi::Number>().Int32Value();
  int result;
  do {
    result = ::flock(fd, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EWOULDBLOCK) throw to_js(env, system_error(errno, "lock a file"));
  return Napi::Boolean::New(env, result == 0);
}

}  // namespace

void init_lock(Napi::Env env, Napi::Object exports) { export_function<lock_file>(env, exports, "lockFile"); }

}  // namespace cti::bind
