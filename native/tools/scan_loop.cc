// scan_loop ROWS_FD MATCH_FD N_ROWS: by hand in C++ what this question asks of a snapshot whose segments the caller's descriptors are:
//
//    dp_flows | where tcp and nw_dst within 10.0.0.0/8 and not (tp_dst in {80,443}) | top 10 by packets
//
// `npm run bench -- query` compares the compiled question with it. It prints two lines, each the nanoseconds of CPU and the rows of the
// answer: of the first pass over a new mapping, page faults included as in a program's run, and of a second pass over the same. The
// meanings are those of docs/questions.md; the footer's counts are not made.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

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

struct Entry {
  uint64_t packets;
  uint64_t row;
};

// Whether 'a' goes before 'b' in the answer: more packets, or as many in an earlier row.
bool goes_before(const Entry& a, const Entry& b) { return a.packets != b.packets ? a.packets > b.packets : a.row < b.row; }

struct Top {
  std::array<Entry, kTop> entries;  // a heap, what goes last at its root
  size_t n = 0;

  void offer(Entry entry) {
    if (n < kTop) {
      entries[n++] = entry;
      std::push_heap(entries.begin(), entries.begin() + n, goes_before);
    } else if (goes_before(entry, entries[0])) {
      std::pop_heap(entries.begin(), entries.end(), goes_before);
      entries[kTop - 1] = entry;
      std::push_heap(entries.begin(), entries.end(), goes_before);
    }
  }
};

bool passes(const Match& flow) {
  const Half &key = flow.key, &mask = flow.mask;
  bool is_ip = mask.eth_type != 0 && (overlaps<uint16_t>(key.eth_type, mask.eth_type, 0x0800) ||
                                      overlaps<uint16_t>(key.eth_type, mask.eth_type, 0x86dd));
  if (!is_ip || mask.nw_proto == 0 || !overlaps<uint8_t>(key.nw_proto, mask.nw_proto, 6)) return false;
  // All packets that the flow matches have an nw_dst: they are IPv4.
  if (key.eth_type != 0x0800 || mask.eth_type != 0xffff) return false;
  if ((mask.nw_dst & 0xff000000) != 0xff000000 || (key.nw_dst & 0xff000000) != 0x0a000000) return false;
  return mask.tp_dst == 0 || (!overlaps<uint16_t>(key.tp_dst, mask.tp_dst, 80) && !overlaps<uint16_t>(key.tp_dst, mask.tp_dst, 443));
}

__attribute__((noinline)) Top scan(const Rows* rows, const Match* match, size_t n_rows) {
  Top top;
  for (size_t i = 0; i < n_rows; i++) {
    if (passes(match[i])) top.offer({rows[i].packets, i});
  }
  std::sort(top.entries.begin(), top.entries.begin() + top.n, goes_before);
  return top;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: scan_loop ROWS_FD MATCH_FD N_ROWS\n", stderr);
    return 2;
  }
  size_t n_rows = std::strtoul(argv[3], nullptr, 10);
  const Rows* rows = map<Rows>(argv[1], n_rows);
  const Match* match = map<Match>(argv[2], n_rows);
  for (int pass = 0; pass < 2; pass++) {
    uint64_t begin = cpu_ns();
    Top top = scan(rows, match, n_rows);
    std::printf("%llu", static_cast<unsigned long long>(cpu_ns() - begin));
    for (size_t i = 0; i < top.n; i++) std::printf(" %llu", static_cast<unsigned long long>(top.entries[i].row));
    std::puts("");
  }
  return 0;
}
