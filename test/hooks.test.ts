// Hook points: events and their queues, the hook `ovs` on a real switch, and the examples that use it.
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { runCli } from '../lib/cli/main.js';
import { errno } from '../lib/errno.js';
import { CtiError } from '../lib/errors.js';
import {
  EVENT_KIND,
  EVENT_SIZE,
  type EventSink,
  type EventSource,
  encodeEvent,
  QUEUE_LENGTH,
} from '../lib/hooks/events.js';
import { traceWords, ufidText } from '../lib/hooks/ovs/functions.js';
import { ovsHook } from '../lib/hooks/ovs/hook.js';
import { JsonStream, OvsdbPorts } from '../lib/hooks/ovs/ovsdb.js';
import { SwitchCalls } from '../lib/hooks/ovs/switch-calls.js';
import { isPressed, kindsOf, parsePressure } from '../lib/hooks/ovs/switch-events.js';
import { parsePorts, parseUpcalls } from '../lib/hooks/ovs/switch-texts.js';
import { parseTableChanged, tableChanged } from '../lib/hooks/ovs/table-changes.js';
import { Hooks } from '../lib/hooks/registry.js';
import { mapperFunctions } from '../lib/kernel-functions/mapper.js';
import { type LinkedProgram, link } from '../lib/linker/link.js';
import { loadObject } from '../lib/loader/load-object.js';
import { MemoryMapper } from '../lib/mapper/mapper.js';
import { SnapshotStore } from '../lib/mapper/snapshot-store.js';
import type { Output } from '../lib/runner/program.js';
import type { KernelFunctions, Verdict } from '../lib/scheduler/kernel-call.js';
import { captureTable } from '../lib/sources/registry.js';
import { compileBpf, scratch } from './support/clang.js';
import { drive } from './support/drive.js';
import { asSwitch, fakeUnixctl, result } from './support/fake-unixctl.js';
import { fakeCall } from './support/kernel-call.js';
import { type Lab, startLab } from './support/lab.js';
import { run } from './support/lab-system.js';

t.setTimeout(600_000);
const scratchDir = scratch();

async function build(path: string, flags: readonly string[] = ['-g']): Promise<LinkedProgram> {
  const object = await compileBpf(resolve(path), scratchDir, { cpu: 'v4', flags });
  return link([loadObject(readFileSync(object), basename(path))]);
}

const textOf = (output: readonly Output[]): string =>
  output.map((piece) => (piece.kind === 'text' ? piece.text : '')).join('');
const bytesOf = (text: string) => new TextEncoder().encode(text);
const r0Of = (verdict: Verdict): bigint => (verdict as { r0: bigint }).r0;
const outputOf = (verdict: Verdict): Buffer =>
  Buffer.from((verdict as unknown as { outputs: { bytes: Uint8Array }[] }).outputs[0]!.bytes);

/** What a node has over a lab's switch. */
function nodeOf(lab: Lab) {
  const where = { rundir: lab.rundir };
  const dp_flows = async (table: string, signal: AbortSignal) =>
    (await captureTable(table, 'unixctl', { ...where, signal })).snapshot;
  const store = new SnapshotStore({ tables: { dp_flows } });
  const mapper = new MemoryMapper({ node: 'local://lab', store });
  const problems: CtiError[] = [];
  const onProblem = (_: unknown, error: CtiError) => void problems.push(error);
  const hooks = new Hooks([ovsHook({ store, where, onProblem })], { onProblem });
  const functions: KernelFunctions = { ...mapperFunctions({ mapper, onProblem }), ...hooks.functions };
  const close = () => {
    hooks.close();
    mapper.close();
  };
  return { store, mapper, hooks, functions, problems, close };
}

const subscribe = async (functions: KernelFunctions, what: string, more = {}): Promise<bigint> =>
  r0Of(await fakeCall(functions, 'event_subscribe', [0n, BigInt(what.length)], { 0: bytesOf(what) }, more));
const waitFor = (functions: KernelFunctions, id: bigint, ms: number, more = {}): Promise<Verdict> =>
  fakeCall(functions, 'event_wait', [id, BigInt(ms) * 1_000_000n, 0n, BigInt(EVENT_SIZE)], {}, more);

/** A source that a test pushes events into. */
function handSource() {
  const sinks: EventSink[] = [];
  const source: EventSource = {
    usage: 'hand()',
    doc: '',
    start: async (args, sink, signal) => {
      if (args === 'bad') throw new CtiError('INVALID_ARGUMENT', 'bad');
      if (args === 'huge') throw new CtiError('OUT_OF_MEMORY', 'huge');
      if (args === 'unreadable') throw new CtiError('SWITCH_CLOSED', 'closed');
      sinks.push(sink);
      signal.addEventListener('abort', () => sinks.splice(sinks.indexOf(sink), 1));
    },
  };
  return { sinks, source };
}

t.test('events are queued in order, bounded, and what is lost is counted', async (t) => {
  const { sinks, source } = handSource();
  const hooks = new Hooks([{ name: 'test', doc: '', functions: {}, events: { hand: source } }]);
  const { functions } = hooks;
  for (const [what, code] of [
    ['none()', 'ENOENT'],
    ['hand(bad)', 'EINVAL'],
    ['hand(huge)', 'E2BIG'],
    ['hand(unreadable)', 'EIO'],
    ['Hand()', 'EINVAL'],
    ['hand(', 'EINVAL'],
    ['', 'EINVAL'],
    [`hand(${'x'.repeat(4096)})`, 'EINVAL'],
  ] as const) {
    t.equal(await subscribe(functions, what), errno(code), what.slice(0, 20));
  }
  t.equal(hooks.subscriptions.count, 0, 'what was refused takes no room');
  const id = await subscribe(functions, ' hand ( ) ');
  t.ok(id > 0n && id < 1000n);
  t.equal(r0Of(await waitFor(functions, id, 5)), errno('ETIMEDOUT'));
  t.equal(r0Of(await waitFor(functions, id, 5, { taskId: 'other' })), errno('ENOENT'), "not another task's");
  t.equal(r0Of(await fakeCall(functions, 'event_wait', [id, 0n, 0n, BigInt(EVENT_SIZE - 1)])), errno('EINVAL'));

  const waiting = waitFor(functions, id, 10_000);
  sinks[0]!.push({ kind: 7, generation: 8n, row: 9n, ufid: [1n, 2n], values: [3n, 4n, 5n, 6n], name: 'eth0' });
  const event = outputOf(await waiting);
  t.equal(event.length, EVENT_SIZE);
  t.strictSame([event.readUInt32LE(0), event.readUInt32LE(4)], [7, 0]);
  t.ok(Math.abs(Number(event.readBigUInt64LE(8) / 1_000_000n) - Date.now()) < 10_000);
  t.strictSame(
    Array.from({ length: 8 }, (_, i) => event.readBigUInt64LE(16 + 8 * i)),
    [8n, 9n, 1n, 2n, 3n, 4n, 5n, 6n],
  );
  t.equal(event.subarray(80, 85).toString('latin1'), 'eth0\0');
  const long = Buffer.from(encodeEvent({ kind: 1, name: 'é'.repeat(60) }, 0, 0n));
  t.equal(long[143], 0, 'a name ends with 0');
  t.equal(long.subarray(80, 142).toString(), 'é'.repeat(31), 'and is cut between characters');

  for (let i = 0; i < QUEUE_LENGTH + 10; i++) sinks[0]!.push({ kind: i });
  const seen: [number, number][] = [];
  const take = async () => {
    const bytes = outputOf(await waitFor(functions, id, 1000));
    seen.push([bytes.readUInt32LE(0), bytes.readUInt32LE(4)]);
  };
  await take();
  sinks[0]!.push({ kind: 5000 });
  sinks[0]!.push({ kind: 5001 });
  for (let i = 0; i < QUEUE_LENGTH; i++) await take();
  t.strictSame(seen.slice(-2), [
    [QUEUE_LENGTH - 1, 0],
    [5000, 10],
  ]);
  sinks[0]!.push({ kind: 5002 });
  await take();
  t.strictSame(seen.at(-1), [5002, 1]);

  // A source that ends is said once what it sent before has been taken.
  sinks[0]!.push({ kind: 1 });
  sinks[0]!.fail(new CtiError('SWITCH_CLOSED', 'gone'));
  t.equal(r0Of(await waitFor(functions, id, 1000)), 0n);
  t.equal(r0Of(await waitFor(functions, id, 1000)), errno('EIO'));
  t.equal(r0Of(await waitFor(functions, id, 1000)), errno('ENOENT'));

  // A task has 16, and none when it has ended.
  const ids: bigint[] = [];
  for (let i = 0; i < 16; i++) ids.push(await subscribe(functions, 'hand'));
  t.equal(await subscribe(functions, 'hand'), errno('ENOSPC'));
  t.ok((await subscribe(functions, 'hand', { taskId: 'other' })) > 0n);
  t.equal(sinks.length, 17);
  t.equal(r0Of(await fakeCall(functions, 'event_unsubscribe', [ids[3]!])), 0n);
  t.equal(r0Of(await fakeCall(functions, 'event_unsubscribe', [ids[3]!])), errno('ENOENT'));
  const stop = new AbortController();
  const last = waitFor(functions, ids[0]!, 60_000, { signal: stop.signal });
  hooks.release('task');
  stop.abort();
  await last;
  t.strictSame([sinks.length, hooks.subscriptions.count], [1, 1]);
  hooks.close();
  t.equal(sinks.length, 0);
  t.throws(
    () => new Hooks([1, 2].map((n) => ({ name: `p${n}`, doc: '', functions: {}, events: { hand: source } }))),
    /hook point p2: another one has an event hand already/,
  );
});

t.test('what the switch says is read; what has side effects is not asked', (t) => {
  const show = `netdev@ovs-netdev:
  lookups: hit:120 missed:34 lost:5
  flows: 3
  port 0: ovs-netdev (tap)
  port 12: vxlan_sys_4789 (vxlan: packet_type=ptap)
system@ovs-system:
  lookups: hit:1 missed:2 lost:3
  port 1: eth0
`;
  t.strictSame(parsePorts(show), [
    { datapath: 'netdev@ovs-netdev', number: 0, name: 'ovs-netdev' },
    { datapath: 'netdev@ovs-netdev', number: 12, name: 'vxlan_sys_4789' },
    { datapath: 'system@ovs-system', number: 1, name: 'eth0' },
  ]);
  const upcall = `netdev@ovs-netdev:
  flows         : (current 3) (avg 4) (max 50) (limit 20000)
  dump duration : 7ms
  ufid enabled : true

  23: (keys 3)
`;
  t.strictSame(parseUpcalls(show, upcall), {
    flows: 3n,
    flowsMax: 50n,
    flowLimit: 20000n,
    dumpMs: 7n,
    hit: 121n,
    missed: 36n,
    lost: 8n,
  });
  t.throws(() => parseUpcalls(show, 'nonsense'), /upcall\/show: expected a line/);
  t.equal(parseUpcalls('', '').flows, 0n, 'a switch without datapaths');

  t.strictSame(traceWords('br-int  in_port=1,tcp '), ['br-int', 'in_port=1,tcp']);
  t.strictSame(traceWords('in_port(1),eth()'), ['in_port(1),eth()']);
  t.strictSame(traceWords('br-int tcp --ct-next trk,new'), ['br-int', 'tcp', '--ct-next', 'trk,new']);
  for (const bad of [
    '',
    '-generate',
    'br-int tcp -generate',
    'br-int tcp 00aa11',
    'tcp 00aa11',
    'br-int tcp --ct-next',
    '--help',
  ]) {
    t.equal(traceWords(bad), null, bad);
  }
  t.equal(ufidText(Uint8Array.from({ length: 16 }, (_, i) => i)), '00010203-0405-0607-0809-0a0b0c0d0e0f');

  t.strictSame(parsePressure(''), { lost: 1n, percent: 90n });
  t.strictSame(parsePressure('5, 50'), { lost: 5n, percent: 50n });
  for (const bad of ['0', '1, 0', '1, 101', 'x', '1, 2, 3'])
    t.throws(() => parsePressure(bad), /upcall_pressure: expected/);
  const facts = parseUpcalls(show, upcall);
  t.equal(isPressed(facts, facts, { lost: 1n, percent: 90n }), false);
  t.equal(isPressed({ ...facts, lost: 3n }, facts, { lost: 5n, percent: 90n }), true);
  t.equal(isPressed(facts, { ...facts, flows: 18_000n }, { lost: 5n, percent: 90n }), true);
  const up = { name: 'p', isUp: true, ofport: 1 };
  const down = { ...up, isUp: false };
  t.strictSame(kindsOf({ before: undefined, after: up }), [EVENT_KIND.portAdded, EVENT_KIND.portUp]);
  t.strictSame(kindsOf({ before: undefined, after: down }), [EVENT_KIND.portAdded]);
  t.strictSame(kindsOf({ before: up, after: down }), [EVENT_KIND.portDown]);
  t.strictSame(kindsOf({ before: up, after: { ...up, ofport: 2 } }), []);
  t.strictSame(kindsOf({ before: up, after: undefined }), [EVENT_KIND.portRemoved]);

  t.strictSame(parseTableChanged('dp_flows'), { table: 'dp_flows', intervalMs: 1000, condition: '' });
  t.strictSame(parseTableChanged('dp_flows, every 250ms, tcp and tp_dst in {1, 2}'), {
    table: 'dp_flows',
    intervalMs: 250,
    condition: 'tcp and tp_dst in {1, 2}',
  });
  t.strictSame(parseTableChanged('dp_flows , every 2 s'), { table: 'dp_flows', intervalMs: 2000, condition: '' });
  for (const bad of ['', ', tcp', 'dp_flows tcp', 'dp_flows, every 1ms', 'dp_flows, every 2h']) {
    if (bad.endsWith('2h')) t.equal(parseTableChanged(bad).condition, 'every 2h', 'left to the language to refuse');
    else t.throws(() => parseTableChanged(bad), /table_changed: expected/, bad);
  }

  const stream = new JsonStream();
  const messages = ['{"a":"}\\"{"}', '{"b":[1,{"c":"\\\\"}]}', '[]'];
  const whole = messages.join('\n ');
  const found: unknown[] = [];
  for (const char of whole) found.push(...stream.feed(char));
  t.strictSame(
    found,
    messages.map((text) => JSON.parse(text)),
    'a character at a time',
  );
  t.strictSame(new JsonStream().feed(whole), found);
  t.throws(() => new JsonStream().feed('{nonsense}'), /ovsdb-server sent what is not JSON/);
  t.end();
});

t.test('programs share one turn at the switch', async (t) => {
  let atOnce = 0;
  let most = 0;
  const times: number[] = [];
  const fake = await fakeUnixctl(
    asSwitch(({ id, method, params }, socket) => {
      if (method === 'list-commands')
        return void socket.write(result(id, 'The available commands are:\n  ofproto/trace    {[dp]...}\n  x\n'));
      most = Math.max(most, ++atOnce);
      times.push(performance.now());
      setTimeout(() => {
        atOnce--;
        const refused = JSON.stringify({ id, result: null, error: 'br-none: unknown bridge\n' });
        socket.write(params[0] === 'br-none' ? refused : result(id, `traced ${params.join(' ')}\n`));
      }, 20);
    }),
  );
  t.teardown(() => fake.close());
  const where = { rundir: fake.rundir, target: fake.path };
  const store = new SnapshotStore({ tables: {} });
  const problems: CtiError[] = [];
  const { functions } = ovsHook({ store, where, onProblem: (_, error) => void problems.push(error) });
  const trace = (request: string, size = 100n) =>
    fakeCall(functions, 'ovs_trace', [0n, BigInt(request.length), 0n, size], { 0: bytesOf(request) });
  const answers = await Promise.all([1, 2, 3, 4].map((n) => trace(`br${n} tcp`)));
  t.strictSame(
    answers.map((answer) => outputOf(answer).toString()),
    [1, 2, 3, 4].map((n) => `traced br${n} tcp\n`),
  );
  t.equal(most, 1, 'one at a time');
  for (let i = 1; i < 4; i++) t.ok(times[i]! - times[i - 1]! >= 115, `${times[i]! - times[i - 1]!} ms apart`);
  const cut = await trace('br1 tcp', 6n);
  t.strictSame(
    [r0Of(cut), outputOf(cut).toString()],
    [15n, 'traced'],
    'cut to the room there is, with its whole length',
  );
  const refused = await trace('br-none tcp', 1000n);
  t.equal(r0Of(refused), errno('EINVAL'));
  t.match(outputOf(refused).toString(), /unknown bridge/, "the switch's own words");
  t.equal(r0Of(await trace('br1 tcp -generate')), errno('EINVAL'));
  const detrace = await fakeCall(functions, 'ovs_detrace', [0n, 0n, 100n], { 0: new Uint8Array(16) });
  t.equal(r0Of(detrace), errno('EOPNOTSUPP'), 'a switch without it');
  const flood = await Promise.all(Array.from({ length: 40 }, () => trace('br1 tcp')));
  t.equal(flood.filter((answer) => r0Of(answer) === errno('EBUSY')).length, 8, '32 wait, the others are turned away');
  t.strictSame(problems, []);
  const gone = ovsHook({ store, where: { rundir: '/nowhere' }, onProblem: (_, error) => void problems.push(error) });
  t.equal(r0Of(await fakeCall(gone.functions, 'ovs_port_number', [0n, 1n], { 0: bytesOf('x') })), errno('EIO'));
  t.match(problems, [{ code: 'NO_SWITCH' }]);
});

t.test('a watch joins those who watch the same, tells new, changed and gone, and gives up in the end', async (t) => {
  t.ok(SwitchCalls);
  const store = new SnapshotStore({
    tables: { dp_flows: () => Promise.reject(new CtiError('SWITCH_CLOSED', 'gone')) },
    pace: { minPauseMs: 1 },
  });
  const source = tableChanged(store);
  const sink = { push: () => {}, fail: () => {} };
  const { signal } = new AbortController();
  await t.rejects(source.start('dp_flows, tcp', sink, signal), { code: 'SWITCH_CLOSED' });
  await t.rejects(source.start('of_rules, tcp', sink, signal), /there is no table of_rules here/);
  await t.rejects(source.start('dp_flows, tpc', sink, signal), { code: /QUERY_|SWITCH_CLOSED/ });
  await t.rejects(
    source.start('dp_flows, tcp | count', sink, signal),
    { code: 'QUERY_SYNTAX' },
    'a condition, no more',
  );
  store.close();
});

t.test('a real switch', async (t) => {
  const lab = await startLab();
  t.teardown(() => lab.stop());
  await lab.traffic();
  const node = nodeOf(lab);
  t.teardown(() => node.close());
  const { functions } = node;
  await onSwitch(t, lab, functions, node.store);
  await examples(t, lab, functions);
  t.strictSame(
    node.problems.map(({ code }) => code),
    ['QUERY_NAME', 'QUERY_SYNTAX'],
    'the log has what programs got wrong, and nothing else',
  );
});

async function onSwitch(t: Test, lab: Lab, functions: KernelFunctions, store: SnapshotStore): Promise<void> {
  await t.test('rows by ufid and as text', async (t) => {
    const held = await store.get('dp_flows', 0);
    const { generation, facts } = held.snapshot;
    const dump = held.snapshot.rowText(5);
    const ufid = Buffer.from(/ufid:([0-9a-f-]+)/.exec(dump)![1]!.replaceAll('-', ''), 'hex');
    const row = await fakeCall(functions, 'ovs_flow_row', [0n, generation], { 0: ufid });
    t.equal(r0Of(row), 5n);
    const all = Array.from({ length: facts.nRows }, (_, i) => /ufid:([0-9a-f-]+)/.exec(held.snapshot.rowText(i))![1]!);
    for (const [i, text] of all.entries()) {
      const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
      const found = r0Of(await fakeCall(functions, 'ovs_flow_row', [0n, generation], { 0: bytes }));
      if (found !== BigInt(all.indexOf(text))) t.fail(`row ${i} was found as ${found}`);
    }
    const none = await fakeCall(functions, 'ovs_flow_row', [0n, generation], { 0: new Uint8Array(16) });
    t.equal(r0Of(none), errno('ENOENT'));
    const text = await fakeCall(functions, 'ovs_row_text', [generation, 5n, 0n, 60_000n]);
    t.strictSame([r0Of(text), outputOf(text).toString()], [BigInt(dump.length), dump]);
    t.equal(
      r0Of(await fakeCall(functions, 'ovs_row_text', [generation, BigInt(facts.nRows), 0n, 10n])),
      errno('EINVAL'),
    );
    t.equal(r0Of(await fakeCall(functions, 'ovs_row_text', [1n, 5n, 0n, 10n])), errno('ESTALE'));
    t.equal(r0Of(await fakeCall(functions, 'ovs_flow_row', [0n, 1n], { 0: ufid })), errno('ESTALE'));
    held.release();
  });

  await t.test('ports, upcalls, traces', async (t) => {
    const ports = [...(await lab.appctl('dpctl/show')).matchAll(/^\s+port (\d+): (\S+)/gm)];
    t.ok(ports.length > 5);
    for (const [, number = '', name = ''] of ports) {
      const byName = await fakeCall(functions, 'ovs_port_number', [0n, BigInt(name.length)], { 0: bytesOf(name) });
      t.equal(r0Of(byName), BigInt(number), name);
      const byNumber = await fakeCall(functions, 'ovs_port_name', [BigInt(number), 0n, 64n]);
      t.equal(outputOf(byNumber).toString(), name);
    }
    t.equal(r0Of(await fakeCall(functions, 'ovs_port_number', [0n, 4n], { 0: bytesOf('none') })), errno('ENOENT'));
    t.equal(r0Of(await fakeCall(functions, 'ovs_port_name', [9999n, 0n, 64n])), errno('ENOENT'));

    const upcalls = outputOf(await fakeCall(functions, 'ovs_upcalls', [0n, 64n]));
    const [, flows, limit, , , hit, missed] = Array.from({ length: 8 }, (_, i) => upcalls.readBigUInt64LE(8 * i));
    t.ok(flows! > 100n && limit! >= 1000n && hit! > 100n && missed! > 100n, `${flows} ${limit} ${hit} ${missed}`);
    t.equal(r0Of(await fakeCall(functions, 'ovs_upcalls', [0n, 63n])), errno('EINVAL'));

    const request = 'br-int in_port=1,icmp';
    const traced = await fakeCall(functions, 'ovs_trace', [0n, BigInt(request.length), 0n, 60_000n], {
      0: bytesOf(request),
    });
    t.match(outputOf(traced).toString(), /^Flow: icmp,in_port=1[\s\S]*Datapath actions:/);
    const bad = 'br-none icmp';
    const refused = await fakeCall(functions, 'ovs_trace', [0n, BigInt(bad.length), 0n, 60_000n], { 0: bytesOf(bad) });
    t.equal(r0Of(refused), errno('EINVAL'));
    const has = (await lab.appctl('list-commands')).includes('ofproto/detrace');
    const detraced = await fakeCall(functions, 'ovs_detrace', [0n, 0n, 1000n], { 0: new Uint8Array(16) });
    t.equal(r0Of(detraced), has ? errno('EINVAL') : errno('EOPNOTSUPP'));
  });

  await t.test('rows that come and go are events', async (t) => {
    await lab.appctl('dpctl/del-flows');
    const id = await subscribe(functions, 'table_changed(dp_flows, every 100ms, recirc_id = 0 and nw_src = 10.0.1.11)');
    const same = await subscribe(
      functions,
      'table_changed(dp_flows, every 100ms, recirc_id = 0 and nw_src = 10.0.1.11)',
      {
        taskId: 'b',
      },
    );
    t.ok(id > 0n && same > 0n);
    t.equal(r0Of(await waitFor(functions, id, 300)), errno('ETIMEDOUT'), 'nothing yet');
    await addFlow(lab, 4242);
    const event = outputOf(await waitFor(functions, id, 10_000));
    t.equal(event.readUInt32LE(0), EVENT_KIND.rowNew);
    const held = store.find('dp_flows', event.readBigUInt64LE(16));
    const row = held?.snapshot.rowText(Number(event.readBigUInt64LE(24))) ?? '';
    t.match(row, /src=10.0.1.11[,)]/);
    const ufid = /ufid:([0-9a-f-]+)/.exec(row)?.[1];
    t.equal(ufidText(event.subarray(32, 48)), ufid);
    held?.release();
    t.equal(
      outputOf(await waitFor(functions, same, 10_000, { taskId: 'b' })).readUInt32LE(0),
      EVENT_KIND.rowNew,
      'who watches the same is told',
    );
    await lab.appctl('dpctl/del-flows');
    const gone = outputOf(await waitFor(functions, id, 10_000));
    t.strictSame([gone.readUInt32LE(0), ufidText(gone.subarray(32, 48))], [EVENT_KIND.rowGone, ufid]);
    t.equal(gone.readBigUInt64LE(24), (1n << 64n) - 1n, 'it has no row');
    for (const taskId of ['task', 'b'])
      await fakeCall(functions, 'event_unsubscribe', [taskId === 'b' ? same : id], {}, { taskId });
    t.equal(await subscribe(functions, 'table_changed(dp_flows, no_such_field = 1)'), errno('EINVAL'));
    t.equal(await subscribe(functions, 'table_changed(dp_flows, tcp | limit 1)'), errno('EINVAL'));
  });

  await t.test('ports that come, go, and change their links are events', async (t) => {
    const id = await subscribe(functions, 'port_changed(cti-new)');
    const any = await subscribe(functions, 'port_changed');
    t.ok(id > 0n && any > 0n);
    const next = async () => {
      const event = outputOf(await waitFor(functions, id, 20_000));
      t.equal(event.subarray(80, 88).toString('latin1'), 'cti-new\0');
      return event.readUInt32LE(0);
    };
    await lab.vsctl('add-port', 'br-int', 'cti-new', '--', 'set', 'interface', 'cti-new', 'type=internal');
    t.equal(await next(), EVENT_KIND.portAdded);
    await inSwitch(lab, ['ip', 'link', 'set', 'cti-new', 'up']);
    t.equal(await next(), EVENT_KIND.portUp);
    await inSwitch(lab, ['ip', 'link', 'set', 'cti-new', 'down']);
    t.equal(await next(), EVENT_KIND.portDown);
    await lab.vsctl('del-port', 'br-int', 'cti-new');
    t.equal(await next(), EVENT_KIND.portRemoved);
    t.equal(outputOf(await waitFor(functions, any, 1000)).readUInt32LE(0), EVENT_KIND.portAdded, 'of all ports, too');
    t.equal((await OvsdbPorts.of(lab.rundir)).interfaces.length, 0);
    const unreachable = new OvsdbPorts('/nowhere/db.sock');
    await t.rejects(
      unreachable.listen({ changed: () => {}, fail: () => {} }, new AbortController().signal),
      /ovsdb-server at \/nowhere/,
    );
    for (const one of [id, any]) await fakeCall(functions, 'event_unsubscribe', [one]);
  });

  await t.test('pressure on the slow path begins and ends', async (t) => {
    const id = await subscribe(functions, 'upcall_pressure(1000000, 90)');
    t.ok(id > 0n);
    const { limit } = /limit (?<limit>\d+)/.exec(await lab.appctl('upcall/show'))!.groups!;
    await lab.vsctl('set', 'Open_vSwitch', '.', 'other_config:flow-limit=1000');
    t.ok(Number(limit) > 1000);
    await lab.fill(1100).catch(() => {}); // past the limit some are not installed: that is the pressure
    const event = outputOf(await waitFor(functions, id, 20_000));
    t.equal(event.readUInt32LE(0), EVENT_KIND.pressureOn);
    t.ok(event.readBigUInt64LE(64) >= 900n, 'flows');
    await lab.vsctl('set', 'Open_vSwitch', '.', 'other_config:flow-limit=2000000');
    await lab.appctl('dpctl/del-flows');
    t.equal(outputOf(await waitFor(functions, id, 20_000)).readUInt32LE(0), EVENT_KIND.pressureOff);
    await fakeCall(functions, 'event_unsubscribe', [id]);
  });
}

/** Runs a program in the switch's namespace, or in a host's. */
const inSwitch = (lab: Lab, command: readonly string[], host?: string): Promise<unknown> =>
  run(command[0]!, command.slice(1), { netns: host ? `${lab.tag}-${host}` : lab.tag, okStatus: [0, 1] });

/** A datagram to that port, so a megaflow that matches it. */
const addFlow = (lab: Lab, port: number): Promise<unknown> =>
  inSwitch(lab, ['bash', '-c', `echo > /dev/udp/10.0.1.12/${port}`], 'h1');

async function examples(t: Test, lab: Lab, functions: KernelFunctions): Promise<void> {
  await t.test('wait_for_flow waits until a flow appears and reports its chain', async (t) => {
    const linked = await build('examples/wait_for_flow.c');
    await lab.appctl('dpctl/del-flows');
    let text = '';
    const onOutput = (piece: string) => {
      text += piece;
    };
    const done = drive(linked, functions, { args: [0x0a00_010bn, 17n, 4343n, 30n], onOutput });
    await sleep(1500);
    t.equal(text, '', 'it waits');
    await addFlow(lab, 4343);
    const { r0, output } = await done;
    t.ok(r0 >= 2n && r0 < 32n, `${BigInt.asIntN(64, r0)} flows: ${textOf(output)}`);
    const report = textOf(output);
    const id = /^ufid:.*recirc_id\(0\).*src=10\.0\.1\.11[,)].*actions:.*recirc\((0x[0-9a-f]+)\)/.exec(report)?.[1];
    t.match(report, new RegExp(`and on:\nufid:.*recirc_id\\(${id}\\)`));
    t.match(report, /its way through the OpenFlow tables:\nFlow: udp,in_port=1,/);
  });

  await t.test('tail_flows shows flows that come and go', async (t) => {
    const linked = await build('examples/tail_flows.c');
    await lab.appctl('dpctl/del-flows');
    let text = '';
    const onOutput = (piece: string) => {
      text += piece;
    };
    const done = drive(linked, functions, { args: [4n, 60n], onOutput });
    await sleep(1000);
    await addFlow(lab, 5000);
    while (!text.includes('+ ')) await sleep(50);
    await lab.appctl('dpctl/del-flows');
    while (!text.includes('\n- ')) await sleep(50);
    await lab.traffic();
    const { r0 } = await done;
    t.equal(r0, 4n);
    const shown = text.trimEnd().split('\n');
    t.equal(shown.filter((line) => /^[+~] (ufid:|\(gone again\))/.test(line)).length, 4);
    const gone = shown.filter((line) => line.startsWith('- ')).map((line) => line.slice(2));
    for (const ufid of gone) t.ok(text.includes(`+ ufid:${ufid}`), 'what went had come');
  });

  await t.test('alarm speaks up when the counters grow fast', async (t) => {
    const linked = await build('examples/alarm.c');
    const slept: bigint[] = [];
    const withSleep: KernelFunctions = {
      ...functions,
      sleep: async ({ args }) => {
        slept.push(args[0]!);
        // The second pause is the busy one.
        if (slept.length === 2) await inSwitch(lab, ['ping', '-q', '-f', '-c', '500', '-w', '10', '10.0.1.14'], 'h1');
        return { kind: 'value', r0: 0n };
      },
    };
    const { r0, output } = await drive(linked, withSleep, { args: [300n, 100n, 4n] });
    t.ok(r0 >= 1n, `${BigInt.asIntN(64, r0)}`);
    t.strictSame(slept, [100_000_000n, 100_000_000n, 100_000_000n]);
    const records = output.flatMap((piece) => (piece.kind === 'record' ? [Buffer.from(piece.bytes)] : []));
    t.equal(BigInt(records.length), r0);
    const packets = Number(records[0]!.readBigUInt64LE(8));
    t.ok(packets > 300 && packets < 100_000, `${packets} packets`);
    t.match(textOf(output), new RegExp(`^alarm: ${packets} packets since the reading before, \\d+ flows\\n`));
    t.equal((await drive(linked, withSleep, { args: [1_000_000_000n, 1n, 2n] })).r0, 0n, 'a limit that is not reached');
  });

  await t.test('run gives programs what the operator says, and no more', async (t) => {
    const cli = async (...args: string[]) => {
      const text = { out: '', err: '' };
      const stream = (key: 'out' | 'err') =>
        new Writable({
          write(chunk, _, done) {
            text[key] += String(chunk);
            done();
          },
        });
      const io = {
        stdoutIsTerminal: false,
        stderrIsTerminal: false,
        env: process.env,
        signal: new AbortController().signal,
      };
      const status = await runCli(args, { stdout: stream('out'), stderr: stream('err'), ...io });
      return { status, ...text };
    };
    // The first page of the switch's executable, by its own maps.
    const maps = readFileSync(`/proc/${lab.pid}/maps`, 'utf8');
    const start = `0x${/^([0-9a-f]+)-.*\/ovs-vswitchd/m.exec(maps)![1]}`;
    const raw = ['run', 'test/fixtures/mapper/raw.c', '--arg', start, '--rundir', lab.rundir];
    const off = await cli(...raw);
    t.strictSame([off.status, off.out], [0, 'result: 18446744073709551615 (-1)\n'], 'off unless told: -EPERM');
    const on = await cli(...raw, '--allow-raw');
    t.equal(on.status, 0);
    t.equal(BigInt(/result: (\d+)/.exec(on.out)![1]!) & 0xffff_ffffn, 0x464c_457fn, 'ELF');
    const hole = await cli('run', 'test/fixtures/mapper/raw.c', '--arg', '8', '--rundir', lab.rundir, '--allow-raw');
    t.match(hole.out, /\(-14\)/);
    t.match(
      (await cli(...raw.slice(0, 4), '--from', 'x', '--allow-raw')).err,
      /--allow-raw copies from a running switch/,
    );

    for (const bad of ['x', '=y', 'a@70000=/f', 'a@=/f']) {
      const refused = await cli('run', 'examples/region/watch.c', '--map', bad);
      t.equal(refused.status, 2);
      t.match(refused.err, /--map: expected NAME=FILE/, bad);
    }
    const name = `\u001b]0;owned\u0007`;
    const shown = await cli('run', 'examples/region/watch.c', '--map', `${name}=/etc/hostname`);
    t.notOk(shown.err.includes('\u001b'), 'nothing steers the terminal');
    const copied = await cli('run', 'examples/region/watch.c', '--map', 'counters=/etc/hostname:copy');
    t.match(copied.out, /\(-13\)/, 'a copy is not writable: -EACCES');
    t.match(copied.err, /region counters: \d+ bytes, a copy, to read; handle 0x[0-9a-f]+/);

    // The whole way: the command line, the scheduler, the switch.
    await lab.appctl('dpctl/del-flows');
    const tail = cli('run', 'examples/tail_flows.c', '--arg', '2', '--arg', '20', '--rundir', lab.rundir);
    const sending = new AbortController();
    const sender = (async () => {
      while (!sending.signal.aborted) {
        await addFlow(lab, 6000);
        await sleep(1000);
        if (!sending.signal.aborted) await lab.appctl('dpctl/del-flows');
      }
    })();
    const { status, out } = await tail;
    sending.abort();
    await sender;
    t.equal(status, 0);
    t.match(out, /^\+ (ufid:|\(gone again\))[\s\S]*result: 2\n$/);
  });
}
