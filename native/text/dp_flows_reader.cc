#include "text/dp_flows_reader.h"

#include <atomic>

#include "text/dictionaries.h"
#include "text/dp_flows_format.h"

namespace cti::text {

using namespace tables;
using namespace tables::dp_flows;

namespace {

constexpr std::string_view kPmdSection = "flow-dump from pmd on cpu core: ";
constexpr std::string_view kMainSection = "flow-dump from the main thread:";

bool scan_ufid(Cursor& c, cti_be128& ufid) {
  static constexpr int kGroups[] = {8, 4, 4, 4, 12};
  uint64_t half[2] = {0, 0};
  for (int i = 0; i < 5; i++) {
    if (i && !c.eat('-')) return false;
    if (c.left() < static_cast<size_t>(kGroups[i])) return false;
    Cursor digits(c.rest().substr(0, static_cast<size_t>(kGroups[i])));
    uint64_t value;
    if (!digits.hex_digits(value, UINT64_MAX) || !digits.done()) return false;
    c.at += kGroups[i];
    half[i >= 3] = half[i >= 3] << (4 * kGroups[i]) | value;
  }
  ufid = {{swap64(half[0]), swap64(half[1])}};
  return true;
}

// "never" or seconds with three decimals. A clock that went back prints a negative age: 0.
bool scan_used(Cursor& c, uint64_t& used_ms) {
  used_ms = UINT64_MAX;
  if (c.eat("never")) return true;
  bool negative = c.eat('-');
  uint64_t seconds, thousandths;
  if (!c.number(seconds, UINT64_MAX / 2000) || !c.eat('.')) return false;
  const char* start = c.at;
  if (!c.number(thousandths, 999) || c.at - start != 3 || !c.eat('s')) return false;
  used_ms = negative ? 0 : seconds * 1000 + thousandths;
  return true;
}

bool is_zero(const void* record, size_t size) {
  uint64_t any = 0;
  for (size_t i = 0; i < size; i += 8) any |= load<uint64_t>(static_cast<const uint8_t*>(record) + i);
  return any == 0;
}

// What a note shows of a line that was read up to 'at': how it begins, which tells the flow, and that place.
std::string excerpt(std::string_view line, size_t at) {
  constexpr size_t kAll = 200, kHead = 60, kBefore = 50;
  constexpr std::string_view kCut = "...";
  if (line.size() <= kAll) return std::string(line);
  std::string text;
  if (at > kHead + kBefore + kCut.size()) {
    text.append(line.substr(0, kHead)).append(kCut);
    line.remove_prefix(std::min(at - kBefore, line.size() - (kAll - text.size())));
  }
  if (line.size() <= kAll - text.size()) return text.append(line);
  return text.append(line.substr(0, kAll - kCut.size() - text.size())).append(kCut);
}

}  // namespace

class DpFlowsReader::Impl {
 public:
  explicit Impl(SnapshotBuilder builder) : builder_(std::move(builder)), dictionaries_(builder_, unknown_) {}

  Result<void> begin(uint32_t datapath) {
    CTI_TRY(end_dump());
    if (datapath >= dictionaries_.n_datapaths())
      return errorf(ErrorCode::INVALID_ARGUMENT, "begin_datapath(%u): expected one of the %u datapaths added", datapath,
                    dictionaries_.n_datapaths());
    datapath_ = datapath;
    dictionaries_.use_datapath(datapath);
    pmd_ = 0;
    pmd_known_ = false;
    begun_ = true;
    return {};
  }

  Result<void> feed(Bytes chunk) {
    if (!begun_) {
      uint32_t id = dictionaries_.add_datapath("");
      if (id == UINT32_MAX) return *dictionaries_.error();
      CTI_TRY(begin(id));
    }
    const char* at = reinterpret_cast<const char*>(chunk.data());
    const char* end = at + chunk.size();
    while (at != end) {
      const char* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
      const char* stop = newline ? newline : end;
      std::string_view piece(at, static_cast<size_t>(stop - at));
      if (newline && carry_.empty() && !too_long_ && piece.size() <= kMaxLine) {
        line(piece);
      } else {
        keep(piece);
        if (newline) end_line();
      }
      if (dictionaries_.error()) return *dictionaries_.error();
      at = newline ? newline + 1 : end;
    }
    n_bytes_.store(n_bytes_.load(std::memory_order_relaxed) + chunk.size(), std::memory_order_relaxed);
    return {};
  }

  Result<Snapshot> finish() {
    CTI_TRY(end_dump());
    auto snapshot = builder_.finish(n_rows_.load());
    if (!snapshot) return snapshot.error();
    snapshot->n_verbatim = n_verbatim_;
    snapshot->rejected = rejected_.take();
    snapshot->unknown = unknown_.take();
    return snapshot;
  }

  Dictionaries& dictionaries() { return dictionaries_; }
  uint64_t n_bytes() const { return n_bytes_.load(std::memory_order_relaxed); }
  uint64_t n_rows() const { return n_rows_.load(std::memory_order_relaxed); }
  uint64_t n_rejected() const { return n_rejected_.load(std::memory_order_relaxed); }

 private:
  void keep(std::string_view piece) {
    if (too_long_) return;
    size_t room = kMaxLine - carry_.size();
    too_long_ = piece.size() > room;
    carry_.append(piece.substr(0, room));
  }

  void end_line() {
    if (too_long_)
      reject("line longer than 1 MiB", carry_, 0);
    else
      line(carry_);
    carry_.clear();
    too_long_ = false;
  }

  Result<void> end_dump() {
    if (!carry_.empty() || too_long_) end_line();
    if (dictionaries_.error()) return *dictionaries_.error();
    return {};
  }

  void reject(std::string_view reason, std::string_view text, size_t at) {
    rejected_.add(reason, "", excerpt(text, at));
    n_rejected_.store(n_rejected_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  void line(std::string_view text) {
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    if (text.empty() || section(text)) return;
    Cursor c(text);
    if (const char* reason = scan(c)) return reject(reason, text, static_cast<size_t>(c.at - text.data()));
    check(text);
    store_row();
  }

  bool section(std::string_view text) {
    if (text == kMainSection) {
      pmd_ = -1;
      return pmd_known_ = true;
    }
    if (!text.starts_with(kPmdSection)) return false;
    Cursor c(text.substr(kPmdSection.size()));
    uint64_t core;
    if (!c.number(core, INT32_MAX) || !c.done()) return false;
    pmd_ = static_cast<int32_t>(core);
    return pmd_known_ = true;
  }

  // Fills flow_ and actions_text_ from a line; what is wrong with it, the cursor near that place, or nullptr.
  const char* scan(Cursor& c) {
    flow_ = {};
    Rows& rows = flow_.rows;
    rows.datapath = datapath_;
    if (pmd_known_) rows.known |= CTI_DP_FLOWS_KNOWN_PMD, rows.pmd = pmd_;
    if (c.eat("ufid:")) {
      if (!scan_ufid(c, rows.ufid) || !c.eat(", ")) return "malformed ufid";
      rows.known |= CTI_DP_FLOWS_KNOWN_UFID;
    } else {
      flow_.match.key.attrs |= kWithoutWildcards;
    }
    if (scan_match(c, flow_, dictionaries_, parts_) == MatchEnd::malformed) return "malformed match";
    tail_.clear();
    uint32_t given = 0;
    while (c.eat(", ")) {
      if (c.eat("actions:")) return finish_row(c, given);
      const char* start = c.at;
      const Rows before = flow_.rows;
      const uint32_t given_before = given;
      if (!scan_counter(c, given) || !(c.done() || (c.left() >= 2 && c.at[0] == ',' && c.at[1] == ' '))) {
        flow_.rows = before;  // what is kept as text leaves no trace
        given = given_before;
        c.at = start;
        keep_tail(c);
      }
    }
    return c.done() ? "no actions" : "malformed text after the match";
  }

  enum Given : uint32_t { kPackets = 1, kBytes = 2, kUsed = 4, kFlags = 8, kOffloaded = 16, kDp = 32 };

  bool scan_counter(Cursor& c, uint32_t& given) {
    Rows& rows = flow_.rows;
    auto once = [&given](uint32_t bit) {
      bool first = !(given & bit);
      given |= bit;
      return first;
    };
    if (c.eat("packets:")) return c.number(rows.packets, UINT64_MAX) && once(kPackets);
    if (c.eat("bytes:")) return c.number(rows.bytes, UINT64_MAX) && once(kBytes);
    if (c.eat("used:")) return scan_used(c, rows.used_ms) && once(kUsed);
    if (c.eat("flags:")) return scan_tcp_flags_seen(c, rows.tcp_flags_seen) && once(kFlags);
    if (c.eat("offloaded:")) {
      if (!c.eat("yes") && !c.eat("partial")) return false;
      rows.hw = c.at[-1] == 's' ? CTI_DP_FLOWS_HW_YES : CTI_DP_FLOWS_HW_PARTIAL;
      rows.known |= CTI_DP_FLOWS_KNOWN_HW;
      return once(kOffloaded);
    }
    if (c.eat("dp:")) {
      if (c.eat("ovs"))
        rows.layer = CTI_DP_FLOWS_LAYER_OVS;
      else if (c.eat("tc"))
        rows.layer = CTI_DP_FLOWS_LAYER_TC;
      else if (c.eat("dpdk"))
        rows.layer = CTI_DP_FLOWS_LAYER_DPDK;
      else
        return false;
      rows.known |= CTI_DP_FLOWS_KNOWN_LAYER;
      return once(kDp);
    }
    return false;
  }

  void keep_tail(Cursor& c) {
    std::string_view rest = c.rest();
    size_t size = std::min(rest.find(", "), rest.size());
    std::string_view text = rest.substr(0, size);
    c.at += size;
    tail_.push_back({"unknown item", text.substr(0, text.find(':')), text});
  }

  const char* finish_row(Cursor& c, uint32_t given) {
    Rows& rows = flow_.rows;
    constexpr uint32_t kCounters = kPackets | kBytes | kUsed;
    if ((given & kCounters) != kCounters) return "no packets, bytes or used";
    rows.known |= CTI_DP_FLOWS_KNOWN_TCP_FLAGS_SEEN;            // OVS prints them whenever there are any
    if (given & kDp) rows.known |= CTI_DP_FLOWS_KNOWN_HW;      // and offloaded: whenever it is, where it prints dp:
    std::string_view rest = c.rest();
    size_t size = rest.find(", ");
    // OVS's complaints about lengths are the only places inside an action that have ", ".
    while (size < rest.size() && rest.substr(size).starts_with(", expected ")) size = rest.find(", ", size + 2);
    size = std::min(size, rest.size());
    actions_text_ = rest.substr(0, size);
    c.at += size;
    while (c.eat(", ")) {
      if (c.eat("dp-extra-info:")) {
        rows.extra = dictionaries_.intern(c.rest());
        rows.known |= CTI_DP_FLOWS_KNOWN_EXTRA;
        break;
      }
      keep_tail(c);
    }
    parts_.insert(parts_.end(), tail_.begin(), tail_.end());
    keep_unknown();
    rows.actions = dictionaries_.actions(actions_text_);
    return nullptr;
  }

  void keep_unknown() {
    if (parts_.empty()) return;
    joined_.clear();
    for (const UnknownPart& part : parts_) {
      unknown_.add(part.kind, part.name, part.text);
      if (part.in_place) continue;
      if (!joined_.empty()) joined_ += ',';
      joined_ += part.text;
    }
    flow_.rows.unknown = dictionaries_.intern(joined_);
  }

  // Prints the row back. Where that gives something else the row is kept as it came.
  void check(std::string_view text) {
    DpFlowsView view = DpFlowsView::of(builder_);
    DpFlowsFormat format(view);
    uint64_t& attrs = flow_.match.key.attrs;
    if (same(format, text)) return;
    attrs ^= kWithoutWildcards;
    if (same(format, text)) return;
    attrs ^= kWithoutWildcards;
    flow_.rows.verbatim = dictionaries_.append(text);
    n_verbatim_++;
  }

  bool same(const DpFlowsFormat& format, std::string_view text) {
    size_t head = static_cast<size_t>(actions_text_.data() - text.data());
    printed_.clear();
    format.head(flow_, printed_);
    if (printed_.text() != text.substr(0, head)) return false;
    printed_.clear();
    format.tail(flow_, printed_);
    return printed_.text() == text.substr(head + actions_text_.size());
  }

  void store_row() {
    Rows& rows = flow_.rows;
    rows.tunnel = store_group(CTI_DP_FLOWS_SEGMENT_TUNNEL, flow_.tunnel);
    rows.ipv6 = store_group(CTI_DP_FLOWS_SEGMENT_IPV6, flow_.ipv6);
    rows.ct_tuple = store_group(CTI_DP_FLOWS_SEGMENT_CT_TUPLE, flow_.ct_tuple);
    rows.arp = store_group(CTI_DP_FLOWS_SEGMENT_ARP, flow_.arp);
    rows.encap = store_group(CTI_DP_FLOWS_SEGMENT_ENCAP, flow_.encap);
    dictionaries_.append_record(CTI_DP_FLOWS_SEGMENT_MATCH, flow_.match);
    dictionaries_.append_record(CTI_DP_FLOWS_SEGMENT_ROWS, rows);
    n_rows_.store(n_rows_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  template <typename T>
  uint32_t store_group(size_t segment, const T& record) {
    static_assert(sizeof record % 8 == 0);
    return is_zero(&record, sizeof record) ? 0 : dictionaries_.append_record(segment, record) + 1;
  }

  SnapshotBuilder builder_;
  Notes rejected_, unknown_;
  Dictionaries dictionaries_;
  std::string carry_;
  bool too_long_ = false;
  bool begun_ = false;
  uint32_t datapath_ = 0;
  int32_t pmd_ = 0;
  bool pmd_known_ = false;
  DpFlow flow_{};
  std::string_view actions_text_;
  std::vector<UnknownPart> parts_, tail_;
  std::string joined_;
  TextBuffer printed_;
  uint64_t n_verbatim_ = 0;
  std::atomic<uint64_t> n_bytes_{0}, n_rows_{0}, n_rejected_{0};
};

DpFlowsReader::DpFlowsReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DpFlowsReader::~DpFlowsReader() = default;

Result<std::unique_ptr<DpFlowsReader>> DpFlowsReader::create() {
  auto builder = SnapshotBuilder::create(kSchema);
  if (!builder) return builder.error();
  return std::unique_ptr<DpFlowsReader>(new DpFlowsReader(std::make_unique<Impl>(std::move(*builder))));
}

Result<uint32_t> DpFlowsReader::add_datapath(std::string_view name) {
  uint32_t id = impl_->dictionaries().add_datapath(name);
  if (id == UINT32_MAX) return *impl_->dictionaries().error();
  return id;
}

Result<uint32_t> DpFlowsReader::add_port(uint32_t datapath, uint32_t number, std::string_view name, std::string_view type) {
  if (datapath >= impl_->dictionaries().n_datapaths())
    return errorf(ErrorCode::INVALID_ARGUMENT, "add_port(%u, ...): expected one of the %u datapaths added", datapath,
                  impl_->dictionaries().n_datapaths());
  uint32_t id = impl_->dictionaries().add_port(datapath, number, name, type);
  if (id == UINT32_MAX) return *impl_->dictionaries().error();
  return id;
}

Result<void> DpFlowsReader::begin_datapath(uint32_t datapath) { return impl_->begin(datapath); }
Result<void> DpFlowsReader::begin_file(std::string_view datapath, std::string_view) {
  const auto known = files_datapaths_.find(std::string(datapath));
  if (known != files_datapaths_.end()) return begin_datapath(known->second);
  auto id = add_datapath(datapath);
  if (!id) return id.error();
  // Files that do not say are not taken to be of one datapath.
  if (!datapath.empty()) files_datapaths_.emplace(datapath, *id);
  return begin_datapath(*id);
}

Result<void> DpFlowsReader::feed(Bytes chunk) { return impl_->feed(chunk); }
Result<Snapshot> DpFlowsReader::finish() { return impl_->finish(); }
uint64_t DpFlowsReader::n_bytes() const { return impl_->n_bytes(); }
uint64_t DpFlowsReader::n_rows() const { return impl_->n_rows(); }
uint64_t DpFlowsReader::n_rejected() const { return impl_->n_rejected(); }

}  // namespace cti::text
