// The scheduler: what a call answered in TypeScript costs, what a waiting task costs over its image, and the CPU that waiting takes. CTI_BENCH_WAITING
// is how many wait (10,000), CTI_BENCH_IDLE_SECONDS how long they are watched (3).
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ProgramSpec } from '../../lib/runner/program.js';
import { Scheduler } from '../../lib/scheduler/scheduler.js';
import { assemble } from '../../test/support/asm.js';
import type { Bench } from './bench.js';
import type { WaitingFacts } from './vm-waiting.js';

const N_WAITING = Number(process.env.CTI_BENCH_WAITING ?? 10_000);
const IDLE_MS = Number(process.env.CTI_BENCH_IDLE_SECONDS ?? 3) * 1000;
const N_CALLS = 50_000;
const ROUNDS = 7;
/** Processes whose waiting tasks are measured. */
const N_PROCESSES = 3;
/** MiB of young generation in each: what of a burst of submissions V8 keeps for a while does not count. */
const SEMI_SPACE = 2;

const CALLS: ProgramSpec = {
  kernelFunctions: 'conformance',
  code: assemble('r6 = r1\nagain: r1 = r6\n call 7\n r6 += -1\n if r6 != 0 goto again\n r0 = 0\n exit'),
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

/** In a process of its own. */
async function waiting(): Promise<WaitingFacts> {
  const script = new URL('vm-waiting.ts', import.meta.url).pathname;
  const flags = ['--import', 'tsx', `--max-semi-space-size=${SEMI_SPACE}`];
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...flags,
    script,
    String(N_WAITING),
    String(IDLE_MS),
  ]);
  return JSON.parse(stdout);
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

export const bench: Bench = async (report) => {
  report({
    metric: 'vm.ts_call_us',
    value: await callUs(),
    unit: 'us',
    against: `a suspending call answered by TypeScript in process, best of ${ROUNDS} rounds of ${N_CALLS}`,
    goal: { atMost: 10 },
  });

  const found: WaitingFacts[] = [];
  for (let i = 0; i < N_PROCESSES; i++) found.push(await waiting());
  const image = found[0]?.imageBytes;
  for (const [metric, key, what] of [
    ['vm.waiting_bytes', 'rssBytes', 'resident set'],
    ['vm.waiting_js_bytes', 'jsBytes', 'JavaScript heap and buffers'],
  ] as const) {
    const values = found.map((facts) => facts[key]);
    report({
      metric,
      value: median(values),
      unit: 'bytes a task',
      against: `its image of ${image} bytes; ${N_WAITING} asleep, ${what} after gc, median of ${N_PROCESSES} processes (${values.map(Math.round).join(', ')}) with ${SEMI_SPACE} MiB of young generation`,
      goal: { atMost: 1024 },
    });
  }
  for (const kind of ['timer', 'meeting', 'refresh'] as const) {
    report({
      metric: `vm.idle_cpu_${kind}`,
      value: Math.min(...found.map(({ idle }) => idle[kind])),
      unit: '% of a CPU',
      against: `${N_WAITING} tasks that wait, best of windows of ${IDLE_MS / 1000} s`,
      goal: { atMost: 0.5 },
    });
  }
};
