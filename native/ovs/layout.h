// Where the members of ovs-vswitchd's structures lie in one build of it: the rows of layout_members.def as fields of a struct, filled from a
// layout file (layouts/*.json, read in TypeScript) and checked before any reader uses them.
//
// A reader of a structure whose shape differs between versions asks whether the optional members that tell the variants apart are there;
// what it does not know is "not supported".
//
// Thread-safety: immutable once made.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace cti::ovs {

struct Member {
  uint32_t offset = 0;
  uint32_t size = 0;  // 0 for a flexible array
  bool present = false;
  explicit operator bool() const { return present; }
};

// One number of a layout file: "structure" (its size), "structure.member" (offset and size) or "enumeration.NAME" (value in 'offset').
struct LayoutEntry {
  std::string name;
  uint64_t offset;
  uint64_t size;
};

inline constexpr uint32_t kMaxPmdCounters = 64;

struct Layout {
  // INVALID_ARGUMENT, naming the entry, where a required row is missing or a number cannot be right.
  static Result<Layout> make(std::span<const LayoutEntry> entries);

#define CTI_STRUCT(structure) uint32_t sizeof_##structure = 0;
#define CTI_MEMBER(structure, member, need) Member structure##_##member;
#define CTI_NESTED(structure, member, inner) Member structure##_##member##_##inner;
#define CTI_ENUMERATOR(enumeration, name) Member enumeration##_##name;
#include "ovs/layout_members.def"

  // What follows from the rows.
  uint32_t bucket_entries = 0;  // of a cmap_bucket
  uint32_t flow_words = 0;      // 64-bit units of a struct flow
  uint32_t flow_key = 0;        // from a dp_netdev_flow to its masked key's miniflow
  uint32_t flow_head = 0;       // bytes of a dp_netdev_flow up to the first value of that miniflow
};

}  // namespace cti::ovs
