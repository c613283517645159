// Maps and arrays in guest memory (include/ctinspector/program.h has the structs): bounded by the capacity that the
// program declared, and part of its image like any data.
//
//   struct cti_map   { u32 capacity; u32 n; u32 key_size; u32 value_size; }     then capacity entries
//   entry            { u64 used; u8 key[key_size]; u8 value[value_size]; }      used is 0 or 1
//   struct cti_array { u32 capacity; u32 value_size; }                          then capacity values
//
// Linear probing from hash(key) modulo capacity; removal moves later entries of the run back, so that no marker stays
// behind. The memory is the program's: it may hold anything, and every index stays below the capacity whatever it
// holds.
#include <bit>
#include <cstring>

#include "ctinspector/program.h"
#include "vm/kernel_function.h"
#include "vm/kernel_functions/key_hash.h"

namespace cti::vm {
namespace {

// A map whose entries are all in the window.
struct Map {
  uint8_t* at;  // the header
  cti_map header;
  uint64_t address;  // of the first entry
  uint64_t entry_size;

  uint64_t mask() const { return header.capacity - 1; }
  uint8_t* entry(uint64_t i) const { return at + sizeof(cti_map) + i * entry_size; }
  bool is_used(uint64_t i) const { return load<uint64_t>(entry(i)) != 0; }
  const uint8_t* key(uint64_t i) const { return entry(i) + 8; }
  uint64_t home(uint64_t i) const { return hash_key(key(i), header.key_size) & mask(); }
  uint64_t value_address(uint64_t i) const { return address + i * entry_size + 8 + header.key_size; }
  // Fuel of looking at 'n' entries.
  uint64_t charge(uint64_t n) const { return n * (1 + header.key_size / 8); }
};

// Null result: 'errnum' says why.
struct Opened {
  int errnum;
  Map map;
};

Opened open(Environment& env, uint64_t address, window::Intent intent) {
  uint8_t* at = env.window.range(address, sizeof(cti_map), intent);
  if (!at) return {EFAULT, {}};
  auto header = load<cti_map>(at);
  bool is_sane = std::has_single_bit(header.capacity) && header.key_size % 8 == 0 && header.key_size > 0 &&
                 header.value_size % 8 == 0 && header.n <= header.capacity;
  if (!is_sane) return {EINVAL, {}};
  // Below 2^34 bytes an entry, below 2^32 entries: only the product can be too large, and a window has 2^32 bytes.
  uint64_t entry_size = 8 + uint64_t{header.key_size} + header.value_size;
  if (entry_size > window::kWindowSize / header.capacity) return {EFAULT, {}};
  if (!env.window.range(address + sizeof(cti_map), header.capacity * entry_size, intent)) return {EFAULT, {}};
  return {0, {at, header, address + sizeof(cti_map), entry_size}};
}

struct Found {
  bool is_there;
  uint64_t index;  // of the key; else of the free entry where it would go, or capacity if there is none
  uint64_t looked_at;
};

Found find(const Map& map, const uint8_t* key) {
  uint64_t i = hash_key(key, map.header.key_size) & map.mask();
  for (uint64_t looked_at = 1; looked_at <= map.header.capacity; looked_at++, i = (i + 1) & map.mask()) {
    if (!map.is_used(i)) return {false, i, looked_at};
    if (std::memcmp(map.key(i), key, map.header.key_size) == 0) return {true, i, looked_at};
  }
  return {false, map.header.capacity, map.header.capacity};
}

constexpr uint64_t minus(int errnum) { return static_cast<uint64_t>(-int64_t{errnum}); }

}  // namespace

KernelResult ctinspector_map_find(Environment& env, const KernelArgs& args) {
  auto [errnum, map] = open(env, args[0], window::Intent::read);
  if (errnum) return refuse(errnum);
  const uint8_t* key = env.window.range(args[1], map.header.key_size, window::Intent::read);
  if (!key) return refuse(EFAULT);
  Found found = find(map, key);
  return answer(found.is_there ? map.value_address(found.index) : 0, map.charge(found.looked_at));
}

KernelResult ctinspector_map_insert(Environment& env, const KernelArgs& args) {
  auto [errnum, map] = open(env, args[0], window::Intent::write);
  if (errnum) return refuse(errnum);
  const uint8_t* key = env.window.range(args[1], map.header.key_size, window::Intent::read);
  if (!key) return refuse(EFAULT);
  Found found = find(map, key);
  uint64_t charge = map.charge(found.looked_at);
  if (found.is_there) return answer(map.value_address(found.index), charge);
  if (found.index == map.header.capacity || uint64_t{map.header.n} * 8 >= uint64_t{map.header.capacity} * 7) {
    return answer(minus(ENOSPC), charge);
  }
  uint8_t* entry = map.entry(found.index);
  // The key may lie in the map itself.
  std::memmove(entry + 8, key, map.header.key_size);
  store(entry, uint64_t{1});
  std::memset(entry + 8 + map.header.key_size, 0, map.header.value_size);
  map.header.n++;
  store(map.at, map.header);
  return answer(map.value_address(found.index), charge + map.header.value_size / 8);
}

KernelResult ctinspector_map_remove(Environment& env, const KernelArgs& args) {
  auto [errnum, map] = open(env, args[0], window::Intent::write);
  if (errnum) return refuse(errnum);
  const uint8_t* key = env.window.range(args[1], map.header.key_size, window::Intent::read);
  if (!key) return refuse(EFAULT);
  Found found = find(map, key);
  if (!found.is_there) return answer(minus(ENOENT), map.charge(found.looked_at));
  // Entries that follow without a gap and started at or before the hole would no longer be found: each moves into it
  // in turn.
  uint64_t hole = found.index;
  uint64_t looked_at = found.looked_at;
  uint64_t i = (hole + 1) & map.mask();
  for (uint64_t n = 1; n < map.header.capacity && map.is_used(i); n++, i = (i + 1) & map.mask()) {
    looked_at++;
    if (((i - map.home(i)) & map.mask()) < ((i - hole) & map.mask())) continue;
    std::memcpy(map.entry(hole), map.entry(i), map.entry_size);
    hole = i;
  }
  std::memset(map.entry(hole), 0, map.entry_size);
  if (map.header.n > 0) map.header.n--;
  store(map.at, map.header);
  return answer(0, map.charge(looked_at) + map.entry_size / 8);
}

KernelResult ctinspector_map_next(Environment& env, const KernelArgs& args) {
  auto [errnum, map] = open(env, args[0], window::Intent::read);
  if (errnum) return refuse(errnum);
  uint8_t* cursor = env.window.range(args[1], 8, window::Intent::write);
  if (!cursor) return refuse(EFAULT);
  uint64_t first = load<uint64_t>(cursor);
  for (uint64_t i = first; i < map.header.capacity; i++) {
    if (!map.is_used(i)) continue;
    store(cursor, i + 1);
    return answer(map.address + i * map.entry_size + 8, 1 + i - first);
  }
  store(cursor, uint64_t{map.header.capacity});
  return answer(0, first < map.header.capacity ? map.header.capacity - first : 1);
}

KernelResult ctinspector_array_at(Environment& env, const KernelArgs& args) {
  auto [array, index, unused1, unused2, unused3] = args;
  const uint8_t* at = env.window.range(array, sizeof(cti_array), window::Intent::read);
  if (!at) return refuse(EFAULT);
  auto header = load<cti_array>(at);
  if (index >= header.capacity) return answer(0, 1);
  uint64_t value = array + sizeof(cti_array) + index * header.value_size;
  if (!env.window.range(value, header.value_size, window::Intent::read)) return refuse(EFAULT);
  return answer(value, 1);
}

}  // namespace cti::vm
