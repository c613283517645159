// A channel between two processes over a connected Unix stream socket: frames of bytes, each with descriptors beside it (SCM_RIGHTS). The parts
// of the daemon meet over channels, and the command line speaks to the daemon over one: Node's own sockets pass no memfds.
//
//   frame:  0        4         6        7        8
//           | length | n fds   | route  | epoch  | payload ... |      integers little-endian
//
// 'length' counts the payload; 'route' and 'epoch' are the sender's (lib/control/frames.ts says what they mean). Descriptors travel with the
// frame's first byte. A stream never hands over descriptors later than the bytes that they were sent with, so a queue of them is enough.
//
// Thread-safety: a channel has one thread of its own that polls, reads and writes; JavaScript's thread puts frames into a queue and gets frames
// out of a thread-safe function. What JavaScript has not taken is bounded: the thread stops reading at kMaxUntaken frames.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "bind/bind.h"
#include "bind/values.h"
#include "sys/fd.h"

namespace cti::bind {
namespace {

constexpr size_t kHeaderSize = 8;
constexpr size_t kMaxFdsPerFrame = 64;  // SCM_MAX_FD is 253; a snapshot has at most 16 segments
constexpr size_t kMaxUntaken = 32;
constexpr size_t kReadSize = 256 << 10;

struct Frame {
  std::vector<uint8_t> bytes;  // header and payload
  std::vector<sys::UniqueFd> fds;
  size_t sent = 0;
};

class Channel : public std::enable_shared_from_this<Channel> {
 public:
  Channel(Napi::Env env, sys::UniqueFd fd, sys::UniqueFd wake, size_t max_frame)
      : env_(env), fd_(std::move(fd)), wake_(std::move(wake)), max_frame_(max_frame) {}

  void start(Napi::Function on_frame) {
    function_ = Napi::ThreadSafeFunction::New(env_, on_frame, "ctinspector channel", 0, 1);
    napi_add_env_cleanup_hook(env_, end_early, this);
    self_ = shared_from_this();
    try {
      thread_ = std::thread([this] { work(); });
    } catch (const std::system_error& error) {
      napi_remove_env_cleanup_hook(env_, end_early, this);
      self_.reset();
      function_.Release();
      throw to_js(env_, errorf(ErrorCode::OUT_OF_MEMORY, "cannot start a thread: %s", error.what()));
    }
  }

  // Bytes that wait to be written, this frame included; 0: the channel has ended and the frame is dropped.
  size_t send(Frame frame) {
    const std::lock_guard lock(mutex_);
    if (ended_ || closing_) return 0;
    queued_ += frame.bytes.size();
    out_.push_back(std::move(frame));
    notify();
    return queued_;
  }

  // Frames that were sent still go out, as far as the peer takes them within 'linger' ms.
  void close() {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    notify();
  }

  void ref(bool is_ref) {
    if (!self_) return;
    if (is_ref) function_.Ref(env_);
    else function_.Unref(env_);
  }

 private:
  void notify() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
  }

  // SAFETY: runs on the channel's thread; touches in_, fds_in_ and the socket, which no other thread does.
  void work() {
    std::string reason;
    while (reason.empty()) {
      bool wants_write, reads, closing;
      {
        const std::lock_guard lock(mutex_);
        wants_write = !out_.empty();
        reads = untaken_ < kMaxUntaken;
        closing = closing_;
      }
      if (closing && !wants_write) break;
      if (closing && ++n_closing_ > 50) break;  // a peer that does not read: 50 x 20 ms
      pollfd polled[2] = {{fd_.get(), static_cast<short>((reads ? POLLIN : 0) | (wants_write ? POLLOUT : 0)), 0}, {wake_.get(), POLLIN, 0}};
      if (::poll(polled, 2, closing ? 20 : -1) < 0 && errno != EINTR) reason = std::strerror(errno);
      if (polled[1].revents & POLLIN) {
        uint64_t drained;
        [[maybe_unused]] const ssize_t n = ::read(wake_.get(), &drained, sizeof drained);
      }
      if (reason.empty() && (polled[0].revents & POLLOUT)) write_some(reason);
      if (reason.empty() && reads && (polled[0].revents & (POLLIN | POLLHUP | POLLERR))) read_some(reason);
      else if (reason.empty() && !reads && (polled[0].revents & (POLLHUP | POLLERR))) {
        // What the peer sent before it went is read once there is room: until then the state stays, so do not spin on it.
        pollfd wake = {wake_.get(), POLLIN, 0};
        ::poll(&wake, 1, 20);
      }
    }
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      out_.clear();
    }
    if (reason.empty()) reason = "closed";
    fds_in_.clear();
    fd_.reset();  // the peer learns of it now, not when JavaScript has time
    function_.BlockingCall([this, reason](Napi::Env env, Napi::Function callback) { settle(env, callback, reason); });
    function_.Release();
  }

  void write_some(std::string& reason) {
    for (;;) {
      Frame* frame;
      {
        const std::lock_guard lock(mutex_);
        if (out_.empty()) return;
        frame = &out_.front();  // stays where it is while others are put behind it
      }
      iovec part{frame->bytes.data() + frame->sent, frame->bytes.size() - frame->sent};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      alignas(cmsghdr) char control[CMSG_SPACE(kMaxFdsPerFrame * sizeof(int))];
      if (frame->sent == 0 && !frame->fds.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(frame->fds.size() * sizeof(int));
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(frame->fds.size() * sizeof(int));
        for (size_t i = 0; i < frame->fds.size(); i++) {
          const int fd = frame->fds[i].get();
          std::memcpy(CMSG_DATA(header) + i * sizeof fd, &fd, sizeof fd);
        }
      }
      const ssize_t n = ::sendmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (n < 0) {
        // The peer has gone. What it sent before is still read: the end comes with its end of file.
        if (errno == EPIPE || errno == ECONNRESET) {
          const std::lock_guard lock(mutex_);
          out_.clear();
          queued_ = 0;
          if (closing_) reason = "closed";
          return;
        }
        reason = std::strerror(errno);
        return;
      }
      frame->fds.clear();
      frame->sent += static_cast<size_t>(n);
      const std::lock_guard lock(mutex_);
      queued_ -= static_cast<size_t>(n);
      if (frame->sent < frame->bytes.size()) return;
      out_.pop_front();
    }
  }

  void read_some(std::string& reason) {
    const size_t had = in_.size();
    in_.resize(had + kReadSize);
    iovec part{in_.data() + had, kReadSize};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(256 * sizeof(int))];
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t n = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    in_.resize(had + static_cast<size_t>(n > 0 ? n : 0));
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) {
      reason = std::strerror(errno);
      return;
    }
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
      const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; i++) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
        fds_in_.emplace_back(fd);
      }
    }
    if (message.msg_flags & MSG_CTRUNC) reason = "descriptors of the peer were lost: this process has no room for more";
    else if (fds_in_.size() > 2 * kMaxFdsPerFrame) reason = "the peer sent descriptors that belong to no frame";
    else if (n == 0) reason = in_.empty() ? "the other side ended" : "the other side ended within a frame";
    take_frames(reason);
  }

  void take_frames(std::string& reason) {
    size_t at = 0;
    while (in_.size() - at >= kHeaderSize) {
      uint32_t length;
      uint16_t n_fds;
      std::memcpy(&length, in_.data() + at, sizeof length);
      std::memcpy(&n_fds, in_.data() + at + 4, sizeof n_fds);
      if (length > max_frame_ || n_fds > kMaxFdsPerFrame) {
        reason = "a frame of " + std::to_string(length) + " bytes and " + std::to_string(n_fds) + " descriptors is over what is allowed";
        break;
      }
      if (in_.size() - at - kHeaderSize < length) break;
      if (fds_in_.size() < n_fds) {
        reason = "a frame came without its descriptors";
        break;
      }
      auto frame = std::make_shared<Frame>();
      frame->bytes.assign(in_.begin() + static_cast<ptrdiff_t>(at), in_.begin() + static_cast<ptrdiff_t>(at + kHeaderSize + length));
      for (size_t i = 0; i < n_fds; i++) {
        frame->fds.push_back(std::move(fds_in_.front()));
        fds_in_.pop_front();
      }
      at += kHeaderSize + length;
      {
        const std::lock_guard lock(mutex_);
        untaken_++;
      }
      function_.NonBlockingCall([this, frame](Napi::Env env, Napi::Function callback) { hand_over(env, callback, *frame); });
    }
    in_.erase(in_.begin(), in_.begin() + static_cast<ptrdiff_t>(at));
    if (in_.empty() && in_.capacity() > (1 << 20)) in_.shrink_to_fit();
  }

  // On the JavaScript thread. (payload, route, epoch, fds): the descriptors are the callback's to close.
  void hand_over(Napi::Env env, Napi::Function callback, Frame& frame) {
    {
      const std::lock_guard lock(mutex_);
      untaken_--;
      notify();
    }
    Napi::HandleScope scope(env);
    Napi::Array fds = Napi::Array::New(env, frame.fds.size());
    for (uint32_t i = 0; i < frame.fds.size(); i++) fds.Set(i, frame.fds[i].release());
    callback.Call({Napi::Buffer<uint8_t>::Copy(env, frame.bytes.data() + kHeaderSize, frame.bytes.size() - kHeaderSize),
                   Napi::Number::New(env, frame.bytes[6]), Napi::Number::New(env, frame.bytes[7]), fds});
  }

  // On the JavaScript thread, once, last: (null, reason).
  void settle(Napi::Env env, Napi::Function callback, const std::string& reason) {
    thread_.join();  // it only releases the function after it asked for this
    napi_remove_env_cleanup_hook(env, end_early, this);
    const std::shared_ptr<Channel> keep = std::move(self_);
    wake_.reset();  // JavaScript may keep the handle for long
    callback.Call({env.Null(), Napi::String::New(env, reason)});
  }

  static void end_early(void* data) {
    Channel* channel = static_cast<Channel*>(data);
    const std::shared_ptr<Channel> keep = channel->self_;
    channel->close();
    channel->thread_.join();
    channel->self_.reset();
  }

  Napi::Env env_;
  sys::UniqueFd fd_, wake_;
  const size_t max_frame_;
  Napi::ThreadSafeFunction function_;
  std::shared_ptr<Channel> self_;
  std::thread thread_;
  std::mutex mutex_;  // out_ as a list, and what follows
  std::deque<Frame> out_;
  size_t queued_ = 0, untaken_ = 0;
  bool closing_ = false, ended_ = false;
  int n_closing_ = 0;
  // The channel's thread alone:
  std::vector<uint8_t> in_;
  std::deque<sys::UniqueFd> fds_in_;
};

constexpr napi_type_tag kChannelTag = {0x6374695f6368616e, 0x6e656c5f76303031};

Channel& channel_of(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsExternal() || !info[0].As<Napi::External<std::shared_ptr<Channel>>>().CheckTypeTag(&kChannelTag))
    throw Napi::TypeError::New(info.Env(), "expected a channel");
  return **info[0].As<Napi::External<std::shared_ptr<Channel>>>().Data();
}

// (fd, maxFrame, callback) -> handle. Takes the descriptor over.
Napi::Value channel_open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  sys::UniqueFd fd(info[0].As<Napi::Number>().Int32Value());
  sys::UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) throw to_js(env, system_error(errno, "make an eventfd"));
  if (::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) < 0) throw to_js(env, system_error(errno, "use descriptor " + std::to_string(fd.get()) + " as a channel"));
  auto channel = std::make_shared<Channel>(env, std::move(fd), std::move(wake), uint32_of(info[1]));
  channel->start(info[2].As<Napi::Function>());
  auto* kept = new std::shared_ptr<Channel>(channel);
  auto external = Napi::External<std::shared_ptr<Channel>>::New(env, kept, [](Napi::Env, std::shared_ptr<Channel>* kept) { delete kept; });
  external.TypeTag(&kChannelTag);
  return external;
}

// (handle, payload, route, epoch, fds) -> bytes that wait to be written; 0: it has ended. The descriptors stay the caller's.
Napi::Value channel_send(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Channel& channel = channel_of(info);
  const Bytes payload = bytes_of(info[1]);
  Frame frame;
  for_each(info[4], [&](Napi::Value value) {
    sys::UniqueFd fd(::fcntl(value.As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 0));
    if (!fd) throw to_js(env, system_error(errno, "pass a descriptor"));
    frame.fds.push_back(std::move(fd));
  });
  if (frame.fds.size() > kMaxFdsPerFrame) throw to_js(env, invalid("expected at most 64 descriptors beside a frame"));
  const auto length = static_cast<uint32_t>(payload.size());
  const auto n_fds = static_cast<uint16_t>(frame.fds.size());
  frame.bytes.resize(kHeaderSize + payload.size());
  std::memcpy(frame.bytes.data(), &length, sizeof length);
  std::memcpy(frame.bytes.data() + 4, &n_fds, sizeof n_fds);
  frame.bytes[6] = static_cast<uint8_t>(uint32_of(info[2]));
  frame.bytes[7] = static_cast<uint8_t>(uint32_of(info[3]));
  if (!payload.empty()) std::memcpy(frame.bytes.data() + kHeaderSize, payload.data(), payload.size());
  return Napi::Number::New(env, static_cast<double>(channel.send(std::move(frame))));
}

Napi::Value channel_close(const Napi::CallbackInfo& info) {
  channel_of(info).close();
  return info.Env().Undefined();
}

// (handle, isRef): whether the channel keeps the event loop alive.
Napi::Value channel_ref(const Napi::CallbackInfo& info) {
  channel_of(info).ref(info[1].ToBoolean());
  return info.Env().Undefined();
}

}  // namespace

void init_channel(Napi::Env env, Napi::Object exports) {
  export_function<channel_open>(env, exports, "channelOpen");
  export_function<channel_send>(env, exports, "channelSend");
  export_function<channel_close>(env, exports, "channelClose");
  export_function<channel_ref>(env, exports, "channelRef");
}

}  // namespace cti::bind
