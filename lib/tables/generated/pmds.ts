// Generated from schema/ by `npm run generate`. Do not edit.
import type { TableSchema } from '../../table-schema.js';

export const PMDS: TableSchema = {
  "name": "pmds",
  "version": 1,
  "hash": "ca56cd8936209192",
  "doc": "Threads of the userspace datapath that forward packets: its PMD threads, and what the main thread does of it.",
  "noun": "thread",
  "identity": [
    "datapath",
    "core"
  ],
  "show": [
    "datapath",
    "core",
    "numa",
    "rxqs",
    "flows",
    "subtables",
    "packets",
    "megaflow_hits",
    "upcalls",
    "busy_cycles",
    "idle_cycles"
  ],
  "segments": [
    {
      "name": "rows",
      "per": "row",
      "masked": false,
      "half": 176,
      "stride": 176,
      "doc": "Who the thread is, what it holds and what it did. Counters are since its start or the last pmd-stats-clear.",
      "fields": [
        {
          "name": "packets",
          "type": "u64",
          "doc": "packets received from ports",
          "internal": false,
          "offset": 0,
          "knownBit": 0,
          "size": 8
        },
        {
          "name": "recirculations",
          "type": "u64",
          "doc": "packets that came in again by recirculation",
          "internal": false,
          "offset": 8,
          "knownBit": 1,
          "size": 8
        },
        {
          "name": "phwol_hits",
          "type": "u64",
          "doc": "passes answered by a mark of the hardware (partial offload)",
          "internal": false,
          "offset": 16,
          "knownBit": 2,
          "size": 8
        },
        {
          "name": "mfex_hits",
          "type": "u64",
          "doc": "packets parsed by an optimised miniflow extraction",
          "internal": false,
          "offset": 24,
          "knownBit": 3,
          "size": 8
        },
        {
          "name": "simple_hits",
          "type": "u64",
          "doc": "passes answered by the simple match table",
          "internal": false,
          "offset": 32,
          "knownBit": 4,
          "size": 8
        },
        {
          "name": "emc_hits",
          "type": "u64",
          "doc": "passes answered by the exact match cache",
          "internal": false,
          "offset": 40,
          "knownBit": 5,
          "size": 8
        },
        {
          "name": "smc_hits",
          "type": "u64",
          "doc": "passes answered by the signature match cache",
          "internal": false,
          "offset": 48,
          "knownBit": 6,
          "size": 8
        },
        {
          "name": "megaflow_hits",
          "type": "u64",
          "doc": "passes answered by the classifier",
          "internal": false,
          "offset": 56,
          "knownBit": 7,
          "size": 8
        },
        {
          "name": "megaflow_lookups",
          "type": "u64",
          "doc": "subtables looked at for those",
          "internal": false,
          "offset": 64,
          "knownBit": 8,
          "size": 8
        },
        {
          "name": "upcalls",
          "type": "u64",
          "doc": "misses whose upcall succeeded",
          "internal": false,
          "offset": 72,
          "knownBit": 9,
          "size": 8
        },
        {
          "name": "upcalls_failed",
          "type": "u64",
          "doc": "misses whose upcall failed: packets lost",
          "internal": false,
          "offset": 80,
          "knownBit": 10,
          "size": 8
        },
        {
          "name": "sent",
          "type": "u64",
          "doc": "packets sent",
          "internal": false,
          "offset": 88,
          "knownBit": 11,
          "size": 8
        },
        {
          "name": "sent_batches",
          "type": "u64",
          "doc": "batches they were sent in",
          "internal": false,
          "offset": 96,
          "knownBit": 12,
          "size": 8
        },
        {
          "name": "busy_cycles",
          "type": "u64",
          "doc": "cycles of iterations that had packets",
          "internal": false,
          "unit": "cycles",
          "offset": 104,
          "knownBit": 13,
          "size": 8
        },
        {
          "name": "idle_cycles",
          "type": "u64",
          "doc": "cycles of iterations that had none",
          "internal": false,
          "unit": "cycles",
          "offset": 112,
          "knownBit": 14,
          "size": 8
        },
        {
          "name": "upcall_cycles",
          "type": "u64",
          "doc": "cycles spent in upcalls, part of the busy ones",
          "internal": false,
          "unit": "cycles",
          "offset": 120,
          "knownBit": 15,
          "size": 8
        },
        {
          "name": "sleeps",
          "type": "u64",
          "doc": "iterations in which it slept to save power",
          "internal": false,
          "offset": 128,
          "knownBit": 16,
          "size": 8
        },
        {
          "name": "flows",
          "type": "u64",
          "doc": "megaflows it holds",
          "internal": false,
          "offset": 136,
          "knownBit": 17,
          "size": 8
        },
        {
          "name": "subtables",
          "type": "u32",
          "doc": "subtables of its classifiers, one a mask and port",
          "internal": false,
          "offset": 144,
          "knownBit": 18,
          "size": 4
        },
        {
          "name": "rxqs",
          "type": "u32",
          "doc": "receive queues it polls",
          "internal": false,
          "offset": 148,
          "knownBit": 19,
          "size": 4
        },
        {
          "name": "core",
          "type": "i32",
          "doc": "CPU it is pinned to; -1: the main thread",
          "internal": false,
          "offset": 152,
          "size": 4
        },
        {
          "name": "numa",
          "type": "i32",
          "doc": "NUMA node it allocates on",
          "internal": false,
          "offset": 156,
          "knownBit": 20,
          "size": 4
        },
        {
          "name": "datapath",
          "type": "datapath",
          "doc": "which datapath",
          "internal": false,
          "offset": 160,
          "size": 4
        },
        {
          "name": "known",
          "type": "u32",
          "doc": "bit n: the column with known bit n (enum below) has a value",
          "internal": true,
          "offset": 164,
          "size": 4
        },
        {
          "name": "isolated",
          "type": "u8",
          "doc": "whether it polls pinned queues only",
          "internal": false,
          "enum": {
            "no": 0,
            "yes": 1
          },
          "offset": 168,
          "knownBit": 21,
          "size": 1
        },
        {
          "name": "reserved8",
          "type": "u8",
          "doc": "zero",
          "internal": true,
          "offset": 169,
          "size": 1
        },
        {
          "name": "reserved16",
          "type": "u16",
          "doc": "zero",
          "internal": true,
          "offset": 170,
          "size": 2
        },
        {
          "name": "reserved32",
          "type": "u32",
          "doc": "zero",
          "internal": true,
          "offset": 172,
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
      "name": "pmd",
      "alias": "core"
    },
    {
      "name": "dp",
      "alias": "datapath"
    }
  ]
};
