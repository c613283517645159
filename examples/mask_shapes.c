/*
 * A histogram of mask shapes: which fields megaflows match on, and how exactly. Every distinct shape is a subtable
 * that the datapath's classifier has to look into, so many shapes with few flows each are what makes lookups slow.
 *
 *   ctinspector run examples/mask_shapes.c
 *
 * Prints each shape, the one with most flows first: how many flows, their packets, and the fields, with /N where only
 * N bits count. The result is the number of shapes, or -errno.
 */
#include "ctinspector/ctinspector.h"
#include "ctinspector/text.h"

#define MAX_SHAPES 1024

/* The masks of every part of a flow; what a flow does not have is zero. */
struct shape {
  struct cti_dp_flows_match_half match;
  struct cti_dp_flows_tunnel_half tunnel;
  struct cti_dp_flows_ipv6_half ipv6;
  struct cti_dp_flows_ct_tuple_half ct_tuple;
  struct cti_dp_flows_arp_half arp;
  struct cti_dp_flows_encap_half encap;
};

CTI_GROUPS(shapes, struct shape, MAX_SHAPES);
static struct cti_pair order[MAX_SHAPES];
static struct cti_table table;
static struct cti_line line;
static struct shape shape;

static void copy(void *to, const void *from, uint32_t size) {
  for (uint32_t i = 0; i < size; i += 4) *(uint32_t *)((char *)to + i) = *(const uint32_t *)((const char *)from + i);
}

static void clear(void *at, uint32_t size) {
  for (uint32_t i = 0; i < size; i += 4) *(volatile uint32_t *)((char *)at + i) = 0;
}

/* 'index' counts from 1; 0: the flow has no such part. */
#define PART(name, SEGMENT, index)                                                                  \
  if (index) {                                                                                      \
    const struct cti_dp_flows_##name *parts = cti_segment(&table, CTI_DP_FLOWS_SEGMENT_##SEGMENT); \
    copy(&shape.name, &parts[(index) - 1].mask, sizeof shape.name);                                 \
  }

static uint32_t count_bits(const uint8_t *bytes, uint32_t size) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < size; i++)
    for (uint8_t byte = bytes[i]; byte; byte &= (uint8_t)(byte - 1)) n++;
  return n;
}

static const struct field {
  const char *name;
  uint16_t name_size;
  uint16_t offset; /* in struct shape */
  uint16_t size;
  uint16_t n_bits; /* of an exact match */
} fields[] = {
#define FIELD(part, name, at, bytes, bits) \
  {#name, sizeof(#name) - 1, offsetof(struct shape, part) + (at), (bytes), (bits)},
#define F(name, at, bytes, bits) FIELD(match, name, at, bytes, bits)
    CTI_DP_FLOWS_MATCH_FIELDS(F)
#undef F
#define F(name, at, bytes, bits) FIELD(tunnel, name, at, bytes, bits)
    CTI_DP_FLOWS_TUNNEL_FIELDS(F)
#undef F
#define F(name, at, bytes, bits) FIELD(ipv6, name, at, bytes, bits)
    CTI_DP_FLOWS_IPV6_FIELDS(F)
#undef F
#define F(name, at, bytes, bits) FIELD(ct_tuple, name, at, bytes, bits)
    CTI_DP_FLOWS_CT_TUPLE_FIELDS(F)
#undef F
#define F(name, at, bytes, bits) FIELD(arp, name, at, bytes, bits)
    CTI_DP_FLOWS_ARP_FIELDS(F)
#undef F
#define F(name, at, bytes, bits) FIELD(encap, name, at, bytes, bits)
    CTI_DP_FLOWS_ENCAP_FIELDS(F)
#undef F
};

static void __attribute__((noinline)) put_field(const struct field *field, const uint8_t *masks) {
  uint32_t bits = count_bits(masks + field->offset, field->size);
  if (bits == 0) return;
  cti_put_char(&line, ' ');
  cti_put(&line, field->name, field->name_size);
  if (bits == field->n_bits) return;
  cti_put_char(&line, '/');
  cti_put_u64(&line, bits);
}

uint64_t vm_main(void) {
  int64_t failed = cti_dp_flows_open(&table);
  if (failed) return (uint64_t)failed;
  const struct cti_dp_flows_rows *rows = cti_segment(&table, CTI_DP_FLOWS_SEGMENT_ROWS);
  const struct cti_dp_flows_match *matches = cti_segment(&table, CTI_DP_FLOWS_SEGMENT_MATCH);
  for (uint64_t row = 0; row < table.n_rows; row++) {
    clear(&shape, sizeof shape);
    copy(&shape.match, &matches[row].mask, sizeof shape.match);
    PART(tunnel, TUNNEL, rows[row].tunnel)
    PART(ipv6, IPV6, rows[row].ipv6)
    PART(ct_tuple, CT_TUPLE, rows[row].ct_tuple)
    PART(arp, ARP, rows[row].arp)
    PART(encap, ENCAP, rows[row].encap)
    group_add(&shapes.groups, &shape, rows[row].packets);
  }

  uint64_t n = 0;
  for (uint64_t i = 0; i < MAX_SHAPES; i++) {
    if (shapes.entries[i].count == 0) continue;
    order[n].key = shapes.entries[i].count;
    order[n++].value = i;
  }
  pairs_sort(order, n, 1);
  for (uint64_t i = 0; i < n; i++) {
    uint64_t at = order[i].value;
    cti_put_u64(&line, shapes.entries[at].count);
    cti_put_text(&line, " flows, ");
    cti_put_u64(&line, shapes.entries[at].sum);
    cti_put_text(&line, " packets:");
    const uint8_t *masks = (const uint8_t *)&shapes.entries[at].key;
    for (uint32_t f = 0; f < sizeof fields / sizeof *fields; f++) put_field(&fields[f], masks);
    cti_end_line(&line);
  }
  if (shapes.groups.lost > 0) {
    cti_put_u64(&line, shapes.groups.lost);
    cti_put_text(&line, " flows of further shapes were left out: there is room for 896");
    cti_end_line(&line);
  }
  return n;
}
