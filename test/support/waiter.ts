// A program that asks twice: what it was told first decides what it gives back.
import type { ProgramSpec } from '../../lib/runner/program.js';
import type { KernelCall, Verdict } from '../../lib/scheduler/kernel-call.js';
import { assemble } from './asm.js';

/** r1 = n. Asks `later(1000 + n)`, keeps the answer in a register and on its stack, asks `later(answer)`, returns both and n. */
export const WAITER: ProgramSpec = {
  kernelFunctions: 'conformance',
  code: assemble(`
        r6 = r1
        r1 += 1000
        call 7
        *(u64 *)(r10 - 8) = r0
        r1 = r0
        call 7
        r1 = *(u64 *)(r10 - 8)
        r0 += r1
        r0 += r6
        exit`),
};

/** Answers the first call at once (twice its argument), the second by `wait`. */
export function asked(call: KernelCall, wait: (call: KernelCall) => Promise<Verdict>): Verdict | Promise<Verdict> {
  if (call.id.call === 1n) return { kind: 'value', r0: call.args[0]! * 2n };
  call.waitsFor({ kind: 'event', event: 'test' });
  return wait(call);
}
