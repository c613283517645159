// Pages just past a window's guards that nothing may change.
//
// Thread-safety: a value of one thread.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "sys/memory.h"
#include "window/window.h"

namespace cti::differential {

class Canaries {
 public:
  // Where the address space beside the window is taken, something else stands there: then there is no canary on that side.
  explicit Canaries(const window::Window& window) {
    uint8_t* base = window.view().base;
    constexpr uint64_t kGuard = window::Window::kGuardSize;
    for (uint8_t* at : {base - kGuard - sys::kPageSize, base + window::kWindowSize + kGuard}) {
      void* mapped = ::mmap(at, sys::kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
      if (mapped == MAP_FAILED) continue;
      pages_.push_back(sys::Mapping::adopt(mapped, sys::kPageSize));
      std::fill_n(pages_.back().data(), sys::kPageSize, kCanary);
    }
  }

  bool are_whole() const {
    return std::all_of(pages_.begin(), pages_.end(), [](const sys::Mapping& page) {
      return std::all_of(page.bytes().begin(), page.bytes().end(), [](uint8_t byte) { return byte == kCanary; });
    });
  }

 private:
  static constexpr uint8_t kCanary = 0xc5;
  std::vector<sys::Mapping> pages_;
};

}  // namespace cti::differential
