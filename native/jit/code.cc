#include "jit/code.h"

#include <algorithm>

namespace cti::jit {
namespace {

template <typename Row, typename Field>
const Row* find(const std::vector<Row>& rows, Field field, uint64_t wanted) {
  auto at = std::lower_bound(rows.begin(), rows.end(), wanted, [&](const Row& row, uint64_t value) { return row.*field < value; });
  return at != rows.end() && (*at).*field == wanted ? &*at : nullptr;
}

}  // namespace

const Access* Code::find_access(uint64_t offset) const { return find(accesses, &Access::offset, offset); }
const CallSite* Code::find_call_site_by_offset(uint64_t offset) const { return find(call_sites, &CallSite::offset, offset); }
const CallSite* Code::find_call_site_by_pc(uint32_t return_pc) const { return find(call_sites, &CallSite::return_pc, return_pc); }

}  // namespace cti::jit
