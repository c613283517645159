// group_entry: finds a key's values, or adds the key, in a table whose entries lie one after the other in the order in which
// their keys came.
//
//   struct cti_group_table { u32 capacity, n, key_size, value_size, n_slots, max_slots; u64 entries; u64 slots; }
//   entry: { u8 key[key_size]; u8 value[value_size]; }        capacity of them at `entries`
//   slot:  { u32 number; u32 tag; }                           max_slots of them at `slots`; number: of the entry, from 1; 0: free
//
// Entries are small and packed, slots are eight bytes: few groups take few cache lines, however many there could be. n_slots of
// the slots are in use, a power of two; there are four times as many from when half of them are taken. Linear probing from
// the low bits of fold_key(); the tag is its high half. The hash is part of the signature: a table that a program
// filled on one host is filled further on another.
#include <algorithm>
#include <bit>
#include <cstring>

#include "ctinspector/program.h"
#include "vm/kernel_function.h"
#include "vm/kernel_functions/key_hash.h"

namespace cti::vm {
namespace {

constexpr uint32_t kFirstSlots = 256;
constexpr uint32_t kGrowth = 4;

struct Slot {
  uint32_t number;
  uint32_t tag;
};

Slot slot_of(uint64_t hash, uint32_t number) { return {number, static_cast<uint32_t>(hash >> 32)}; }

// A table whose entries, and as many slots as it has in use, are in the window.
struct Groups {
  cti_group_table header;
  uint8_t* entries;
  uint8_t* slots;

  uint64_t entry_size() const { return uint64_t{header.key_size} + header.value_size; }
  // SAFETY: 'number' is from 1 to capacity, 'i' below n_slots.
  uint8_t* entry(uint32_t number) const { return entries + (number - 1) * entry_size(); }
  Slot slot(uint64_t i) const { return load<Slot>(slots + i * sizeof(Slot)); }
  void set_slot(uint64_t i, Slot slot) const { store(slots + i * sizeof(Slot), slot); }
};

bool is_sane(const cti_group_table& header) {
  return header.key_size % 8 == 0 && header.value_size % 8 == 0 && header.n <= header.capacity &&
         std::has_single_bit(header.max_slots) && header.n_slots <= header.max_slots &&
         (header.n_slots == 0 || std::has_single_bit(header.n_slots));
}

bool is_same(const uint8_t* a, const uint8_t* b, uint32_t size) {
  for (uint32_t i = 0; i < size; i += 8) {
    if (load<uint64_t>(a + i) != load<uint64_t>(b + i)) return false;
  }
  return true;
}

// More slots, and every entry in them anew. False: they are not in the window.
bool grow(Environment& env, Groups& groups) {
  cti_group_table& header = groups.header;
  uint64_t more = header.n_slots == 0 ? kFirstSlots : uint64_t{header.n_slots} * kGrowth;
  uint32_t n_slots = static_cast<uint32_t>(std::min<uint64_t>(more, header.max_slots));
  uint8_t* slots = env.window.range(header.slots, n_slots * sizeof(Slot), window::Intent::write);
  if (!slots) return false;
  header.n_slots = n_slots;
  groups.slots = slots;
  std::memset(slots, 0, n_slots * sizeof(Slot));
  uint64_t mask = n_slots - 1;
  for (uint32_t number = 1; number <= header.n; number++) {
    uint64_t hash = fold_key(groups.entry(number), header.key_size);
    uint64_t i = hash & mask;
    // Slots may lie over the entries, or somebody write there meanwhile: the search ends all the same.
    for (uint64_t n = 0; n < n_slots && groups.slot(i).number != 0; n++) i = (i + 1) & mask;
    groups.set_slot(i, slot_of(hash, number));
  }
  return true;
}

}  // namespace

KernelResult ctinspector_group_entry(Environment& env, const KernelArgs& args) {
  auto [address, key_address, unused1, unused2, unused3] = args;
  uint8_t* at = env.window.range(address, sizeof(cti_group_table), window::Intent::write);
  if (!at) return refuse(EFAULT);
  Groups groups{load<cti_group_table>(at), nullptr, nullptr};
  cti_group_table& header = groups.header;
  if (!is_sane(header)) return refuse(EINVAL);
  // Below 2^32 entries of less than 2^33 bytes: only the product can be too large, and a window has 2^32 bytes.
  if (header.capacity > 0 && groups.entry_size() > window::kWindowSize / header.capacity) return refuse(EFAULT);
  groups.entries = env.window.range(header.entries, header.capacity * groups.entry_size(), window::Intent::write);
  groups.slots = env.window.range(header.slots, header.n_slots * sizeof(Slot), window::Intent::write);
  const uint8_t* key = env.window.range(key_address, header.key_size, window::Intent::read);
  if (!groups.entries || !groups.slots || !key) return refuse(EFAULT);

  uint64_t words = 1 + header.key_size / 8;
  uint64_t charge = 0;
  auto value_address = [&](uint32_t number) {
    return header.entries + (number - 1) * groups.entry_size() + header.key_size;
  };
  uint64_t hash = fold_key(key, header.key_size);
  Slot wanted = slot_of(hash, 0);
  uint64_t mask = uint64_t{header.n_slots} - 1;
  uint64_t i = hash & mask;
  for (uint64_t looked_at = 0;; i = (i + 1) & mask) {
    // Without slots there is nothing to look at, and a table may be full.
    if (looked_at++ == header.n_slots) break;
    charge += words;
    Slot slot = groups.slot(i);
    if (slot.number == 0) break;
    if (slot.tag != wanted.tag || slot.number > header.capacity) continue;
    if (is_same(groups.entry(slot.number), key, header.key_size)) return answer(value_address(slot.number), charge);
  }
  charge = std::max<uint64_t>(charge, 1);
  if (header.n == header.capacity) return answer(static_cast<uint64_t>(-int64_t{ENOSPC}), charge);

  uint32_t number = ++header.n;
  uint8_t* entry = groups.entry(number);
  // The key may lie in the table itself.
  std::memmove(entry, key, header.key_size);
  std::memset(entry + header.key_size, 0, header.value_size);
  charge += groups.entry_size() / 8;
  if (uint64_t{number} * 2 > header.n_slots && header.n_slots < header.max_slots) {
    if (!grow(env, groups)) return answer(static_cast<uint64_t>(-int64_t{EFAULT}), charge);
    charge += uint64_t{number} * words + header.n_slots / 8;
  } else if (groups.slot(i).number == 0) {
    groups.set_slot(i, slot_of(hash, number));
  } else {
    return answer(static_cast<uint64_t>(-int64_t{ENOSPC}), charge);  // every slot is taken
  }
  store(at, header);
  return answer(value_address(number), charge);
}

}  // namespace cti::vm
