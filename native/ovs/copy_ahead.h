// The ring of windows of one pass: copied ahead of whoever looks at them, by a thread of their own or, without one, when the next are asked for.
//
// Memory is bounded by the ring: the copier waits when it is full. What the thread could not do is done or thrown where the windows are asked for: no
// thread to be had means that they are copied there, an exception of the thread comes out of next(). The destructor ends the thread after the call that
// it is in, a millisecond.
//
// Thread-safety: all of it is called by one thread. What both threads know is under the mutex: which batches have been copied, and which may be.
#pragma once

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "ovs/flow_windows.h"

namespace cti::ovs {

class CopyAhead {
 public:
  // 'threaded': by a thread of its own, which then is the only one that uses the copier and its memory.
  CopyAhead(WindowCopier& copier, bool threaded);
  ~CopyAhead();
  CopyAhead(const CopyAhead&) = delete;
  CopyAhead& operator=(const CopyAhead&) = delete;

  // The next windows, when those that come up to kBelow batches after them have been copied too. Empty: there are no more. What the call before gave is let go.
  std::span<FlowWindow> next();
  // Those of the windows that next() gave, or copied for what it gave, that this has not given yet, a batch at a time; empty: there are no more. They are
  // in the order of next(), and are given here first.
  std::span<FlowWindow> arrived() { return n_seen_ < n_held_ ? batch(n_seen_++) : std::span<FlowWindow>(); }
  // Whether so many batches have been copied behind the one at hand, or all there are: then next() does not wait for the thread.
  bool has_ahead(size_t n_batches);
  // The window in which an address lies, if it is one that next() gave last, or one after those that has been copied for it.
  const FlowWindow* holding(uint64_t address) const {
    const FlowWindow* window = by_number_[address / kWindow % kPlaces];
    return window && window->base / kWindow == address / kWindow ? window : nullptr;
  }
  // CPU time of the thread, if there was one. Ends it.
  uint64_t end();

  // Batches that are copied after the one that next() gives: lists that lie below their flow come from these.
  static constexpr size_t kBelow = 1;
  static constexpr size_t kRing = kBelow + 1;       // batches, without a thread
  static constexpr size_t kThreadedRing = 3 * kRing;  // with one
  // Who copies other windows while the thread is behind goes on with the thread's when there are so many: both in runs, for what was copied in one go
  // lies close together in time.
  static constexpr size_t kWorthTurning = 2 * kRing;

 private:
  std::span<FlowWindow> batch(uint64_t number) { return std::span(ring_).subspan(number % n_batches_ * kBatchWindows, kBatchWindows); }
  // Who sleeps is woken when there is something to do for a while: a call to the kernel at every batch would cost more than the batch's rows.
  static constexpr size_t kWorthWaking = 2 * kRing;
  static_assert(kWorthWaking < kThreadedRing);
  void work();
  uint64_t copy_here();
  uint64_t wait_for_thread();
  void hold(std::span<FlowWindow> windows);
  void let_go(std::span<FlowWindow> windows);

  WindowCopier& copier_;
  size_t n_batches_;  // of the ring
  std::vector<FlowWindow> ring_;
  std::unique_ptr<uint8_t[]> bytes_;  // of the ring's windows, where the copier has no better place
  static constexpr size_t kPlaces = 128;
  const FlowWindow* by_number_[kPlaces] = {};  // windows that are held, by number
  uint64_t n_given_ = 0, n_held_ = 0, n_seen_ = 0;  // batches: given by next(), held in by_number_ at some time, given by arrived()

  std::mutex mutex_;
  std::condition_variable copied_, let_go_;
  uint64_t n_copied_ = 0, n_let_go_ = 0;  // batches
  bool all_ = false;   // there are no more to copy
  bool stop_ = false;  // nobody wants more
  std::exception_ptr failed_;
  uint64_t cpu_ns_ = 0;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace cti::ovs
