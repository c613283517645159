#include "window/window.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstring>
#include <string>

namespace cti::window {
namespace {

constexpr uint64_t kNumPages = kWindowSize >> kGuestPageBits;
constexpr uint32_t kFirstMappable = 0x10000;

constexpr uint64_t round_up(uint64_t size) { return (size + kGuestPageSize - 1) & ~uint64_t{kGuestPageSize - 1}; }

template <typename Region>
bool starts_before(const Region& region, uint64_t start) {
  return region.start < start;
}

static_assert(sys::kPageSize == kGuestPageSize, "guest pages are host pages");

}  // namespace

Result<std::unique_ptr<Window>> Window::create() {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  auto reservation = sys::Mapping::map(kWindowSize + 2 * kGuardSize, PROT_NONE, kFlags, -1, "a program's window");
  if (!reservation) return std::move(reservation.error());
  auto page_map = sys::Mapping::map(kNumPages + 1, PROT_READ | PROT_WRITE, kFlags, -1, "a window's page map");
  if (!page_map) return std::move(page_map.error());
  std::unique_ptr<Window> window(new Window);
  window->base_ = reservation->data() + kGuardSize;
  window->pages_ = page_map->data();
  window->reservation_ = *std::move(reservation);
  window->page_map_ = *std::move(page_map);
  return window;
}

Window::~Window() = default;

Result<void> Window::check_room(uint32_t at, uint64_t size, uint64_t end, std::string_view what) const {
  std::string name(what);
  if (at % kGuestPageSize != 0 || at < kFirstMappable) {
    return errorf(ErrorCode::INVALID_ARGUMENT, "%s: address 0x%" PRIx32 " is not the start of a page from 0x10000 up",
                  name.c_str(), at);
  }
  if (end > kWindowSize) end = kWindowSize;
  if (at > end || size > end - at) {
    return errorf(ErrorCode::WINDOW_FULL,
                  "%s: %" PRIu64 " bytes do not fit between 0x%" PRIx32 " and 0x%" PRIx64 " of the window",
                  name.c_str(), size, at, end);
  }
  for (uint64_t page = at >> kGuestPageBits; page < (at + round_up(size)) >> kGuestPageBits; page++) {
    if (pages_[page]) {
      return errorf(ErrorCode::WINDOW_FULL, "%s: 0x%" PRIx64 " is already mapped", name.c_str(), page << kGuestPageBits);
    }
  }
  return {};
}

void Window::set_pages(uint32_t at, uint64_t size, Access access, bool is_private) {
  std::memset(pages_ + (at >> kGuestPageBits), static_cast<int>(access), round_up(size) >> kGuestPageBits);
  auto place = std::lower_bound(regions_.begin(), regions_.end(), uint64_t{at}, starts_before<Region>);
  // check_room() lets nothing overlap: what is there already is this mapping, with another access.
  if (place == regions_.end() || place->start != at) {
    place = regions_.insert(place, {at, at + round_up(size), access, is_private});
  }
  place->access = access;
}

Result<void> Window::map_anonymous(uint32_t at, uint64_t size, uint64_t end, std::string_view what) {
  CTI_TRY(check_room(at, size, end, what));
  if (size == 0) return {};
  if (::mprotect(base_ + at, round_up(size), PROT_READ | PROT_WRITE) < 0) {
    return system_error(errno, "map " + std::to_string(size) + " bytes for " + std::string(what));
  }
  set_pages(at, size, Access::read_write, true);
  private_bytes_ += round_up(size);
  return {};
}

Result<void> Window::map_copy(uint32_t at, Bytes bytes, Access access, uint64_t end, std::string_view what, uint64_t size) {
  size = std::max<uint64_t>(size, bytes.size());
  CTI_TRY(map_anonymous(at, size, end, what));
  // SAFETY: map_anonymous() made these pages writable.
  if (!bytes.empty()) std::memcpy(base_ + at, bytes.data(), bytes.size());
  return access == Access::read ? make_read_only(at, size, what) : Result<void>();
}

Result<void> Window::make_read_only(uint32_t at, uint64_t size, std::string_view what) {
  if (size == 0) return {};
  if (::mprotect(base_ + at, round_up(size), PROT_READ) < 0) return system_error(errno, "protect " + std::string(what));
  set_pages(at, size, Access::read, true);
  return {};
}

Result<void> Window::map_sealed(uint32_t at, int fd, uint64_t size, uint64_t end, std::string_view what) {
  auto seals = sys::seals_of(fd, what);
  if (!seals) return std::move(seals.error());
  if (!sys::is_sealed(fd)) {
    return errorf(ErrorCode::INVALID_ARGUMENT,
                  "%s: descriptor %d is not a memfd sealed against writing, growing and shrinking; memory that can "
                  "shrink is not mapped",
                  std::string(what).c_str(), fd);
  }
  return map_memfd(at, fd, size, Access::read, false, end, what);
}

Result<void> Window::map_shared(uint32_t at, int fd, uint64_t size, Access access, uint64_t end, std::string_view what) {
  auto seals = sys::seals_of(fd, what);
  if (!seals) return std::move(seals.error());
  if (!(*seals & F_SEAL_SHRINK)) {
    return errorf(ErrorCode::INVALID_ARGUMENT,
                  "%s: descriptor %d is not a memfd sealed against shrinking; memory that can shrink is not mapped",
                  std::string(what).c_str(), fd);
  }
  if (access == Access::read_write && *seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) {
    return errorf(ErrorCode::INVALID_ARGUMENT, "%s: descriptor %d is sealed against writing; grant it read-only",
                  std::string(what).c_str(), fd);
  }
  // What nobody can write has the same pages shared and private; Linux before 6.7 refuses the shared mapping.
  bool is_shared = !(*seals & F_SEAL_WRITE);
  return map_memfd(at, fd, size, access, is_shared, end, what);
}

Result<void> Window::map_memfd(uint32_t at, int fd, uint64_t size, Access access, bool is_shared, uint64_t end,
                               std::string_view what) {
  std::string name(what);
  struct stat facts;
  if (::fstat(fd, &facts) < 0) return system_error(errno, "look at descriptor " + std::to_string(fd) + " of " + name);
  if (size > static_cast<uint64_t>(facts.st_size)) {
    return errorf(ErrorCode::INVALID_ARGUMENT, "%s: %" PRIu64 " bytes are asked for, but the memfd has %lld",
                  name.c_str(), size, static_cast<long long>(facts.st_size));
  }
  CTI_TRY(check_room(at, size, end, what));
  if (size == 0) return {};
  int prot = access == Access::read_write ? PROT_READ | PROT_WRITE : PROT_READ;
  // SAFETY: the range lies in this window's reservation, and nothing is mapped there.
  void* mapped = ::mmap(base_ + at, round_up(size), prot, (is_shared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, fd, 0);
  if (mapped == MAP_FAILED) return system_error(errno, "map " + std::to_string(size) + " bytes for " + name);
  set_pages(at, size, access, false);
  return {};
}

Result<void> Window::map_stale(uint32_t at, uint64_t size, uint64_t end, std::string_view what) {
  CTI_TRY(check_room(at, size, end, what));
  // The reservation allows no access already.
  if (size > 0) set_pages(at, size, Access::stale, false);
  return {};
}

Result<bool> Window::unmap(uint32_t at) {
  auto region = std::lower_bound(regions_.begin(), regions_.end(), uint64_t{at}, starts_before<Region>);
  if (region == regions_.end() || region->start != at) return false;
  uint64_t size = region->end - region->start;
  // SAFETY: a mapping of this window; what is put in its place is the reservation as it was.
  void* reserved =
      ::mmap(base_ + at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (reserved == MAP_FAILED) return system_error(errno, "unmap " + std::to_string(size) + " bytes of a window");
  std::memset(pages_ + (at >> kGuestPageBits), 0, size >> kGuestPageBits);
  if (region->is_private) private_bytes_ -= size;
  regions_.erase(region);
  return true;
}

Result<GuestAddr> Window::find_room(uint64_t size, std::string_view what) const {
  uint64_t at = kTablesBase;
  uint64_t largest = 0;
  bool is_found = false;
  auto look = [&](uint64_t end) {
    // The last mapping may end where the window ends; the guard is its unmapped page.
    uint64_t hole = end == kWindowSize ? 0 : kGuestPageSize;
    uint64_t room = end > at + hole ? end - hole - at : 0;
    largest = std::max(largest, room);
    return size <= kWindowSize && round_up(size) <= room;
  };
  for (const Region& region : regions_) {
    if (region.end <= kTablesBase) continue;
    if ((is_found = look(region.start))) break;
    at = region.end + kGuestPageSize;
  }
  if (!is_found && !look(kWindowSize)) {
    return errorf(ErrorCode::WINDOW_FULL,
                  "%s: %" PRIu64 " bytes are asked for, but at most %" PRIu64 " are left in one piece of the window's %" PRIu64,
                  std::string(what).c_str(), size, largest, kWindowSize - kTablesBase);
  }
  return GuestAddr{static_cast<uint32_t>(at)};
}

Denial Window::check(uint64_t address, uint64_t size, Intent intent) const {
  if (size == 0) return Denial::none;
  if (address >= kWindowSize || size > kWindowSize - address) return Denial::unmapped;
  auto region = std::upper_bound(regions_.begin(), regions_.end(), address,
                                 [](uint64_t wanted, const Region& candidate) { return wanted < candidate.end; });
  uint8_t all = 0xff;
  bool is_stale = false;
  for (uint64_t at = address; at < address + size; at = region++->end) {
    if (region == regions_.end() || region->start > at) return Denial::unmapped;
    all &= static_cast<uint8_t>(region->access);
    is_stale |= region->access == Access::stale;
  }
  if (is_stale) return Denial::stale;
  return all & static_cast<uint8_t>(intent) ? Denial::none : Denial::read_only;
}

uint8_t* Window::range(uint64_t address, uint64_t size, Intent intent) const {
  if (size == 0) return base_;
  return check(address, size, intent) == Denial::none ? base_ + address : nullptr;
}

}  // namespace cti::window
