// Generated from schema/ by `npm run generate`. Do not edit.

/** Trap -> its stable number, whether it has a guest address, and what it means. */
export const TRAPS = {
  unmapped: { id: 1, address: true, doc: "load or store at an address where nothing is mapped, or past the end of the window" },
  read_only: { id: 2, address: true, doc: "store or atomic operation on a read-only page" },
  misaligned_atomic: { id: 3, address: true, doc: "atomic operation on an address that is not a multiple of its width" },
  stack_overflow: { id: 4, address: false, doc: "local call deeper than 8 frames" },
  bad_call_target: { id: 5, address: true, doc: "callx to a value that is neither the number of a kernel function nor the code address of a function's entry" },
  end_of_program: { id: 6, address: false, doc: "execution ran past the last instruction (a call at the very end returned)" },
  kernel_function: { id: 7, address: false, doc: "a kernel function ended the program" },
  stale: { id: 8, address: true, doc: "access to a table range whose snapshot is gone; open the table again" },
} as const;

export type TrapKind = keyof typeof TRAPS;
