#include "text/dictionaries.h"

#include <algorithm>

#include "text/dp_flows_format.h"

namespace cti::text {

using namespace tables;
using namespace tables::dp_flows;

namespace {

constexpr size_t kMaxNotes = 100;
constexpr size_t kMaxSample = 200;
constexpr size_t kMaxName = 40;

std::string_view number_key(const uint32_t& number) { return {reinterpret_cast<const char*>(&number), sizeof number}; }

}  // namespace

void Notes::add(std::string_view kind, std::string_view name, std::string_view sample) {
  total_++;
  std::string what(kind);
  if (!name.empty()) {
    what += ' ';
    what += name.substr(0, kMaxName);
  }
  auto found = std::find_if(notes_.begin(), notes_.end(), [&](const Note& note) { return note.what == what; });
  if (found == notes_.end() && notes_.size() >= kMaxNotes) {
    what = "others";
    found = std::find_if(notes_.begin(), notes_.end(), [&](const Note& note) { return note.what == what; });
  }
  if (found != notes_.end()) {
    found->count++;
    return;
  }
  notes_.push_back({std::move(what), std::string(sample.substr(0, kMaxSample)), 1});
}

std::string_view Dictionaries::Arena::keep(std::string_view text) {
  if (text.size() > left_) {
    left_ = std::max(kBlock, text.size());
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    at_ = blocks_.back().get();
  }
  char* kept = at_;
  if (!text.empty()) std::memcpy(kept, text.data(), text.size());
  at_ += text.size();
  left_ -= text.size();
  return {kept, text.size()};
}

cti_ref Dictionaries::append(std::string_view text) {
  GrowingSegment& blob = builder_.segment(CTI_DP_FLOWS_SEGMENT_BLOB);
  auto offset = static_cast<uint32_t>(blob.size());
  if (text.empty()) return {0, 0};
  uint8_t* to = blob.append(text.size());
  if (!to) {
    if (!error_) error_ = blob.error();
    return {0, 0};
  }
  std::memcpy(to, text.data(), text.size());
  return {offset, static_cast<uint32_t>(text.size())};
}

cti_ref Dictionaries::intern(std::string_view text) {
  if (text.empty()) return {0, 0};
  const GrowingSegment& blob = builder_.segment(CTI_DP_FLOWS_SEGMENT_BLOB);
  uint64_t hash = StringDictionary::hash(text);
  uint32_t found = texts_.find(hash, [&](uint32_t i) {
    return refs_[i].size == text.size() && std::memcmp(blob.data() + refs_[i].offset, text.data(), text.size()) == 0;
  });
  if (found != UINT32_MAX) return refs_[found];
  cti_ref ref = append(text);
  texts_.insert(hash, static_cast<uint32_t>(refs_.size()));
  refs_.push_back(ref);
  return ref;
}

uint32_t Dictionaries::n_datapaths() const { return builder_.n_records(CTI_DP_FLOWS_SEGMENT_DATAPATHS); }

uint32_t Dictionaries::add_datapath(std::string_view name) {
  return append_record(CTI_DP_FLOWS_SEGMENT_DATAPATHS, Datapaths{intern(name), 0});
}

uint32_t Dictionaries::find_port(std::string_view name) const {
  DpFlowsView view = DpFlowsView::of(builder_);
  return port_names_.find(StringDictionary::hash(name, datapath_), [&](uint32_t id) {
    const Ports* port = view.port(id);
    return port->datapath == datapath_ && view.text(port->name) == name;
  });
}

uint32_t Dictionaries::find_port(uint32_t number) const {
  DpFlowsView view = DpFlowsView::of(builder_);
  return port_numbers_.find(StringDictionary::hash(number_key(number), datapath_), [&](uint32_t id) {
    const Ports* port = view.port(id);
    return port->datapath == datapath_ && port->odp_port == number;
  });
}

uint32_t Dictionaries::new_port(const Ports& port) {
  uint32_t id = append_record(CTI_DP_FLOWS_SEGMENT_PORTS, port);
  if (id == UINT32_MAX) return id;
  DpFlowsView view = DpFlowsView::of(builder_);
  if (port.known & 1) port_names_.insert(StringDictionary::hash(view.text(port.name), port.datapath), id);
  if (port.known & 2) port_numbers_.insert(StringDictionary::hash(number_key(port.odp_port), port.datapath), id);
  return id;
}

uint32_t Dictionaries::add_port(uint32_t datapath, uint32_t number, std::string_view name, std::string_view type) {
  return new_port({intern(name), intern(type), number, datapath, 7, 0});
}

uint32_t Dictionaries::port(std::string_view text) {
  uint32_t id = find_port(text);
  if (id != UINT32_MAX) return id;
  Cursor digits(text);
  uint64_t number;
  if (text[0] >= '0' && text[0] <= '9' && !text.starts_with("0x") && digits.number(number, UINT32_MAX) && digits.done()) {
    id = find_port(static_cast<uint32_t>(number));
    return id != UINT32_MAX ? id : new_port({{0, 0}, {0, 0}, static_cast<uint32_t>(number), datapath_, 2, 0});
  }
  return new_port({intern(text), {0, 0}, 0, datapath_, 1, 0});
}

uint32_t Dictionaries::actions(std::string_view text) {
  uint64_t hash = StringDictionary::hash(text, datapath_);
  uint32_t found =
      list_texts_.find(hash, [&](uint32_t id) { return lists_[id].datapath == datapath_ && lists_[id].text == text; });
  if (found != UINT32_MAX) return found;

  scan_actions(text, *this, *this, tree_);
  action_facts(tree_.bytes(), facts_);
  DpFlowsView view = DpFlowsView::of(builder_);
  printed_.clear();
  print_actions(tree_.bytes(), DpFlowsFormat(view), printed_);
  bool same = printed_.text() == text;

  ActionLists list{};
  list.attrs = append({reinterpret_cast<const char*>(tree_.bytes().data()), tree_.size()});
  if (!same) list.verbatim = append(text);
  list.out_ports = intern({reinterpret_cast<const char*>(facts_.out_ports.data()), facts_.out_ports.size() * sizeof(uint32_t)});
  list.does = facts_.does;
  list.sets = facts_.sets;
  list.n_unknown = facts_.n_unknown;
  uint32_t id = append_record(CTI_DP_FLOWS_SEGMENT_ACTION_LISTS, list);
  if (id == UINT32_MAX) return id;
  list_texts_.insert(hash, id);
  lists_.push_back({arena_.keep(text), datapath_, !same});
  return id;
}

}  // namespace cti::text
