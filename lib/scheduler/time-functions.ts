/** schema/kernel-functions/time.yaml, as far as the host answers: sleep. */
import { errno } from '../errno.js';
import { type Clock, realtimeNs } from './clock.js';
import type { KernelCall, KernelFunctions, Verdict } from './kernel-call.js';

const MAX_NS = (1n << 63n) - 1n;
const SLEPT: Verdict = { kind: 'value', r0: 0n };

export function timeFunctions(clock: Clock): KernelFunctions {
  return {
    sleep: (call: KernelCall): Verdict | Promise<Verdict> => {
      const duration = call.args[0] ?? 0n;
      if (duration > MAX_NS) return { kind: 'value', r0: errno('EINVAL') };
      const now = realtimeNs();
      const untilNs = call.resumed?.kind === 'timer' ? call.resumed.untilNs : now + duration;
      call.waitsFor({ kind: 'timer', untilNs });
      return new Promise((resolve) => {
        const timer = clock.after(untilNs > now ? untilNs - now : 0n, () => resolve(SLEPT));
        call.onEnd(() => clock.cancel(timer));
      });
    },
  };
}
