// Generated from schema/ by `npm run generate`. Do not edit.
import type { TableSchema } from '../../table-schema.js';

export const DP_FLOWS: TableSchema = {
  "name": "dp_flows",
  "version": 1,
  "hash": "3480575af41761b2",
  "doc": "Megaflows: what the datapath forwards by. One row a flow, of every datapath of the switch.",
  "noun": "flow",
  "rowText": "flow",
  "identity": [
    "ufid",
    "datapath",
    "pmd"
  ],
  "notCompared": [
    "used_ms",
    "attrs",
    "tun_attrs"
  ],
  "show": [
    "flow"
  ],
  "passes": {
    "by": "recirc_id",
    "counters": [
      "packets",
      "bytes"
    ]
  },
  "segments": [
    {
      "name": "rows",
      "per": "row",
      "masked": false,
      "half": 112,
      "stride": 112,
      "doc": "Identity, counters and where the rest of the row is.",
      "fields": [
        {
          "name": "ufid",
          "type": "be128",
          "doc": "unique flow id, as printed (most significant byte first)",
          "internal": false,
          "offset": 0,
          "knownBit": 0,
          "size": 16
        },
        {
          "name": "packets",
          "type": "u64",
          "doc": "packets that hit the flow",
          "internal": false,
          "offset": 16,
          "size": 8
        },
        {
          "name": "bytes",
          "type": "u64",
          "doc": "bytes that hit the flow",
          "internal": false,
          "offset": 24,
          "size": 8
        },
        {
          "name": "used_ms",
          "type": "u64",
          "doc": "time since the last hit when the row was read; all ones: never",
          "internal": false,
          "unit": "ms",
          "offset": 32,
          "size": 8
        },
        {
          "name": "known",
          "type": "u32",
          "doc": "bit n: the column with known bit n (enum below) has a value",
          "internal": true,
          "offset": 40,
          "size": 4
        },
        {
          "name": "datapath",
          "type": "datapath",
          "doc": "which datapath",
          "internal": false,
          "offset": 44,
          "size": 4
        },
        {
          "name": "actions",
          "type": "actions",
          "doc": "the action list",
          "internal": false,
          "offset": 48,
          "size": 4
        },
        {
          "name": "pmd",
          "type": "i32",
          "doc": "core of the PMD thread that holds the flow; -1: the main thread",
          "internal": false,
          "offset": 52,
          "knownBit": 1,
          "size": 4
        },
        {
          "name": "tunnel",
          "type": "u32",
          "doc": "record in tunnel",
          "internal": true,
          "index_of": "tunnel",
          "offset": 56,
          "size": 4
        },
        {
          "name": "ipv6",
          "type": "u32",
          "doc": "record in ipv6",
          "internal": true,
          "index_of": "ipv6",
          "offset": 60,
          "size": 4
        },
        {
          "name": "ct_tuple",
          "type": "u32",
          "doc": "record in ct_tuple",
          "internal": true,
          "index_of": "ct_tuple",
          "offset": 64,
          "size": 4
        },
        {
          "name": "arp",
          "type": "u32",
          "doc": "record in arp",
          "internal": true,
          "index_of": "arp",
          "offset": 68,
          "size": 4
        },
        {
          "name": "encap",
          "type": "u32",
          "doc": "record in encap",
          "internal": true,
          "index_of": "encap",
          "offset": 72,
          "size": 4
        },
        {
          "name": "extra",
          "type": "ref",
          "doc": "text of dp-extra-info",
          "internal": true,
          "offset": 76,
          "knownBit": 2,
          "size": 8
        },
        {
          "name": "unknown",
          "type": "ref",
          "doc": "parts of the match this version does not know, as text, comma between",
          "internal": true,
          "offset": 84,
          "size": 8
        },
        {
          "name": "verbatim",
          "type": "ref",
          "doc": "the row as the switch printed it, only where printing it from its fields gives something else",
          "internal": true,
          "offset": 92,
          "size": 8
        },
        {
          "name": "tcp_flags_seen",
          "type": "u16",
          "doc": "TCP flags seen (flags:)",
          "internal": true,
          "offset": 100,
          "knownBit": 3,
          "size": 2
        },
        {
          "name": "layer",
          "type": "u8",
          "doc": "which layer holds the flow (dp:)",
          "internal": false,
          "enum": {
            "ovs": 0,
            "tc": 1,
            "dpdk": 2
          },
          "offset": 102,
          "knownBit": 4,
          "size": 1
        },
        {
          "name": "hw",
          "type": "u8",
          "doc": "whether hardware forwards it (offloaded:)",
          "internal": false,
          "enum": {
            "no": 0,
            "yes": 1,
            "partial": 2
          },
          "offset": 103,
          "knownBit": 5,
          "size": 1
        },
        {
          "name": "mark",
          "type": "u32",
          "doc": "mark under which the datapath gave the flow to its port's hardware; 0: it did not (from memory only)",
          "internal": false,
          "format": "hex",
          "offset": 104,
          "knownBit": 6,
          "size": 4
        },
        {
          "name": "reserved",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 108,
          "size": 4
        }
      ]
    },
    {
      "name": "match",
      "per": "row",
      "masked": true,
      "half": 88,
      "stride": 176,
      "doc": "What the flow matches, the fields almost every flow has.",
      "fields": [
        {
          "name": "attrs",
          "type": "u64",
          "doc": "bit n: OVS_KEY_ATTR n was given (key half) or given with a mask (mask half); bits 40 and up: how the row was written (native/text/keys.h)",
          "internal": true,
          "offset": 0,
          "size": 8
        },
        {
          "name": "eth_src",
          "type": "mac",
          "doc": "Ethernet source",
          "internal": false,
          "offset": 8,
          "size": 8
        },
        {
          "name": "eth_dst",
          "type": "mac",
          "doc": "Ethernet destination",
          "internal": false,
          "offset": 16,
          "size": 8
        },
        {
          "name": "in_port",
          "type": "port",
          "doc": "port the packet came in",
          "internal": false,
          "offset": 24,
          "size": 4
        },
        {
          "name": "recirc_id",
          "type": "u32",
          "doc": "recirculation id; 0 is the first pass",
          "internal": false,
          "format": "hex",
          "offset": 28,
          "size": 4
        },
        {
          "name": "dp_hash",
          "type": "u32",
          "doc": "datapath hash",
          "internal": false,
          "format": "hex",
          "offset": 32,
          "size": 4
        },
        {
          "name": "skb_priority",
          "type": "u32",
          "doc": "skb->priority",
          "internal": false,
          "format": "hex",
          "offset": 36,
          "size": 4
        },
        {
          "name": "pkt_mark",
          "type": "u32",
          "doc": "packet mark",
          "internal": false,
          "format": "hex",
          "offset": 40,
          "size": 4
        },
        {
          "name": "ct_state",
          "type": "u32",
          "doc": "conntrack state",
          "internal": false,
          "flags": "ct_state",
          "offset": 44,
          "size": 4
        },
        {
          "name": "ct_mark",
          "type": "u32",
          "doc": "conntrack mark",
          "internal": false,
          "format": "hex",
          "offset": 48,
          "size": 4
        },
        {
          "name": "nw_src",
          "type": "ipv4",
          "doc": "IPv4 source",
          "internal": false,
          "requires": "ip",
          "offset": 52,
          "size": 4
        },
        {
          "name": "nw_dst",
          "type": "ipv4",
          "doc": "IPv4 destination",
          "internal": false,
          "requires": "ip",
          "offset": 56,
          "size": 4
        },
        {
          "name": "packet_type",
          "type": "u32",
          "doc": "namespace << 16 | id",
          "internal": true,
          "offset": 60,
          "size": 4
        },
        {
          "name": "ct_zone",
          "type": "u16",
          "doc": "conntrack zone",
          "internal": false,
          "offset": 64,
          "size": 2
        },
        {
          "name": "eth_type",
          "type": "u16",
          "doc": "EtherType",
          "internal": false,
          "format": "hex4",
          "offset": 66,
          "size": 2
        },
        {
          "name": "vlan_tci",
          "type": "u16",
          "doc": "outer VLAN tag: pcp, CFI (set if there is a tag), vid",
          "internal": false,
          "format": "hex4",
          "offset": 68,
          "size": 2
        },
        {
          "name": "vlan_tpid",
          "type": "u16",
          "doc": "EtherType of the outer VLAN tag",
          "internal": false,
          "format": "hex4",
          "offset": 70,
          "size": 2
        },
        {
          "name": "tp_src",
          "type": "u16",
          "doc": "TCP, UDP or SCTP source port",
          "internal": false,
          "requires": "l4",
          "offset": 72,
          "size": 2
        },
        {
          "name": "tp_dst",
          "type": "u16",
          "doc": "TCP, UDP or SCTP destination port",
          "internal": false,
          "requires": "l4",
          "offset": 74,
          "size": 2
        },
        {
          "name": "tcp_flags",
          "type": "u16",
          "doc": "TCP flags",
          "internal": false,
          "flags": "tcp_flags",
          "requires": "tcp",
          "offset": 76,
          "size": 2
        },
        {
          "name": "nw_proto",
          "type": "u8",
          "doc": "IP protocol (IPv4 or IPv6 next header)",
          "internal": false,
          "requires": "any_ip",
          "offset": 78,
          "size": 1
        },
        {
          "name": "nw_tos",
          "type": "u8",
          "doc": "IPv4 TOS or IPv6 traffic class, all 8 bits",
          "internal": false,
          "format": "hex",
          "requires": "any_ip",
          "offset": 79,
          "size": 1
        },
        {
          "name": "nw_ttl",
          "type": "u8",
          "doc": "IPv4 TTL or IPv6 hop limit",
          "internal": false,
          "requires": "any_ip",
          "offset": 80,
          "size": 1
        },
        {
          "name": "nw_frag",
          "type": "u8",
          "doc": "fragment: no, first or later (the datapath's own values)",
          "internal": false,
          "enum": {
            "no": 0,
            "first": 1,
            "later": 2
          },
          "requires": "any_ip",
          "offset": 81,
          "size": 1
        },
        {
          "name": "icmp_type",
          "type": "u8",
          "doc": "ICMP or ICMPv6 type",
          "internal": false,
          "requires": "any_icmp",
          "offset": 82,
          "size": 1
        },
        {
          "name": "icmp_code",
          "type": "u8",
          "doc": "ICMP or ICMPv6 code",
          "internal": false,
          "requires": "any_icmp",
          "offset": 83,
          "size": 1
        },
        {
          "name": "match_reserved",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 84,
          "size": 4
        }
      ]
    },
    {
      "name": "tunnel",
      "per": "some-rows",
      "masked": true,
      "half": 104,
      "stride": 208,
      "doc": "The tunnel the packet came in.",
      "fields": [
        {
          "name": "tun_id",
          "type": "u64",
          "doc": "tunnel key (VNI)",
          "internal": false,
          "format": "hex",
          "offset": 0,
          "size": 8
        },
        {
          "name": "tun_ipv6_src",
          "type": "be128",
          "doc": "tunnel IPv6 source",
          "internal": false,
          "format": "ipv6",
          "offset": 8,
          "size": 16
        },
        {
          "name": "tun_ipv6_dst",
          "type": "be128",
          "doc": "tunnel IPv6 destination",
          "internal": false,
          "format": "ipv6",
          "offset": 24,
          "size": 16
        },
        {
          "name": "tun_src",
          "type": "ipv4",
          "doc": "tunnel IPv4 source",
          "internal": false,
          "offset": 40,
          "size": 4
        },
        {
          "name": "tun_dst",
          "type": "ipv4",
          "doc": "tunnel IPv4 destination",
          "internal": false,
          "offset": 44,
          "size": 4
        },
        {
          "name": "tun_attrs",
          "type": "u32",
          "doc": "bit n: OVS_TUNNEL_KEY_ATTR n was given (key half) or given with a mask (mask half)",
          "internal": true,
          "offset": 48,
          "size": 4
        },
        {
          "name": "tun_flags",
          "type": "u16",
          "doc": "df 1, csum 2, key 4, oam 8",
          "internal": false,
          "flags": "tun_flags",
          "offset": 52,
          "size": 2
        },
        {
          "name": "tun_tp_src",
          "type": "u16",
          "doc": "outer UDP source port",
          "internal": false,
          "offset": 54,
          "size": 2
        },
        {
          "name": "tun_tp_dst",
          "type": "u16",
          "doc": "outer UDP destination port",
          "internal": false,
          "offset": 56,
          "size": 2
        },
        {
          "name": "tun_gbp_id",
          "type": "u16",
          "doc": "VXLAN group policy id",
          "internal": false,
          "offset": 58,
          "size": 2
        },
        {
          "name": "tun_gbp_flags",
          "type": "u8",
          "doc": "VXLAN group policy flags",
          "internal": false,
          "format": "hex",
          "offset": 60,
          "size": 1
        },
        {
          "name": "tun_tos",
          "type": "u8",
          "doc": "outer TOS",
          "internal": false,
          "format": "hex",
          "offset": 61,
          "size": 1
        },
        {
          "name": "tun_ttl",
          "type": "u8",
          "doc": "outer TTL",
          "internal": false,
          "offset": 62,
          "size": 1
        },
        {
          "name": "tun_reserved",
          "type": "u8",
          "doc": "zero",
          "internal": true,
          "offset": 63,
          "size": 1
        },
        {
          "name": "tun_options",
          "type": "ref",
          "doc": "what of the tunnel this version does not know, as text",
          "internal": true,
          "offset": 64,
          "size": 8
        },
        {
          "name": "tun_geneve",
          "type": "ref",
          "doc": "geneve options as on the wire (class be16, type, length in words, data), one after the other; the mask half: their masks, of the same lengths",
          "internal": true,
          "offset": 72,
          "size": 8
        },
        {
          "name": "tun_geneve_data",
          "type": "u64",
          "doc": "data of the first geneve option, if it has at most 8 bytes, as one number",
          "internal": false,
          "format": "hex",
          "offset": 80,
          "size": 8
        },
        {
          "name": "tun_erspan_idx",
          "type": "u32",
          "doc": "ERSPAN version 1 index",
          "internal": false,
          "format": "hex",
          "offset": 88,
          "size": 4
        },
        {
          "name": "tun_geneve_class",
          "type": "u16",
          "doc": "class of the first geneve option",
          "internal": false,
          "format": "hex",
          "offset": 92,
          "size": 2
        },
        {
          "name": "tun_geneve_type",
          "type": "u8",
          "doc": "type of the first geneve option",
          "internal": false,
          "format": "hex",
          "offset": 94,
          "size": 1
        },
        {
          "name": "tun_erspan_ver",
          "type": "u8",
          "doc": "ERSPAN version",
          "internal": false,
          "offset": 95,
          "size": 1
        },
        {
          "name": "tun_erspan_dir",
          "type": "u8",
          "doc": "ERSPAN version 2 direction",
          "internal": false,
          "offset": 96,
          "size": 1
        },
        {
          "name": "tun_erspan_hwid",
          "type": "u8",
          "doc": "ERSPAN version 2 hardware id",
          "internal": false,
          "format": "hex",
          "offset": 97,
          "size": 1
        },
        {
          "name": "tun_gtpu_flags",
          "type": "u8",
          "doc": "GTP-U flags",
          "internal": false,
          "format": "hex",
          "offset": 98,
          "size": 1
        },
        {
          "name": "tun_gtpu_msgtype",
          "type": "u8",
          "doc": "GTP-U message type",
          "internal": false,
          "offset": 99,
          "size": 1
        },
        {
          "name": "tun_reserved32",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 100,
          "size": 4
        }
      ]
    },
    {
      "name": "ipv6",
      "per": "some-rows",
      "masked": true,
      "half": 80,
      "stride": 160,
      "doc": "IPv6 addresses and neighbour discovery.",
      "fields": [
        {
          "name": "ipv6_src",
          "type": "be128",
          "doc": "IPv6 source",
          "internal": false,
          "format": "ipv6",
          "requires": "ipv6",
          "offset": 0,
          "size": 16
        },
        {
          "name": "ipv6_dst",
          "type": "be128",
          "doc": "IPv6 destination",
          "internal": false,
          "format": "ipv6",
          "requires": "ipv6",
          "offset": 16,
          "size": 16
        },
        {
          "name": "nd_target",
          "type": "be128",
          "doc": "neighbour discovery target",
          "internal": false,
          "format": "ipv6",
          "requires": "icmp6",
          "offset": 32,
          "size": 16
        },
        {
          "name": "nd_sll",
          "type": "mac",
          "doc": "neighbour discovery source link address",
          "internal": false,
          "requires": "icmp6",
          "offset": 48,
          "size": 8
        },
        {
          "name": "nd_tll",
          "type": "mac",
          "doc": "neighbour discovery target link address",
          "internal": false,
          "requires": "icmp6",
          "offset": 56,
          "size": 8
        },
        {
          "name": "ipv6_label",
          "type": "u32",
          "doc": "flow label",
          "internal": false,
          "format": "hex",
          "requires": "ipv6",
          "offset": 64,
          "size": 4
        },
        {
          "name": "nd_reserved",
          "type": "u32",
          "doc": "neighbour discovery reserved word",
          "internal": false,
          "format": "hex",
          "requires": "icmp6",
          "offset": 68,
          "size": 4
        },
        {
          "name": "ipv6_exthdr",
          "type": "u16",
          "doc": "extension headers seen: bits of the kernel's OFPIEH12_*",
          "internal": false,
          "format": "hex",
          "requires": "ipv6",
          "offset": 72,
          "size": 2
        },
        {
          "name": "nd_options_type",
          "type": "u8",
          "doc": "neighbour discovery option type",
          "internal": false,
          "requires": "icmp6",
          "offset": 74,
          "size": 1
        },
        {
          "name": "ipv6_reserved8",
          "type": "u8",
          "doc": "zero",
          "internal": true,
          "offset": 75,
          "size": 1
        },
        {
          "name": "ipv6_reserved32",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 76,
          "size": 4
        }
      ]
    },
    {
      "name": "ct_tuple",
      "per": "some-rows",
      "masked": true,
      "half": 64,
      "stride": 128,
      "doc": "Conntrack label and original direction.",
      "fields": [
        {
          "name": "ct_label",
          "type": "be128",
          "doc": "conntrack label",
          "internal": false,
          "format": "hex",
          "offset": 0,
          "size": 16
        },
        {
          "name": "ct_ipv6_src",
          "type": "be128",
          "doc": "original IPv6 source",
          "internal": false,
          "format": "ipv6",
          "offset": 16,
          "size": 16
        },
        {
          "name": "ct_ipv6_dst",
          "type": "be128",
          "doc": "original IPv6 destination",
          "internal": false,
          "format": "ipv6",
          "offset": 32,
          "size": 16
        },
        {
          "name": "ct_nw_src",
          "type": "ipv4",
          "doc": "original IPv4 source",
          "internal": false,
          "offset": 48,
          "size": 4
        },
        {
          "name": "ct_nw_dst",
          "type": "ipv4",
          "doc": "original IPv4 destination",
          "internal": false,
          "offset": 52,
          "size": 4
        },
        {
          "name": "ct_tp_src",
          "type": "u16",
          "doc": "original source port",
          "internal": false,
          "offset": 56,
          "size": 2
        },
        {
          "name": "ct_tp_dst",
          "type": "u16",
          "doc": "original destination port",
          "internal": false,
          "offset": 58,
          "size": 2
        },
        {
          "name": "ct_nw_proto",
          "type": "u8",
          "doc": "original IP protocol",
          "internal": false,
          "offset": 60,
          "size": 1
        },
        {
          "name": "ct_reserved8",
          "type": "u8",
          "doc": "zero",
          "internal": true,
          "offset": 61,
          "size": 1
        },
        {
          "name": "ct_reserved16",
          "type": "u16",
          "doc": "zero",
          "internal": true,
          "offset": 62,
          "size": 2
        }
      ]
    },
    {
      "name": "arp",
      "per": "some-rows",
      "masked": true,
      "half": 32,
      "stride": 64,
      "doc": "ARP.",
      "fields": [
        {
          "name": "arp_sha",
          "type": "mac",
          "doc": "ARP sender hardware address",
          "internal": false,
          "requires": "arp",
          "offset": 0,
          "size": 8
        },
        {
          "name": "arp_tha",
          "type": "mac",
          "doc": "ARP target hardware address",
          "internal": false,
          "requires": "arp",
          "offset": 8,
          "size": 8
        },
        {
          "name": "arp_spa",
          "type": "ipv4",
          "doc": "ARP sender address",
          "internal": false,
          "requires": "arp",
          "offset": 16,
          "size": 4
        },
        {
          "name": "arp_tpa",
          "type": "ipv4",
          "doc": "ARP target address",
          "internal": false,
          "requires": "arp",
          "offset": 20,
          "size": 4
        },
        {
          "name": "arp_op",
          "type": "u16",
          "doc": "ARP operation: 1 request, 2 reply",
          "internal": false,
          "requires": "arp",
          "offset": 24,
          "size": 2
        },
        {
          "name": "arp_reserved16",
          "type": "u16",
          "doc": "zero",
          "internal": true,
          "offset": 26,
          "size": 2
        },
        {
          "name": "arp_reserved32",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 28,
          "size": 4
        }
      ]
    },
    {
      "name": "encap",
      "per": "some-rows",
      "masked": true,
      "half": 60,
      "stride": 120,
      "doc": "Inner VLAN, MPLS and NSH.",
      "fields": [
        {
          "name": "vlan2_tci",
          "type": "u16",
          "doc": "inner VLAN tag",
          "internal": false,
          "format": "hex4",
          "offset": 0,
          "size": 2
        },
        {
          "name": "vlan2_tpid",
          "type": "u16",
          "doc": "EtherType of the inner VLAN tag",
          "internal": false,
          "format": "hex4",
          "offset": 2,
          "size": 2
        },
        {
          "name": "mpls_lse0",
          "type": "u32",
          "doc": "outermost MPLS label stack entry: label 20 bits, tc 3, bos 1, ttl 8",
          "internal": true,
          "offset": 4,
          "size": 4
        },
        {
          "name": "mpls_lse1",
          "type": "u32",
          "doc": "second entry",
          "internal": true,
          "offset": 8,
          "size": 4
        },
        {
          "name": "mpls_lse2",
          "type": "u32",
          "doc": "third entry",
          "internal": true,
          "offset": 12,
          "size": 4
        },
        {
          "name": "nsh_spi",
          "type": "u32",
          "doc": "NSH service path",
          "internal": false,
          "format": "hex",
          "offset": 16,
          "size": 4
        },
        {
          "name": "nsh_c1",
          "type": "u32",
          "doc": "NSH context 1",
          "internal": false,
          "format": "hex",
          "offset": 20,
          "size": 4
        },
        {
          "name": "nsh_c2",
          "type": "u32",
          "doc": "NSH context 2",
          "internal": false,
          "format": "hex",
          "offset": 24,
          "size": 4
        },
        {
          "name": "nsh_c3",
          "type": "u32",
          "doc": "NSH context 3",
          "internal": false,
          "format": "hex",
          "offset": 28,
          "size": 4
        },
        {
          "name": "nsh_c4",
          "type": "u32",
          "doc": "NSH context 4",
          "internal": false,
          "format": "hex",
          "offset": 32,
          "size": 4
        },
        {
          "name": "nsh_flags",
          "type": "u8",
          "doc": "NSH flags",
          "internal": false,
          "offset": 36,
          "size": 1
        },
        {
          "name": "nsh_ttl",
          "type": "u8",
          "doc": "NSH TTL",
          "internal": false,
          "offset": 37,
          "size": 1
        },
        {
          "name": "nsh_mdtype",
          "type": "u8",
          "doc": "NSH metadata type",
          "internal": false,
          "offset": 38,
          "size": 1
        },
        {
          "name": "nsh_np",
          "type": "u8",
          "doc": "NSH next protocol",
          "internal": false,
          "offset": 39,
          "size": 1
        },
        {
          "name": "nsh_si",
          "type": "u8",
          "doc": "NSH service index",
          "internal": false,
          "offset": 40,
          "size": 1
        },
        {
          "name": "mpls_depth",
          "type": "u8",
          "doc": "how many MPLS entries were given",
          "internal": true,
          "offset": 41,
          "size": 1
        },
        {
          "name": "encap_reserved16",
          "type": "u16",
          "doc": "zero",
          "internal": true,
          "offset": 42,
          "size": 2
        },
        {
          "name": "vlan_more",
          "type": "ref",
          "doc": "VLAN tags beyond the second, outermost first: u16 tci, u16 tpid, u16 what was given (key half: 1 vlan, 2 encap, 4 tpid; mask half: 1 vlan with a mask), u16 zero",
          "internal": true,
          "offset": 44,
          "size": 8
        },
        {
          "name": "mpls_more",
          "type": "ref",
          "doc": "MPLS entries beyond the third, as u32 in the form of mpls_lse0",
          "internal": true,
          "offset": 52,
          "size": 8
        }
      ]
    },
    {
      "name": "action_lists",
      "per": "distinct",
      "masked": false,
      "half": 48,
      "stride": 48,
      "doc": "Each distinct action list once; rows.actions is its number.",
      "fields": [
        {
          "name": "attrs",
          "type": "ref",
          "doc": "the list as a tree of netlink attributes, OVS_ACTION_ATTR_* of odp-netlink.h (ports are ids of `ports`); what is not known is an attribute of type 0x3f00 that holds its text",
          "internal": true,
          "offset": 0,
          "size": 8
        },
        {
          "name": "verbatim",
          "type": "ref",
          "doc": "as the switch printed it, only where printing the tree gives something else",
          "internal": true,
          "offset": 8,
          "size": 8
        },
        {
          "name": "out_ports",
          "type": "ref",
          "doc": "u32 ids of `ports` that the list can output to, ascending, once each, nested lists included",
          "internal": true,
          "offset": 16,
          "size": 8
        },
        {
          "name": "does",
          "type": "u64",
          "doc": "bit n: OVS_ACTION_ATTR n occurs, nested lists included",
          "internal": true,
          "offset": 24,
          "size": 8
        },
        {
          "name": "sets",
          "type": "u64",
          "doc": "bit n: OVS_KEY_ATTR n is set (set or set_masked)",
          "internal": true,
          "offset": 32,
          "size": 8
        },
        {
          "name": "n_unknown",
          "type": "u32",
          "doc": "parts kept as text",
          "internal": true,
          "offset": 40,
          "size": 4
        },
        {
          "name": "reserved",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 44,
          "size": 4
        }
      ]
    },
    {
      "name": "ports",
      "per": "distinct",
      "masked": false,
      "half": 32,
      "stride": 32,
      "doc": "Ports named by a match or an action.",
      "fields": [
        {
          "name": "name",
          "type": "ref",
          "doc": "name, if known (bit 0 of known)",
          "internal": true,
          "offset": 0,
          "size": 8
        },
        {
          "name": "type",
          "type": "ref",
          "doc": "type as dpctl/show prints it, if known (bit 2 of known)",
          "internal": true,
          "offset": 8,
          "size": 8
        },
        {
          "name": "odp_port",
          "type": "u32",
          "doc": "datapath's number, if known (bit 1 of known)",
          "internal": true,
          "offset": 16,
          "size": 4
        },
        {
          "name": "datapath",
          "type": "datapath",
          "doc": "which datapath",
          "internal": true,
          "offset": 20,
          "size": 4
        },
        {
          "name": "known",
          "type": "u32",
          "doc": "bit 0 name, 1 odp_port, 2 type",
          "internal": true,
          "offset": 24,
          "size": 4
        },
        {
          "name": "reserved",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 28,
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
      "doc": "Datapaths of the switch, by full name (netdev@ovs-netdev).",
      "fields": [
        {
          "name": "name",
          "type": "ref",
          "doc": "full name; empty where a saved file does not say",
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
    "ct_state": {
      "new": 1,
      "est": 2,
      "rel": 4,
      "rpl": 8,
      "inv": 16,
      "trk": 32,
      "snat": 64,
      "dnat": 128
    },
    "tcp_flags": {
      "fin": 1,
      "syn": 2,
      "rst": 4,
      "psh": 8,
      "ack": 16,
      "urg": 32,
      "ece": 64,
      "cwr": 128,
      "ns": 256
    },
    "tun_flags": {
      "df": 1,
      "csum": 2,
      "key": 4,
      "oam": 8
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
    "any_ip": {
      "doc": "IPv4 or IPv6",
      "hidden": true,
      "all": [
        {
          "field": "eth_type",
          "in": [
            2048,
            34525
          ]
        }
      ]
    },
    "arp": {
      "doc": "ARP (and RARP)",
      "hidden": false,
      "all": [
        {
          "field": "eth_type",
          "in": [
            2054,
            32821
          ]
        }
      ]
    },
    "tcp": {
      "doc": "TCP over IPv4 or IPv6",
      "hidden": false,
      "all": [
        {
          "field": "eth_type",
          "in": [
            2048,
            34525
          ]
        },
        {
          "field": "nw_proto",
          "in": [
            6
          ]
        }
      ]
    },
    "tcp6": {
      "doc": "TCP over IPv6",
      "hidden": false,
      "all": [
        {
          "field": "eth_type",
          "in": [
            34525
          ]
        },
        {
          "field": "nw_proto",
          "in": [
            6
          ]
        }
      ]
    },
    "udp6": {
      "doc": "UDP over IPv6",
      "hidden": false,
      "all": [
        {
          "field": "eth_type",
          "in": [
            34525
          ]
        },
        {
          "field": "nw_proto",
          "in": [
            17
          ]
        }
      ]
    },
    "sctp6": {
      "doc": "SCTP over IPv6",
      "hidden": false,
      "all": [
        {
          "field": "eth_type",
          "in": [
            34525
          ]
        },
        {
          "field": "nw_proto",
          "in": [
            132
          ]
        }
      ]
    },
    "rarp": {
      "doc": "RARP",
      "hidden": false,
      "all": [
        {
          "field": "eth_type",
          "in": [
            32821
          ]
        }
      ]
    },
    "mpls": {
      "doc": "MPLS",
      "hidden": false,
      "all": [
        {
          "field": "eth_type",
          "in": [
            34887,
            34888
          ]
        }
      ]
    },
    "udp": {
      "doc": "UDP over IPv4 or IPv6",
      "hidden": false,
      "all": [
        {
          "field": "eth_type",
          "in": [
            2048,
            34525
          ]
        },
        {
          "field": "nw_proto",
          "in": [
            17
          ]
        }
      ]
    },
    "sctp": {
      "doc": "SCTP over IPv4 or IPv6",
      "hidden": false,
      "all": [
        {
          "field": "eth_type",
          "in": [
            2048,
            34525
          ]
        },
        {
          "field": "nw_proto",
          "in": [
            132
          ]
        }
      ]
    },
    "icmp": {
      "doc": "ICMP over IPv4",
      "hidden": false,
      "all": [
        {
          "field": "eth_type",
          "in": [
            2048
          ]
        },
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
          "field": "eth_type",
          "in": [
            34525
          ]
        },
        {
          "field": "nw_proto",
          "in": [
            58
          ]
        }
      ]
    },
    "l4": {
      "doc": "TCP, UDP or SCTP",
      "hidden": true,
      "all": [
        {
          "field": "eth_type",
          "in": [
            2048,
            34525
          ]
        },
        {
          "field": "nw_proto",
          "in": [
            6,
            17,
            132
          ]
        }
      ]
    },
    "any_icmp": {
      "doc": "ICMP or ICMPv6",
      "hidden": true,
      "all": [
        {
          "field": "eth_type",
          "in": [
            2048,
            34525
          ]
        },
        {
          "field": "nw_proto",
          "in": [
            1,
            58
          ]
        }
      ]
    }
  },
  "columns": [
    {
      "name": "dl_src",
      "alias": "eth_src"
    },
    {
      "name": "dl_dst",
      "alias": "eth_dst"
    },
    {
      "name": "dl_type",
      "alias": "eth_type"
    },
    {
      "name": "ip_src",
      "alias": "nw_src"
    },
    {
      "name": "ip_dst",
      "alias": "nw_dst"
    },
    {
      "name": "ip_proto",
      "alias": "nw_proto"
    },
    {
      "name": "skb_mark",
      "alias": "pkt_mark"
    },
    {
      "name": "ip_frag",
      "alias": "nw_frag"
    },
    {
      "name": "dp",
      "alias": "datapath"
    },
    {
      "name": "used",
      "alias": "used_ms"
    },
    {
      "name": "tcp_src",
      "of": "tp_src",
      "requires": "tcp",
      "doc": "TCP source port"
    },
    {
      "name": "tcp_dst",
      "of": "tp_dst",
      "requires": "tcp",
      "doc": "TCP destination port"
    },
    {
      "name": "udp_src",
      "of": "tp_src",
      "requires": "udp",
      "doc": "UDP source port"
    },
    {
      "name": "udp_dst",
      "of": "tp_dst",
      "requires": "udp",
      "doc": "UDP destination port"
    },
    {
      "name": "sctp_src",
      "of": "tp_src",
      "requires": "sctp",
      "doc": "SCTP source port"
    },
    {
      "name": "sctp_dst",
      "of": "tp_dst",
      "requires": "sctp",
      "doc": "SCTP destination port"
    },
    {
      "name": "icmpv6_type",
      "of": "icmp_type",
      "requires": "icmp6",
      "doc": "ICMPv6 type"
    },
    {
      "name": "icmpv6_code",
      "of": "icmp_code",
      "requires": "icmp6",
      "doc": "ICMPv6 code"
    },
    {
      "name": "vlan_vid",
      "of": "vlan_tci",
      "shift": 0,
      "width": 12,
      "present": 4096,
      "doc": "VLAN id of the outer tag"
    },
    {
      "name": "dl_vlan",
      "alias": "vlan_vid"
    },
    {
      "name": "vlan_pcp",
      "of": "vlan_tci",
      "shift": 13,
      "width": 3,
      "present": 4096,
      "doc": "priority of the outer VLAN tag"
    },
    {
      "name": "dl_vlan_pcp",
      "alias": "vlan_pcp"
    },
    {
      "name": "vlan2_vid",
      "of": "vlan2_tci",
      "shift": 0,
      "width": 12,
      "present": 4096,
      "doc": "VLAN id of the inner tag"
    },
    {
      "name": "nw_ecn",
      "of": "nw_tos",
      "shift": 0,
      "width": 2,
      "requires": "any_ip",
      "doc": "ECN bits"
    },
    {
      "name": "nw_dscp",
      "of": "nw_tos",
      "shift": 2,
      "width": 6,
      "requires": "any_ip",
      "doc": "DSCP"
    },
    {
      "name": "ip_dscp",
      "alias": "nw_dscp"
    },
    {
      "name": "mpls_label",
      "of": "mpls_lse0",
      "shift": 12,
      "width": 20,
      "doc": "outermost MPLS label"
    },
    {
      "name": "mpls_tc",
      "of": "mpls_lse0",
      "shift": 9,
      "width": 3,
      "doc": "outermost MPLS traffic class"
    },
    {
      "name": "mpls_bos",
      "of": "mpls_lse0",
      "shift": 8,
      "width": 1,
      "doc": "outermost MPLS bottom of stack"
    },
    {
      "name": "mpls_ttl",
      "of": "mpls_lse0",
      "shift": 0,
      "width": 8,
      "doc": "outermost MPLS TTL"
    },
    {
      "name": "flags",
      "of": "tcp_flags_seen",
      "flags": "tcp_flags",
      "doc": "TCP flags seen by the flow"
    },
    {
      "name": "odp_port",
      "of": "in_port",
      "dictionary": "odp_port",
      "doc": "datapath's number of in_port"
    },
    {
      "name": "out_port",
      "derived": "actions",
      "type": "port",
      "set": true,
      "doc": "ports the actions can output to, nested lists included"
    },
    {
      "name": "drop",
      "derived": "actions",
      "type": "enum",
      "enum": {
        "no": 0,
        "yes": 1
      },
      "doc": "the list is empty, or drops outside of nested lists"
    },
    {
      "name": "drop_reason",
      "derived": "actions",
      "type": "enum",
      "enum": {
        "of_pipeline": 0,
        "bridge_not_found": 1,
        "recursion_too_deep": 2,
        "too_many_resubmit": 3,
        "stack_too_deep": 4,
        "no_recirculation_context": 5,
        "recirculation_conflict": 6,
        "too_many_mpls_labels": 7,
        "invalid_tunnel_metadata": 8,
        "unsupported_packet_type": 9,
        "congestion": 10,
        "forwarding_disabled": 11
      },
      "doc": "why the translation dropped, where the drop action says (by the names of the drop_action_* coverage counters)"
    },
    {
      "name": "encap.dst",
      "derived": "actions",
      "type": "address",
      "set": true,
      "doc": "outer destinations of tunnels the actions put the packet into"
    },
    {
      "name": "encap.vni",
      "derived": "actions",
      "type": "number",
      "set": true,
      "doc": "tunnel keys (VNI, GRE key, TEID) the actions set"
    },
    {
      "name": "mask_shape",
      "derived": "row",
      "type": "text",
      "doc": "which fields the flow looks at, under which masks: flows of one shape share a subtable (of their PMD and port)"
    },
    {
      "name": "age",
      "derived": "datapath",
      "type": "duration",
      "doc": "time since the flow was made; unknown of every row: no command of ovs-vswitchd prints it, and what it remembers of it (udpif_key.created) is not read",
      "neverKnown": true
    }
  ]
};
