// Generated from schema/ by `npm run generate`. Do not edit.
/* Connections: what dpctl/dump-conntrack and conntrack -L print, of a switch or from a file. One row a connection. */
#ifndef CTINSPECTOR_CT_H
#define CTINSPECTOR_CT_H

#include <stdint.h>

#include "ctinspector/table.h"

#define CTI_CT_SCHEMA_HASH 0xc51c01a17c92ae4bULL

/* What is known of the connection, beyond its tuples. (one a row) */
struct cti_ct_rows {
  struct cti_be128 label; /* 0: conntrack label (labels=); conntrack -L prints it with -o labels only */
  uint64_t packets; /* 16: packets in both directions */
  uint64_t bytes; /* 24: bytes in both directions */
  uint64_t orig_packets; /* 32: packets in the original direction (dump-conntrack -s; nf_conntrack_acct) */
  uint64_t orig_bytes; /* 40: bytes in the original direction */
  uint64_t reply_packets; /* 48: packets in the reply direction */
  uint64_t reply_bytes; /* 56: bytes in the reply direction */
  uint64_t timeout_ms; /* 64: time until it is forgotten, if no packet comes */
  uint32_t known; /* 72: bit n: the column with known bit n (enum below) has a value */
  uint32_t datapath; /* 76: which datapath; of a file, where its name says it */
  uint32_t file; /* 80: the file of the archive or directory it stands in */
  uint32_t helper; /* 84: conntrack helper (alg), empty: none */
  uint32_t secctx; /* 88: security context (conntrack -L) */
  uint32_t mark; /* 92: conntrack mark */
  uint32_t id; /* 96: the connection's number (dump-conntrack -m, conntrack -o id) */
  uint32_t use; /* 100: references to it (conntrack -L) */
  uint32_t status; /* 104: all status bits (dump-conntrack -m) */
  uint32_t orig_vtag; /* 108: SCTP verification tag, original direction */
  uint32_t reply_vtag; /* 112: SCTP verification tag, reply direction */
  uint32_t parent; /* 116: record in parent */
  struct cti_ref unknown; /* 120: parts this version does not know, as text, a blank between */
  struct cti_ref start; /* 128: start= as printed, without its zone */
  struct cti_ref stop; /* 136: stop= as printed */
  uint16_t zone; /* 144: conntrack zone */
  uint16_t zone_orig; /* 146: zone of the original direction alone (conntrack -L) */
  uint16_t zone_reply; /* 148: zone of the reply direction alone (conntrack -L) */
  uint16_t orig_tcp_flags; /* 150: what conntrack notes of the original direction (dump-conntrack -m) */
  uint16_t reply_tcp_flags; /* 152: what conntrack notes of the reply direction (dump-conntrack -m) */
  uint8_t orig_wscale; /* 154: TCP window scale, original direction */
  uint8_t reply_wscale; /* 155: TCP window scale, reply direction */
  uint8_t state; /* 156: state of the connection; of two directions the later one. NONE: the protocol has none */
  uint8_t orig_state; /* 157: TCP state of the original direction (dump-conntrack -m) */
  uint8_t reply_state; /* 158: TCP state of the reply direction (dump-conntrack -m) */
  uint8_t assured; /* 159: seen enough of it not to drop it early */
  uint8_t replied; /* 160: packets have come in the reply direction (SEEN_REPLY; not [UNREPLIED]) */
  uint8_t offload; /* 161: in a flow table of the kernel, or in hardware ([OFFLOAD], [HW_OFFLOAD] of conntrack -L) */
  uint16_t reserved16; /* 162: zero */
  uint32_t reserved32; /* 164: zero */
};

/* Both directions as conntrack has them. (one a row) */
struct cti_ct_tuple_half {
  struct cti_be128 orig_src; /* 0: source address, original direction */
  struct cti_be128 orig_dst; /* 16: destination address, original direction */
  struct cti_be128 reply_src; /* 32: source address of replies: behind destination NAT another than orig.dst */
  struct cti_be128 reply_dst; /* 48: destination address of replies: behind source NAT another than orig.src */
  uint16_t orig_sport; /* 64: source port, original direction */
  uint16_t orig_dport; /* 66: destination port, original direction */
  uint16_t reply_sport; /* 68: source port of replies */
  uint16_t reply_dport; /* 70: destination port of replies */
  uint16_t orig_id; /* 72: ICMP id, original direction */
  uint16_t reply_id; /* 74: ICMP id of replies */
  uint16_t orig_srckey; /* 76: GRE key of the source, original direction (conntrack -L) */
  uint16_t orig_dstkey; /* 78: GRE key of the destination, original direction */
  uint16_t reply_srckey; /* 80: GRE key of the source of replies */
  uint16_t reply_dstkey; /* 82: GRE key of the destination of replies */
  uint16_t eth_type; /* 84: 0x0800 or 0x86dd, from the addresses */
  uint8_t nw_proto; /* 86: IP protocol */
  uint8_t orig_type; /* 87: ICMP type, original direction */
  uint8_t orig_code; /* 88: ICMP code, original direction */
  uint8_t reply_type; /* 89: ICMP type of replies */
  uint8_t reply_code; /* 90: ICMP code of replies */
  uint8_t tuple_reserved8; /* 91: zero */
  uint32_t tuple_reserved32; /* 92: zero */
};
struct cti_ct_tuple {
  struct cti_ct_tuple_half key;
  struct cti_ct_tuple_half mask;
};

/* The connection that this one was expected by (FTP data). (some-rows) */
struct cti_ct_parent_half {
  struct cti_be128 parent_src; /* 0: source address of the parent's original direction */
  struct cti_be128 parent_dst; /* 16: destination address of the parent's original direction */
  uint16_t parent_sport; /* 32: source port of the parent */
  uint16_t parent_dport; /* 34: destination port of the parent */
  uint32_t parent_reserved; /* 36: zero */
};
struct cti_ct_parent {
  struct cti_ct_parent_half key;
  struct cti_ct_parent_half mask;
};

/* Datapaths, by full name; empty where a file does not say. (distinct) */
struct cti_ct_datapaths {
  struct cti_ref name; /* 0: full name */
  uint64_t reserved; /* 8: zero */
};

/* Each distinct text once; a column of type text is its number. (distinct) */
struct cti_ct_texts {
  struct cti_ref text; /* 0: the text */
  uint64_t reserved; /* 8: zero */
};

/* The fields of a half of tuple: F(name, offset, bytes, bits that count). */
#define CTI_CT_TUPLE_FIELDS(F) \
  F(orig_src, 0, 16, 128) \
  F(orig_dst, 16, 16, 128) \
  F(reply_src, 32, 16, 128) \
  F(reply_dst, 48, 16, 128) \
  F(orig_sport, 64, 2, 16) \
  F(orig_dport, 66, 2, 16) \
  F(reply_sport, 68, 2, 16) \
  F(reply_dport, 70, 2, 16) \
  F(orig_id, 72, 2, 16) \
  F(reply_id, 74, 2, 16) \
  F(orig_srckey, 76, 2, 16) \
  F(orig_dstkey, 78, 2, 16) \
  F(reply_srckey, 80, 2, 16) \
  F(reply_dstkey, 82, 2, 16) \
  F(eth_type, 84, 2, 16) \
  F(nw_proto, 86, 1, 8) \
  F(orig_type, 87, 1, 8) \
  F(orig_code, 88, 1, 8) \
  F(reply_type, 89, 1, 8) \
  F(reply_code, 90, 1, 8)

/* The fields of a half of parent: F(name, offset, bytes, bits that count). */
#define CTI_CT_PARENT_FIELDS(F) \
  F(parent_src, 0, 16, 128) \
  F(parent_dst, 16, 16, 128) \
  F(parent_sport, 32, 2, 16) \
  F(parent_dport, 34, 2, 16)

/* Bits of ct.rows.known. */
enum cti_ct_known {
  CTI_CT_KNOWN_LABEL = 1u << 0,
  CTI_CT_KNOWN_PACKETS = 1u << 1,
  CTI_CT_KNOWN_BYTES = 1u << 2,
  CTI_CT_KNOWN_ORIG_PACKETS = 1u << 3,
  CTI_CT_KNOWN_ORIG_BYTES = 1u << 4,
  CTI_CT_KNOWN_REPLY_PACKETS = 1u << 5,
  CTI_CT_KNOWN_REPLY_BYTES = 1u << 6,
  CTI_CT_KNOWN_TIMEOUT_MS = 1u << 7,
  CTI_CT_KNOWN_FILE = 1u << 8,
  CTI_CT_KNOWN_SECCTX = 1u << 9,
  CTI_CT_KNOWN_ID = 1u << 10,
  CTI_CT_KNOWN_USE = 1u << 11,
  CTI_CT_KNOWN_STATUS = 1u << 12,
  CTI_CT_KNOWN_ORIG_VTAG = 1u << 13,
  CTI_CT_KNOWN_REPLY_VTAG = 1u << 14,
  CTI_CT_KNOWN_ZONE_ORIG = 1u << 15,
  CTI_CT_KNOWN_ZONE_REPLY = 1u << 16,
  CTI_CT_KNOWN_ORIG_TCP_FLAGS = 1u << 17,
  CTI_CT_KNOWN_REPLY_TCP_FLAGS = 1u << 18,
  CTI_CT_KNOWN_ORIG_WSCALE = 1u << 19,
  CTI_CT_KNOWN_REPLY_WSCALE = 1u << 20,
  CTI_CT_KNOWN_STATE = 1u << 21,
  CTI_CT_KNOWN_ORIG_STATE = 1u << 22,
  CTI_CT_KNOWN_REPLY_STATE = 1u << 23,
  CTI_CT_KNOWN_ASSURED = 1u << 24,
  CTI_CT_KNOWN_REPLIED = 1u << 25,
  CTI_CT_KNOWN_OFFLOAD = 1u << 26,
};

/* Index of a segment in struct cti_table. */
enum cti_ct_segment {
  CTI_CT_SEGMENT_ROWS = 0,
  CTI_CT_SEGMENT_TUPLE = 1,
  CTI_CT_SEGMENT_PARENT = 2,
  CTI_CT_SEGMENT_DATAPATHS = 3,
  CTI_CT_SEGMENT_TEXTS = 4,
  CTI_CT_SEGMENT_BLOB = 5,
};

enum cti_ct_state {
  CTI_CT_STATE_NONE = 0,
  CTI_CT_STATE_CLOSED = 1,
  CTI_CT_STATE_LISTEN = 2,
  CTI_CT_STATE_SYN_SENT = 3,
  CTI_CT_STATE_SYN_RECV = 4,
  CTI_CT_STATE_ESTABLISHED = 5,
  CTI_CT_STATE_CLOSE_WAIT = 6,
  CTI_CT_STATE_FIN_WAIT_1 = 7,
  CTI_CT_STATE_CLOSING = 8,
  CTI_CT_STATE_LAST_ACK = 9,
  CTI_CT_STATE_FIN_WAIT_2 = 10,
  CTI_CT_STATE_TIME_WAIT = 11,
  CTI_CT_STATE_FIN_WAIT = 12,
  CTI_CT_STATE_CLOSE = 13,
  CTI_CT_STATE_SYN_SENT2 = 14,
  CTI_CT_STATE_COOKIE_WAIT = 20,
  CTI_CT_STATE_COOKIE_ECHOED = 21,
  CTI_CT_STATE_SHUTDOWN_SENT = 22,
  CTI_CT_STATE_SHUTDOWN_RECD = 23,
  CTI_CT_STATE_SHUTDOWN_ACK_SENT = 24,
  CTI_CT_STATE_HEARTBEAT_SENT = 25,
  CTI_CT_STATE_HEARTBEAT_ACKED = 26,
  CTI_CT_STATE_REQUEST = 30,
  CTI_CT_STATE_RESPOND = 31,
  CTI_CT_STATE_PARTOPEN = 32,
  CTI_CT_STATE_OPEN = 33,
  CTI_CT_STATE_CLOSEREQ = 34,
  CTI_CT_STATE_TIMEWAIT = 35,
  CTI_CT_STATE_IGNORE = 36,
  CTI_CT_STATE_INVALID = 37,
};

enum cti_ct_orig_state {
  CTI_CT_ORIG_STATE_NONE = 0,
  CTI_CT_ORIG_STATE_CLOSED = 1,
  CTI_CT_ORIG_STATE_LISTEN = 2,
  CTI_CT_ORIG_STATE_SYN_SENT = 3,
  CTI_CT_ORIG_STATE_SYN_RECV = 4,
  CTI_CT_ORIG_STATE_ESTABLISHED = 5,
  CTI_CT_ORIG_STATE_CLOSE_WAIT = 6,
  CTI_CT_ORIG_STATE_FIN_WAIT_1 = 7,
  CTI_CT_ORIG_STATE_CLOSING = 8,
  CTI_CT_ORIG_STATE_LAST_ACK = 9,
  CTI_CT_ORIG_STATE_FIN_WAIT_2 = 10,
  CTI_CT_ORIG_STATE_TIME_WAIT = 11,
  CTI_CT_ORIG_STATE_FIN_WAIT = 12,
  CTI_CT_ORIG_STATE_CLOSE = 13,
  CTI_CT_ORIG_STATE_SYN_SENT2 = 14,
  CTI_CT_ORIG_STATE_COOKIE_WAIT = 20,
  CTI_CT_ORIG_STATE_COOKIE_ECHOED = 21,
  CTI_CT_ORIG_STATE_SHUTDOWN_SENT = 22,
  CTI_CT_ORIG_STATE_SHUTDOWN_RECD = 23,
  CTI_CT_ORIG_STATE_SHUTDOWN_ACK_SENT = 24,
  CTI_CT_ORIG_STATE_HEARTBEAT_SENT = 25,
  CTI_CT_ORIG_STATE_HEARTBEAT_ACKED = 26,
  CTI_CT_ORIG_STATE_REQUEST = 30,
  CTI_CT_ORIG_STATE_RESPOND = 31,
  CTI_CT_ORIG_STATE_PARTOPEN = 32,
  CTI_CT_ORIG_STATE_OPEN = 33,
  CTI_CT_ORIG_STATE_CLOSEREQ = 34,
  CTI_CT_ORIG_STATE_TIMEWAIT = 35,
  CTI_CT_ORIG_STATE_IGNORE = 36,
  CTI_CT_ORIG_STATE_INVALID = 37,
};

enum cti_ct_reply_state {
  CTI_CT_REPLY_STATE_NONE = 0,
  CTI_CT_REPLY_STATE_CLOSED = 1,
  CTI_CT_REPLY_STATE_LISTEN = 2,
  CTI_CT_REPLY_STATE_SYN_SENT = 3,
  CTI_CT_REPLY_STATE_SYN_RECV = 4,
  CTI_CT_REPLY_STATE_ESTABLISHED = 5,
  CTI_CT_REPLY_STATE_CLOSE_WAIT = 6,
  CTI_CT_REPLY_STATE_FIN_WAIT_1 = 7,
  CTI_CT_REPLY_STATE_CLOSING = 8,
  CTI_CT_REPLY_STATE_LAST_ACK = 9,
  CTI_CT_REPLY_STATE_FIN_WAIT_2 = 10,
  CTI_CT_REPLY_STATE_TIME_WAIT = 11,
  CTI_CT_REPLY_STATE_FIN_WAIT = 12,
  CTI_CT_REPLY_STATE_CLOSE = 13,
  CTI_CT_REPLY_STATE_SYN_SENT2 = 14,
  CTI_CT_REPLY_STATE_COOKIE_WAIT = 20,
  CTI_CT_REPLY_STATE_COOKIE_ECHOED = 21,
  CTI_CT_REPLY_STATE_SHUTDOWN_SENT = 22,
  CTI_CT_REPLY_STATE_SHUTDOWN_RECD = 23,
  CTI_CT_REPLY_STATE_SHUTDOWN_ACK_SENT = 24,
  CTI_CT_REPLY_STATE_HEARTBEAT_SENT = 25,
  CTI_CT_REPLY_STATE_HEARTBEAT_ACKED = 26,
  CTI_CT_REPLY_STATE_REQUEST = 30,
  CTI_CT_REPLY_STATE_RESPOND = 31,
  CTI_CT_REPLY_STATE_PARTOPEN = 32,
  CTI_CT_REPLY_STATE_OPEN = 33,
  CTI_CT_REPLY_STATE_CLOSEREQ = 34,
  CTI_CT_REPLY_STATE_TIMEWAIT = 35,
  CTI_CT_REPLY_STATE_IGNORE = 36,
  CTI_CT_REPLY_STATE_INVALID = 37,
};

enum cti_ct_assured {
  CTI_CT_ASSURED_NO = 0,
  CTI_CT_ASSURED_YES = 1,
};

enum cti_ct_replied {
  CTI_CT_REPLIED_NO = 0,
  CTI_CT_REPLIED_YES = 1,
};

enum cti_ct_offload {
  CTI_CT_OFFLOAD_NO = 0,
  CTI_CT_OFFLOAD_SW = 1,
  CTI_CT_OFFLOAD_HW = 2,
};

#ifndef CTI_FLAGS_CT_STATUS
#define CTI_FLAGS_CT_STATUS
enum cti_ct_status_flags {
  CTI_CT_STATUS_EXPECTED = 0x1,
  CTI_CT_STATUS_SEEN_REPLY = 0x2,
  CTI_CT_STATUS_ASSURED = 0x4,
  CTI_CT_STATUS_CONFIRMED = 0x8,
  CTI_CT_STATUS_SRC_NAT = 0x10,
  CTI_CT_STATUS_DST_NAT = 0x20,
  CTI_CT_STATUS_SEQ_ADJUST = 0x40,
  CTI_CT_STATUS_SRC_NAT_DONE = 0x80,
  CTI_CT_STATUS_DST_NAT_DONE = 0x100,
  CTI_CT_STATUS_DYING = 0x200,
  CTI_CT_STATUS_FIXED_TIMEOUT = 0x400,
  CTI_CT_STATUS_TEMPLATE = 0x800,
  CTI_CT_STATUS_UNTRACKED = 0x1000,
  CTI_CT_STATUS_HELPER = 0x2000,
  CTI_CT_STATUS_OFFLOAD = 0x4000,
};
#endif

#ifndef CTI_FLAGS_CT_TCP_FLAGS
#define CTI_FLAGS_CT_TCP_FLAGS
enum cti_ct_tcp_flags_flags {
  CTI_CT_TCP_FLAGS_WINDOW_SCALE = 0x1,
  CTI_CT_TCP_FLAGS_SACK_PERM = 0x2,
  CTI_CT_TCP_FLAGS_CLOSE_INIT = 0x4,
  CTI_CT_TCP_FLAGS_BE_LIBERAL = 0x8,
  CTI_CT_TCP_FLAGS_DATA_UNACKNOWLEDGED = 0x10,
  CTI_CT_TCP_FLAGS_MAXACK_SET = 0x20,
};
#endif

#endif
