// Memory mappings and sealed memfds.
//
// Thread-safety: a Mapping has one owner; the functions may be called from any thread.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "sys/fd.h"

namespace cti::sys {

inline constexpr size_t kPageSize = 4096;  // x86-64 and the ABI; asserted at load

constexpr size_t round_up_to_page(size_t size) { return (size + kPageSize - 1) & ~(kPageSize - 1); }

// A range of this process's address space, unmapped on destruction.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    if (this != &other) {
      reset();
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  ~Mapping() { reset(); }

  // mmap(2). 'size' bytes, not 0; 'what' names it in an error.
  static Result<Mapping> map(size_t size, int prot, int flags, int fd, std::string_view what);

  // Owns what the caller mapped.
  static Mapping adopt(void* data, size_t size) {
    Mapping mapping;
    mapping.data_ = data;
    mapping.size_ = size;
    return mapping;
  }

  uint8_t* data() const { return static_cast<uint8_t*>(data_); }
  size_t size() const { return size_; }
  Bytes bytes() const { return {data(), size_}; }
  void reset();

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

// A new memfd that allows sealing, close-on-exec. 'name' shows in /proc/PID/maps.
Result<UniqueFd> create_memfd(const std::string& name);

// All of 'size' bytes from 'offset' on, as pread(2). Errors: SYSTEM; a file that ends before is one.
Result<void> read_at(int fd, void* to, size_t size, uint64_t offset);

// Forbids write, grow, shrink and further seals. No writable shared mapping of 'fd' may exist; one that a child has before its exec is
// waited for, half a second at most.
Result<void> seal_memfd(int fd);

// The seals of 'fd' (F_SEAL_*, fcntl.h); 0 for what is no memfd. SYSTEM if it is no descriptor; 'what' names it then.
Result<int> seals_of(int fd, std::string_view what);

// Whether nobody can shrink or write what 'fd' holds: only then may it be mapped as if it were our own.
bool is_sealed(int fd);

}  // namespace cti::sys
