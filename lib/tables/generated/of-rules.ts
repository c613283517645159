// Generated from schema/ by `npm run generate`. Do not edit.
import type { TableSchema } from '../../table-schema.js';

export const OF_RULES: TableSchema = {
  "name": "of_rules",
  "version": 1,
  "hash": "6e22bcd01495908b",
  "doc": "OpenFlow rules: what ovs-ofctl dump-flows prints, from a file. One row a rule.",
  "noun": "rule",
  "rowText": "rule",
  "identity": [
    "priority",
    "match",
    "table",
    "table_name",
    "bridge"
  ],
  "notCompared": [
    "duration_ms",
    "idle_age_ms",
    "hard_age_ms",
    "file",
    "text"
  ],
  "show": [
    "rule"
  ],
  "segments": [
    {
      "name": "rows",
      "per": "row",
      "masked": false,
      "half": 152,
      "stride": 152,
      "doc": "What the rule is and did.",
      "fields": [
        {
          "name": "cookie",
          "type": "u64",
          "doc": "cookie of the controller",
          "internal": false,
          "format": "hex",
          "offset": 0,
          "size": 8
        },
        {
          "name": "n_packets",
          "type": "u64",
          "doc": "packets that matched",
          "internal": false,
          "offset": 8,
          "knownBit": 0,
          "size": 8
        },
        {
          "name": "n_bytes",
          "type": "u64",
          "doc": "bytes that matched",
          "internal": false,
          "offset": 16,
          "knownBit": 1,
          "size": 8
        },
        {
          "name": "n_offload_packets",
          "type": "u64",
          "doc": "of those, packets that hardware forwarded (bridge/dump-flows --offload-stats)",
          "internal": false,
          "offset": 24,
          "knownBit": 2,
          "size": 8
        },
        {
          "name": "n_offload_bytes",
          "type": "u64",
          "doc": "of those, bytes",
          "internal": false,
          "offset": 32,
          "knownBit": 3,
          "size": 8
        },
        {
          "name": "duration_ms",
          "type": "u64",
          "doc": "time since the rule was added",
          "internal": false,
          "unit": "ms",
          "offset": 40,
          "knownBit": 4,
          "size": 8
        },
        {
          "name": "idle_age_ms",
          "type": "u64",
          "doc": "time since a packet matched",
          "internal": false,
          "unit": "ms",
          "offset": 48,
          "knownBit": 5,
          "size": 8
        },
        {
          "name": "hard_age_ms",
          "type": "u64",
          "doc": "time since the rule was changed; not printed where it is the duration",
          "internal": false,
          "unit": "ms",
          "offset": 56,
          "knownBit": 6,
          "size": 8
        },
        {
          "name": "idle_timeout_ms",
          "type": "u64",
          "doc": "removed after so long without a packet; never: it is not",
          "internal": false,
          "unit": "ms",
          "offset": 64,
          "size": 8
        },
        {
          "name": "hard_timeout_ms",
          "type": "u64",
          "doc": "removed after so long; never: it is not",
          "internal": false,
          "unit": "ms",
          "offset": 72,
          "size": 8
        },
        {
          "name": "known",
          "type": "u32",
          "doc": "bit n: the column with known bit n (enum below) has a value",
          "internal": true,
          "offset": 80,
          "size": 4
        },
        {
          "name": "bridge",
          "type": "datapath",
          "doc": "which bridge, where the file's name says it",
          "internal": false,
          "offset": 84,
          "size": 4
        },
        {
          "name": "actions",
          "type": "actions",
          "doc": "the action list",
          "internal": false,
          "offset": 88,
          "size": 4
        },
        {
          "name": "file",
          "type": "text",
          "doc": "the file of the archive or directory it stands in",
          "internal": false,
          "offset": 92,
          "knownBit": 7,
          "size": 4
        },
        {
          "name": "table_name",
          "type": "text",
          "doc": "name of its table, where it has one",
          "internal": false,
          "offset": 96,
          "knownBit": 8,
          "size": 4
        },
        {
          "name": "flags",
          "type": "u32",
          "doc": "flags of the flow_mod that added it",
          "internal": false,
          "flags": "rule_flags",
          "offset": 100,
          "size": 4
        },
        {
          "name": "tunnel",
          "type": "u32",
          "doc": "record in tunnel",
          "internal": true,
          "index_of": "tunnel",
          "offset": 104,
          "size": 4
        },
        {
          "name": "ipv6",
          "type": "u32",
          "doc": "record in ipv6",
          "internal": true,
          "index_of": "ipv6",
          "offset": 108,
          "size": 4
        },
        {
          "name": "ct_tuple",
          "type": "u32",
          "doc": "record in ct_tuple",
          "internal": true,
          "index_of": "ct_tuple",
          "offset": 112,
          "size": 4
        },
        {
          "name": "arp",
          "type": "u32",
          "doc": "record in arp",
          "internal": true,
          "index_of": "arp",
          "offset": 116,
          "size": 4
        },
        {
          "name": "encap",
          "type": "u32",
          "doc": "record in encap",
          "internal": true,
          "index_of": "encap",
          "offset": 120,
          "size": 4
        },
        {
          "name": "regs",
          "type": "u32",
          "doc": "record in regs",
          "internal": true,
          "index_of": "regs",
          "offset": 124,
          "size": 4
        },
        {
          "name": "text",
          "type": "ref",
          "doc": "the rule as it was printed",
          "internal": true,
          "offset": 128,
          "size": 8
        },
        {
          "name": "unknown",
          "type": "ref",
          "doc": "parts of the match this version does not know, as text, comma between",
          "internal": true,
          "offset": 136,
          "size": 8
        },
        {
          "name": "priority",
          "type": "u16",
          "doc": "priority; 32768 where none is printed",
          "internal": false,
          "offset": 144,
          "size": 2
        },
        {
          "name": "importance",
          "type": "u16",
          "doc": "importance, for eviction",
          "internal": false,
          "offset": 146,
          "size": 2
        },
        {
          "name": "table",
          "type": "u8",
          "doc": "number of its table",
          "internal": false,
          "offset": 148,
          "knownBit": 9,
          "size": 1
        },
        {
          "name": "reserved8",
          "type": "u8",
          "doc": "zero",
          "internal": true,
          "offset": 149,
          "size": 1
        },
        {
          "name": "reserved16",
          "type": "u16",
          "doc": "zero",
          "internal": true,
          "offset": 150,
          "size": 2
        }
      ]
    },
    {
      "name": "match",
      "per": "row",
      "masked": true,
      "half": 96,
      "stride": 192,
      "doc": "What the rule matches, the fields most rules have.",
      "fields": [
        {
          "name": "eth_src",
          "type": "mac",
          "doc": "Ethernet source",
          "internal": false,
          "offset": 0,
          "size": 8
        },
        {
          "name": "eth_dst",
          "type": "mac",
          "doc": "Ethernet destination",
          "internal": false,
          "offset": 8,
          "size": 8
        },
        {
          "name": "metadata",
          "type": "u64",
          "doc": "OpenFlow metadata",
          "internal": false,
          "format": "hex",
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
          "name": "actset_output",
          "type": "port",
          "doc": "output port in the action set",
          "internal": false,
          "offset": 28,
          "size": 4
        },
        {
          "name": "recirc_id",
          "type": "u32",
          "doc": "recirculation id",
          "internal": false,
          "format": "hex",
          "offset": 32,
          "size": 4
        },
        {
          "name": "dp_hash",
          "type": "u32",
          "doc": "datapath hash",
          "internal": false,
          "format": "hex",
          "offset": 36,
          "size": 4
        },
        {
          "name": "skb_priority",
          "type": "u32",
          "doc": "skb->priority",
          "internal": false,
          "format": "hex",
          "offset": 40,
          "size": 4
        },
        {
          "name": "pkt_mark",
          "type": "u32",
          "doc": "packet mark",
          "internal": false,
          "format": "hex",
          "offset": 44,
          "size": 4
        },
        {
          "name": "ct_state",
          "type": "u32",
          "doc": "conntrack state",
          "internal": false,
          "flags": "ct_state",
          "offset": 48,
          "size": 4
        },
        {
          "name": "ct_mark",
          "type": "u32",
          "doc": "conntrack mark",
          "internal": false,
          "format": "hex",
          "offset": 52,
          "size": 4
        },
        {
          "name": "conj_id",
          "type": "u32",
          "doc": "conjunction id",
          "internal": false,
          "offset": 56,
          "size": 4
        },
        {
          "name": "packet_type",
          "type": "u32",
          "doc": "namespace << 16 | type",
          "internal": false,
          "format": "hex",
          "offset": 60,
          "size": 4
        },
        {
          "name": "nw_src",
          "type": "ipv4",
          "doc": "IPv4 source",
          "internal": false,
          "requires": "ip",
          "offset": 64,
          "size": 4
        },
        {
          "name": "nw_dst",
          "type": "ipv4",
          "doc": "IPv4 destination",
          "internal": false,
          "requires": "ip",
          "offset": 68,
          "size": 4
        },
        {
          "name": "ct_zone",
          "type": "u16",
          "doc": "conntrack zone",
          "internal": false,
          "offset": 72,
          "size": 2
        },
        {
          "name": "eth_type",
          "type": "u16",
          "doc": "EtherType",
          "internal": false,
          "format": "hex4",
          "offset": 74,
          "size": 2
        },
        {
          "name": "vlan_tci",
          "type": "u16",
          "doc": "outer VLAN tag: pcp, CFI (set if there is a tag), vid",
          "internal": false,
          "format": "hex4",
          "offset": 76,
          "size": 2
        },
        {
          "name": "tp_src",
          "type": "u16",
          "doc": "TCP, UDP or SCTP source port",
          "internal": false,
          "requires": "l4",
          "offset": 78,
          "size": 2
        },
        {
          "name": "tp_dst",
          "type": "u16",
          "doc": "TCP, UDP or SCTP destination port",
          "internal": false,
          "requires": "l4",
          "offset": 80,
          "size": 2
        },
        {
          "name": "tcp_flags",
          "type": "u16",
          "doc": "TCP flags",
          "internal": false,
          "flags": "tcp_flags",
          "requires": "tcp",
          "offset": 82,
          "size": 2
        },
        {
          "name": "nw_proto",
          "type": "u8",
          "doc": "IP protocol (IPv4 or IPv6 next header)",
          "internal": false,
          "requires": "any_ip",
          "offset": 84,
          "size": 1
        },
        {
          "name": "nw_tos",
          "type": "u8",
          "doc": "IPv4 TOS or IPv6 traffic class, all 8 bits",
          "internal": false,
          "format": "hex",
          "requires": "any_ip",
          "offset": 85,
          "size": 1
        },
        {
          "name": "nw_ttl",
          "type": "u8",
          "doc": "IPv4 TTL or IPv6 hop limit",
          "internal": false,
          "requires": "any_ip",
          "offset": 86,
          "size": 1
        },
        {
          "name": "nw_frag",
          "type": "u8",
          "doc": "fragment: no, first or later; bit 0 any, bit 1 later",
          "internal": false,
          "enum": {
            "no": 0,
            "first": 1,
            "later": 3
          },
          "requires": "any_ip",
          "offset": 87,
          "size": 1
        },
        {
          "name": "icmp_type",
          "type": "u8",
          "doc": "ICMP or ICMPv6 type",
          "internal": false,
          "requires": "any_icmp",
          "offset": 88,
          "size": 1
        },
        {
          "name": "icmp_code",
          "type": "u8",
          "doc": "ICMP or ICMPv6 code",
          "internal": false,
          "requires": "any_icmp",
          "offset": 89,
          "size": 1
        },
        {
          "name": "match_reserved16",
          "type": "u16",
          "doc": "zero",
          "internal": true,
          "offset": 90,
          "size": 2
        },
        {
          "name": "match_reserved32",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 92,
          "size": 4
        }
      ]
    },
    {
      "name": "tunnel",
      "per": "some-rows",
      "masked": true,
      "half": 64,
      "stride": 128,
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
          "name": "tun_erspan_idx",
          "type": "u32",
          "doc": "ERSPAN version 1 index",
          "internal": false,
          "format": "hex",
          "offset": 48,
          "size": 4
        },
        {
          "name": "tun_flags",
          "type": "u16",
          "doc": "tunnel flags",
          "internal": false,
          "flags": "of_tun_flags",
          "offset": 52,
          "size": 2
        },
        {
          "name": "tun_gbp_id",
          "type": "u16",
          "doc": "VXLAN group policy id",
          "internal": false,
          "offset": 54,
          "size": 2
        },
        {
          "name": "tun_gbp_flags",
          "type": "u8",
          "doc": "VXLAN group policy flags",
          "internal": false,
          "format": "hex",
          "offset": 56,
          "size": 1
        },
        {
          "name": "tun_tos",
          "type": "u8",
          "doc": "outer TOS",
          "internal": false,
          "format": "hex",
          "offset": 57,
          "size": 1
        },
        {
          "name": "tun_ttl",
          "type": "u8",
          "doc": "outer TTL",
          "internal": false,
          "offset": 58,
          "size": 1
        },
        {
          "name": "tun_erspan_ver",
          "type": "u8",
          "doc": "ERSPAN version",
          "internal": false,
          "offset": 59,
          "size": 1
        },
        {
          "name": "tun_erspan_dir",
          "type": "u8",
          "doc": "ERSPAN version 2 direction",
          "internal": false,
          "offset": 60,
          "size": 1
        },
        {
          "name": "tun_erspan_hwid",
          "type": "u8",
          "doc": "ERSPAN version 2 hardware id",
          "internal": false,
          "format": "hex",
          "offset": 61,
          "size": 1
        },
        {
          "name": "tun_gtpu_flags",
          "type": "u8",
          "doc": "GTP-U flags",
          "internal": false,
          "format": "hex",
          "offset": 62,
          "size": 1
        },
        {
          "name": "tun_gtpu_msgtype",
          "type": "u8",
          "doc": "GTP-U message type",
          "internal": false,
          "offset": 63,
          "size": 1
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
          "name": "nd_options_type",
          "type": "u8",
          "doc": "neighbour discovery option type",
          "internal": false,
          "requires": "icmp6",
          "offset": 72,
          "size": 1
        },
        {
          "name": "ipv6_reserved8",
          "type": "u8",
          "doc": "zero",
          "internal": true,
          "offset": 73,
          "size": 1
        },
        {
          "name": "ipv6_reserved16",
          "type": "u16",
          "doc": "zero",
          "internal": true,
          "offset": 74,
          "size": 2
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
      "half": 40,
      "stride": 80,
      "doc": "Inner VLAN, MPLS and NSH.",
      "fields": [
        {
          "name": "mpls_lse0",
          "type": "u32",
          "doc": "outermost MPLS label stack entry: label 20 bits, tc 3, bos 1, ttl 8",
          "internal": true,
          "offset": 0,
          "size": 4
        },
        {
          "name": "mpls_lse1",
          "type": "u32",
          "doc": "second MPLS label stack entry",
          "internal": false,
          "format": "hex",
          "offset": 4,
          "size": 4
        },
        {
          "name": "mpls_lse2",
          "type": "u32",
          "doc": "third MPLS label stack entry",
          "internal": false,
          "format": "hex",
          "offset": 8,
          "size": 4
        },
        {
          "name": "nsh_spi",
          "type": "u32",
          "doc": "NSH service path",
          "internal": false,
          "format": "hex",
          "offset": 12,
          "size": 4
        },
        {
          "name": "nsh_c1",
          "type": "u32",
          "doc": "NSH context 1",
          "internal": false,
          "format": "hex",
          "offset": 16,
          "size": 4
        },
        {
          "name": "nsh_c2",
          "type": "u32",
          "doc": "NSH context 2",
          "internal": false,
          "format": "hex",
          "offset": 20,
          "size": 4
        },
        {
          "name": "nsh_c3",
          "type": "u32",
          "doc": "NSH context 3",
          "internal": false,
          "format": "hex",
          "offset": 24,
          "size": 4
        },
        {
          "name": "nsh_c4",
          "type": "u32",
          "doc": "NSH context 4",
          "internal": false,
          "format": "hex",
          "offset": 28,
          "size": 4
        },
        {
          "name": "vlan2_tci",
          "type": "u16",
          "doc": "inner VLAN tag",
          "internal": false,
          "format": "hex4",
          "offset": 32,
          "size": 2
        },
        {
          "name": "nsh_flags",
          "type": "u8",
          "doc": "NSH flags",
          "internal": false,
          "offset": 34,
          "size": 1
        },
        {
          "name": "nsh_ttl",
          "type": "u8",
          "doc": "NSH TTL",
          "internal": false,
          "offset": 35,
          "size": 1
        },
        {
          "name": "nsh_mdtype",
          "type": "u8",
          "doc": "NSH metadata type",
          "internal": false,
          "offset": 36,
          "size": 1
        },
        {
          "name": "nsh_np",
          "type": "u8",
          "doc": "NSH next protocol",
          "internal": false,
          "offset": 37,
          "size": 1
        },
        {
          "name": "nsh_si",
          "type": "u8",
          "doc": "NSH service index",
          "internal": false,
          "offset": 38,
          "size": 1
        },
        {
          "name": "encap_reserved8",
          "type": "u8",
          "doc": "zero",
          "internal": true,
          "offset": 39,
          "size": 1
        }
      ]
    },
    {
      "name": "regs",
      "per": "some-rows",
      "masked": true,
      "half": 128,
      "stride": 256,
      "doc": "Registers, two in one number.",
      "fields": [
        {
          "name": "xreg0",
          "type": "u64",
          "doc": "registers 0 (high) and 1",
          "internal": false,
          "format": "hex",
          "offset": 0,
          "size": 8
        },
        {
          "name": "xreg1",
          "type": "u64",
          "doc": "registers 2 (high) and 3",
          "internal": false,
          "format": "hex",
          "offset": 8,
          "size": 8
        },
        {
          "name": "xreg2",
          "type": "u64",
          "doc": "registers 4 (high) and 5",
          "internal": false,
          "format": "hex",
          "offset": 16,
          "size": 8
        },
        {
          "name": "xreg3",
          "type": "u64",
          "doc": "registers 6 (high) and 7",
          "internal": false,
          "format": "hex",
          "offset": 24,
          "size": 8
        },
        {
          "name": "xreg4",
          "type": "u64",
          "doc": "registers 8 (high) and 9",
          "internal": false,
          "format": "hex",
          "offset": 32,
          "size": 8
        },
        {
          "name": "xreg5",
          "type": "u64",
          "doc": "registers 10 (high) and 11",
          "internal": false,
          "format": "hex",
          "offset": 40,
          "size": 8
        },
        {
          "name": "xreg6",
          "type": "u64",
          "doc": "registers 12 (high) and 13",
          "internal": false,
          "format": "hex",
          "offset": 48,
          "size": 8
        },
        {
          "name": "xreg7",
          "type": "u64",
          "doc": "registers 14 (high) and 15",
          "internal": false,
          "format": "hex",
          "offset": 56,
          "size": 8
        },
        {
          "name": "xreg8",
          "type": "u64",
          "doc": "registers 16 (high) and 17",
          "internal": false,
          "format": "hex",
          "offset": 64,
          "size": 8
        },
        {
          "name": "xreg9",
          "type": "u64",
          "doc": "registers 18 (high) and 19",
          "internal": false,
          "format": "hex",
          "offset": 72,
          "size": 8
        },
        {
          "name": "xreg10",
          "type": "u64",
          "doc": "registers 20 (high) and 21",
          "internal": false,
          "format": "hex",
          "offset": 80,
          "size": 8
        },
        {
          "name": "xreg11",
          "type": "u64",
          "doc": "registers 22 (high) and 23",
          "internal": false,
          "format": "hex",
          "offset": 88,
          "size": 8
        },
        {
          "name": "xreg12",
          "type": "u64",
          "doc": "registers 24 (high) and 25",
          "internal": false,
          "format": "hex",
          "offset": 96,
          "size": 8
        },
        {
          "name": "xreg13",
          "type": "u64",
          "doc": "registers 26 (high) and 27",
          "internal": false,
          "format": "hex",
          "offset": 104,
          "size": 8
        },
        {
          "name": "xreg14",
          "type": "u64",
          "doc": "registers 28 (high) and 29",
          "internal": false,
          "format": "hex",
          "offset": 112,
          "size": 8
        },
        {
          "name": "xreg15",
          "type": "u64",
          "doc": "registers 30 (high) and 31",
          "internal": false,
          "format": "hex",
          "offset": 120,
          "size": 8
        }
      ]
    },
    {
      "name": "action_lists",
      "per": "distinct",
      "masked": false,
      "half": 40,
      "stride": 40,
      "doc": "Each distinct action list of a bridge once; rows.actions is its number.",
      "fields": [
        {
          "name": "text",
          "type": "ref",
          "doc": "the list as it was printed",
          "internal": true,
          "offset": 0,
          "size": 8
        },
        {
          "name": "out_ports",
          "type": "ref",
          "doc": "u32 ids of `ports` that the list can output to, ascending, once each, nested lists included",
          "internal": true,
          "offset": 8,
          "size": 8
        },
        {
          "name": "sets",
          "type": "ref",
          "doc": "columns that the list sets, a comma before, between and after; nested lists included",
          "internal": true,
          "offset": 16,
          "size": 8
        },
        {
          "name": "does",
          "type": "u64",
          "doc": "bit n: action n of `actions` below occurs, nested lists included",
          "internal": true,
          "offset": 24,
          "size": 8
        },
        {
          "name": "n_unknown",
          "type": "u32",
          "doc": "parts that are not understood",
          "internal": true,
          "offset": 32,
          "size": 4
        },
        {
          "name": "reserved",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 36,
          "size": 4
        }
      ]
    },
    {
      "name": "ports",
      "per": "distinct",
      "masked": false,
      "half": 24,
      "stride": 24,
      "doc": "OpenFlow ports named by a match or an action.",
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
          "name": "ofp_port",
          "type": "u32",
          "doc": "OpenFlow port number, if known (bit 1 of known)",
          "internal": true,
          "offset": 8,
          "size": 4
        },
        {
          "name": "bridge",
          "type": "datapath",
          "doc": "which bridge",
          "internal": true,
          "offset": 12,
          "size": 4
        },
        {
          "name": "known",
          "type": "u32",
          "doc": "bit 0 name, 1 ofp_port",
          "internal": true,
          "offset": 16,
          "size": 4
        },
        {
          "name": "reserved",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 20,
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
      "doc": "Bridges; an empty name where a file does not say.",
      "fields": [
        {
          "name": "name",
          "type": "ref",
          "doc": "name",
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
  "actions": {
    "output": 0,
    "group": 1,
    "controller": 2,
    "enqueue": 3,
    "bundle": 4,
    "bundle_load": 5,
    "set_field": 6,
    "load": 7,
    "move": 8,
    "push_vlan": 9,
    "pop_vlan": 10,
    "push_mpls": 11,
    "pop_mpls": 12,
    "encap": 13,
    "decap": 14,
    "dec_ttl": 15,
    "dec_mpls_ttl": 16,
    "dec_nsh_ttl": 17,
    "set_queue": 18,
    "pop_queue": 19,
    "push": 20,
    "pop": 21,
    "multipath": 22,
    "learn": 23,
    "conjunction": 24,
    "resubmit": 25,
    "clone": 26,
    "ct": 27,
    "ct_clear": 28,
    "check_pkt_larger": 29,
    "delete_field": 30,
    "exit": 31,
    "fin_timeout": 32,
    "meter": 33,
    "note": 34,
    "sample": 35,
    "write_actions": 36,
    "clear_actions": 37,
    "write_metadata": 38,
    "goto_table": 39,
    "drop": 40,
    "nat": 41,
    "set_tunnel": 42,
    "normal": 43,
    "flood": 44,
    "debug_recirc": 45,
    "debug_slow": 46,
    "unroll_xlate": 47
  },
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
    "of_tun_flags": {
      "df": 1,
      "csum": 2,
      "key": 4,
      "oam": 8
    },
    "rule_flags": {
      "send_flow_rem": 1,
      "check_overlap": 2,
      "reset_counts": 4,
      "no_packet_counts": 8,
      "no_byte_counts": 16
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
      "name": "ip_frag",
      "alias": "nw_frag"
    },
    {
      "name": "dp",
      "alias": "bridge"
    },
    {
      "name": "packets",
      "alias": "n_packets"
    },
    {
      "name": "bytes",
      "alias": "n_bytes"
    },
    {
      "name": "duration",
      "alias": "duration_ms"
    },
    {
      "name": "idle_age",
      "alias": "idle_age_ms"
    },
    {
      "name": "hard_age",
      "alias": "hard_age_ms"
    },
    {
      "name": "idle_timeout",
      "alias": "idle_timeout_ms"
    },
    {
      "name": "hard_timeout",
      "alias": "hard_timeout_ms"
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
      "name": "ofp_port",
      "of": "in_port",
      "dictionary": "ofp_port",
      "doc": "OpenFlow port number of in_port"
    },
    {
      "name": "reg0",
      "of": "xreg0",
      "shift": 32,
      "width": 32,
      "doc": "register 0"
    },
    {
      "name": "reg1",
      "of": "xreg0",
      "shift": 0,
      "width": 32,
      "doc": "register 1"
    },
    {
      "name": "reg2",
      "of": "xreg1",
      "shift": 32,
      "width": 32,
      "doc": "register 2"
    },
    {
      "name": "reg3",
      "of": "xreg1",
      "shift": 0,
      "width": 32,
      "doc": "register 3"
    },
    {
      "name": "reg4",
      "of": "xreg2",
      "shift": 32,
      "width": 32,
      "doc": "register 4"
    },
    {
      "name": "reg5",
      "of": "xreg2",
      "shift": 0,
      "width": 32,
      "doc": "register 5"
    },
    {
      "name": "reg6",
      "of": "xreg3",
      "shift": 32,
      "width": 32,
      "doc": "register 6"
    },
    {
      "name": "reg7",
      "of": "xreg3",
      "shift": 0,
      "width": 32,
      "doc": "register 7"
    },
    {
      "name": "reg8",
      "of": "xreg4",
      "shift": 32,
      "width": 32,
      "doc": "register 8"
    },
    {
      "name": "reg9",
      "of": "xreg4",
      "shift": 0,
      "width": 32,
      "doc": "register 9"
    },
    {
      "name": "reg10",
      "of": "xreg5",
      "shift": 32,
      "width": 32,
      "doc": "register 10"
    },
    {
      "name": "reg11",
      "of": "xreg5",
      "shift": 0,
      "width": 32,
      "doc": "register 11"
    },
    {
      "name": "reg12",
      "of": "xreg6",
      "shift": 32,
      "width": 32,
      "doc": "register 12"
    },
    {
      "name": "reg13",
      "of": "xreg6",
      "shift": 0,
      "width": 32,
      "doc": "register 13"
    },
    {
      "name": "reg14",
      "of": "xreg7",
      "shift": 32,
      "width": 32,
      "doc": "register 14"
    },
    {
      "name": "reg15",
      "of": "xreg7",
      "shift": 0,
      "width": 32,
      "doc": "register 15"
    },
    {
      "name": "reg16",
      "of": "xreg8",
      "shift": 32,
      "width": 32,
      "doc": "register 16"
    },
    {
      "name": "reg17",
      "of": "xreg8",
      "shift": 0,
      "width": 32,
      "doc": "register 17"
    },
    {
      "name": "reg18",
      "of": "xreg9",
      "shift": 32,
      "width": 32,
      "doc": "register 18"
    },
    {
      "name": "reg19",
      "of": "xreg9",
      "shift": 0,
      "width": 32,
      "doc": "register 19"
    },
    {
      "name": "reg20",
      "of": "xreg10",
      "shift": 32,
      "width": 32,
      "doc": "register 20"
    },
    {
      "name": "reg21",
      "of": "xreg10",
      "shift": 0,
      "width": 32,
      "doc": "register 21"
    },
    {
      "name": "reg22",
      "of": "xreg11",
      "shift": 32,
      "width": 32,
      "doc": "register 22"
    },
    {
      "name": "reg23",
      "of": "xreg11",
      "shift": 0,
      "width": 32,
      "doc": "register 23"
    },
    {
      "name": "reg24",
      "of": "xreg12",
      "shift": 32,
      "width": 32,
      "doc": "register 24"
    },
    {
      "name": "reg25",
      "of": "xreg12",
      "shift": 0,
      "width": 32,
      "doc": "register 25"
    },
    {
      "name": "reg26",
      "of": "xreg13",
      "shift": 32,
      "width": 32,
      "doc": "register 26"
    },
    {
      "name": "reg27",
      "of": "xreg13",
      "shift": 0,
      "width": 32,
      "doc": "register 27"
    },
    {
      "name": "reg28",
      "of": "xreg14",
      "shift": 32,
      "width": 32,
      "doc": "register 28"
    },
    {
      "name": "reg29",
      "of": "xreg14",
      "shift": 0,
      "width": 32,
      "doc": "register 29"
    },
    {
      "name": "reg30",
      "of": "xreg15",
      "shift": 32,
      "width": 32,
      "doc": "register 30"
    },
    {
      "name": "reg31",
      "of": "xreg15",
      "shift": 0,
      "width": 32,
      "doc": "register 31"
    }
  ]
};
