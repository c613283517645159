// The hook point `ovs` on a real switch: rows, ports, traces, events; the examples that wait; what `run` gives programs.
// Takes 34 s.
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { runCli } from '../lib/cli/main.js';
import { errno } from '../lib/errno.js';
import type { CtiError } from '../lib/errors.js';
import { EVENT_KIND, EVENT_SIZE } from '../lib/hooks/events.js';
import { ufidText } from '../lib/hooks/ovs/functions.js';
import { ovsHook } from '../lib/hooks/ovs/hook.js';
import { OvsdbPorts } from '../lib/hooks/ovs/ovsdb.js';
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
    const detrace = (ufid: Uint8Array) => fakeCall(functions, 'ovs_detrace', [0n, 0n, 60_000n], { 0: ufid });
    const detraced = await detrace(new Uint8Array(16));
    if ((await lab.appctl('list-commands')).includes('ofproto/detrace')) {
      t.match(outputOf(detraced).toString(), /^UFID was not found/);
      const [, some = ''] = /^ufid:([0-9a-f-]+)/m.exec(await lab.appctl('dpctl/dump-flows', '-m')) ?? [];
      const rules = await detrace(Buffer.from(some.replaceAll('-', ''), 'hex'));
      t.match(outputOf(rules).toString(), /priority=\d+,.*actions=/);
    } else t.equal(r0Of(detraced), errno('EOPNOTSUPP'));
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
    const event = outputOf(await waitFor(functions, id, 60_000));
    t.equal(event.readUInt32LE(0), EVENT_KIND.rowNew);
    const held = store.find('dp_flows', event.readBigUInt64LE(16));
    const row = held?.snapshot.rowText(Number(event.readBigUInt64LE(24))) ?? '';
    t.match(row, /src=10.0.1.11[,)]/);
    const ufid = /ufid:([0-9a-f-]+)/.exec(row)?.[1];
    t.equal(ufidText(event.subarray(32, 48)), ufid);
    held?.release();
    t.equal(
      outputOf(await waitFor(functions, same, 60_000, { taskId: 'b' })).readUInt32LE(0),
      EVENT_KIND.rowNew,
      'who watches the same is told',
    );
    await lab.appctl('dpctl/del-flows');
    const gone = outputOf(await waitFor(functions, id, 60_000));
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
      const event = outputOf(await waitFor(functions, id, 60_000));
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
    t.ok(Number(limit) >= 1000);
    await lab.fill(1100).catch(() => {}); // past the limit some are not installed: that is the pressure
    const event = outputOf(await waitFor(functions, id, 60_000));
    t.equal(event.readUInt32LE(0), EVENT_KIND.pressureOn);
    t.ok(event.readBigUInt64LE(64) >= 900n, 'flows');
    await lab.vsctl('set', 'Open_vSwitch', '.', 'other_config:flow-limit=2000000');
    await lab.appctl('dpctl/del-flows');
    t.equal(outputOf(await waitFor(functions, id, 60_000)).readUInt32LE(0), EVENT_KIND.pressureOff);
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
    const done = drive(linked, functions, { args: [40n, 10n], onOutput });
    await sleep(1000);
    // A reading may miss a flow between two of its own; then the program is given another.
    let ended = false;
    const ending = done.finally(() => {
      ended = true;
    });
    const until = async (what: string, act: () => Promise<unknown>) => {
      for (let i = 0; i < 60 && !ended && !text.includes(what); i++) {
        await act();
        for (let j = 0; j < 40 && !ended && !text.includes(what); j++) await sleep(50);
      }
      t.ok(text.includes(what), `it shows ${JSON.stringify(what)}: ${text}`);
    };
    await until('+ ', () => addFlow(lab, 5000));
    await until('\n- ', () => lab.appctl('dpctl/del-flows'));
    // Ten seconds in which nothing comes or goes end it, or forty flows.
    const { r0 } = await ending;
    t.ok(r0 > 0n);
    const shown = text.trimEnd().split('\n');
    t.equal(BigInt(shown.filter((line) => /^[+~] (ufid:|\(gone again\))/.test(line)).length), r0);
    const gone = shown.filter((line) => line.startsWith('- ')).map((line) => line.slice(2));
    // Others may have been there when it began: the lab is not silent.
    t.ok(
      gone.some((ufid) => text.includes(`+ ufid:${ufid}`)),
      `of what went, some had come: ${text}`,
    );
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
