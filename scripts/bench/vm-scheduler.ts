// The scheduler: what a call answered in TypeScript costs, what a waiting task costs over its image, and the CPU that waiting takes. CTI_BENCH_WAITING
// is how many wait (10,000), CTI_BENCH_IDLE_SECONDS how long they are watched (3).
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ProgramSpec } from '../../lib/runner/program.js';
import type { KernelCall, Verdict, Wait } from '../../lib/scheduler/kernel-call.js';
import { Scheduler } from '../../lib/scheduler/scheduler.js';
import type { Task } from '../../lib/scheduler/task.js';
import { assemble } from '../../test/support/asm.js';
import type { Bench } from './bench.js';

const N_WAITING = Number(process.env.CTI_BENCH_WAITING ?? 10_000);
const IDLE_MS = Number(process.env.CTI_BENCH_IDLE_SECONDS ?? 3) * 1000;
const N_CALLS = 50_000;
const ROUNDS = 7;

const CALLS: ProgramSpec = {
  kernelFunctions: 'conformance',
  code: assemble('r6 = r1\nagain: r1 = r6\n call 7\n r6 += -1\n if r6 != 0 goto again\n r0 = 0\n exit'),
};
const SLEEP: ProgramSpec = {
  kernelFunctions: 'ctinspector',
  imports: [{ name: 'sleep', version: 1 }],
  code: assemble('r1 = 3600000000000 ll\n call import 0\n exit'),
};
const WAIT: ProgramSpec = { kernelFunctions: 'conformance', code: assemble('call 7\n exit') };

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
const collect = (): void => {
  for (let i = 0; i < 4; i++) gc();
};
const inUse = (): { rss: number; js: number } => {
  collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, js: heapUsed + external };
};

/** Microseconds a call, of the best round. */
async function callUs(): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const scheduler = new Scheduler({
      functions: { conformance: { later: (call) => ({ kind: 'value', r0: call.args[0] ?? 0n }) } },
    });
    const task = scheduler.submit(CALLS, { args: [BigInt(N_CALLS)] });
    const began = performance.now();
    const end = await task.done;
    if (end.kind !== 'exited') throw new Error(`the program ended as ${end.kind}`);
    best = Math.min(best, ((performance.now() - began) * 1000) / N_CALLS);
    await scheduler.close();
  }
  return best;
}

/** All wait, and their windows have been given back. */
async function settled(tasks: readonly Task[]): Promise<void> {
  while (!tasks.every((task) => task.state === 'waiting')) await sleep(10);
  await sleep(300);
}

/** CPU of this process, in percent, while nothing happens. */
async function idlePercent(): Promise<number> {
  const before = process.cpuUsage();
  const began = performance.now();
  await sleep(IDLE_MS);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / 1000 / (performance.now() - began)) * 100;
}

export const bench: Bench = async (report) => {
  report({
    metric: 'vm.ts_call_us',
    value: await callUs(),
    unit: 'us',
    against: `a suspending call answered by TypeScript in process, best of ${ROUNDS} rounds of ${N_CALLS}`,
    goal: { atMost: 10 },
  });

  // Once before, so that code and pools that are made once do not count.
  const warmUp = new Scheduler();
  await settled(Array.from({ length: 500 }, () => warmUp.submit(SLEEP)));
  await warmUp.close();
  const before = inUse();
  const scheduler = new Scheduler();
  const tasks = Array.from({ length: N_WAITING }, () => scheduler.submit(SLEEP));
  await settled(tasks);
  const after = inUse();
  const image = (await scheduler.image(tasks[0]!)).length;
  for (const [name, key] of [
    ['vm.waiting_bytes', 'rss'],
    ['vm.waiting_js_bytes', 'js'],
  ] as const) {
    report({
      metric: name,
      value: (after[key] - before[key]) / N_WAITING - image,
      unit: 'bytes a task',
      against: `its image of ${image} bytes; ${N_WAITING} asleep, ${key === 'rss' ? 'resident set' : 'JavaScript heap and buffers'} after gc`,
      goal: { atMost: 1024 },
    });
  }
  const idle = async (what: string): Promise<void> =>
    report({
      metric: `vm.idle_cpu_${what}`,
      value: await idlePercent(),
      unit: '% of a CPU',
      against: `${N_WAITING} tasks that wait, ${IDLE_MS / 1000} s`,
      goal: { atMost: 0.5 },
    });
  await idle('timer');
  await scheduler.close();

  const waits: Readonly<Record<string, Wait>> = {
    meeting: { kind: 'meeting', id: '0'.repeat(32) },
    refresh: { kind: 'table', table: 'dp_flows' },
  };
  for (const [what, wait] of Object.entries(waits)) {
    const later = (call: KernelCall): Promise<Verdict> => {
      call.waitsFor(wait);
      return new Promise(() => {});
    };
    const other = new Scheduler({ functions: { conformance: { later } } });
    await settled(Array.from({ length: N_WAITING }, () => other.submit(WAIT)));
    await idle(what);
    await other.close();
  }
};
