// Generated from schema/ by `npm run generate`. Do not edit.
/* Ports of the datapaths: what in_port and output of a megaflow name. */
#ifndef CTINSPECTOR_PORTS_H
#define CTINSPECTOR_PORTS_H

#include <stdint.h>

#include "ctinspector/table.h"

#define CTI_PORTS_SCHEMA_HASH 0x42df2d7f26e15719ULL

/* A port as its datapath has it. (one a row) */
struct cti_ports_rows {
  uint32_t name; /* 0: name of the port and its device */
  uint32_t type; /* 4: type, as dpctl/show prints it */
  uint32_t odp_port; /* 8: the datapath's number for it */
  uint32_t datapath; /* 12: which datapath */
  uint32_t rx_queues; /* 16: receive queues the datapath has opened */
  uint32_t tx_queues; /* 20: transmit queues of the device */
  uint32_t known; /* 24: bit n: the column with known bit n (enum below) has a value */
  uint8_t emc; /* 28: whether its packets use the exact match cache */
  uint8_t reserved8; /* 29: zero */
  uint16_t reserved16; /* 30: zero */
};

/* Datapaths of the switch, by full name (netdev@ovs-netdev). (distinct) */
struct cti_ports_datapaths {
  struct cti_ref name; /* 0: full name */
  uint64_t reserved; /* 8: zero */
};

/* Each distinct text once; a column of type text is its number. (distinct) */
struct cti_ports_texts {
  struct cti_ref text; /* 0: the text */
  uint64_t reserved; /* 8: zero */
};


/* Bits of ports.rows.known. */
enum cti_ports_known {
  CTI_PORTS_KNOWN_RX_QUEUES = 1u << 0,
  CTI_PORTS_KNOWN_TX_QUEUES = 1u << 1,
  CTI_PORTS_KNOWN_EMC = 1u << 2,
};

/* Index of a segment in struct cti_table. */
enum cti_ports_segment {
  CTI_PORTS_SEGMENT_ROWS = 0,
  CTI_PORTS_SEGMENT_DATAPATHS = 1,
  CTI_PORTS_SEGMENT_TEXTS = 2,
  CTI_PORTS_SEGMENT_BLOB = 3,
};

enum cti_ports_emc {
  CTI_PORTS_EMC_NO = 0,
  CTI_PORTS_EMC_YES = 1,
};

#endif
