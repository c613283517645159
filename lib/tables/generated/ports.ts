// Generated from schema/ by `npm run generate`. Do not edit.
import type { TableSchema } from '../../table-schema.js';

export const PORTS: TableSchema = {
  "name": "ports",
  "version": 1,
  "hash": "42df2d7f26e15719",
  "doc": "Ports of the datapaths: what in_port and output of a megaflow name.",
  "noun": "port",
  "identity": [
    "datapath",
    "name"
  ],
  "show": [
    "datapath",
    "odp_port",
    "name",
    "type",
    "rx_queues",
    "tx_queues"
  ],
  "segments": [
    {
      "name": "rows",
      "per": "row",
      "masked": false,
      "half": 32,
      "stride": 32,
      "doc": "A port as its datapath has it.",
      "fields": [
        {
          "name": "name",
          "type": "text",
          "doc": "name of the port and its device",
          "internal": false,
          "offset": 0,
          "size": 4
        },
        {
          "name": "type",
          "type": "text",
          "doc": "type, as dpctl/show prints it",
          "internal": false,
          "offset": 4,
          "size": 4
        },
        {
          "name": "odp_port",
          "type": "u32",
          "doc": "the datapath's number for it",
          "internal": false,
          "offset": 8,
          "size": 4
        },
        {
          "name": "datapath",
          "type": "datapath",
          "doc": "which datapath",
          "internal": false,
          "offset": 12,
          "size": 4
        },
        {
          "name": "rx_queues",
          "type": "u32",
          "doc": "receive queues the datapath has opened",
          "internal": false,
          "offset": 16,
          "knownBit": 0,
          "size": 4
        },
        {
          "name": "tx_queues",
          "type": "u32",
          "doc": "transmit queues of the device",
          "internal": false,
          "offset": 20,
          "knownBit": 1,
          "size": 4
        },
        {
          "name": "known",
          "type": "u32",
          "doc": "bit n: the column with known bit n (enum below) has a value",
          "internal": true,
          "offset": 24,
          "size": 4
        },
        {
          "name": "emc",
          "type": "u8",
          "doc": "whether its packets use the exact match cache",
          "internal": false,
          "enum": {
            "no": 0,
            "yes": 1
          },
          "offset": 28,
          "knownBit": 2,
          "size": 1
        },
        {
          "name": "reserved8",
          "type": "u8",
          "doc": "zero",
          "internal": true,
          "offset": 29,
          "size": 1
        },
        {
          "name": "reserved16",
          "type": "u16",
          "doc": "zero",
          "internal": true,
          "offset": 30,
          "size": 2
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
  "flags": {},
  "words": {},
  "columns": [
    {
      "name": "number",
      "alias": "odp_port"
    },
    {
      "name": "dp",
      "alias": "datapath"
    }
  ]
};
