#include "ovs/copy_ahead.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "sys/clock.h"

namespace cti::ovs {

CopyAhead::CopyAhead(WindowCopier& copier, bool threaded)
    : copier_(copier),
      n_batches_(threaded ? kThreadedRing : kRing),
      ring_(n_batches_ * kBatchWindows) {
  uint8_t* at = copier.best_place(ring_.size() * copier.room());
  if (!at) {
    bytes_ = std::make_unique_for_overwrite<uint8_t[]>(ring_.size() * copier.room() + kLine);
    at = line_in(bytes_.get());
  }
  for (FlowWindow& window : ring_) window.bytes = std::exchange(at, at + copier.room());
  if (!threaded) return;
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error&) {
    // As many threads as there may be: the windows are copied by the one there is.
  }
}

CopyAhead::~CopyAhead() { end(); }

uint64_t CopyAhead::end() {
  if (!thread_.joinable()) return cpu_ns_;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  let_go_.notify_one();
  thread_.join();
  return cpu_ns_;
}

// The thread.
void CopyAhead::work() {
  std::unique_lock lock(mutex_);
  try {
    while (true) {
      if (n_copied_ - n_let_go_ == n_batches_) let_go_.wait(lock, [&] { return stop_ || n_copied_ - n_let_go_ <= kWorthWaking; });
      if (stop_ || all_) break;
      const auto windows = batch(n_copied_);
      lock.unlock();
      const bool more = copier_.copy_next(windows);
      lock.lock();
      more ? void(n_copied_++) : void(all_ = true);
      if (all_ || n_copied_ - n_let_go_ == kWorthWaking) copied_.notify_one();
    }
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    failed_ = std::current_exception();
    all_ = true;
    copied_.notify_one();
  }
  cpu_ns_ = sys::clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

bool CopyAhead::has_ahead(size_t n_batches) {
  if (!thread_.joinable()) return true;
  const std::lock_guard lock(mutex_);
  return all_ || n_copied_ - n_given_ >= n_batches;
}

// How many batches have been copied when those that the next one needs have.
uint64_t CopyAhead::wait_for_thread() {
  std::unique_lock lock(mutex_);
  n_let_go_ = n_given_;
  const size_t n_ahead = n_copied_ - n_let_go_;
  if (n_ahead == kWorthWaking) let_go_.notify_one();
  if (n_ahead < kRing) copied_.wait(lock, [&] { return all_ || n_copied_ - n_let_go_ >= kWorthWaking; });
  if (failed_) std::rethrow_exception(failed_);
  return n_copied_;
}

// The same without a thread.
uint64_t CopyAhead::copy_here() {
  while (n_copied_ < n_given_ + kRing && !all_) copier_.copy_next(batch(n_copied_)) ? void(n_copied_++) : void(all_ = true);
  return n_copied_;
}

std::span<FlowWindow> CopyAhead::next() {
  if (n_given_ > 0) let_go(batch(n_given_ - 1));
  const uint64_t n_copied = thread_.joinable() ? wait_for_thread() : copy_here();
  for (; n_held_ < std::min<uint64_t>(n_copied, n_given_ + kRing); n_held_++) hold(batch(n_held_));
  return n_given_ < n_copied ? batch(n_given_++) : std::span<FlowWindow>();
}

void CopyAhead::hold(std::span<FlowWindow> windows) {
  for (const FlowWindow& window : windows)
    if (window.has_flows()) by_number_[window.base / kWindow % kPlaces] = &window;
}

void CopyAhead::let_go(std::span<FlowWindow> windows) {
  for (const FlowWindow& window : windows) {
    const FlowWindow*& held = by_number_[window.base / kWindow % kPlaces];
    if (held == &window) held = nullptr;
  }
}

}  // namespace cti::ovs
