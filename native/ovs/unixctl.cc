#include "ovs/unixctl.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "ovs/process.h"

namespace cti::ovs {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kTick{25};  // how late a cancel may be seen
constexpr size_t kBufferSize = 256 * 1024;

uint64_t ns_since(Clock::time_point start) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count());
}

bool cancelled(const Patience& patience) { return patience.cancel && patience.cancel->load(std::memory_order_relaxed); }

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<uint8_t>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<uint8_t>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

// "; it belongs to uid 0, gid 0, mode 0750, and this is uid 65534"
std::string rights_of(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) < 0) return "";
  char text[128];
  std::snprintf(text, sizeof text, "; it belongs to uid %u, gid %u, mode %04o, and this is uid %u", status.st_uid, status.st_gid,
                status.st_mode & 07777, ::geteuid());
  return text;
}

Error connect_error(int errnum, const Address& address) {
  const std::string& path = address.socket_path;
  if (errnum == ENOENT || errnum == ENOTDIR) {
    return errorf(ErrorCode::NO_SWITCH, "there is no control socket %s. Start ovs-vswitchd, or name the right socket with --target",
                  path.c_str());
  }
  if (errnum == EACCES || errnum == EPERM) {
    return errorf(ErrorCode::NO_RIGHTS, "connect to %s: %s%s. Run as root, or as the user ovs-vswitchd runs as", path.c_str(),
                  std::strerror(errnum), rights_of(path).c_str());
  }
  struct stat status;
  if (::stat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode)) {
    return errorf(ErrorCode::SWITCH_FOREIGN, "expected a control socket at %s but it is not a socket", path.c_str());
  }
  if (errnum == ECONNREFUSED) {
    return errorf(ErrorCode::SWITCH_STALE, "nobody listens on %s: that ovs-vswitchd has gone. Start it again", path.c_str());
  }
  return system_error(errnum, "connect to " + path);
}

// A socket address for 'path'. One longer than sun_path goes through a descriptor of its directory, kept in 'directory' until
// after the connect.
Result<sockaddr_un> socket_address(const std::string& path, sys::UniqueFd* directory) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::string fitting = path;
  if (fitting.size() >= sizeof address.sun_path) {
    const size_t slash = path.rfind('/');
    const std::string parent = path.substr(0, slash);
    *directory = sys::UniqueFd(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!*directory) return system_error(errno, "open directory " + parent);
    fitting = "/proc/self/fd/" + std::to_string(directory->get()) + path.substr(slash);
  }
  if (fitting.size() >= sizeof address.sun_path || fitting.find('\0') != std::string::npos) {
    return errorf(ErrorCode::INVALID_ARGUMENT, "expected a socket's path as --target but received '%s'", printable(path).c_str());
  }
  std::memcpy(address.sun_path, fitting.data(), fitting.size());
  return address;
}

}  // namespace

Error refused(const std::string& command, const std::string& text) {
  return errorf(ErrorCode::SWITCH_REFUSED, "ovs-vswitchd refused \"%s\": %s", printable(command).c_str(),
                text.empty() ? "(it gave no reason)" : printable(text, 500).c_str());
}

std::string Unixctl::who() const {
  return address_.socket_path + (pid_ > 0 ? " (process " + std::to_string(pid_) + ")" : "");
}

Error Unixctl::closed(const std::string& command, uint64_t received) const {
  return errorf(ErrorCode::SWITCH_CLOSED,
                "%s closed the connection after %llu bytes of its reply to \"%s\": it was killed or restarted, or dropped us. No "
                "partial answer is given; ask again",
                who().c_str(), static_cast<unsigned long long>(received), printable(command).c_str());
}

Result<Unixctl> Unixctl::connect(const Address& address, const Patience& patience) {
  sys::UniqueFd directory;
  auto name = socket_address(address.socket_path, &directory);
  if (!name) return std::move(name.error());
  sys::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return system_error(errno, "create a Unix socket");
  Unixctl client(address, std::move(fd));
  // SAFETY: sockaddr_un is a sockaddr to the kernel.
  while (::connect(client.fd_.get(), reinterpret_cast<const sockaddr*>(&*name), sizeof *name) < 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return connect_error(errno, address);
    // The daemon's queue of connections is full, which poll cannot wait for on a Unix socket: try again after a tick.
    CTI_TRY(client.wait(0, "a connection", 0, patience));
  }
  CTI_TRY(client.check_peer());
  return client;
}

Result<Unixctl> Unixctl::connect(const std::string& rundir, const std::string& target, const Patience& patience) {
  auto address = find_daemon(rundir, target);
  if (!address) return std::move(address.error());
  return connect(*address, patience);
}

Result<void> Unixctl::check_peer() {
  ucred peer = {};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return system_error(errno, "ask who listens on " + who());
  if (address_.pid > 0 && peer.pid > 0 && peer.pid != address_.pid) {
    return errorf(ErrorCode::SWITCH_FOREIGN, "expected process %d, which holds the pidfile's lock, behind %s but process %d listens there",
                  static_cast<int>(address_.pid), address_.socket_path.c_str(), static_cast<int>(peer.pid));
  }
  pid_ = peer.pid > 0 ? peer.pid : address_.pid;
  return {};
}

// Returns when one of 'events' is there; with no events, after a tick.
Result<void> Unixctl::wait(short events, const char* for_what, uint64_t received, const Patience& patience) const {
  for (;;) {
    if (cancelled(patience)) return errorf(ErrorCode::CANCELLED, "stopped on request while waiting for %s", for_what);
    const auto now = Clock::now();
    if (now >= patience.deadline) {
      return errorf(ErrorCode::SWITCH_TIMEOUT,
                    "%s did not give %s within %lld ms (received so far: %llu bytes). It may be busy or stopped; raise --timeout, or "
                    "ask less",
                    who().c_str(), for_what, static_cast<long long>(patience.limit.count()), static_cast<unsigned long long>(received));
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(patience.deadline - now);
    pollfd waited = {events ? fd_.get() : -1, events, 0};
    const int ready = ::poll(&waited, 1, static_cast<int>(std::min(left, kTick).count()));
    if (ready > 0 || (ready == 0 && events == 0)) return {};
    if (ready < 0 && errno != EINTR) return system_error(errno, "poll " + who());
  }
}

Result<void> Unixctl::send(const std::string& message, const std::string& command, const Patience& patience) {
  for (size_t sent = 0; sent < message.size();) {
    const ssize_t n = ::send(fd_.get(), message.data() + sent, message.size() - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      CTI_TRY(wait(POLLOUT, "room for the request", 0, patience));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return closed(command, 0);
    } else if (errno != EINTR) {
      return system_error(errno, "send to " + who());
    }
  }
  return {};
}

Result<Reply> Unixctl::request(const std::string& command, std::span<const std::string> args, uint64_t max_text,
                               const TextSink& sink, const Patience& patience) {
  const uint64_t id = next_id_++;
  std::string message = "{\"id\":" + std::to_string(id) + ",\"method\":" + json_string(command) + ",\"params\":[";
  for (size_t i = 0; i < args.size(); i++) {
    if (i > 0) message += ',';
    message += json_string(args[i]);
  }
  message += "]}";

  buffer_.resize(kBufferSize);
  const std::string for_what = "its reply to \"" + printable(command) + "\"";
  const ProcessSample before = sample_process(pid_);
  const auto start = Clock::now();
  CTI_TRY(send(message, command, patience));
  Reply reply;
  reply.cost.command = command;
  ProcessSample at_first;
  ReplyDecoder decoder(id, max_text, sink);
  while (!decoder.done()) {
    if (cancelled(patience) || Clock::now() >= patience.deadline) CTI_TRY(wait(POLLIN, for_what.c_str(), decoder.bytes(), patience));
    const ssize_t n = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (n < 0) {
      if (errno == EAGAIN) CTI_TRY(wait(POLLIN, for_what.c_str(), decoder.bytes(), patience));
      else if (errno == ECONNRESET) return closed(command, decoder.bytes());
      else if (errno != EINTR) return system_error(errno, "receive from " + who());
      continue;
    }
    if (n == 0) return closed(command, decoder.bytes());
    if (decoder.bytes() == 0) {
      reply.cost.first_byte_ns = ns_since(start);
      at_first = sample_process(pid_);
    }
    if (auto fed = decoder.feed({buffer_.data(), static_cast<size_t>(n)}); !fed) {
      if (fed.error().code == ErrorCode::PROTOCOL) fed.error().message = who() + ", command \"" + printable(command) + "\": " + fed.error().message;
      return std::move(fed.error());
    }
  }
  reply.cost.last_byte_ns = ns_since(start);
  reply.cost.reply_bytes = decoder.bytes();
  const ProcessSample after = sample_process(pid_);
  if (before.cpu_ns && after.cpu_ns) reply.cost.cpu_ns = *after.cpu_ns - *before.cpu_ns;
  if (before.rss_bytes && at_first.rss_bytes && after.rss_bytes) {
    reply.cost.rss_growth = static_cast<int64_t>(std::max(*at_first.rss_bytes, *after.rss_bytes)) - static_cast<int64_t>(*before.rss_bytes);
  }
  auto result = decoder.finish();
  if (!result) {
    result.error().message = who() + ", command \"" + printable(command) + "\": " + result.error().message;
    return std::move(result.error());
  }
  if (!*result) reply.refusal = decoder.error_text();
  return reply;
}

Result<std::string> Unixctl::ask(const std::string& command, std::span<const std::string> args, uint64_t max_text,
                                 const Patience& patience, RequestCost* cost) {
  std::string text;
  const TextSink sink = [&](Bytes piece) -> Result<void> {
    text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return {};
  };
  auto reply = request(command, args, max_text, sink, patience);
  if (!reply) return std::move(reply.error());
  if (cost) *cost = reply->cost;
  if (reply->refusal) return refused(command, *reply->refusal);
  return text;
}

Result<std::string> Unixctl::check_is_switch(const Patience& patience, RequestCost* cost) {
  auto version = ask("version", {}, 4096, patience, cost);
  if (!version && version.error().code != ErrorCode::SWITCH_REFUSED) return version;
  const std::string said = version ? *version : version.error().message;
  if (!version || !said.starts_with("ovs-vswitchd ")) {
    return errorf(ErrorCode::SWITCH_FOREIGN,
                  "expected ovs-vswitchd behind %s but it answers \"version\" with: %s. Name the right daemon with --rundir or --target",
                  who().c_str(), printable(said).c_str());
  }
  return said.substr(0, said.find('\n'));
}

}  // namespace cti::ovs
