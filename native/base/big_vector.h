// A vector for what can get large and is used up at once: from 4 MiB on its memory is asked for in huge pages, which cost a fraction of the page faults and
// of the misses when it is filled in random order. Where the system gives none it is ordinary memory. Elements that resize() adds are not zeroed.
//
// Thread-safety: as std::vector.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace cti {

template <typename T>
class BigAllocator {
 public:
  using value_type = T;
  BigAllocator() = default;
  template <typename U>
  BigAllocator(const BigAllocator<U>&) {}

  T* allocate(size_t n) {
    if (n > SIZE_MAX / 2 / sizeof(T)) throw std::bad_array_new_length();
    if (n * sizeof(T) < kBig) return std::allocator<T>().allocate(n);
    // A piece more, to begin at a multiple of one.
    const size_t size = rounded(n);
    void* mapped = ::mmap(nullptr, size + kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    const uintptr_t from = reinterpret_cast<uintptr_t>(mapped), begin = (from + kHuge - 1) & ~(kHuge - 1), end = from + size + kHuge;
    if (begin > from) ::munmap(mapped, begin - from);
    if (end > begin + size) ::munmap(reinterpret_cast<void*>(begin + size), end - begin - size);
    ::madvise(reinterpret_cast<void*>(begin), size, MADV_HUGEPAGE);  // a wish
    return reinterpret_cast<T*>(begin);
  }
  void deallocate(T* at, size_t n) {
    if (n * sizeof(T) < kBig)
      std::allocator<T>().deallocate(at, n);
    else
      ::munmap(at, rounded(n));
  }
  // Default-initialised, so a plain type is left as it is.
  template <typename U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <typename U, typename... Args>
  void construct(U* at, Args&&... args) {
    ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
  }
  template <typename U>
  bool operator==(const BigAllocator<U>&) const {
    return true;
  }

 private:
  static constexpr size_t kHuge = size_t{2} << 20, kBig = 2 * kHuge;
  static size_t rounded(size_t n) { return (n * sizeof(T) + kHuge - 1) & ~(kHuge - 1); }
};

template <typename T>
using BigVector = std::vector<T, BigAllocator<T>>;

}  // namespace cti
