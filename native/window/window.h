// A program's window: 4 GiB of reserved address space, an inaccessible guard on both sides.
//
//      guard   | 0 ... mapped segments ... 2^32 - 1 |   guard
//      64 KiB  |               4 GiB                |   64 KiB
//
// The window knows which of its pages may be read or written from its own map, a byte a page. C++ touches guest memory
// only after asking that map, so no fault is ever relied on. For ranges it also knows the mappings in order: a kernel function
// that names a large range for a small piece of work pays for neither its size nor its pages. Mapped are anonymous memory, copies, and
// memfds that nobody can shrink; other memory is refused. A stale range is one whose contents are gone: it keeps its place, and every
// access to it is denied as such, until it is unmapped.
//
// Thread-safety: one thread at a time maps and runs. A Window may be handed from thread to thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "sys/memory.h"
#include "window/guest.h"

namespace cti::window {

enum class Access : uint8_t { read = 1, read_write = 3, stale = 4 };
enum class Intent : uint8_t { read = 1, write = 2 };

// Why an access is not allowed. Of a range, the first that holds anywhere in it: unmapped, stale, read_only.
enum class Denial : uint8_t { none, unmapped, read_only, stale };

class Window {
 public:
  static constexpr uint64_t kGuardSize = 64 * 1024;

  // Reserves the address space; nothing is mapped yet. OUT_OF_MEMORY if there is no room.
  static Result<std::unique_ptr<Window>> create();
  ~Window();
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  // Each maps 'size' bytes at 'at' (a page's start, at least 64 KiB), rounded up to pages, zero-filled past what is
  // given. A size of 0 maps nothing. 'what' names the segment in an error. WINDOW_FULL if it does not fit before 'end'
  // or something is there.
  Result<void> map_anonymous(uint32_t at, uint64_t size, uint64_t end, std::string_view what);
  // 'size' if it is more than the bytes: zeros follow.
  Result<void> map_copy(uint32_t at, Bytes bytes, Access access, uint64_t end, std::string_view what, uint64_t size = 0);
  // Of what map_anonymous() mapped at 'at', 'size' bytes.
  Result<void> make_read_only(uint32_t at, uint64_t size, std::string_view what);
  // 'fd' is a memfd of at least 'size' bytes that nobody can shrink or write, else INVALID_ARGUMENT. It stays the
  // caller's.
  Result<void> map_sealed(uint32_t at, int fd, uint64_t size, uint64_t end, std::string_view what);

  // Shared memory, which others change while the program looks. 'fd' is a memfd of at least 'size' bytes sealed against shrinking and,
  // to be writable, not sealed against writing, else INVALID_ARGUMENT.
  Result<void> map_shared(uint32_t at, int fd, uint64_t size, Access access, uint64_t end, std::string_view what);
  // Reserves a stale range.
  Result<void> map_stale(uint32_t at, uint64_t size, uint64_t end, std::string_view what);
  // Takes away what one of the calls above mapped at 'at'; false if none did. Its pages are free again.
  Result<bool> unmap(uint32_t at);

  // Room for 'size' bytes among the tables, with an unmapped page behind: the lowest there is. The caller maps it. WINDOW_FULL.
  Result<GuestAddr> find_room(uint64_t size, std::string_view what) const;

  // Whether 'size' bytes (at least 1) at 'address' may be accessed. A range that reaches past the window is unmapped.
  Denial check(uint64_t address, uint64_t size, Intent intent) const;

  // What loads, stores and atomics need, to be kept in registers by an engine's loop; valid as long as the window.
  struct View {
    uint8_t* base;
    const uint8_t* pages;

    // The host's address of 1 to 4096 bytes at 'address', null if the access is denied (check() says why).
    uint8_t* access(uint32_t address, unsigned size, Intent intent) const {
      // The map has one page more than the window, never accessible: a range that reaches past the end ends there.
      uint64_t last = uint64_t{address} + size - 1;
      uint8_t allowed = pages[address >> kGuestPageBits] & pages[last >> kGuestPageBits];
      return allowed & static_cast<uint8_t>(intent) ? base + address : nullptr;
    }
  };
  View view() const { return {base_, pages_}; }

  // A (pointer, length) pair of a kernel function, as the program gave it: null if any of it lies outside the window,
  // in a hole, or (to write) on a read-only page. A length of 0 is allowed at any address and gives a pointer that
  // must not be used.
  uint8_t* range(uint64_t address, uint64_t size, Intent intent) const;

  // Bytes that were mapped, other than memfds: what the window costs the host at most.
  uint64_t private_bytes() const { return private_bytes_; }

 private:
  Window() = default;
  // What was mapped at once.
  struct Region {
    uint64_t start, end;  // whole pages
    Access access;
    bool is_private;  // counts in private_bytes_
  };

  Result<void> check_room(uint32_t at, uint64_t size, uint64_t end, std::string_view what) const;
  Result<void> map_memfd(uint32_t at, int fd, uint64_t size, Access access, bool is_shared, uint64_t end, std::string_view what);
  void set_pages(uint32_t at, uint64_t size, Access access, bool is_private);

  sys::Mapping reservation_;  // guard, window, guard
  sys::Mapping page_map_;     // pages_, and the page past the end; touched lazily
  uint8_t* base_ = nullptr;   // guest address 0
  uint8_t* pages_ = nullptr;  // Access a page, 0 where nothing is mapped
  std::vector<Region> regions_;  // ascending; what pages_ says, again
  uint64_t private_bytes_ = 0;
};

}  // namespace cti::window
