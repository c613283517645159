#include "tables/builder.h"

#include <fcntl.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>

namespace cti::tables {
namespace {

constexpr uint64_t kFirstCapacity = 1 << 20;
constexpr uint64_t kMaxBlob = UINT32_MAX;  // a ref's offset is 32 bits

uint64_t process_secret() {
  static const uint64_t secret = [] {
    uint64_t value = 0x9e3779b97f4a7c15;
    [[maybe_unused]] ssize_t n = ::getrandom(&value, sizeof value, GRND_NONBLOCK);
    return value;
  }();
  return secret;
}

uint64_t mix(uint64_t a, uint64_t b) {
  unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

Result<GrowingSegment> GrowingSegment::create(const std::string& name, uint64_t max_size) {
  auto fd = sys::create_memfd(name);
  if (!fd) return fd.error();
  GrowingSegment segment;
  segment.fd_ = std::move(*fd);
  segment.max_size_ = max_size;
  if (::ftruncate(segment.fd_.get(), kFirstCapacity) < 0) return system_error(errno, "size memfd " + name);
  void* data = ::mmap(nullptr, kFirstCapacity, PROT_READ | PROT_WRITE, MAP_SHARED, segment.fd_.get(), 0);
  if (data == MAP_FAILED) return system_error(errno, "map memfd " + name);
  // A child that another thread forks meanwhile would hold a writable mapping until it execs, and the memfd could not be sealed (EBUSY).
  ::madvise(data, kFirstCapacity, MADV_DONTFORK);
  segment.data_ = static_cast<uint8_t*>(data);
  segment.capacity_ = kFirstCapacity;
  segment.room_ = std::min(kFirstCapacity, max_size);
  segment.name_ = name;
  return segment;
}

GrowingSegment::GrowingSegment(GrowingSegment&& other) noexcept
    : fd_(std::move(other.fd_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)),
      room_(std::exchange(other.room_, 0)),
      max_size_(other.max_size_),
      name_(std::move(other.name_)),
      error_(std::move(other.error_)) {}

GrowingSegment::~GrowingSegment() {
  if (data_) ::munmap(data_, capacity_);
}

bool GrowingSegment::grow(size_t size) {
  if (size > max_size_ - size_) {
    error_ = errorf(ErrorCode::OUT_OF_MEMORY,
                    "segment %s: expected at most %llu bytes, but %llu more are needed after its first %llu; read fewer flows at "
                    "a time",
                    name_.c_str(), static_cast<unsigned long long>(max_size_), static_cast<unsigned long long>(size),
                    static_cast<unsigned long long>(size_));
    return false;
  }
  uint64_t capacity = std::max(capacity_ * 2, sys::round_up_to_page(size_ + size));
  if (::ftruncate(fd_.get(), static_cast<off_t>(capacity)) < 0) {
    error_ = system_error(errno, "grow memfd " + name_ + " to " + std::to_string(capacity) + " bytes");
    return false;
  }
  void* data = ::mremap(data_, capacity_, capacity, MREMAP_MAYMOVE);
  if (data == MAP_FAILED) {
    error_ = system_error(errno, "map " + std::to_string(capacity) + " bytes of memfd " + name_);
    return false;
  }
  data_ = static_cast<uint8_t*>(data);
  capacity_ = capacity;
  room_ = std::min(capacity, max_size_);
  return true;
}

bool GrowingSegment::write(const void* bytes, size_t size) {
  if (size > room_ - size_ && !grow(size)) return false;
  for (size_t done = 0; done < size;) {
    const ssize_t n = ::pwrite(fd_.get(), static_cast<const uint8_t*>(bytes) + done, size - done, static_cast<off_t>(size_ + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      error_ = system_error(n < 0 ? errno : ENOSPC, "write to memfd " + name_);
      return false;
    }
    done += static_cast<size_t>(n);
  }
  size_ += size;
  return true;
}

Result<sys::UniqueFd> GrowingSegment::seal() {
  ::munmap(data_, capacity_);
  data_ = nullptr;
  capacity_ = room_ = 0;
  uint64_t size = std::max<uint64_t>(sys::round_up_to_page(size_), sys::kPageSize);
  if (::ftruncate(fd_.get(), static_cast<off_t>(size)) < 0) return system_error(errno, "trim memfd " + name_);
  CTI_TRY(sys::seal_memfd(fd_.get()));
  return std::move(fd_);
}

RecordWriter::RecordWriter(GrowingSegment& segment, size_t stride, size_t n_kept)
    : segment_(segment),
      stride_(stride),
      n_kept_(n_kept),
      capacity_(n_kept + std::max(kSpill, 2 * n_kept / kSpill * kSpill)),  // what is kept is moved once in a while only
      buffer_(std::make_unique_for_overwrite<uint8_t[]>(capacity_ * stride)),
      n_written_(segment.size() / stride) {}

// The first 'n' of the buffer; the others move to its beginning.
bool RecordWriter::write(size_t n) {
  if (n > 0 && !segment_.write(buffer_.get(), n * stride_)) return false;
  std::memmove(buffer_.get(), &buffer_[n * stride_], (n_buffered_ - n) * stride_);
  n_buffered_ -= n;
  n_written_ += n;
  return true;
}

Result<SnapshotBuilder> SnapshotBuilder::create(const TableSchema& schema) {
  SnapshotBuilder builder(schema);
  builder.segments_.reserve(schema.segments.size());
  for (const SegmentSchema& segment : schema.segments) {
    uint64_t max_size = segment.stride == 1 ? kMaxBlob : uint64_t{UINT32_MAX - 1} * segment.stride;
    auto made = GrowingSegment::create("ctinspector:" + std::string(schema.name) + "." + std::string(segment.name), max_size);
    if (!made) return made.error();
    builder.segments_.push_back(std::move(*made));
  }
  return builder;
}

uint32_t SnapshotBuilder::n_records(size_t index) const {
  return static_cast<uint32_t>(segments_[index].size() / schema_->segments[index].stride);
}

uint64_t SnapshotBuilder::size() const {
  uint64_t total = 0;
  for (const GrowingSegment& segment : segments_) total += segment.size();
  return total;
}

Result<Snapshot> SnapshotBuilder::finish(uint64_t n_rows) {
  Snapshot snapshot{schema_, {}, n_rows, 0, {}, {}};
  for (size_t i = 0; i < segments_.size(); i++) {
    uint32_t n = n_records(i);
    uint64_t size = segments_[i].size();
    auto fd = segments_[i].seal();
    if (!fd) return fd.error();
    snapshot.segments.push_back({std::move(*fd), size, n});
  }
  return snapshot;
}

StringDictionary::StringDictionary() : slots_(256, Slot{0, UINT32_MAX, 0}), mask_(255) {}

void StringDictionary::insert(uint64_t hash, uint32_t number) {
  if ((n_ + 1) * 4 > slots_.size() * 3) {
    std::vector<Slot> old(slots_.size() * 2, Slot{0, UINT32_MAX, 0});
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.number == UINT32_MAX) continue;
      size_t i = slot.position & mask_;
      while (slots_[i].number != UINT32_MAX) i = (i + 1) & mask_;
      slots_[i] = slot;
    }
  }
  size_t i = hash & mask_;
  while (slots_[i].number != UINT32_MAX) i = (i + 1) & mask_;
  slots_[i] = {static_cast<uint32_t>(hash >> 32), number, static_cast<uint32_t>(hash)};
  n_++;
}

uint64_t StringDictionary::hash(std::string_view text, uint64_t seed) {
  constexpr uint64_t kA = 0xa0761d6478bd642f, kB = 0xe7037ed1a0b428db;
  uint64_t h = process_secret() ^ mix(seed ^ kA, text.size() ^ kB);
  const char* p = text.data();
  size_t n = text.size();
  for (; n >= 16; p += 16, n -= 16) h = mix(load<uint64_t>(p) ^ kA, load<uint64_t>(p + 8) ^ h);
  uint64_t tail[2] = {0, 0};
  if (n > 0) std::memcpy(tail, p, n);  // an empty text may have no address
  return mix(mix(tail[0] ^ kB, tail[1] ^ h), kA);
}

}  // namespace cti::tables
