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
    debug_print: { number: 1, version: 1, nArgs: 1, suspends: false },
    mmap: { number: 2, version: 1, nArgs: 2, suspends: true },
    monitor_address: { number: 3, version: 1, nArgs: 4, suspends: true },
    wait_for_address_event: { number: 4, version: 1, nArgs: 0, suspends: true },
    migrate_to: { number: 5, version: 1, nArgs: 1, suspends: true },
    clone_to: { number: 6, version: 1, nArgs: 2, suspends: true },
    switch_to_address_space: { number: 7, version: 1, nArgs: 1, suspends: true },
    memcpy: { number: 8, version: 1, nArgs: 5, suspends: false },
    fork_to: { number: 9, version: 1, nArgs: 2, suspends: true },
    fork_return: { number: 10, version: 1, nArgs: 1, suspends: true },
    fork_join: { number: 11, version: 1, nArgs: 2, suspends: true },
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
    sleep: { number: 40, version: 1, nArgs: 1, suspends: true },
    random_u64: { number: 41, version: 1, nArgs: 0, suspends: false },
    random_bytes: { number: 42, version: 1, nArgs: 2, suspends: false },
    fork: { number: 50, version: 1, nArgs: 2, suspends: true },
    fork_to: { number: 51, version: 1, nArgs: 3, suspends: true },
    fork_return: { number: 52, version: 1, nArgs: 1, suspends: true },
    join_meeting: { number: 53, version: 1, nArgs: 5, suspends: true },
    migrate_to: { number: 54, version: 1, nArgs: 2, suspends: true },
    clone_to: { number: 55, version: 1, nArgs: 3, suspends: true },
    node_url: { number: 56, version: 1, nArgs: 2, suspends: true },
  },
} as const;

export type KernelFunctionSet = keyof typeof KERNEL_FUNCTIONS;
