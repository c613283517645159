#include "tools/lab/port.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace cti::lab {
namespace {

constexpr size_t max_frame = 2048;

}  // namespace

uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

void sleep_ns(uint64_t ns) {
  timespec time{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  nanosleep(&time, nullptr);
}

uint64_t Pacer::allowance() const {
  double due = static_cast<double>(monotonic_ns() - begin_ns_) * per_second_ / 1e9;
  return due > static_cast<double>(n_used_) ? static_cast<uint64_t>(due) - n_used_ : 0;
}

Result<Port> Port::open(const std::string& interface) {
  unsigned index = if_nametoindex(interface.c_str());
  if (!index) return system_error(errno, "find interface " + interface);
  Port port;
  port.fd_ = sys::UniqueFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)));
  if (!port.fd_) return system_error(errno, "open a packet socket");
  int room = 16 << 20;
  setsockopt(port.fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(index);
  // SAFETY: sockaddr_ll is the address type of AF_PACKET; bind reads no more than the size given.
  if (bind(port.fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    return system_error(errno, "bind a packet socket to " + interface);
  port.buffers_.resize(batch * max_frame);
  return port;
}

Result<void> Port::queue(std::span<const uint8_t> frame) {
  pending_.emplace_back(frame.begin(), frame.end());
  if (pending_.size() < batch) return {};
  return flush();
}

Result<void> Port::flush() {
  std::array<mmsghdr, batch> messages{};
  std::array<iovec, batch> parts{};
  for (size_t i = 0; i < pending_.size(); i++) {
    parts[i] = {pending_[i].data(), pending_[i].size()};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (size_t done = 0; done < pending_.size();) {
    int n = sendmmsg(fd_.get(), &messages[done], static_cast<unsigned>(pending_.size() - done), 0);
    if (n < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EINTR) return system_error(errno, "send frames");
    if (n < 0) {
      sleep_ns(100'000);
      continue;
    }
    done += static_cast<size_t>(n);
  }
  n_sent_ += pending_.size();
  pending_.clear();
  return {};
}

Result<size_t> Port::receive(const std::function<void(std::span<const uint8_t>)>& each) {
  size_t total = 0;
  for (;;) {
    std::array<mmsghdr, batch> messages{};
    std::array<iovec, batch> parts{};
    std::array<sockaddr_ll, batch> sources{};
    for (size_t i = 0; i < batch; i++) {
      parts[i] = {&buffers_[i * max_frame], max_frame};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_name = &sources[i];
      messages[i].msg_hdr.msg_namelen = sizeof sources[i];
    }
    int n = recvmmsg(fd_.get(), messages.data(), batch, MSG_DONTWAIT, nullptr);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return total;
    if (n < 0) return system_error(errno, "receive frames");
    for (size_t i = 0; i < static_cast<size_t>(n); i++) {
      if (sources[i].sll_pkttype == PACKET_OUTGOING) continue;
      each(std::span(&buffers_[i * max_frame], std::min<size_t>(messages[i].msg_len, max_frame)));
      total++;
    }
    if (static_cast<size_t>(n) < batch) return total;
  }
}

Result<void> finish_checksums_in_software(const std::string& interface) {
  sys::UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return system_error(errno, "open a socket");
  for (uint32_t command : {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO}) {
    ethtool_value value{command, 0};
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    // SAFETY: SIOCETHTOOL takes an ethtool_value for these commands; both live until the call returns.
    request.ifr_data = reinterpret_cast<char*>(&value);
    if (ioctl(fd.get(), SIOCETHTOOL, &request) < 0)
      return system_error(errno, "turn off checksum and segmentation offload of " + interface);
  }
  return {};
}

}  // namespace cti::lab
