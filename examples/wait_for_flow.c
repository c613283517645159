/*
 * Waits until a host's packets have a flow, then reports its chain: the flow, the flows that its recirculations lead to (conntrack, a bond's
 * hash, a tunnel), and what the OpenFlow tables do with such a packet.
 *
 *   ctinspector run examples/wait_for_flow.c --arg 0x0a00010b --arg 17 --arg 4343      10.0.1.11, UDP to port 4343
 *
 * Arguments: IPv4 source; IP protocol, 0: any; destination port, 0: any; seconds to wait, 0: 60. A flow that is there already counts. The
 * result is how many flows the chain has, or -errno.
 */
#include "ctinspector/ctinspector.h"
#include "ctinspector/text.h"

#define MAX_CHAIN 32
#define TEXT_SIZE 8192

static struct cti_table table;
static struct cti_line line;
static struct cti_event event;
static char text[TEXT_SIZE];
static struct {
  uint32_t recirc_id;
  uint64_t row;
} chain[MAX_CHAIN];
static uint32_t n_chain;

static struct {
  uint32_t nw_src;
  uint8_t nw_proto;
  uint16_t tp_dst;
} wanted;

/* The first pass of such packets: a flow that matches their source, and does not exclude their protocol and port. */
static void put_condition(void) {
  cti_put_text(&line, "recirc_id = 0 and nw_src = ");
  cti_put_ipv4(&line, wanted.nw_src);
  if (wanted.nw_proto == 0) return;
  cti_put_text(&line, " and covers(nw_proto=");
  cti_put_u64(&line, wanted.nw_proto);
  if (wanted.tp_dst != 0) {
    cti_put_text(&line, ", tp_dst=");
    cti_put_u64(&line, wanted.tp_dst);
  }
  cti_put_char(&line, ')');
}

/* The first row of the open table that does what the condition says; all ones: none. */
static uint64_t __attribute__((noinline)) find_row(void) {
  const struct cti_dp_flows_match *matches = cti_segment(&table, CTI_DP_FLOWS_SEGMENT_MATCH);
  for (uint64_t row = 0; row < table.n_rows; row++) {
    const struct cti_dp_flows_match *m = &matches[row];
    if (m->key.recirc_id != 0 || m->mask.nw_src != 0xffffffff || m->key.nw_src != wanted.nw_src) continue;
    if (wanted.nw_proto && (m->key.nw_proto ^ wanted.nw_proto) & m->mask.nw_proto) continue;
    if (wanted.tp_dst && (m->key.tp_dst ^ wanted.tp_dst) & m->mask.tp_dst) continue;
    return row;
  }
  return ~0ULL;
}

/* Row 'row' as text; its length. */
static uint64_t __attribute__((noinline)) read_row(uint64_t row) {
  int64_t n = ovs_row_text(table.generation, row, text, sizeof text);
  return n < 0 ? 0 : (uint64_t)n < sizeof text ? (uint64_t)n : sizeof text;
}

/* The number behind "recirc(0x" in 'text' at or after '*at', which moves past it; 0: there is none. */
static uint32_t __attribute__((noinline)) next_recirculation(uint64_t n, uint64_t *at) {
  static const char mark[] = "recirc(0x";
  for (uint64_t i = *at; i + sizeof mark <= n; i++) {
    uint32_t same = 0;
    while (same < sizeof mark - 1 && text[i + same] == mark[same]) same++;
    if (same < sizeof mark - 1) continue;
    uint32_t id = 0;
    for (i += same; i < n; i++) {
      char c = text[i];
      if (c >= '0' && c <= '9') id = id << 4 | (uint32_t)(c - '0');
      else if (c >= 'a' && c <= 'f') id = id << 4 | (uint32_t)(c - 'a' + 10);
      else break;
    }
    *at = i;
    return id;
  }
  return 0;
}

/* Whether a packet of flow 'a' can be one of flow 'b', as far as addresses, protocol and ports go: no bit that both match differs. */
static int __attribute__((noinline)) can_follow(const struct cti_dp_flows_match *a, const struct cti_dp_flows_match *b) {
#define DIFFERS(field) ((a->key.field ^ b->key.field) & a->mask.field & b->mask.field)
  return !(DIFFERS(eth_type) || DIFFERS(nw_proto) || DIFFERS(nw_src) || DIFFERS(nw_dst) || DIFFERS(tp_src) || DIFFERS(tp_dst));
}

static void add(uint32_t recirc_id, uint64_t row) {
  if (n_chain == MAX_CHAIN) return;
  chain[n_chain].recirc_id = recirc_id;
  chain[n_chain++].row = row;
}

/* Adds the flows that packets of flow number 'i' of the chain go on to. NAT may change addresses on the way: then a flow with another
 * address is not found, and the chain ends before it. */
static void __attribute__((noinline)) follow(uint32_t i) {
  const struct cti_dp_flows_match *matches = cti_segment(&table, CTI_DP_FLOWS_SEGMENT_MATCH);
  uint64_t n = read_row(chain[i].row);
  uint64_t at = 0;
  for (uint32_t id; (id = next_recirculation(n, &at)) != 0;) {
    uint32_t known = 0;
    while (known < n_chain && chain[known].recirc_id != id) known++;
    if (known < n_chain) continue;
    for (uint64_t row = 0; row < table.n_rows; row++) {
      if (matches[row].key.recirc_id == id && can_follow(&matches[chain[0].row], &matches[row])) add(id, row);
    }
  }
}

static void __attribute__((noinline)) report(void) {
  for (uint32_t i = 0; i < n_chain; i++) {
    if (i == 1) print_text("and on:\n");
    uint64_t n = read_row(chain[i].row);
    print(text, n);
    print_text("\n");
  }
}

/* What stands between the ufid and ", packets:" in a row is the flow as ofproto/trace takes it. */
static void __attribute__((noinline)) trace(void) {
  static const char end[] = ", packets:";
  uint64_t n = read_row(chain[0].row), from = 0, size = 0;
  while (from + 2 < n && !(text[from] == ',' && text[from + 1] == ' ')) from++;
  for (uint64_t i = from + 2; i + sizeof end <= n; i++) {
    uint32_t same = 0;
    while (same < sizeof end - 1 && text[i + same] == end[same]) same++;
    if (same == sizeof end - 1) break;
    if (text[i] != ' ') text[size++] = text[i];
  }
  int64_t traced = ovs_trace(text, size, text, sizeof text);
  if (traced < 0) {
    cti_put_text(&line, "no trace: error ");
    cti_put_u64(&line, (uint64_t)-traced);
    cti_end_line(&line);
    return;
  }
  print_text("its way through the OpenFlow tables:\n");
  print(text, (uint64_t)traced < sizeof text ? (uint64_t)traced : sizeof text);
}

uint64_t vm_main(uint64_t nw_src, uint64_t nw_proto, uint64_t tp_dst, uint64_t seconds) {
  wanted.nw_src = (uint32_t)nw_src;
  wanted.nw_proto = (uint8_t)nw_proto;
  wanted.tp_dst = (uint16_t)tp_dst;
  /* First subscribe, then look: what appears in between is in the queue. */
  cti_put_text(&line, "table_changed(dp_flows, every 250ms, ");
  put_condition();
  cti_put_char(&line, ')');
  int64_t subscription = event_subscribe(line.text, line.n);
  line.n = 0;
  if (subscription < 0) return (uint64_t)subscription;
  int64_t failed = table_refresh("dp_flows", 8, &table, sizeof table, 1000);
  if (failed) return (uint64_t)failed;

  uint64_t row = find_row();
  while (row == ~0ULL) {
    failed = event_wait((uint64_t)subscription, (seconds ? seconds : 60) * 1000000000ULL, &event, sizeof event);
    if (failed) return (uint64_t)failed;
    if (event.kind != CTI_EVENT_ROW_NEW) continue;
    failed = table_refresh("dp_flows", 8, &table, sizeof table, 0); /* its later passes may be younger than the event */
    if (failed) return (uint64_t)failed;
    int64_t found = ovs_flow_row(&event.ufid, table.generation);
    if (found >= 0) row = (uint64_t)found;
  }
  const struct cti_dp_flows_match *matches = cti_segment(&table, CTI_DP_FLOWS_SEGMENT_MATCH);
  add(matches[row].key.recirc_id, row);
  for (uint32_t i = 0; i < n_chain; i++) follow(i);
  report();
  trace();
  return n_chain;
}
