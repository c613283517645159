// Generated from schema/ by `npm run generate`. Do not edit.

/** Set -> name -> the number a call uses, and the signature's version. */
export const KERNEL_FUNCTIONS = {
  conformance: {
    add_one: { number: 1, version: 1, nArgs: 2 },
    unwind: { number: 5, version: 1, nArgs: 1 },
  },
  upstream: {
  },
  ctinspector: {
    table_open: { number: 1, version: 1, nArgs: 4 },
    topk_offer: { number: 2, version: 1, nArgs: 3 },
    pairs_sort: { number: 3, version: 1, nArgs: 3 },
    group_add: { number: 4, version: 1, nArgs: 3 },
    print: { number: 5, version: 1, nArgs: 2 },
    emit: { number: 6, version: 1, nArgs: 3 },
    time_now: { number: 7, version: 1, nArgs: 1 },
    map_find: { number: 8, version: 1, nArgs: 2 },
    map_insert: { number: 9, version: 1, nArgs: 2 },
    map_remove: { number: 10, version: 1, nArgs: 2 },
    map_next: { number: 11, version: 1, nArgs: 2 },
    array_at: { number: 12, version: 1, nArgs: 2 },
  },
} as const;

export type KernelFunctionSet = keyof typeof KERNEL_FUNCTIONS;
