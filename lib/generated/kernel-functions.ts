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
  },
} as const;

export type KernelFunctionSet = keyof typeof KERNEL_FUNCTIONS;
