// attach_bench PID LAYOUT ROUNDS [read]: how long a reading of all megaflows takes, in turn with a plain copy of the same process's resident writable
// anonymous memory by the same call, one thread each. LAYOUT is a file of lines "name offset size" (scripts/bench/attach.ts writes it from the
// JSON); with "read" nothing is copied. Prints one JSON object: milliseconds of each round, rows, bytes, peak memory. What a snapshot's memfds hold is not
// resident memory of this program unless it is mapped: it is given by itself.
//
// All is read twice, and so are the counters anew: by process_vm_readv alone, and also by page tables where that can be done here. With "read" the first
// is left out.
//
// Then the same with two threads: the reading as a pipeline, one thread copying and one looking, into one snapshot; the copy in halves.
//
// The copy reads what /proc/PID/pagemap says is there, in pieces of 1 MiB into one buffer a thread. The buffer begins at a page: one that begins a few
// bytes behind, as malloc() gives it, makes such a copy take 1.4 times as long on some processors, and would flatter every ratio to it.
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "ovs/attach_target.h"
#include "ovs/dp_flows_refresh.h"

namespace {

using namespace cti;

constexpr uint64_t kPiece = 1 << 20;
constexpr size_t kRoom = 4 << 20;  // so much begins at a page

double now_ms(clockid_t clock = CLOCK_MONOTONIC) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

// Ranges of private writable anonymous memory of which every page is resident.
std::vector<ovs::AddressRange> resident(pid_t pid) {
  std::vector<ovs::AddressRange> ranges;
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  const int pagemap = open(("/proc/" + std::to_string(pid) + "/pagemap").c_str(), O_RDONLY | O_CLOEXEC);
  for (std::string line; std::getline(maps, line);) {
    uint64_t start, end, inode;
    char modes[8];
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %" SCNu64, &start, &end, modes, &inode) != 4) continue;
    if (modes[0] != 'r' || modes[1] != 'w' || modes[3] != 'p' || inode != 0) continue;
    std::vector<uint64_t> pages((end - start) / 4096);
    const ssize_t got = pread(pagemap, pages.data(), pages.size() * 8, static_cast<off_t>(start / 4096 * 8));
    if (got != static_cast<ssize_t>(pages.size() * 8)) continue;
    for (size_t i = 0; i < pages.size();) {
      size_t j = i;
      while (j < pages.size() && pages[j] >> 63 & 1) j++;
      if (j > i) ranges.push_back({ovs::OvsAddr{start + i * 4096}, (j - i) * 4096});
      i = j + 1;
    }
  }
  close(pagemap);
  return ranges;
}

uint64_t plain_copy(ovs::TargetMemory& memory, const std::vector<ovs::AddressRange>& ranges, BigVector<uint8_t>& buffer) {
  uint64_t bytes = 0;
  for (const auto& range : ranges)
    for (uint64_t at = 0; at < range.size; at += kPiece) {
      const ovs::ReadRange read{range.start + at, buffer.data(), std::min<uint64_t>(kPiece, range.size - at)};
      bytes += memory.copy({&read, 1});
    }
  return bytes;
}

// Milliseconds until both are done, each on a thread of its own.
template <typename Low, typename High>
double both(Low low, High high) {
  const double begin = now_ms();
  std::thread thread(high);
  low();
  thread.join();
  return now_ms() - begin;
}

// The ranges cut in two where half of their bytes are before.
std::pair<std::vector<ovs::AddressRange>, std::vector<ovs::AddressRange>> halves(const std::vector<ovs::AddressRange>& ranges) {
  uint64_t left = 0;
  for (const auto& range : ranges) left += range.size / 2;
  std::pair<std::vector<ovs::AddressRange>, std::vector<ovs::AddressRange>> cut;
  for (const auto& range : ranges) {
    const uint64_t low = std::min(left, range.size);
    if (low > 0) cut.first.push_back({range.start, low});
    if (low < range.size) cut.second.push_back({range.start + low, range.size - low});
    left -= low;
  }
  return cut;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "attach_bench: expected PID LAYOUT ROUNDS\n");
    return 2;
  }
  auto fail = [](const Error& error) {
    std::fprintf(stderr, "attach_bench: %s\n", error.message.c_str());
    return 1;
  };
  std::vector<ovs::LayoutEntry> entries;
  std::ifstream file(argv[2]);
  for (ovs::LayoutEntry entry; file >> entry.name >> entry.offset >> entry.size;) entries.push_back(entry);
  auto layout = ovs::Layout::make(entries);
  if (!layout) return fail(layout.error());
  auto target = ovs::Target::open(std::atoi(argv[1]));
  if (!target) return fail(target.error());
  auto pages = kernel::PageReader::open(target->pid);
  if (!pages) std::fprintf(stderr, "attach_bench: counters are copied: %s\n", pages.error().message.c_str());
  ovs::ProcessMemory copied_memory(target->pid), memory(target->pid, pages ? pages->get() : nullptr);
  auto root = ovs::find_dp_netdevs(memory, *layout, target->data);
  if (!root) return fail(root.error());

  BigVector<uint8_t> buffer(kRoom), other_buffer(kRoom);
  std::string two_reads, two_copies, two_cpus;
  std::string reads, copied_reads, copies, cpus, copy_cpus, refreshes, copied_refreshes, refresh_cpus, copied_refresh_cpus;
  ovs::FlowPlaces places;
  ovs::RefreshFacts refreshed;
  uint64_t rows = 0, copied = 0, two_rows = 0, snapshot_bytes = 0, by_page_tables = 0;
  ovs::MemoryReadFacts facts, two_facts;
  rusage usage;
  const int rounds = std::atoi(argv[3]);
  for (int round = 0; round < rounds; round++) {
    const auto ranges = argc > 4 ? std::vector<ovs::AddressRange>() : resident(target->pid);
    double begin = now_ms();
    const double cpu = now_ms(CLOCK_THREAD_CPUTIME_ID);
    copied = plain_copy(memory, ranges, buffer);
    copies += (round ? "," : "") + std::to_string(now_ms() - begin);
    copy_cpus += (round ? "," : "") + std::to_string(now_ms(CLOCK_THREAD_CPUTIME_ID) - cpu);
    if (!ranges.empty()) {
      begin = now_ms();
      auto by_call = ovs::read_dp_flows(copied_memory, *layout, *root, nullptr, facts, &places);
      if (!by_call) return fail(by_call.error());
      copied_reads += (round ? "," : "") + std::to_string(now_ms() - begin);
    }
    begin = now_ms();
    auto snapshot = ovs::read_dp_flows(memory, *layout, *root, nullptr, facts, &places);
    const double took = now_ms() - begin;
    if (!snapshot) return fail(snapshot.error());
    reads += (round ? "," : "") + std::to_string(took);
    cpus += (round ? "," : "") + std::to_string(static_cast<double>(facts.cpu_ns) / 1e6);
    rows = snapshot->n_rows;
    snapshot_bytes = 0;
    for (const auto& segment : snapshot->segments) snapshot_bytes += segment.size;
    begin = now_ms();
    auto again = ovs::refresh_dp_flows(copied_memory, *layout, *root, *snapshot, places, nullptr, refreshed);
    if (!again) return fail(again.error());
    copied_refreshes += (round ? "," : "") + std::to_string(now_ms() - begin);
    copied_refresh_cpus += (round ? "," : "") + std::to_string(static_cast<double>(refreshed.cpu_ns) / 1e6);
    begin = now_ms();
    again = ovs::refresh_dp_flows(memory, *layout, *root, *snapshot, places, nullptr, refreshed);
    if (!again) return fail(again.error());
    refreshes += (round ? "," : "") + std::to_string(now_ms() - begin);
    refresh_cpus += (round ? "," : "") + std::to_string(static_cast<double>(refreshed.cpu_ns) / 1e6);
    by_page_tables = refreshed.cost.paged;
    ovs::ProcessMemory other(target->pid);
    begin = now_ms();
    auto fast = ovs::read_dp_flows(memory, *layout, *root, nullptr, two_facts, &places, {.walk = {.copier = &other}});
    two_reads += (round ? "," : "") + std::to_string(now_ms() - begin);
    if (!fast) return fail(fast.error());
    two_cpus += (round ? "," : "") + std::to_string(static_cast<double>(two_facts.cpu_ns) / 1e6);
    two_rows = fast->n_rows;
    if (!ranges.empty()) {
      const auto [low, high] = halves(ranges);
      two_copies += (round ? "," : "") +
                    std::to_string(both([&] { plain_copy(memory, low, buffer); }, [&] { plain_copy(other, high, other_buffer); }));
    }
  }
  getrusage(RUSAGE_SELF, &usage);
  std::printf("{\"twoReadMs\":[%s],\"twoCpuMs\":[%s],\"twoCopyMs\":[%s],\"twoRows\":%llu,\"refreshMs\":[%s],\"copiedRefreshMs\":[%s],\"refreshCpuMs\":[%s],\"copiedRefreshCpuMs\":[%s],\"byPageTables\":%llu,\"copyMs\":[%s],\"copyCpuMs\":[%s],\"readMs\":[%s],\"copiedReadMs\":[%s],\"cpuMs\":[%s],\"rows\":%llu,\"copiedBytes\":%llu,\"readBytes\":%llu,\"calls\":%llu,\"ranges\":%llu,"
              "\"fromRing\":%llu,\"retried\":%llu,\"dropped\":%llu,\"twoFromRing\":%llu,\"passes\":%u,\"peakBytes\":%llu,\"snapshotBytes\":%llu}\n",
              two_reads.c_str(), two_cpus.c_str(), two_copies.c_str(), static_cast<unsigned long long>(two_rows), refreshes.c_str(), copied_refreshes.c_str(), refresh_cpus.c_str(), copied_refresh_cpus.c_str(), static_cast<unsigned long long>(by_page_tables), copies.c_str(), copy_cpus.c_str(), reads.c_str(), copied_reads.c_str(), cpus.c_str(), static_cast<unsigned long long>(rows), static_cast<unsigned long long>(copied),
              static_cast<unsigned long long>(facts.cost.bytes), static_cast<unsigned long long>(facts.cost.calls),
              static_cast<unsigned long long>(facts.cost.ranges), static_cast<unsigned long long>(facts.walk.n_from_ring),
              static_cast<unsigned long long>(facts.walk.n_retried), static_cast<unsigned long long>(facts.walk.n_dropped()), static_cast<unsigned long long>(two_facts.walk.n_from_ring), facts.walk.n_passes,
              static_cast<unsigned long long>(usage.ru_maxrss) * 1024, static_cast<unsigned long long>(snapshot_bytes));
  return 0;
}
