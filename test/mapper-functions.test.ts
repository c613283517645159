// Kernel functions of the memory mapper: by hand, in programs, on the scheduler, and with another process's memory.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { errno } from '../lib/errno.js';
import type { CtiError } from '../lib/errors.js';
import { mapperFunctions, upstreamMapperFunctions, words } from '../lib/kernel-functions/mapper.js';
import { type LinkedProgram, link } from '../lib/linker/link.js';
import { loadObject } from '../lib/loader/load-object.js';
import { MemoryMapper } from '../lib/mapper/mapper.js';
import { RawMemory } from '../lib/mapper/raw.js';
import { createRegion, regionHandle } from '../lib/mapper/regions.js';
import { SnapshotStore } from '../lib/mapper/snapshot-store.js';
import type { MappedRanges } from '../lib/runner/call.js';
import type { Output } from '../lib/runner/program.js';
import type { KernelFunctions, Verdict } from '../lib/scheduler/kernel-call.js';
import { Scheduler } from '../lib/scheduler/scheduler.js';
import { readDpFlowsFile } from '../lib/sources/dp-flows.js';
import { compileBpf, scratch } from './support/clang.js';
import { drive } from './support/drive.js';
import { fakeCall } from './support/kernel-call.js';
import { processWithSecret } from './support/secret-process.js';
import { isClosed, storeOf } from './support/store.js';
import { until } from './support/until.js';

const dir = mkdtempSync(join(tmpdir(), 'cti-mapper-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

/** A mapper over a saved dump, its kernel functions, and what a task has mapped as the test says. */
function mapperOf(pollMs = 1) {
  const { store, seen } = storeOf();
  const mapper = new MemoryMapper({ node: 'local://a', store, pollMs });
  const problems: CtiError[] = [];
  const options = { mapper, onProblem: (_: unknown, error: CtiError) => void problems.push(error) };
  const ranges = { regions: [] as MappedRanges['regions'], tables: [] as MappedRanges['tables'], nPieces: 0 };
  const call =
    (functions: KernelFunctions): Call =>
    (name, args, inputs, more) =>
      fakeCall(functions, name, args, inputs, { mapped: ranges, ...more });
  return {
    mapper,
    seen,
    ranges,
    problems,
    own: call(mapperFunctions(options)),
    upstream: call(upstreamMapperFunctions(options)),
    functions: mapperFunctions(options),
  };
}

type Call = (...args: Parameters<typeof fakeCall> extends [unknown, ...infer Rest] ? Rest : never) => Promise<Verdict>;

const region = (name: string, address: number, size = 4096, more = {}) => ({
  node: 'local://a',
  name,
  asid: 0,
  address,
  size,
  writable: true,
  isStale: false,
  ...more,
});
const name = (text: string) => new TextEncoder().encode(text);

t.test('mmap by name in the current address space, by handle for the original', async (t) => {
  const { mapper, own, upstream, ranges } = mapperOf();
  const memory = createRegion('counters', 4096);
  const granted = mapper.regions.grant('counters', memory, 'read');
  mapper.regions.grant('counters', memory, 'read-write', { asid: 3 });
  const mmap = (text: string, access: bigint) => own('mmap', [0n, BigInt(text.length), access, 0n], { 0: name(text) });
  const region0 = { name: 'counters', node: 'local://a', asid: 0, fd: granted.fd, size: 4096, writable: false };
  t.strictSame(await mmap('counters', 0n), {
    kind: 'region',
    region: region0,
    outputs: [{ arg: 3, bytes: words(4096n) }],
  });
  t.strictSame(await mmap('counters', 1n), { kind: 'value', r0: errno('EACCES') });
  t.strictSame(await mmap('counters', 2n), { kind: 'value', r0: errno('EINVAL') });
  t.strictSame(await mmap('none', 0n), { kind: 'value', r0: errno('ENOENT') });
  t.strictSame(await mmap('/proc/self/fd/3', 0n), { kind: 'value', r0: errno('ENOENT') }, 'a name is a name');
  t.strictSame(await own('switch_to_address_space', [4n]), { kind: 'value', r0: errno('ENOENT') });
  t.strictSame(await own('switch_to_address_space', [3n]), { kind: 'value', r0: 0n });
  t.equal(mapper.addressSpace('task'), 3);
  t.match(await mmap('counters', 1n), { kind: 'region', region: { asid: 3, writable: true } });
  t.strictSame(await own('switch_to_address_space', [(1n << 32n) + 3n]), { kind: 'value', r0: errno('ENOENT') });

  // What is mapped already has its address given; with 64 mapped no more are.
  ranges.regions = [region('counters', 0x4000_0000, 4096, { asid: 3, writable: false })];
  t.strictSame(await mmap('counters', 0n), {
    kind: 'value',
    r0: 0x4000_0000n,
    outputs: [{ arg: 3, bytes: words(4096n) }],
  });
  t.strictSame(await mmap('counters', 1n), { kind: 'value', r0: errno('EACCES') });
  const info = await own('region_info', [0n, 8n, 0n], { 0: name('counters') });
  t.match(info, { r0: 0n, outputs: [{ arg: 2, bytes: words(4096n, 1n, 0x4000_0000n) }] });
  ranges.regions = [];
  ranges.nPieces = 64;
  t.strictSame(await mmap('counters', 1n), { kind: 'value', r0: errno('EMFILE') });
  ranges.nPieces = 0;

  const failed = { kind: 'value', r0: (1n << 64n) - 1n };
  const theirs = (va: bigint, size: bigint) => upstream('mmap', [va, size]);
  t.match(await theirs(regionHandle('counters', 3), 4096n), { kind: 'region', region: { asid: 3, writable: true } });
  t.strictSame(await theirs(regionHandle('counters', 3), 4097n), failed);
  t.strictSame(await theirs(regionHandle('counters', 3), 0n), failed);
  t.strictSame(await theirs(regionHandle('counters', 0), 8n), failed, 'of another address space');
  t.strictSame(await theirs(0x7fff_0000_0000n, 8n), failed, 'a host address is not a handle');
  t.strictSame(await upstream('switch_to_address_space', [9n]), failed);
  mapper.close();
  memory.close();
});

t.test("monitors: on granted memory only, and woken by another's store", async (t) => {
  const { mapper, own, upstream, ranges } = mapperOf();
  const memory = createRegion('counters', 4096);
  const array = new BigUint64Array(memory.buffer);
  const grant = mapper.regions.grant('counters', memory, 'read-write');
  mapper.region('task', grant, 'read-write');
  ranges.regions = [region('counters', 0x4000_0000)];
  const monitor = async (...args: bigint[]) => ((await own('monitor_address', args)) as { r0: bigint }).r0;
  const wait = (ns: bigint, more = {}) => own('wait_for_address_event', [ns, 0n], {}, more);
  t.strictSame(await wait(0n), { kind: 'value', r0: errno('ENOENT') }, 'nothing to wait for');
  t.equal(await monitor(0n, 0x4000_0004n, 0n, 0n), errno('EINVAL'));
  t.equal(await monitor(5n, 0x4000_0008n, 0n, 0n), errno('EINVAL'));
  for (const address of [0x3fff_fff8n, 0x4000_1000n, 0x2000_0000n, 0n, (1n << 32n) + 0x4000_0000n, (1n << 64n) - 8n]) {
    t.equal(await monitor(0n, address, 0n, 0n), errno('EFAULT'), `0x${address.toString(16)}`);
  }
  t.equal(await monitor(0n, 0x4000_0ff8n, 10n, 42n), 0n, 'the last word');
  t.equal(await monitor(2n, 0x4000_0000n, 7n, 43n), 0n);
  t.strictSame(await wait(20_000_000n), { kind: 'value', r0: errno('ETIMEDOUT') });
  const waits: unknown[] = [];
  const waiting = wait(0n, { waitsFor: (what: unknown) => waits.push(what) });
  await sleep(10);
  array[511] = 10n;
  await sleep(10);
  array[511] = 11n;
  t.match(await waiting, { r0: 0n, outputs: [{ arg: 1, bytes: words(42n, 0x4000_0ff8n, 11n) }] });
  t.strictSame(waits, [{ kind: 'address' }]);

  // It is a level, not an edge; of two that are met each has its turn.
  array[0] = 7n;
  const tag = async () => {
    const { outputs } = (await wait(0n)) as unknown as { outputs: { bytes: Uint8Array }[] };
    return Buffer.from(outputs[0]!.bytes).readBigUInt64LE(0);
  };
  t.strictSame([await tag(), await tag(), await tag(), await tag()], [43n, 42n, 43n, 42n]);
  t.equal(((await upstream('wait_for_address_event', [])) as { r0: bigint }).r0, 43n, 'the original gets the tag');
  t.equal(((await upstream('monitor_address', [0n, 0n, 0n, 0n])) as { r0: bigint }).r0, (1n << 64n) - 1n);
  t.equal(mapper.monitors('task').length, 2);
  t.equal(await monitor(4n, 0x4000_0000n, 0n, 0n), 0n);
  t.strictSame(
    mapper.monitors('task').map(({ tag }) => tag),
    [42n],
  );
  t.equal(await monitor(4n, 0n, 0n, 0n), 0n);
  t.strictSame(mapper.monitors('task'), []);

  // munmap takes monitors along; a stale or revoked region is not waited for.
  await monitor(0n, 0x4000_0010n, 0n, 1n);
  t.strictSame(await own('munmap', [0x4000_0000n]), { kind: 'unmap', address: 0x4000_0000 });
  t.strictSame([mapper.monitors('task'), mapper.granted('task', 'counters', 0)], [[], undefined]);
  t.strictSame(await own('munmap', [1n << 40n]), { kind: 'value', r0: errno('EINVAL') });
  mapper.region('task', grant, 'read-write');
  await monitor(0n, 0x4000_0010n, 0n, 1n);
  const killed: string[] = [];
  mapper.onKill((id, reason) => killed.push(`${id}: ${reason}`));
  const last = wait(0n);
  await sleep(5);
  mapper.regions.revoke('counters');
  t.strictSame(await last, { kind: 'value', r0: errno('ESTALE') });
  t.strictSame(killed, ['task: region counters, which it had mapped, was revoked']);
  t.equal(await monitor(0n, 0x4000_0010n, 0n, 1n), errno('EFAULT'));
  const gone = new AbortController();
  gone.abort();
  mapper.release('task');
  mapper.close();
  memory.close();
});

t.test('tables on demand and anew, held for the task', async (t) => {
  const { mapper, own, seen, problems } = mapperOf();
  const open = (text: string, size = 416n) => own('table_open', [0n, BigInt(text.length), 0n, size], { 0: name(text) });
  const refresh = (age: bigint, more = {}) =>
    own('table_refresh', [0n, 8n, 0n, 416n, age], { 0: name('dp_flows') }, more);
  t.strictSame(await open('of_rules'), { kind: 'value', r0: errno('ENOENT') });
  t.strictSame(await open('dp_flows', 415n), { kind: 'value', r0: errno('EINVAL') });
  const first = (await open('dp_flows')) as { kind: string; arg: number; table: { generation: bigint; node: string } };
  t.match(first, { kind: 'table', arg: 2, table: { name: 'dp_flows', node: 'local://a' } });
  const second = (await refresh(3_600_000n)) as typeof first;
  t.equal(second.table.generation, first.table.generation, 'young enough');
  const third = (await refresh(0n)) as typeof first;
  t.ok(third.table.generation > first.table.generation);
  t.strictSame(
    mapper.store.list().map(({ holders }) => holders),
    [1],
    'the older one is held no more',
  );
  t.ok(isClosed(seen.snapshots[0]!));

  // An image that comes back: what is here, and nothing else under its name.
  const range = (generation: bigint, more = {}) => {
    const { schema } = seen.snapshots[1]!;
    return { node: 'local://a', table: 'dp_flows', generation, schemaHash: schema.hash, isStale: false, ...more };
  };
  const resolveTables = (id: string, ...tables: ReturnType<typeof range>[]) =>
    mapper.resolve({ id, tables, regions: [] }).tables.map((table) => table?.generation ?? null);
  const { generation } = third.table;
  t.strictSame(resolveTables('task', range(generation)), [generation]);
  t.strictSame(
    resolveTables('b', range(generation), range(first.table.generation)),
    [generation, null],
    'evicted: stale',
  );
  t.strictSame(resolveTables('c', range(generation, { node: 'local://b' })), [null], 'of another node: stale');
  t.strictSame(resolveTables('c', range(generation, { isStale: true })), [null], 'stale stays stale');
  t.strictSame(resolveTables('c', range(generation, { schemaHash: '0'.repeat(16) })), [null]);
  t.strictSame(
    mapper.store.list().map(({ holders }) => holders),
    [2],
  );
  mapper.release('b');
  mapper.release('b');
  mapper.dropTable('task', 'dp_flows');
  t.strictSame(
    mapper.store.list().map(({ holders }) => holders),
    [0],
  );

  const stop = new AbortController();
  const stopped = refresh(0n, { signal: stop.signal });
  await sleep(5);
  stop.abort();
  t.strictSame(await stopped, { kind: 'value', r0: errno('EIO') });
  t.strictSame(problems, [], "giving up is no problem of the host's");
  mapper.close();

  const broken = new MemoryMapper({
    node: 'a',
    store: new SnapshotStore({ tables: { dp_flows: () => readDpFlowsFile(join(dir, 'no-dump')) } }),
  });
  const seenProblems: CtiError[] = [];
  const functions = mapperFunctions({
    mapper: broken,
    onProblem: (_, error) => void seenProblems.push(error),
  });
  const answer = await fakeCall(functions, 'table_open', [0n, 8n, 0n, 416n], { 0: name('dp_flows') });
  t.strictSame(answer, { kind: 'value', r0: errno('EIO') });
  t.match(seenProblems, [{ code: 'FILE', message: /no-dump/ }], 'the log has the reason');
  broken.close();
});

t.test('regions of an image that comes back', (t) => {
  const { mapper } = mapperOf();
  const memory = createRegion('counters', 4096);
  const grant = mapper.regions.grant('counters', memory, 'read-write');
  const resolveRegions = (id: string, ...regions: ReturnType<typeof region>[]) =>
    mapper.resolve({ id, tables: [], regions }).regions;
  t.equal(mapper.control('a'), undefined);
  mapper.restore({ id: 'a', addressSpace: 2, monitors: [{ type: 0, address: 8, value: 1n, tag: 2n }] });
  const here = region('counters', 0x4000_0000);
  t.match(resolveRegions('a', here), [{ name: 'counters', fd: grant.fd, size: 4096, writable: true }]);
  t.match(mapper.control('a'), { addressSpace: 2, monitors: [{ tag: 2n }] }, 'mapping what it has changes neither');
  mapper.setMonitors('a', []);
  t.strictSame(mapper.control('a'), { addressSpace: 2, monitors: [] }, 'nor do cleared ones come back');
  t.strictSame(resolveRegions('b', { ...here, node: 'local://b' }), [null]);
  t.strictSame(resolveRegions('b', { ...here, isStale: true }), [null]);
  t.strictSame(resolveRegions('b', { ...here, size: 8192 }), [null], 'another size is another region');
  t.strictSame(resolveRegions('b', { ...here, asid: 1 } as never), [null]);
  mapper.regions.revoke('counters');
  t.strictSame(resolveRegions('a', here), [null], 'revoked');
  mapper.regions.grant('counters', memory, 'read-write');
  t.strictSame(resolveRegions('a', here), [null], 'and what is granted under its name since is another');
  mapper.release('a');
  mapper.regions.revoke('counters');
  mapper.regions.grant('counters', memory, 'read');
  t.strictSame(resolveRegions('c', here), [null], 'it may not write any more');
  mapper.close();
  memory.close();
  t.end();
});

t.test('raw copies: only for the task that the operator allowed, which then stays here', async (t) => {
  const { child, address } = await processWithSecret();
  t.teardown(() => child.kill('SIGKILL'));
  const { mapper, own, ranges } = mapperOf();
  const copy = (size: bigint, task = 'task') => own('raw_copy', [address, size], {}, { taskId: task });
  t.strictSame(await copy(8n), { kind: 'value', r0: errno('EPERM') }, 'off');
  mapper.allowRaw('task', new RawMemory({ pid: child.pid! }));
  t.strictSame(await copy(8n, 'other'), { kind: 'value', r0: errno('EPERM') }, 'one task only');
  t.equal(mapper.isConfined('task'), false);
  t.strictSame(await copy(10n), { kind: 'copy', name: 'raw', bytes: new Uint8Array(Buffer.from('the secret')) });
  t.equal(mapper.isConfined('task'), true);
  t.strictSame(await copy((1n << 20n) + 1n), { kind: 'value', r0: errno('E2BIG') });
  ranges.nPieces = 64;
  t.strictSame(await copy(8n), { kind: 'value', r0: errno('EMFILE') });
  ranges.nPieces = 0;
  mapper.release('task');
  t.strictSame(await copy(8n), { kind: 'value', r0: errno('EPERM') }, 'it ends with the task');
  mapper.close();
});

const scratchDir = scratch();

async function build(path: string, flags: readonly string[] = ['-g']): Promise<LinkedProgram> {
  const object = await compileBpf(resolve(path), scratchDir, { cpu: 'v4', flags });
  return link([loadObject(readFileSync(object), basename(path))]);
}

const textOf = (output: readonly Output[]): string =>
  output.map((piece) => (piece.kind === 'text' ? piece.text : '')).join('');

t.test('a program watches counters of another process, writes there, and is woken by it', async (t) => {
  const exporter = join(dir, 'exporter');
  execFileSync('cc', ['-O2', '-o', exporter, 'examples/region/exporter.c']);
  const child = spawn(exporter, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const path = await new Promise<string>((done) => child.stdout!.once('data', (data) => done(String(data).trim())));
  const linked = await build('examples/region/watch.c');
  for (const engine of ['interpreter', 'jit'] as const) {
    const { mapper, functions } = mapperOf(10);
    mapper.regions.grantFile('counters', path, 'read-write');
    const { r0, output, calls } = await drive(linked, functions, { args: [50n, 3n], engine });
    t.equal(r0, 3n, engine);
    const lines = textOf(output).trimEnd().split('\n');
    t.equal(lines.length, 6);
    for (const [i, line] of lines.entries()) {
      const [, number = '', rest = ''] = /^(?:reset )?(\d+) (.*)$/.exec(line) ?? [];
      t.equal(rest, i % 2 === 0 ? 'requests: asking for a reset' : 'is done');
      if (i % 2 === 0) t.ok(Number(number) > 50, line);
    }
    t.equal(calls.filter((name) => name === 'wait_for_address_event').length, 6);
    t.equal(calls.at(-1), 'munmap');
    mapper.close();
  }
  // Granted for reading, the same program is refused; a program that does not ask cannot write.
  const { mapper, functions } = mapperOf(10);
  mapper.regions.grantFile('counters', path, 'read');
  t.equal((await drive(linked, functions, { args: [50n] })).r0, errno('EACCES'));
  mapper.close();
});

t.test('on the scheduler: woken in process and on threads; a region taken back ends who has it', async (t) => {
  const linked = await build('examples/region/watch.c');
  for (const workers of [0, 1]) {
    const { mapper, functions } = mapperOf(10);
    const scheduler = new Scheduler({ workers, mapper, functions: { ctinspector: functions } });
    mapper.onKill((id, reason) => scheduler.get(id)?.kill(reason));
    const memory = createRegion('counters', 4096);
    const array = new BigUint64Array(memory.buffer);
    mapper.regions.grant('counters', memory, 'read-write');
    const tasks = Array.from({ length: 20 }, (_, i) =>
      scheduler.submit(linked.spec, { name: `w${i}`, args: [BigInt(i)] }),
    );
    const waiting = async (kind: string, n: number) => {
      for (let i = 0; i < 6000 && tasks.filter(({ wait }) => wait?.kind === kind).length !== n; i++) await sleep(10);
      t.equal(tasks.filter(({ wait }) => wait?.kind === kind).length, n, `${n} wait for ${kind}, ${workers} workers`);
    };
    await waiting('address', 20);
    array[0] = 10n;
    for (let i = 0; i < 6000 && Atomics.load(array, 1) !== 10n; i++) await sleep(10);
    t.equal(array[1], 10n, 'ten saw the limit passed, and asked for a reset');
    t.equal(mapper.poller.nWaiters, 20);
    array[2] = 10n;
    const ends = await Promise.all(tasks.slice(0, 10).map(({ done }) => done));
    t.strictSame(
      ends.map((end) => end.kind === 'exited' && end.r0),
      Array(10).fill(1n),
    );
    t.equal(mapper.poller.nWaiters, 10);
    mapper.regions.revoke('counters');
    const killed = await Promise.all(tasks.slice(10).map(({ done }) => done));
    t.strictSame(
      new Set(killed.map((end) => end.kind === 'killed' && end.reason)),
      new Set(['region counters, which it had mapped, was revoked']),
    );
    await until('nobody to be looked for', () => mapper.poller.nWaiters === 0);
    await scheduler.close();
    mapper.close();
    memory.close();
  }
});
