/** The control socket: a real private switch where one can do it, a fake one for what only a liar does. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { ErrorCode } from '../lib/errors.js';
import { sourcesOf } from '../lib/sources/registry.js';
import { findSwitch, unixctl, unixctlWithCost } from '../lib/sources/unixctl.js';
import { fails, temporary } from './support/expect.js';
import { asSwitch, fakeUnixctl, IS_SWITCH, result } from './support/fake-unixctl.js';
import { type PrivateSwitch, startPrivateSwitch } from './support/private-switch.js';

let real: PrivateSwitch;
t.before(async () => {
  real = await startPrivateSwitch();
});
t.teardown(() => real.stop());

t.test('a real switch is found and asked', async (t) => {
  const { rundir } = real;
  const found = await findSwitch({ rundir });
  t.strictSame(found, { socketPath: real.socketPath, pid: real.pid, version: IS_SWITCH.trim() });
  t.strictSame(await findSwitch({ target: real.socketPath }), found, 'by its socket');
  const { text, cost } = await unixctlWithCost({ rundir }, 'list-commands');
  t.equal(text, real.appctl('list-commands'));
  t.ok(cost.firstByteMs > 0 && cost.lastByteMs >= cost.firstByteMs, 'times');
  t.ok(cost.replyBytes > text.length, 'escapes are counted');
  t.ok(cost.cpuMs !== null && cost.cpuMs > 0 && cost.cpuMs < 1000, `CPU time ${cost.cpuMs}`);
  t.type(cost.rssGrowthBytes, 'number');
  const before = process.env.OVS_RUNDIR;
  process.env.OVS_RUNDIR = rundir;
  t.equal((await findSwitch()).pid, real.pid, 'by OVS_RUNDIR');
  t.match(await unixctl({ target: 'ovsdb-server' }, 'version'), /^ovsdb-server /, 'another daemon may be asked');
  if (before === undefined) delete process.env.OVS_RUNDIR;
  else process.env.OVS_RUNDIR = before;
  const source = sourcesOf('dp_flows').find(({ name }) => name === 'unixctl');
  t.match(await source!.available({ rundir }), { ok: true, detail: /3\.1\.0, process \d+, at / });
});

t.test('what the switch refuses is said in its words', async (t) => {
  const { rundir } = real;
  await fails(t, 'no such command', 'SWITCH_REFUSED', /refused "no; such": "no; such" is not a valid command/, () =>
    unixctl({ rundir }, 'no\nsuch'),
  );
  await fails(t, 'quotes and bytes', 'SWITCH_REFUSED', /: "a"b\\\\x01\\xc3\\xa9" is not a valid/, () =>
    unixctl({ rundir }, 'a"b\\\u0001é'),
  );
  await fails(t, 'no such datapath', 'SWITCH_REFUSED', /datapath not found \(Invalid argument\)/, () =>
    unixctl({ rundir }, 'dpctl/dump-flows', ['-m', 'netdev@nope']),
  );
});

t.test('no switch, a stale one, another one', async (t) => {
  const dir = temporary(t);
  const look = (options: object) => () => findSwitch({ timeoutMs: 5000, ...options });
  const pidfile = join(dir, 'ovs-vswitchd.pid');
  await fails(
    t,
    'no run directory',
    'NO_SWITCH',
    /there is no such directory.*--rundir or OVS_RUNDIR/,
    look({ rundir: `${dir}/none` }),
  );
  await fails(
    t,
    'no OVS',
    'NO_SWITCH',
    /no running ovs-vswitchd: expected its pidfile .*ovs-vswitchd.pid, but there is none\./,
    look({ rundir: dir }),
  );
  await fails(
    t,
    'no such daemon',
    'NO_SWITCH',
    /ovn.pid, but there is none; what is there: .*ovs-vswitchd.\d+.ctl/,
    look({ rundir: real.rundir, target: 'ovn' }),
  );
  await fails(t, 'no such socket', 'NO_SWITCH', /there is no control socket/, look({ target: `${dir}/x.ctl` }));
  for (const source of sourcesOf('dp_flows')) {
    t.match(await source.available({ rundir: dir }), { ok: false, reason: { code: 'NO_SWITCH' } }, source.name);
  }

  for (const [what, text] of [
    ['letters', 'hello\n'],
    ['nothing', ''],
    ['a sign', '-1\n'],
    ['too much', '99999999999999\n'],
    ['two', '1 2\n'],
  ] as const) {
    writeFileSync(pidfile, text);
    await fails(
      t,
      `a pidfile with ${what}`,
      'SWITCH_STALE',
      /expected a process id in the pidfile .* but received '/,
      look({ rundir: dir }),
    );
  }
  writeFileSync(pidfile, `${process.pid}\n`);
  await fails(
    t,
    'a pidfile that nobody locks',
    'SWITCH_STALE',
    new RegExp(`names process ${process.pid}, but no process holds its lock`),
    look({ rundir: dir }),
  );
  rmSync(pidfile);
  execFileSync('mkfifo', [pidfile]);
  await fails(t, 'a FIFO as pidfile', 'SWITCH_STALE', /it is not a regular file/, look({ rundir: dir }));
  rmSync(pidfile);
  mkdirSync(pidfile);
  await fails(t, 'a directory as pidfile', 'SWITCH_STALE', /it is not a regular file/, look({ rundir: dir }));
  rmSync(pidfile, { recursive: true });

  await fails(
    t,
    'ovsdb-server by name',
    'SWITCH_FOREIGN',
    /answers "version" with: ovsdb-server \(Open vSwitch\)/,
    look({ rundir: real.rundir, target: 'ovsdb-server' }),
  );
  symlinkSync(join(real.rundir, 'ovs-vswitchd.pid'), pidfile);
  await fails(
    t,
    "another switch's pidfile",
    'SWITCH_FOREIGN',
    /runs, but its control socket is not at/,
    look({ rundir: dir }),
  );
  symlinkSync(join(real.rundir, `ovsdb-server.${real.ovsdbPid}.ctl`), join(dir, `ovs-vswitchd.${real.pid}.ctl`));
  await fails(
    t,
    'another process behind the socket',
    'SWITCH_FOREIGN',
    new RegExp(`expected process ${real.pid}, .* but process ${real.ovsdbPid} listens`),
    look({ rundir: dir }),
  );

  writeFileSync(join(dir, 'file.ctl'), '');
  await fails(
    t,
    'a file as socket',
    'SWITCH_FOREIGN',
    /but it is not a socket/,
    look({ target: join(dir, 'file.ctl') }),
  );
  for (const target of ['', 'a/b', 'a\0b'])
    await fails(t, `target ${JSON.stringify(target)}`, 'INVALID_ARGUMENT', /target/, look({ rundir: dir, target }));
  for (const timeoutMs of [0, -1, 1.5, Number.NaN])
    await fails(t, `timeout ${timeoutMs}`, 'INVALID_ARGUMENT', /timeoutMs/, look({ timeoutMs }));
});

t.test('a pidfile that another process holds', async (t) => {
  const pidfile = join(real.rundir, 'ovs-vswitchd.pid');
  const text = readFileSync(pidfile, 'utf8');
  t.teardown(() => writeFileSync(pidfile, text));
  writeFileSync(pidfile, `${process.pid}\n`);
  await fails(
    t,
    'pid changed',
    'SWITCH_STALE',
    new RegExp(`names process ${process.pid}, but process ${real.pid} holds its lock`),
    () => findSwitch({ rundir: real.rundir }),
  );
});

t.test('a switch in a container, whose pidfile has the pid it has there', async (t) => {
  const rundir = temporary(t);
  const args = [
    '--net',
    '--pid',
    '--fork',
    '--kill-child',
    'ovs-vswitchd',
    'unix:/nowhere',
    '--pidfile',
    '--no-chdir',
    '-vconsole:off',
  ];
  const child = spawn('unshare', args, {
    env: { ...process.env, OVS_RUNDIR: rundir, OVS_LOGDIR: rundir },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for (let i = 0; i < 3000 && !existsSync(join(rundir, 'ovs-vswitchd.1.ctl')); i++) await sleep(20);
  t.equal(readFileSync(join(rundir, 'ovs-vswitchd.pid'), 'utf8'), '1\n');
  const { pid, socketPath } = await findSwitch({ rundir });
  t.equal(socketPath, join(rundir, 'ovs-vswitchd.1.ctl'));
  t.match(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
    new RegExp(`PPid:\\s${child.pid}\\n`),
    'the pid is the one it has here',
  );
  t.type((await unixctlWithCost({ rundir }, 'version')).cost.cpuMs, 'number', 'so its cost is seen');
  child.kill('SIGKILL');
  await ended;
});

t.test('no rights', { skip: process.getuid?.() !== 0 && 'needs root, to give rights up' }, async (t) => {
  const nobody = async (what: string, message: RegExp, run: () => Promise<unknown>) => {
    process.setegid?.(65534);
    process.seteuid?.(65534);
    try {
      await fails(t, what, 'NO_RIGHTS', message, run);
    } finally {
      process.seteuid?.(0);
      process.setegid?.(0);
    }
  };
  execFileSync('chmod', ['755', real.rundir]);
  await nobody(
    'the socket',
    /connect to .*: Permission denied; it belongs to uid 0, gid 0, mode 0750, and this is uid 65534/,
    () => findSwitch({ rundir: real.rundir }),
  );
  execFileSync('chmod', ['700', real.rundir]);
  await nobody('the run directory', /open pidfile .*: Permission denied/, () => findSwitch({ rundir: real.rundir }));
});

t.test('a daemon that does not keep to the protocol', async (t) => {
  const cases: [string, ErrorCode, RegExp, (id: number, socket: Socket) => void][] = [
    [
      'closes at once',
      'SWITCH_CLOSED',
      /closed the connection after 0 bytes of its reply to "x"/,
      (_, socket) => socket.destroy(),
    ],
    [
      'closes mid-reply',
      'SWITCH_CLOSED',
      /after 26 bytes of its reply to "x".*No partial answer/,
      (id, socket) => socket.end(`{"id":${id},"result":"half a w`),
    ],
    [
      'garbage',
      'PROTOCOL',
      /expected '\{' at its byte 0 but received 'H'/,
      (_, socket) => socket.write('HTTP/1.1 400 Bad Request\r\n'),
    ],
    [
      'another id',
      'PROTOCOL',
      /expected the reply to request 1 but received one with id 2/,
      (_, socket) => socket.write(result(2, 'a')),
    ],
    [
      'no result',
      'PROTOCOL',
      /with neither/,
      (id, socket) => socket.write(JSON.stringify({ id, result: null, error: null })),
    ],
    [
      'an object',
      'PROTOCOL',
      /"result" is neither text nor null/,
      (id, socket) => socket.write(JSON.stringify({ id, result: {} })),
    ],
    ['something after', 'PROTOCOL', /expected nothing more/, (id, socket) => socket.write(`${result(id, 'a')}{`)],
    [
      'an error',
      'SWITCH_REFUSED',
      /refused "x": no \\x1b\[31m; way$/,
      (id, socket) => socket.write(JSON.stringify({ id, error: 'no \x1b[31m\nway\n' })),
    ],
    [
      'a huge error',
      'SWITCH_REFUSED',
      /^.{500,700}$/,
      (id, socket) => socket.write(JSON.stringify({ id, error: 'e'.repeat(5_000_000) })),
    ],
    [
      'silence',
      'SWITCH_TIMEOUT',
      /did not give its reply to "x" within 300 ms \(received so far: 0 bytes\).*--timeout/,
      () => {},
    ],
  ];
  for (const [what, code, message, answer] of cases) {
    const fake = await fakeUnixctl(({ id }, socket) => answer(id, socket));
    await fails(t, what, code, message, () =>
      unixctl({ target: fake.path, timeoutMs: what === 'silence' ? 300 : 60_000 }, 'x'),
    );
    await fake.close();
  }
});

t.test('a reply that does not end is bounded in size and time', async (t) => {
  const endless = await fakeUnixctl(({ id }, socket) => {
    const piece = 'a'.repeat(1 << 20);
    const more = () => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on('drain', more);
    socket.write(`{"id":${id},"result":"`);
    more();
  });
  await fails(t, 'endless', 'PROTOCOL', /more text than the 16777216 bytes allowed/, () =>
    unixctl({ target: endless.path }, 'x'),
  );
  await endless.close();

  const drip = await fakeUnixctl(({ id }, socket) => {
    socket.write(`{"id":${id},"result":"`);
    const timer = setInterval(() => socket.write('a'), 10);
    socket.on('close', () => clearInterval(timer));
  });
  const started = Date.now();
  await fails(t, 'slow drip', 'SWITCH_TIMEOUT', /within 400 ms \(received so far: [1-9]\d+ bytes\)/, () =>
    unixctl({ target: drip.path, timeoutMs: 400 }, 'x'),
  );
  t.ok(Date.now() - started < 30_000, 'the deadline is for all of it');
  await drip.close();
});

t.test('whoever answers must be ovs-vswitchd', async (t) => {
  for (const version of ['ovs-vswitchd2 (Open vSwitch) 3.1.0\n', 'qemu 7.2', '']) {
    const fake = await fakeUnixctl(({ id }, socket) => socket.write(result(id, version)));
    await fails(t, version, 'SWITCH_FOREIGN', /expected ovs-vswitchd behind/, () => findSwitch({ target: fake.path }));
    await fake.close();
  }
  const unknown = await fakeUnixctl(({ id }, socket) => socket.write(JSON.stringify({ id, error: 'what?' })));
  await fails(t, 'knows no version', 'SWITCH_FOREIGN', /what\?/, () => findSwitch({ target: unknown.path }));
  await unknown.close();
});

t.test('a wait is cancelled at once and does not block the event loop', async (t) => {
  const fake = await fakeUnixctl(asSwitch(() => {}));
  await fails(t, 'aborted before', 'CANCELLED', /stopped on request/, () =>
    unixctl({ target: fake.path, signal: AbortSignal.abort() }, 'x'),
  );
  const abort = new AbortController();
  // Only an event loop that goes on gets there.
  let ticks = 0;
  const timer = setInterval(() => ++ticks === 30 && abort.abort(), 5);
  const started = Date.now();
  await fails(t, 'aborted during', 'CANCELLED', /stopped on request/, () =>
    unixctl({ target: fake.path, signal: abort.signal, timeoutMs: 60_000 }, 'x'),
  );
  clearInterval(timer);
  t.ok(Date.now() - started < 30_000, `cancelled after ${Date.now() - started} ms`);
  await Promise.all(Array.from({ length: 20 }, () => findSwitch({ target: fake.path })));
  await fake.close();
});

t.test('a socket path longer than a socket address holds', async (t) => {
  const dir = join(temporary(t), 'd'.repeat(150));
  mkdirSync(dir);
  // A server cannot bind there either but through a short name of the directory.
  const short = join(temporary(t), 's');
  symlinkSync(dir, short);
  const server = createServer((socket) => socket.on('data', () => socket.write(result(1, IS_SWITCH))));
  await new Promise<void>((resolve) => server.listen(join(short, 'x.ctl'), resolve));
  t.equal((await findSwitch({ target: join(dir, 'x.ctl') })).pid, process.pid);
  await fails(t, 'a name too long', 'INVALID_ARGUMENT', /expected a socket's path/, () =>
    findSwitch({ target: join(dir, 'x'.repeat(150)) }),
  );
  server.close();
});

t.test('a process that ends while a request waits ends at once', async (t) => {
  const fake = await fakeUnixctl(() => {});
  const lib = new URL('../lib/sources/unixctl.ts', import.meta.url).href;
  for (const [what, script, status] of [
    [
      'exit',
      `setTimeout(() => process.exit(3), 200); await findSwitch({ target: ${JSON.stringify(fake.path)}, timeoutMs: 600_000 });`,
      3,
    ],
    [
      'exception',
      `setTimeout(() => { throw new Error('x') }, 200); await findSwitch({ target: ${JSON.stringify(fake.path)}, timeoutMs: 600_000 });`,
      1,
    ],
  ] as const) {
    const started = Date.now();
    const child = spawnSync(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', `import { findSwitch } from ${JSON.stringify(lib)}; ${script}`],
      { timeout: 120_000 },
    );
    t.equal(child.status, status, `${what}: ${child.stderr}`);
    t.ok(Date.now() - started < 100_000, what);
  }
  await fake.close();
});

t.test('a real switch that is stopped, then killed', async (t) => {
  const own = await startPrivateSwitch();
  t.teardown(() => own.stop());
  const { rundir } = own;
  await own.kill('SIGSTOP');
  await fails(t, 'stopped', 'SWITCH_TIMEOUT', /It may be busy or stopped/, () =>
    findSwitch({ rundir, timeoutMs: 300 }),
  );
  await own.kill('SIGCONT');
  t.equal((await findSwitch({ rundir })).pid, own.pid, 'goes on');
  await own.kill('SIGSTOP');
  setTimeout(() => void own.kill('SIGKILL'), 1500);
  await fails(t, 'killed while asked', 'SWITCH_CLOSED', /\(process \d+\) closed the connection after 0 bytes/, () =>
    findSwitch({ rundir }),
  );
  await fails(t, 'its pidfile', 'SWITCH_STALE', /no process holds its lock: that ovs-vswitchd has gone/, () =>
    findSwitch({ rundir }),
  );
  await fails(t, 'its socket', 'SWITCH_STALE', /nobody listens/, () => findSwitch({ target: own.socketPath }));
});
