// group_entries: finds the values of keys, or adds the keys, in a table whose entries lie one after the other in the order in
// which their keys came.
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
#include <array>
#include <cstring>

#include "ctinspector/program.h"
#include "vm/kernel_function.h"
#include "vm/kernel_functions/key_hash.h"

namespace cti::vm {
namespace {

constexpr uint32_t kFirstSlots = 256;
constexpr uint32_t kGrowth = 4;
constexpr uint64_t kMaxKeys = 256;  // of a call

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

// Not std::has_single_bit(): it is a call where the processor need not have popcnt.
bool is_power_of_two(uint32_t value) { return value != 0 && (value & (value - 1)) == 0; }

bool is_sane(const cti_group_table& header) {
  return header.key_size % 8 == 0 && header.value_size % 8 == 0 && header.n <= header.capacity &&
         is_power_of_two(header.max_slots) && header.n_slots <= header.max_slots &&
         (header.n_slots == 0 || is_power_of_two(header.n_slots));
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

// What the search for one key came to: the address of its values, or -errno.
struct Found {
  uint64_t address;
  uint64_t charge;
};

Found failed(int errnum, uint64_t charge) { return {static_cast<uint64_t>(-int64_t{errnum}), charge}; }

Found find_or_add(Environment& env, Groups& groups, const uint8_t* key, uint64_t hash) {
  cti_group_table& header = groups.header;
  uint64_t words = 1 + header.key_size / 8;
  auto value_address = [&](uint32_t number) {
    return header.entries + (number - 1) * groups.entry_size() + header.key_size;
  };
  Slot wanted = slot_of(hash, 0);
  uint64_t mask = uint64_t{header.n_slots} - 1;
  uint64_t i = hash & mask;
  uint64_t looked_at = 0;
  // Without slots there is nothing to look at, and a table may be full.
  for (; looked_at < header.n_slots; i = (i + 1) & mask) {
    looked_at++;
    Slot slot = groups.slot(i);
    if (slot.number == 0) break;
    if (slot.tag != wanted.tag || slot.number > header.capacity) continue;
    if (is_same(groups.entry(slot.number), key, header.key_size)) return {value_address(slot.number), looked_at * words};
  }
  uint64_t charge = std::max<uint64_t>(looked_at * words, 1);
  if (header.n == header.capacity) return failed(ENOSPC, charge);

  uint32_t number = ++header.n;
  uint8_t* entry = groups.entry(number);
  // The key may lie in the table itself.
  std::memmove(entry, key, header.key_size);
  std::memset(entry + header.key_size, 0, header.value_size);
  charge += groups.entry_size() / 8;
  if (uint64_t{number} * 2 > header.n_slots && header.n_slots < header.max_slots) {
    if (!grow(env, groups)) {
      header.n--;
      return failed(EFAULT, charge);
    }
    charge += uint64_t{number} * words + header.n_slots / 8;
  } else if (groups.slot(i).number == 0) {
    groups.set_slot(i, slot_of(hash, number));
  } else {
    header.n--;
    return failed(ENOSPC, charge);  // every slot is taken
  }
  return {value_address(number), charge};
}

}  // namespace

KernelResult ctinspector_group_entries(Environment& env, const KernelArgs& args) {
  auto [address, keys_address, n, answers_address, unused] = args;
  uint8_t* at = env.window.range(address, sizeof(cti_group_table), window::Intent::write);
  if (!at) return refuse(EFAULT);
  Groups groups{load<cti_group_table>(at), nullptr, nullptr};
  cti_group_table& header = groups.header;
  if (!is_sane(header)) return refuse(EINVAL);
  if (n > kMaxKeys) return refuse(E2BIG);
  // Below 2^32 entries of less than 2^33 bytes: only the product can be too large, and a window has 2^32 bytes.
  if (header.capacity > 0 && groups.entry_size() > window::kWindowSize / header.capacity) return refuse(EFAULT);
  groups.entries = env.window.range(header.entries, header.capacity * groups.entry_size(), window::Intent::write);
  groups.slots = env.window.range(header.slots, header.n_slots * sizeof(Slot), window::Intent::write);
  const uint8_t* keys = env.window.range(keys_address, n * header.key_size, window::Intent::read);
  uint8_t* answers = env.window.range(answers_address, n * sizeof(uint64_t), window::Intent::write);
  if (!groups.entries || !groups.slots || !keys || !answers) return refuse(EFAULT);

  // The slots of all keys are fetched at once, then the entries that those name: one after the other, each would be waited for.
  std::array<uint64_t, kMaxKeys> hashes;
  for (uint64_t i = 0; i < n; i++) {
    hashes[i] = fold_key(keys + i * header.key_size, header.key_size);
    if (header.n_slots > 0) __builtin_prefetch(groups.slots + (hashes[i] & (header.n_slots - 1)) * sizeof(Slot), 1);
  }
  for (uint64_t i = 0; header.n_slots > 0 && i < n; i++) {
    uint32_t number = groups.slot(hashes[i] & (header.n_slots - 1)).number;
    if (number > 0 && number <= header.capacity) __builtin_prefetch(groups.entry(number), 1);
  }
  uint64_t charge = 1;
  for (uint64_t i = 0; i < n; i++) {
    Found found = find_or_add(env, groups, keys + i * header.key_size, hashes[i]);
    charge += found.charge;
    if (static_cast<int64_t>(found.address) < 0) {
      store(at, header);
      return answer(found.address, charge);
    }
    store(answers + i * sizeof(uint64_t), found.address);
  }
  store(at, header);
  return answer(0, charge);
}

}  // namespace cti::vm
