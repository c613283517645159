// Programs that take what they can get: loops of every shape, floods of calls, fork bombs, hogs of memory, slices of 1. Each is stopped by its
// budget, and meanwhile other programs keep at least half of their progress: counted in fuel and in what the host did, not by clocks.
import t from 'tap';
import { type ProgramSpec, withControl } from '../lib/runner/program.js';
import type { KernelCall, Verdict } from '../lib/scheduler/kernel-call.js';
import { Scheduler, type SchedulerOptions } from '../lib/scheduler/scheduler.js';
import type { Budget, Task, TaskEnd } from '../lib/scheduler/task.js';
import { asm, named } from './support/programs.js';

t.setTimeout(300_000); // a machine that may be busy

/** What a program that means well does: a loop of some work, for ever. */
const VICTIM = asm('again: r6 += 1\n r7 ^= r6\n r7 *= 3\n goto again');
const FUEL = 40_000_000n;

const LOOPS: Readonly<Record<string, ProgramSpec>> = {
  'a jump to itself': asm('again: goto again'),
  'a far jump': asm('again: r6 += 1\n gotol again'),
  'a condition that is always true': asm('again: r6 += 1\n if r6 != 0 goto again\n exit'),
  'two functions that call each other and return': asm('again: call f\n goto again\nf: r0 = 1\n exit'),
  'an indirect call in a loop': asm('r6 = code f ll\nagain: callx r6\n goto again\nf: r0 = 1\n exit'),
  'a loop around a fast kernel function': asm('again: r1 = 1\n call 1\n goto again'),
  'a long body': asm(`again: ${'r6 += 1\n'.repeat(5000)} goto again`),
};

/** Forks by hand: the call's image becomes another task, as fork does; the parent gets 1, the child 0. */
async function fork(scheduler: Scheduler, call: KernelCall, n: number, ids: { next: number }): Promise<Verdict> {
  const shares = scheduler.split(call.task, n);
  if (!shares) return { kind: 'value', r0: BigInt.asUintN(64, -122n) };
  const image = await scheduler.image(call.task);
  for (const share of shares) {
    const control = {
      id: (ids.next++).toString(16).padStart(32, '0'),
      parent: call.task.id,
      root: call.task.root,
      fuelLeft: share.fuel,
      memoryLimit: share.memory,
      forksLeft: share.forks,
    };
    scheduler.adopt(withControl(image, control), { kind: 'value', r0: 0n });
  }
  return { kind: 'value', r0: 1n };
}

interface Attack {
  readonly program: ProgramSpec;
  readonly budget?: Budget;
  readonly options?: Partial<SchedulerOptions>;
  readonly handler?: (scheduler: Scheduler) => (call: KernelCall) => Verdict | Promise<Verdict>;
  readonly ends: Partial<TaskEnd> | RegExp;
}

const OUT_OF_FUEL = { kind: 'budget', resource: 'fuel' } as const;
const ids = { next: 1 };
const ATTACKS: Readonly<Record<string, Attack>> = {
  ...Object.fromEntries(
    Object.entries(LOOPS).map(([name, program]) => [`loop: ${name}`, { program, ends: OUT_OF_FUEL }]),
  ),
  'a flood of calls that are answered at once': {
    program: asm('again: r1 = 1\n call 7\n goto again'),
    budget: { fuel: 20_000n },
    handler: () => () => ({ kind: 'value', r0: 0n }),
    ends: OUT_OF_FUEL,
  },
  'a flood of calls that are answered later': {
    program: asm('again: r1 = 1\n call 7\n goto again'),
    budget: { fuel: 600n },
    handler: () => async () => ({ kind: 'value', r0: 0n }),
    ends: OUT_OF_FUEL,
  },
  'a flood of output': {
    program: {
      ...named('again: r1 = 0\n r2 = 0x20000000 ll\n r3 = 64\n call import 0\n goto again', 'emit'),
      bssSize: 4096,
    },
    ends: OUT_OF_FUEL,
  },
  'a fork bomb': {
    program: asm('again: call 7\n goto again'),
    budget: { fuel: 4_000n, forks: 60 },
    handler: (scheduler) => (call) => fork(scheduler, call, 1, ids),
    ends: OUT_OF_FUEL,
  },
  'a chain of forks, each parent gone': {
    program: asm('again: call 7\n if r0 == 0 goto again\n exit'),
    budget: { fuel: 1n << 40n, forks: 30 },
    handler: (scheduler) => (call) => fork(scheduler, call, 1, ids),
    ends: { kind: 'exited' },
  },
  'a hog of memory': {
    program: asm('r0 = 0\n exit', { bssSize: 200 << 20 }),
    budget: { memory: 100 << 20 },
    ends: { kind: 'budget', resource: 'memory' },
  },
  'a slice of 1': {
    program: asm('again: goto again'),
    budget: { fuel: 3_000n },
    options: { sliceFuel: 1n },
    ends: OUT_OF_FUEL,
  },
};

const N_VICTIMS = 3;

/** Turns used by three programs that mean well, while the attacker runs and until it and all that came of it have ended. */
async function attacked(attack: Attack): Promise<{ ends: TaskEnd[]; used: bigint[]; attackers: Task[] }> {
  let later: (call: KernelCall) => Verdict | Promise<Verdict> = () => ({ kind: 'value', r0: 0n });
  const scheduler = new Scheduler({
    ...attack.options,
    functions: { conformance: { later: (call) => later(call) } },
    onOutput: () => {},
  });
  if (attack.handler) later = attack.handler(scheduler);
  const victims = Array.from({ length: N_VICTIMS }, () => scheduler.submit(VICTIM, { budget: { fuel: 1n << 62n } }));
  const attacker = scheduler.submit(attack.program, { name: 'attacker', budget: attack.budget ?? { fuel: FUEL } });
  const all = (): Task[] => scheduler.list().filter((task) => task.root === attacker.root);
  for (;;) {
    const open = all().filter((task) => !task.end);
    if (open.length === 0) break;
    await Promise.all(open.map((task) => task.done));
  }
  const used = victims.map((task) => task.fuelUsed);
  const attackers = all();
  const ends = attackers.map((task) => task.end!);
  await scheduler.close();
  return { ends, used, attackers };
}

for (const [name, attack] of Object.entries(ATTACKS)) {
  t.test(name, async (t) => {
    const { ends, used, attackers } = await attacked(attack);
    for (const end of ends) t.match(end, attack.ends);
    // Alone, each of the three would have had a third; so it has to have a sixth of all there was.
    const fuel = attackers.reduce((sum, task) => sum + task.fuelUsed, 0n);
    const total = used.reduce((sum, one) => sum + one, fuel);
    if (total > 20_000_000n) {
      for (const one of used) t.ok(one * 6n >= total, `${one} of ${total}, the attackers ${fuel}`);
    }
    const [least, most] = [used.reduce((a, b) => (a < b ? a : b)), used.reduce((a, b) => (a > b ? a : b))];
    t.ok(most - least <= most / 2n + 4_000_000n, `the others are alike: ${used.join(', ')}`);
  });
}

t.test('a lineage has one share, however many it is', async (t) => {
  let handler: (call: KernelCall) => Promise<Verdict> = async () => ({ kind: 'value', r0: 1n });
  const scheduler = new Scheduler({ functions: { conformance: { later: (call) => handler(call) } } });
  t.teardown(() => scheduler.close());
  handler = (call) => fork(scheduler, call, 20, ids);
  const alone = scheduler.submit(VICTIM, { budget: { fuel: 1n << 62n } });
  const many = scheduler.submit(asm('call 7\nagain: r6 += 1\n goto again'), {
    budget: { fuel: 420_000_000n, forks: 20 },
  });
  const lineage = (): Task[] => scheduler.list().filter((task) => task.root === many.id);
  while (lineage().length < 21) await new Promise(setImmediate);
  const before = alone.fuelUsed;
  await Promise.all(lineage().map((task) => task.done));
  const used = Number(lineage().reduce((sum, task) => sum + task.fuelUsed, 0n));
  const share = Number(alone.fuelUsed - before) / used;
  t.ok(share > 0.5 && share < 2, `the other had ${share.toFixed(2)} of what 21 had together`);
});

t.test('budgets of a lineage: fuel, memory, forks', async (t) => {
  let handler: (call: KernelCall) => Promise<Verdict> = async () => ({ kind: 'value', r0: 1n });
  const scheduler = new Scheduler({ functions: { conformance: { later: (call) => handler(call) } } });
  t.teardown(() => scheduler.close());
  handler = (call) => fork(scheduler, call, 3, ids);
  const loop = asm('call 7\nagain: r6 += 1\n goto again');
  const fuel = scheduler.submit(loop, { lineageBudget: { fuel: 1_000_000n }, budget: { fuel: 1n << 60n } });
  await fuel.done;
  const all = scheduler.list().filter((task) => task.root === fuel.id);
  t.equal(all.length, 4);
  for (const task of all) t.match(await task.done, { kind: 'budget', resource: 'fuel', of: 'lineage' });
  const used = all.reduce((sum, task) => sum + task.fuelUsed, 0n);
  t.ok(used >= 1_000_000n && used < 1_010_000n, `${used} together`);

  const data = asm('call 7\n exit', { bssSize: 1 << 20 });
  const hog = asm('call 7\nagain: r6 += 1\n goto again', { bssSize: 1 << 20 });
  const memory = scheduler.submit(hog, { lineageBudget: { memory: 3 << 20 }, budget: { fuel: 80_000_000n } });
  await memory.done;
  const ends = await Promise.all(
    scheduler
      .list()
      .filter((task) => task.root === memory.id)
      .map((task) => task.done),
  );
  t.ok(ends.some((end) => end.kind === 'budget' && end.resource === 'memory' && end.of === 'lineage'));

  const forks = scheduler.submit(data, { lineageBudget: { forks: 2 } });
  t.match(await forks.done, { kind: 'exited', r0: BigInt.asUintN(64, -122n) });

  const parent = scheduler.submit(loop, { budget: { forks: 1, fuel: 1n << 60n } });
  const child = scheduler.submit(data, { parent, name: 'child' });
  t.equal(child.root, parent.id);
  t.throws(() => scheduler.submit(data, { parent }), { code: 'BUDGET_EXHAUSTED' });
});
