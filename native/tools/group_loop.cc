// group_loop ROWS_FD MATCH_FD N_ROWS [all]: by hand in C++ what this question asks of a snapshot whose segments the caller's descriptors are:
//
//    dp_flows | count, sum(packets) as p by nw_src, tp_dst | top 10 by p
//
// `npm run bench -- query` compares the compiled question with it. It prints two lines, each the nanoseconds of CPU, how many groups there
// are, and the ten as nw_src/mask,tp_dst/mask,count,sum: of the first pass over a new mapping, page faults included, and of a second pass
// over the same. With `all` a line a group follows. The meanings are those of docs/questions.md: a field counts where the flow looks at it
// and its packets can have it, and the sum is of first passes and exact; the footer's counts are not made.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tools/by_hand.h"
#include "ctinspector/dp_flows.h"

namespace {

using cti::by_hand::cpu_ns;
using cti::by_hand::map;
using cti::by_hand::overlaps;

using Rows = cti_dp_flows_rows;
using Match = cti_dp_flows_match;
using Half = cti_dp_flows_match_half;

constexpr size_t kTop = 10;

struct Key {
  uint32_t nw_src, nw_src_mask;
  uint32_t tp_dst, tp_dst_mask;
  bool operator==(const Key&) const = default;
};

struct Group {
  Key key;
  uint64_t count;  // 0: free
  uint64_t packets;
};

// Groups in one array, found by linear probing, at most half of it taken. A new one has them all anew, twice as many.
class Groups {
 public:
  Groups() : groups_(1024) {}

  Group& find(const Key& key) {
    Group* group = &probe(groups_, key);
    if (group->count == 0) {
      if (++n_ * 2 > groups_.size()) {
        grow();
        group = &probe(groups_, key);
      }
      group->key = key;
    }
    return *group;
  }

  size_t size() const { return n_; }
  const std::vector<Group>& entries() const { return groups_; }

 private:
  static uint64_t hash(const Key& key) {
    auto [a, b] = std::bit_cast<std::array<uint64_t, 2>>(key);
    auto product = static_cast<unsigned __int128>(a ^ 0xc2b2ae3d27d4eb4f) * (b ^ 0x9e3779b185ebca87);
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }

  static Group& probe(std::vector<Group>& groups, const Key& key) {
    size_t mask = groups.size() - 1;
    for (size_t i = hash(key) & mask;; i = (i + 1) & mask) {
      if (groups[i].count == 0 || groups[i].key == key) return groups[i];
    }
  }

  void grow() {
    std::vector<Group> more(groups_.size() * 2);
    for (const Group& group : groups_) {
      if (group.count > 0) probe(more, group.key) = group;
    }
    groups_ = std::move(more);
  }

  std::vector<Group> groups_;
  size_t n_ = 0;
};

// Some packet that the flow matches can have the field.
bool can_be_ip(const Half& key, const Half& mask) { return overlaps<uint16_t>(key.eth_type, mask.eth_type, 0x0800); }

bool can_have_ports(const Half& key, const Half& mask) {
  if (!can_be_ip(key, mask) && !overlaps<uint16_t>(key.eth_type, mask.eth_type, 0x86dd)) return false;
  return overlaps<uint8_t>(key.nw_proto, mask.nw_proto, 6) || overlaps<uint8_t>(key.nw_proto, mask.nw_proto, 17) ||
         overlaps<uint8_t>(key.nw_proto, mask.nw_proto, 132);
}

[[noreturn]] void fail(const char* message) {
  std::fprintf(stderr, "group_loop: %s\n", message);
  std::exit(1);
}

__attribute__((noinline)) void group(const Rows* rows, const Match* match, size_t n_rows, Groups& groups) {
  for (size_t i = 0; i < n_rows; i++) {
    const Half &key = match[i].key, &mask = match[i].mask;
    Key at{};
    if (can_be_ip(key, mask)) at = {key.nw_src & mask.nw_src, mask.nw_src, 0, 0};
    if (can_have_ports(key, mask)) {
      at.tp_dst = key.tp_dst & mask.tp_dst;
      at.tp_dst_mask = mask.tp_dst;
    }
    Group& group = groups.find(at);
    group.count++;
    if ((key.recirc_id & mask.recirc_id) != 0) continue;
    if (__builtin_add_overflow(group.packets, rows[i].packets, &group.packets)) fail("a sum is too large");
  }
}

__attribute__((noinline)) std::vector<Group> top(const Groups& groups) {
  auto goes_before = [](const Group& a, const Group& b) { return a.packets > b.packets; };
  std::vector<Group> best;
  for (const Group& group : groups.entries()) {
    if (group.count == 0) continue;
    if (best.size() == kTop && !goes_before(group, best[0])) continue;
    if (best.size() == kTop) {
      std::pop_heap(best.begin(), best.end(), goes_before);
      best.pop_back();
    }
    best.push_back(group);
    std::push_heap(best.begin(), best.end(), goes_before);
  }
  std::sort_heap(best.begin(), best.end(), goes_before);
  return best;
}

void print(const Group& group, char before) {
  const Key& key = group.key;
  std::printf("%c%u/%u,%u/%u,%llu,%llu", before, key.nw_src, key.nw_src_mask, key.tp_dst, key.tp_dst_mask,
              static_cast<unsigned long long>(group.count), static_cast<unsigned long long>(group.packets));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5 || (argc == 5 && std::strcmp(argv[4], "all") != 0)) {
    std::fputs("usage: group_loop ROWS_FD MATCH_FD N_ROWS [all]\n", stderr);
    return 2;
  }
  size_t n_rows = std::strtoul(argv[3], nullptr, 10);
  const Rows* rows = map<Rows>(argv[1], n_rows);
  const Match* match = map<Match>(argv[2], n_rows);
  for (int pass = 0; pass < 2; pass++) {
    uint64_t begin = cpu_ns();
    Groups groups;
    group(rows, match, n_rows, groups);
    std::vector<Group> best = top(groups);
    std::printf("%llu %zu", static_cast<unsigned long long>(cpu_ns() - begin), groups.size());
    for (const Group& one : best) print(one, ' ');
    std::puts("");
    if (pass == 0 || argc == 4) continue;
    for (const Group& one : groups.entries()) {
      if (one.count > 0) print(one, '\n');
    }
    std::puts("");
  }
  return 0;
}
