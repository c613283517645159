// Granted regions: an application's own shared memory, as descriptors that JavaScript keeps and buffers that share their pages. lib/mapper
// decides who gets one, memfd.cc makes new ones; here is what else needs a system call that Node has not: seals, shared mappings.
//
// Thread-safety: the JavaScript thread of the environment only.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>

#include "bind/bind.h"
#include "sys/memory.h"

namespace cti::bind {
namespace {

int fd_of(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "expected a descriptor");
  return info[0].As<Napi::Number>().Int32Value();
}

size_t size_of(const Napi::CallbackInfo& info, size_t index) {
  if (info.Length() <= index || !info[index].IsNumber()) throw Napi::TypeError::New(info.Env(), "expected a size");
  int64_t size = info[index].As<Napi::Number>().Int64Value();
  if (size <= 0) throw Napi::TypeError::New(info.Env(), "expected a size of at least 1");
  return static_cast<size_t>(size);
}

// The pages of 'fd' themselves, shared with everyone who maps it. The buffer keeps the mapping until it is collected.
Napi::ArrayBuffer map_shared(Napi::Env env, int fd, size_t size, bool is_writable) {
  auto mapping = std::make_unique<sys::Mapping>(unwrap(
      env, sys::Mapping::map(sys::round_up_to_page(size), is_writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, "a region")));
  auto buffer = Napi::ArrayBuffer::New(
      env, mapping->data(), size, [](Napi::Env, void*, sys::Mapping* kept) { delete kept; }, mapping.get());
  mapping.release();
  return buffer;
}

// (fd) -> { size, isRegular, isWritable, cannotShrink }
Napi::Value region_facts(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = fd_of(info);
  struct stat about;
  if (::fstat(fd, &about) < 0) throw to_js(env, system_error(errno, "look at a descriptor"));
  // What has no seals at all (a file on a disk) answers an error: it can shrink.
  int seals = ::fcntl(fd, F_GET_SEALS);
  auto result = Napi::Object::New(env);
  result.Set("size", static_cast<double>(about.st_size));
  result.Set("isRegular", S_ISREG(about.st_mode));
  int flags = ::fcntl(fd, F_GETFL);
  result.Set("isWritable", flags >= 0 && (flags & O_ACCMODE) == O_RDWR);
  result.Set("cannotShrink", seals >= 0 && (seals & F_SEAL_SHRINK) != 0);
  return result;
}

// (fd, size, isWritable) -> ArrayBuffer. Of a buffer that is not writable nothing may be stored: that would end the process.
Napi::Value map_region(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = fd_of(info);
  size_t size = size_of(info, 1);
  struct stat about;
  int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || ::fstat(fd, &about) < 0 || about.st_size < static_cast<off_t>(size)) {
    throw to_js(env, errorf(ErrorCode::INVALID_ARGUMENT, "expected a memfd of %zu bytes that cannot shrink", size));
  }
  return map_shared(env, fd, size, info.Length() > 2 && info[2].ToBoolean());
}

}  // namespace

void init_region(Napi::Env env, Napi::Object exports) {
  export_function<region_facts>(env, exports, "regionFacts");
  export_function<map_region>(env, exports, "mapRegion");
}

}  // namespace cti::bind
