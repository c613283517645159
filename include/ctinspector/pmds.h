// Generated from schema/ by `npm run generate`. Do not edit.
/* Threads of the userspace datapath that forward packets: its PMD threads, and what the main thread does of it. */
#ifndef CTINSPECTOR_PMDS_H
#define CTINSPECTOR_PMDS_H

#include <stdint.h>

#include "ctinspector/table.h"

#define CTI_PMDS_SCHEMA_HASH 0xca56cd8936209192ULL

/* Who the thread is, what it holds and what it did. Counters are since its start or the last pmd-stats-clear. (one a row) */
struct cti_pmds_rows {
  uint64_t packets; /* 0: packets received from ports */
  uint64_t recirculations; /* 8: packets that came in again by recirculation */
  uint64_t phwol_hits; /* 16: passes answered by a mark of the hardware (partial offload) */
  uint64_t mfex_hits; /* 24: packets parsed by an optimised miniflow extraction */
  uint64_t simple_hits; /* 32: passes answered by the simple match table */
  uint64_t emc_hits; /* 40: passes answered by the exact match cache */
  uint64_t smc_hits; /* 48: passes answered by the signature match cache */
  uint64_t megaflow_hits; /* 56: passes answered by the classifier */
  uint64_t megaflow_lookups; /* 64: subtables looked at for those */
  uint64_t upcalls; /* 72: misses whose upcall succeeded */
  uint64_t upcalls_failed; /* 80: misses whose upcall failed: packets lost */
  uint64_t sent; /* 88: packets sent */
  uint64_t sent_batches; /* 96: batches they were sent in */
  uint64_t busy_cycles; /* 104: cycles of iterations that had packets */
  uint64_t idle_cycles; /* 112: cycles of iterations that had none */
  uint64_t upcall_cycles; /* 120: cycles spent in upcalls, part of the busy ones */
  uint64_t sleeps; /* 128: iterations in which it slept to save power */
  uint64_t flows; /* 136: megaflows it holds */
  uint32_t subtables; /* 144: subtables of its classifiers, one a mask and port */
  uint32_t rxqs; /* 148: receive queues it polls */
  int32_t core; /* 152: CPU it is pinned to; -1: the main thread */
  int32_t numa; /* 156: NUMA node it allocates on */
  uint32_t datapath; /* 160: which datapath */
  uint32_t known; /* 164: bit n: the column with known bit n (enum below) has a value */
  uint8_t isolated; /* 168: whether it polls pinned queues only */
  uint8_t reserved8; /* 169: zero */
  uint16_t reserved16; /* 170: zero */
  uint32_t reserved32; /* 172: zero */
};

/* Datapaths of the switch, by full name (netdev@ovs-netdev). (distinct) */
struct cti_pmds_datapaths {
  struct cti_ref name; /* 0: full name */
  uint64_t reserved; /* 8: zero */
};


/* Bits of pmds.rows.known. */
enum cti_pmds_known {
  CTI_PMDS_KNOWN_PACKETS = 1u << 0,
  CTI_PMDS_KNOWN_RECIRCULATIONS = 1u << 1,
  CTI_PMDS_KNOWN_PHWOL_HITS = 1u << 2,
  CTI_PMDS_KNOWN_MFEX_HITS = 1u << 3,
  CTI_PMDS_KNOWN_SIMPLE_HITS = 1u << 4,
  CTI_PMDS_KNOWN_EMC_HITS = 1u << 5,
  CTI_PMDS_KNOWN_SMC_HITS = 1u << 6,
  CTI_PMDS_KNOWN_MEGAFLOW_HITS = 1u << 7,
  CTI_PMDS_KNOWN_MEGAFLOW_LOOKUPS = 1u << 8,
  CTI_PMDS_KNOWN_UPCALLS = 1u << 9,
  CTI_PMDS_KNOWN_UPCALLS_FAILED = 1u << 10,
  CTI_PMDS_KNOWN_SENT = 1u << 11,
  CTI_PMDS_KNOWN_SENT_BATCHES = 1u << 12,
  CTI_PMDS_KNOWN_BUSY_CYCLES = 1u << 13,
  CTI_PMDS_KNOWN_IDLE_CYCLES = 1u << 14,
  CTI_PMDS_KNOWN_UPCALL_CYCLES = 1u << 15,
  CTI_PMDS_KNOWN_SLEEPS = 1u << 16,
  CTI_PMDS_KNOWN_FLOWS = 1u << 17,
  CTI_PMDS_KNOWN_SUBTABLES = 1u << 18,
  CTI_PMDS_KNOWN_RXQS = 1u << 19,
  CTI_PMDS_KNOWN_NUMA = 1u << 20,
  CTI_PMDS_KNOWN_ISOLATED = 1u << 21,
};

/* Index of a segment in struct cti_table. */
enum cti_pmds_segment {
  CTI_PMDS_SEGMENT_ROWS = 0,
  CTI_PMDS_SEGMENT_DATAPATHS = 1,
  CTI_PMDS_SEGMENT_BLOB = 2,
};

enum cti_pmds_isolated {
  CTI_PMDS_ISOLATED_NO = 0,
  CTI_PMDS_ISOLATED_YES = 1,
};

#endif
