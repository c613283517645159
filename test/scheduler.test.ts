// The scheduler: turns, budgets, waiting, dependencies, ends, handlers that fail; in process and on worker threads.
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { CtiError } from '../lib/errors.js';
import type { ProgramSpec } from '../lib/runner/program.js';
import type { KernelCall, KernelFunctions } from '../lib/scheduler/kernel-call.js';
import { Scheduler, type SchedulerOptions } from '../lib/scheduler/scheduler.js';
import type { TaskEnd } from '../lib/scheduler/task.js';
import { asm, named } from './support/programs.js';
import { until } from './support/until.js';

t.setTimeout(300_000); // a machine that may be busy

const LOOP = asm('again: r6 += 1\n goto again');
const FLOOD = asm('again: r1 = 1\n call 7\n goto again');
/** r1 times: add what `later` answers. */
const ASK = asm(`
        r6 = r1
        r7 = 0
again:  r1 = r6
        call 7
        r7 += r0
        r6 += -1
        if r6 != 0 goto again
        r0 = r7
        exit`);
const SLEEP = (ns: string): ProgramSpec => named(`r1 = ${ns} ll\n call import 0\n exit`, 'sleep');

const later = (
  handler: (call: KernelCall) => ReturnType<KernelFunctions[string]>,
): NonNullable<SchedulerOptions['functions']> => ({
  conformance: { later: handler },
});
const echo = later((call) => ({ kind: 'value', r0: call.args[0] ?? 0n }));

const exitOf = (end: TaskEnd): bigint => {
  if (end.kind === 'exited') return end.r0;
  throw new Error(`ended as ${end.kind}: ${end.kind === 'failed' ? (end.error.stack ?? end.error.message) : ''}`);
};

const MODES: readonly [string, Pick<SchedulerOptions, 'workers'>][] = [
  ['in process', {}],
  ['two workers', { workers: 2 }],
];

for (const [mode, options] of MODES) {
  t.test(`${mode}: runs to the end, answers calls at once and later`, async (t) => {
    const scheduler = new Scheduler({
      ...options,
      functions: later(async (call) => {
        if (call.args[0] === 3n) await sleep(5);
        return { kind: 'value', r0: call.args[0]! * 2n };
      }),
    });
    t.teardown(() => scheduler.close());
    const tasks = Array.from({ length: 20 }, (_, i) =>
      scheduler.submit(ASK, { name: `ask ${i}`, args: [BigInt(i + 1)] }),
    );
    const ends = await Promise.all(tasks.map((task) => task.done));
    t.same(
      ends.map(exitOf),
      tasks.map((_, i) => BigInt((i + 1) * (i + 2))),
    );
    t.ok(tasks.every((task) => task.state === 'done' && task.fuelUsed > 0n && task.wait === undefined));
  });

  t.test(`${mode}: equal priority is equal fuel, twice the priority twice`, async (t) => {
    const scheduler = new Scheduler({ ...options, functions: echo });
    t.teardown(() => scheduler.close());
    const budget = { fuel: 1n << 60n };
    // Threads take their time to come up.
    await Promise.all(Array.from({ length: 8 }, () => scheduler.submit(asm('r0 = 0\n exit')).done));
    const tasks = [100, 100, 100, 200].map((priority) => scheduler.submit(LOOP, { priority, budget }));
    // Shares even out with time; how much of it a busy machine needs is not the scheduler's matter. One that is unfair stays so.
    const shares = (): number[] => {
      const used = tasks.map((task) => Number(task.fuelUsed));
      const unit = used.reduce((a, b) => a + b) / 5;
      return used.map((fuel, i) => fuel / unit / (i === 3 ? 2 : 1));
    };
    await sleep(1500);
    const told = () => `equal shares: ${shares().map((share) => share.toFixed(3))}`;
    await t.resolves(
      until(told, () => shares().every((share) => share > 0.75 && share < 1.33)),
      'to each its share',
    );
  });

  t.test(`${mode}: a handler that throws ends its task alone`, async (t) => {
    const scheduler = new Scheduler({
      ...options,
      functions: later((call) => {
        if (call.args[0] === 1n) throw new CtiError('SYSTEM', 'the disk is on fire');
        if (call.args[0] === 2n) return Promise.reject(new TypeError('not a function'));
        return { kind: 'value', r0: 7n };
      }),
    });
    t.teardown(() => scheduler.close());
    const call = asm('call 7\n exit');
    const ends = await Promise.all([1n, 2n, 3n].map((arg) => scheduler.submit(call, { args: [arg] }).done));
    t.match(ends, [
      { kind: 'failed', error: { code: 'SYSTEM', message: 'the disk is on fire' } },
      { kind: 'failed', error: { code: 'INTERNAL', message: /later failed: not a function/ } },
      { kind: 'exited', r0: 7n },
    ]);
  });

  t.test(`${mode}: traps, bad answers, functions that nobody answers`, async (t) => {
    const scheduler = new Scheduler({
      ...options,
      functions: later(() => ({ kind: 'value', r0: 'seven' }) as never),
    });
    t.teardown(() => scheduler.close());
    const trap = scheduler.submit(asm('r1 = 8\n r0 = *(u64 *)(r1 + 0)\n exit'));
    const bad = scheduler.submit(asm('call 7\n exit'));
    const nobody = scheduler.submit(
      asm('r2 = 0\n r4 = 0\n r1 = r10\n r3 = r10\n r5 = r10\n r5 += -16\n call 8\n exit'),
    );
    t.match(await trap.done, { kind: 'trapped', pc: 1, address: 8 });
    t.match(await bad.done, { kind: 'failed', error: { code: 'INVALID_ARGUMENT', message: /answer\.r0/ } });
    t.equal(exitOf(await nobody.done), BigInt.asUintN(64, -38n), 'ENOSYS');
    t.equal(trap.state, 'failed');
    t.match(await scheduler.submit(asm('r0 = 0\n goto -5\n exit')).done, {
      kind: 'failed',
      error: { code: 'PROGRAM_MALFORMED' },
    });
  });

  t.test(`${mode}: output arrives in order, and whoever takes it can hold the task back`, async (t) => {
    const scheduler = new Scheduler({ ...options });
    t.teardown(() => scheduler.close());
    const counter: ProgramSpec = {
      ...named(
        `again: *(u64 *)(r10 - 8) = r6
         r1 = r6
         r2 = r10
         r2 += -8
         r3 = 8
         call import 0
         if r0 != 0 goto out
         r6 += 1
         if r6 != 100000 goto again
   out:  exit`,
        'emit',
      ),
    };
    let expected = 0n;
    let open = 0;
    const task = scheduler.submit(counter, {
      onOutput: async (pieces) => {
        open++;
        t.equal(open, 1, 'no more output while one is looked at');
        for (const piece of pieces) {
          if (piece.kind !== 'record' || piece.type !== expected) throw new Error(`not ${expected}`);
          expected++;
        }
        await sleep(1);
        open--;
      },
    });
    t.equal(exitOf(await task.done), 0n, 'none was refused');
    t.equal(expected, 100_000n);
  });

  t.test(`${mode}: sleeps, and is killed asleep`, async (t) => {
    const scheduler = new Scheduler({ ...options });
    t.teardown(() => scheduler.close());
    const began = performance.now();
    const short = scheduler.submit(SLEEP('20000000'));
    const long = scheduler.submit(SLEEP('3600000000000'));
    const bad = scheduler.submit(SLEEP('-1'));
    t.equal(exitOf(await bad.done), BigInt.asUintN(64, -22n), 'EINVAL');
    t.equal(exitOf(await short.done), 0n);
    t.ok(performance.now() - began >= 19.9);
    while (long.wait?.kind !== 'timer') await sleep(5); // its thread may have come up later
    t.equal(long.state, 'waiting');
    t.match(long.wait, { kind: 'timer' });
    long.kill('no longer needed');
    t.match(await long.done, { kind: 'killed', reason: 'no longer needed' });
    await until('no timer to be left: windows cool', () => scheduler.timers.size === 0);
  });

  t.test(`${mode}: budgets end what goes on for ever, with the reason`, async (t) => {
    const scheduler = new Scheduler({ ...options, functions: echo });
    t.teardown(() => scheduler.close());
    const fuel = scheduler.submit(LOOP, { budget: { fuel: 1_000_000n } });
    const lifetime = scheduler.submit(LOOP, { budget: { fuel: 1n << 60n, lifetimeNs: 30_000_000n } });
    const asleep = scheduler.submit(SLEEP('3600000000000'), { budget: { lifetimeNs: 30_000_000n } });
    const memory = scheduler.submit(asm('r0 = 0\n exit', { bssSize: 1 << 20 }), { budget: { memory: 1 << 16 } });
    const enough = scheduler.submit(asm('r0 = 0\n exit', { bssSize: 1 << 20 }), { budget: { memory: 2 << 20 } });
    const flood = scheduler.submit(FLOOD, { budget: { fuel: 10_000n } });
    t.match(await fuel.done, { kind: 'budget', resource: 'fuel', of: 'program' });
    t.ok(fuel.fuelUsed >= 1_000_000n && fuel.fuelUsed < 1_000_010n, 'to the last bit of it');
    t.match(await lifetime.done, { kind: 'budget', resource: 'lifetime', of: 'program' });
    t.match(await asleep.done, { kind: 'budget', resource: 'lifetime', of: 'program' });
    t.match(await memory.done, { kind: 'budget', resource: 'memory', of: 'program' });
    t.equal(exitOf(await enough.done), 0n);
    t.match(await flood.done, { kind: 'budget', resource: 'fuel', of: 'program' });
  });

  t.test(`${mode}: out of fuel, its image goes on with more`, async (t) => {
    const scheduler = new Scheduler({ ...options });
    t.teardown(() => scheduler.close());
    const COUNT = asm('r0 = 0\nagain: r0 += 1\n if r0 < 100000 goto again\n exit');
    const images: Uint8Array[] = [];
    const onOutOfFuel = (image: Uint8Array): void => void images.push(image);
    const first = scheduler.submit(COUNT, { budget: { fuel: 50_000n }, onOutOfFuel });
    t.match(await first.done, { kind: 'budget', resource: 'fuel' });
    const second = scheduler.submit(images[0]!, { budget: { fuel: 60_000n }, onOutOfFuel });
    t.match(await second.done, { kind: 'budget', resource: 'fuel' });
    t.equal(images.length, 2, 'an image that was submitted leaves one too');
    t.equal(exitOf(await scheduler.submit(images[1]!, { budget: { fuel: 1_000_000n } }).done), 100_000n);
  });

  t.test(`${mode}: starts after others`, async (t) => {
    const scheduler = new Scheduler({ ...options });
    t.teardown(() => scheduler.close());
    const one = scheduler.submit(SLEEP('5000000'), { name: 'one' });
    const traps = scheduler.submit(asm('r0 = *(u64 *)(r1 + 0)\n exit'));
    const seven = asm('r0 = 7\n exit');
    const both = scheduler.submit(seven, { after: { tasks: [one, traps] } });
    const any = scheduler.submit(seven, { after: { tasks: [one, traps], mode: 'any' } });
    const ended = scheduler.submit(seven, { after: { tasks: [one.id, traps.id], condition: 'ended' } });
    const failed = scheduler.submit(seven, { after: { tasks: [traps], condition: 'failed' } });
    const zero = scheduler.submit(seven, { after: { tasks: [one], condition: { r0: 0n } } });
    const nine = scheduler.submit(seven, { after: { tasks: [zero], condition: { r0: 9n } } });
    const chain = scheduler.submit(seven, { after: { tasks: [nine], condition: 'failed' } });
    t.match(both.wait, { kind: 'task', ids: [one.id, traps.id] });
    t.match(await both.done, { kind: 'not_started', reason: new RegExp(`${traps.id} ended as 'trapped'`) });
    for (const task of [any, ended, failed, zero, chain]) t.equal(exitOf(await task.done), 7n);
    t.match(await nine.done, { kind: 'not_started', reason: /'exited with 7', it was to be 'exited with 9'/ });
    const late = scheduler.submit(seven, { after: { tasks: [one] } });
    t.equal(exitOf(await late.done), 7n, 'also when it has ended before');
    t.throws(() => scheduler.submit(seven, { after: { tasks: ['nobody'] } }), { code: 'INVALID_ARGUMENT' });
  });

  t.test(`${mode}: closes in order`, async (t) => {
    const scheduler = new Scheduler({ ...options });
    const ended: string[] = [];
    scheduler.onEnd((task) => ended.push(task.name));
    const names = ['first', 'second', 'third'];
    const tasks = names.map((name, i) =>
      scheduler.submit(i === 1 ? LOOP : SLEEP('3600000000000'), { name, budget: { fuel: 1n << 60n } }),
    );
    await sleep(20);
    await scheduler.close('enough');
    t.same(ended, names);
    for (const task of tasks) t.match(await task.done, { kind: 'killed', reason: 'enough' });
    t.throws(() => scheduler.submit(LOOP), { code: 'INVALID_ARGUMENT', message: /closed/ });
    await scheduler.close();
  });
}
