// What a daemon has in its run directory, as Open vSwitch's daemons have it: a pidfile with an fcntl lock for life, and listening sockets; and
// the socket pairs that join its parts.
//
// Thread-safety: the JavaScript thread of the environment only. Nothing here waits.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "bind/bind.h"
#include "bind/values.h"
#include "sys/fd.h"

namespace cti::bind {
namespace {

constexpr int kAttempts = 10;  // others that start at the same time

const char* kind_of(mode_t mode) {
  if (S_ISREG(mode)) return "a file";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

struct flock write_lock() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

// Looks at the pidfile that stands at 'path'. 0: nobody holds it, and it is gone now (or was); else the holder's pid (-1: it has one that this
// pid namespace does not see).
//
// An fcntl lock goes when its process closes any descriptor of the file: this opens only files of others, because our own is put into place after.
pid_t holder_of(Napi::Env env, const std::string& path) {
  sys::UniqueFd fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  struct stat there {}, now {};
  if (!fd) {
    if (errno == ENOENT) return 0;
    const int error = errno;
    if (::lstat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
      throw to_js(env, errorf(ErrorCode::FILE, "the pidfile %s: expected a file but found %s; remove it", path.c_str(), kind_of(there.st_mode)));
    throw to_js(env, system_error(error, "open the pidfile " + path));
  }
  if (::fstat(fd.get(), &there) != 0) throw to_js(env, system_error(errno, "look at the pidfile " + path));
  if (!S_ISREG(there.st_mode))
    throw to_js(env, errorf(ErrorCode::FILE, "the pidfile %s: expected a file but found %s; remove it", path.c_str(), kind_of(there.st_mode)));
  struct flock lock = write_lock();
  if (::fcntl(fd.get(), F_GETLK, &lock) != 0) throw to_js(env, system_error(errno, "look at the lock of " + path));
  if (lock.l_type != F_UNLCK) return lock.l_pid > 0 ? lock.l_pid : -1;
  // Stale. Another that starts now may have put its own here meanwhile: that one stays.
  if (::lstat(path.c_str(), &now) == 0 && now.st_ino == there.st_ino && now.st_dev == there.st_dev && ::unlink(path.c_str()) != 0 && errno != ENOENT)
    throw to_js(env, system_error(errno, "remove the stale pidfile " + path));
  return 0;
}

// (path) -> {fd} with the lock for as long as the descriptor is open, or {holder}: the pid of who has it.
Napi::Value lock_pidfile(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string path = info[0].As<Napi::String>();
  const std::string temporary = path + ".tmp" + std::to_string(::getpid());
  Napi::Object result = Napi::Object::New(env);
  if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) throw to_js(env, system_error(errno, "remove " + temporary));
  sys::UniqueFd fd(::open(temporary.c_str(), O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!fd) throw to_js(env, system_error(errno, "create the pidfile " + temporary));
  struct Remove {
    const std::string& path;
    ~Remove() { ::unlink(path.c_str()); }
  } remove{temporary};
  struct flock lock = write_lock();
  const std::string text = std::to_string(::getpid()) + "\n";
  if (::fcntl(fd.get(), F_SETLK, &lock) != 0) throw to_js(env, system_error(errno, "lock the pidfile " + temporary));
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) throw to_js(env, system_error(errno, "write the pidfile " + temporary));
  // Into place whole and locked: nobody ever sees it without its lock.
  for (int i = 0; i < kAttempts; i++) {
    if (::link(temporary.c_str(), path.c_str()) == 0) {
      result.Set("fd", fd.release());
      return result;
    }
    if (errno != EEXIST) throw to_js(env, system_error(errno, "put the pidfile " + path + " into place"));
    const pid_t holder = holder_of(env, path);
    if (holder == 0) continue;
    result.Set("holder", holder);
    return result;
  }
  throw to_js(env, errorf(ErrorCode::SYSTEM, "the pidfile %s changes as fast as it is looked at: others start at the same time; try again", path.c_str()));
}

// Fills 'address'; a path over what it holds goes through its directory's descriptor, kept in 'dir'.
void fill_address(Napi::Env env, const std::string& path, sockaddr_un& address, sys::UniqueFd& dir) {
  address = {};
  address.sun_family = AF_UNIX;
  std::string used = path;
  if (used.size() >= sizeof address.sun_path) {
    const size_t slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    dir = sys::UniqueFd(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!dir) throw to_js(env, system_error(errno, "open the directory " + parent));
    used = "/proc/self/fd/" + std::to_string(dir.get()) + "/" + path.substr(slash + 1);
  }
  if (used.size() >= sizeof address.sun_path) throw to_js(env, invalid("the socket's name is too long: " + path));
  std::memcpy(address.sun_path, used.data(), used.size());
}

// (path, mode) -> {fd, replaced}: listens there. What stood in its place and is no directory is removed, as OVS's daemons do; 'replaced' says
// what it was, or is null.
Napi::Value listen_unix(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string path = info[0].As<Napi::String>();
  const auto mode = static_cast<mode_t>(uint32_of(info[1]));
  sockaddr_un address;
  sys::UniqueFd dir;
  fill_address(env, path, address, dir);
  Napi::Object result = Napi::Object::New(env);
  result.Set("replaced", env.Null());
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0) {
    result.Set("replaced", kind_of(there.st_mode));
    if (S_ISDIR(there.st_mode)) throw to_js(env, errorf(ErrorCode::FILE, "the socket %s: a directory is in its place; remove it", path.c_str()));
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw to_js(env, system_error(errno, "remove what is in the place of the socket " + path));
  }
  sys::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw to_js(env, system_error(errno, "make a socket"));
  // Before bind(): the file never has more rights than these.
  if (::fchmod(fd.get(), mode) != 0) throw to_js(env, system_error(errno, "set the mode of the socket " + path));
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) throw to_js(env, system_error(errno, "make the socket " + path));
  if (::listen(fd.get(), 1024) != 0) throw to_js(env, system_error(errno, "listen on " + path));
  result.Set("fd", fd.release());
  return result;
}

// (path) -> a connected descriptor, the caller's to close.
Napi::Value connect_unix(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string path = info[0].As<Napi::String>();
  sockaddr_un address;
  sys::UniqueFd dir;
  fill_address(env, path, address, dir);
  sys::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw to_js(env, system_error(errno, "make a socket"));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    if (error == ENOENT || error == ECONNREFUSED || error == ENOTSOCK)
      throw to_js(env, errorf(ErrorCode::NO_DAEMON, "nobody answers at %s (%s): start ctinspectord, or ask without --daemon", path.c_str(), std::strerror(error)));
    throw to_js(env, system_error(error, "connect to " + path));
  }
  return Napi::Number::New(env, fd.release());
}

// () -> [fd, fd], connected to each other.
Napi::Value socket_pair(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) throw to_js(env, system_error(errno, "make a pair of sockets"));
  Napi::Array pair = Napi::Array::New(env, 2);
  pair.Set(0u, fds[0]);
  pair.Set(1u, fds[1]);
  return pair;
}

// (fd) -> another descriptor of the same, close-on-exec.
Napi::Value dup_fd(const Napi::CallbackInfo& info) {
  const int fd = ::fcntl(info[0].As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) throw to_js(info.Env(), system_error(errno, "duplicate a descriptor"));
  return Napi::Number::New(info.Env(), fd);
}

// (fd) -> {pid, uid, gid} of who connected.
Napi::Value peer_of(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(info[0].As<Napi::Number>().Int32Value(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    throw to_js(env, system_error(errno, "look who connected"));
  Napi::Object result = Napi::Object::New(env);
  result.Set("pid", peer.pid);
  result.Set("uid", static_cast<double>(peer.uid));
  result.Set("gid", static_cast<double>(peer.gid));
  return result;
}

// (path, text): a datagram to who started us (sd_notify(3)); '@' begins an abstract name.
Napi::Value notify_supervisor(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string path = info[0].As<Napi::String>(), text = info[1].As<Napi::String>();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof address.sun_path) throw to_js(env, invalid("NOTIFY_SOCKET: expected the name of a socket but received '" + path + "'"));
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = 0;
  sys::UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) throw to_js(env, system_error(errno, "make a socket"));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (::sendto(fd.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address), size) < 0)
    throw to_js(env, system_error(errno, "tell " + path));
  return env.Undefined();
}

}  // namespace

void init_daemon_files(Napi::Env env, Napi::Object exports) {
  export_function<lock_pidfile>(env, exports, "lockPidfile");
  export_function<listen_unix>(env, exports, "listenUnix");
  export_function<connect_unix>(env, exports, "connectUnix");
  export_function<socket_pair>(env, exports, "socketPair");
  export_function<dup_fd>(env, exports, "dupFd");
  export_function<peer_of>(env, exports, "peerOf");
  export_function<notify_supervisor>(env, exports, "notifySupervisor");
}

}  // namespace cti::bind
