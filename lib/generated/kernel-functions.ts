// Generated from schema/ by `npm run generate`. Do not edit.

/** Set -> name -> the number a call uses, the signature's version, and whether the host may be asked. */
export const KERNEL_FUNCTIONS = {
  conformance: {
    add_one: { number: 1, version: 1, nArgs: 2, suspends: false },
    unwind: { number: 5, version: 1, nArgs: 1, suspends: false },
    later: { number: 7, version: 1, nArgs: 1, suspends: true },
    exchange: { number: 8, version: 1, nArgs: 5, suspends: true },
  },
  upstream: {
  },
  ctinspector: {
    table_open: { number: 1, version: 1, nArgs: 4, suspends: true },
    topk_offer: { number: 2, version: 1, nArgs: 3, suspends: false },
    pairs_sort: { number: 3, version: 1, nArgs: 3, suspends: false },
    group_add: { number: 4, version: 1, nArgs: 3, suspends: false },
    print: { number: 5, version: 1, nArgs: 2, suspends: false },
    emit: { number: 6, version: 1, nArgs: 3, suspends: false },
    time_now: { number: 7, version: 1, nArgs: 1, suspends: false },
    map_find: { number: 8, version: 1, nArgs: 2, suspends: false },
    map_insert: { number: 9, version: 1, nArgs: 2, suspends: false },
    map_remove: { number: 10, version: 1, nArgs: 2, suspends: false },
    map_next: { number: 11, version: 1, nArgs: 2, suspends: false },
    array_at: { number: 12, version: 1, nArgs: 2, suspends: false },
    mmap: { number: 20, version: 1, nArgs: 4, suspends: true },
    munmap: { number: 21, version: 1, nArgs: 1, suspends: true },
    switch_to_address_space: { number: 22, version: 1, nArgs: 1, suspends: true },
    table_refresh: { number: 23, version: 1, nArgs: 5, suspends: true },
    region_info: { number: 24, version: 1, nArgs: 3, suspends: true },
    raw_copy: { number: 25, version: 1, nArgs: 2, suspends: true },
    monitor_address: { number: 28, version: 1, nArgs: 4, suspends: true },
    wait_for_address_event: { number: 29, version: 1, nArgs: 2, suspends: true },
    event_subscribe: { number: 34, version: 1, nArgs: 2, suspends: true },
    event_wait: { number: 35, version: 1, nArgs: 4, suspends: true },
    event_unsubscribe: { number: 36, version: 1, nArgs: 1, suspends: true },
    sleep: { number: 40, version: 1, nArgs: 1, suspends: true },
    random_u64: { number: 41, version: 1, nArgs: 0, suspends: false },
    random_bytes: { number: 42, version: 1, nArgs: 2, suspends: false },
    ovs_flow_row: { number: 100, version: 1, nArgs: 2, suspends: true },
    ovs_row_text: { number: 101, version: 1, nArgs: 4, suspends: true },
    ovs_port_number: { number: 102, version: 1, nArgs: 2, suspends: true },
    ovs_port_name: { number: 103, version: 1, nArgs: 3, suspends: true },
    ovs_trace: { number: 104, version: 1, nArgs: 4, suspends: true },
    ovs_detrace: { number: 105, version: 1, nArgs: 3, suspends: true },
    ovs_upcalls: { number: 106, version: 1, nArgs: 2, suspends: true },
  },
} as const;

export type KernelFunctionSet = keyof typeof KERNEL_FUNCTIONS;
