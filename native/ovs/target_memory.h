// Reading another process's memory: the one interface all walkers use, so that fuzzed and saved memory run through the same code.
//
// Nothing here writes to the target (I6): there is no function for it.
//
// Thread-safety: a reader is used by one thread at a time.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/page_reader.h"

namespace cti::ovs {

// An address in ovs-vswitchd. A type of its own: it must never be dereferenced here.
enum class OvsAddr : uint64_t {};
constexpr OvsAddr operator+(OvsAddr address, uint64_t offset) { return OvsAddr{static_cast<uint64_t>(address) + offset}; }
constexpr uint64_t raw(OvsAddr address) { return static_cast<uint64_t>(address); }

struct AddressRange {
  OvsAddr start;
  uint64_t size;
};

struct ReadRange {
  OvsAddr from;
  void* to;
  size_t size;
};

struct ReadCost {
  uint64_t calls = 0;
  uint64_t ranges = 0;
  uint64_t bytes = 0;
  uint64_t paged = 0;  // of the ranges: read by page tables

  ReadCost operator+(const ReadCost& more) const { return {calls + more.calls, ranges + more.ranges, bytes + more.bytes, paged + more.paged}; }
  ReadCost operator-(const ReadCost& before) const { return {calls - before.calls, ranges - before.ranges, bytes - before.bytes, paged - before.paged}; }
};

inline constexpr size_t kLine = 64;  // bytes of a cache line

// The first line that begins in a buffer, which has kLine bytes more than are wanted. What is copied whole from lines to lines is copied faster; on some
// processors in two thirds of the time that it takes to a place in its page a few bytes behind the one it has in the other's, as malloc() gives it.
inline uint8_t* line_in(uint8_t* buffer) { return buffer + (kLine - reinterpret_cast<uintptr_t>(buffer) % kLine) % kLine; }

class TargetMemory {
 public:
  static constexpr size_t kMaxRanges = 1024;  // a call; IOV_MAX

  virtual ~TargetMemory() = default;

  // Copies the ranges (at most kMaxRanges) in order, each from its low to its high address. Returns how many bytes were copied: all of them, or
  // up to the first that cannot be read.
  virtual size_t copy(std::span<const ReadRange> ranges) = 0;

  // The same with places that have sizes of their own: 'from', one range behind the other, fills 'to', one place behind the other, and as many bytes in
  // all. Places may overlap: the later stays.
  virtual size_t scatter(std::span<const AddressRange> from, std::span<const std::span<uint8_t>> to);

  // The other way to the same memory, for many small parts at once; null: there is none.
  virtual kernel::PageReader* pages() { return nullptr; }
  // The same by it: 'wanted' are in its room. What it could not read was_read says; it is to be copied.
  void read_by_pages(std::span<kernel::PageReader::Wanted> wanted);

  // One range, whole or not at all.
  bool read(OvsAddr from, void* to, size_t size) {
    const ReadRange range{from, to, size};
    return copy({&range, 1}) == size;
  }
  template <typename T>
  bool read(OvsAddr from, T& to) {
    return read(from, &to, sizeof to);
  }
  // A pointer that is there: not null, 'align'ed, in user space.
  bool read_pointer(OvsAddr from, OvsAddr& to, uint64_t align = 1);
  // A string with its terminating zero, at most 'max' bytes; false if it is longer or not there.
  bool read_string(OvsAddr from, std::string& to, size_t max);

  const ReadCost& cost() const { return cost_; }

 protected:
  ReadCost cost_;
};

constexpr bool is_user_pointer(uint64_t value) { return value >= 0x10000 && value < (1ull << 47); }

// A live process, by process_vm_readv; with 'pages', which is of the same process, also by its page tables: small parts, and whatever is copied into the room
// of that reader, in the same order.
class ProcessMemory final : public TargetMemory {
 public:
  explicit ProcessMemory(pid_t pid, kernel::PageReader* pages = nullptr) : pid_(pid), pages_(pages) {}
  kernel::PageReader* pages() override { return pages_; }
  size_t copy(std::span<const ReadRange> ranges) override;
  size_t scatter(std::span<const AddressRange> from, std::span<const std::span<uint8_t>> to) override;
  int last_errno() const { return last_errno_; }  // of the last copy that stopped short: EPERM, ESRCH, EFAULT

 private:
  size_t into_room(std::span<const ReadRange> ranges);
  size_t copy_by_call(std::span<const ReadRange> ranges);
  size_t call(std::span<const iovec> local, std::span<const iovec> remote, size_t wanted);

  pid_t pid_;
  kernel::PageReader* pages_;
  std::vector<kernel::PageReader::Wanted> wanted_;
  int last_errno_ = 0;
};

}  // namespace cti::ovs
