/**
 * Attaching where it is not simple: a switch in a container or found by its pid, processes that are not what they seem, rights that are missing, a
 * build without a layout; and the manners of reading again and again.
 */
// Takes 19 s.
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { Clock } from '../lib/clock.js';
import { allOf, avoidedCpus, isolatedCpus, parseCpuList, parseCpuMask } from '../lib/sources/cpus.js';
import { findLayout, layoutMaker, readLayout } from '../lib/sources/layouts.js';
import { attachMemory, lookAtProcess, MemoryAttachment } from '../lib/sources/memory.js';
import { crowded, DEFAULT_MANNERS, Pace, periodFor } from '../lib/sources/pace.js';
import { captureTable, sourcesOf } from '../lib/sources/registry.js';
import { watchTable } from '../lib/sources/repeated.js';
import { isSameProcess } from '../lib/sources/switch-life.js';
import { findSwitch } from '../lib/sources/unixctl.js';
import { TABLES } from '../lib/tables/generated/tables.js';
import { cli } from './support/cli.js';
import { debugInfoFor, makeDebugInfo } from './support/debug-info.js';
import { handled, packet, rowsOf, startDummy } from './support/dummy-switch.js';
import { codeOf } from './support/errors.js';
import { asSwitch, fakeUnixctl, result } from './support/fake-unixctl.js';
import { startPrivateSwitch } from './support/private-switch.js';
import { until } from './support/until.js';

const DEBIAN = 'c78946b5f9be36f9f7caa610c38038375860119a';
const scratch = mkdtempSync(join(tmpdir(), 'cti-breadth-'));
chmodSync(scratch, 0o755);
t.teardown(() => rmSync(scratch, { recursive: true, force: true }));

t.test(
  'manners: the CPUs of PMD threads are left alone',
  { skip: availableParallelism() < 2 && 'one CPU only' },
  async (t) => {
    const sw = await startDummy('0x2');
    t.teardown(() => sw.stop());
    const before = MemoryAttachment.open(sw.pid);
    t.strictSame(
      before.datapaths().flatMap(({ pmds }) => pmds.filter(({ core }) => core >= 0)),
      [],
      'no PMD thread yet',
    );
    t.strictSame(before.datapaths()[0]?.pmdCpuMask, '0x2');
    t.strictSame(before.avoided.pmd, [1], 'pmd-cpu-mask says where they will be');
    sw.vsctl('add-port', 'br0', 'p0', '--', 'set', 'Interface', 'p0', 'type=dummy-pmd');
    const { attachment, proof } = await attachMemory({ rundir: sw.rundir });
    proof?.capture.snapshot.close();
    const all = parseCpuList(/Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '');
    const away = [1, ...isolatedCpus()];
    t.strictSame(attachment.avoided.pmd, [1]);
    const polite = await attachment.capture();
    t.strictSame(
      polite.reading.cpus,
      all.filter((cpu) => !away.includes(cpu)),
    );
    const fast = await attachment.capture(undefined, true);
    t.strictSame(fast.reading.cpus, all, '--fast: any');
    t.strictSame([polite.reading.nThreads, fast.reading.nThreads], [1, 2]);
    polite.snapshot.close();
    fast.snapshot.close();
    t.strictSame(
      parseCpuList(/Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''),
      all,
    );
    t.match(await cli(['attach', '--rundir', sw.rundir]), {
      status: 0,
      out: /repeated reading +one thread, every 1000 ms: at most 10 % of a core and 268 MB a second\nCPUs avoided +1 of PMD threads or pmd-cpu-mask.*; used: 0/,
    });
    t.match(await cli(['attach', '--fast', '--rundir', sw.rundir]), {
      status: 0,
      out: /\nreading +\d+ flows in [\d.]+ ms \([\d.]+ ms CPU\)[\s\S]*\nfast reading +\d+ flows in [\d.]+ ms \([\d.]+ ms CPU of 2 threads\)/,
    });
    // Counters alone: by a program in the kernel where that can be, else why not.
    const where = ['--rundir', sw.rundir];
    const line = /\ncounters alone +\d+ flows in [\d.]+ ms \([\d.]+ ms CPU\), every \d+ ms: (.*)/;
    const how = async (options = {}) => line.exec((await cli(['attach', ...where], options)).out)?.[1]?.trim();
    t.equal(
      await how(),
      attachment.whyCopied === null
        ? 'through page tables, by a program in the kernel'
        : `copied: ${attachment.whyCopied}`,
    );
    if (attachment.whyCopied !== null) t.comment(`not tried here: ${attachment.whyCopied}`);
    const rights = ['-bpf', '-perfmon', '-sys_admin'].join(',');
    const dropped = { wrap: ['setpriv', `--bounding-set=${rights}`, `--inh-caps=${rights}`] };
    t.match(await how(dropped), /^copied: .*not permitted; that takes CAP_BPF and CAP_PERFMON/);
    t.match(await cli(['doctor', ...where], dropped), {
      status: 0,
      out: /\ncounters +ok +read anew by copying, which costs more: .*not permitted +that takes CAP_BPF and CAP_PERFMON/,
      err: /11 checks, 11 ok/,
    });
    t.match(await how({ env: { CTINSPECTOR_PAGE_TABLES: 'off' } }), /^copied: it was told not to/);
    t.match(await cli(['attach', ...where], { env: { CTINSPECTOR_PAGE_TABLES: 'never' } }), {
      status: 2,
      err: /CTINSPECTOR_PAGE_TABLES: expected auto or off, received 'never'/,
    });
  },
);

/** Time that passes where it is slept, and by pass(). */
function sleptClock(): { clock: Clock; slept: number[]; pass(ms: number): void } {
  const slept: number[] = [];
  let now = 0;
  const pass = (ms: number): void => {
    now += ms;
  };
  const after = (ms: number, action: () => void): (() => void) => {
    slept.push(ms);
    pass(ms);
    queueMicrotask(action);
    return () => {};
  };
  return { clock: { nowMs: () => now, after }, slept, pass };
}

t.test('manners: the period grows, not the share', async (t) => {
  t.equal(periodFor({ cpuMs: 1, bytes: 1000 }, DEFAULT_MANNERS), 1000, 'cheap: as often as asked');
  t.equal(periodFor({ cpuMs: 250, bytes: 1000 }, DEFAULT_MANNERS), 2500, 'a tenth of a core');
  t.equal(crowded(60, 0), 60, 'a CPU was free');
  t.equal(crowded(60, 30), 135, 'it stood in line for a third of the time');
  t.equal(crowded(60, 60), 240);
  t.equal(crowded(60, 6000), 240, 'at most four times');
  t.equal(crowded(60, null), 60, 'the kernel does not say');
  t.equal(crowded(0, 5), 0);
  t.equal(periodFor({ cpuMs: 1, bytes: 3 * DEFAULT_MANNERS.bytesPerSecond }, DEFAULT_MANNERS), 3000, 'bytes a second');

  const { clock, slept, pass } = sleptClock();
  const pace = new Pace({ share: 0.1, bytesPerSecond: 1e6, periodMs: 100 }, clock);
  const began: number[] = [];
  for (const [cpuMs, bytes, wallMs] of [
    [2, 0, 2],
    [50, 0, 60],
    [1, 4e6, 10],
    [1, 0, 400],
    [1, 0, 1],
  ] as const) {
    await pace.wait();
    began.push(clock.nowMs());
    pass(wallMs);
    pace.took({ cpuMs, bytes });
  }
  t.strictSame(began, [0, 100, 600, 4600, 5000], 'at once; 100; 50/0.1; 4e6/1e6; late by itself');
  t.strictSame(slept, [98, 440, 3990]);

  t.strictSame(parseCpuList('0-2,8,10-11\n'), [0, 1, 2, 8, 10, 11]);
  t.strictSame(parseCpuList('\n'), []);
  for (const wrong of ['a', '3-1', '1,,x', '-2', '0-99999999'])
    t.throws(() => parseCpuList(wrong), { code: 'INVALID_ARGUMENT' });
  t.strictSame(parseCpuMask('0x6'), [1, 2]);
  t.strictSame(parseCpuMask('100000000000000000008'), [3, 80]);
  t.strictSame(parseCpuMask('0Xzf'), [0, 1, 2, 3], 'as OVS takes it');
  t.strictSame(parseCpuMask(''), []);
  t.strictSame(isolatedCpus(join(scratch, 'none')), []);
  t.strictSame(allOf(avoidedCpus([3, -1, 2, 3], [5, 2])), [2, 3, 5]);
});

t.test('a table watched: readings at the pace that their cost allows, until it is stopped', async (t) => {
  const sw = await startPrivateSwitch();
  t.teardown(() => sw.stop());
  sw.addBridge({ type: 'netdev' });
  const { clock, slept } = sleptClock();
  let n = 0;
  for await (const { snapshot, passedOver } of watchTable('ports', {
    rundir: sw.rundir,
    clock,
    manners: { periodMs: 700 },
  })) {
    t.match(snapshot.facts.source, /^memory:/);
    t.ok((snapshot.facts.reading?.bytes ?? 0) > 0);
    t.strictSame(passedOver, []);
    t.strictSame(rowsOf(snapshot, ['name']), [{ name: 'ovs-netdev' }, { name: 'br0' }]);
    snapshot.close();
    if (++n === 3) break;
  }
  t.equal(slept.length, 2);
  t.ok(
    slept.every((ms) => ms >= 700),
    'no more often than asked',
  );
  const stop = new AbortController();
  t.match(
    await codeOf(async () => {
      for await (const { snapshot } of watchTable('ports', { rundir: sw.rundir, signal: stop.signal })) {
        snapshot.close();
        setTimeout(() => stop.abort(), 50);
      }
    }),
    ['CANCELLED', /./],
  );
  for (const manners of [{ share: 0 }, { share: 2 }, { periodMs: -1 }, { bytesPerSecond: Number.NaN }])
    t.match((await codeOf(() => watchTable('ports', { rundir: sw.rundir, manners }).next()))[0], 'INVALID_ARGUMENT');
});

t.test('two readings of one process are told from those around a restart, by either source', async (t) => {
  const sw = await startPrivateSwitch();
  t.teardown(() => sw.stop());
  sw.addBridge();
  for (const table of ['ports', 'dp_flows']) {
    for (const source of ['memory', 'unixctl']) {
      const read = async () => (await captureTable(table, source, { rundir: sw.rundir })).snapshot;
      const [first, second] = [await read(), await read()];
      t.equal(isSameProcess(first, second), true, `${table} ${source}: one process`);
      await sw.kill('SIGKILL');
      await sw.restart();
      const third = await read();
      t.equal(isSameProcess(second, third), false, `${table} ${source}: another one`);
      for (const snapshot of [first, second, third]) snapshot.close();
    }
  }
  // A socket of the same name, as in a container where pids begin anew.
  const target = join(scratch, 'same.ctl');
  symlinkSync(sw.socketPath, target);
  const ask = async () => (await captureTable('ports', 'unixctl', { target })).snapshot;
  const before = await ask();
  await sw.kill('SIGKILL');
  await sw.restart();
  rmSync(target);
  symlinkSync(sw.socketPath, target);
  const after = await ask();
  t.equal(before.facts.source, after.facts.source);
  t.equal(isSameProcess(before, after), false, 'by the age of the socket');
  before.close();
  after.close();
});

t.test('a table watched goes on when the switch was killed and started anew', async (t) => {
  const sw = await startPrivateSwitch();
  t.teardown(() => sw.stop());
  sw.addBridge();
  const gone: string[] = [];
  const manners = { periodMs: 1 };
  const watched = watchTable('ports', { rundir: sw.rundir, manners, onGone: ({ code }) => gone.push(code) });
  const nextSource = async (): Promise<string> => {
    const { value } = await watched.next();
    value.snapshot.close();
    return value.snapshot.facts.source;
  };
  t.match(await nextSource(), `memory:${sw.pid}`);
  const before = sw.pid;
  await sw.kill('SIGKILL');
  const waiting = nextSource();
  for (const end = Date.now() + 20_000; gone.length === 0 && Date.now() < end; ) await sleep(10);
  t.strictSame(gone, ['SWITCH_STALE'], 'told once');
  await sw.restart();
  t.not(sw.pid, before);
  t.notMatch(await waiting, String(before), 'of the process that runs now');
  for (let i = 0; i < 100 && (await nextSource()) !== `memory:${sw.pid}`; i++);
  t.equal(await nextSource(), `memory:${sw.pid}`);

  await sw.kill('SIGKILL');
  const given = await codeOf(() => watchTable('ports', { rundir: sw.rundir, manners }).next());
  t.equal(given[0], 'SWITCH_STALE', 'the first reading does not wait');
  const patient = watchTable('ports', { rundir: sw.rundir, manners, patienceMs: 100 });
  await sw.restart();
  (await patient.next()).value.snapshot.close();
  await sw.kill('SIGKILL');
  t.equal((await codeOf(() => patient.next()))[0], 'SWITCH_STALE', 'patience has an end where one was given');
});

t.test('a switch in a container: by its run directory, by its pid; and seen from another container', async (t) => {
  const sw = await startPrivateSwitch({ ownPids: true });
  t.teardown(() => sw.stop());
  sw.addBridge({ type: 'netdev' });
  const inside = Number(readFileSync(join(sw.rundir, 'ovs-vswitchd.pid'), 'utf8'));
  t.not(inside, sw.pid, 'its pidfile has a pid of its own namespace');

  t.match(await findSwitch({ rundir: sw.rundir }), {
    pid: sw.pid,
    socketPath: join(sw.rundir, `ovs-vswitchd.${inside}.ctl`),
  });
  const byRundir = await captureTable('ports', 'memory', { rundir: sw.rundir });
  t.equal(byRundir.snapshot.facts.source, `memory:${sw.pid}`);
  byRundir.snapshot.close();
  // Its mounts are its own: through /proc its socket is reached all the same.
  t.match(await findSwitch({ pid: sw.pid }), {
    pid: sw.pid,
    socketPath: new RegExp(`^/proc/${sw.pid}/root/.*ovs-vswitchd\\.${inside}\\.ctl$`),
  });
  const byPid = await captureTable('dp_flows', 'auto', { pid: sw.pid });
  t.equal(byPid.snapshot.facts.source, `memory:${sw.pid}`);
  byPid.snapshot.close();
  t.match(await cli(['attach', '--pid', String(sw.pid)]), { status: 0, out: new RegExp(`process +${sw.pid},`) });

  // From a pid namespace that does not see it, its control socket is all there is, and that is said.
  const elsewhere = { wrap: ['unshare', '--pid', '--fork', '--mount-proc'] };
  const where = ['--rundir', sw.rundir];
  t.match(await cli(['query', 'ports | count', ...where], elsewhere), {
    status: 0,
    out: /2/,
    err: /unixctl:.*\nnot from memory: ovs-vswitchd's process is not visible from this pid namespace; run on the host, or with --pid=host\n/,
  });
  t.match(await cli(['query', '--source', 'memory', 'ports | count', ...where], elsewhere), {
    status: 2,
    err: /not visible from this pid namespace/,
  });
  t.match(await cli(['doctor', ...where], elsewhere), {
    status: 0,
    out: /process +limited +.*not visible from this pid namespace +run on the host, or with --pid=host\s*\nrights +not checked/,
    err: /its control socket answers them, because its memory cannot be read/,
  });
});

t.test('processes that are not what they seem', async (t) => {
  const { PATH } = process.env;
  // No switch: it listens nowhere.
  const idle = spawn('sleep', ['1000']);
  t.teardown(() => idle.kill());
  t.match(await codeOf(() => findSwitch({ pid: idle.pid! })), [
    'SWITCH_FOREIGN',
    /process \d+ \(sleep\) is no ovs-vswitchd: expected it to listen on a control socket, found 0/,
  ]);
  t.match(await codeOf(() => findSwitch({ pid: 0x3fffffff })), ['NO_SWITCH', /no process 1073741823 is running/]);
  t.match(await codeOf(() => findSwitch({ pid: 1, target: 'x' })), ['INVALID_ARGUMENT', /no target beside it/]);
  t.match(await cli(['flows', '--pid', 'x']), { status: 2, err: /--pid: expected a process id, received 'x'/ });
  t.match(await cli(['flows', '--pid', '1', '--rundir', '/x']), {
    status: 2,
    err: /--pid and --rundir both name a switch/,
  });

  // A fake that answers as a switch does, on a control socket of its own: it is another build, and its memory is no switch's.
  const fake = await fakeUnixctl(asSwitch(({ id }, socket) => socket.write(result(id, 'netdev@ovs-netdev\n'))));
  t.teardown(() => fake.close());
  t.match(await codeOf(() => captureTable('dp_flows', 'memory', { target: fake.path })), [
    'LAYOUT_UNKNOWN',
    /no layout for this build/,
  ]);
  const { buildId, executable } = lookAtProcess(process.pid);
  t.equal(executable, process.execPath);
  const dir = join(scratch, 'fake');
  mkdirSync(dir);
  const shipped = findLayout(DEBIAN, { CTINSPECTOR_LAYOUTS: dir, PATH });
  writeFileSync(join(dir, `${buildId}.json`), readFileSync(shipped.file, 'utf8').replace(DEBIAN, buildId));
  process.env.CTINSPECTOR_LAYOUTS = dir;
  t.match(await codeOf(() => captureTable('dp_flows', 'memory', { target: fake.path })), [
    'PROTOCOL',
    /expected one table of userspace datapaths .* found 0/,
  ]);
  delete process.env.CTINSPECTOR_LAYOUTS;

  // Another process behind the socket that the pidfile's holder should have.
  const sw = await startPrivateSwitch();
  t.teardown(() => sw.stop());
  rmSync(sw.socketPath);
  const impostor = createServer();
  await new Promise<void>((resolve) => impostor.listen(sw.socketPath, resolve));
  t.match(await codeOf(() => findSwitch({ rundir: sw.rundir })), [
    'SWITCH_FOREIGN',
    new RegExp(`expected process ${sw.pid}, .* but process ${process.pid} listens there`),
  ]);
  t.match(await codeOf(() => findSwitch({ pid: sw.pid })), [
    'SWITCH_FOREIGN',
    new RegExp(`expected process ${sw.pid}`),
  ]);
  impostor.close();
});

t.test('a layout that does not fit pmds or ports is refused, and what differed is said', async (t) => {
  const sw = await startDummy('0x1');
  t.teardown(() => sw.stop());
  sw.vsctl('add-port', 'br0', 'p0', '--', 'set', 'Interface', 'p0', 'type=dummy-pmd', 'options:n_rxq=2');
  for (const dst of ['10.0.0.1', '10.0.0.2']) sw.appctl('netdev-dummy/receive', 'p0', packet(0, dst, 80));
  await until('both packets', () => handled(sw) === 2);
  type Structures = Record<string, { members: Record<string, [number, number]> }>;
  const cases: [string, string, (structures: Structures, enumerators: Record<string, number>) => void, RegExp][] = [
    [
      'pmds',
      'counters',
      (_, e) => {
        e['pmd_stat_type.PMD_STAT_RECV'] = 4;
      },
      /LAYOUT_MISMATCH.*pmds.*packets is 0 in memory and 2 by the control socket/,
    ],
    [
      'pmds',
      'queues',
      (s) => {
        s.dp_netdev_pmd_thread!.members.poll_list![0] -= 8;
      },
      /LAYOUT_MISMATCH.*rxqs is|PROTOCOL/,
    ],
    [
      'pmds',
      'classifiers',
      (s) => {
        s.dpcls!.members.subtables_map![0] += 4;
      },
      /PROTOCOL.*do not agree with themselves/,
    ],
    [
      'ports',
      'receive queues',
      (s) => {
        s.dp_netdev_port!.members.n_rxq![0] += 8;
      },
      /LAYOUT_MISMATCH.*ports.*rx_queues is|PROTOCOL/,
    ],
  ];
  for (const [table, name, change, expected] of cases) {
    const dir = join(scratch, `wrong-${name.replace(' ', '-')}`);
    mkdirSync(dir);
    const { buildId } = lookAtProcess(sw.pid);
    const json = JSON.parse(readFileSync(findLayout(buildId, { CTINSPECTOR_LAYOUTS: dir }).file, 'utf8'));
    change(json.structures, json.enumerators);
    writeFileSync(join(dir, `${buildId}.json`), JSON.stringify(json));
    const env = { CTINSPECTOR_LAYOUTS: dir };
    const asked = ['query', '--format', 'json', '--rundir', sw.rundir, `${table} | count`];
    const { status, err } = await cli([...asked, '--source', 'memory'], { env });
    const { error } = JSON.parse(err);
    t.equal(status, 2);
    t.match(`${error.code} ${error.message}`, expected, name);
    t.match(await cli(asked, { env }), { status: 0, out: /not from memory: / }, `${name}: the control socket answers`);
  }
});

t.test('doctor names the right that is missing, and the remedy', async (t) => {
  const sw = await startPrivateSwitch();
  t.teardown(() => sw.stop());
  sw.addBridge({ type: 'netdev' });
  const where = ['--rundir', sw.rundir];
  t.match(await cli(['doctor', ...where]), {
    status: 0,
    out: /memory +ok +agrees with what the switch says: 1 datapaths/,
    err: /^11 checks, 11 ok/,
  });

  const dropped = { wrap: ['setpriv', '--bounding-set=-sys_ptrace', '--inh-caps=-sys_ptrace'] };
  t.match(await cli(['doctor', ...where], dropped), {
    status: 0,
    out: /rights +limited +read the memory of process \d+: .*this root lacks CAP_SYS_PTRACE +it was dropped .*: give it back\s*\nlayout +not checked +needs 'rights'/,
    err: /^11 checks, 7 ok.*its control socket answers them/,
  });
  t.match(await cli(['query', 'ports | count', ...where], dropped), {
    status: 0,
    out: /2/,
    err: /unixctl:.*\nnot from memory: .*CAP_SYS_PTRACE/,
  });

  // Another user who may use the control socket, but not read the process.
  chmodSync(sw.rundir, 0o755);
  chmodSync(sw.socketPath, 0o777);
  const nobody = { wrap: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] };
  t.match(await cli(['doctor', ...where], nobody), {
    status: 0,
    out: /rights +limited +read the memory of process \d+: .*it runs as uid 0 and this is uid 65534 +run as root, with CAP_SYS_PTRACE, or as that user/,
  });
  t.match(await cli(['flows', '--pid', String(sw.pid)], nobody), {
    status: 2,
    err: /look at the sockets of process \d+: .*uid 0 and this is uid 65534/,
  });

  // A layout that cannot be read keeps nobody from an answer.
  const env = { CTINSPECTOR_LAYOUTS: join(scratch, 'broken') };
  mkdirSync(env.CTINSPECTOR_LAYOUTS);
  writeFileSync(join(env.CTINSPECTOR_LAYOUTS, `${lookAtProcess(sw.pid).buildId}.json`), '{');
  t.match(await cli(['query', 'ports | count', ...where], { env }), {
    status: 0,
    err: /unixctl:.*\nnot from memory: .*broken.*expected JSON/,
  });
  t.match(await cli(['query', '--source', 'memory', 'ports | count', ...where], { env }), {
    status: 2,
    err: /expected JSON/,
  });

  t.throws(() => layoutMaker(scratch), {
    code: 'FILE',
    message: /layout-maker.* is not built.*apt-get install libdw-dev, then npm run build:addon/,
  });
});

t.test(
  'a build without a layout: unixctl answers and says so; a layout made from debug information then works',
  async (t) => {
    const program = join(scratch, 'ovs-vswitchd');
    const [note, other] = [join(scratch, 'note'), 'ab'.repeat(20)];
    copyFileSync('/usr/sbin/ovs-vswitchd', program);
    execFileSync('objcopy', ['--dump-section', `.note.gnu.build-id=${note}`, program, join(scratch, 'discarded')]);
    const bytes = readFileSync(note);
    bytes.set(Buffer.from(other, 'hex'), bytes.length - 20);
    writeFileSync(note, bytes);
    execFileSync('objcopy', ['--update-section', `.note.gnu.build-id=${note}`, program]);
    const sw = await startPrivateSwitch({ program });
    t.teardown(() => sw.stop());
    sw.addBridge({ type: 'netdev' });
    sw.appctl('ofproto/trace', 'br0', 'in_port=LOCAL');
    const where = ['--rundir', sw.rundir];
    const env = { CTINSPECTOR_LAYOUTS: join(scratch, 'made') };
    const says = new RegExp(
      `unixctl:.*\\nnot from memory: no layout for this build of ovs-vswitchd \\(build id ${other}\\); make one from its debug information: ctinspector layout make --debug-info FILE\\n`,
    );
    const live = TABLES.filter(({ name }) => sourcesOf(name).some((source) => source.name === 'memory'));
    for (const { name } of live)
      t.match(await cli(['query', `${name} | count`, ...where], { env }), { err: says }, name);
    t.match(await cli(['doctor', ...where], { env }), {
      status: 0,
      out: new RegExp(`layout +limited +build ${other} is unknown +ctinspector layout make --debug-info FILE`),
    });

    // The shipped binary is stripped: nothing can be made of it, and that is said.
    t.match(await cli(['layout', 'make', ...where], { env }), {
      status: 2,
      err: /not found in its debug information|expected an ELF file with debug information/,
    });
    const shipped = readLayout(findLayout(DEBIAN, env).file);
    const file = debugInfoFor(shipped, scratch);
    t.match(await cli(['layout', 'make', '--debug-info', file, '--build-id', other, ...where], { env }), {
      status: 0,
      out: new RegExp(other),
    });
    const made = readLayout(join(env.CTINSPECTOR_LAYOUTS, `${other}.json`));
    t.strictSame([made.names, made.numbers], [shipped.names, shipped.numbers]);
    t.match(await cli(['layout', 'check', ...where], { env }), { status: 0, out: /yes/ });
    for (const { name } of live) {
      const { err } = await cli(['query', `${name} | count`, ...where], { env });
      t.match(err, /; memory:\d+; answered/, name);
      t.notMatch(err, /not from memory/);
    }

    // The stand-in of debug information is as good as the real one, wherever both are at hand.
    const stand = makeDebugInfo(shipped, scratch);
    t.match(await cli(['layout', 'make', '--debug-info', stand, '--build-id', 'cd'.repeat(20)], { env }), {
      status: 0,
    });
    const again = readLayout(join(env.CTINSPECTOR_LAYOUTS, `${'cd'.repeat(20)}.json`));
    t.strictSame([again.names, again.numbers], [shipped.names, shipped.numbers]);
  },
);
