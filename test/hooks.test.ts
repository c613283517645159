import t from 'tap';
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
import { JsonStream } from '../lib/hooks/ovs/ovsdb.js';
import { SwitchCalls } from '../lib/hooks/ovs/switch-calls.js';
import { isPressed, kindsOf, parsePressure } from '../lib/hooks/ovs/switch-events.js';
import { parsePorts, parseUpcalls } from '../lib/hooks/ovs/switch-texts.js';
import { parseTableChanged, tableChanged } from '../lib/hooks/ovs/table-changes.js';
import { Hooks } from '../lib/hooks/registry.js';
import { SnapshotStore } from '../lib/mapper/snapshot-store.js';
import type { KernelFunctions, Verdict } from '../lib/scheduler/kernel-call.js';
import { asSwitch, fakeUnixctl, result } from './support/fake-unixctl.js';
import { fakeCall } from './support/kernel-call.js';

t.setTimeout(600_000);

const bytesOf = (text: string) => new TextEncoder().encode(text);
const r0Of = (verdict: Verdict): bigint => (verdict as { r0: bigint }).r0;
const outputOf = (verdict: Verdict): Buffer =>
  Buffer.from((verdict as unknown as { outputs: { bytes: Uint8Array }[] }).outputs[0]!.bytes);

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

  const waiting = waitFor(functions, id, 60_000);
  sinks[0]!.push({ kind: 7, generation: 8n, row: 9n, ufid: [1n, 2n], values: [3n, 4n, 5n, 6n], name: 'eth0' });
  const event = outputOf(await waiting);
  t.equal(event.length, EVENT_SIZE);
  t.strictSame([event.readUInt32LE(0), event.readUInt32LE(4)], [7, 0]);
  t.ok(Math.abs(Number(event.readBigUInt64LE(8) / 1_000_000n) - Date.now()) < 60_000);
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
    const bytes = outputOf(await waitFor(functions, id, 60_000));
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
  t.equal(r0Of(await waitFor(functions, id, 60_000)), 0n);
  t.equal(r0Of(await waitFor(functions, id, 60_000)), errno('EIO'));
  t.equal(r0Of(await waitFor(functions, id, 60_000)), errno('ENOENT'));

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
