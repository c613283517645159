/*
 * An alarm on a counter: reads the flow table again and again and speaks up when the flows that forward TCP, UDP or ICMP packets took more
 * than so many packets since the reading before.
 *
 *   ctinspector run examples/alarm.c --arg 1000 --arg 500 --arg 20
 *
 * Arguments: packets that raise it (0: 1000), milliseconds between readings (0: 1000), readings (0: 10). Emits a record of type 1 for each
 * alarm: struct alarm. The result is how many, or -errno.
 */
#include "ctinspector/ctinspector.h"
#include "ctinspector/text.h"

static struct cti_table table;
static struct cti_line line;
static struct alarm {
  uint64_t time_ns; /* when it was raised, since 1970 */
  uint64_t packets; /* since the reading before */
  uint64_t flows;   /* that there are */
  uint64_t busiest; /* the row that has the most packets of all, in the reading that raised it */
} alarm;

/* Counters of flows that have gone are not in the next reading: what the sum loses by that hides as many new packets. So it is made by flow. */
struct counter {
  uint64_t packets;
  uint64_t reading; /* the last that had it */
};
CTI_MAP(counters, struct cti_be128, struct counter, 32768);

/* Packets that flows took since the reading before; new flows count from 0. */
static uint64_t __attribute__((noinline)) packets_since(uint64_t reading) {
  const struct cti_dp_flows_rows *rows = cti_segment(&table, CTI_DP_FLOWS_SEGMENT_ROWS);
  const struct cti_dp_flows_match *matches = cti_segment(&table, CTI_DP_FLOWS_SEGMENT_MATCH);
  uint64_t since = 0, most = 0;
  alarm.flows = 0;
  for (uint64_t row = 0; row < table.n_rows; row++) {
    uint8_t proto = matches[row].key.nw_proto;
    if (matches[row].mask.nw_proto != 0xff || (proto != 1 && proto != 6 && proto != 17)) continue;
    alarm.flows++;
    struct cti_be128 ufid = rows[row].ufid;
    struct counter *counter = map_insert(&counters.map, &ufid);
    if (cti_failed(counter)) continue; /* full: flows that have gone are removed below */
    if (rows[row].packets > counter->packets) since += rows[row].packets - counter->packets;
    counter->packets = rows[row].packets;
    counter->reading = reading;
    if (rows[row].packets > most) {
      most = rows[row].packets;
      alarm.busiest = row;
    }
  }
  return since;
}

/* Entries may move when one is removed: begin anew after each, at most so often that it ends. */
static void __attribute__((noinline)) forget_gone(uint64_t reading) {
  uint64_t cursor = 0;
  for (struct cti_be128 *key; (key = map_next(&counters.map, &cursor)) != NULL;) {
    struct counter *counter = (struct counter *)(key + 1);
    if (counter->reading == reading) continue;
    struct cti_be128 gone = *key;
    map_remove(&counters.map, &gone);
    cursor = cursor > 1 ? cursor - 1 : 0;
  }
}

uint64_t vm_main(uint64_t limit, uint64_t interval_ms, uint64_t n_readings) {
  if (limit == 0) limit = 1000;
  if (interval_ms == 0) interval_ms = 1000;
  if (n_readings == 0) n_readings = 10;
  uint64_t n = 0;
  for (uint64_t reading = 1; reading <= n_readings; reading++) {
    if (reading > 1) sleep(interval_ms * 1000000);
    int64_t failed = table_refresh("dp_flows", 8, &table, sizeof table, 0);
    if (failed) return (uint64_t)failed;
    uint64_t since = packets_since(reading);
    forget_gone(reading);
    if (reading == 1 || since <= limit) continue; /* the first says what there is */
    n++;
    alarm.time_ns = time_now(0);
    alarm.packets = since;
    cti_put_text(&line, "alarm: ");
    cti_put_u64(&line, since);
    cti_put_text(&line, " packets since the reading before, ");
    cti_put_u64(&line, alarm.flows);
    cti_put_text(&line, " flows");
    cti_end_line(&line);
    emit(1, &alarm, sizeof alarm);
  }
  return n;
}
