/*
 * A tail of flows: prints each megaflow that comes to meet a condition, and says when one goes, until it has shown as many as told.
 *
 *   ctinspector run examples/tail_flows.c --arg 20
 *
 * Arguments: how many to show (0: 10), seconds to wait for the next (0: 30). The condition is a question's `where`: first passes; change it here. The
 * result is how many were shown, or -errno.
 */
#include "ctinspector/ctinspector.h"
#include "ctinspector/text.h"

#ifndef CONDITION
#define CONDITION "recirc_id = 0"
#endif

static struct cti_table table;
static struct cti_line line;
static struct cti_event event;
static char text[8192];

static void put_ufid(const struct cti_be128 *ufid) {
  const uint8_t *bytes = (const uint8_t *)ufid;
  for (int i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) cti_put_char(&line, '-');
    cti_put_char(&line, "0123456789abcdef"[bytes[i] >> 4]);
    cti_put_char(&line, "0123456789abcdef"[bytes[i] & 15]);
  }
}

/* The row that the event is about, as text, with its newline. */
static void __attribute__((noinline)) show_row(void) {
  if (table.generation != event.generation) {
    /* The reading that the event was seen in, or a younger one: the flow's row may be another there. */
    if (table_refresh("dp_flows", 8, &table, sizeof table, 1000)) return;
  }
  int64_t row = ovs_flow_row(&event.ufid, table.generation);
  int64_t n = row < 0 ? row : ovs_row_text(table.generation, (uint64_t)row, text, sizeof text - 1);
  if (n < 0) {
    cti_put_text(&line, "(gone again) ");
    put_ufid(&event.ufid);
    cti_end_line(&line);
    return;
  }
  uint64_t size = (uint64_t)n < sizeof text - 1 ? (uint64_t)n : sizeof text - 1;
  text[size++] = '\n';
  print(text, size);
}

uint64_t vm_main(uint64_t n_shown, uint64_t seconds) {
  static const char what[] = "table_changed(dp_flows, every 500ms, " CONDITION ")";
  int64_t subscription = event_subscribe(what, sizeof what - 1);
  if (subscription < 0) return (uint64_t)subscription;
  uint64_t n = 0;
  while (n < (n_shown ? n_shown : 10)) {
    int64_t failed = event_wait((uint64_t)subscription, (seconds ? seconds : 30) * 1000000000ULL, &event, sizeof event);
    if (failed == -CTI_ETIMEDOUT) break;
    if (failed) return (uint64_t)failed;
    if (event.dropped) {
      cti_put_u64(&line, event.dropped);
      cti_put_text(&line, " events were missed here");
      cti_end_line(&line);
    }
    if (event.kind == CTI_EVENT_ROW_GONE) {
      print_text("- ");
      put_ufid(&event.ufid);
      cti_end_line(&line);
      continue;
    }
    if (event.kind == CTI_EVENT_ROW_NEW) print_text("+ ");
    else print_text("~ ");
    show_row();
    n++;
  }
  return n;
}
