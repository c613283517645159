/** dp_flows from a real switch and from files, as snapshots in JavaScript: rows, cells, memory, and what is left when it fails. */
// Takes 10 s.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { packageRoot } from '../lib/addon.js';
import type { ErrorCode } from '../lib/errors.js';
import { captureDpFlows, readDpFlowsFile } from '../lib/sources/dp-flows.js';
import { jsonCell } from '../lib/tables/format.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';
import { TableView } from '../lib/tables/view.js';
import { fails, openFds, temporary } from './support/expect.js';
import { asSwitch, fakeUnixctl, result } from './support/fake-unixctl.js';
import { type PrivateSwitch, startPrivateSwitch } from './support/private-switch.js';

const MANY = 30_000;
const fixture = (name: string) => new URL(`fixtures/dumps/${name}`, import.meta.url).pathname;
const flowsOf = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('flow-dump from'));
const rowsOf = (snapshot: TableSnapshot) =>
  Array.from({ length: snapshot.facts.nRows }, (_, row) => snapshot.rowText(row));
const mappedMemfds = () => readFileSync('/proc/self/maps', 'utf8').split('memfd:').length - 1;
const collect = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

let real: PrivateSwitch;
t.before(async () => {
  real = await startPrivateSwitch();
});
t.teardown(() => real.stop());

/** Two datapaths with megaflows that OVS itself made of packets; nothing removes them. */
function addDatapaths(own: PrivateSwitch): void {
  own.vsctl(
    'set',
    'Open_vSwitch',
    '.',
    'other_config:max-idle=100000000',
    'other_config:max-revalidator=10000000',
    'other_config:flow-limit=300000',
  );
  for (const [bridge, type, port] of [
    ['br0', 'netdev', 'p0'],
    ['br1', 'dummy', 'p1'],
  ] as const) {
    own.addBridge({ name: bridge, type, ports: [port] });
    const eth = 'in_port(1),eth(src=50:54:00:00:00:09,dst=50:54:00:00:00:0a)';
    own.appctl(
      'netdev-dummy/receive',
      port,
      `${eth},eth_type(0x0800),ipv4(src=10.0.0.2,dst=10.0.0.1,proto=6,tos=0,ttl=64,frag=no),tcp(src=8,dst=9),tcp_flags(syn)`,
    );
    own.appctl(
      'netdev-dummy/receive',
      port,
      `${eth},eth_type(0x0806),arp(sip=1.2.3.4,tip=5.6.7.8,op=1,sha=50:54:00:00:00:09,tha=00:00:00:00:00:00)`,
    );
  }
}

function addManyFlows(own: PrivateSwitch): void {
  const lines = Array.from({ length: MANY }, (_, i) => {
    const source = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    return `in_port(2),eth(src=50:54:00:00:00:0b,dst=50:54:00:00:00:0a),eth_type(0x0800),ipv4(src=${source},dst=10.0.0.1,proto=17,tos=0,ttl=64,frag=no),udp(src=8,dst=9) 1\n`;
  });
  const file = join(own.rundir, 'flows.txt');
  writeFileSync(file, lines.join(''));
  own.appctl('dpctl/add-flows', 'netdev@ovs-netdev', file);
}

t.test('a switch without datapaths gives an empty table', async (t) => {
  const snapshot = await captureDpFlows({ rundir: real.rundir });
  t.equal(snapshot.facts.nRows, 0);
  t.equal(snapshot.segments.length, snapshot.schema.segments.length);
  t.throws(() => snapshot.rowText(0), { code: 'INVALID_ARGUMENT', message: /expected the number of a row/ });
  snapshot.close();
});

t.test('rows of every datapath, as the switch prints them', async (t) => {
  addDatapaths(real);
  const before = BigInt(Date.now()) * 1_000_000n;
  const snapshot = await captureDpFlows({ rundir: real.rundir });
  const printed = ['netdev@ovs-netdev', 'dummy@ovs-dummy'].map(
    (dp) => [dp, flowsOf(real.appctl('dpctl/dump-flows', '-m', dp))] as const,
  );
  t.strictSame(rowsOf(snapshot).sort(), printed.flatMap(([, lines]) => lines).sort());
  t.ok(snapshot.facts.nRows >= 4, `${snapshot.facts.nRows} rows`);

  const view = new TableView(snapshot);
  const cell = (row: number, name: string) => jsonCell(view.column(name), view.cell(row, view.column(name)), view);
  for (let row = 0; row < snapshot.facts.nRows; row++) {
    const [datapath] = printed.find(([, lines]) => lines.includes(snapshot.rowText(row)))!;
    const [port, number] = datapath.startsWith('netdev') ? ['p0', 2] : ['p1', 1];
    t.strictSame([cell(row, 'dp'), cell(row, 'in_port'), cell(row, 'odp_port')], [datapath, port, number]);
    t.equal(`ufid:${cell(row, 'ufid')}`, snapshot.rowText(row).slice(0, 41));
  }
  const { facts } = snapshot;
  t.equal(facts.source, `unixctl:${real.socketPath}`);
  t.ok(
    before <= facts.beginNs && facts.beginNs < facts.endNs && facts.endNs <= BigInt(Date.now() + 1) * 1_000_000n,
    'begin and end',
  );
  t.strictSame([facts.rejected, facts.unknown, facts.nVerbatim], [[], [], 0]);
  const commands = ['version', 'dpctl/dump-dps', 'dpctl/show', 'dpctl/show', 'dpctl/dump-flows', 'dpctl/dump-flows'];
  t.strictSame(
    facts.cost?.requests.map((request) => request.command),
    commands,
  );
  t.ok(facts.cost!.cpuMs! > 0 && facts.cost!.requestMs > 0 && facts.cost!.replyBytes > 1000, 'cost');

  const again = await captureDpFlows({ target: real.socketPath });
  t.ok(again.generation > snapshot.generation, 'generations increase');
  again.close();
  snapshot.close();
});

t.test('segments are sealed, shared without a copy, and private to whoever writes', async (t) => {
  const fds = openFds();
  const maps = mappedMemfds();
  const snapshot = await captureDpFlows({ rundir: real.rundir });
  const rows = snapshot.segment('rows');
  const text = rowsOf(snapshot);
  t.throws(() => writeSync(rows.fd, 'x', 0), { code: 'EPERM' }, 'the memfd');
  t.equal(rows.buffer.byteLength, rows.stride * snapshot.facts.nRows);
  const sealed = readFileSync(`/proc/self/fd/${rows.fd}`).subarray(0, rows.size);
  t.ok(sealed.equals(Buffer.from(rows.buffer)), 'buffer and memfd have the same bytes');
  new Uint8Array(rows.buffer).fill(0xff);
  new Uint8Array(snapshot.segment('blob').buffer).fill(0);
  t.ok(readFileSync(`/proc/self/fd/${rows.fd}`).subarray(0, rows.size).equals(sealed), 'a stray store hurts nobody');
  t.strictSame(rowsOf(snapshot), text, 'printing does not see it either');

  const bytes = new Uint8Array(rows.buffer);
  t.throws(() => snapshot.segment('nope'), {
    code: 'INVALID_ARGUMENT',
    message: /expected a segment of dp_flows \(rows, match/,
  });
  for (const row of [-1, 0.5, Number.NaN, 2 ** 40, snapshot.facts.nRows]) {
    t.throws(() => snapshot.rowText(row), { code: 'INVALID_ARGUMENT' }, `row ${row}`);
    t.throws(() => new TableView(snapshot).cell(row, new TableView(snapshot).column('packets')), {
      code: 'INVALID_ARGUMENT',
    });
  }
  snapshot.close();
  snapshot.close();
  t.equal(bytes.length, 0, 'detached');
  for (const use of [
    () => snapshot.segments,
    () => snapshot.rowText(0),
    () => snapshot.actionsText(0),
    () => new TableView(snapshot),
  ]) {
    t.throws(use, { code: 'INVALID_ARGUMENT', message: /closed/ });
  }
  t.equal(openFds(), fds, 'descriptors');
  t.equal(mappedMemfds(), maps, 'mappings');
});

t.test('a snapshot that is dropped is released when it is collected', async (t) => {
  collect();
  await sleep(20);
  const [fds, maps] = [openFds(), mappedMemfds()];
  let kept: ArrayBuffer | undefined;
  for (let i = 0; i < 5; i++) kept = (await captureDpFlows({ rundir: real.rundir })).segment('rows').buffer;
  t.ok(openFds() > fds);
  for (let i = 0; i < 1000 && (openFds() > fds || mappedMemfds() > maps + 1); i++) {
    collect();
    await sleep(20);
  }
  t.equal(openFds(), fds, 'descriptors');
  t.equal(mappedMemfds(), maps + 1, 'all mappings but that of the buffer still held');
  t.ok(
    Buffer.from(kept!).some((byte) => byte !== 0),
    'which is still readable',
  );
});

t.test('a big table: progress, the event loop goes on, several captures at a time', async (t) => {
  addManyFlows(real);
  const reports: { bytes: number; rows: number }[] = [];
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const snapshot = await captureDpFlows({ rundir: real.rundir, onProgress: (progress) => reports.push(progress) });
  clearInterval(timer);
  t.ok(snapshot.facts.nRows >= MANY, `${snapshot.facts.nRows} rows`);
  const printed = ['netdev@ovs-netdev', 'dummy@ovs-dummy'].flatMap((dp) =>
    flowsOf(real.appctl('dpctl/dump-flows', '-m', dp)),
  );
  t.ok(rowsOf(snapshot).sort().join('\n') === printed.sort().join('\n'), 'every row is as the switch prints it');
  t.ok(reports.length > 0 && ticks > 2, `${reports.length} reports, ${ticks} ticks`);
  t.ok(
    reports.every((r, i) => r.bytes > 0 && r.bytes >= (reports[i - 1]?.bytes ?? 0) && r.rows <= MANY + 10),
    'reports grow',
  );
  t.ok(snapshot.facts.cost!.cpuMs! > 10, `${snapshot.facts.cost!.cpuMs} ms of the main thread`);
  t.ok(snapshot.facts.cost!.requests.at(-1)!.firstByteMs > 0);
  const nRows = snapshot.facts.nRows;
  snapshot.close();
  for (const other of await Promise.all([1, 2, 3].map(() => captureDpFlows({ rundir: real.rundir })))) {
    t.equal(other.facts.nRows, nRows);
    other.close();
  }
});

t.test('a capture that does not end well leaves nothing', async (t) => {
  const maps = mappedMemfds();
  const { rundir } = real;
  const abort = new AbortController();
  await fails(t, 'aborted mid-dump', 'CANCELLED', /stopped on request/, () =>
    captureDpFlows({ rundir, signal: abort.signal, onProgress: () => abort.abort() }),
  );
  const thrown = new Error('from onProgress');
  const onProgress = () => {
    throw thrown;
  };
  await t.rejects(captureDpFlows({ rundir, onProgress }), thrown);
  await fails(t, 'too slow', 'SWITCH_TIMEOUT', /did not give its reply to "[a-z/-]+" within 60 ms/, () =>
    captureDpFlows({ rundir, timeoutMs: 60 }),
  );
  t.equal(mappedMemfds(), maps, 'mappings');
});

t.test('a real vswitchd killed mid-dump', async (t) => {
  const own = await startPrivateSwitch();
  t.teardown(() => own.stop());
  addDatapaths(own);
  addManyFlows(own);
  const maps = mappedMemfds();
  let bytes = 0;
  await fails(
    t,
    'killed',
    'SWITCH_CLOSED',
    /closed the connection after [1-9]\d+ bytes of its reply to "dpctl\/dump-flows"/,
    () =>
      captureDpFlows({
        rundir: own.rundir,
        onProgress(progress) {
          if (bytes === 0) process.kill(own.pid, 'SIGKILL');
          bytes = progress.bytes;
        },
      }),
  );
  t.ok(bytes > 0, `${bytes} bytes were read before`);
  t.equal(mappedMemfds(), maps, 'mappings');
});

t.test('a switch that fails at each step of a capture', async (t) => {
  const error = (text: string) => (id: number, socket: Socket) =>
    void socket.write(JSON.stringify({ id, error: text }));
  const say = (text: string) => (id: number, socket: Socket) => void socket.write(result(id, text));
  const dps = { 'dpctl/dump-dps': say('a@b\n') };
  const ports = { ...dps, 'dpctl/show': say('a@b:\n  flows: 1\n  port 1: p (tap)\n') };
  const cases: [string, ErrorCode, RegExp, Record<string, (id: number, socket: Socket) => void>][] = [
    [
      'dump-dps refused',
      'SWITCH_REFUSED',
      /refused "dpctl\/dump-dps": opening datapath x failed/,
      { 'dpctl/dump-dps': error('opening datapath x failed\n') },
    ],
    [
      'dump-dps malformed',
      'PROTOCOL',
      /"dpctl\/dump-dps", line 1: expected a datapath's name/,
      { 'dpctl/dump-dps': say('\n\n') },
    ],
    [
      'the datapath vanishes',
      'SWITCH_REFUSED',
      /refused "dpctl\/show": datapath not found/,
      { ...dps, 'dpctl/show': error('datapath not found') },
    ],
    [
      'show malformed',
      'PROTOCOL',
      /"dpctl\/show", line 2: expected an indented line but received 'x'/,
      { ...dps, 'dpctl/show': say('a@b:\nx\n') },
    ],
    [
      'dump-flows refused',
      'SWITCH_REFUSED',
      /refused "dpctl\/dump-flows -m a@b": no$/,
      { ...ports, 'dpctl/dump-flows': error('no\n') },
    ],
    [
      'dump-flows cut short',
      'SWITCH_CLOSED',
      /No partial answer/,
      {
        ...ports,
        'dpctl/dump-flows': (id, socket) => void socket.end(`{"id":${id},"result":"recirc_id(0),in_port(p), pack`),
      },
    ],
    [
      'dump-flows damaged',
      'PROTOCOL',
      /expected an escape/,
      { ...ports, 'dpctl/dump-flows': (id, socket) => void socket.write(`{"id":${id},"result":"recirc_id(0)\\x`) },
    ],
    [
      'dump-flows silent',
      'SWITCH_TIMEOUT',
      /reply to "dpctl\/dump-flows" within 3000 ms/,
      { ...ports, 'dpctl/dump-flows': () => {} },
    ],
  ];
  for (const [what, code, message, answers] of cases) {
    const fake = await fakeUnixctl(asSwitch(({ id, method }, socket) => answers[method]!(id, socket)));
    const timeoutMs = code === 'SWITCH_TIMEOUT' ? 3000 : 60_000;
    await fails(t, what, code, message, () => captureDpFlows({ target: fake.path, timeoutMs }));
    await fake.close();
  }
  const fake = await fakeUnixctl(
    asSwitch(({ id, method }, socket) =>
      ({
        ...ports,
        'dpctl/dump-flows': say('recirc_id(0),in_port(p), packets:1, bytes:60, used:0.010s, actions:drop\nnonsense\n'),
      })[method]!(id, socket),
    ),
  );
  const snapshot = await captureDpFlows({ target: fake.path });
  t.equal(snapshot.facts.nRows, 1, 'a line that is no flow is counted, not an error');
  t.match(snapshot.facts.rejected, [{ sample: 'nonsense', count: 1 }]);
  snapshot.close();
  await fake.close();
});

t.test('a worker that is stopped during a capture', async (t) => {
  const fake = await fakeUnixctl(() => {});
  const script = `require(${JSON.stringify(join(packageRoot, 'build/Release/ctinspector.node'))}).captureDpFlows('/', ${JSON.stringify(fake.path)}, 60000, () => {})`;
  const fds = openFds();
  const worker = new Worker(script, { eval: true });
  while (fake.requests.length === 0) await sleep(10);
  t.ok(openFds() > fds);
  const started = Date.now();
  await worker.terminate();
  t.ok(Date.now() - started < 30_000);
  await fake.close();
});

t.test('saved dumps, plain and compressed', async (t) => {
  const dir = temporary(t);
  const text = readFileSync(fixture('keys-more.txt'), 'utf8');
  const plain = await readDpFlowsFile(fixture('keys-more.txt'));
  t.strictSame(rowsOf(plain), flowsOf(text));
  t.equal(plain.facts.cost, null);
  t.equal(plain.facts.source, `file:${fixture('keys-more.txt')}`);
  plain.close();

  // Larger than a chunk, so that lines lie across them; and the name says nothing.
  const large = `${flowsOf(text).join('\n')}\n`.repeat(500);
  for (const [name, bytes] of [
    ['plain.gz', Buffer.from(large)],
    ['zipped.txt', gzipSync(large)],
    ['members', Buffer.concat([gzipSync(large), gzipSync(text)])],
  ] as const) {
    const file = join(dir, name);
    writeFileSync(file, bytes);
    const fds = openFds();
    const snapshot = await readDpFlowsFile(file);
    t.equal(snapshot.facts.nRows, flowsOf(large).length + (name === 'members' ? flowsOf(text).length : 0), name);
    t.equal(snapshot.rowText(snapshot.facts.nRows - 1), flowsOf(text).at(-1));
    snapshot.close();
    t.equal(openFds(), fds, 'descriptors');
  }
  const header = join(dir, 'header');
  writeFileSync(header, 'flow-dump from the main thread:\n');
  const empty = await readDpFlowsFile(header);
  t.equal(empty.facts.nRows, 0, 'a dump without flows');
  empty.close();

  for (const [what, bytes] of [
    ['plain', Buffer.from(text)],
    ['gzip', gzipSync(text)],
  ] as const) {
    const lib = new URL('../lib/sources/dp-flows.ts', import.meta.url).href;
    const script = `import { readDpFlowsFile } from ${JSON.stringify(lib)}; console.log((await readDpFlowsFile('-')).facts.nRows)`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // One byte first: the magic comes in two pieces.
    child.stdin.write(bytes.subarray(0, 1));
    await sleep(50);
    child.stdin.end(bytes.subarray(1));
    let out = '';
    for await (const piece of child.stdout) out += piece;
    t.equal(out.trim(), String(flowsOf(text).length), `${what} on standard input`);
  }
});

t.test('files that are no dump', async (t) => {
  const dir = temporary(t);
  const file = join(dir, 'file');
  const gzip = gzipSync(readFileSync(fixture('keys-more.txt')));
  const cases: [string, ErrorCode, RegExp, string | Buffer][] = [
    ['empty', 'TEXT_MALFORMED', /file, line 1: expected what .* prints but it is empty/, ''],
    ['blank', 'TEXT_MALFORMED', /line 1: expected what .* it has blanks only/, ' \n\n'],
    [
      'other text',
      'TEXT_MALFORMED',
      /line 2: expected what .* received 'Hello, world\\x09\\x1b\[0m'/,
      '\nHello, world\t\x1b[0m\nagain\n',
    ],
    [
      'a program',
      'TEXT_MALFORMED',
      /line 1: expected what .* received '\\x7fELF/,
      readFileSync(process.execPath).subarray(0, 3_000_000),
    ],
    ['empty gzip', 'TEXT_MALFORMED', /line 1: .* it is empty/, gzipSync('')],
    [
      'gzip cut short',
      'FILE',
      /the gzip data is cut short or damaged \(unexpected end of file\)/,
      gzip.subarray(0, gzip.length - 20),
    ],
    ['gzip magic only', 'FILE', /the gzip data is cut short or damaged/, gzip.subarray(0, 2)],
    [
      'damaged gzip',
      'FILE',
      /the gzip data is cut short or damaged/,
      Buffer.concat([gzip.subarray(0, 100), Buffer.alloc(100), gzip.subarray(200)]),
    ],
  ];
  for (const [what, code, message, bytes] of cases) {
    writeFileSync(file, bytes);
    await fails(t, what, code, message, () => readDpFlowsFile(file));
  }
  await fails(t, 'an endless device', 'TEXT_MALFORMED', /line 1: expected what .* received '\\x00\\x00/, () =>
    readDpFlowsFile('/dev/zero'),
  );
  await fails(
    t,
    'no such file',
    'FILE',
    /cannot read .*nothing: no such file or directory \(ENOENT\); expected a file of snapshot save, a saved/,
    () => readDpFlowsFile(join(dir, 'nothing')),
  );
  mkdirSync(join(dir, 'directory'));
  await fails(t, 'a directory', 'FILE', /cannot read .*directory: .*\(EISDIR\)/, () =>
    readDpFlowsFile(join(dir, 'directory')),
  );
  await fails(t, 'aborted before', 'CANCELLED', /stopped/, () =>
    readDpFlowsFile(file, { signal: AbortSignal.abort() }),
  );
  const fifo = join(dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const writer = spawn('sh', ['-c', `exec sleep 10 > '${fifo}'`], { stdio: 'ignore' });
  await fails(t, 'aborted while waiting', 'CANCELLED', /stopped/, () =>
    readDpFlowsFile(fifo, { signal: AbortSignal.timeout(200) }),
  );
  writer.kill();
});
