#include "ovs/dp_flows_memory.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "ovs/action_translate.h"
#include "ovs/flow_decode.h"
#include "ovs/offload.h"
#include "sys/clock.h"
#include "sys/thread_cost.h"
#include "text/dictionaries.h"

namespace cti::ovs {
namespace {

using namespace tables;
using namespace tables::dp_flows;

constexpr size_t kDirectPorts = 1 << 16;
constexpr size_t kMaxMasks = 1 << 20;
// Segments of what only some flows have.
constexpr size_t kFirstExtra = CTI_DP_FLOWS_SEGMENT_TUNNEL, kLastExtra = CTI_DP_FLOWS_SEGMENT_ENCAP;
// A row gets its actions when the next batch of windows has been copied: several hundred flows later, rarely more than this.
constexpr size_t kRowsInHand = 1 << 10;

// A subtable's mask, as read once; whether it stayed so is looked at in the end.
struct Mask {
  OvsAddr address{};
  bool sane = false;
  uint64_t map[2] = {};
  std::vector<uint64_t> values;   // packed
  std::vector<uint16_t> words;    // of struct flow, one a value
  std::vector<uint64_t> expanded; // a struct flow
  FlowDecoder::MaskMemo memo;
  cti_ref extra{};
};

// Makes rows of flows.
class DpFlowsSink final : public FlowSink, private ActionTranslator::PortIds {
 public:
  DpFlowsSink(TargetMemory& memory, const Layout& layout, SnapshotBuilder builder, const std::atomic<bool>* cancel, FlowPlaces* places,
              bool recirc_first)
      : memory_(memory), l_(layout), cancel_(cancel), places_(places), decoder_(layout, recirc_first), offload_(memory, layout), translator_(layout, *this),
        builder_(std::move(builder)),
        rows_(builder_.segment(CTI_DP_FLOWS_SEGMENT_ROWS), sizeof(Rows), kRowsInHand),
        matches_(builder_.segment(CTI_DP_FLOWS_SEGMENT_MATCH), sizeof(Match)),
        dictionaries_(builder_, unknown_) {
    for (size_t segment = kFirstExtra; segment <= kLastExtra; segment++)
      extra_records_.emplace_back(builder_.segment(segment), kSchema.segments[segment].stride);
  }

  void use_datapath(const DatapathRoot& root) {
    datapath_ = dictionaries_.add_datapath(root.full_name());
    dictionaries_.use_datapath(datapath_);
    port_ids_.assign(kDirectPorts, UINT32_MAX);
    for (const PortRoot& port : root.ports) {
      const uint32_t id = dictionaries_.add_port(datapath_, port.number, port.name, port.type);
      if (port.number < kDirectPorts) port_ids_[port.number] = id;
    }
    last_list_ = UINT32_MAX;
    lists_.clear();
    list_bytes_.clear();
    list_hashes_ = StringDictionary();
  }
  void use_pmd(const PmdRoot& pmd) {
    pmd_ = pmd.core_id == UINT32_MAX ? -1 : static_cast<int32_t>(pmd.core_id);
    masks_.clear();
    by_address_.clear();
  }

  void expect(size_t n) override {
    builder_.segment(CTI_DP_FLOWS_SEGMENT_ROWS).reserve(n * sizeof(Rows));
    builder_.segment(CTI_DP_FLOWS_SEGMENT_MATCH).reserve(n * sizeof(Match));
    row_mask_.reserve(row_mask_.size() + n);
    if (places_) places_->reserve(places_->size() + n);
  }

  uint32_t flow(OvsAddr address, const uint8_t* bytes, size_t size, uint64_t now_ms) override;
  bool actions(uint32_t row, Bytes list) override;
  void drop(uint32_t row) override {
    holes_.push_back(row);
    row_mask_[row] = UINT32_MAX;
  }
  bool go_on() override { return !(cancel_ && cancel_->load(std::memory_order_relaxed)) && !error(); }

  // Drops the rows whose mask is no longer what was read; how many.
  uint64_t check_masks();
  Result<Snapshot> finish();
  const std::optional<Error>& error() const { return error_ ? error_ : dictionaries_.error(); }

 private:
  bool fits(bool written, size_t segment) {
    if (!written && !error_) error_ = builder_.segment(segment).error();
    return written;
  }
  uint32_t mask_at(OvsAddr address);
  bool read_mask(OvsAddr address, Mask& mask);
  uint32_t port_id(uint32_t odp_port) override;
  void fill_row(const uint8_t* bytes, const Mask& mask, uint64_t now_ms, Rows& row);
  // Its number and one.
  template <typename T>
  uint32_t extra(size_t segment, const T& record) {
    RecordWriter& records = extra_records_[segment - kFirstExtra];
    return fits(records.append(&record), segment) ? static_cast<uint32_t>(records.size()) : 0;  // go_on() ends it
  }

  TargetMemory& memory_;
  const Layout& l_;
  const std::atomic<bool>* cancel_;
  FlowPlaces* const places_;  // by row, as rows are; null: nobody wants them
  FlowDecoder decoder_;
  OffloadReader offload_;
  ActionTranslator translator_;
  SnapshotBuilder builder_;
  RecordWriter rows_, matches_;
  std::vector<RecordWriter> extra_records_;  // by segment from kFirstExtra
  std::optional<Error> error_;
  text::Notes unknown_;
  text::Dictionaries dictionaries_;
  FlowExtras extras_;

  uint32_t datapath_ = 0;
  int32_t pmd_ = 0;
  std::vector<uint32_t> port_ids_;
  std::vector<Mask> masks_;
  std::unordered_map<uint64_t, uint32_t> by_address_;
  uint32_t recent_masks_[256] = {};  // by a hash of the address
  BigVector<uint32_t> row_mask_;  // of the PMD at hand
  std::vector<uint32_t> holes_;

  struct List {
    size_t offset;
    uint32_t size;
    uint32_t id;  // UINT32_MAX: not an action list
  };
  std::vector<List> lists_;
  std::vector<uint8_t> list_bytes_;
  StringDictionary list_hashes_;
  uint32_t last_list_ = UINT32_MAX;
  text::TreeWriter tree_;
  text::ActionFacts facts_;
};

uint32_t DpFlowsSink::port_id(uint32_t odp_port) {
  if (odp_port < kDirectPorts && port_ids_[odp_port] != UINT32_MAX) return port_ids_[odp_port];
  const uint32_t id = dictionaries_.port(std::to_string(odp_port));
  if (odp_port < kDirectPorts) port_ids_[odp_port] = id;
  return id;
}

bool DpFlowsSink::read_mask(OvsAddr address, Mask& mask) {
  mask.address = address;
  mask.memo = {};
  uint32_t len;
  if (!memory_.read(address + l_.netdev_flow_key_len.offset, len) || !memory_.read(address + l_.netdev_flow_key_mf.offset, mask.map)) return false;
  const uint32_t n = static_cast<uint32_t>(__builtin_popcountll(mask.map[0]) + __builtin_popcountll(mask.map[1]));
  if (len != sizeof mask.map + 8 * n) return false;
  mask.values.resize(n);
  if (n > 0 && !memory_.read(address + l_.netdev_flow_key_buf.offset, mask.values.data(), 8 * n)) return false;
  mask.expanded.assign(l_.flow_words, 0);
  mask.words.clear();
  for (uint16_t word = 0; word < 128; word++) {
    if (!(mask.map[word / 64] >> (word % 64) & 1)) continue;
    if (word >= l_.flow_words) return false;
    mask.expanded[word] = mask.values[mask.words.size()];
    mask.words.push_back(word);
  }
  // What dp_netdev_flow_add() writes of it into the flow's dp-extra-info.
  if (l_.dp_netdev_flow_dp_extra_info)
    mask.extra = dictionaries_.intern("miniflow_bits(" + std::to_string(__builtin_popcountll(mask.map[0])) + "," +
                                      std::to_string(__builtin_popcountll(mask.map[1])) + ")");
  return true;
}

uint32_t DpFlowsSink::mask_at(OvsAddr address) {
  uint32_t& recent = recent_masks_[(raw(address) * 0x9e3779b97f4a7c15) >> 56];
  if (recent < masks_.size() && masks_[recent].address == address && masks_[recent].sane) return recent;
  auto [at, is_new] = by_address_.try_emplace(raw(address), static_cast<uint32_t>(masks_.size()));
  if (is_new) {
    Mask& mask = masks_.emplace_back();
    mask.sane = read_mask(address, mask);
  } else if (!masks_[at->second].sane) {
    masks_[at->second].sane = read_mask(address, masks_[at->second]);  // perhaps it was being made
  }
  return recent = at->second;
}

uint32_t DpFlowsSink::flow(OvsAddr address, const uint8_t* bytes, size_t size, uint64_t now_ms) {
  const uint64_t mask_address = load<uint64_t>(bytes + l_.dp_netdev_flow_cr.offset + l_.dpcls_rule_mask.offset);
  if (!is_user_pointer(mask_address) || mask_address % 8 != 0 || (masks_.size() >= kMaxMasks && !by_address_.contains(mask_address))) return kRefused;
  const uint32_t mask_index = mask_at(OvsAddr{mask_address});
  Mask& mask = masks_[mask_index];
  if (!mask.sane) return kRefused;
  // The masked key that the classifier uses must be the flow under the mask: binds flow, key and mask to each other.
  const size_t n = mask.values.size();
  const uint8_t* key = bytes + l_.flow_key;
  if (l_.flow_head + 8 * n > size || load<uint64_t>(key) != mask.map[0] || load<uint64_t>(key + 8) != mask.map[1]) return kRefused;
  const uint8_t* flow = bytes + l_.dp_netdev_flow_flow.offset;
  uint64_t differ = 0;
  for (size_t i = 0; i < n; i++)
    differ |= (load<uint64_t>(flow + 8 * mask.words[i]) & mask.values[i]) ^ load<uint64_t>(bytes + l_.flow_head + 8 * i);
  if (differ) return kRefused;

  // Made where they stay, or take the place of a row that was dropped from there.
  const bool fills_hole = !holes_.empty();
  uint8_t* const row_at = rows_.next();
  uint8_t* const match_at = matches_.next();
  if (!fits(row_at != nullptr, CTI_DP_FLOWS_SEGMENT_ROWS) || !fits(match_at != nullptr, CTI_DP_FLOWS_SEGMENT_MATCH)) return kRefused;  // go_on() ends it
  Rows& row = *new (row_at) Rows{};
  Match& match = *new (match_at) Match;
  fill_row(bytes, mask, now_ms, row);
  decoder_.decode(flow, reinterpret_cast<const uint8_t*>(mask.expanded.data()), mask.memo, match, extras_);
  match.key.in_port = port_id(match.key.in_port);
  if (extras_.parts) {
    if (extras_.parts & FlowExtras::kTunnel) {
      auto blob = [&](const std::vector<uint8_t>& bytes) { return dictionaries_.intern({reinterpret_cast<const char*>(bytes.data()), bytes.size()}); };
      extras_.tunnel.key.tun_geneve = blob(extras_.geneve_key);
      extras_.tunnel.mask.tun_geneve = blob(extras_.geneve_mask);
    }
    if (extras_.parts & FlowExtras::kTunnel) row.tunnel = extra(CTI_DP_FLOWS_SEGMENT_TUNNEL, extras_.tunnel);
    if (extras_.parts & FlowExtras::kIpv6) row.ipv6 = extra(CTI_DP_FLOWS_SEGMENT_IPV6, extras_.ipv6);
    if (extras_.parts & FlowExtras::kCtTuple) row.ct_tuple = extra(CTI_DP_FLOWS_SEGMENT_CT_TUPLE, extras_.ct_tuple);
    if (extras_.parts & FlowExtras::kArp) row.arp = extra(CTI_DP_FLOWS_SEGMENT_ARP, extras_.arp);
    if (extras_.parts & FlowExtras::kEncap) row.encap = extra(CTI_DP_FLOWS_SEGMENT_ENCAP, extras_.encap);
  }
  if (extras_.unknown) {
    unknown_.add("unknown key", extras_.unknown, extras_.unknown);
    row.unknown = dictionaries_.intern(extras_.unknown);
  }
  const FlowPlace place{raw(address), load<uint64_t>(bytes + l_.dp_netdev_flow_actions.offset), mask_address};
  uint32_t at;
  if (fills_hole) {
    at = holes_.back();
    if (places_) (*places_)[at] = place;
    holes_.pop_back();
    std::memcpy(rows_.at(at), &row, sizeof row);
    std::memcpy(matches_.at(at), &match, sizeof match);
    row_mask_[at] = mask_index;
  } else {
    at = static_cast<uint32_t>(rows_.size());
    rows_.took();
    matches_.took();
    row_mask_.push_back(mask_index);
    if (places_) places_->push_back(place);
  }
  return at;
}

void DpFlowsSink::fill_row(const uint8_t* bytes, const Mask& mask, uint64_t now_ms, Rows& row) {
  const uint8_t* ufid = bytes + l_.dp_netdev_flow_ufid.offset;
  for (int i = 0; i < 2; i++) row.ufid.word[i] = ufid_word(load<uint64_t>(ufid + 8 * i));
  fill_counters(l_, bytes + l_.dp_netdev_flow_stats.offset, now_ms, row);
  row.known = CTI_DP_FLOWS_KNOWN_UFID | CTI_DP_FLOWS_KNOWN_PMD | CTI_DP_FLOWS_KNOWN_TCP_FLAGS_SEEN;
  row.datapath = datapath_;
  row.pmd = pmd_;
  if (mask.extra.size) {
    row.extra = mask.extra;
    row.known |= CTI_DP_FLOWS_KNOWN_EXTRA;
  }
  offload_.fill(bytes, 0, now_ms, row);
}

bool DpFlowsSink::actions(uint32_t row, Bytes list) {
  uint32_t found = UINT32_MAX;
  auto equal = [&](uint32_t i) {
    return lists_[i].size == list.size() && (list.empty() || std::memcmp(&list_bytes_[lists_[i].offset], list.data(), list.size()) == 0);
  };
  if (last_list_ != UINT32_MAX && equal(last_list_)) {
    found = last_list_;
  } else {
    const uint64_t hash = StringDictionary::hash({reinterpret_cast<const char*>(list.data()), list.size()}, datapath_);
    found = list_hashes_.find(hash, equal);
    if (found == UINT32_MAX) {
      found = static_cast<uint32_t>(lists_.size());
      lists_.push_back({list_bytes_.size(), static_cast<uint32_t>(list.size()), UINT32_MAX});
      list_bytes_.insert(list_bytes_.end(), list.begin(), list.end());
      list_hashes_.insert(hash, found);
      if (translator_.translate(list, tree_)) {
        action_facts(tree_.bytes(), facts_);
        if (facts_.n_unknown) unknown_.add("unknown action", "", "an action of a version this one does not know");
        ActionLists record{};
        record.attrs = dictionaries_.append({reinterpret_cast<const char*>(tree_.bytes().data()), tree_.size()});
        record.out_ports = dictionaries_.intern({reinterpret_cast<const char*>(facts_.out_ports.data()), facts_.out_ports.size() * sizeof(uint32_t)});
        record.does = facts_.does;
        record.sets = facts_.sets;
        record.n_unknown = facts_.n_unknown;
        lists_[found].id = dictionaries_.append_record(CTI_DP_FLOWS_SEGMENT_ACTION_LISTS, record);
      }
    }
    last_list_ = found;
  }
  if (lists_[found].id == UINT32_MAX) return false;
  // SAFETY: 'row' was given out by flow().
  reinterpret_cast<Rows*>(rows_.at(row))->actions = lists_[found].id;
  return true;
}

uint64_t DpFlowsSink::check_masks() {
  std::vector<bool> changed(masks_.size());
  bool any = false;
  for (size_t i = 0; i < masks_.size(); i++) {
    const Mask& mask = masks_[i];
    if (!mask.sane) continue;
    uint64_t map[2];
    std::vector<uint64_t> values(mask.values.size());
    const bool same = memory_.read(mask.address + l_.netdev_flow_key_mf.offset, map) && map[0] == mask.map[0] && map[1] == mask.map[1] &&
                      memory_.read(mask.address + l_.netdev_flow_key_buf.offset, values.data(), 8 * values.size()) && values == mask.values;
    changed[i] = !same;
    any |= !same;
  }
  uint64_t n = 0;
  for (uint32_t row = 0; any && row < row_mask_.size(); row++) {
    if (row_mask_[row] == UINT32_MAX || row_mask_[row] >= masks_.size() || !changed[row_mask_[row]]) continue;
    drop(row);
    n++;
  }
  // The next PMD thread's masks have the same numbers.
  std::replace_if(row_mask_.begin(), row_mask_.end(), [](uint32_t mask) { return mask != UINT32_MAX; }, UINT32_MAX - 1);
  return n;
}

Result<Snapshot> DpFlowsSink::finish() {
  fits(rows_.flush(), CTI_DP_FLOWS_SEGMENT_ROWS);
  fits(matches_.flush(), CTI_DP_FLOWS_SEGMENT_MATCH);
  for (size_t segment = kFirstExtra; segment <= kLastExtra; segment++) fits(extra_records_[segment - kFirstExtra].flush(), segment);
  if (error()) return *error();
  GrowingSegment& rows = builder_.segment(CTI_DP_FLOWS_SEGMENT_ROWS);
  GrowingSegment& matches = builder_.segment(CTI_DP_FLOWS_SEGMENT_MATCH);
  // The last rows fill the holes.
  std::sort(holes_.begin(), holes_.end());
  uint32_t n = builder_.n_records(CTI_DP_FLOWS_SEGMENT_ROWS);
  size_t first = 0, last = holes_.size();
  while (first < last) {
    if (holes_[last - 1] == n - 1) {
      last--;
    } else {
      const uint64_t to = holes_[first++], from = n - 1;
      std::memcpy(rows.data() + to * sizeof(Rows), rows.data() + from * sizeof(Rows), sizeof(Rows));
      std::memcpy(matches.data() + to * sizeof(Match), matches.data() + from * sizeof(Match), sizeof(Match));
      if (places_) (*places_)[to] = (*places_)[from];
    }
    n--;
  }
  rows.truncate(uint64_t{n} * sizeof(Rows));
  matches.truncate(uint64_t{n} * sizeof(Match));
  if (places_) places_->resize(n);
  auto snapshot = builder_.finish(n);
  if (!snapshot) return snapshot.error();
  snapshot->unknown = unknown_.take();
  return snapshot;
}

void add(WalkStats& to, const WalkStats& from) {
  to.n_accepted += from.n_accepted;
  to.n_from_ring += from.n_from_ring;
  to.n_at_once += from.n_at_once;
  to.n_reproved += from.n_reproved;
  to.n_gone += from.n_gone;
  to.n_refused += from.n_refused;
  to.n_unreadable += from.n_unreadable;
  to.n_bad_actions += from.n_bad_actions;
  to.n_retried += from.n_retried;
  to.n_passes = std::max(to.n_passes, from.n_passes);
  to.table_moved |= from.table_moved;
  to.copier_cpu_ns += from.copier_cpu_ns;
}

}  // namespace

Result<Snapshot> read_dp_flows(TargetMemory& memory, const Layout& layout, OvsAddr dp_netdevs, const std::atomic<bool>* cancel,
                               MemoryReadFacts& facts, FlowPlaces* places, const FlowReadOptions& options) {
  facts = {};
  if (places) places->clear();
  auto cost = [&] { return options.walk.copier ? memory.cost() + options.walk.copier->cost() : memory.cost(); };
  const ReadCost before = cost();
  const sys::ThreadCost before_reading = sys::thread_cost();
  facts.begin_ns = sys::clock_ns(CLOCK_REALTIME);
  auto builder = SnapshotBuilder::create(kSchema);
  if (!builder) return builder.error();
  auto roots = read_datapaths(memory, layout, dp_netdevs);
  if (!roots) return roots.error();
  facts.datapaths = *std::move(roots);
  DpFlowsSink sink(memory, layout, std::move(*builder), cancel, places, options.recirc_first);
  for (const DatapathRoot& datapath : facts.datapaths) {
    sink.use_datapath(datapath);
    for (const PmdRoot& pmd : datapath.pmds) {
      sink.use_pmd(pmd);
      FlowTableWalk walk(memory, layout, sink, options.walk);
      auto walked = walk.run(pmd);
      if (!walked) return sink.error() ? *sink.error() : walked.error();
      add(facts.walk, walk.stats());
      const uint64_t n_bad = sink.check_masks();
      facts.n_bad_masks += n_bad;
      facts.walk.n_accepted -= n_bad;
    }
  }
  auto snapshot = sink.finish();
  if (!snapshot) return snapshot.error();
  auto note = [&](const char* what, uint64_t n) {
    if (n) snapshot->rejected.push_back({what, "", n});
  };
  note("left the table while it was read", facts.walk.n_gone);
  note("did not agree with itself", facts.walk.n_refused + facts.n_bad_masks);
  note("unreadable", facts.walk.n_unreadable);
  note("actions not well formed", facts.walk.n_bad_actions);
  facts.end_ns = sys::clock_ns(CLOCK_REALTIME);
  const sys::ThreadCost used = sys::thread_cost() - before_reading;
  facts.cpu_ns = used.cpu_ns + facts.walk.copier_cpu_ns;
  facts.waited_ns = used.waited_ns;
  facts.cost = cost() - before;
  return snapshot;
}

}  // namespace cti::ovs
