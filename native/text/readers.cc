// The readers by the name of their table: one row each.
#include "text/ct_reader.h"
#include "text/dp_flows_reader.h"
#include "text/of_reader.h"
#include "text/table_reader.h"

namespace cti::text {
namespace {

Result<std::unique_ptr<TableReader>> dp_flows() {
  auto reader = DpFlowsReader::create();
  if (!reader) return reader.error();
  return std::unique_ptr<TableReader>(*std::move(reader));
}

constexpr struct {
  std::string_view table;
  Result<std::unique_ptr<TableReader>> (*create)();
} kReaders[] = {
    {"dp_flows", dp_flows},
    {"ct", create_ct_reader},
    {"of_rules", create_of_reader},
};

}  // namespace

Result<std::unique_ptr<TableReader>> create_table_reader(std::string_view table) {
  for (const auto& reader : kReaders)
    if (reader.table == table) return reader.create();
  return errorf(ErrorCode::INVALID_ARGUMENT, "no text of a table '%.*s' is known", static_cast<int>(table.size()), table.data());
}

}  // namespace cti::text
