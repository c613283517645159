#include "ovs/small_tables.h"

#include "ovs/pmds.h"
#include "ovs/ports.h"

namespace cti::ovs {
namespace {

constexpr SmallTable kTables[] = {
    {"pmds", read_pmds, ask_pmds},
    {"ports", read_ports, ask_ports},
};

}  // namespace

Result<const SmallTable*> find_small_table(std::string_view name) {
  for (const SmallTable& table : kTables)
    if (table.name == name) return &table;
  return errorf(ErrorCode::INVALID_ARGUMENT, "expected the name of a small table but received '%.*s'", static_cast<int>(name.size()), name.data());
}

}  // namespace cti::ovs
