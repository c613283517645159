// table_open: where a table's segments lie in this run. What is not open, the host may map.
#include <algorithm>
#include <cstring>

#include "vm/kernel_functions/rows.h"
#include "vm/pending_call.h"

namespace cti::vm {
namespace {

// Longer names than any table has; they are not looked at.
constexpr uint64_t kMaxNameSize = 256;

}  // namespace

KernelResult ctinspector_table_open(Environment& env, const KernelArgs& args) {
  auto [name, name_size, table, table_size, unused] = args;
  if (table_size < sizeof(cti_table)) return refuse(EINVAL);
  const uint8_t* from = env.window.range(name, name_size, window::Intent::read);
  uint8_t* to = env.window.range(table, table_size, window::Intent::write);
  if (!from || !to) return refuse(EFAULT);
  uint64_t charge = (name_size + 7) / 8;
  if (name_size > kMaxNameSize) return answer(static_cast<uint64_t>(-int64_t{ENOENT}), 1 + charge);

  // SAFETY: range() allowed name_size bytes at 'from' and table_size at 'to'.
  std::string wanted(reinterpret_cast<const char*>(from), name_size);
  auto is_wanted = [&](const OpenTable& open) { return open.name == wanted && !open.is_stale; };
  auto at = std::find_if(env.tables.begin(), env.tables.end(), is_wanted);
  if (at == env.tables.end()) {
    if (env.pending) return suspend(env, args, rows::ctinspector_table_open);
    return answer(static_cast<uint64_t>(-int64_t{ENOENT}), 1 + charge);
  }
  std::memcpy(to, &at->facts, sizeof at->facts);
  return answer(0, charge + sizeof(cti_table) / 8);
}

}  // namespace cti::vm
