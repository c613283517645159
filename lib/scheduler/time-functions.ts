/** schema/kernel-functions/time.yaml, as far as the host answers: sleep. */
import { errno } from '../errno.js';
import type { KernelCall, KernelFunctions, Verdict } from './kernel-call.js';
import { realtimeNs } from './timers.js';

const MAX_NS = (1n << 63n) - 1n;

export const TIME_FUNCTIONS: KernelFunctions = {
  sleep: (call: KernelCall): Verdict => {
    const duration = call.args[0] ?? 0n;
    if (duration > MAX_NS) return { kind: 'value', r0: errno('EINVAL') };
    const untilNs = call.resumed?.kind === 'timer' ? call.resumed.untilNs : realtimeNs() + duration;
    return { kind: 'sleeps', untilNs };
  },
};
