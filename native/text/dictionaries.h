// The dictionaries of a dp_flows snapshot while it is read: datapaths, ports, action lists, blob texts.
//
// Thread-safety: one thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tables/builder.h"
#include "tables/dp_flows_view.h"
#include "text/actions.h"

namespace cti::text {

// Counts what happened, by kind, with the first sample of each.
class Notes {
 public:
  void add(std::string_view kind, std::string_view name, std::string_view sample);
  std::vector<tables::Note> take() { return std::move(notes_); }
  uint64_t total() const { return total_; }

 private:
  std::vector<tables::Note> notes_;
  uint64_t total_ = 0;
};

class Dictionaries final : public Names, private UnknownActions {
 public:
  Dictionaries(tables::SnapshotBuilder& builder, Notes& unknown) : builder_(builder), unknown_(unknown) {}

  uint32_t add_datapath(std::string_view name);
  uint32_t n_datapaths() const;
  uint32_t add_port(uint32_t datapath, uint32_t number, std::string_view name, std::string_view type);
  // port() and actions() mean this datapath from now on.
  void use_datapath(uint32_t datapath) { datapath_ = datapath; }

  uint32_t port(std::string_view text) override;
  cti_ref intern(std::string_view text) override;
  // Appends without looking for an equal text: for what is hardly ever the same twice.
  cti_ref append(std::string_view text);
  // The list's id; parsed if it is new. UINT32_MAX when out of room.
  uint32_t actions(std::string_view text);
  bool verbatim(uint32_t list) const { return lists_[list].verbatim; }

  // Appends a record to any segment; UINT32_MAX when out of room.
  template <typename T>
  uint32_t append_record(size_t segment, const T& record) {
    uint32_t at = builder_.append(segment, record);
    if (at == UINT32_MAX && !error_) error_ = builder_.segment(segment).error();
    return at;
  }

  // Set once a segment could not grow.
  const std::optional<Error>& error() const { return error_; }

 private:
  // Copies of the distinct lists' texts, in blocks that never move.
  class Arena {
   public:
    std::string_view keep(std::string_view text);

   private:
    static constexpr size_t kBlock = 1 << 18;
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* at_ = nullptr;
    size_t left_ = 0;
  };
  struct List {
    std::string_view text;
    uint32_t datapath;
    bool verbatim;
  };

  void unknown_action(std::string_view name, std::string_view text) override { unknown_.add("unknown action", name, text); }
  uint32_t find_port(std::string_view name) const;
  uint32_t find_port(uint32_t number) const;
  uint32_t new_port(const tables::dp_flows::Ports& port);
  tables::SnapshotBuilder& builder_;
  Notes& unknown_;
  uint32_t datapath_ = 0;
  tables::StringDictionary texts_, port_names_, port_numbers_, list_texts_;
  std::vector<cti_ref> refs_;
  std::vector<List> lists_;
  Arena arena_;
  TreeWriter tree_;
  TextBuffer printed_;
  ActionFacts facts_;
  std::optional<Error> error_;
};

}  // namespace cti::text
