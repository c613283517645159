/** Programs that fork, meet and migrate between local nodes: real clang, real images, real windows, on each engine. */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { mapperFunctions, upstreamMapperFunctions } from '../lib/kernel-functions/mapper.js';
import { MemoryMapper } from '../lib/mapper/mapper.js';
import { createRegion, regionHandle } from '../lib/mapper/regions.js';
import { SnapshotStore } from '../lib/mapper/snapshot-store.js';
import { parseNodes } from '../lib/migration/local-nodes.js';
import { decodeRequest } from '../lib/migration/messages.js';
import type { Engine } from '../lib/runner/program.js';
import { Scheduler } from '../lib/scheduler/scheduler.js';
import type { Fault } from '../lib/transport/local-carrier.js';
import { randomOf } from './support/handoff-sim.js';
import { networkOf, program, source, upstreamSource } from './support/nodes.js';

const ENGINES: readonly Engine[] = ['interpreter', 'jit'];
const number = (text: string): string => text.replace(/^vm debug: /, '').trim();

t.test('--nodes', async (t) => {
  t.same(parseNodes('2'), [
    { url: 'local://1', aliases: ['ub://127.0.0.1:1881'] },
    { url: 'local://2', aliases: ['ub://127.0.0.2:1881'] },
  ]);
  t.same(
    parseNodes('local://a,ub://10.0.0.1:7').map(({ url }) => url),
    ['local://a', 'ub://10.0.0.1:7'],
  );
  for (const bad of ['', '0', '65', '-1', 'x', 'local://a,b', '2,3']) {
    t.throws(
      () => parseNodes(bad),
      { code: 'INVALID_ARGUMENT', message: /--nodes: expected a number from 1 to 64/ },
      bad,
    );
  }
});

t.test("the original's programs between nodes", async (t) => {
  const migrate = await program('examples/upstream/migrate.c');
  const clone = await program('examples/upstream/clone.c');
  const thread = await program('examples/upstream/remote_thread.c');
  for (const engine of ENGINES) {
    t.test(`20 migrations to and fro, ${engine}`, async (t) => {
      const { start, printed } = networkOf(t, 2);
      const { node, end, task } = await start(migrate, { engine });
      t.match(end, { kind: 'exited', r0: 0n });
      t.equal(node.url, 'local://1');
      t.same(
        printed.map(([url, text]) => [url, number(text)]),
        Array.from({ length: 20 }, (_, i) => [`local://${1 + (i % 2)}`, String(1000 * (i + 1))]),
      );
      t.equal(task.epoch, 20n, 'an epoch a migration');
    });

    t.test(`a clone to two nodes, ${engine}`, async (t) => {
      const { start, printed, network } = networkOf(t, 3);
      const { end } = await start(clone, { engine });
      await network.idle();
      t.match(end, { kind: 'exited', r0: 2n });
      t.same(printed.map(([url, text]) => `${url} ${number(text)}`).sort(), [
        'local://1 1000',
        'local://1 2000',
        'local://2 3000',
        'local://3 4000',
      ]);
    });

    t.test(`start_remote_thread, ${engine}`, async (t) => {
      const { start, printed, network } = networkOf(t, 3);
      t.match((await start(thread, { engine })).end, { kind: 'exited', r0: 0n });
      await network.idle();
      t.same(printed.map(([url, text]) => `${url} ${number(text)}`).sort(), [
        'local://1 3000',
        'local://2 100',
        'local://3 101',
      ]);
    });
  }
});

t.test('fault: a VM lost when its migration fails', async (t) => {
  const { start, printed } = networkOf(t, 1);
  const { end } = await start(await program('examples/upstream/migrate.c'));
  t.match(end, { kind: 'exited', r0: 0n });
  t.equal(printed.length, 20, 'it goes on here, each time');
});

t.test('fault: a VM doubled when a clone is resent', async (t) => {
  const { start, printed, network } = networkOf(t, 3, { faults: () => ({ copies: 3, delayMs: 3 }) });
  t.match((await start(await program('examples/upstream/clone.c'))).end, { kind: 'exited', r0: 2n });
  await network.idle();
  // The last copies of the frames.
  await sleep(50);
  await network.idle();
  t.equal(printed.length, 4, 'each clone ran once');
});

t.test('clone_to: the number reached, when some are not', async (t) => {
  const { start, printed, network } = networkOf(t, 2);
  const { end } = await start(await program('examples/upstream/clone.c'));
  await network.idle();
  t.match(end, { kind: 'exited', r0: 1n });
  t.same(printed.map(([url, text]) => `${url} ${number(text)}`).sort(), [
    'local://1 1000',
    'local://1 4000',
    'local://2 3000',
  ]);
});

/** Forks n children that each run BODY, which sees `child` (1 to n), then joins and returns what AFTER computes. */
const forkAndJoin = (n: number, body: string, join: string, after: string) =>
  source(`
    uint64_t vm_main(uint64_t a, uint64_t b) {
      struct cti_meeting meeting;
      struct cti_slot roster[${n}];
      for (int i = 0; i < ${n}; i++) roster[i] = (struct cti_slot){9, 9, 9};
      int64_t child = fork(${n}, &meeting);
      if (child < 0) return child;
      if (child > 0) { ${body} }
      int64_t arrived = join_meeting(&meeting, roster, sizeof roster, ${join});
      ${after}
    }`);

/** The roster as a number: a decimal digit a slot, its state, in order; arrived is the lowest. */
const ROSTER = (n: number) => `
  uint64_t shown = arrived;
  for (int i = 0; i < ${n}; i++) shown = shown * 100 + roster[i].state * 10 + roster[i].failure;
  return shown;`;

t.test('fork and join_meeting', async (t) => {
  for (const engine of ENGINES) {
    t.test(`all, ${engine}`, async (t) => {
      const { start, schedulers } = networkOf(t, 1);
      const sum = await forkAndJoin(
        4,
        'fork_return(child * child);',
        '0, 0',
        'uint64_t sum = 0; for (int i = 0; i < 4; i++) sum = sum * 100 + roster[i].result; return sum * 10 + arrived;',
      );
      const { end, task } = await start(sum, { engine });
      t.match(end, { kind: 'exited', r0: 10409164n });
      const children = schedulers[0]!.list().filter(({ parent }) => parent === task.id);
      t.equal(children.length, 4);
      t.ok(children.every(({ root }) => root === task.id));
      t.same(children.map(({ name }) => name).sort(), ['program.1', 'program.2', 'program.3', 'program.4']);
    });
  }

  t.test('returning from vm_main is a result too; a fork is a copy, nothing is shared', async (t) => {
    const { start } = networkOf(t, 1);
    const linked = await source(`
      static uint64_t counter = 5;
      static __attribute__((noinline)) int64_t deep(struct cti_meeting *meeting, int n) {
        if (n > 0) return deep(meeting, n - 1) + n;
        counter++;
        int64_t child = fork(2, meeting);
        counter += child;
        return child;
      }
      uint64_t vm_main(void) {
        struct cti_meeting meeting;
        struct cti_slot roster[2];
        int64_t child = deep(&meeting, 5) - 15;
        if (child) return counter;
        join_meeting(&meeting, roster, sizeof roster, 0, 0);
        return counter * 10000 + roster[0].result * 100 + roster[1].result;
      }`);
    t.match((await start(linked)).end, { kind: 'exited', r0: 60708n });
  });

  t.test('every way to end', async (t) => {
    const { start, schedulers } = networkOf(t, 1);
    const body = `
      if (child == 1) return *(volatile uint64_t *)8;
      if (child == 2) for (;;) __asm__ volatile("");
      if (child == 3) sleep(60000000000);
      fork_return(7);`;
    const linked = await forkAndJoin(4, body, '0, 0', ROSTER(4));
    const killer = setInterval(() => {
      for (const task of schedulers[0]!.list()) if (task.name === 'program.3') task.kill('the test says so');
    }, 5);
    const { end } = await start(linked, { budget: { fuel: 50_000_000n } });
    clearInterval(killer);
    t.match(end, { kind: 'exited', r0: 1_21_22_23_10n }, 'trapped, out of budget, killed, arrived');
  });

  t.test('a quorum, then the rest', async (t) => {
    const { start } = networkOf(t, 1);
    const linked = await source(`
      uint64_t vm_main(void) {
        struct cti_meeting meeting;
        struct cti_slot roster[3];
        int64_t child = fork(3, &meeting);
        if (child == 1) fork_return(1);
        if (child > 1) {
          sleep(500000000 * child);
          fork_return(child);
        }
        int64_t first = join_meeting(&meeting, roster, sizeof roster, 1, 0);
        uint64_t shown = first * 1000 + roster[0].state * 100 + roster[1].state * 10 + roster[2].state;
        int64_t all = join_meeting(&meeting, roster, sizeof roster, 0, 0);
        int64_t gone = join_meeting(&meeting, roster, sizeof roster, 0, 0);
        return shown * 100000 + all * 10000 + roster[0].state * 1000 + roster[1].state * 100 + roster[2].state * 10 + (gone == -CTI_ENOENT);
      }`);
    t.match((await start(linked, {})).end, { kind: 'exited', r0: 1100_31111n });
  });

  t.test('the deadline', async (t) => {
    const { start, network, schedulers } = networkOf(t, 1);
    const linked = await forkAndJoin(
      2,
      'if (child == 1) fork_return(1); sleep(600000000000); return 5;',
      '0, 3000000000',
      ROSTER(2),
    );
    t.match((await start(linked)).end, { kind: 'exited', r0: 1_10_30n }, 'one arrived, one lost');
    const late = schedulers[0]!.list().filter(({ state }) => state === 'waiting');
    t.equal(late.length, 1, 'which sleeps on');
    late[0]!.kill('the test is over');
    await network.idle();
  });

  t.test('what is refused', async (t) => {
    const { start } = networkOf(t, 1);
    const is = (what: string, errno: string) => `if (${what} != -CTI_${errno}) return __LINE__;`;
    const linked = await source(`
      uint64_t vm_main(void) {
        struct cti_meeting meeting = {{1, 2}};
        struct cti_slot roster[2];
        ${is('fork(0, &meeting)', 'EINVAL')}
        ${is('fork(65, &meeting)', 'EINVAL')}
        ${is('fork(-1, &meeting)', 'EINVAL')}
        ${is('fork(1, (struct cti_meeting *)8)', 'EFAULT')}
        ${is('join_meeting(&meeting, roster, sizeof roster, 0, 0)', 'ENOENT')}
        ${is('fork_to("", 0, &meeting)', 'EINVAL')}
        ${is('fork_to("local://1 x", 11, &meeting)', 'EINVAL')}
        ${is('migrate_to("", 0)', 'EINVAL')}
        ${is('migrate_to("tcp://1.2.3.4:5", 15)', 'EINVAL')}
        ${is('migrate_to("local://nobody", 14)', 'EHOSTUNREACH')}
        if (migrate_to("local://1", 9) != 0) return __LINE__;
        char url[9];
        ${is('node_url(url, 8)', 'ERANGE')}
        if (node_url(url, 9) != 9 || url[8] != '1') return __LINE__;
        int64_t child = fork(2, &meeting);
        if (child == 1) fork_return(join_meeting(&meeting, roster, sizeof roster, 0, 0));
        if (child == 2) fork_return(2);
        ${is('join_meeting(&meeting, roster, sizeof roster - 1, 0, 0)', 'EINVAL')}
        ${is('join_meeting(&meeting, roster, sizeof roster, 3, 0)', 'EINVAL')}
        ${is('join_meeting(&meeting, roster, sizeof roster, 0, 3600000000001)', 'EINVAL')}
        if (join_meeting(&meeting, roster, sizeof roster, 0, 0) != 2) return __LINE__;
        ${is('(int64_t)roster[0].result', 'ENOENT')}
        return 0;
      }`);
    t.match((await start(linked)).end, { kind: 'exited', r0: 0n }, 'r0 is the line that was not as expected');
  });
});

t.test('fork_to: children on nodes, and nodes that are not there', async (t) => {
  for (const engine of ENGINES) {
    const { start, network } = networkOf(t, 3);
    const linked = await source(`
      uint64_t vm_main(void) {
        struct cti_meeting meeting;
        struct cti_slot roster[4];
        static const char urls[] = "local://2\\nlocal://9\\nlocal://3 local://1";
        int64_t child = fork_to(urls, sizeof urls - 1, &meeting);
        if (child < 0) return child;
        if (child > 0) {
          char url[9];
          node_url(url, sizeof url);
          fork_return(url[8] - '0');
        }
        int64_t arrived = join_meeting(&meeting, roster, sizeof roster, 0, 0);
        return ((arrived * 10 + roster[0].result) * 10 + roster[2].result) * 10 + roster[3].result + 10000 * roster[1].state + 100000 * roster[1].failure;
      }`);
    t.match((await start(linked, { engine })).end, { kind: 'exited', r0: 523231n }, engine);
    await network.idle();
  }
});

const TOUR = `
  static const char to2[] = "local://2", to3[] = "local://3";
  uint64_t vm_main(void) {
    struct cti_meeting meeting;
    struct cti_slot roster[2];
    int64_t child = fork_to("local://1 local://3", 19, &meeting);
    if (child < 0) return child;
    if (child > 0) {
      sleep(100000000); /* its parent has moved on */
      fork_return(child * 11);
    }
    if (migrate_to(to2, 9) != 0) return 1;
    if (migrate_to(to3, 9) != 0) return 2;
    join_meeting(&meeting, roster, sizeof roster, 0, 0);
    return roster[0].result * 100 + roster[1].result;
  }`;

t.test('a joiner that migrates takes its meeting along', async (t) => {
  const { start, network } = networkOf(t, 3);
  const { end, node } = await start(await source(TOUR));
  t.match(end, { kind: 'exited', r0: 1122n });
  t.equal(node.url, 'local://3');
  await network.idle();
});

const HOPS = `
  uint64_t vm_main(void) {
    uint64_t hops = 0;
    for (;;) {
      int64_t failed = migrate_to(hops % 2 ? "local://1" : "local://2", 9);
      if (failed) return hops * 1000 - failed;
      hops++;
    }
  }`;

t.test('R4: migration ping-pong ends with its hops', async (t) => {
  const { start, network } = networkOf(t, 2);
  const { end } = await start(await source(HOPS));
  t.match(end, { kind: 'exited', r0: 64_040n }, '64 hops, then -ELOOP');
  // With its fuel, if that is less.
  const poor = await start(await source(HOPS), { budget: { fuel: 50_000n } });
  t.match(poor.end, { kind: 'budget', resource: 'fuel' });
  await network.idle();
});

t.test('R4: fork bombs end with the forks they share; others keep going', async (t) => {
  const { start, network, schedulers } = networkOf(t, 1);
  const bomb = await source(`
    uint64_t vm_main(void) {
      struct cti_meeting meeting;
      uint64_t made = 0;
      for (;;) {
        int64_t child = fork(2, &meeting);
        if (child == -CTI_EAGAIN) return made;
        if (child < 0) return 1000000 - child;
        if (child == 0) made += 2; else made = 0;
      }
    }`);
  const worker = await source(
    'uint64_t vm_main(void) { uint64_t n = 0; for (int i = 0; i < 2000000; i++) { n += i; __asm__ volatile("" : "+r"(n)); } return n; }',
  );
  const bombs = [1, 2, 3].map((i) => start(bomb, { name: `bomb ${i}`, budget: { forks: 60 } }));
  const other = start(worker, { name: 'worker' });
  t.match((await other).end, { kind: 'exited', r0: 1999999000000n });
  for (const { end, task } of await Promise.all(bombs)) {
    t.match(end, { kind: 'exited' });
    await network.idle();
    const family = schedulers[0]!.list().filter(({ root }) => root === task.root);
    t.ok(family.length <= 61, `${family.length} tasks of one bomb, 61 allowed`);
    const made = family.reduce((sum, { end }) => sum + (end?.kind === 'exited' ? end.r0 : 0n), 0n);
    t.equal(made, BigInt(family.length - 1), 'each says how many it made');
  }
});

t.test('R4: meeting bombs end with the forks that meetings take', async (t) => {
  const { start, network } = networkOf(t, 1);
  const bomb = await source(`
    uint64_t vm_main(void) {
      struct cti_meeting meeting;
      uint64_t made = 0;
      for (;;) {
        int64_t failed = fork_to("local://9", 9, &meeting);
        if (failed) return made * 1000 - failed;
        made++;
      }
    }`);
  t.match((await start(bomb, { budget: { forks: 200 } })).end, { kind: 'exited' });
  t.equal(network.nodes[0]!.book.size, 0);
  // More forks than an owner has meetings: the second limit. Each fork halves what is left, so forks come first; it needs very many.
  const { end } = await start(bomb, { budget: { forks: 10 } });
  t.match(end, { kind: 'exited' });
});

t.test('a migration in doubt: nowhere until it is resolved', async (t) => {
  const cases: [
    string,
    (xfer: string, network: ReturnType<typeof networkOf>['network']) => Promise<unknown>,
    object,
    string,
  ][] = [
    ['the network is well again', async () => {}, { kind: 'exited', r0: 2000n }, 'local://2'],
    [
      'adopted, the target confirms',
      (xfer, { nodes }) => nodes[0]!.adopt(xfer, 'test'),
      { kind: 'exited', r0: 1125n },
      'local://1',
    ],
    ['dropped', async (xfer, { nodes }) => nodes[0]!.drop(xfer, 'test'), { kind: 'killed' }, 'local://1'],
  ];
  const linked = await source(`
    uint64_t vm_main(void) {
      int64_t failed = migrate_to("local://2", 9);
      char url[9];
      node_url(url, 9);
      return (url[8] - '0') * 1000 - failed;
    }`);
  for (const [what, resolve, expected, where] of cases) {
    t.test(what, async (t) => {
      let isCut = true;
      const faults = (_from: string, _to: string, frame: Uint8Array): Fault | undefined =>
        isCut && decodeRequest(frame).type === 'commit' ? { loseRequest: true } : undefined;
      const { start, network, schedulers } = networkOf(t, 2, { faults, requestMs: 20 });
      const followed = start(linked);
      while (network.nodes[0]!.transfers()[0]?.state !== 'in_doubt') await sleep(5);
      t.equal(schedulers[1]!.list().length, 0, 'not there');
      t.match(schedulers[0]!.list(), [{ state: 'waiting', wait: { kind: 'call', name: 'migrate_to' } }], 'not here');
      t.equal(network.nodes[1]!.nHeld, 1);
      await resolve(network.nodes[0]!.transfers()[0]!.xfer, network);
      isCut = false;
      const { end, node } = await followed;
      t.match(end, expected);
      t.equal(node.url, where);
      t.match(network.nodes[0]!.notes, [{ action: 'in_doubt' }]);
      t.same(network.nodes[0]!.transfers(), []);
    });
  }

  t.test('adopted without an answer: here two epochs later, there the older one', async (t) => {
    const faults = (_from: string, _to: string, frame: Uint8Array): Fault | undefined => {
      const { type } = decodeRequest(frame);
      return type === 'commit' ? { loseAnswer: true } : type === 'abort' ? { loseRequest: true } : undefined;
    };
    const { start, network, schedulers } = networkOf(t, 2, { faults, requestMs: 20 });
    const followed = start(linked);
    while (network.nodes[0]!.transfers()[0]?.state !== 'in_doubt') await sleep(5);
    await network.nodes[0]!.adopt(network.nodes[0]!.transfers()[0]!.xfer, 'its host is gone');
    const { end, task } = await followed;
    t.match(end, { kind: 'exited', r0: 1125n });
    t.equal(task.epoch, 2n);
    t.match(schedulers[1]!.list(), [{ epoch: 1n, end: { kind: 'exited', r0: 2000n } }]);
  });
});

t.test('over a network that loses, doubles and delays: each program ends once, with the right result', async (t) => {
  // Counts its steps; a step that failed is made again, so the count tells whether one was lost or done twice.
  const linked = await source(`
    uint64_t vm_main(void) {
      uint64_t steps = 0, failed = 0;
      while (steps < 12) {
        if (migrate_to(steps % 3 == 0 ? "local://2" : steps % 3 == 1 ? "local://3" : "local://1", 9) == 0) steps++;
        else if (++failed > 1000) return -1;
      }
      return steps;
    }`);
  for (let seed = 1; seed <= 5; seed++) {
    const random = randomOf(seed);
    const faults = (): Fault => {
      const dice = random();
      return {
        loseRequest: dice < 0.12,
        loseAnswer: dice > 0.88,
        copies: random() < 0.3 ? 2 : 1,
        delayMs: random() < 0.3 ? 4 : 0,
      };
    };
    const { start, network, schedulers } = networkOf(t, 3, {
      faults,
      requestMs: 15,
      limits: { maxHeld: 64, maxHeldBytes: 1 << 24, askAfterMs: 40, retryMs: 5 },
    });
    const ends = await Promise.all([1, 2, 3].map((i) => start(linked, { name: `walker ${i}` })));
    await network.idle();
    for (const { end, task } of ends) {
      t.match(end, { kind: 'exited', r0: 12n }, `seed ${seed}`);
      const exits = schedulers
        .flatMap((scheduler) => scheduler.list())
        .filter(({ id, end }) => id === task.id && end?.kind === 'exited');
      t.equal(exits.length, 1, `seed ${seed}: it ended in one place`);
    }
  }
});

/** Nodes whose first has a region of two words, shared with other processes. */
function withRegion(t: Test, n: number) {
  const memory = createRegion('counters', 4096);
  const mappers: MemoryMapper[] = [];
  const made = networkOf(t, n, {
    scheduler: (url, functions, onOutput) => {
      const mapper = new MemoryMapper({ node: url, store: new SnapshotStore({ tables: {} }) });
      if (mappers.length === 0) mapper.regions.grant('counters', memory, 'read-write');
      mappers.push(mapper);
      return new Scheduler({
        mapper,
        onOutput,
        functions: {
          ctinspector: { ...mapperFunctions({ mapper }), ...functions.ctinspector },
          upstream: { ...upstreamMapperFunctions({ mapper }), ...functions.upstream },
        },
      });
    },
  });
  t.teardown(() => {
    for (const mapper of mappers) mapper.close();
    memory.close();
  });
  return { ...made, memory, words: new BigUint64Array(memory.buffer) };
}

t.test("the original's programs and an application's memory", async (t) => {
  const mmap = await program('examples/upstream/mmap.c');
  const monitor = await program('examples/upstream/monitor_address.c');
  for (const engine of ENGINES) {
    t.test(`mmap of a granted region, read and written, ${engine}`, async (t) => {
      const { start, printed, words } = withRegion(t, 1);
      words[0] = 12n;
      const { end } = await start(mmap, { engine, args: [regionHandle('counters'), 4096n, 42n] });
      t.match(end, { kind: 'exited', r0: 0n });
      t.same(
        printed.map(([, text]) => number(text)),
        ['12', '42'],
      );
      t.equal(words[0], 42n, 'the application sees it');
    });

    t.test(`an address monitored until another process changes it, ${engine}`, async (t) => {
      const { start, printed, words, memory, schedulers } = withRegion(t, 1);
      words[0] = 5n;
      const followed = start(monitor, { engine, args: [regionHandle('counters'), 4096n, 7n] });
      while (schedulers[0]!.list()[0]?.wait?.kind !== 'address') await sleep(5);
      await sleep(30);
      t.same(printed, [], 'it waits');
      const write = `const fs = require('node:fs'); const fd = fs.openSync('/proc/${process.pid}/fd/${memory.fd}', 'r+'); fs.writeSync(fd, Buffer.from([7]), 0, 1, 0);`;
      execFileSync(process.execPath, ['-e', write]);
      t.match((await followed).end, { kind: 'exited', r0: 0n });
      t.same(
        printed.map(([, text]) => number(text)),
        ['77', '7'],
      );
      t.equal(words[1], 8n, 'it wrote back');
    });
  }
});

t.test("fault: mmap of a raw host address, of the page table's every index, and of what is not granted", async (t) => {
  const { start, words } = withRegion(t, 2);
  const linked = await upstreamSource(`
    uint64_t vm_main(uint64_t handle, uint64_t address) {
      const uint64_t wrong[] = {0, 1, 8, 4096, address, address & ~4095ull, handle + 1, handle + 4096, handle - 4096, -1, 1ull << 63};
      for (uint64_t i = 0; i < sizeof wrong / sizeof *wrong; i++) if (mmap(wrong[i], 8) != (uint64_t)-1) return 100 + i;
      if (mmap(handle, 4097) != (uint64_t)-1) return 1;
      if (mmap(handle, 0) != (uint64_t)-1) return 2;
      if (mmap(handle, -1) != (uint64_t)-1) return 3;
      for (uint64_t asid = 1; asid < 70000; asid += asid < 8 ? 1 : 4099) if (switch_to_address_space(asid) != (uint64_t)-1) return 4;
      if (switch_to_address_space(-1) != (uint64_t)-1) return 5;
      if (monitor_address(2, 0, 0, 0) != (uint64_t)-1 || monitor_address(2, (uint64_t)wrong, 0, 0) != (uint64_t)-1) return 6;
      if (wait_for_address_event() != (uint64_t)-1) return 7;
      volatile uint64_t *word = (volatile uint64_t *)mmap(handle, 8);
      if ((void *)word == INVALID_MMAP_ADDR) return 8;
      if (monitor_address(9, (uint64_t)word, 0, 0) != (uint64_t)-1) return 9;
      return *word;
    }`);
  words[0] = 1234n;
  // Where this process has the very same memory.
  const maps = (await readFile('/proc/self/maps', 'utf8')).split('\n').find((line) => line.includes('memfd:'));
  const address = BigInt(`0x${maps!.split('-')[0]}`);
  const { end } = await start(linked, { args: [regionHandle('counters'), address] });
  t.match(end, { kind: 'exited', r0: 1234n }, 'r0 below 1234 says what was let through');
});

t.test('a region stays on its node: stale on another and after the return, until it is mapped again', async (t) => {
  const { start, words } = withRegion(t, 2);
  const text = (read: string, after: string) => `
    uint64_t vm_main(uint64_t handle) {
      struct ub_address one = {.url = {127, 0, 0, 1, 7, 89}}, two = {.url = {127, 0, 0, 2, 7, 89}};
      volatile uint64_t *word = (volatile uint64_t *)mmap(handle, 4096);
      if (migrate_to(&two) != 0) return 1;
      ${read}
      if (migrate_to(&one) != 0) return 2;
      ${after}
      return *word;
    }`;
  words[0] = 99n;
  const args = [regionHandle('counters')];
  const again = 'word = (volatile uint64_t *)mmap(handle, 4096);';
  const run = async (read: string, after: string) =>
    (await start(await upstreamSource(text(read, after)), { args })).end;
  t.match(await run('', again), { kind: 'exited', r0: 99n });
  t.match(await run('', ''), { kind: 'trapped', trap: 'stale' }, 'nothing rebinds silently');
  t.match(await run('debug_print(*word);', again), { kind: 'trapped', trap: 'stale' });
});
