#include "ovs/flow_windows.h"

#include <algorithm>
#include <cstring>

#include "sys/clock.h"

namespace cti::ovs {
namespace {

// Many an action list lies just behind its flow, in the same piece of memory that the switch got for both: so much is copied with a flow at a window's end.
constexpr size_t kTail = 512;
// Windows with fewer flows are not copied whole: a flow and its list by themselves cost about as much as 8 KB of a window.
constexpr uint32_t kMinFlowsOfWindow = 8;

}  // namespace

Stripes::Stripe Stripes::take() {
  const std::lock_guard lock(mutex_);
  const Stripe stripe{at_, static_cast<uint32_t>(std::min(entries.size(), at_ + n_flows_))};
  for (at_ = stripe.last; at_ > stripe.first && at_ < entries.size() && entries[at_].flow / kWindow == entries[at_ - 1].flow / kWindow;) at_++;
  return {stripe.first, at_};
}

WindowCopier::WindowCopier(TargetMemory& memory, const Layout& layout, Stripes& stripes)
    : memory_(memory),
      l_(layout),
      stripes_(stripes),
      entries_(stripes.entries),
      room_behind_((l_.sizeof_dp_netdev_flow + kTail + kLine - 1) / kLine * kLine),
      left_(stripes.take()) {}

bool WindowCopier::copy_next(std::span<FlowWindow> batch) {
  if (left_.first == left_.last) left_ = stripes_.take();
  if (left_.first == left_.last) return false;
  for (FlowWindow& window : batch) {
    window.first = window.last = left_.first;
    if (left_.first < left_.last) window.base = entries_[left_.first].flow / kWindow * kWindow;
    while (window.last < left_.last && entries_[window.last].flow / kWindow == window.base / kWindow) window.last++;
    window.end = window.base;
    left_.first = window.last;
  }
  read_batch(batch);
  return true;
}

// Copies the windows in order, and flows by themselves where a window has few, or is not all there.
void WindowCopier::read_batch(std::span<FlowWindow> batch) {
  const uint64_t began_ns = sys::clock_ns(CLOCK_MONOTONIC);
  FlowWindow* wanted[kBatchWindows];
  size_t n = 0;
  ranges_.clear();
  for (FlowWindow& window : batch) {
    window.flows_sequence = window.sequence = ++n_copied_;
    window.began_ns = began_ns;
    window.now_ms = began_ns / 1'000'000;
    if (window.last - window.first < kMinFlowsOfWindow) continue;
    wanted[n++] = &window;
    uint64_t highest = window.base;
    for (uint32_t i = window.first; i < window.last; i++) highest = std::max(highest, entries_[i].flow);
    const uint64_t size = std::max(kWindow, highest - window.base + l_.sizeof_dp_netdev_flow + kTail);
    ranges_.push_back({OvsAddr{window.base}, window.bytes, size});
  }
  for (size_t done = 0; done < n;) {
    size_t got = memory_.copy(std::span(ranges_).subspan(done));
    for (; done < n && got >= ranges_[done].size; done++) {
      got -= ranges_[done].size;
      wanted[done]->end = wanted[done]->base + ranges_[done].size;
    }
    if (done < n) wanted[done]->end = wanted[done]->base + got, done++;  // the end of what is mapped
  }
  const uint64_t ended_ns = sys::clock_ns(CLOCK_MONOTONIC);
  for (FlowWindow& window : batch) {
    window.ended_ns = ended_ns;
    read_flows(window);
  }
}

// Copies what a window does not hold: flows one by one, into their places.
void WindowCopier::read_flows(FlowWindow& window) {
  ranges_.clear();
  std::vector<uint32_t> which;
  auto flush = [&] {
    for (size_t done = 0; done < ranges_.size();) {
      size_t got = memory_.copy(std::span(ranges_).subspan(done));
      while (done < ranges_.size() && got >= ranges_[done].size) got -= ranges_[done++].size;
      if (done == ranges_.size()) break;
      // One that cannot be read whole: its end may be over the edge of what is mapped, behind the real end of the flow.
      const ReadRange& range = ranges_[done];
      const size_t to_page = 4096 - raw(range.from) % 4096;
      std::memset(range.to, 0, range.size);
      if (to_page >= range.size || to_page < l_.flow_head || !memory_.read(range.from, range.to, to_page)) entries_[which[done]].fate = Fate::unreadable;
      done++;
    }
    ranges_.clear();
    which.clear();
  };
  for (uint32_t i = window.first; i < window.last; i++) {
    const uint64_t flow = entries_[i].flow;
    if (flow + l_.sizeof_dp_netdev_flow <= window.end) continue;
    ranges_.push_back({OvsAddr{flow}, &window.bytes[flow - window.base], l_.sizeof_dp_netdev_flow});
    which.push_back(i);
    if (ranges_.size() == TargetMemory::kMaxRanges) flush();
  }
  if (ranges_.empty()) return;
  flush();
  window.flows_sequence = ++n_copied_;
  window.ended_ns = sys::clock_ns(CLOCK_MONOTONIC);
}

}  // namespace cti::ovs
