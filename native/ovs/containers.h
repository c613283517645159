// Walks over OVS's hash maps in another process's memory. Everything read may be garbage, change meanwhile, or be made by an enemy: each walk is
// bounded by what is asked, never by what is found.
//
// Thread-safety: functions of their arguments.
#pragma once

#include <cstdint>
#include <vector>

#include "base/big_vector.h"
#include "base/bytes.h"
#include "ovs/layout.h"
#include "ovs/target_memory.h"

namespace cti::ovs {

inline constexpr uint32_t kMaxBuckets = 1u << 22;  // of a cmap: 256 MiB of buckets, some 17 million flows

// A cmap's implementation as it was at one time: its buckets, 64 bytes each, copied.
struct CmapImage {
  OvsAddr impl{};
  uint32_t n = 0;
  uint32_t n_buckets = 0;
  BigVector<uint8_t> buckets;
};

// Reads the implementation of the cmap at 'cmap', buckets included unless 'head_only'. False if there is no sane one of at most 'max_buckets'.
bool read_cmap(TargetMemory& memory, const Layout& layout, OvsAddr cmap, uint32_t max_buckets, bool head_only, CmapImage& image);

struct CmapSlot {
  OvsAddr node;
  uint32_t hash;
};
// Entry 'i' (below layout.bucket_entries) of a bucket of an image; a null node if it is empty.
inline CmapSlot cmap_slot(const Layout& layout, const CmapImage& image, uint32_t bucket, uint32_t i) {
  const uint8_t* at = &image.buckets[uint64_t{bucket} * layout.sizeof_cmap_bucket];
  return {OvsAddr{load<uint64_t>(at + layout.cmap_bucket_nodes.offset + 8 * i)}, load<uint32_t>(at + layout.cmap_bucket_hashes.offset + 4 * i)};
}

// The nodes of a small cmap, chains included; false if it is not sane or has more than 'max'.
bool cmap_nodes(TargetMemory& memory, const Layout& layout, OvsAddr cmap, uint32_t max, std::vector<OvsAddr>& nodes);

// The nodes of the hmap at 'hmap'; false if it is not sane, changes under the walk, or has more than 'max'.
bool hmap_nodes(TargetMemory& memory, const Layout& layout, OvsAddr hmap, uint32_t max, std::vector<OvsAddr>& nodes);

}  // namespace cti::ovs
