/** ctinspectord beside a real switch: every command by the stock ovs-appctl, OVS's Python client, raw JSON; what stands in its way; what it leaves. */
// Takes 32 s.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { DAEMON_ROWS } from '../lib/cli/daemon-rows.js';
import { DaemonClient } from '../lib/control/client.js';
import { attachMemory } from '../lib/sources/memory.js';
import { compileBpf, scratch } from './support/clang.js';
import { cli } from './support/cli.js';
import { daemonProgram, isAlive, RawClient, run, spawnDaemon, startDaemon, until } from './support/daemon.js';
import { addPorts, send, startDummy } from './support/dummy-switch.js';

const sw = await startDummy('0xf');
t.teardown(() => sw.stop());
addPorts(sw);
await send(sw);
const { rundir } = sw;
const env = { ...process.env, OVS_RUNDIR: rundir };

t.test('the stock ovs-appctl drives every command', async (t) => {
  const dir = scratch();
  writeFileSync(join(dir, 'spin.c'), 'int vm_main(void) { volatile long i = 0; for (;;) i++; }\n');
  // What ovs-appctl takes as one argument is bounded by the kernel (128 KiB): larger ones go by descriptor (below).
  writeFileSync(
    join(dir, 'hello.c'),
    '#include "ctinspector/ctinspector.h"\n#include "ctinspector/text.h"\nint vm_main(void) { print("hello\\n", 6); return 42; }\n',
  );
  const busy = readFileSync(await compileBpf(join(dir, 'hello.c'), dir)).toString('base64');
  const d = await startDaemon(rundir, { config: `log: { file: ${join(rundir, 'ctinspectord.log')} }\n` });
  t.teardown(() => d.stop());
  const id = (await d.appctl('program/load', 'name=busiest', busy)).out.trim();
  t.match(id, /^[0-9a-f]{32}$/);
  /** What each is asked with, and what its answer has. */
  const asked: Readonly<Record<string, [words: string[], has: RegExp]>> = {
    'list-commands': [[], /^Commands of ctinspectord:\n(.*\n)* {2}flow\/top +\[by=packets\|bytes\|pps\|bps\]/],
    version: [[], /^ctinspectord \(CTinspector for Open vSwitch\) \d+\.\d+/],
    'set-options': [['--format', 'text'], /^$/],
    'vlog/list': [[], /collector +INFO +OFF +INFO/],
    'vlog/set': [['ANY:file:dbg'], /^$/],
    'vlog/reopen': [[], /^$/],
    'vlog/close': [[], /^$/],
    'coverage/show': [[], /control +unixctl_request +\d/],
    'memory/show': [['collect=yes'], /executor +\d+ +\d+ +\d+/],
    'config/show': [[], /snapshots\.max_age +5000 ms/],
    'config/reload': [[], /^the configuration is in force/],
    'limits/show': [[], /questions\.at_once +\d +4/],
    pause: [['0.2'], /^reading is paused for 200 ms/],
    resume: [[], /^reading goes on/],
    'table/list': [[], /dp_flows +memory +yes/],
    'attach/show': [[], /proof .*all agree/],
    'layout/list': [[], /Debian openvswitch-switch 3\.1/],
    'cost/show': [[], /dp_flows +\d+ +0/],
    'snapshot/take': [['dp_flows'], /dp_flows, generation \d+: 10 rows/],
    'snapshot/list': [[], /dp_flows +\d+ +10 /],
    'snapshot/show': [['dp_flows'], /snapshot taken from/],
    doctor: [[], /11 checks, 11 ok/],
    'table/show': [['ports', 'max=2'], /cut off after 2 rows: 3 more rows; max=N/],
    query: [
      ['max-age=60', 'limit=1', 'dp_flows', '|', 'count by in_port'],
      /cut off after 1 row: 2 more rows; limit=N/,
    ],
    explain: [['dp_flows | count'], /eBPF, \d+ slots/],
    'flow/show': [['udp and tp_dst = 53'], /tp_dst|udp\(/],
    'flow/top': [['by=bytes', 'n=3', 'udp'], /3 rows of 10 flows/],
    'flow/masks': [[], /mask_shape +count\n/],
    'ct/show': [['zone=7', 'max=5'], /0 rows of 0 connections/],
    'port/show': [[], /p0 +dummy-pmd +2/],
    'pmd/show': [[], /5 rows of 5 threads/],
    'program/wait': [[id], /^exited, result 42/],
    'program/list': [[], new RegExp(`${id} +busiest +done`)],
    'program/show': [[id.slice(0, 8)], /end +exited/],
    'program/log': [[id], /^hello\n$/],
    'program/kill': [[id], /is done/],
  };
  t.equal((await d.appctl('snapshot/take', 'dp_flows')).status, 0);
  for (const row of DAEMON_ROWS) {
    if (row.name === 'exit' || row.name === 'program/load') continue;
    const [words, has] = asked[row.name]!;
    const { status, out, err } = await d.appctl(row.name, ...words);
    t.same([status, err], [0, ''], row.name);
    t.match(out, has, row.name);
  }
  t.match(await d.appctl('nope'), { status: 2, err: /there is no command 'nope'/ });
  const rates = await d.appctl('query', 'dp_flows | where pps >= 0 | count');
  t.match(rates, { status: 0, out: /^10\n(.*\n)*two samples \d+ ms apart/ }, 'two samples');
  t.match(await d.appctl('query', 'dp_flows | changes since /etc/passwd'), { status: 2, err: /reads no file/ });
  t.match(await d.appctl('flow/tops'), { status: 2, err: /is it flow\/show\?/ });
  t.match(await d.appctl('table/show'), { status: 2, err: /TABLE is missing; usage: table\/show TABLE \[max=N\]/ });
  t.match(await d.appctl('flow/top', 'n=-1'), { status: 2, err: /n: expected a whole number from 1/ });
  t.match(await d.appctl('flow/show', 'tcp | limit 1'), { status: 2, err: /expected a condition but received stages/ });
  t.match(await d.appctl('query', 'dp_flows | whre tcp'), { status: 2, err: /\^/ });
  t.match(await d.appctl('program/load', '/etc/passwd'), { status: 2, err: /names of files are not taken/ });
  t.match(await d.appctl('program/load', 'AAAAAAAAAAAAAAAA'), { status: 2, err: /ELF|object/i });

  // One that does not end by itself is ended.
  const spin = (
    await d.appctl(
      'program/load',
      'name=spin',
      'fuel=999999999999',
      readFileSync(await compileBpf(join(dir, 'spin.c'), dir)).toString('base64'),
    )
  ).out.trim();
  t.match((await d.appctl('program/wait', 'timeout=0.1', spin)).out, /has not ended/);
  t.equal((await d.appctl('query', 'ports | count')).status, 0, 'questions are answered beside it');
  await d.appctl('program/kill', spin);
  t.match((await d.appctl('program/wait', spin)).out, /^killed: killed by program\/kill/);

  t.equal((await d.appctl('exit')).status, 0);
  await once(d.child, 'exit');
  t.equal(d.child.exitCode, 0);
  t.same(
    readdirSync(rundir).filter((name) => /^ctinspectord\.(pid|\d)/.test(name)),
    [],
    'nothing is left',
  );
});

t.test("OVS's Python client, text and JSON", async (t) => {
  const d = await startDaemon(rundir);
  t.teardown(() => d.stop());
  const script = `
import json, sys
import ovs.unixctl.client
error, client = ovs.unixctl.client.UnixctlClient.create(sys.argv[1])
assert error == 0, error
print(json.dumps([client.transact("version", []), client.transact("query", ["ports | count"]), client.transact("nope", []),
  client.transact("set-options", ["--format", "json"]), client.transact("query", ["max-age=60", "ports | count"]), client.transact("version", [])]))
`;
  const { out, err } = await run('/usr/bin/python3', ['-', d.socketPath], env, script);
  t.equal(err, '');
  const [version, ports, nope, set, json, plain] = JSON.parse(out) as [number, string | null, string | null][];
  t.match(version, [0, null, /^ctinspectord/]);
  t.match(ports, [0, null, /^5\n/]);
  t.match(nope, [0, /there is no command/, null]);
  t.equal(set![1], null);
  t.match(json![2], /'rows': \[\{'count': 5\}\]/, 'an object, which this client prints as one of its own');
  t.match(plain![2], /'reply-format': 'plain', 'reply': 'ctinspectord/);
});

t.test('raw JSON: requests back to back and in pieces, wrong ones, too deep, too large', async (t) => {
  const d = await startDaemon(rundir, { config: 'unixctl: { clients: 250, stall_timeout: 500ms }\n' });
  t.teardown(() => d.stop());
  const client = await RawClient.open(d.socketPath);
  const request = (id: unknown, method: string, ...params: string[]) => JSON.stringify({ id, method, params });
  client.socket.write(request(1, 'version') + request('two', 'nope"}{') + request(null, 'vlog/list'));
  const [first, second, third] = await client.replies(3);
  t.match(first, { id: 1, result: /^ctinspectord/, error: null });
  t.match(second, { id: 'two', result: null, error: /there is no command/ });
  t.match(third, { id: null, result: /supervisor/ });
  client.text = '';
  for (const byte of Buffer.from(request(4, 'query', 'ports | where name = "ö{\\"" | count'))) {
    client.socket.write(Buffer.from([byte]));
    if (byte % 16 === 0) await sleep(1);
  }
  t.match(await client.replies(1), [{ id: 4 }]);
  client.text = '';
  client.send('set-options', ['--format=json'], 5);
  client.send('query', ['limit=2', 'ports'], 6);
  client.send('vlog/list', [], 7);
  client.send('query', ['what'], 8);
  const [set, rows, plain, wrong] = await client.replies(4);
  t.match(set, { id: 5, error: null });
  t.match(rows, {
    id: 6,
    result: { rows: [{ name: 'ovs-dummy' }, { name: 'p0' }], footer: { cut: { shown: 2, of: 5, why: 'rows' } } },
  });
  t.match(plain, { id: 7, result: { 'reply-format': 'plain', reply: /supervisor/ } });
  t.match(wrong, { id: 8, result: null, error: /there is no table/ });
  client.text = '';
  client.send(7, [], 9);
  client.send('version', [1], 10);
  client.send('set-options', ['--format', 'xml'], 11);
  t.match(await client.replies(3), [
    { error: /name of a method/ },
    { error: /list of texts/ },
    { error: /expected --format text/ },
  ]);

  for (const [what, bytes] of [
    ['no object', '[1]'],
    ['not JSON', '{"id":1,"method":}'],
    ['too deep', `{"id":${'['.repeat(100)}`],
    ['too large', `{"id":"${'x'.repeat(9 << 20)}`],
  ] as const) {
    const bad = await RawClient.open(d.socketPath);
    bad.socket.write(bytes);
    await until(what, () => bad.isClosed);
    t.pass(`${what} is hung up on`);
  }

  // One that asks and never reads is dropped; others do not notice.
  const deaf = connect(d.socketPath);
  await once(deaf, 'connect');
  deaf.pause();
  deaf.on('error', () => {});
  for (let i = 0; i < 3000; i++) deaf.write(request(i, 'list-commands'));
  t.match(await d.appctl('version'), { status: 0 });
  await until('the stalled client to be dropped', () => d.console().includes('took nothing of its reply'));
  deaf.destroy();

  // 200 at once, each its own question and its own answer.
  const many = await Promise.all(Array.from({ length: 200 }, () => RawClient.open(d.socketPath)));
  const begin = Date.now();
  for (const [i, one] of many.entries()) one.send('query', [`ports | where odp_port < ${i % 4} | count`], i);
  const answers = await Promise.all(many.map((one) => one.replies(1)));
  t.ok(
    answers.every(
      ([reply], i) => reply!.id === i && reply!.error === null && String(reply!.result).startsWith(`${i % 4}\n`),
    ),
  );
  t.comment(`200 questions at once: ${Date.now() - begin} ms`);
  const cost = await d.appctl('cost/show');
  t.ok(Number(/ports +(\d+)/.exec(cost.out)?.[1]) < 20, 'and a few readings');
  for (const one of many) one.socket.destroy();

  // 200 processes of ovs-appctl, and one more than is allowed.
  const all = await Promise.all(Array.from({ length: 200 }, () => d.appctl('version')));
  t.ok(
    all.every(({ status }) => status === 0),
    '200 ovs-appctl at once',
  );
  const crowd = await Promise.all(Array.from({ length: 251 }, () => RawClient.open(d.socketPath)));
  await until('the last to be refused', () => crowd.some(({ isClosed }) => isClosed));
  for (const one of crowd) one.socket.destroy();
  await until('room again', async () => (await d.appctl('version')).status === 0);
});

t.test('the pidfile and what stands in the place of the sockets', async (t) => {
  const pidfile = join(rundir, 'ctinspectord.pid');
  writeFileSync(pidfile, '999999\n');
  for (const kind of ['ctl', 'cti', 'col']) writeFileSync(join(rundir, `ctinspectord.999999.${kind}`), '');
  let d = await startDaemon(rundir);
  t.equal(readFileSync(pidfile, 'utf8'), `${d.pid}\n`, 'a stale pidfile is replaced');
  for (const kind of ['ctl', 'cti', 'col'])
    t.notOk(existsSync(join(rundir, `ctinspectord.999999.${kind}`)), `and the socket beside it goes: ${kind}`);
  t.equal(statSync(d.socketPath).mode & 0o777, 0o750);

  const second = spawnDaemon(rundir);
  let said = '';
  second.stderr!.on('data', (text) => {
    said += text;
  });
  await once(second, 'close');
  t.equal(second.exitCode, 2);
  t.match(said, new RegExp(`is locked by process ${d.pid}: ctinspectord runs there already`));
  t.equal((await d.appctl('version')).status, 0, 'the first does not notice');
  t.same(
    readdirSync(rundir).filter((name) => name.includes('.tmp')),
    [],
  );
  d.child.kill('SIGKILL');
  await once(d.child, 'exit');
  t.match(
    await run('ovs-appctl', ['-t', 'ctinspectord', 'version'], env),
    { status: 1, err: /cannot read pidfile .*No such process/ },
    'ovs-appctl sees that it is stale',
  );

  for (const [what, before] of [
    ['a symbolic link', `ln -s ${join(rundir, 'conf.db')} ${rundir}/ctinspectord.$$.ctl`],
    ['a FIFO', `mkfifo ${rundir}/ctinspectord.$$.ctl`],
    ['a file', `echo > ${rundir}/ctinspectord.$$.ctl`],
    [
      'a socket',
      `python3 -c "import socket,os,time
s=socket.socket(socket.AF_UNIX);s.bind('${rundir}/ctinspectord.'+str(os.getppid())+'.ctl');s.listen()
if os.fork(): os._exit(0)
os.close(2);time.sleep(3)"`,
    ],
  ] as const) {
    d = await startDaemon(rundir, { before });
    t.match(await d.appctl('version'), { status: 0, out: /^ctinspectord/ }, what);
    t.match(d.console(), new RegExp(`${what} was in the place of`));
    await d.stop();
  }
  t.ok(statSync(join(rundir, 'conf.db')).size > 1000, 'what the link named is as it was');

  for (const [what, before, says] of [
    ['a directory for the socket', `mkdir ${rundir}/ctinspectord.$$.ctl`, /a directory is in its place/],
    ['a FIFO for the pidfile', `mkfifo ${pidfile}`, /expected a file but found a FIFO/],
    [
      'a link for the pidfile',
      `rm -f ${pidfile}; ln -s ${join(rundir, 'conf.db')} ${pidfile}`,
      /expected a file but found a symbolic link/,
    ],
  ] as const) {
    const child = spawnDaemon(rundir, { before });
    said = '';
    child.stderr!.on('data', (text) => {
      said += text;
    });
    await once(child, 'close');
    t.equal(child.exitCode, 2, what);
    t.match(said, says, what);
    execFileSync('sh', ['-c', `rm -rf ${rundir}/ctinspectord.pid ${rundir}/ctinspectord.${child.pid}.*`]);
  }

  // A run directory without rights, and one that is not there.
  const closed = join(rundir, 'closed');
  mkdirSync(closed);
  writeFileSync(join(closed, 'ctinspectord.yaml'), '');
  chmodSync(rundir, 0o755);
  chmodSync(closed, 0o755);
  const bin = join(process.cwd(), 'dist/daemon/bin.js');
  const asNobody = await run(
    'setpriv',
    ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, bin, '--rundir', closed],
    env,
  );
  t.match(asNobody, { status: 2, err: /create the pidfile .*Permission denied/ });
  t.match(await run(process.execPath, [bin, '--rundir', '/nowhere/at/all'], env), {
    status: 2,
    err: /run directory \/nowhere/,
  });
});

t.test('logs: levels, logrotate; rights of the parts; readiness', async (t) => {
  const file = join(rundir, 'log.json');
  const listener = `import socket,sys
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);s.bind(sys.argv[1]);s.settimeout(20)
for i in range(int(sys.argv[2])): print(s.recv(100).decode(), flush=True)`;
  const notify = join(rundir, 'notify');
  const told = run('/usr/bin/python3', ['-c', listener, notify, '4'], env);
  await until('the listener', () => existsSync(notify));
  const d = await startDaemon(rundir, {
    config: `log: { file: ${file}, level: info }\n`,
    env: { NOTIFY_SOCKET: notify, WATCHDOG_USEC: '200000' },
  });
  t.teardown(() => d.stop());
  const messages = (await told).out.trim().split('\n');
  t.same(messages, ['READY=1', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);

  const lines = () =>
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: string; module: string; msg: string });
  t.match(lines(), [{ level: 'info', module: 'parts' }]);
  await d.appctl('query', 'max-age=0', 'ports | count');
  t.notOk(lines().some(({ level }) => level === 'debug'));
  await d.appctl('vlog/set', 'collector:file:dbg');
  t.match((await d.appctl('vlog/list')).out, /collector +INFO +OFF +DBG/);
  await d.appctl('query', 'max-age=0', 'ports | count');
  await until('the debug line', () => lines().some(({ level, msg }) => level === 'debug' && msg === 'read ports'));
  t.match(await d.appctl('vlog/set', 'nonsense:dbg'), { status: 2, err: /is no module/ });
  t.match(await d.appctl('vlog/set', 'syslog:info'), { status: 2, err: /no syslog/ });
  // As OVS's logrotate script does, for every socket of the directory.
  renameSync(file, `${file}.1`);
  for (const name of readdirSync(rundir).filter((one) => /^ctinspectord.*\.ctl$/.test(one)))
    t.equal(
      (await run('ovs-appctl', ['-t', join(rundir, name), 'vlog/reopen'], env)).status,
      0,
      name.replace(/\d+/, 'N'),
    );
  await d.appctl('vlog/set', 'ANY:file:dbg');
  await d.appctl('query', 'max-age=0', 'ports | count');
  await until('lines in the new file', () => existsSync(file) && lines().some(({ msg }) => msg === 'read ports'));

  const parts = await d.parts();
  const statusOf = (pid: number, key: string) =>
    new RegExp(`^${key}:\\s+(\\S+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  for (const part of ['control', 'executor']) {
    t.equal(statusOf(parts[part]!, 'Uid'), '65534', `${part} is nobody`);
    for (const set of ['CapEff', 'CapPrm', 'CapBnd'])
      t.equal(statusOf(parts[part]!, set), '0000000000000000', `${part} ${set}`);
    t.equal(statusOf(parts[part]!, 'NoNewPrivs'), '1');
  }
  t.equal(statusOf(parts.collector!, 'CapEff'), '0000000000080002', 'the collector has SYS_PTRACE and DAC_OVERRIDE');
  for (const fd of readdirSync(`/proc/${parts.executor}/fd`)) {
    const target = execFileSync('readlink', [`/proc/${parts.executor}/fd/${fd}`], { encoding: 'utf8' }).trim();
    t.notMatch(target, /ctinspectord\.|ovs-vswitchd|mem$/, `executor has ${target}`);
  }
  await d.stop();
  for (const pid of Object.values(parts)) t.notOk(isAlive(pid), 'ended');
});

t.test('collector.page_tables: two rights more, and a program in the kernel for counters alone', async (t) => {
  for (const [setting, rights] of [
    [false, '0000000000080002'],
    [true, '000000c000080002'],
  ] as const) {
    const d = await startDaemon(rundir, { config: `collector: { page_tables: ${setting} }\n` });
    t.teardown(() => d.stop());
    // The second is of counters alone.
    for (let i = 0; i < 2; i++) t.equal((await d.appctl('query', 'max-age=0', 'dp_flows | count')).status, 0);
    t.match((await d.appctl('coverage/show')).out, /refreshed_dp_flows +1/);
    const { collector } = await d.parts();
    const status = readFileSync(`/proc/${collector}/status`, 'utf8');
    t.equal(/^CapEff:\s+(\S+)/m.exec(status)?.[1], rights, 'with PERFMON and BPF only if asked for');
    const fds = readdirSync(`/proc/${collector}/fd`).map((fd) =>
      execFileSync('readlink', [`/proc/${collector}/fd/${fd}`], { encoding: 'utf8' }),
    );
    const { whyCopied } = (await attachMemory({ rundir })).attachment;
    if (setting && whyCopied !== null) t.comment(`not tried here: ${whyCopied}`);
    else t.equal(fds.filter((target) => target.includes('bpf')).length, setting ? 2 : 0, 'a map and a program');
    await d.stop();
  }
});

t.test('the configuration: reload by signal and command, refused whole', async (t) => {
  const d = await startDaemon(rundir, { config: 'snapshots: { max_age: 7s }\n' });
  t.teardown(() => d.stop());
  const shown = async (key: string) =>
    new RegExp(`^${key.replace('.', '\\.')} +(\\S+)`, 'm').exec((await d.appctl('config/show')).out)?.[1];
  t.equal(await shown('snapshots.max_age'), '7000');
  writeFileSync(d.configFile, 'snapshots:\n  max_age: 9s\n  keep: soon\nreply: { rows: 5 }\n');
  const refused = await d.appctl('config/reload');
  t.match(refused, {
    status: 2,
    err: /ctinspectord\.yaml, line 3: snapshots\.keep: expected a time .* received 'soon'/,
  });
  t.equal(await shown('snapshots.max_age'), '7000', 'none of it is in force');
  t.equal(await shown('reply.rows'), '1000');
  writeFileSync(d.configFile, 'snapshots: { max_age: 9s }\nreply: { rows: 2 }\nsocket: { mode: "0700" }\n');
  d.child.kill('SIGHUP');
  await until('the new configuration', async () => (await shown('snapshots.max_age')) === '9000');
  t.match((await d.appctl('table/show', 'ports')).out, /cut off after 2 rows/, 'it is in force everywhere');
  t.match((await d.appctl('config/reload')).out, /needs a restart: socket\.mode/);
});

t.test('names of the configuration, in questions and explain', async (t) => {
  const names = join(rundir, 'names');
  writeFileSync(names, 'let dns = udp and tp_dst = 53\n');
  const d = await startDaemon(rundir, { config: `questions: { names: ${names} }\n` });
  t.teardown(() => d.stop());
  t.match(await d.appctl('query', 'dp_flows | where dns | count'), { status: 0, out: /^3\n/ });
  t.match(await d.appctl('explain', 'dp_flows | where dns | count'), { status: 0, out: /tp_dst/ });
  t.match(await d.appctl('flow/show', 'dns'), { status: 0, out: /3 rows/ });
  writeFileSync(names, 'let dns = udp\nlet web = tp_dst in {80, \n');
  t.match(await d.appctl('config/reload'), { status: 2, err: /questions\.names: .*names:2: / }, 'refused whole');
  t.match(await d.appctl('query', 'dp_flows | where dns | count'), { status: 0, out: /^3\n/ });
  writeFileSync(names, 'let dns = udp\n');
  t.equal((await d.appctl('config/reload')).status, 0);
  t.match(await d.appctl('query', 'dp_flows | where dns | count'), { status: 0, out: /^10\n/ });
  process.kill((await d.parts()).executor!, 'SIGKILL');
  t.match(
    await d.appctl('query', 'dp_flows | where dns | count'),
    { status: 0, out: /^10\n/ },
    'a new executor has them',
  );
  writeFileSync(d.configFile, 'questions: { names: /no/such/file }\n');
  t.match(await d.appctl('config/reload'), { status: 2, err: /questions\.names: .*no such file/i });
  const check = await run(process.execPath, [daemonProgram, '--check-config', '--config', d.configFile], env);
  t.match(check, { status: 2, err: /questions\.names: .*no such file/i });
});

t.test('what program/load takes as a descriptor: a file or a memfd, of bounded size', async (t) => {
  const d = await startDaemon(rundir);
  t.teardown(() => d.stop());
  const dir = scratch();
  const fifo = join(dir, 'fifo');
  const large = join(dir, 'large');
  const empty = join(dir, 'empty');
  execFileSync('mkfifo', [fifo]);
  execFileSync('truncate', ['-s', '40M', large]);
  writeFileSync(empty, '');
  for (const [file, says] of [
    [fifo, /received one of a FIFO or pipe/],
    ['/dev/zero', /received one of a device/],
    [dir, /received one of a directory/],
    [large, /1 to 33554432 bytes but received one of 41943040/],
    [empty, /but received one of 0/],
  ] as const) {
    const loaded = await cli(['ctl', '--rundir', rundir, 'program/load', file]);
    t.match(loaded, { status: 2, err: says }, file.replace(dir, ''));
  }
  // One that can be written only.
  const client = new DaemonClient(rundir);
  t.teardown(() => client.close());
  const fd = openSync(join(dir, 'w'), 'w');
  writeSync(fd, 'x');
  await t.rejects(client.command('program/load', [], 'text', { fds: [fd] }), /the descriptor cannot be read: EBADF/);
  await t.rejects(client.command('program/load', [], 'text', { fds: [fd, fd] }), /one descriptor but received 2/);
  closeSync(fd);
  t.match(await d.appctl('memory/show'), { out: /executor +\d+ .* 0\n/ }, 'the executor is the first');
});

t.test('pause: nothing is read, what is at hand answers', async (t) => {
  const d = await startDaemon(rundir);
  t.teardown(() => d.stop());
  t.equal((await d.appctl('query', 'ports | count')).status, 0);
  await d.appctl('pause');
  t.match(await d.appctl('query', 'max-age=0', 'ports | count'), {
    status: 2,
    err: /not read until resume: someone asked for it/,
  });
  t.match(await d.appctl('query', 'max-age=1h', 'ports | count'), { status: 0, out: /^5\n/ });
  t.match(await d.appctl('doctor'), { status: 2, err: /is not read/ });
  t.match((await d.appctl('limits/show')).out, /reading is paused/);
  process.kill((await d.parts()).collector!, 'SIGKILL');
  await until('the collector', async () => (await d.appctl('cost/show')).status === 0);
  t.match(await d.appctl('snapshot/take', 'ports'), { status: 2, err: /is not read/ }, 'a new collector keeps to it');
  await d.appctl('resume');
  t.equal((await d.appctl('query', 'max-age=0', 'ports | count')).status, 0);
  t.match((await d.appctl('resume')).out, /was not paused/);
});

t.test('two units: a collector that is started by itself, each with the rights of its unit', async (t) => {
  const rights = (unit: string) =>
    /^CapabilityBoundingSet=(.+)$/m
      .exec(readFileSync(`packaging/systemd/${unit}.service`, 'utf8'))![1]!
      .split(' ')
      .map((name) => `+${name.replace('CAP_', '').toLowerCase()}`)
      .join(',');
  const wrap = (unit: string) => [
    'setpriv',
    '--no-new-privs',
    '--inh-caps=-all',
    `--bounding-set=-all,${rights(unit)}`,
  ];
  const d = await startDaemon(rundir, {
    config: 'collector: { external: true }\n',
    before: `set -- ${wrap('ctinspectord').join(' ')} "$@"`,
  });
  t.teardown(() => d.stop());
  t.equal((await d.appctl('version')).status, 0, 'it is ready without a collector');
  const start = () => {
    const words = [
      ...wrap('ctinspectord-collector'),
      process.execPath,
      daemonProgram,
      '--part',
      'collector',
      '--connect',
      rundir,
    ];
    return spawn(words[0]!, words.slice(1), { stdio: 'ignore', env: { ...process.env, OVS_RUNDIR: '' } });
  };
  const first = start();
  t.match(await d.appctl('query', 'ports | count'), { status: 0, out: /^5\n.*memory:/s }, 'it reads memory');
  first.kill('SIGKILL');
  await once(first, 'exit');
  const stopped = start();
  t.match(await d.appctl('query', 'max-age=0', 'ports | count'), { status: 0, out: /^5\n/ }, 'and again');
  stopped.kill('SIGTERM');
  await once(stopped, 'exit');
  t.equal(stopped.exitCode, 0, 'it is stopped by itself, as a unit is');
  const second = start();
  t.teardown(() => void second.kill('SIGKILL'));
  t.match(
    await d.appctl('query', 'max-age=0', 'ports | count'),
    { status: 0, out: /^5\n/ },
    'and again when it comes again',
  );
  t.match(await d.appctl('memory/show'), { out: new RegExp(`collector +${second.pid} `) });
  await d.stop();
  if (second.exitCode === null) await once(second, 'exit');
  t.equal(second.exitCode, 0, 'it ends with the daemon');
});

t.test(
  'the units as systemd judges them',
  { skip: existsSync('/usr/bin/systemd-analyze') ? false : 'no systemd-analyze here' },
  (t) => {
    for (const [unit, most] of [
      ['ctinspectord', 2.5],
      ['ctinspectord-collector', 3.0],
    ] as const) {
      const file = `packaging/systemd/${unit}.service`;
      const out = execFileSync('systemd-analyze', ['security', '--offline=true', `--threshold=${most * 10}`, file], {
        encoding: 'utf8',
      });
      const level = Number(/exposure level for \S+: ([\d.]+)/.exec(out)?.[1]);
      t.ok(level > 0 && level <= most, `${unit}: ${level}`);
      t.notMatch(readFileSync(file, 'utf8'), /^MemoryDenyWriteExecute=yes/m);
    }
    t.end();
  },
);
