/** Kernel functions in TypeScript called by hand: stands in for the scheduler, with arguments and buffers as a test gives them. */
import type { KernelCall, KernelFunctions, Task, Verdict } from '../../lib/scheduler/kernel-call.js';

export async function fakeCall(
  functions: KernelFunctions,
  name: string,
  args: readonly bigint[],
  inputs: Readonly<Record<number, Uint8Array>> = {},
  more: Partial<KernelCall> & { taskId?: string } = {},
): Promise<Verdict> {
  const { taskId = 'task', ...rest } = more;
  const call: KernelCall = {
    task: { id: taskId } as Task,
    name,
    args: Array.from({ length: 5 }, (_, i) => args[i] ?? 0n),
    input: (arg) => {
      const bytes = inputs[arg];
      if (!bytes) throw new Error(`no buffer for argument ${arg}`);
      return bytes;
    },
    id: { image: taskId, epoch: 0n, call: 1n },
    signal: new AbortController().signal,
    mapped: null,
    onEnd: () => {},
    resumed: undefined,
    waitsFor: () => {},
    ...rest,
  } as KernelCall;
  const handler = functions[name];
  if (!handler) throw new Error(`there is no kernel function ${name}`);
  return handler(call);
}
