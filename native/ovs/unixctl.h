// A client of the control socket of an OVS daemon (unixctl): JSON-RPC 1.0 objects over a Unix stream socket, one request in
// flight, one reply. The reply's text goes to a sink as it arrives and is never held whole.
//
// Every wait ends at a deadline or when a flag is set. What a request cost the daemon is measured from /proc: its commands run on
// its main thread, which builds the whole reply before it sends a byte.
//
// Thread-safety: a Unixctl is used by one thread at a time; the cancel flag may be set by any.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ovs/find_switch.h"
#include "ovs/reply_decoder.h"
#include "sys/fd.h"

namespace cti::ovs {

// How long to wait, for one or several requests together.
struct Patience {
  explicit Patience(std::chrono::milliseconds limit, const std::atomic<bool>* cancel = nullptr)
      : limit(limit), deadline(std::chrono::steady_clock::now() + limit), cancel(cancel) {}

  std::chrono::milliseconds limit;
  std::chrono::steady_clock::time_point deadline;
  const std::atomic<bool>* cancel;  // looked at every 25 ms at least, and at every piece of a reply
};

struct RequestCost {
  std::string command;
  uint64_t first_byte_ns = 0;  // from before the request is sent to the reply's first byte
  uint64_t last_byte_ns = 0;
  uint64_t reply_bytes = 0;               // on the wire, escapes included
  std::optional<uint64_t> cpu_ns;         // of the daemon's main thread; absent: could not look
  std::optional<int64_t> rss_growth;      // bytes, the larger of first byte and last byte against before
};

struct Reply {
  std::optional<std::string> refusal;  // the daemon's error text (cut at ReplyDecoder::kMaxErrorText), if it answered with one
  RequestCost cost;
};

class Unixctl {
 public:
  // Errors: NO_SWITCH (no such socket), SWITCH_STALE (nobody listens), SWITCH_FOREIGN (not a socket, or another process than
  // the pidfile's), NO_RIGHTS, SWITCH_TIMEOUT, CANCELLED.
  static Result<Unixctl> connect(const Address& address, const Patience& patience);

  // To the daemon that find_daemon() finds, with its errors too.
  static Result<Unixctl> connect(const std::string& rundir, const std::string& target, const Patience& patience);

  // Sends 'command' and hands the text of its result to 'sink'. After an error the connection is not used again.
  // Errors: SWITCH_CLOSED, SWITCH_TIMEOUT, CANCELLED, PROTOCOL (a result over 'max_text' bytes too), the sink's.
  Result<Reply> request(const std::string& command, std::span<const std::string> args, uint64_t max_text, const TextSink& sink,
                        const Patience& patience);

  // The whole result of a command with a small reply; SWITCH_REFUSED if the daemon answers with an error.
  Result<std::string> ask(const std::string& command, std::span<const std::string> args, uint64_t max_text,
                          const Patience& patience, RequestCost* cost = nullptr);

  // Checks that it is an ovs-vswitchd and gives its version line; else SWITCH_FOREIGN.
  Result<std::string> check_is_switch(const Patience& patience, RequestCost* cost = nullptr);

  // Of the process that listens, as this pid namespace has it; 0: not visible from here.
  pid_t pid() const { return pid_; }
  const Address& address() const { return address_; }

 private:
  Unixctl(Address address, sys::UniqueFd fd) : address_(std::move(address)), fd_(std::move(fd)) {}
  Result<void> check_peer();
  Result<void> send(const std::string& message, const std::string& command, const Patience& patience);
  Result<void> wait(short events, const char* for_what, uint64_t received, const Patience& patience) const;
  Error closed(const std::string& command, uint64_t received) const;
  std::string who() const;

  Address address_;
  sys::UniqueFd fd_;
  pid_t pid_ = 0;
  uint64_t next_id_ = 1;
  std::vector<uint8_t> buffer_;
};

// SWITCH_REFUSED with the daemon's words.
Error refused(const std::string& command, const std::string& text);

}  // namespace cti::ovs
