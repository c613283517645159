// pairs_sort: sorts (key, value) pairs.
#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <vector>

#include "vm/kernel_function.h"

namespace cti::vm {
namespace {

struct Pair {
  uint64_t key;
  uint64_t value;
};

}  // namespace

KernelResult ctinspector_pairs_sort(Environment& env, const KernelArgs& args) {
  auto [address, n, flags, unused1, unused2] = args;
  if (flags > 1) return refuse(EINVAL);
  if (n > window::kWindowSize / sizeof(Pair)) return refuse(EFAULT);
  uint8_t* at = env.window.range(address, n * sizeof(Pair), window::Intent::write);
  if (!at) return refuse(EFAULT);
  if (n == 0) return answer(0, 1);

  // A copy, because std::sort() is only safe on values that nobody changes meanwhile.
  std::vector<Pair> pairs;
  try {
    pairs.resize(n);
  } catch (const std::bad_alloc&) {
    return refuse(ENOMEM);
  }
  // SAFETY: range() allowed n pairs at 'at'.
  std::memcpy(pairs.data(), at, n * sizeof(Pair));
  bool descending = flags == 1;
  std::sort(pairs.begin(), pairs.end(), [descending](const Pair& a, const Pair& b) {
    if (a.key != b.key) return descending ? a.key > b.key : a.key < b.key;
    return a.value < b.value;
  });
  std::memcpy(at, pairs.data(), n * sizeof(Pair));
  return answer(0, n * static_cast<uint64_t>(std::bit_width(n)));
}

}  // namespace cti::vm
