// Builds a snapshot: one growing memfd a segment, written through a shared mapping, sealed at the end without a copy.
//
// Growth is geometric in address space only: a page of a memfd that nobody touched holds no memory, so the peak stays near the
// finished size. Blobs are interned through StringDictionary, whose table holds hashes and refs, not the bytes.
//
// Thread-safety: one thread at a time, as a whole.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "sys/memory.h"
#include "tables/snapshot.h"

namespace cti::tables {

// A memfd that grows at its end. data() moves when it grows.
class GrowingSegment {
 public:
  // 'max_size' bounds the bytes; append() fails beyond it.
  static Result<GrowingSegment> create(const std::string& name, uint64_t max_size);

  GrowingSegment(GrowingSegment&& other) noexcept;
  GrowingSegment& operator=(GrowingSegment&&) = delete;
  ~GrowingSegment();

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  uint64_t size() const { return size_; }

  // Room for 'size' bytes at the end, zeroed, or nullptr: error() says why.
  uint8_t* append(size_t size) {
    if (size > room_ - size_ && !grow(size)) return nullptr;
    uint8_t* at = data_ + size_;
    size_ += size;
    return at;
  }
  const Error& error() const { return error_; }
  // Forgets what is past 'size'.
  void truncate(size_t size) {
    if (size < size_) std::memset(data_ + size, 0, size_ - size), size_ = size;
  }
  // Appends by write(2): new pages need no zeroing and no page table, half of what storing through append() costs. data() shows it too.
  bool write(const void* bytes, size_t size);
  // Address space for 'size' more bytes, without memory. A wish.
  void reserve(size_t size) {
    if (size > room_ - size_) grow(size);
  }

  // Trims to size (a page at least), seals and hands the descriptor out; the segment is empty afterwards.
  Result<sys::UniqueFd> seal();

 private:
  GrowingSegment() = default;
  bool grow(size_t size);

  sys::UniqueFd fd_;
  uint8_t* data_ = nullptr;
  uint64_t size_ = 0;
  uint64_t capacity_ = 0;  // bytes mapped
  uint64_t room_ = 0;      // of those, bytes that may be used: at most max_size_
  uint64_t max_size_ = 0;
  std::string name_;
  Error error_{ErrorCode::INTERNAL, ""};
};

// Appends many records of one segment through a buffer and GrowingSegment::write(). Nothing else appends to the segment meanwhile, and what is in it
// is whole after flush() only.
class RecordWriter {
 public:
  // The last 'n_kept' records stay in the buffer, where at() costs nothing, until as many have come after them.
  RecordWriter(GrowingSegment& segment, size_t stride, size_t n_kept = 0);

  // How many records there are.
  uint64_t size() const { return n_written_ + n_buffered_; }
  // False: the segment's error() says why.
  bool append(const void* record) {
    uint8_t* to = next();
    if (!to) return false;
    std::memcpy(to, record, stride_);
    n_buffered_++;
    return true;
  }
  // Where the next record goes, to be made there and then taken with took(); null: the segment's error() says why.
  uint8_t* next() { return n_buffered_ == capacity_ && !spill() ? nullptr : &buffer_[n_buffered_ * stride_]; }
  void took() { n_buffered_++; }
  // One of them, to be changed in place, until the next append(). What has been written already costs a page fault the first time.
  uint8_t* at(uint64_t index) { return index < n_written_ ? segment_.data() + index * stride_ : &buffer_[(index - n_written_) * stride_]; }
  bool flush() { return write(n_buffered_); }

 private:
  // So many records of 16 bytes, or a multiple of that, are whole pages: what is written begins and ends with one, and no page is looked up twice.
  static constexpr size_t kSpill = 512;
  bool spill() { return write(capacity_ - n_kept_); }
  bool write(size_t n);

  GrowingSegment& segment_;
  const size_t stride_, n_kept_;
  const size_t capacity_;  // records
  std::unique_ptr<uint8_t[]> buffer_;
  size_t n_buffered_ = 0;
  uint64_t n_written_;
};

// The segments of one table while it is being read.
class SnapshotBuilder {
 public:
  static Result<SnapshotBuilder> create(const TableSchema& schema);

  GrowingSegment& segment(size_t index) { return segments_[index]; }
  const GrowingSegment& segment(size_t index) const { return segments_[index]; }
  uint32_t n_records(size_t index) const;
  uint64_t size() const;  // bytes in all segments

  // Appends a copy of 'record' and returns its index, or UINT32_MAX: then error(index) says why.
  template <typename T>
  uint32_t append(size_t index, const T& record) {
    uint32_t at = n_records(index);
    uint8_t* to = at == UINT32_MAX ? nullptr : segments_[index].append(sizeof(T));
    if (!to) return UINT32_MAX;
    store(to, record);
    return at;
  }

  // Seals every segment. The builder is empty afterwards; the caller fills in the facts.
  Result<Snapshot> finish(uint64_t n_rows);

 private:
  explicit SnapshotBuilder(const TableSchema& schema) : schema_(&schema) {}
  const TableSchema* schema_;
  std::vector<GrowingSegment> segments_;
};

// Finds equal strings again: hash -> number the caller chose. Open addressing; the strings themselves are the caller's.
class StringDictionary {
 public:
  StringDictionary();

  // Calls equal(number) for each entry with the hash of 'text' until it is true; returns that number, or UINT32_MAX.
  template <typename Equal>
  uint32_t find(uint64_t hash, Equal equal) const {
    for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.number == UINT32_MAX) return UINT32_MAX;
      if (slot.hash == static_cast<uint32_t>(hash >> 32) && equal(slot.number)) return slot.number;
    }
  }
  void insert(uint64_t hash, uint32_t number);

  // Keyed with a secret of this process: text from a switch cannot be made to collide on purpose.
  static uint64_t hash(std::string_view text, uint64_t seed = 0);

 private:
  struct Slot {
    uint32_t hash;
    uint32_t number;
    uint32_t position;  // low half of the hash, to find the place anew after growth
  };
  std::vector<Slot> slots_;
  size_t mask_;
  size_t n_ = 0;
};

}  // namespace cti::tables
