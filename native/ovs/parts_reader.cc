#include "ovs/parts_reader.h"

#include <algorithm>

namespace cti::ovs {
namespace {

// Parts with more between them are copied by ranges of their own: one costs some 400 ns, a page that is copied on the way 450.
constexpr uint64_t kMaxGap = 6 << 10;
constexpr uint32_t kBuckets = 2048;
constexpr uint64_t kMaxSpread = 64 << 20;

constexpr uint32_t stride_of(uint32_t size) { return (size + 2 * kLine - 1) / kLine * kLine; }

}  // namespace

PartsReader::PartsReader(TargetMemory& memory, uint32_t size)
    : memory_(memory),
      size_(size),
      stride_(stride_of(size)),
      memory_of_buffer_(std::make_unique_for_overwrite<uint8_t[]>((kMaxParts + 1) * stride_ + kMaxGap + 2 * kLine)),
      buffer_(line_in(memory_of_buffer_.get())) {}

// By address. What one asks for lies together, and evenly: nearly all of it falls into place by its bucket.
void PartsReader::sort(std::span<const uint64_t> addresses) {
  sorted_.resize(addresses.size());
  const auto [low, high] = std::minmax_element(addresses.begin(), addresses.end());
  const auto is_before = [](const Wanted& a, const Wanted& b) { return a.address < b.address; };
  if (*high - *low >= kMaxSpread) {
    for (uint32_t i = 0; i < addresses.size(); i++) sorted_[i] = {addresses[i], i};
    std::sort(sorted_.begin(), sorted_.end(), is_before);
    return;
  }
  unsigned shift = 0;
  while ((*high - *low) >> shift >= kBuckets) shift++;
  starts_.assign(kBuckets + 1, 0);
  for (const uint64_t address : addresses) starts_[((address - *low) >> shift) + 1]++;
  for (uint32_t i = 0; i < kBuckets; i++) starts_[i + 1] += starts_[i];
  for (uint32_t i = 0; i < addresses.size(); i++) sorted_[starts_[(addresses[i] - *low) >> shift]++] = {addresses[i], i};
  for (size_t i = 1; i < sorted_.size(); i++) {
    const Wanted one = sorted_[i];
    size_t at = i;
    for (; at > 0 && is_before(one, sorted_[at - 1]); at--) sorted_[at] = sorted_[at - 1];
    sorted_[at] = one;
  }
}

void PartsReader::read(std::span<const uint64_t> addresses) {
  slots_.assign(addresses.size(), kUnreadable);
  if (addresses.empty()) return;
  sort(addresses);
  from_.clear();
  to_.clear();
  size_t wanted = 0;
  bool goes_on = false;
  for (size_t i = 0; i < sorted_.size(); i++) {
    const auto [address, index] = sorted_[i];
    // The same place in a line as there: copied faster.
    const uint32_t slot = static_cast<uint32_t>(i * stride_ + address % kLine);
    slots_[index] = slot;
    if (!goes_on) from_.push_back({OvsAddr{address}, 0});
    // Parts that overlap are copied one by one.
    const uint64_t to_next = i + 1 < sorted_.size() ? sorted_[i + 1].address - address : 0;
    goes_on = to_next >= size_ && to_next <= size_ + kMaxGap;
    const size_t size = goes_on ? to_next : size_;
    from_.back().size += size;
    to_.push_back({&buffer_[slot], size});
    wanted += size;
  }
  size_t got = memory_.scatter(from_, to_);
  if (got == wanted) return;
  size_t n_whole = 0;
  for (; got >= to_[n_whole].size(); n_whole++) got -= to_[n_whole].size();
  read_alone(n_whole);
}

// Those from sorted_[first] on, each by itself: something at or between them is not there.
void PartsReader::read_alone(size_t first) {
  for (; first < sorted_.size(); first++) {
    uint32_t& slot = slots_[sorted_[first].index];
    if (!memory_.read(OvsAddr{sorted_[first].address}, &buffer_[slot], size_)) slot = kUnreadable;
  }
}

}  // namespace cti::ovs
