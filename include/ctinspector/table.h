// Generated from schema/ by `npm run generate`. Do not edit.
/* What every table shares: how a run tells a program where a table lies. */
#ifndef CTINSPECTOR_TABLE_H
#define CTINSPECTOR_TABLE_H

#include <stdint.h>

/* Bytes in a table's blob segment. */
struct cti_ref {
  uint32_t offset;
  uint32_t size;
};

/* 16 bytes in wire order. */
struct cti_be128 {
  uint64_t word[2];
};

struct cti_segment {
  uint64_t address;
  uint64_t size; /* bytes */
  uint32_t stride; /* bytes a record; 1 for a blob */
  uint32_t n_records;
};

struct cti_table {
  uint64_t n_rows;
  uint64_t generation;
  uint64_t schema_hash;
  uint32_t n_segments;
  uint32_t reserved;
  struct cti_segment segments[16];
};

#endif
