/**
 * A process of its own for scripts/bench/vm-scheduler.ts: tasks that wait for a time, a meeting, a newer table; what they take of its memory, and of its CPU
 * while nothing happens. Prints JSON. Run with --max-semi-space-size: what V8 keeps of a burst of submissions is not what waiting takes.
 *
 *     node --import tsx --max-semi-space-size=2 scripts/bench/vm-waiting.ts N_TASKS IDLE_MS
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ProgramSpec } from '../../lib/runner/program.js';
import type { KernelCall, Verdict, Wait } from '../../lib/scheduler/kernel-call.js';
import { Scheduler } from '../../lib/scheduler/scheduler.js';
import type { Task } from '../../lib/scheduler/task.js';
import { assemble } from '../../test/support/asm.js';

/** Bytes a task, over its image. */
export interface WaitingFacts {
  readonly imageBytes: number;
  readonly rssBytes: number;
  readonly jsBytes: number;
  /** Percent of a CPU, the least of three windows. */
  readonly idle: { readonly timer: number; readonly meeting: number; readonly refresh: number };
}

const [N_WAITING = 10_000, IDLE_MS = 3000] = process.argv.slice(2).map(Number);

const SLEEP: ProgramSpec = {
  kernelFunctions: 'ctinspector',
  imports: [{ name: 'sleep', version: 1 }],
  code: assemble('r1 = 3600000000000 ll\n call import 0\n exit'),
};
const WAIT: ProgramSpec = { kernelFunctions: 'conformance', code: assemble('call 7\n exit') };

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

function inUse(): { rss: number; js: number } {
  for (let i = 0; i < 4; i++) gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, js: heapUsed + external };
}

/** All wait, and their windows have been given back. */
async function settled(tasks: readonly Task[]): Promise<void> {
  while (!tasks.every((task) => task.state === 'waiting')) await sleep(10);
  await sleep(1000);
}

/** Three windows, because the collector may still be at work in the first. */
async function idlePercent(): Promise<number> {
  const found: number[] = [];
  for (let i = 0; i < 3; i++) {
    const before = process.cpuUsage();
    const began = performance.now();
    await sleep(IDLE_MS);
    const { user, system } = process.cpuUsage(before);
    found.push(((user + system) / 1000 / (performance.now() - began)) * 100);
  }
  return Math.min(...found);
}

async function sleepers(): Promise<Omit<WaitingFacts, 'idle'> & { timer: number }> {
  // Once before, so that code and pools that are made once do not count.
  const warmUp = new Scheduler();
  await settled(Array.from({ length: 500 }, () => warmUp.submit(SLEEP)));
  await warmUp.close();
  const before = inUse();
  const scheduler = new Scheduler();
  const tasks = Array.from({ length: N_WAITING }, () => scheduler.submit(SLEEP));
  await settled(tasks);
  const after = inUse();
  const imageBytes = (await scheduler.image(tasks[0]!)).length;
  const timer = await idlePercent();
  await scheduler.close();
  const each = (key: 'rss' | 'js'): number => (after[key] - before[key]) / N_WAITING - imageBytes;
  return { imageBytes, rssBytes: each('rss'), jsBytes: each('js'), timer };
}

async function idleAt(wait: Wait): Promise<number> {
  const later = (call: KernelCall): Promise<Verdict> => {
    call.waitsFor(wait);
    return new Promise(() => {});
  };
  const scheduler = new Scheduler({ functions: { conformance: { later } } });
  await settled(Array.from({ length: N_WAITING }, () => scheduler.submit(WAIT)));
  const percent = await idlePercent();
  await scheduler.close();
  return percent;
}

const { timer, ...bytes } = await sleepers();
const meeting = await idleAt({ kind: 'meeting', id: '0'.repeat(32) });
const refresh = await idleAt({ kind: 'table', table: 'dp_flows' });
console.log(JSON.stringify({ ...bytes, idle: { timer, meeting, refresh } } satisfies WaitingFacts));
