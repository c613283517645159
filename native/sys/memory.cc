#include "sys/memory.h"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace cti::sys {
namespace {

using namespace std::chrono_literals;

constexpr auto kSealRetry = 1ms;
constexpr auto kSealPatience = 500ms;
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

}  // namespace

Result<Mapping> Mapping::map(size_t size, int prot, int flags, int fd, std::string_view what) {
  void* address = ::mmap(nullptr, size, prot, flags, fd, 0);
  if (address == MAP_FAILED) return system_error(errno, "map " + std::to_string(size) + " bytes for " + std::string(what));
  Mapping mapping;
  mapping.data_ = address;
  mapping.size_ = size;
  return mapping;
}

void Mapping::reset() {
  if (data_) ::munmap(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

Result<UniqueFd> create_memfd(const std::string& name) {
  int fd = ::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return system_error(errno, "create memfd " + name);
  return UniqueFd(fd);
}

Result<void> read_at(int fd, void* to, size_t size, uint64_t offset) {
  for (size_t done = 0; done < size;) {
    const ssize_t n = ::pread(fd, static_cast<uint8_t*>(to) + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return system_error(n < 0 ? errno : EIO, "read " + std::to_string(size) + " bytes at " + std::to_string(offset) + " of a memfd");
    done += static_cast<size_t>(n);
  }
  return {};
}

Result<void> seal_memfd(int fd) {
  // Another thread may be starting a program: until its exec the child has a copy of every mapping, those just unmapped here among them.
  for (auto waited = 0ms; ::fcntl(fd, F_ADD_SEALS, kSeals) < 0; waited += kSealRetry) {
    if (errno != EBUSY || waited >= kSealPatience) return system_error(errno, "seal memfd");
    std::this_thread::sleep_for(kSealRetry);
  }
  return {};
}

Result<int> seals_of(int fd, std::string_view what) {
  int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 && errno == EINVAL) return 0;
  if (seals < 0) return system_error(errno, "look at descriptor " + std::to_string(fd) + " of " + std::string(what));
  return seals;
}

bool is_sealed(int fd) {
  auto seals = seals_of(fd, "a memfd");
  return seals && (*seals & kSeals) == kSeals;
}

}  // namespace cti::sys
