/*
 * Flows that share a 5-tuple across recirculations: one connection's passes through the pipeline (conntrack, a bond's
 * hash, a decapsulated tunnel) are flows of their own with different recirc_id. This joins them again.
 *
 *   ctinspector run examples/same_tuple.c
 *
 * Looks at TCP, UDP and SCTP flows over IPv4 and IPv6 that match some part of the tuple; two share it if they match
 * the same bits of it alike. Prints each tuple that occurs with more than one recirc_id; emits a record of type 1 for
 * each, struct tuple and struct passes. The result is how many, or -errno.
 */
#include "ctinspector/ctinspector.h"
#include "ctinspector/text.h"

#define MAX_TUPLES 16384
#define MAX_PASSES 6

struct tuple {
  struct cti_be128 src, dst; /* wire order; an IPv4 address is in the first word, host order */
  struct cti_be128 src_mask, dst_mask;
  uint16_t tp_src, tp_dst, tp_src_mask, tp_dst_mask;
  uint16_t eth_type;
  uint8_t nw_proto;
  uint8_t zero[5];
};

struct passes {
  uint64_t n_flows;
  uint64_t packets; /* of the first pass: later ones see the same packets again */
  uint32_t n_passes;
  uint32_t recirc_ids[MAX_PASSES];
  uint32_t zero;
};

CTI_MAP(tuples, struct tuple, struct passes, MAX_TUPLES);
static struct cti_table table;
static struct cti_line line;
static struct tuple tuple;
static struct {
  struct tuple tuple;
  struct passes passes;
} record;

/* Whether the flow has a tuple; it is in 'tuple' then. */
static int __attribute__((noinline))
take_tuple(const struct cti_dp_flows_rows *row, const struct cti_dp_flows_match *match) {
  uint8_t proto = match->key.nw_proto;
  uint16_t type = match->key.eth_type;
  if ((proto != 6 && proto != 17 && proto != 132) || match->mask.nw_proto != 0xff) return 0;
  tuple.eth_type = type;
  tuple.nw_proto = proto;
  tuple.tp_src_mask = match->mask.tp_src;
  tuple.tp_dst_mask = match->mask.tp_dst;
  tuple.tp_src = match->key.tp_src & match->mask.tp_src;
  tuple.tp_dst = match->key.tp_dst & match->mask.tp_dst;
  if (type == 0x0800) {
    tuple.src_mask = (struct cti_be128){{match->mask.nw_src, 0}};
    tuple.dst_mask = (struct cti_be128){{match->mask.nw_dst, 0}};
    tuple.src = (struct cti_be128){{match->key.nw_src & match->mask.nw_src, 0}};
    tuple.dst = (struct cti_be128){{match->key.nw_dst & match->mask.nw_dst, 0}};
  } else if (type == 0x86dd && row->ipv6) {
    const struct cti_dp_flows_ipv6 *parts = cti_segment(&table, CTI_DP_FLOWS_SEGMENT_IPV6);
    const struct cti_dp_flows_ipv6 *ipv6 = &parts[row->ipv6 - 1];
    tuple.src_mask = ipv6->mask.ipv6_src;
    tuple.dst_mask = ipv6->mask.ipv6_dst;
    for (int i = 0; i < 2; i++) {
      tuple.src.word[i] = ipv6->key.ipv6_src.word[i] & ipv6->mask.ipv6_src.word[i];
      tuple.dst.word[i] = ipv6->key.ipv6_dst.word[i] & ipv6->mask.ipv6_dst.word[i];
    }
  } else {
    return 0;
  }
  return tuple.src_mask.word[0] || tuple.src_mask.word[1] || tuple.dst_mask.word[0] || tuple.dst_mask.word[1] ||
         tuple.tp_src_mask || tuple.tp_dst_mask;
}

static void __attribute__((noinline)) put_address(const struct cti_be128 *address, uint16_t eth_type) {
  if (eth_type == 0x0800) {
    cti_put_ipv4(&line, (uint32_t)address->word[0]);
    return;
  }
  const uint8_t *bytes = (const uint8_t *)address;
  for (int i = 0; i < 16; i++) {
    if (i > 0 && i % 2 == 0) cti_put_char(&line, ':');
    cti_put_char(&line, "0123456789abcdef"[bytes[i] >> 4]);
    cti_put_char(&line, "0123456789abcdef"[bytes[i] & 15]);
  }
}

uint64_t vm_main(void) {
  int64_t failed = cti_dp_flows_open(&table);
  if (failed) return (uint64_t)failed;
  const struct cti_dp_flows_rows *rows = cti_segment(&table, CTI_DP_FLOWS_SEGMENT_ROWS);
  const struct cti_dp_flows_match *matches = cti_segment(&table, CTI_DP_FLOWS_SEGMENT_MATCH);

  uint64_t n_lost = 0;
  for (uint64_t row = 0; row < table.n_rows; row++) {
    if (!take_tuple(&rows[row], &matches[row])) continue;
    struct passes *passes = map_insert(&tuples.map, &tuple);
    if (cti_failed(passes)) {
      n_lost++;
      continue;
    }
    uint32_t recirc_id = matches[row].key.recirc_id;
    passes->n_flows++;
    if (recirc_id == 0) passes->packets += rows[row].packets;
    uint32_t i = 0;
    while (i < passes->n_passes && i < MAX_PASSES && passes->recirc_ids[i] != recirc_id) i++;
    if (i < passes->n_passes && i < MAX_PASSES) continue;
    if (i < MAX_PASSES) {
      passes->recirc_ids[i] = recirc_id;
      passes->n_passes++;
    }
  }

  uint64_t n = 0, cursor = 0;
  for (struct tuple *key; (key = map_next(&tuples.map, &cursor)) != NULL;) {
    const struct passes *passes = (const struct passes *)(key + 1);
    if (passes->n_passes < 2) continue;
    n++;
    put_address(&key->src, key->eth_type);
    cti_put_char(&line, ' ');
    cti_put_u64(&line, key->tp_src);
    cti_put_text(&line, " > ");
    put_address(&key->dst, key->eth_type);
    cti_put_char(&line, ' ');
    cti_put_u64(&line, key->tp_dst);
    cti_put_text(&line, ", protocol ");
    cti_put_u64(&line, key->nw_proto);
    cti_put_text(&line, ": ");
    cti_put_u64(&line, passes->n_flows);
    cti_put_text(&line, " flows, recirc_id");
    for (uint32_t i = 0; i < passes->n_passes && i < MAX_PASSES; i++) {
      cti_put_char(&line, ' ');
      cti_put_hex(&line, passes->recirc_ids[i]);
    }
    cti_end_line(&line);
    record.tuple = *key;
    record.passes = *passes;
    emit(1, &record, sizeof record);
  }
  if (n_lost > 0) {
    cti_put_u64(&line, n_lost);
    cti_put_text(&line, " flows of further tuples were left out: the map is full");
    cti_end_line(&line);
  }
  return n;
}
