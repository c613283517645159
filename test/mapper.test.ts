// The memory mapper: snapshots that many share, granted regions, monitors, raw copies.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { words } from '../lib/kernel-functions/mapper.js';
import { isMet, MONITOR, Poller, withLast, withMonitor, withoutMonitors } from '../lib/mapper/monitors.js';
import { RawMemory } from '../lib/mapper/raw.js';
import { createRegion, Regions, regionHandle } from '../lib/mapper/regions.js';
import { SnapshotStore } from '../lib/mapper/snapshot-store.js';
import { processWithSecret } from './support/secret-process.js';
import { isClosed, storeOf } from './support/store.js';

const dir = mkdtempSync(join(tmpdir(), 'cti-mapper-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
async function expectError(t: Test, promise: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await t.rejects(promise, { code, message });
}

const never = new AbortController().signal;

t.test('many who ask share one reading; a max-age says how old it may be', async (t) => {
  const { store, seen } = storeOf();
  const first = await Promise.all(Array.from({ length: 100 }, () => store.get('dp_flows', 0)));
  t.equal(seen.readings, 1);
  t.equal(new Set(first.map(({ snapshot }) => snapshot.generation)).size, 1);
  await sleep(2);
  t.strictSame(
    store.list().map(({ holders }) => holders),
    [100],
  );
  await sleep(30);
  const old = await store.get('dp_flows', 3_600_000);
  t.equal(seen.readings, 1, 'young enough');
  const fresh = await store.get('dp_flows', 5);
  t.equal(seen.readings, 2, 'too old');
  t.ok(fresh.snapshot.generation > old.snapshot.generation);
  t.equal(seen.most, 1);

  // While one is under way, who wants one that began later waits for the next; the two do not overlap.
  const during = store.get('dp_flows', 0);
  await sleep(10);
  const later = store.get('dp_flows', 2);
  const joined = store.get('dp_flows', 3_600_000);
  const [a, b, c] = await Promise.all([during, later, joined]);
  t.equal(seen.readings, 4);
  t.equal(seen.most, 1);
  t.ok(b.snapshot.generation > a.snapshot.generation);
  t.equal(c.snapshot.generation, fresh.snapshot.generation);

  t.equal(store.find('dp_flows', 1n), null);
  t.equal(store.find('none', old.snapshot.generation), null);
  const again = store.find('dp_flows', old.snapshot.generation);
  t.equal(again?.snapshot, old.snapshot);
  for (const held of [...first, old, again!]) held.release();
  t.ok(isClosed(first[0]!.snapshot), 'an old one goes with its last holder');
  t.equal(store.find('dp_flows', old.snapshot.generation), null);
  t.notOk(isClosed(fresh.snapshot));
  await t.rejects(store.get('of_rules', 0), /expected a table out of dp_flows but received 'of_rules'/);
});

t.test('the newest stays for a while; the limit evicts, and then refuses', async (t) => {
  const { store, seen } = storeOf({ keepMs: 60 });
  (await store.get('dp_flows', 0)).release();
  await sleep(20);
  const again = await store.get('dp_flows', 3_600_000);
  t.equal(seen.readings, 1);
  again.release();
  again.release();
  await sleep(150);
  t.strictSame([store.list(), isClosed(seen.snapshots[0]!)], [[], true]);

  const one = storeOf();
  const bytes = (await one.store.get('dp_flows', 0)).snapshot.segments.reduce((sum, { size }) => sum + size, 0);
  const small = storeOf({ limitBytes: 2 * bytes + 1 });
  const holds = [await small.store.get('dp_flows', 0)];
  await sleep(2);
  (await small.store.get('dp_flows', 0)).release();
  await sleep(2);
  holds.push(await small.store.get('dp_flows', 0));
  await sleep(2);
  t.strictSame(
    small.store.list().map(({ holders }) => holders),
    [1, 1],
    'what nobody held made room',
  );
  await sleep(2);
  await expectError(
    t,
    small.store.get('dp_flows', 0),
    'OUT_OF_MEMORY',
    /snapshots that are in use \d+, the limit is \d+/,
  );
  t.equal(small.seen.snapshots.filter(isClosed).length, 2, 'what was refused is closed, too');
  holds[0]!.release();
  await sleep(2);
  t.ok((await small.store.get('dp_flows', 0)).snapshot);
});

t.test("who gives up does not hold others up; the last one stops the reading; failures are everybody's", async (t) => {
  const { store, seen } = storeOf({}, 100);
  const [a, b] = [new AbortController(), new AbortController()];
  const both = [store.get('dp_flows', 0, a.signal), store.get('dp_flows', 0, b.signal)] as const;
  await sleep(20);
  a.abort();
  await expectError(t, both[0], 'CANCELLED', /stopped before the table was read/);
  const { snapshot } = await both[1];
  t.equal(snapshot.facts.nRows > 0, true);
  const c = new AbortController();
  const alone = store.get('dp_flows', 0, c.signal);
  await sleep(20);
  c.abort();
  await expectError(t, alone, 'CANCELLED', /stopped/);
  await sleep(5);
  t.equal(seen.stopped, 1, 'the source was told');
  t.ok((await store.get('dp_flows', 0)).snapshot.generation > snapshot.generation, 'and a new one begins');

  let failures = 0;
  const bad = new SnapshotStore({
    tables: { dp_flows: () => Promise.reject(new Error(`no ${++failures}`)) },
    pace: { minPauseMs: 1 },
  });
  const results = await Promise.allSettled([bad.get('dp_flows', 0), bad.get('dp_flows', 0)]);
  t.strictSame(
    results.map((result) => (result as PromiseRejectedResult).reason.message),
    ['no 1', 'no 1'],
  );
  await t.rejects(bad.get('dp_flows', 0), /no 2/);
  bad.close();
});

t.test('readings keep a distance, however often they are asked for', async (t) => {
  const { store, seen } = storeOf({ pace: { minPauseMs: 40, factor: 3 } }, 30);
  const begin = performance.now();
  for (let i = 0; i < 4; i++) (await store.get('dp_flows', 0)).release();
  const took = performance.now() - begin;
  t.equal(seen.readings, 4);
  // A timer may come a millisecond early.
  t.ok(took >= 4 * 30 + 3 * 90 - 20, `${took} ms: three pauses of three times 30 ms`);
});

t.test('regions: made, granted, found, revoked', (t) => {
  const regions = new Regions();
  const memory = createRegion('counters', 5000);
  t.equal(memory.buffer.byteLength, 5000);
  const grant = regions.grant('counters', memory, 'read-write');
  t.match(grant, { name: 'counters', asid: 0, size: 5000, access: 'read-write', handle: regionHandle('counters') });
  t.equal(regionHandle('counters') % 4096n, 0n);
  t.not(regionHandle('counters', 1), regionHandle('counters'));
  const held = regions.hold('counters', 0)!;
  new BigUint64Array(memory.buffer, 0, 2)[1] = 77n;
  t.equal(held.load(8), 77n, 'the same pages');
  t.throws(() => held.load(4996), /no word/);
  t.throws(() => held.load(4), /no word/);
  memory.close();
  memory.close();
  new BigUint64Array(memory.buffer, 0, 1)[0] = 78n;
  t.equal(held.load(0), 78n, 'its maker may close it');

  t.throws(() => regions.grant('counters', memory, 'read'), /is granted already in address space 0: revoke it first/);
  t.equal(regions.find('counters', 1), undefined);
  t.equal(regions.find(regionHandle('counters'), 0), grant);
  const elsewhere = createRegion('other', 1);
  regions.grant('counters', elsewhere, 'read', { asid: 7 });
  t.strictSame([regions.hasSpace(0n), regions.hasSpace(7n), regions.hasSpace(8n)], [true, true, false]);

  const told: string[] = [];
  regions.onRevoke(({ name }) => told.push(name));
  t.equal(regions.revoke('counters'), true);
  t.equal(regions.revoke('counters'), false);
  t.strictSame([told, regions.find('counters', 0), grant.isRevoked], [['counters'], undefined, true]);
  t.equal(held.load(0), 78n, 'who holds it can finish');
  t.doesNotThrow(() => readFileSync(`/proc/self/fdinfo/${grant.fd}`));
  held.release();
  t.throws(() => readFileSync(`/proc/self/fdinfo/${grant.fd}`), /ENOENT/, 'then its descriptor is closed');
  const next = createRegion('counters', 4096);
  t.not(regions.grant('counters', next, 'read-write'), grant, 'the name may be used anew');
  regions.close();
  elsewhere.close();
  next.close();
  t.end();
});

t.test('what is no memory that stays is not granted', (t) => {
  const regions = new Regions();
  const file = join(dir, 'file');
  writeFileSync(file, 'twelve bytes');
  const fd = openSync(file, 'r+');
  t.throws(
    () => regions.grant('x', fd, 'read-write'),
    /expected a memfd that cannot shrink but received memory that can: its owner must make it with memfd_create/,
  );
  closeSync(fd);
  t.throws(
    () => regions.grantFile('x', file, 'read'),
    /can shrink, and what can shrink is not mapped.*or use its bytes as they are now, with :copy/,
  );
  const shm = `/dev/shm/cti-mapper-${process.pid}`;
  writeFileSync(shm, 'tmpfs');
  t.throws(() => regions.grantFile('x', shm, 'read-write'), /can shrink/, 'a file on tmpfs has no seals');
  rmSync(shm);
  t.throws(() => regions.grantFile('x', join(dir, 'none'), 'read'), /region x: cannot read .*none: no such file/);
  t.throws(() => regions.grantFile('x', dir, 'read'), /is not memory/);
  t.throws(() => regions.grantFile('x', dir, 'copy'), /is not a file, so there is nothing to copy/);
  t.throws(() => regions.grantFile('x', '/dev/zero', 'copy'), /is not a file/);
  const copy = regions.grantFile('copy', file, 'copy');
  t.match(copy, { size: 12, access: 'read' });
  const held = regions.hold('copy', 0)!;
  writeFileSync(file, 'TWELVE BYTES');
  t.equal(Buffer.from(words(held.load(0))).toString(), 'twelve b', 'a copy stays as it was');
  held.release();
  writeFileSync(file, '');
  t.throws(() => regions.grantFile('y', file, 'copy'), /is empty/);

  const memory = createRegion('memory', 4096);
  const readOnly = openSync(`/proc/self/fd/${memory.fd}`, 'r');
  t.throws(
    () => regions.grant('ro', readOnly, 'read-write'),
    /is open for reading only, so it cannot be granted read-write/,
  );
  const grant = regions.grant('ro', memory, 'read');
  t.match(
    readFileSync(`/proc/self/fdinfo/${grant.fd}`, 'utf8'),
    /flags:\s+0[0-7]*0\n/,
    'the own descriptor can only read',
  );
  closeSync(readOnly);
  memory.close();
  t.throws(() => regions.grant('closed', memory, 'read'), /look at a descriptor/);
  for (const name of ['', 'x'.repeat(65), 'a\0b', 7 as never]) {
    t.throws(() => regions.grant(name, memory, 'read'), /expected a region's name of 1 to 64 bytes/);
  }
  t.throws(() => regions.grant('x', memory, 'write' as never), /expected access read or read-write but received write/);
  t.throws(() => regions.grant('x', memory, 'read', { asid: 65536 }), /expected an address space from 0 to 65535/);
  for (const size of [0, -1, 1.5, 2 ** 32]) t.throws(() => createRegion('x', size), /expected 1 to \d+ bytes/);
  regions.close();
  t.end();
});

t.test('monitors compare unsigned; an address has one; each has its turn', (t) => {
  const big = 1n << 63n;
  t.strictSame(
    [MONITOR.larger, MONITOR.smaller, MONITOR.equal, MONITOR.notEqual].map((type) => [
      isMet(type, big, 1n),
      isMet(type, 1n, big),
      isMet(type, 5n, 5n),
    ]),
    [
      [true, false, false],
      [false, true, false],
      [false, false, true],
      [true, true, false],
    ],
  );
  const monitor = (address: number, tag = 0n) => ({ type: 0, address, value: 0n, tag });
  let list = withMonitor([], monitor(8))!;
  list = withMonitor(list, monitor(16))!;
  list = withMonitor(list, monitor(8, 5n))!;
  t.strictSame(
    list.map(({ address, tag }) => [address, tag]),
    [
      [8, 5n],
      [16, 0n],
    ],
  );
  t.strictSame(
    withLast(list, list[0]!).map(({ address }) => address),
    [16, 8],
  );
  t.strictSame(
    withoutMonitors([monitor(8), monitor(16), monitor(4096)], 16, 4080).map(({ address }) => address),
    [8, 4096],
  );
  const full = Array.from({ length: 64 }, (_, i) => monitor(8 * i));
  t.equal(withMonitor(full, monitor(8 * 64)), null);
  t.equal(withMonitor(full, monitor(8, 9n))?.length, 64);
  t.end();
});

t.test('one poller looks for all; nobody is looked for once all are done', async (t) => {
  const poller = new Poller(5);
  const memory = createRegion('words', 8 * 1000);
  const array = new BigUint64Array(memory.buffer);
  let looks = 0;
  const waits = Array.from({ length: 1000 }, (_, i) => {
    const look = () => {
      looks++;
      return Atomics.load(array, i) === 1n ? i : undefined;
    };
    return poller.wait(look, 60_000, never);
  });
  const stop = new AbortController();
  const givenUp = poller.wait(() => undefined, 60_000, stop.signal);
  t.equal(poller.nWaiters, 1001);
  for (let i = 0; i < 1000; i += 2) array[i] = 1n;
  t.strictSame(
    await Promise.all(waits.filter((_, i) => i % 2 === 0)),
    Array.from({ length: 500 }, (_, i) => 2 * i),
  );
  t.equal(poller.nWaiters, 501);
  stop.abort();
  t.equal(await givenUp, undefined);
  array.fill(1n);
  await Promise.all(waits);
  t.equal(poller.nWaiters, 0);
  const before = looks;
  await sleep(30);
  t.equal(looks, before, 'no look without a waiter');
  t.equal(await poller.wait(() => undefined, 20, never), undefined, 'a timeout');
  await t.rejects(
    poller.wait(
      () => {
        throw new Error('gone');
      },
      1000,
      never,
    ),
    /gone/,
  );
  t.throws(() => new Poller(0), /expected 1 to 60000 ms/);
  memory.close();
});

t.test('raw copies are bounded, stay with their process, and end with it', async (t) => {
  const { child, address } = await processWithSecret();
  t.teardown(() => child.kill('SIGKILL'));
  const raw = new RawMemory({ pid: child.pid!, totalBytes: 10_000 });
  const text = async (bytes: Promise<Uint8Array | string>) => {
    const copied = await bytes;
    return typeof copied === 'string' ? copied : Buffer.from(copied).toString();
  };
  t.equal(await text(raw.copy(address, 23n)), 'the secret of a process');
  t.equal(await raw.copy(address, 0n), 'EINVAL');
  t.equal(await raw.copy(address, (1n << 20n) + 1n), 'E2BIG');
  t.equal(await raw.copy(0n, 8n), 'EFAULT');
  for (const bad of [(1n << 64n) - 8n, 1n << 63n, (1n << 47n) - 8n]) t.equal(await raw.copy(bad, 8n), 'EFAULT');
  t.equal(await raw.copy(address, 10_000n), 'EDQUOT');
  const ranged = new RawMemory({ pid: child.pid!, ranges: [{ start: address + 4n, end: address + 10n }] });
  t.equal(await text(ranged.copy(address + 4n, 6n)), 'secret');
  t.equal(await ranged.copy(address + 4n, 7n), 'EACCES');
  t.equal(await ranged.copy(address + 3n, 6n), 'EACCES');
  ranged.close();
  t.equal(await ranged.copy(address + 4n, 6n), 'ESRCH');
  child.kill('SIGKILL');
  await new Promise((done) => child.once('exit', done));
  t.equal(await raw.copy(address, 23n), 'ESRCH', 'never the memory of another process with its pid');
  raw.close();
  raw.close();
  t.throws(() => new RawMemory({ pid: 2 ** 30 }), /there is no process/);
  t.throws(() => new RawMemory({ pid: 0 }), /expected a process's number/);
});
