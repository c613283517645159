#include "ovs/parts_reader.h"

#include <algorithm>
#include <cstring>

namespace cti::ovs {
namespace {

// Parts with more between them are copied by ranges of their own: one costs some 400 ns, a page that is copied on the way 450.
constexpr uint64_t kMaxGap = 6 << 10;
constexpr uint32_t kBuckets = 2048;
constexpr uint64_t kMaxSpread = 64 << 20;

constexpr uint32_t stride_of(uint32_t size) { return (size + 2 * kLine - 1) / kLine * kLine; }

kernel::PageReader* pages_for(TargetMemory& memory, uint32_t size) {
  return PartsReader::kMaxParts * stride_of(size) <= kernel::PageReader::kRoom ? memory.pages() : nullptr;
}

std::unique_ptr<uint8_t[]> room_for(uint32_t size) {
  return std::make_unique_for_overwrite<uint8_t[]>((PartsReader::kMaxParts + 1) * stride_of(size) + kMaxGap + 2 * kLine);
}

}  // namespace

PartsReader::PartsReader(TargetMemory& memory, uint32_t size)
    : memory_(memory),
      size_(size),
      stride_(stride_of(size)),
      pages_(pages_for(memory, size)),
      buffer_(pages_ ? nullptr : room_for(size)),
      to_(pages_ ? pages_->room() : line_in(buffer_.get())) {}

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
  if (pages_)
    read_by_pages();
  else
    copy_all();
}

void PartsReader::read_by_pages() {
  wanted_.resize(sorted_.size());
  for (size_t i = 0; i < sorted_.size(); i++) {
    slots_[sorted_[i].index] = static_cast<uint32_t>(i * stride_);
    wanted_[i] = {sorted_[i].address, size_, static_cast<uint32_t>(i * stride_), false};
  }
  memory_.read_by_pages(wanted_);
  for (size_t i = 0; i < sorted_.size(); i++)
    if (!wanted_[i].was_read) copy_one(i);
}

void PartsReader::copy_all() {
  from_.clear();
  places_.clear();
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
    places_.push_back({&to_[slot], size});
    wanted += size;
  }
  size_t got = memory_.scatter(from_, places_);
  if (got == wanted) return;
  // Something at or between them is not there: from the first that was not whole, each by itself.
  size_t i = 0;
  for (; got >= places_[i].size(); i++) got -= places_[i].size();
  for (; i < sorted_.size(); i++) copy_one(i);
}

void PartsReader::copy_one(size_t i) {
  uint32_t& slot = slots_[sorted_[i].index];
  // By way of another place: what is copied to 'to_' would be tried by page tables again.
  alone_.resize(size_);
  if (memory_.read(OvsAddr{sorted_[i].address}, alone_.data(), size_))
    std::memcpy(&to_[slot], alone_.data(), size_);
  else
    slot = kUnreadable;
}

}  // namespace cti::ovs
