/* Lines of text for print(): a program has no printf. A line that grows too long is cut; its end then says "...".
 *
 *   static struct cti_line line;
 *   cti_put_text(&line, "port ");
 *   cti_put_u64(&line, number);
 *   cti_end_line(&line);
 */
#ifndef CTINSPECTOR_TEXT_H
#define CTINSPECTOR_TEXT_H

#include "ctinspector/ctinspector.h"

#define CTI_LINE_SIZE 240

struct cti_line {
  uint32_t n;
  uint32_t is_cut;
  char text[CTI_LINE_SIZE];
};

static inline void cti_put_char(struct cti_line *line, char c) {
  /* The last four bytes are kept for "..." and the newline. */
  if (line->n < CTI_LINE_SIZE - 4) line->text[line->n++] = c;
  else line->is_cut = 1;
}

static inline void cti_put(struct cti_line *line, const char *text, uint64_t size) {
  for (uint64_t i = 0; i < size; i++) cti_put_char(line, text[i]);
}

/* A string constant. */
#define cti_put_text(line, text) cti_put((line), (text), sizeof(text) - 1)

static inline void cti_put_u64(struct cti_line *line, uint64_t value) {
  char digits[20];
  uint32_t n = 0;
  do {
    digits[n++] = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  while (n > 0) cti_put_char(line, digits[--n]);
}

static inline void cti_put_hex(struct cti_line *line, uint64_t value) {
  int shift = 60;
  while (shift > 0 && (value >> shift) == 0) shift -= 4;
  cti_put_text(line, "0x");
  for (; shift >= 0; shift -= 4) cti_put_char(line, "0123456789abcdef"[value >> shift & 15]);
}

/* Host order. */
static inline void cti_put_ipv4(struct cti_line *line, uint32_t address) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    cti_put_u64(line, address >> shift & 255);
    if (shift > 0) cti_put_char(line, '.');
  }
}

/* Prints the line and empties it. */
static inline int64_t cti_end_line(struct cti_line *line) {
  for (uint32_t i = 0; line->is_cut && i < 3; i++) line->text[line->n++] = '.';
  line->text[line->n++] = '\n';
  int64_t failed = print(line->text, line->n);
  line->n = 0;
  line->is_cut = 0;
  return failed;
}

/* The name of a port of dp_flows, or its number where it has no name. 'port' is an id of the segment ports. */
static inline void cti_put_port(struct cti_line *line, const struct cti_table *table, uint32_t port) {
  if (port >= table->segments[CTI_DP_FLOWS_SEGMENT_PORTS].n_records) {
    cti_put_text(line, "port ?");
    return;
  }
  const struct cti_dp_flows_ports *ports = cti_segment(table, CTI_DP_FLOWS_SEGMENT_PORTS);
  const char *blob = cti_segment(table, CTI_DP_FLOWS_SEGMENT_BLOB);
  if (ports[port].known & 1) {
    cti_put(line, blob + ports[port].name.offset, ports[port].name.size);
  } else {
    cti_put_text(line, "port ");
    cti_put_u64(line, ports[port].odp_port);
  }
}

#endif
