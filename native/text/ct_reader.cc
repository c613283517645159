#include "text/ct_reader.h"

#include "text/ct_words.h"
#include "text/line_reader.h"

namespace cti::text {

using namespace tables;
using namespace tables::ct;

namespace {

class CtReader final : public LineReader {
 public:
  explicit CtReader(SnapshotBuilder builder) : LineReader(kSchema, std::move(builder)) {}

 private:
  void line(std::string_view text) override {
    if (text.starts_with("conntrack v")) return;  // "conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown."
    const bool dpctl = text.find("orig=(") != std::string_view::npos;
    if (const char* why = dpctl ? scan_ct_dpctl(text, entry_) : scan_ct_list(text, entry_)) return reject(why, text);
    store(text);
  }

  void store(std::string_view text_of_row) {
    Rows& rows = entry_.rows;
    rows.datapath = datapath();
    if (file()) {
      rows.file = *file();
      rows.known |= CTI_CT_KNOWN_FILE;
    }
    rows.helper = text(entry_.helper);
    rows.secctx = text(entry_.secctx);
    rows.start = append(entry_.start);
    rows.stop = append(entry_.stop);
    if (!entry_.unknown.empty()) {
      joined_.clear();
      for (const CtPart& part : entry_.unknown) {
        // The whole line is the better sample: it says of which connection the part is.
        unknown(part.kind, part.name, text_of_row);
        if (!joined_.empty()) joined_ += ' ';
        joined_ += part.text;
      }
      rows.unknown = intern(joined_);
    }
    rows.parent = some_record(CTI_CT_SEGMENT_PARENT, entry_.parent);
    record(CTI_CT_SEGMENT_TUPLE, entry_.tuple);
    record(CTI_CT_SEGMENT_ROWS, rows);
    row_stored();
  }

  CtEntry entry_;
  std::string joined_;
};

}  // namespace

Result<std::unique_ptr<TableReader>> create_ct_reader() {
  auto builder = SnapshotBuilder::create(kSchema);
  if (!builder) return builder.error();
  return std::unique_ptr<TableReader>(std::make_unique<CtReader>(*std::move(builder)));
}

}  // namespace cti::text
