#include "ovs/target_memory.h"

#include <errno.h>

#include <algorithm>
#include <cstring>

namespace cti::ovs {

bool TargetMemory::read_pointer(OvsAddr from, OvsAddr& to, uint64_t align) {
  uint64_t value;
  if (!read(from, value) || !is_user_pointer(value) || value % align != 0) return false;
  to = OvsAddr{value};
  return true;
}

bool TargetMemory::read_string(OvsAddr from, std::string& to, size_t max) {
  to.clear();
  char piece[64];
  while (to.size() < max) {
    // Up to the next multiple of the piece, so that no read crosses into a page that the string does not reach.
    size_t size = std::min<size_t>(sizeof piece - (raw(from) + to.size()) % sizeof piece, max - to.size());
    if (!read(from + to.size(), piece, size)) return false;
    if (const void* end = std::memchr(piece, 0, size)) {
      to.append(piece, static_cast<size_t>(static_cast<const char*>(end) - piece));
      return true;
    }
    to.append(piece, size);
  }
  return false;
}

void TargetMemory::read_by_pages(std::span<kernel::PageReader::Wanted> wanted) {
  cost_.calls += pages()->read(wanted);
  for (const auto& one : wanted) {
    if (!one.was_read) continue;
    cost_.ranges++;
    cost_.paged++;
    cost_.bytes += one.size;
  }
}

size_t TargetMemory::scatter(std::span<const AddressRange> from, std::span<const std::span<uint8_t>> to) {
  size_t total = 0, done = 0;  // of all, of to[0]
  for (const AddressRange& range : from) {
    for (uint64_t at = 0; at < range.size;) {
      const size_t size = std::min<uint64_t>(range.size - at, to[0].size() - done);
      const ReadRange piece{range.start + at, &to[0][done], size};
      const size_t got = copy({&piece, 1});
      total += got;
      if (got < size) return total;
      at += size;
      done += size;
      if (done == to[0].size()) to = to.subspan(1), done = 0;
    }
  }
  return total;
}

size_t ProcessMemory::copy(std::span<const ReadRange> ranges) {
  if (pages_ && !ranges.empty()) {
    const uint8_t* const room = pages_->room();
    const auto is_in_room = [&](const ReadRange& range) {
      const auto* to = static_cast<const uint8_t*>(range.to);
      return to >= room && to < room + pages_->kRoom && range.size <= static_cast<size_t>(room + pages_->kRoom - to);
    };
    if (std::all_of(ranges.begin(), ranges.end(), is_in_room)) return into_room(ranges);
  }
  return copy_by_call(ranges);
}

size_t ProcessMemory::into_room(std::span<const ReadRange> ranges) {
  wanted_.clear();
  for (const ReadRange& range : ranges)
    wanted_.push_back({raw(range.from), static_cast<uint32_t>(range.size), static_cast<uint32_t>(static_cast<uint8_t*>(range.to) - pages_->room()), false});
  read_by_pages(wanted_);
  size_t size = 0, n = 0;
  for (; n < ranges.size() && wanted_[n].was_read; n++) size += ranges[n].size;
  last_errno_ = 0;
  // From the first that was not read on, all are copied anew: else what comes after it would be of an earlier time.
  return n < ranges.size() ? size + copy_by_call(ranges.subspan(n)) : size;
}

size_t ProcessMemory::copy_by_call(std::span<const ReadRange> ranges) {
  iovec local[kMaxRanges], remote[kMaxRanges];
  const size_t n = std::min(ranges.size(), kMaxRanges);
  size_t wanted = 0;
  for (size_t i = 0; i < n; i++) {
    local[i] = {ranges[i].to, ranges[i].size};
    // SAFETY: an address of the other process, passed to the kernel and used nowhere else.
    remote[i] = {reinterpret_cast<void*>(raw(ranges[i].from)), ranges[i].size};
    wanted += ranges[i].size;
  }
  return call({local, n}, {remote, n}, wanted);
}

size_t ProcessMemory::scatter(std::span<const AddressRange> from, std::span<const std::span<uint8_t>> to) {
  iovec local[kMaxRanges], remote[kMaxRanges];
  const size_t n_from = std::min(from.size(), kMaxRanges), n_to = std::min(to.size(), kMaxRanges);
  size_t wanted = 0;
  for (size_t i = 0; i < n_to; i++) local[i] = {to[i].data(), to[i].size()};
  for (size_t i = 0; i < n_from; i++) {
    // SAFETY: as above.
    remote[i] = {reinterpret_cast<void*>(raw(from[i].start)), from[i].size};
    wanted += from[i].size;
  }
  return call({local, n_to}, {remote, n_from}, wanted);
}

size_t ProcessMemory::call(std::span<const iovec> local, std::span<const iovec> remote, size_t wanted) {
  if (remote.empty()) return 0;
  const ssize_t got = process_vm_readv(pid_, local.data(), local.size(), remote.data(), remote.size(), 0);
  last_errno_ = got < 0 ? errno : static_cast<size_t>(got) < wanted ? EFAULT : 0;
  const size_t size = got < 0 ? 0 : static_cast<size_t>(got);
  cost_.calls++;
  cost_.ranges += remote.size();
  cost_.bytes += size;
  return size;
}

}  // namespace cti::ovs
