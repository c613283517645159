#include "ovs/flow_table_walk.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "ovs/action_translate.h"
#include "sys/clock.h"

namespace cti::ovs {
namespace {

constexpr int kMaxAttempts = 3;  // while the table moves
constexpr uint32_t kMaxPasses = 6;
constexpr size_t kGuess = 64;      // bytes first read of an action list, header included; most are shorter
constexpr size_t kMaxGap = 1 << 10;  // between lists that are read as one range
constexpr size_t kBatch = 480;     // deferred rows a call: their lists and their identities are at most 960 ranges

}  // namespace

FlowTableWalk::FlowTableWalk(TargetMemory& memory, const Layout& layout, FlowSink& sink, const WalkOptions& options)
    : memory_(memory), l_(layout), sink_(sink), options_(options) {
  uint32_t end = 0;
  id_start_ = UINT32_MAX;
  for (const Member* member : {&l_.dp_netdev_flow_ufid, &l_.dp_netdev_flow_pmd_id, &l_.dp_netdev_flow_ref_cnt, &l_.dp_netdev_flow_dead,
                               &l_.dp_netdev_flow_actions}) {
    id_start_ = std::min(id_start_, member->offset);
    end = std::max(end, member->offset + member->size);
  }
  id_size_ = end - id_start_;
}

Result<void> FlowTableWalk::run(const PmdRoot& pmd) {
  core_id_ = pmd.core_id;
  const OvsAddr table = pmd.address + l_.dp_netdev_pmd_thread_flow_table.offset;
  CmapImage before, after;
  auto no_table = [&] {
    return errorf(ErrorCode::PROTOCOL, "the flow table of PMD thread %d is not where it was or not a table; the thread has gone, or the layout does not fit",
                  static_cast<int>(core_id_));
  };
  if (!read_cmap(memory_, l_, table, kMaxBuckets, false, before)) return no_table();
  for (int attempt = 1;; attempt++) {
    entries_.clear();
    again_.clear();
    again_.reserve(std::min<uint64_t>(before.n, uint64_t{before.n_buckets} * l_.bucket_entries) + 64);
    for (uint32_t bucket = 0; bucket < before.n_buckets; bucket++) take_nodes(before, bucket);
    entries_.swap(again_);
    if (attempt == 1) sink_.expect(entries_.size());
    if (!pass(true)) return errorf(ErrorCode::CANCELLED, "stopped before all flows were read");
    if (!read_cmap(memory_, l_, table, kMaxBuckets, false, after)) return no_table();
    const bool moved = after.impl != before.impl || after.n_buckets != before.n_buckets;
    if (!moved || attempt == kMaxAttempts) {
      if (moved) {  // all of it is read again, and proved by identity
        choose_again(true, {}, after);
      } else {
        const auto changed = changed_buckets(before, after);
        if (!changed.empty() || early_.size() <= options_.always_reproved || anything_changed()) reprove();
        choose_again(false, changed, after);
      }
      break;
    }
    stats_.table_moved = true;
    for (Entry& entry : entries_)
      if (entry.fate == Fate::taken) sink_.drop(entry.row);
    std::swap(before, after);
    again_.clear();
  }
  for (Entry& entry : entries_)
    if (entry.fate == Fate::taken) stats_.n_accepted++, stats_.n_from_ring += entry.list == ListRead::with_window, stats_.n_at_once += entry.list == ListRead::at_once;
  for (; !again_.empty(); ) {
    stats_.n_retried += again_.size();
    entries_.swap(again_);
    again_.clear();
    std::erase_if(entries_, [&](const Entry& entry) { return taken_again_.contains(entry.flow); });
    if (!pass(false)) return errorf(ErrorCode::CANCELLED, "stopped before all flows were read");
    const bool last = stats_.n_passes >= kMaxPasses;
    for (Entry& entry : entries_) {
      switch (entry.fate) {
        case Fate::taken: stats_.n_accepted++, taken_again_.insert(entry.flow); break;
        case Fate::gone: stats_.n_gone++; break;
        case Fate::refused: last ? void(stats_.n_refused++) : again_.push_back(entry); break;
        case Fate::unreadable: last ? void(stats_.n_unreadable++) : again_.push_back(entry); break;
        case Fate::bad_actions: last ? void(stats_.n_bad_actions++) : again_.push_back(entry); break;
        case Fate::waiting: break;
      }
    }
    if (last) {
      stats_.n_refused += again_.size();
      break;
    }
  }
  return {};
}

// Adds a bucket's nodes to again_.
void FlowTableWalk::take_nodes(const CmapImage& image, uint32_t bucket) {
  for (uint32_t i = 0; i < l_.bucket_entries; i++) {
    const CmapSlot slot = cmap_slot(l_, image, bucket, i);
    const uint64_t node = raw(slot.node);
    if (node == 0) continue;
    if (!is_user_pointer(node) || node % 8 != 0 || node < l_.dp_netdev_flow_node.offset) {
      stats_.n_refused++;
      continue;
    }
    again_.push_back({node - l_.dp_netdev_flow_node.offset, slot.hash, bucket, FlowSink::kRefused, Fate::waiting, ListRead::by_identity});
  }
}

// Groups the entries by window, highest first. A counting sort: the order inside a window does not matter.
void FlowTableWalk::sort_entries() {
  struct Window {
    uint64_t number = 0;
    uint32_t n = 0;
  };
  std::vector<Window> windows;
  std::vector<uint32_t> table(1 << 16, UINT32_MAX);
  auto place = [&](uint64_t number) {
    return static_cast<size_t>((number * 0x9e3779b97f4a7c15) >> 20) & (table.size() - 1);
  };
  for (Entry& entry : entries_) {
    const uint64_t number = entry.flow / kWindow;
    size_t at = place(number);
    while (table[at] != UINT32_MAX && windows[table[at]].number != number) at = (at + 1) & (table.size() - 1);
    if (table[at] == UINT32_MAX) {
      table[at] = static_cast<uint32_t>(windows.size());
      windows.push_back({number, 0});
      if (windows.size() * 2 > table.size()) {
        std::fill(table.begin(), table.end(), UINT32_MAX);
        table.resize(table.size() * 2, UINT32_MAX);
        for (uint32_t i = 0; i < windows.size(); i++) {
          size_t to = place(windows[i].number);
          while (table[to] != UINT32_MAX) to = (to + 1) & (table.size() - 1);
          table[to] = i;
        }
        at = place(number);
        while (windows[table[at]].number != number) at = (at + 1) & (table.size() - 1);
      }
    }
    entry.row = table[at];
    windows[table[at]].n++;
  }
  std::vector<uint32_t> order(windows.size()), start(windows.size());
  for (uint32_t i = 0; i < order.size(); i++) order[i] = i;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return windows[a].number > windows[b].number; });
  uint32_t at = 0;
  for (uint32_t window : order) {
    start[window] = at;
    at += windows[window].n;
  }
  BigVector<Entry> sorted(entries_.size());
  for (const Entry& entry : entries_) {
    Entry& to = sorted[start[entry.row]++];
    to = entry;
    to.row = FlowSink::kRefused;
    to.fate = Fate::waiting;
    to.list = ListRead::by_identity;
  }
  entries_.swap(sorted);
}

bool FlowTableWalk::pass(bool first) {
  stats_.n_passes++;
  sort_entries();
  deferred_.clear();
  early_.clear();
  early_.reserve(entries_.size());
  n_chained_ = 0;
  return look_at_all(first) && sink_.go_on();
}

// False: the sink wants no more.
bool FlowTableWalk::look_at_all(bool first) {
  const bool threaded = first && options_.copier;
  Stripes stripes(entries_, threaded ? options_.stripe_flows : entries_.size());
  WindowCopier copier(threaded ? *options_.copier : memory_, l_, stripes);
  CopyAhead ahead(copier, threaded);
  // What this thread copies itself.
  std::optional<WindowCopier> own_copier;
  std::optional<CopyAhead> own;
  bool has_own = threaded, has_ahead = true;  // or may have
  size_t wanted = CopyAhead::kRing;
  for (uint64_t n_batches = 0; has_ahead || (has_own && own); n_batches++) {
    if (n_batches % 64 == 0 && !sink_.go_on()) return false;
    const bool is_own = !has_ahead || (has_own && !ahead.has_ahead(wanted));
    if (is_own && !own) {
      own_copier.emplace(memory_, l_, stripes);
      own.emplace(*own_copier, false);
    }
    CopyAhead& windows = is_own ? *own : ahead;
    const auto batch = windows.next();
    if (batch.empty()) (is_own ? has_own : has_ahead) = false;
    wanted = is_own ? CopyAhead::kWorthTurning : CopyAhead::kRing;
    for (auto fresh = windows.arrived(); !fresh.empty(); fresh = windows.arrived()) {
      uint64_t lowest = UINT64_MAX;
      for (const FlowWindow& window : fresh)
        if (window.has_flows()) lowest = std::min(lowest, window.base);
      for (FlowWindow& window : fresh) look_at_flows(window, first ? lowest : UINT64_MAX);
      drain();
    }
    for (const FlowWindow& window : batch) look_at_lists(window, windows);
  }
  drain();
  stats_.copier_cpu_ns += ahead.end();
  return true;
}

// The flows of a window, while it has just been copied. Where the lists are that windows bring is kept with it; the others are to be read at once. 'lowest' of
// the windows that were copied with it; UINT64_MAX: no list is taken from windows.
void FlowTableWalk::look_at_flows(FlowWindow& window, uint64_t lowest) {
  window.lists.clear();
  for (uint32_t i = window.first; i < window.last; i++) {
    if (i + 4 < window.last) {
      const uint8_t* ahead = &window.bytes[entries_[i + 4].flow - window.base];
      for (size_t line = 0; line < l_.flow_head; line += 64) __builtin_prefetch(ahead + line);
    }
    uint64_t actions = entries_[i].fate == Fate::waiting ? look_at_flow(entries_[i], window) : 0;
    if (actions != 0 && !comes_with_windows(actions, entries_[i], window, lowest)) {
      deferred_.push_back({actions, window.began_ns, i, lowest == UINT64_MAX});
      actions = 0;
    }
    window.lists.push_back(actions);
  }
}

// Whether a list is in what is copied with or after the flow, as far as can be known before that. Windows without flows are not copied, so it may not be.
bool FlowTableWalk::comes_with_windows(uint64_t actions, const Entry& entry, const FlowWindow& window, uint64_t lowest) const {
  if (lowest == UINT64_MAX) return false;
  if (actions >= entry.flow) return actions + l_.dp_netdev_actions_actions.offset <= window.end;
  return actions < window.base && actions + CopyAhead::kBelow * kBatchWindows * kWindow >= lowest;
}

// The address of its action list; 0 if it is not taken.
uint64_t FlowTableWalk::look_at_flow(Entry& entry, const FlowWindow& window) {
  // SAFETY: the copier made room for a whole flow at every address of the window.
  const uint8_t* flow = &window.bytes[entry.flow - window.base];
  if (load<uint32_t>(flow + l_.dp_netdev_flow_ufid.offset) != entry.hash || load<uint32_t>(flow + l_.dp_netdev_flow_pmd_id.offset) != core_id_ ||
      flow[l_.dp_netdev_flow_dead.offset] != 0 || static_cast<int32_t>(load<uint32_t>(flow + l_.dp_netdev_flow_ref_cnt.offset)) <= 0)
    return settle(entry, Fate::gone), 0;
  const uint64_t actions = load<uint64_t>(flow + l_.dp_netdev_flow_actions.offset);
  if (!is_user_pointer(actions) || actions % 4 != 0) return settle(entry, Fate::refused), 0;
  entry.row = sink_.flow(OvsAddr{entry.flow}, flow, l_.sizeof_dp_netdev_flow, window.now_ms);
  if (entry.row == FlowSink::kRefused) return settle(entry, Fate::refused), 0;
  follow_chain(entry, load<uint64_t>(flow + l_.dp_netdev_flow_node.offset + l_.cmap_node_next.offset));
  return actions;
}

// The lists that windows bring, when they have.
void FlowTableWalk::look_at_lists(const FlowWindow& window, const CopyAhead& windows) {
  for (size_t i = 0; i < window.lists.size(); i++) {
    if (i + 8 < window.lists.size()) {
      const uint64_t ahead = window.lists[i + 8];
      if (const FlowWindow* held = windows.holding(ahead)) {
        __builtin_prefetch(&held->bytes[ahead - held->base]);
        __builtin_prefetch(&held->bytes[ahead - held->base] + 64);  // many a list reaches into the next line
      }
    }
    const uint64_t actions = window.lists[i];
    if (actions == 0) continue;
    const uint32_t entry = window.first + static_cast<uint32_t>(i);
    if (!actions_from_ring(entries_[entry], actions, window, windows)) deferred_.push_back({actions, window.began_ns, entry, false});
  }
}

// A window that was copied after the flow and has the head of its list: one below, or its own where the list lies behind the flow.
const FlowWindow* FlowTableWalk::copied_after(const Entry& entry, uint64_t actions, const FlowWindow& window, const CopyAhead& windows) const {
  const uint64_t end = actions + l_.dp_netdev_actions_actions.offset;
  if (window.flows_sequence == window.sequence && actions >= entry.flow && end <= window.end) return &window;
  const FlowWindow* held = windows.holding(actions);
  return held && end <= held->end && held->sequence > window.flows_sequence ? held : nullptr;
}

// Takes the list from what was copied after the flow, if it is there; false: read it later.
bool FlowTableWalk::actions_from_ring(Entry& entry, uint64_t actions, const FlowWindow& window, const CopyAhead& windows) {
  const FlowWindow* held = copied_after(entry, actions, window, windows);
  if (!held || held->ended_ns - window.began_ns > options_.max_ring_gap_ns) return false;
  const uint8_t* list = &held->bytes[actions - held->base];
  const uint32_t size = load<uint32_t>(list + l_.dp_netdev_actions_size.offset);
  if (size > kMaxActions || actions + l_.dp_netdev_actions_actions.offset + size > held->end) return false;
  return take_early(entry, actions, {list + l_.dp_netdev_actions_actions.offset, size}, ListRead::with_window);
}

// Takes a list that was copied soon after its flow.
bool FlowTableWalk::take_early(Entry& entry, uint64_t actions, Bytes list, ListRead how) {
  if (!sink_.actions(entry.row, list)) return false;
  entry.fate = Fate::taken;
  entry.list = how;
  early_.push_back({actions, static_cast<uint32_t>(&entry - entries_.data())});
  return true;
}

void FlowTableWalk::follow_chain(const Entry& entry, uint64_t next) {
  if (next == 0) return;
  // An endless chain of an enemy's memory must end: there cannot be more of them than flows.
  if (!is_user_pointer(next) || next % 8 != 0 || next < l_.dp_netdev_flow_node.offset || ++n_chained_ > entries_.size() + 64) return;
  again_.push_back({next - l_.dp_netdev_flow_node.offset, entry.hash, UINT32_MAX, FlowSink::kRefused, Fate::waiting, ListRead::by_identity});
}

void FlowTableWalk::settle(Entry& entry, Fate fate) {
  if (entry.row != FlowSink::kRefused) sink_.drop(entry.row);
  entry.row = FlowSink::kRefused;
  entry.fate = fate;
}

// Reads the lists that the ring does not have, by address: each soon after its flow, or else before the flow's identity is read again.
void FlowTableWalk::drain() {
  while (!deferred_.empty()) {
    std::sort(deferred_.begin(), deferred_.end(), [](const Deferred& a, const Deferred& b) { return a.actions < b.actions; });
    late_.clear();
    for (size_t at = 0; at < deferred_.size(); at += kBatch) {
      if (!sink_.go_on()) break;
      drain_batch(std::span(deferred_).subspan(at, std::min(kBatch, deferred_.size() - at)));
    }
    deferred_.swap(late_);
  }
}

void FlowTableWalk::drain_batch(std::span<Deferred> batch) {
  const size_t head = l_.dp_netdev_actions_actions.offset;
  const size_t guess = std::max(kGuess, head);
  identity_buffer_.resize(kBatch * id_size_);
  if (!actions_buffer_) actions_buffer_ = std::make_unique_for_overwrite<uint8_t[]>(kBatch * (guess + kMaxGap));
  size_t at[kBatch];
  ranges_.clear();
  size_t used = 0;
  for (size_t i = 0; i < batch.size(); i++) {
    const uint64_t from = batch[i].actions;
    if (!ranges_.empty()) {
      ReadRange& before = ranges_.back();
      const uint64_t end = raw(before.from) + before.size;
      if (from <= end + kMaxGap) {  // sorted: not below before.from
        const size_t grown = std::max<uint64_t>(end, from + guess) - raw(before.from);
        used += grown - before.size;
        before.size = grown;
        at[i] = static_cast<uint8_t*>(before.to) - actions_buffer_.get() + (from - raw(before.from));
        continue;
      }
    }
    at[i] = used;
    ranges_.push_back({OvsAddr{from}, &actions_buffer_[used], guess});
    used += guess;
  }
  const uint64_t now_ns = sys::clock_ns(CLOCK_MONOTONIC);
  for (size_t i = 0; i < batch.size(); i++) {
    batch[i].by_identity |= now_ns - batch[i].copied_ns > options_.max_ring_gap_ns / 4 * 3;  // it may be too late for some when the call is over
    if (batch[i].by_identity) ranges_.push_back({OvsAddr{entries_[batch[i].entry].flow + id_start_}, &identity_buffer_[i * id_size_], id_size_});
  }
  size_t wanted = 0;
  for (const ReadRange& range : ranges_) wanted += range.size;
  const bool whole = memory_.copy(ranges_) == wanted;
  const uint64_t ended_ns = sys::clock_ns(CLOCK_MONOTONIC);
  for (size_t i = 0; i < batch.size(); i++) {
    Deferred& deferred = batch[i];
    Entry& entry = entries_[deferred.entry];
    const uint8_t* bytes = &actions_buffer_[at[i]];
    const uint32_t size = load<uint32_t>(bytes + l_.dp_netdev_actions_size.offset);
    // A long one, or the call stopped short somewhere: this one alone.
    if (!whole || size > kMaxActions || head + size > guess) {
      drain_alone(deferred);
    } else if (deferred.by_identity) {
      finish_deferred(entry, deferred.actions, {bytes + head, size}, &identity_buffer_[i * id_size_]);
    } else if (ended_ns - deferred.copied_ns > options_.max_ring_gap_ns || !take_early(entry, deferred.actions, {bytes + head, size}, ListRead::at_once)) {
      deferred.by_identity = true;
      late_.push_back(deferred);
    }
  }
}

// Its size first.
void FlowTableWalk::drain_alone(const Deferred& deferred) {
  const size_t head = l_.dp_netdev_actions_actions.offset;
  Entry& entry = entries_[deferred.entry];
  std::vector<uint8_t> identity(id_size_);
  const OvsAddr identity_at{entry.flow + id_start_};
  uint32_t size;
  if (!memory_.read(OvsAddr{deferred.actions} + l_.dp_netdev_actions_size.offset, size) || size > kMaxActions) {
    const bool gone = memory_.read(identity_at, identity.data(), id_size_) && !lives(entry, identity.data());
    return settle(entry, gone ? Fate::gone : Fate::bad_actions);
  }
  std::vector<uint8_t> list(size);
  const ReadRange both[] = {{OvsAddr{deferred.actions} + head, list.data(), size}, {identity_at, identity.data(), id_size_}};
  if (memory_.copy(both) != size + id_size_) return settle(entry, Fate::unreadable);
  finish_deferred(entry, deferred.actions, list, identity.data());
}

bool FlowTableWalk::lives(const Entry& entry, const uint8_t* identity) const {
  auto at = [&](const Member& member) { return identity + (member.offset - id_start_); };
  return load<uint32_t>(at(l_.dp_netdev_flow_ufid)) == entry.hash && load<uint32_t>(at(l_.dp_netdev_flow_pmd_id)) == core_id_ &&
         *at(l_.dp_netdev_flow_dead) == 0 && static_cast<int32_t>(load<uint32_t>(at(l_.dp_netdev_flow_ref_cnt))) > 0;
}

bool FlowTableWalk::same_actions(uint64_t actions, const uint8_t* identity) const {
  return load<uint64_t>(identity + (l_.dp_netdev_flow_actions.offset - id_start_)) == actions;
}

void FlowTableWalk::finish_deferred(Entry& entry, uint64_t actions, Bytes list, const uint8_t* identity) {
  if (!lives(entry, identity)) return settle(entry, Fate::gone);
  if (!same_actions(actions, identity)) return settle(entry, Fate::refused);  // they were replaced: the next pass reads the new ones
  if (!sink_.actions(entry.row, list)) return settle(entry, Fate::bad_actions);
  entry.fate = Fate::taken;
}

// Buckets that are not the same, or were being written.
std::vector<uint32_t> FlowTableWalk::changed_buckets(const CmapImage& before, const CmapImage& after) const {
  const size_t size = l_.sizeof_cmap_bucket;
  std::vector<uint32_t> changed;
  for (uint32_t bucket = 0; bucket < after.n_buckets; bucket++) {
    const bool odd = load<uint32_t>(&after.buckets[bucket * size + l_.cmap_bucket_counter.offset]) % 2 != 0;
    if (odd || std::memcmp(&before.buckets[bucket * size], &after.buckets[bucket * size], size) != 0) changed.push_back(bucket);
  }
  return changed;
}

bool FlowTableWalk::anything_changed() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.fate != Fate::taken; });
}

// Reads identity and action pointer of the rows whose actions counted by time once more, now that their actions have been copied.
void FlowTableWalk::reprove() {
  std::vector<uint8_t> identities(TargetMemory::kMaxRanges * id_size_);
  for (size_t at = 0; at < early_.size();) {
    const size_t last = std::min(at + TargetMemory::kMaxRanges, early_.size());
    ranges_.clear();
    for (size_t i = at; i < last; i++)
      ranges_.push_back({OvsAddr{entries_[early_[i].entry].flow + id_start_}, &identities[(i - at) * id_size_], id_size_});
    const size_t n_whole = memory_.copy(ranges_) / id_size_;
    for (size_t i = 0; i < n_whole; i++) {
      Entry& entry = entries_[early_[at + i].entry];
      if (entry.fate != Fate::taken) continue;
      const uint8_t* identity = &identities[i * id_size_];
      if (!lives(entry, identity))
        settle(entry, Fate::gone);
      else if (!same_actions(early_[at + i].actions, identity))
        settle(entry, Fate::refused);
    }
    at += n_whole;
    if (at < last) settle(entries_[early_[at++].entry], Fate::unreadable);
  }
  stats_.n_reproved += early_.size();
}

// After the first pass: what has to be read again, which may be all.
void FlowTableWalk::choose_again(bool all, const std::vector<uint32_t>& changed, const CmapImage& after) {
  if (!all && changed.empty() && !anything_changed()) return;
  std::vector<bool> is_changed(after.n_buckets);
  for (uint32_t bucket : changed) is_changed[bucket] = true;
  for (Entry& entry : entries_) {
    const bool proved = !all && !is_changed[entry.bucket];
    if (proved && entry.fate == Fate::taken) continue;
    settle(entry, entry.fate == Fate::taken ? Fate::refused : entry.fate);
    again_.push_back(entry);
  }
  for (uint32_t bucket = 0; all && bucket < after.n_buckets; bucket++) take_nodes(after, bucket);
  for (uint32_t bucket : changed) take_nodes(after, bucket);
  std::sort(again_.begin(), again_.end(), [](const Entry& a, const Entry& b) { return a.flow < b.flow; });
  again_.erase(std::unique(again_.begin(), again_.end(), [](const Entry& a, const Entry& b) { return a.flow == b.flow && a.hash == b.hash; }), again_.end());
  if (again_.empty()) return;
  // A node on its way between two buckets can be in both: it is taken once.
  std::vector<bool> have(again_.size());
  for (const Entry& entry : entries_) {
    if (entry.fate != Fate::taken) continue;
    auto at = std::lower_bound(again_.begin(), again_.end(), entry.flow, [](const Entry& a, uint64_t flow) { return a.flow < flow; });
    for (; at != again_.end() && at->flow == entry.flow; ++at) have[static_cast<size_t>(at - again_.begin())] = true;
  }
  size_t kept = 0;
  for (size_t i = 0; i < again_.size(); i++)
    if (!have[i]) again_[kept++] = again_[i];
  again_.resize(kept);
}

}  // namespace cti::ovs
