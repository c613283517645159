#include "ovs/containers.h"

#include <algorithm>

namespace cti::ovs {
namespace {

bool is_power_of_two(uint64_t value) { return value != 0 && (value & (value - 1)) == 0; }

}  // namespace

bool read_cmap(TargetMemory& memory, const Layout& layout, OvsAddr cmap, uint32_t max_buckets, bool head_only, CmapImage& image) {
  uint32_t mask;
  if (!memory.read_pointer(cmap + layout.cmap_impl.offset, image.impl, 8) || !memory.read(image.impl + layout.cmap_impl_n.offset, image.n) ||
      !memory.read(image.impl + layout.cmap_impl_mask.offset, mask))
    return false;
  if (mask >= max_buckets || !is_power_of_two(uint64_t{mask} + 1)) return false;
  image.n_buckets = mask + 1;
  image.buckets.clear();
  if (head_only) return true;
  constexpr size_t kPiece = 1 << 20;
  // Grown as it is read: a header that lies about its size costs no more than what is really there.
  const uint64_t size = uint64_t{image.n_buckets} * layout.sizeof_cmap_bucket;
  image.buckets.reserve(size);  // address space only
  for (uint64_t at = 0; at < size; at += kPiece) {
    const size_t piece = std::min<uint64_t>(kPiece, size - at);
    image.buckets.resize(at + piece);
    if (!memory.read(image.impl + (layout.cmap_impl_buckets.offset + at), &image.buckets[at], piece)) return false;
  }
  return true;
}

bool cmap_nodes(TargetMemory& memory, const Layout& layout, OvsAddr cmap, uint32_t max, std::vector<OvsAddr>& nodes) {
  CmapImage image;
  nodes.clear();
  // A map that shrank may be sparse: a fifth full at least, or the smallest.
  if (!read_cmap(memory, layout, cmap, std::max<uint32_t>(64, 2 * max), false, image)) return false;
  for (uint64_t i = 0; i < uint64_t{image.n_buckets} * layout.bucket_entries; i++) {
    uint64_t node = raw(cmap_slot(layout, image, static_cast<uint32_t>(i / layout.bucket_entries), static_cast<uint32_t>(i % layout.bucket_entries)).node);
    for (; node; ) {
      if (!is_user_pointer(node) || node % 8 != 0 || nodes.size() == max) return false;
      nodes.push_back(OvsAddr{node});
      if (!memory.read(OvsAddr{node} + layout.cmap_node_next.offset, node)) return false;
    }
  }
  return true;
}

bool hmap_nodes(TargetMemory& memory, const Layout& layout, OvsAddr hmap, uint32_t max, std::vector<OvsAddr>& nodes) {
  nodes.clear();
  uint64_t mask, n;
  OvsAddr buckets;
  if (!memory.read_pointer(hmap + layout.hmap_buckets.offset, buckets, 8) || !memory.read(hmap + layout.hmap_mask.offset, mask) ||
      !memory.read(hmap + layout.hmap_n.offset, n))
    return false;
  if (n > max || mask >= std::max<uint64_t>(64, 4 * uint64_t{max}) || !is_power_of_two(mask + 1)) return false;
  if (mask == 0 && raw(buckets) != raw(hmap + layout.hmap_one.offset)) return false;
  std::vector<uint64_t> heads(mask + 1);
  if (!memory.read(buckets, heads.data(), heads.size() * 8)) return false;
  for (uint64_t bucket = 0; bucket <= mask; bucket++) {
    for (uint64_t node = heads[bucket]; node;) {
      uint64_t hash;
      if (!is_user_pointer(node) || node % 8 != 0 || nodes.size() == n) return false;
      if (!memory.read(OvsAddr{node} + layout.hmap_node_hash.offset, hash) || (hash & mask) != bucket) return false;
      nodes.push_back(OvsAddr{node});
      if (!memory.read(OvsAddr{node} + layout.hmap_node_next.offset, node)) return false;
    }
  }
  return nodes.size() == n;
}

}  // namespace cti::ovs
