// group_add: counts and sums by key, in a hash table in guest memory.
//
//   struct cti_groups { u32 capacity; u32 n; u32 key_size; u32 lost; entries[capacity] }
//   entry: { u64 count; u64 sum; u8 key[key_size]; }      count 0: free
//
// Linear probing from hash(key) modulo capacity. The hash is part of the signature: a table that a program filled on one host is
// filled further on another.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "vm/kernel_function.h"

namespace cti::vm {
namespace {

struct Header {
  uint32_t capacity;
  uint32_t n;
  uint32_t key_size;
  uint32_t lost;
};

struct EntryHead {
  uint64_t count;
  uint64_t sum;
};

// The finalizer of splitmix64 over each word.
uint64_t hash(const uint8_t* key, uint32_t size) {
  uint64_t h = size;
  for (uint32_t i = 0; i < size; i += 8) {
    h = (h ^ load<uint64_t>(key + i)) + 0x9e3779b97f4a7c15;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
    h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
    h ^= h >> 31;
  }
  return h;
}

}  // namespace

KernelResult ctinspector_group_add(Environment& env, const KernelArgs& args) {
  auto [groups, key_address, amount, unused1, unused2] = args;
  uint8_t* at = env.window.range(groups, sizeof(Header), window::Intent::write);
  if (!at) return refuse(EFAULT);
  Header header = load<Header>(at);
  if (!std::has_single_bit(header.capacity) || header.key_size % 8 != 0 || header.n > header.capacity) return refuse(EINVAL);
  // At most 2^31 entries of less than 2^32 + 16 bytes: no overflow.
  uint64_t entry_size = sizeof(EntryHead) + uint64_t{header.key_size};
  uint8_t* entries = env.window.range(groups + sizeof(Header), header.capacity * entry_size, window::Intent::write);
  const uint8_t* key = env.window.range(key_address, header.key_size, window::Intent::read);
  if (!entries || !key) return refuse(EFAULT);

  uint64_t mask = header.capacity - 1;
  uint64_t i = hash(key, header.key_size) & mask;
  uint64_t n_looked_at = 0;
  auto charge = [&] { return n_looked_at * (1 + header.key_size / 8); };
  // SAFETY: i stays below capacity, and range() allowed that many entries.
  for (; n_looked_at < header.capacity; i = (i + 1) & mask) {
    n_looked_at++;
    uint8_t* entry = entries + i * entry_size;
    EntryHead head = load<EntryHead>(entry);
    bool is_free = head.count == 0;
    if (!is_free && std::memcmp(entry + sizeof(EntryHead), key, header.key_size) != 0) continue;
    if (is_free) {
      if (uint64_t{header.n} * 8 >= uint64_t{header.capacity} * 7) break;
      // The key may overlap the table.
      std::memmove(entry + sizeof(EntryHead), key, header.key_size);
      head = {0, 0};
      header.n++;
    }
    store(entry, EntryHead{head.count + 1, head.sum + amount});
    store(at, header);
    return answer(0, charge());
  }
  if (header.lost < std::numeric_limits<uint32_t>::max()) header.lost++;
  store(at, header);
  return answer(static_cast<uint64_t>(-int64_t{ENOSPC}), charge());
}

}  // namespace cti::vm
