/*
 * The busiest megaflow of each port: a map from in_port to the best row so far, filled in one pass over the table.
 *
 *   ctinspector run examples/busiest_per_port.c
 *
 * Prints the ports, busiest first; emits a record of type 1 for each, struct busiest. The result is the number of
 * ports, or -errno.
 */
#include "ctinspector/ctinspector.h"
#include "ctinspector/text.h"

#define MAX_PORTS 4096

struct busiest {
  uint64_t packets;
  uint64_t row;
  uint64_t n_flows;
  uint64_t port; /* id in the segment ports */
};

CTI_MAP(by_port, uint64_t, struct busiest, MAX_PORTS);
static struct cti_pair order[MAX_PORTS];
static struct cti_table table;
static struct cti_line line;

uint64_t vm_main(void) {
  int64_t failed = cti_dp_flows_open(&table);
  if (failed) return (uint64_t)failed;
  const struct cti_dp_flows_rows *rows = cti_segment(&table, CTI_DP_FLOWS_SEGMENT_ROWS);
  const struct cti_dp_flows_match *matches = cti_segment(&table, CTI_DP_FLOWS_SEGMENT_MATCH);

  uint64_t n_lost = 0;
  for (uint64_t row = 0; row < table.n_rows; row++) {
    uint64_t port = matches[row].key.in_port;
    struct busiest *best = map_insert(&by_port.map, &port);
    if (cti_failed(best)) {
      n_lost++;
      continue;
    }
    if (best->n_flows++ == 0 || rows[row].packets > best->packets) {
      best->packets = rows[row].packets;
      best->row = row;
      best->port = port;
    }
  }

  uint64_t n = 0, cursor = 0;
  for (uint64_t *key; n < MAX_PORTS && (key = map_next(&by_port.map, &cursor)) != NULL; n++) {
    const struct busiest *best = (const struct busiest *)(key + 1);
    order[n].key = best->packets;
    order[n].value = (uint64_t)best;
  }
  pairs_sort(order, n, 1);
  for (uint64_t i = 0; i < n; i++) {
    const struct busiest *best = (const struct busiest *)order[i].value;
    cti_put_port(&line, &table, (uint32_t)best->port);
    cti_put_text(&line, ": ");
    cti_put_u64(&line, best->packets);
    cti_put_text(&line, " packets in flow ");
    cti_put_u64(&line, best->row);
    cti_put_text(&line, ", the busiest of ");
    cti_put_u64(&line, best->n_flows);
    cti_end_line(&line);
    emit(1, best, sizeof *best);
  }
  if (n_lost > 0) {
    cti_put_u64(&line, n_lost);
    cti_put_text(&line, " flows of further ports were left out: the map is full");
    cti_end_line(&line);
  }
  return n;
}
