// What survives: images of waiting tasks, kill -9 of a real process, executors that die, sleepers that go on to their old end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { decodeImage, Program, type ProgramSpec, Run, withControl } from '../lib/runner/program.js';
import { Journal } from '../lib/scheduler/journal.js';
import type { KernelCall, Verdict } from '../lib/scheduler/kernel-call.js';
import { Scheduler } from '../lib/scheduler/scheduler.js';
import type { TaskEnd } from '../lib/scheduler/task.js';
import { assemble } from './support/asm.js';
import { asked, WAITER } from './support/waiter.js';

t.setTimeout(300_000); // a machine that may be busy

const root = mkdtempSync(join(tmpdir(), 'cti-durable-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

const exitOf = (end: TaskEnd): bigint => {
  if (end.kind === 'exited') return end.r0;
  throw new Error(`ended as ${end.kind}: ${end.kind === 'failed' ? end.error.stack : ''}`);
};
/** What WAITER gives if its second call is answered with 5. */
const resultOf = (n: number): bigint => BigInt((1000 + n) * 2 + 5 + n);
const SLEEP = (ns: string): ProgramSpec => ({
  code: assemble(`r1 = ${ns} ll\n call import 0\n exit`),
  kernelFunctions: 'ctinspector',
  imports: [{ name: 'sleep', version: 1 }],
});
const conformance = (later: (call: KernelCall) => Verdict | Promise<Verdict>) => ({ conformance: { later } });

t.test('waiting tasks become images, and go on from them', async (t) => {
  for (const workers of [0, 2]) {
    const answers: (() => void)[] = [];
    const scheduler = new Scheduler({
      workers,
      maxWarm: 4,
      functions: conformance((call) =>
        asked(call, () => new Promise((resolve) => answers.push(() => resolve({ kind: 'value', r0: 5n })))),
      ),
    });
    const tasks = Array.from({ length: 100 }, (_, i) => scheduler.submit(WAITER, { args: [BigInt(i)] }));
    while (answers.length < 100) await sleep(5);
    await sleep(150); // longer than a window stays warm
    const facts = decodeImage(await scheduler.image(tasks[42]!));
    t.match(facts, {
      id: tasks[42]!.id,
      name: 'program',
      pending: { name: 'later', args: [2084n, 0n, 0n, 0n, 0n] },
      callNumber: 2n,
    });
    t.equal(facts.fuelUsed, tasks[42]!.fuelUsed);
    for (const answer of answers.reverse()) answer();
    t.same(
      await Promise.all(tasks.map(async (task) => exitOf(await task.done))),
      tasks.map((_, i) => resultOf(i)),
    );
    await scheduler.close();
  }
});

t.test('fork by hand: image, split, adopt', async (t) => {
  const scheduler: Scheduler = new Scheduler({
    functions: conformance(async (call) => {
      const image = await scheduler.image(call.task);
      const shares = scheduler.split(call.task, 2);
      if (!shares) return { kind: 'value', r0: BigInt.asUintN(64, -122n) };
      for (const [i, share] of shares.entries()) {
        const id = (i + 1).toString(16).padStart(32, 'f');
        const control = {
          id,
          parent: call.task.id,
          root: call.task.root,
          childIndex: i,
          fuelLeft: share.fuel,
          memoryLimit: share.memory,
          forksLeft: share.forks,
        };
        scheduler.adopt(withControl(image, control), { kind: 'value', r0: BigInt(i + 1) });
      }
      return { kind: 'value', r0: 0n };
    }),
  });
  t.teardown(() => scheduler.close());
  const ends = new Map<string, TaskEnd>();
  scheduler.onEnd((task, end) => ends.set(task.id, end));
  const parent = scheduler.submit(
    { code: assemble('r6 = 7\n call 7\n r0 += r6\n exit'), kernelFunctions: 'conformance' },
    { budget: { fuel: 3_000_000n, forks: 4 } },
  );
  t.equal(exitOf(await parent.done), 7n);
  const children = scheduler.list().filter((task) => task.parent === parent.id);
  t.same(await Promise.all(children.map(async (task) => exitOf(await task.done))), [8n, 9n]);
  t.ok(
    children.every(
      (task) => task.root === parent.id && task.budgetLeft.fuel < 1_000_000n && task.budgetLeft.forks === 0,
    ),
  );
  t.ok(parent.budgetLeft.fuel < 1_000_001n && parent.budgetLeft.forks === 2);
});

t.test('kill -9 with a thousand waiting: the durable are back and go on, the others are lost by name', async (t) => {
  const N = 1000;
  const dir = join(root, 'killed');
  const holder = spawn(process.execPath, ['--import', 'tsx', 'test/support/durable-holder.ts', dir, String(N)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const [first] = await once(holder.stdout, 'data');
  t.match(String(first), /waiting/);
  holder.kill('SIGKILL');
  const [, signal] = await once(holder, 'exit');
  t.equal(signal, 'SIGKILL');

  const journal = Journal.open(dir);
  const calls: bigint[] = [];
  const scheduler = new Scheduler({
    journal,
    functions: conformance((call) => {
      calls.push(call.id.call);
      return asked(call, async () => ({ kind: 'value', r0: 5n }));
    }),
  });
  const { tasks, lost } = scheduler.recover();
  t.equal(tasks.length, N / 2);
  t.same(lost.map(({ name }) => name).sort(), Array.from({ length: N / 2 }, (_, i) => `waiter ${2 * i + 1}`).sort());
  const results = await Promise.all(tasks.map(async (task) => [task.name, exitOf(await task.done)] as const));
  t.same(
    new Map(results),
    new Map(Array.from({ length: N / 2 }, (_, i) => [`waiter ${2 * i}`, resultOf(2 * i)] as const)),
  );
  t.ok(
    calls.every((call) => call === 2n),
    'none began anew',
  );
  await scheduler.close();
  await journal.close();

  const empty = Journal.open(dir);
  t.same([empty.recovered.durable.length, empty.recovered.lost.length], [0, 0], 'the lost are told once');
  await empty.close();
});

t.test('closed and opened: durable tasks go on where they were, asleep to the same end', async (t) => {
  const dir = join(root, 'closed');
  let journal = Journal.open(dir);
  let scheduler = new Scheduler({ journal });
  const began = performance.now();
  const sleeper = scheduler.submit(SLEEP('1500000000'), { name: 'sleeper', durable: true });
  const long = scheduler.submit(
    {
      code: assemble('r6 = 400000000\nagain: r6 += -1\n if r6 != 0 goto again\n r0 = 9\n exit'),
      kernelFunctions: 'ctinspector',
    },
    { name: 'long', durable: true },
  );
  const after = scheduler.submit(SLEEP('1'), { name: 'after', durable: true, after: { tasks: [sleeper, long] } });
  while (long.fuelUsed === 0n || sleeper.wait?.kind !== 'timer') await sleep(1);
  const used = long.fuelUsed;
  await sleep(20); // the journal has heard until when the sleeper sleeps
  await scheduler.close();
  for (const task of [sleeper, long, after]) t.same(await task.done, { kind: 'kept' }, task.name);
  await journal.close();
  await sleep(200);

  journal = Journal.open(dir);
  scheduler = new Scheduler({ journal });
  const { tasks, lost } = scheduler.recover();
  t.same(lost, []);
  const ends = new Map(await Promise.all(tasks.map(async (task) => [task.name, await task.done] as const)));
  const tookMs = performance.now() - began;
  t.same([...ends.keys()].sort(), ['after', 'long', 'sleeper']);
  for (const [name, end] of ends) t.equal(exitOf(end), name === 'long' ? 9n : 0n, name);
  t.ok(tookMs >= 1499 && tookMs < 120_000, `${tookMs} ms: not begun anew`);
  const again = tasks.find((task) => task.name === 'long')!;
  t.ok(
    again.fuelUsed >= 800_000_000n - 2n && again.fuelUsed <= 800_000_010n,
    `${used} and then ${again.fuelUsed}: it went on`,
  );
  await scheduler.close();
  await journal.close();
});

t.test('a thread that dies: its tasks fail by name, the durable come back, another takes its place', async (t) => {
  const journal = Journal.open(join(root, 'died'));
  const wakes = new Map<string, () => void>();
  const wait = (call: KernelCall) =>
    new Promise<Verdict>((resolve) => {
      wakes.set(call.task.name, () => resolve({ kind: 'value', r0: 5n }));
    });
  const scheduler = new Scheduler({
    workers: 1,
    journal,
    functions: conformance((call) => asked(call, wait)),
  });
  t.teardown(async () => {
    await scheduler.close();
    await journal.close();
  });
  const loop: ProgramSpec = { code: assemble('again: r6 += 1\n goto again'), kernelFunctions: 'conformance' };
  const doomed = scheduler.submit(loop, { name: 'doomed', budget: { fuel: 1n << 60n } });
  const durable = scheduler.submit(WAITER, { name: 'durable', args: [3n], durable: true });
  while (doomed.fuelUsed === 0n || !wakes.has('durable')) await sleep(5);
  await scheduler.endExecutor(0);
  t.match(await doomed.done, {
    kind: 'failed',
    error: { code: 'EXECUTOR_DIED', message: /worker 1 ended.*doomed \([0-9a-f]{32}\)/ },
  });
  t.equal(durable.end, undefined);
  const next = scheduler.submit(WAITER, { name: 'next', args: [4n] });
  wakes.get('durable')?.();
  t.equal(exitOf(await durable.done), resultOf(3));
  while (!wakes.has('next')) await sleep(5);
  wakes.get('next')?.();
  t.equal(exitOf(await next.done), resultOf(4));
});

t.test('an image from anywhere: submitted, its call is asked anew; what is no image is refused', async (t) => {
  using run = Program.load(WAITER).start({ args: [1n], suspends: true });
  run.step(1000n);
  run.answer({ kind: 'value', r0: 2002n });
  run.step(1000n);
  const image = run.save({ id: 'ab'.repeat(16), epoch: 3n, name: 'from elsewhere', fuelLeft: 1000n });
  using other = Run.resume(image, { tables: [], regions: [] });
  t.equal(other.pending?.callNumber, 2n);
  const asks: KernelCall['id'][] = [];
  const scheduler = new Scheduler({
    functions: conformance((call) => {
      asks.push(call.id);
      return { kind: 'value', r0: 5n };
    }),
  });
  t.teardown(() => scheduler.close());
  const task = scheduler.submit(image);
  t.throws(() => scheduler.submit(image), { code: 'INVALID_ARGUMENT', message: /is here already/ });
  t.match(task, { id: 'ab'.repeat(16), epoch: 3n, name: 'from elsewhere' });
  t.equal(exitOf(await task.done), resultOf(1));
  t.same(asks, [{ image: 'ab'.repeat(16), epoch: 3n, call: 2n }]);
  t.throws(() => scheduler.submit(image.subarray(0, 50)), { code: 'IMAGE_MALFORMED' });
  t.throws(() => scheduler.submit(WAITER, { durable: true }), { code: 'INVALID_ARGUMENT', message: /needs a journal/ });
});
