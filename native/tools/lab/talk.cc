#include "tools/lab/talk.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "sys/fd.h"
#include "tools/lab/port.h"

namespace cti::lab {
namespace {

Result<void> enter(const std::string& netns) {
  std::string path = "/run/netns/" + netns;
  sys::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error(errno, "open " + path);
  if (setns(fd.get(), CLONE_NEWNET) < 0) return system_error(errno, "enter " + path);
  return {};
}

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  int family = AF_UNSPEC;
  // SAFETY: sockaddr_storage is aligned and sized for every socket address.
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// 'text' empty: any address of the family.
Result<Address> address_of(const std::string& text, int family, uint16_t port) {
  Address address;
  sockaddr_in in4{};
  sockaddr_in6 in6{};
  in4.sin_family = AF_INET;
  in4.sin_port = htons(port);
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port);
  bool is4 = text.empty() ? family == AF_INET : inet_pton(AF_INET, text.c_str(), &in4.sin_addr) == 1;
  if (!is4 && !text.empty() && inet_pton(AF_INET6, text.c_str(), &in6.sin6_addr) != 1)
    return errorf(ErrorCode::INVALID_ARGUMENT, "Expected an IP address but received '%s'", text.c_str());
  address.family = is4 ? AF_INET : AF_INET6;
  address.size = is4 ? sizeof in4 : sizeof in6;
  if (is4) {
    std::memcpy(&address.storage, &in4, sizeof in4);
  } else {
    std::memcpy(&address.storage, &in6, sizeof in6);
  }
  return address;
}

Result<sys::UniqueFd> open_socket(const std::string& netns, int family, bool tcp) {
  CTI_TRY(enter(netns));
  sys::UniqueFd fd(socket(family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return system_error(errno, "open a socket in " + netns);
  return fd;
}

// Waits until one of 'fds' has one of its events, or 'end_ns'; false if it is over.
bool wait_until(std::vector<pollfd>& fds, uint64_t end_ns) {
  uint64_t now = monotonic_ns();
  if (now >= end_ns) return false;
  poll(fds.data(), fds.size(), static_cast<int>(std::min<uint64_t>((end_ns - now) / 1'000'000 + 1, 100)));
  return true;
}

bool again(ssize_t n) { return n < 0 && (errno == EAGAIN || errno == EINTR); }

// TCP: the server echoes what it gets until the client has all its bytes back.
bool talk_tcp(int listener, int client, uint32_t size, uint64_t end_ns) {
  sys::UniqueFd server;
  std::vector<uint8_t> data(std::max<uint32_t>(size, 1), 'x'), held;
  size_t n_out = 0, n_back = 0;
  for (;;) {
    if (!server) server = sys::UniqueFd(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (n_out < size) {
      ssize_t n = send(client, data.data(), size - n_out, MSG_NOSIGNAL);
      if (n < 0 && !again(n) && errno != ENOTCONN) return false;
      if (n > 0) n_out += static_cast<size_t>(n);
    }
    uint8_t buffer[4096];
    if (server) {
      ssize_t n = recv(server.get(), buffer, sizeof buffer, 0);
      if (n > 0) held.insert(held.end(), buffer, buffer + n);
      n = held.empty() ? 0 : send(server.get(), held.data(), held.size(), MSG_NOSIGNAL);
      if (n > 0) held.erase(held.begin(), held.begin() + n);
    }
    ssize_t n = recv(client, buffer, sizeof buffer, 0);
    if (n < 0 && !again(n) && errno != ENOTCONN) return false;
    if (n > 0) n_back += static_cast<size_t>(n);
    if (n_back == size) return true;
    std::vector<pollfd> fds = {{client, static_cast<short>(POLLIN | (n_out < size ? POLLOUT : 0)), 0},
                               {server ? server.get() : listener, POLLIN, 0}};
    if (!wait_until(fds, end_ns)) return false;
  }
}

// UDP: one datagram there, one back; sent again every 300 ms.
bool talk_udp(int server, int client, uint32_t size, uint64_t end_ns) {
  std::vector<uint8_t> data(size, 'x'), buffer(65536);
  uint64_t send_at_ns = 0;
  for (;;) {
    if (monotonic_ns() >= send_at_ns) {
      if (send(client, data.data(), data.size(), MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED) return false;
      send_at_ns = monotonic_ns() + 300'000'000;
    }
    Address from;
    from.size = sizeof from.storage;
    ssize_t n = recvfrom(server, buffer.data(), buffer.size(), 0, from.get(), &from.size);
    if (n >= 0) sendto(server, buffer.data(), static_cast<size_t>(n), MSG_NOSIGNAL, from.get(), from.size);
    if (recv(client, buffer.data(), buffer.size(), 0) == static_cast<ssize_t>(size)) return true;
    std::vector<pollfd> fds = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (!wait_until(fds, end_ns)) return false;
  }
}

}  // namespace

Result<bool> talk(const Conversation& conversation) {
  auto peer = address_of(conversation.address, AF_UNSPEC, conversation.port);
  if (!peer) return peer.error();
  auto any = address_of("", peer->family, conversation.server_port);
  if (!any) return any.error();
  auto server = open_socket(conversation.server_netns, peer->family, conversation.tcp);
  if (!server) return server.error();
  int on = 1;
  setsockopt(server->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(server->get(), any->get(), any->size) < 0 || (conversation.tcp && listen(server->get(), 4) < 0))
    return system_error(errno, "listen in " + conversation.server_netns);
  auto client = open_socket(conversation.client_netns, peer->family, conversation.tcp);
  if (!client) return client.error();
  // Without this the port of the client stays taken for a minute, and the conntrack entry's state with it.
  linger hard{1, 0};
  if (conversation.tcp) setsockopt(client->get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  if (connect(client->get(), peer->get(), peer->size) < 0 && errno != EINPROGRESS)
    return system_error(errno, "connect to " + conversation.address + " from " + conversation.client_netns);
  uint64_t end_ns = monotonic_ns() + static_cast<uint64_t>(conversation.seconds * 1e9);
  return conversation.tcp ? talk_tcp(server->get(), client->get(), conversation.size, end_ns)
                          : talk_udp(server->get(), client->get(), conversation.size, end_ns);
}

}  // namespace cti::lab
