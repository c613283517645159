// Conversations between real sockets of different network namespaces, all held by this one process.
//
// A socket belongs to the namespace its thread is in when it is made, so one thread can be both ends.
// Thread-safety: talk() changes the calling thread's network namespace; call it from a thread that does nothing else.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace cti::lab {

struct Conversation {
  bool tcp = true;                         // else UDP
  std::string client_netns, server_netns;  // names, as in /run/netns
  std::string address;                     // where the client sends to: IPv4 or IPv6
  uint16_t port = 0;
  uint16_t server_port = 0;  // where the server listens: another one behind a load balancer
  uint32_t size = 1000;      // bytes there, and the same bytes back
  double seconds = 2;
};

// True if every byte came back; false if it did not in time, or nobody answered.
Result<bool> talk(const Conversation& conversation);

}  // namespace cti::lab
