// Generated from schema/ by `npm run generate`. Do not edit.
import type { TableSchema } from '../../table-schema.js';

export const CT: TableSchema = {
  "name": "ct",
  "version": 1,
  "hash": "c51c01a17c92ae4b",
  "doc": "Connections: what dpctl/dump-conntrack and conntrack -L print, of a switch or from a file. One row a connection.",
  "noun": "connection",
  "identity": [
    "orig_src",
    "orig_dst",
    "orig_sport",
    "orig_dport",
    "orig_id",
    "orig_type",
    "orig_code",
    "orig_srckey",
    "orig_dstkey",
    "nw_proto",
    "zone",
    "zone_orig",
    "zone_reply",
    "datapath",
    "id"
  ],
  "notCompared": [
    "timeout_ms",
    "file"
  ],
  "show": [
    "nw_proto",
    "orig.src",
    "orig.sport",
    "orig.dst",
    "orig.dport",
    "reply.src",
    "reply.dst",
    "zone",
    "mark",
    "state"
  ],
  "segments": [
    {
      "name": "rows",
      "per": "row",
      "masked": false,
      "half": 168,
      "stride": 168,
      "doc": "What is known of the connection, beyond its tuples.",
      "fields": [
        {
          "name": "label",
          "type": "be128",
          "doc": "conntrack label (labels=); conntrack -L prints it with -o labels only",
          "internal": false,
          "format": "hex",
          "offset": 0,
          "knownBit": 0,
          "size": 16
        },
        {
          "name": "packets",
          "type": "u64",
          "doc": "packets in both directions",
          "internal": false,
          "offset": 16,
          "knownBit": 1,
          "size": 8
        },
        {
          "name": "bytes",
          "type": "u64",
          "doc": "bytes in both directions",
          "internal": false,
          "offset": 24,
          "knownBit": 2,
          "size": 8
        },
        {
          "name": "orig_packets",
          "type": "u64",
          "doc": "packets in the original direction (dump-conntrack -s; nf_conntrack_acct)",
          "internal": false,
          "offset": 32,
          "knownBit": 3,
          "size": 8
        },
        {
          "name": "orig_bytes",
          "type": "u64",
          "doc": "bytes in the original direction",
          "internal": false,
          "offset": 40,
          "knownBit": 4,
          "size": 8
        },
        {
          "name": "reply_packets",
          "type": "u64",
          "doc": "packets in the reply direction",
          "internal": false,
          "offset": 48,
          "knownBit": 5,
          "size": 8
        },
        {
          "name": "reply_bytes",
          "type": "u64",
          "doc": "bytes in the reply direction",
          "internal": false,
          "offset": 56,
          "knownBit": 6,
          "size": 8
        },
        {
          "name": "timeout_ms",
          "type": "u64",
          "doc": "time until it is forgotten, if no packet comes",
          "internal": false,
          "unit": "ms",
          "offset": 64,
          "knownBit": 7,
          "size": 8
        },
        {
          "name": "known",
          "type": "u32",
          "doc": "bit n: the column with known bit n (enum below) has a value",
          "internal": true,
          "offset": 72,
          "size": 4
        },
        {
          "name": "datapath",
          "type": "datapath",
          "doc": "which datapath; of a file, where its name says it",
          "internal": false,
          "offset": 76,
          "size": 4
        },
        {
          "name": "file",
          "type": "text",
          "doc": "the file of the archive or directory it stands in",
          "internal": false,
          "offset": 80,
          "knownBit": 8,
          "size": 4
        },
        {
          "name": "helper",
          "type": "text",
          "doc": "conntrack helper (alg), empty: none",
          "internal": false,
          "offset": 84,
          "size": 4
        },
        {
          "name": "secctx",
          "type": "text",
          "doc": "security context (conntrack -L)",
          "internal": false,
          "offset": 88,
          "knownBit": 9,
          "size": 4
        },
        {
          "name": "mark",
          "type": "u32",
          "doc": "conntrack mark",
          "internal": false,
          "format": "hex",
          "offset": 92,
          "size": 4
        },
        {
          "name": "id",
          "type": "u32",
          "doc": "the connection's number (dump-conntrack -m, conntrack -o id)",
          "internal": false,
          "offset": 96,
          "knownBit": 10,
          "size": 4
        },
        {
          "name": "use",
          "type": "u32",
          "doc": "references to it (conntrack -L)",
          "internal": false,
          "offset": 100,
          "knownBit": 11,
          "size": 4
        },
        {
          "name": "status",
          "type": "u32",
          "doc": "all status bits (dump-conntrack -m)",
          "internal": false,
          "flags": "ct_status",
          "offset": 104,
          "knownBit": 12,
          "size": 4
        },
        {
          "name": "orig_vtag",
          "type": "u32",
          "doc": "SCTP verification tag, original direction",
          "internal": false,
          "format": "hex",
          "offset": 108,
          "knownBit": 13,
          "size": 4
        },
        {
          "name": "reply_vtag",
          "type": "u32",
          "doc": "SCTP verification tag, reply direction",
          "internal": false,
          "format": "hex",
          "offset": 112,
          "knownBit": 14,
          "size": 4
        },
        {
          "name": "parent",
          "type": "u32",
          "doc": "record in parent",
          "internal": true,
          "index_of": "parent",
          "offset": 116,
          "size": 4
        },
        {
          "name": "unknown",
          "type": "ref",
          "doc": "parts this version does not know, as text, a blank between",
          "internal": true,
          "offset": 120,
          "size": 8
        },
        {
          "name": "start",
          "type": "ref",
          "doc": "start= as printed, without its zone",
          "internal": true,
          "offset": 128,
          "size": 8
        },
        {
          "name": "stop",
          "type": "ref",
          "doc": "stop= as printed",
          "internal": true,
          "offset": 136,
          "size": 8
        },
        {
          "name": "zone",
          "type": "u16",
          "doc": "conntrack zone",
          "internal": false,
          "offset": 144,
          "size": 2
        },
        {
          "name": "zone_orig",
          "type": "u16",
          "doc": "zone of the original direction alone (conntrack -L)",
          "internal": false,
          "offset": 146,
          "knownBit": 15,
          "size": 2
        },
        {
          "name": "zone_reply",
          "type": "u16",
          "doc": "zone of the reply direction alone (conntrack -L)",
          "internal": false,
          "offset": 148,
          "knownBit": 16,
          "size": 2
        },
        {
          "name": "orig_tcp_flags",
          "type": "u16",
          "doc": "what conntrack notes of the original direction (dump-conntrack -m)",
          "internal": false,
          "flags": "ct_tcp_flags",
          "offset": 150,
          "knownBit": 17,
          "size": 2
        },
        {
          "name": "reply_tcp_flags",
          "type": "u16",
          "doc": "what conntrack notes of the reply direction (dump-conntrack -m)",
          "internal": false,
          "flags": "ct_tcp_flags",
          "offset": 152,
          "knownBit": 18,
          "size": 2
        },
        {
          "name": "orig_wscale",
          "type": "u8",
          "doc": "TCP window scale, original direction",
          "internal": false,
          "offset": 154,
          "knownBit": 19,
          "size": 1
        },
        {
          "name": "reply_wscale",
          "type": "u8",
          "doc": "TCP window scale, reply direction",
          "internal": false,
          "offset": 155,
          "knownBit": 20,
          "size": 1
        },
        {
          "name": "state",
          "type": "u8",
          "doc": "state of the connection; of two directions the later one. NONE: the protocol has none",
          "internal": false,
          "enum": {
            "NONE": 0,
            "CLOSED": 1,
            "LISTEN": 2,
            "SYN_SENT": 3,
            "SYN_RECV": 4,
            "ESTABLISHED": 5,
            "CLOSE_WAIT": 6,
            "FIN_WAIT_1": 7,
            "CLOSING": 8,
            "LAST_ACK": 9,
            "FIN_WAIT_2": 10,
            "TIME_WAIT": 11,
            "FIN_WAIT": 12,
            "CLOSE": 13,
            "SYN_SENT2": 14,
            "COOKIE_WAIT": 20,
            "COOKIE_ECHOED": 21,
            "SHUTDOWN_SENT": 22,
            "SHUTDOWN_RECD": 23,
            "SHUTDOWN_ACK_SENT": 24,
            "HEARTBEAT_SENT": 25,
            "HEARTBEAT_ACKED": 26,
            "REQUEST": 30,
            "RESPOND": 31,
            "PARTOPEN": 32,
            "OPEN": 33,
            "CLOSEREQ": 34,
            "TIMEWAIT": 35,
            "IGNORE": 36,
            "INVALID": 37
          },
          "offset": 156,
          "knownBit": 21,
          "size": 1
        },
        {
          "name": "orig_state",
          "type": "u8",
          "doc": "TCP state of the original direction (dump-conntrack -m)",
          "internal": false,
          "enum": {
            "NONE": 0,
            "CLOSED": 1,
            "LISTEN": 2,
            "SYN_SENT": 3,
            "SYN_RECV": 4,
            "ESTABLISHED": 5,
            "CLOSE_WAIT": 6,
            "FIN_WAIT_1": 7,
            "CLOSING": 8,
            "LAST_ACK": 9,
            "FIN_WAIT_2": 10,
            "TIME_WAIT": 11,
            "FIN_WAIT": 12,
            "CLOSE": 13,
            "SYN_SENT2": 14,
            "COOKIE_WAIT": 20,
            "COOKIE_ECHOED": 21,
            "SHUTDOWN_SENT": 22,
            "SHUTDOWN_RECD": 23,
            "SHUTDOWN_ACK_SENT": 24,
            "HEARTBEAT_SENT": 25,
            "HEARTBEAT_ACKED": 26,
            "REQUEST": 30,
            "RESPOND": 31,
            "PARTOPEN": 32,
            "OPEN": 33,
            "CLOSEREQ": 34,
            "TIMEWAIT": 35,
            "IGNORE": 36,
            "INVALID": 37
          },
          "offset": 157,
          "knownBit": 22,
          "size": 1
        },
        {
          "name": "reply_state",
          "type": "u8",
          "doc": "TCP state of the reply direction (dump-conntrack -m)",
          "internal": false,
          "enum": {
            "NONE": 0,
            "CLOSED": 1,
            "LISTEN": 2,
            "SYN_SENT": 3,
            "SYN_RECV": 4,
            "ESTABLISHED": 5,
            "CLOSE_WAIT": 6,
            "FIN_WAIT_1": 7,
            "CLOSING": 8,
            "LAST_ACK": 9,
            "FIN_WAIT_2": 10,
            "TIME_WAIT": 11,
            "FIN_WAIT": 12,
            "CLOSE": 13,
            "SYN_SENT2": 14,
            "COOKIE_WAIT": 20,
            "COOKIE_ECHOED": 21,
            "SHUTDOWN_SENT": 22,
            "SHUTDOWN_RECD": 23,
            "SHUTDOWN_ACK_SENT": 24,
            "HEARTBEAT_SENT": 25,
            "HEARTBEAT_ACKED": 26,
            "REQUEST": 30,
            "RESPOND": 31,
            "PARTOPEN": 32,
            "OPEN": 33,
            "CLOSEREQ": 34,
            "TIMEWAIT": 35,
            "IGNORE": 36,
            "INVALID": 37
          },
          "offset": 158,
          "knownBit": 23,
          "size": 1
        },
        {
          "name": "assured",
          "type": "u8",
          "doc": "seen enough of it not to drop it early",
          "internal": false,
          "enum": {
            "no": 0,
            "yes": 1
          },
          "offset": 159,
          "knownBit": 24,
          "size": 1
        },
        {
          "name": "replied",
          "type": "u8",
          "doc": "packets have come in the reply direction (SEEN_REPLY; not [UNREPLIED])",
          "internal": false,
          "enum": {
            "no": 0,
            "yes": 1
          },
          "offset": 160,
          "knownBit": 25,
          "size": 1
        },
        {
          "name": "offload",
          "type": "u8",
          "doc": "in a flow table of the kernel, or in hardware ([OFFLOAD], [HW_OFFLOAD] of conntrack -L)",
          "internal": false,
          "enum": {
            "no": 0,
            "sw": 1,
            "hw": 2
          },
          "offset": 161,
          "knownBit": 26,
          "size": 1
        },
        {
          "name": "reserved16",
          "type": "u16",
          "doc": "zero",
          "internal": true,
          "offset": 162,
          "size": 2
        },
        {
          "name": "reserved32",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 164,
          "size": 4
        }
      ]
    },
    {
      "name": "tuple",
      "per": "row",
      "masked": true,
      "half": 96,
      "stride": 192,
      "doc": "Both directions as conntrack has them.",
      "fields": [
        {
          "name": "orig_src",
          "type": "be128",
          "doc": "source address, original direction",
          "internal": false,
          "format": "ip",
          "offset": 0,
          "size": 16
        },
        {
          "name": "orig_dst",
          "type": "be128",
          "doc": "destination address, original direction",
          "internal": false,
          "format": "ip",
          "offset": 16,
          "size": 16
        },
        {
          "name": "reply_src",
          "type": "be128",
          "doc": "source address of replies: behind destination NAT another than orig.dst",
          "internal": false,
          "format": "ip",
          "offset": 32,
          "size": 16
        },
        {
          "name": "reply_dst",
          "type": "be128",
          "doc": "destination address of replies: behind source NAT another than orig.src",
          "internal": false,
          "format": "ip",
          "offset": 48,
          "size": 16
        },
        {
          "name": "orig_sport",
          "type": "u16",
          "doc": "source port, original direction",
          "internal": false,
          "requires": "l4",
          "offset": 64,
          "size": 2
        },
        {
          "name": "orig_dport",
          "type": "u16",
          "doc": "destination port, original direction",
          "internal": false,
          "requires": "l4",
          "offset": 66,
          "size": 2
        },
        {
          "name": "reply_sport",
          "type": "u16",
          "doc": "source port of replies",
          "internal": false,
          "requires": "l4",
          "offset": 68,
          "size": 2
        },
        {
          "name": "reply_dport",
          "type": "u16",
          "doc": "destination port of replies",
          "internal": false,
          "requires": "l4",
          "offset": 70,
          "size": 2
        },
        {
          "name": "orig_id",
          "type": "u16",
          "doc": "ICMP id, original direction",
          "internal": false,
          "requires": "any_icmp",
          "offset": 72,
          "size": 2
        },
        {
          "name": "reply_id",
          "type": "u16",
          "doc": "ICMP id of replies",
          "internal": false,
          "requires": "any_icmp",
          "offset": 74,
          "size": 2
        },
        {
          "name": "orig_srckey",
          "type": "u16",
          "doc": "GRE key of the source, original direction (conntrack -L)",
          "internal": false,
          "format": "hex",
          "requires": "gre",
          "offset": 76,
          "size": 2
        },
        {
          "name": "orig_dstkey",
          "type": "u16",
          "doc": "GRE key of the destination, original direction",
          "internal": false,
          "format": "hex",
          "requires": "gre",
          "offset": 78,
          "size": 2
        },
        {
          "name": "reply_srckey",
          "type": "u16",
          "doc": "GRE key of the source of replies",
          "internal": false,
          "format": "hex",
          "requires": "gre",
          "offset": 80,
          "size": 2
        },
        {
          "name": "reply_dstkey",
          "type": "u16",
          "doc": "GRE key of the destination of replies",
          "internal": false,
          "format": "hex",
          "requires": "gre",
          "offset": 82,
          "size": 2
        },
        {
          "name": "eth_type",
          "type": "u16",
          "doc": "0x0800 or 0x86dd, from the addresses",
          "internal": false,
          "format": "hex4",
          "offset": 84,
          "size": 2
        },
        {
          "name": "nw_proto",
          "type": "u8",
          "doc": "IP protocol",
          "internal": false,
          "offset": 86,
          "size": 1
        },
        {
          "name": "orig_type",
          "type": "u8",
          "doc": "ICMP type, original direction",
          "internal": false,
          "requires": "any_icmp",
          "offset": 87,
          "size": 1
        },
        {
          "name": "orig_code",
          "type": "u8",
          "doc": "ICMP code, original direction",
          "internal": false,
          "requires": "any_icmp",
          "offset": 88,
          "size": 1
        },
        {
          "name": "reply_type",
          "type": "u8",
          "doc": "ICMP type of replies",
          "internal": false,
          "requires": "any_icmp",
          "offset": 89,
          "size": 1
        },
        {
          "name": "reply_code",
          "type": "u8",
          "doc": "ICMP code of replies",
          "internal": false,
          "requires": "any_icmp",
          "offset": 90,
          "size": 1
        },
        {
          "name": "tuple_reserved8",
          "type": "u8",
          "doc": "zero",
          "internal": true,
          "offset": 91,
          "size": 1
        },
        {
          "name": "tuple_reserved32",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 92,
          "size": 4
        }
      ]
    },
    {
      "name": "parent",
      "per": "some-rows",
      "masked": true,
      "half": 40,
      "stride": 80,
      "doc": "The connection that this one was expected by (FTP data).",
      "fields": [
        {
          "name": "parent_src",
          "type": "be128",
          "doc": "source address of the parent's original direction",
          "internal": false,
          "format": "ip",
          "offset": 0,
          "size": 16
        },
        {
          "name": "parent_dst",
          "type": "be128",
          "doc": "destination address of the parent's original direction",
          "internal": false,
          "format": "ip",
          "offset": 16,
          "size": 16
        },
        {
          "name": "parent_sport",
          "type": "u16",
          "doc": "source port of the parent",
          "internal": false,
          "offset": 32,
          "size": 2
        },
        {
          "name": "parent_dport",
          "type": "u16",
          "doc": "destination port of the parent",
          "internal": false,
          "offset": 34,
          "size": 2
        },
        {
          "name": "parent_reserved",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 36,
          "size": 4
        }
      ]
    },
    {
      "name": "datapaths",
      "per": "distinct",
      "masked": false,
      "half": 16,
      "stride": 16,
      "doc": "Datapaths, by full name; empty where a file does not say.",
      "fields": [
        {
          "name": "name",
          "type": "ref",
          "doc": "full name",
          "internal": true,
          "offset": 0,
          "size": 8
        },
        {
          "name": "reserved",
          "type": "u64",
          "doc": "zero",
          "internal": true,
          "offset": 8,
          "size": 8
        }
      ]
    },
    {
      "name": "texts",
      "per": "distinct",
      "masked": false,
      "half": 16,
      "stride": 16,
      "doc": "Each distinct text once; a column of type text is its number.",
      "fields": [
        {
          "name": "text",
          "type": "ref",
          "doc": "the text",
          "internal": true,
          "offset": 0,
          "size": 8
        },
        {
          "name": "reserved",
          "type": "u64",
          "doc": "zero",
          "internal": true,
          "offset": 8,
          "size": 8
        }
      ]
    },
    {
      "name": "blob",
      "per": "bytes",
      "masked": false,
      "half": 0,
      "stride": 1,
      "doc": "What refs point into.",
      "fields": []
    }
  ],
  "flags": {
    "ct_status": {
      "EXPECTED": 1,
      "SEEN_REPLY": 2,
      "ASSURED": 4,
      "CONFIRMED": 8,
      "SRC_NAT": 16,
      "DST_NAT": 32,
      "SEQ_ADJUST": 64,
      "SRC_NAT_DONE": 128,
      "DST_NAT_DONE": 256,
      "DYING": 512,
      "FIXED_TIMEOUT": 1024,
      "TEMPLATE": 2048,
      "UNTRACKED": 4096,
      "HELPER": 8192,
      "OFFLOAD": 16384
    },
    "ct_tcp_flags": {
      "WINDOW_SCALE": 1,
      "SACK_PERM": 2,
      "CLOSE_INIT": 4,
      "BE_LIBERAL": 8,
      "DATA_UNACKNOWLEDGED": 16,
      "MAXACK_SET": 32
    }
  },
  "words": {
    "ip": {
      "doc": "IPv4",
      "hidden": false,
      "all": [
        {
          "field": "eth_type",
          "in": [
            2048
          ]
        }
      ]
    },
    "ipv6": {
      "doc": "IPv6",
      "hidden": false,
      "all": [
        {
          "field": "eth_type",
          "in": [
            34525
          ]
        }
      ]
    },
    "tcp": {
      "doc": "TCP",
      "hidden": false,
      "all": [
        {
          "field": "nw_proto",
          "in": [
            6
          ]
        }
      ]
    },
    "udp": {
      "doc": "UDP",
      "hidden": false,
      "all": [
        {
          "field": "nw_proto",
          "in": [
            17
          ]
        }
      ]
    },
    "sctp": {
      "doc": "SCTP",
      "hidden": false,
      "all": [
        {
          "field": "nw_proto",
          "in": [
            132
          ]
        }
      ]
    },
    "icmp": {
      "doc": "ICMP",
      "hidden": false,
      "all": [
        {
          "field": "nw_proto",
          "in": [
            1
          ]
        }
      ]
    },
    "icmp6": {
      "doc": "ICMPv6",
      "hidden": false,
      "all": [
        {
          "field": "nw_proto",
          "in": [
            58
          ]
        }
      ]
    },
    "gre": {
      "doc": "GRE",
      "hidden": false,
      "all": [
        {
          "field": "nw_proto",
          "in": [
            47
          ]
        }
      ]
    },
    "any_icmp": {
      "doc": "ICMP or ICMPv6",
      "hidden": true,
      "all": [
        {
          "field": "nw_proto",
          "in": [
            1,
            58
          ]
        }
      ]
    },
    "l4": {
      "doc": "TCP, UDP, UDP-Lite, DCCP or SCTP",
      "hidden": true,
      "all": [
        {
          "field": "nw_proto",
          "in": [
            6,
            17,
            33,
            132,
            136
          ]
        }
      ]
    }
  },
  "columns": [
    {
      "name": "orig.src",
      "alias": "orig_src"
    },
    {
      "name": "orig.dst",
      "alias": "orig_dst"
    },
    {
      "name": "orig.sport",
      "alias": "orig_sport"
    },
    {
      "name": "orig.dport",
      "alias": "orig_dport"
    },
    {
      "name": "orig.id",
      "alias": "orig_id"
    },
    {
      "name": "orig.srckey",
      "alias": "orig_srckey"
    },
    {
      "name": "orig.dstkey",
      "alias": "orig_dstkey"
    },
    {
      "name": "reply.srckey",
      "alias": "reply_srckey"
    },
    {
      "name": "reply.dstkey",
      "alias": "reply_dstkey"
    },
    {
      "name": "orig.type",
      "alias": "orig_type"
    },
    {
      "name": "orig.code",
      "alias": "orig_code"
    },
    {
      "name": "orig.packets",
      "alias": "orig_packets"
    },
    {
      "name": "orig.bytes",
      "alias": "orig_bytes"
    },
    {
      "name": "orig.state",
      "alias": "orig_state"
    },
    {
      "name": "reply.src",
      "alias": "reply_src"
    },
    {
      "name": "reply.dst",
      "alias": "reply_dst"
    },
    {
      "name": "reply.sport",
      "alias": "reply_sport"
    },
    {
      "name": "reply.dport",
      "alias": "reply_dport"
    },
    {
      "name": "reply.id",
      "alias": "reply_id"
    },
    {
      "name": "reply.type",
      "alias": "reply_type"
    },
    {
      "name": "reply.code",
      "alias": "reply_code"
    },
    {
      "name": "reply.packets",
      "alias": "reply_packets"
    },
    {
      "name": "reply.bytes",
      "alias": "reply_bytes"
    },
    {
      "name": "reply.state",
      "alias": "reply_state"
    },
    {
      "name": "parent.src",
      "alias": "parent_src"
    },
    {
      "name": "parent.dst",
      "alias": "parent_dst"
    },
    {
      "name": "parent.sport",
      "alias": "parent_sport"
    },
    {
      "name": "parent.dport",
      "alias": "parent_dport"
    },
    {
      "name": "ip_proto",
      "alias": "nw_proto"
    },
    {
      "name": "timeout",
      "alias": "timeout_ms"
    },
    {
      "name": "dp",
      "alias": "datapath"
    },
    {
      "name": "labels",
      "alias": "label"
    },
    {
      "name": "ct_zone",
      "alias": "zone"
    },
    {
      "name": "ct_mark",
      "alias": "mark"
    },
    {
      "name": "ct_label",
      "alias": "label"
    }
  ]
};
