/* Structs of the memory mapper's and the hook points' kernel functions. Written by hand; ctinspector.h, which is generated, includes it.
 * Everything is host byte order and naturally aligned. lib/kernel-functions/mapper.ts and lib/hooks/events.ts fill them in. */
#ifndef CTINSPECTOR_MAPPER_H
#define CTINSPECTOR_MAPPER_H

#include <stdint.h>

#include "ctinspector/table.h"

#define CTI_EPERM 1
#define CTI_ESRCH 3
#define CTI_EIO 5
#define CTI_E2BIG 7
#define CTI_EACCES 13
#define CTI_EBUSY 16
#define CTI_EMFILE 24
#define CTI_ENOSYS 38
#define CTI_ENOTUNIQ 76
#define CTI_EOPNOTSUPP 95
#define CTI_ETIMEDOUT 110
#define CTI_EDQUOT 122

/* mmap: access */
#define CTI_READ 0
#define CTI_READ_WRITE 1

/* region_info */
struct cti_region {
  uint64_t size;
  uint64_t access;  /* what is granted: CTI_READ or CTI_READ_WRITE */
  uint64_t address; /* where this program has it mapped; 0: it has not */
};

/* monitor_address: type */
enum cti_monitor {
  CTI_MONITOR_LARGER,
  CTI_MONITOR_SMALLER,
  CTI_MONITOR_EQUAL,
  CTI_MONITOR_NOT_EQUAL,
  CTI_MONITOR_CLEAR,
};

/* wait_for_address_event */
struct cti_address_event {
  uint64_t tag;
  uint64_t address;
  uint64_t value; /* the word as it was seen; it may have changed since */
};

/* Which fields of struct cti_event have a meaning, and what, docs/hooks.md says for each event. */
enum cti_event_kind {
  CTI_EVENT_ROW_NEW = 1, /* table_changed */
  CTI_EVENT_ROW_CHANGED = 2,
  CTI_EVENT_ROW_GONE = 3,
  CTI_EVENT_PORT_ADDED = 16, /* port_changed */
  CTI_EVENT_PORT_REMOVED = 17,
  CTI_EVENT_PORT_UP = 18,
  CTI_EVENT_PORT_DOWN = 19,
  CTI_EVENT_PRESSURE_ON = 32, /* upcall_pressure */
  CTI_EVENT_PRESSURE_OFF = 33,
};

/* event_wait */
struct cti_event {
  uint32_t kind;
  uint32_t dropped;    /* events between this one and the one before it that found no room */
  uint64_t time_ns;    /* when it was noticed, since 1970 */
  uint64_t generation; /* of the snapshot it was seen in */
  uint64_t row;        /* its row in that snapshot; all ones: none */
  struct cti_be128 ufid;
  uint64_t values[4];
  char name[64]; /* ends with a 0 */
};

/* ovs_upcalls: of all datapaths together. Counters are since the switch started. */
struct cti_ovs_upcalls {
  uint64_t time_ns; /* when this was asked for, since 1970 */
  uint64_t flows;   /* megaflows now */
  uint64_t flow_limit;
  uint64_t flows_max; /* the most there have been */
  uint64_t dump_ms;   /* how long revalidators take for all flows */
  uint64_t hit;       /* packets that found a megaflow */
  uint64_t missed;    /* packets that had to be decided upon: upcalls */
  uint64_t lost;      /* of these, lost before they were */
};

_Static_assert(sizeof(struct cti_event) == 144, "lib/hooks/events.ts");
_Static_assert(sizeof(struct cti_ovs_upcalls) == 64, "lib/hooks/ovs/functions.ts");
_Static_assert(sizeof(struct cti_table) == 416, "lib/kernel-functions/mapper.ts");

#endif
