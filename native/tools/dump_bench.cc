// dump_bench FILE | --generate N | --write N: how fast a flow dump is parsed, and what it takes.
//
//   dump_bench FILE             parses FILE (a saved dpctl/dump-flows) in pieces of 64 KiB
//   dump_bench --generate N     the same with a dump of N flows of six shapes, made while it runs
//   dump_bench --write N        writes that dump to standard output
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "text/dp_flows_reader.h"

using namespace cti;

namespace {

constexpr size_t kPiece = 64 << 10;

// Time of this process on a core: what others do on the machine does not count.
double seconds() {
  struct timespec now {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

long peak_rss_kib() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// One line of a dump as OVS 3.1 prints it with -m.
std::string flow_line(uint32_t i) {
  char text[2048];
  const char* metadata =
      "skb_priority(0/0),skb_mark(0/0),ct_state(%s),ct_zone(%s),ct_mark(0/0),ct_label(0/0),recirc_id(%s),dp_hash(0/0)";
  static const struct {
    const char *state, *zone, *recirc, *type, *transport, *actions;
  } shapes[] = {
      {"0/0", "0/0", "0", "6", "tcp(src=0/0,dst=443),tcp_flags(0/0)", "ct(commit,zone=5,nat(src=192.0.2.1)),recirc(0x%x)"},
      {"0x22/0x3f", "0x5", "0x4", "6", "tcp(src=1024/0xfc00,dst=80),tcp_flags(-fin-syn-rst)", "veth%u"},
      {"0/0", "0/0", "0", "17", "udp(src=4000,dst=53)", "set(eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02)),set(ipv4(ttl=63)),veth%u"},
      {"0x21/0x21", "0x7", "0x9", "17", "udp(src=0/0,dst=0/0)", "push_vlan(vid=%u,pcp=0),veth1,pop_vlan,veth2"},
      {"0/0", "0/0", "0", "1", "icmp(type=8/0,code=0/0)", "drop"},
      {"0/0", "0/0", "0x11", "6", "tcp(src=0/0,dst=22),tcp_flags(+syn-ack)",
       "clone(tnl_push(tnl_port(genev_sys_6081),header(size=50,type=5,eth(dst=f8:bc:12:44:34:b6,src=f8:bc:12:46:58:e0,dl_type=0x0800),"
       "ipv4(src=1.1.2.88,dst=1.1.2.92,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=6081,csum=0x0),geneve(vni=0x%x)),out_port(br-phy)))"},
  };
  const auto& shape = shapes[i % std::size(shapes)];
  char head[512], actions[512];
  std::snprintf(head, sizeof head, metadata, shape.state, shape.zone, shape.recirc);
  std::snprintf(actions, sizeof actions, shape.actions, i % 4000);
  std::snprintf(text, sizeof text,
                "ufid:%08x-%04x-%04x-%04x-%04x%08x, %s,in_port(veth%u),packet_type(ns=0,id=0),eth(src=02:00:00:%02x:%02x:%02x,dst="
                "02:00:00:00:00:00/01:00:00:00:00:00),eth_type(0x0800),ipv4(src=10.%u.%u.%u,dst=192.168.0.0/255.255.0.0,proto=%s,tos=0/"
                "0,ttl=0/0,frag=no),%s, packets:%u, bytes:%llu, used:%u.%03us, dp:ovs, actions:%s, dp-extra-info:miniflow_bits(4,4)\n",
                i * 2654435761u, i & 0xffff, i >> 16, 0x8000, 0x1234, i, head, i % 16, i >> 16 & 255, i >> 8 & 255, i & 255,
                i >> 16 & 255, i >> 8 & 255, i & 255, shape.type, shape.transport, i % 100000, i * 1500ull, i % 10, i % 1000, actions);
  return text;
}

template <typename Result>
void check(const Result& result) {
  if (result) return;
  std::fprintf(stderr, "dump_bench: %s\n", result.error().message.c_str());
  std::exit(1);
}

void print_notes(const char* title, const std::vector<tables::Note>& notes) {
  for (const tables::Note& note : notes)
    std::printf("%s: %llu x %s: %s\n", title, static_cast<unsigned long long>(note.count), note.what.c_str(), note.sample.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  std::string mode = argc > 1 ? argv[1] : "";
  uint32_t n = argc > 2 ? static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)) : 0;
  if (mode == "--write" && argc == 3) {
    std::puts("flow-dump from the main thread:");
    for (uint32_t i = 0; i < n; i++) std::fputs(flow_line(i).c_str(), stdout);
    return 0;
  }
  if (argc < 2 || (mode == "--generate" ? argc != 3 : argc != 2)) {
    std::fputs("usage: dump_bench FILE | dump_bench --generate N | dump_bench --write N\n", stderr);
    return 2;
  }
  auto made = text::DpFlowsReader::create();
  check(made);
  text::DpFlowsReader& reader = **made;
  double spent = 0;
  auto feed = [&](Bytes bytes) {
    double start = seconds();
    check(reader.feed(bytes));
    spent += seconds() - start;
  };
  if (mode == "--generate") {
    std::string piece;
    for (uint32_t i = 0; i < n; i++) {
      piece += flow_line(i);
      if (piece.size() < kPiece && i + 1 < n) continue;
      feed({reinterpret_cast<const uint8_t*>(piece.data()), piece.size()});
      piece.clear();
    }
  } else {
    std::FILE* file = std::fopen(mode.c_str(), "rb");
    if (!file) {
      std::fprintf(stderr, "dump_bench: cannot open %s\n", mode.c_str());
      return 1;
    }
    std::vector<uint8_t> piece(kPiece);
    while (size_t size = std::fread(piece.data(), 1, piece.size(), file)) feed({piece.data(), size});
    std::fclose(file);
  }
  double start = seconds();
  double n_bytes = static_cast<double>(reader.n_bytes());
  auto snapshot = reader.finish();
  check(snapshot);
  spent += seconds() - start;
  uint64_t size = 0;
  for (const tables::SegmentData& segment : snapshot->segments) size += segment.size;
  std::printf("%.1f MB/s, %.0f rows/s: %.1f MB, %llu rows in %.3f s of CPU\n", n_bytes / 1e6 / spent,
              static_cast<double>(snapshot->n_rows) / spent, n_bytes / 1e6, static_cast<unsigned long long>(snapshot->n_rows), spent);
  std::printf("snapshot %.1f MB, peak RSS %.1f MB, verbatim rows %llu\n", static_cast<double>(size) / 1e6,
              static_cast<double>(peak_rss_kib()) / 1e3, static_cast<unsigned long long>(snapshot->n_verbatim));
  for (size_t i = 0; i < snapshot->segments.size(); i++)
    std::printf("  %-12s %9u records %12llu bytes\n", snapshot->schema->segments[i].name.data(), snapshot->segments[i].n_records,
                static_cast<unsigned long long>(snapshot->segments[i].size));
  print_notes("rejected", snapshot->rejected);
  print_notes("unknown", snapshot->unknown);
  return 0;
}
