/*
 * Watches counters of an application (exporter.c) in its own memory: waits until it has counted to a limit, asks it for a reset by writing
 * there, and waits until that is done.
 *
 *   ctinspector run examples/region/watch.c --map counters=/proc/PID/fd/N:rw --arg 100 --arg 3
 *
 * Arguments: the limit, how often (0: once). The result is how many resets it saw done, or -errno.
 */
#include "counters.h"
#include "ctinspector/ctinspector.h"
#include "ctinspector/text.h"

enum { TAG_LIMIT, TAG_RESET };

static struct cti_line line;

uint64_t vm_main(uint64_t limit, uint64_t n_rounds) {
  uint64_t size = 0;
  struct counters *counters = mmap("counters", 8, CTI_READ_WRITE, &size);
  if (cti_failed(counters)) return (uint64_t)counters;
  if (size < sizeof *counters) return (uint64_t)-CTI_EINVAL;

  uint64_t done = 0;
  struct cti_address_event event;
  do {
    monitor_address(CTI_MONITOR_LARGER, (uint64_t)&counters->requests, limit, TAG_LIMIT);
    int64_t failed = wait_for_address_event(0, &event);
    if (failed) return (uint64_t)failed;
    cti_put_u64(&line, event.value);
    cti_put_text(&line, " requests: asking for a reset");
    cti_end_line(&line);

    uint64_t before = counters->resets_done;
    monitor_address(CTI_MONITOR_CLEAR, (uint64_t)&counters->requests, 0, 0);
    monitor_address(CTI_MONITOR_LARGER, (uint64_t)&counters->resets_done, before, TAG_RESET);
    __atomic_fetch_add(&counters->resets_asked, 1, __ATOMIC_SEQ_CST);
    failed = wait_for_address_event(0, &event);
    if (failed) return (uint64_t)failed;
    monitor_address(CTI_MONITOR_CLEAR, (uint64_t)&counters->resets_done, 0, 0);
    cti_put_text(&line, "reset ");
    cti_put_u64(&line, event.value);
    cti_put_text(&line, " is done");
    cti_end_line(&line);
  } while (++done < n_rounds);
  munmap((uint64_t)counters);
  return done;
}
