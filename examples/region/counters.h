/* What the exporter shares, in the first page of its memfd. Each word has one writer. */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stdint.h>

struct counters {
  uint64_t requests;     /* the exporter counts them up */
  uint64_t resets_asked; /* the program counts up: asks for a reset */
  uint64_t resets_done;  /* the exporter has done as many */
};

#endif
