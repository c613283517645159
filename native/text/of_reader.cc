// A line of `ovs-ofctl dump-flows` (ofputil_flow_stats_format):
//   cookie=0x0, duration=1.5s, table=0, n_packets=0, n_bytes=0, [idle_timeout=N, ][hard_timeout=N, ][FLAG FLAG ][importance=N, ]
//   [idle_age=N, ][hard_age=N, ][priority=N][,][MATCH ]actions=ACTIONS
// --no-stats leaves out what counts and what is 0. bridge/dump-flows prints table_id=, and a ',' before actions=.
#include "text/of_reader.h"

#include <unordered_map>

#include "text/line_reader.h"
#include "text/of_actions.h"

namespace cti::text {

using namespace tables;
using namespace tables::of_rules;

namespace {

constexpr uint64_t kNever = UINT64_MAX;
constexpr uint16_t kDefaultPriority = 32768;

struct FlagWord {
  std::string_view word;
  uint32_t bit;
};
constexpr FlagWord kFlags[] = {{"send_flow_rem", CTI_RULE_FLAGS_SEND_FLOW_REM},
                               {"check_overlap", CTI_RULE_FLAGS_CHECK_OVERLAP},
                               {"reset_counts", CTI_RULE_FLAGS_RESET_COUNTS},
                               {"no_packet_counts", CTI_RULE_FLAGS_NO_PACKET_COUNTS},
                               {"no_byte_counts", CTI_RULE_FLAGS_NO_BYTE_COUNTS}};

// The ports that OpenFlow itself names, by their numbers of OpenFlow 1.0, which OVS uses throughout.
struct ReservedPort {
  std::string_view name;
  uint32_t number;
};
constexpr ReservedPort kReserved[] = {{"UNSET", 0xfff7},  {"IN_PORT", 0xfff8}, {"TABLE", 0xfff9},      {"NORMAL", 0xfffa}, {"FLOOD", 0xfffb},
                                      {"ALL", 0xfffc},    {"CONTROLLER", 0xfffd}, {"LOCAL", 0xfffe}, {"ANY", 0xffff},    {"NONE", 0xffff}};

bool whole(std::string_view text, uint64_t max, uint64_t& value) {
  Cursor c(text);
  if (text.size() > 1 && text[0] == '0' && text[1] != 'x') return false;
  return c.number(value, max) && c.done();
}

// 5s, 5.032s, 5.032123456s
bool seconds(std::string_view text, uint64_t& ms) {
  Cursor c(text);
  uint64_t whole_s, fraction = 0;
  if (text.size() > 1 && text[0] == '0' && text[1] != '.' && text[1] != 's') return false;
  if (!c.number(whole_s, UINT32_MAX)) return false;
  if (c.eat('.')) {
    const char* start = c.at;
    if (c.rest().starts_with("0x") || !c.number(fraction, 999'999'999)) return false;
    const auto digits = c.at - start;
    if ((digits != 3 && digits != 9) || fraction == 0) return false;
    if (digits == 9) fraction /= 1'000'000;
  }
  ms = whole_s * 1000 + fraction;
  return c.eat('s') && c.done();
}

class OfReader final : public LineReader, private OfPorts, private OfUnknown {
 public:
  explicit OfReader(SnapshotBuilder builder) : LineReader(kSchema, std::move(builder)) {}

 private:
  // The statistics before the match: name, what to do with the value.
  bool statistic(std::string_view name, std::string_view value) {
    Rows& rows = rule_.rows;
    uint64_t n;
    const auto known = [&](uint32_t bit, uint64_t& to, uint64_t factor, uint64_t max) {
      if (rows.known & bit || !whole(value, max, n)) return false;
      to = n * factor;
      rows.known |= bit;
      return true;
    };
    const auto once = [&](uint32_t seen) { return seen_ & seen ? false : (seen_ |= seen, true); };
    if (name == "cookie") return once(1) && value.starts_with("0x") && whole(value, UINT64_MAX, rows.cookie);
    if (name == "duration") return !(rows.known & CTI_OF_RULES_KNOWN_DURATION_MS) && seconds(value, rows.duration_ms) && (rows.known |= CTI_OF_RULES_KNOWN_DURATION_MS);
    if (name == "table" || name == "table_id") return once(2) && table(value);
    if (name == "n_packets") return known(CTI_OF_RULES_KNOWN_N_PACKETS, rows.n_packets, 1, UINT64_MAX);
    if (name == "n_bytes") return known(CTI_OF_RULES_KNOWN_N_BYTES, rows.n_bytes, 1, UINT64_MAX);
    if (name == "n_offload_packets") return known(CTI_OF_RULES_KNOWN_N_OFFLOAD_PACKETS, rows.n_offload_packets, 1, UINT64_MAX);
    if (name == "n_offload_bytes") return known(CTI_OF_RULES_KNOWN_N_OFFLOAD_BYTES, rows.n_offload_bytes, 1, UINT64_MAX);
    if (name == "idle_age") return known(CTI_OF_RULES_KNOWN_IDLE_AGE_MS, rows.idle_age_ms, 1000, UINT32_MAX);
    if (name == "hard_age") return known(CTI_OF_RULES_KNOWN_HARD_AGE_MS, rows.hard_age_ms, 1000, UINT32_MAX);
    if (name == "idle_timeout") return once(4) && whole(value, UINT16_MAX, n) && (rows.idle_timeout_ms = n * 1000, true);
    if (name == "hard_timeout") return once(8) && whole(value, UINT16_MAX, n) && (rows.hard_timeout_ms = n * 1000, true);
    if (name == "importance") return once(16) && whole(value, UINT16_MAX, n) && (rows.importance = static_cast<uint16_t>(n), true);
    return false;
  }

  bool table(std::string_view value) {
    uint64_t n;
    Rows& rows = rule_.rows;
    if (whole(value, UINT8_MAX, n)) {
      rows.table = static_cast<uint8_t>(n);
      return true;
    }
    OfPort name;  // named as ports are
    Cursor c(value);
    std::string_view printed;
    if (!scan_of_port(c, printed) || !c.done() || !read_of_port(printed, name) || name.is_number) return false;
    rows.table_name = text(name.name);
    rows.known = (rows.known | CTI_OF_RULES_KNOWN_TABLE_NAME) & ~uint32_t{CTI_OF_RULES_KNOWN_TABLE};
    return true;
  }

  // A flag that is not there yet; flag_taken_ says so too.
  bool flag(std::string_view word) {
    flag_taken_ = false;
    for (const FlagWord& flag : kFlags) {
      if (flag.word != word || rule_.rows.flags & flag.bit) continue;
      rule_.rows.flags |= flag.bit;
      flag_taken_ = true;
    }
    return flag_taken_;
  }

  bool match_item(std::string_view item) {
    if (!item.starts_with("priority=")) return scan_of_match_item(item, *this, rule_);
    uint64_t n;
    if (seen_ & 32 || !whole(item.substr(9), UINT16_MAX, n)) return false;
    seen_ |= 32;
    rule_.rows.priority = static_cast<uint16_t>(n);
    return true;
  }

  void not_understood(std::string_view kind, std::string_view item) {
    parts_.push_back({kind, item.substr(0, item.find('='))});
    if (!joined_.empty()) joined_ += ',';
    joined_ += item;
  }

  void line(std::string_view text) override {
    Cursor c(text);
    while (c.peek() == ' ') c.at++;
    line_ = c.rest();
    if (line_.starts_with("OFPST_FLOW reply") || line_.starts_with("NXST_FLOW reply")) return;
    if (const char* why = scan(c)) return reject(why, line_);
    store();
  }

  // Fills rule_; why the line is no rule, or nullptr.
  const char* scan(Cursor c) {
    rule_ = {};
    rule_.rows.idle_timeout_ms = rule_.rows.hard_timeout_ms = kNever;
    rule_.rows.priority = kDefaultPriority;
    rule_.rows.known = CTI_OF_RULES_KNOWN_TABLE;
    seen_ = 0;
    joined_.clear();
    parts_.clear();
    bool in_match = false;
    while (!c.eat("actions=")) {
      if (c.done()) return "no actions";
      const std::string_view item = of_item(c);
      if (item.empty()) return "an empty item";
      const size_t equals = item.find('=');
      if (!in_match && c.eat(", ")) {
        if (equals == std::string_view::npos || !statistic(item.substr(0, equals), item.substr(equals + 1))) not_understood("statistic", item);
        continue;
      }
      if (!in_match && c.peek() == ' ' && (flag(item) || !c.rest().starts_with(" actions="))) {
        if (!flag_taken_) not_understood("flag", item);
        c.eat(' ');
        continue;
      }
      in_match = true;
      if (!match_item(item)) not_understood("match", item);
      if (!c.eat(',') && !c.eat(' ')) return "no actions";
    }
    actions_ = c.rest();
    if (actions_.empty()) return "no actions";
    return nullptr;
  }

  void store() {
    Rows& rows = rule_.rows;
    rows.bridge = datapath();
    if (file()) {
      rows.file = *file();
      rows.known |= CTI_OF_RULES_KNOWN_FILE;
    }
    for (const Part& part : parts_) unknown(part.kind, part.name, line_);
    rows.text = append(line_);
    rows.unknown = intern(joined_);
    rows.actions = action_list(actions_);
    rows.tunnel = some_record(CTI_OF_RULES_SEGMENT_TUNNEL, rule_.tunnel);
    rows.ipv6 = some_record(CTI_OF_RULES_SEGMENT_IPV6, rule_.ipv6);
    rows.ct_tuple = some_record(CTI_OF_RULES_SEGMENT_CT_TUPLE, rule_.ct_tuple);
    rows.arp = some_record(CTI_OF_RULES_SEGMENT_ARP, rule_.arp);
    rows.encap = some_record(CTI_OF_RULES_SEGMENT_ENCAP, rule_.encap);
    rows.regs = some_record(CTI_OF_RULES_SEGMENT_REGS, rule_.regs);
    record(CTI_OF_RULES_SEGMENT_MATCH, rule_.match);
    record(CTI_OF_RULES_SEGMENT_ROWS, rows);
    row_stored();
  }

  uint32_t action_list(std::string_view printed) {
    const uint64_t hash = StringDictionary::hash(printed, datapath());
    const uint32_t found = list_ids_.find(hash, [&](uint32_t id) { return lists_[id].datapath == datapath() && bytes(lists_[id].text) == printed; });
    if (found != UINT32_MAX) {
      // Counted once a rule, as parts of the match are.
      for (const auto& [name, sample] : lists_[found].unknown) unknown("action", name, sample);
      return found;
    }
    List list{append(printed), datapath(), {}};
    unknown_here_ = &list;
    scan_of_actions(printed, *this, *this, facts_);
    unknown_here_ = nullptr;
    ActionLists row{};
    row.text = list.text;
    row.out_ports = intern({reinterpret_cast<const char*>(facts_.out_ports.data()), facts_.out_ports.size() * sizeof(uint32_t)});
    row.sets = intern(facts_.sets);
    row.does = facts_.does;
    row.n_unknown = facts_.n_unknown;
    const uint32_t id = record(CTI_OF_RULES_SEGMENT_ACTION_LISTS, row);
    if (id == UINT32_MAX) return 0;  // the error is kept: no row is
    list_ids_.insert(hash, id);
    lists_.push_back(std::move(list));
    return id;
  }

  void unknown_action(std::string_view name, std::string_view text) override {
    unknown("action", name, text);
    unknown_here_->unknown.emplace_back(name, text);
  }

  uint32_t port(std::string_view printed) override {
    OfPort port;
    if (!read_of_port(printed, port)) return UINT32_MAX;
    std::string key = std::to_string(datapath()) + (port.is_number ? "#" + std::to_string(port.number) : "=" + port.name);
    const auto found = ports_.find(key);
    if (found != ports_.end()) return found->second;
    Ports row{};
    row.bridge = datapath();
    if (port.is_number) {
      row.ofp_port = port.number;
      row.known = 2;
    } else {
      row.name = intern(port.name);
      row.known = 1;
      for (const ReservedPort& reserved : kReserved) {
        if (reserved.name != port.name) continue;
        row.ofp_port = reserved.number;
        row.known = 3;
      }
    }
    const uint32_t id = record(CTI_OF_RULES_SEGMENT_PORTS, row);
    if (id != UINT32_MAX) ports_.emplace(std::move(key), id);
    return id;
  }

  struct Part {
    std::string_view kind, name;
  };
  struct List {
    cti_ref text;
    uint32_t datapath;
    std::vector<std::pair<std::string, std::string>> unknown;
  };

  OfRule rule_{};
  OfActionFacts facts_;
  std::string_view line_, actions_;
  std::string joined_;
  std::vector<Part> parts_;
  uint32_t seen_ = 0;
  bool flag_taken_ = false;
  StringDictionary list_ids_;
  std::vector<List> lists_;
  List* unknown_here_ = nullptr;
  std::unordered_map<std::string, uint32_t> ports_;
};

}  // namespace

Result<std::unique_ptr<TableReader>> create_of_reader() {
  auto builder = SnapshotBuilder::create(kSchema);
  if (!builder) return builder.error();
  return std::unique_ptr<TableReader>(std::make_unique<OfReader>(*std::move(builder)));
}

}  // namespace cti::text
