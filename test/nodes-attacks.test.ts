/**
 * Bombs made of the real fork, fork_to and join_meeting, beside programs that mean well. As in scheduler-attacks.test.ts, progress is counted in
 * fuel: who had a third of all turns without the attacker and two companions has to have a sixth with it.
 */
import t from 'tap';
import type { ProgramSpec } from '../lib/runner/program.js';
import type { Task } from '../lib/scheduler/task.js';
import { assemble } from './support/asm.js';
import { networkOf, source } from './support/nodes.js';

t.setTimeout(300_000); // a machine that may be busy

const VICTIM: ProgramSpec = {
  code: assemble('again: r6 += 1\n r7 ^= r6\n r7 *= 3\n goto again'),
  kernelFunctions: 'ctinspector',
};
const N_VICTIMS = 3;
const WORK = 'for (int i = 0; i < 100000; i++) { n += i; __asm__ volatile("" : "+r"(n)); }';

const BOMBS = {
  'forks as long as it may, and works in every child': {
    program: `
      uint64_t vm_main(void) {
        struct cti_meeting meeting;
        uint64_t n = 0;
        for (;;) { fork(2, &meeting); ${WORK} }
      }`,
    nodes: 1,
    family: 61,
  },
  'forks children that meet, and again': {
    program: `
      uint64_t vm_main(void) {
        struct cti_meeting meeting;
        struct cti_slot roster[3];
        uint64_t n = 0;
        for (;;) {
          int64_t child = fork(3, &meeting);
          ${WORK}
          if (child >= 0) join_meeting(&meeting, roster, sizeof roster, 0, 50000000);
        }
      }`,
    nodes: 1,
    family: 61,
  },
  'forks to a node that is not there': {
    program: `
      uint64_t vm_main(void) {
        struct cti_meeting meeting;
        uint64_t n = 0;
        for (;;) { fork_to("local://9", 9, &meeting); ${WORK} }
      }`,
    nodes: 1,
    family: 1,
  },
  'forks to another node': {
    program: `
      uint64_t vm_main(void) {
        struct cti_meeting meeting;
        uint64_t n = 0;
        for (;;) { fork_to("local://2", 9, &meeting); ${WORK} }
      }`,
    nodes: 2,
    family: 61,
  },
};

for (const [name, bomb] of Object.entries(BOMBS)) {
  t.test(`a bomb that ${name}`, async (t) => {
    const { start, network, schedulers } = networkOf(t, bomb.nodes);
    const scheduler = schedulers[0]!;
    const victims = Array.from({ length: N_VICTIMS }, () =>
      scheduler.submit(VICTIM, { name: 'victim', budget: { fuel: 1n << 62n } }),
    );
    const { end, task } = await start(await source(bomb.program), { budget: { fuel: 60_000_000n, forks: 60 } });
    const family = (): Task[] => schedulers.flatMap((one) => one.list().filter(({ root }) => root === task.root));
    while (family().some((one) => !one.end)) await Promise.all(family().map((one) => one.done));
    const used = victims.map(({ fuelUsed }) => fuelUsed);
    for (const victim of victims) victim.kill('the test is over');
    await network.idle();

    t.match(end, { kind: 'budget', resource: 'fuel' });
    t.ok(family().length <= bomb.family, `${family().length} tasks of one bomb`);
    if (bomb.family > 1) t.ok(family().length > 20, 'and it did fork');
    for (const one of family()) {
      if (one.end?.kind !== 'migrated') t.match(one.end, { kind: 'budget', resource: 'fuel' });
    }
    // What the bomb's tasks elsewhere used is not this scheduler's to share out.
    const here = scheduler.list().filter(({ root }) => root === task.root);
    const total = [...used, ...here.map(({ fuelUsed }) => fuelUsed)].reduce((sum, one) => sum + one, 0n);
    t.ok(total > 20_000_000n, `${total} in all`);
    for (const one of used) t.ok(one * 6n >= total, `a victim had ${one} of ${total}`);
  });
}
