// What reads the text of one table from files, piece by piece: one reader a table, made by its name (readers.cc).
//
// Every line that is neither empty nor a heading ends as a row or is counted in Snapshot.rejected with a reason; what is in a row
// but not understood is kept in it as text and counted in Snapshot.unknown.
//
// Thread-safety: one thread at a time; n_bytes() and n_rows() may be read from any thread while another one feeds.
#pragma once

#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "tables/snapshot.h"

namespace cti::text {

class TableReader {
 public:
  virtual ~TableReader() = default;

  // What is fed from now on is another file's text: of the datapath (or bridge) called 'datapath', empty where nobody knows, in the file
  // 'file' of a set of files, empty where it stands alone. Ends the text before it. Without it, what is fed has no names.
  virtual Result<void> begin_file(std::string_view datapath, std::string_view file) = 0;
  // The next bytes, cut anywhere. Fails only for want of memory or room (OUT_OF_MEMORY); the reader is of no use then.
  virtual Result<void> feed(Bytes chunk) = 0;
  // Ends the last text and seals the snapshot. The reader is of no use afterwards.
  virtual Result<tables::Snapshot> finish() = 0;

  virtual uint64_t n_bytes() const = 0;  // fed
  virtual uint64_t n_rows() const = 0;
};

// INVALID_ARGUMENT if no text of that table is known.
Result<std::unique_ptr<TableReader>> create_table_reader(std::string_view table);

}  // namespace cti::text
