/** Runs a program and answers its calls: stands in for the scheduler where a test is about kernel functions only. */
import type { LinkedProgram } from '../../lib/linker/link.js';
import { type Output, Program, type StartOptions } from '../../lib/runner/program.js';
import type { Answer, KernelCall, KernelFunctions, Task } from '../../lib/scheduler/kernel-call.js';

let last = 0;

export async function drive(
  linked: LinkedProgram,
  functions: KernelFunctions,
  options: StartOptions & { taskId?: string; signal?: AbortSignal; onOutput?: (text: string) => void } = {},
): Promise<{ r0: bigint; output: Output[]; calls: string[] }> {
  const { taskId = `driven-${++last}`, signal = new AbortController().signal, onOutput, ...start } = options;
  using run = Program.load(linked.spec).start({ ...start, suspends: true });
  const output: Output[] = [];
  const calls: string[] = [];
  for (;;) {
    const stop = run.step(10_000_000n);
    for (const piece of run.output()) {
      output.push(piece);
      if (piece.kind === 'text') onOutput?.(piece.text);
    }
    if (stop.kind === 'exited') return { r0: stop.r0, output, calls };
    if (stop.kind === 'trapped') throw new Error(`${stop.trap} at ${linked.debug.describe(stop.pc)}`);
    if (stop.kind !== 'suspended') continue;
    const { call } = stop;
    calls.push(call.name);
    const handler = functions[call.name];
    if (!handler) throw new Error(`no kernel function ${call.name}`);
    const answer = await handler({
      task: { id: taskId } as Task,
      name: call.name,
      args: call.args,
      input: (arg) => call.inputs[arg]!,
      mapped: call.mapped,
      id: { image: taskId, epoch: 0n, call: call.callNumber },
      signal,
      onEnd: () => {},
      resumed: undefined,
      waitsFor: () => {},
    } as KernelCall);
    run.answer(answer as Answer);
  }
}
