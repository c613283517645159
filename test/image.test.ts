/** Images: a stopped program as bytes, through a file, onto the other engine; what is refused; what goes stale. */
import { closeSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { imageText } from '../lib/cli/image-text.js';
import { errno } from '../lib/errno.js';
import { CONTROL_FIELDS } from '../lib/generated/image-control.js';
import { native } from '../lib/runner/native.js';
import {
  createMemfd,
  decodeImage,
  disassembleImage,
  type ImageControl,
  type ResumeOptions,
  Run,
  type TableMapping,
  withControl,
} from '../lib/runner/program.js';
import { ENGINES } from './support/engines.js';
import { caught } from './support/errors.js';
import { load } from './support/programs.js';

const ID = '0123456789abcdef0123456789abcdef';
const CONTROL: ImageControl = { id: ID, epoch: 3n, name: 'test' };
const NOTHING: ResumeOptions = { tables: [], regions: [] };

/** Sums 1 to 9 by recursion, asking the host at each depth up to 7; keeps its sum in data and memory, too. */
const DEEP = `
        r6 = 0x20000000 ll
        r7 = r1
        r1 = 1
        call deeper
        *(u64 *)(r6 + 0) = r0
        *(u64 *)(r7 + 5000) = r0
        exit
deeper: r6 = r1
        *(u64 *)(r10 - 8) = r1
        call 7
        r7 = r0
        if r6 == 7 goto out
        r1 = r6
        r1 += 1
        call deeper
        r7 += r0
  out:  r0 = *(u64 *)(r10 - 8)
        r0 += r7
        exit`;

t.test('saved at every call, at every depth, through a file, resumed on the next engine', (t) => {
  const file = join(t.testdir(), 'image');
  let run = load(DEEP, { bssSize: 64 }).start({ suspends: true, memory: new Uint8Array(8192), args: [0x3000_0000n] });
  for (let call = 1; call <= 7; call++) {
    // Slices of 1 on the way: a local call is a place to stop, too.
    let stop = run.step(1n);
    while (stop.kind === 'out_of_fuel') {
      writeFileSync(file, run.save(CONTROL));
      run.close();
      run = Run.resume(readFileSync(file), { ...NOTHING, ...ENGINES[call % ENGINES.length]![1] });
      stop = run.step(1n);
    }
    t.match(stop, { kind: 'suspended', call: { name: 'later', args: [BigInt(call)], callNumber: BigInt(call) } });
    writeFileSync(file, run.save(CONTROL));
    run.close();
    const facts = decodeImage(readFileSync(file));
    t.match(facts, { ...CONTROL, depth: call, callNumber: BigInt(call), set: 'conformance', nSlots: 20 });
    t.match(facts.pending, { name: 'later', number: 7, args: [BigInt(call), 0n, 0n, 0n, 0n] });
    t.equal(facts.frames.length, call);
    run = Run.resume(readFileSync(file), { ...NOTHING, ...ENGINES[(call + 1) % ENGINES.length]![1] });
    t.match(run.pending, { name: 'later', args: [BigInt(call)], callNumber: BigInt(call) });
    run.answer({ kind: 'value', r0: BigInt(100 * call) });
  }
  const sum = 28n + 2800n;
  t.match(run.step(1_000n), { kind: 'exited', r0: sum });
  t.equal(Buffer.from(run.read(0x2000_0000, 8)).readBigUInt64LE(), sum);
  t.equal(Buffer.from(run.memory()).readBigUInt64LE(5000), sum);
  run.close();
  t.end();
});

/** A program that migrates once and exits, as it is when it asks to be taken elsewhere. */
function migrant(): Uint8Array {
  const url = Uint8Array.from(Buffer.from('local://b'));
  const source = 'r1 = 0x18000000 ll\n r2 = 9\n r3 = r1\n r4 = 0\n r5 = r10\n r5 -= 16\n call 8\n exit';
  using run = load(source, { rodata: url }).start({ suspends: true });
  t.match(run.step(100n), { kind: 'suspended', call: { inputs: [url] } });
  return run.save({ id: ID, epoch: 1n, name: 'migrant', hopsLeft: 8, fuelLeft: 1_000_000n, home: 'local://a' });
}

t.test('the smallest complete image', (t) => {
  const image = migrant();
  t.ok(image.length <= 256, `${image.length} bytes`);
  t.match(decodeImage(image), {
    hopsLeft: 8,
    fuelLeft: 1_000_000n,
    home: 'local://a',
    memory: [
      { name: 'stack', stored: 0 },
      { name: 'rodata', stored: 9 },
    ],
  });
  t.match(disassembleImage(image), /call 0x8 <exchange>/);
  using run = Run.resume(image, NOTHING);
  run.answer({ kind: 'value', r0: 5n });
  t.match(run.step(10n), { kind: 'exited', r0: 5n });
  t.end();
});

t.test('every byte changed, and every length cut, is refused with byte, field, expected and received', (t) => {
  const image = migrant();
  for (let at = 0; at < image.length; at++) {
    for (const flip of [1, 0x80, 0xff]) {
      const changed = Uint8Array.from(image);
      changed[at]! ^= flip;
      const error = caught(() => decodeImage(changed));
      if (
        error.code !== 'IMAGE_MALFORMED' ||
        !/^image, byte \d+, \S+: expected .* but received \S+/.test(error.message)
      ) {
        t.fail(`byte ${at}: ${error.code} ${error.message}`);
      }
    }
    const cut = caught(() => decodeImage(image.subarray(0, at)));
    if (cut.code !== 'IMAGE_MALFORMED') t.fail(`cut at ${at}: ${cut.code}`);
  }
  t.match(
    caught(() => decodeImage(Uint8Array.of(...image, 0))),
    { code: 'IMAGE_MALFORMED', message: /size/ },
  );
  t.match(
    caught(() => Run.resume(image.subarray(1), NOTHING)),
    { code: 'IMAGE_MALFORMED', message: /magic/ },
  );
  t.end();
});

t.test('control fields change, and nothing else does', (t) => {
  const image = migrant();
  const before = decodeImage(image);
  const changed = withControl(image, {
    epoch: 2n,
    home: undefined,
    meeting: ID,
    durable: true,
    memoryLimit: 2 ** 40,
    monitors: [{ type: 2, address: 0x4000_0000, value: 7n, tag: 1n << 63n }],
  });
  const after = decodeImage(changed);
  const { home, ...rest } = before;
  t.strictSame(after, {
    ...rest,
    epoch: 2n,
    meeting: ID,
    durable: true,
    memoryLimit: 2 ** 40,
    monitors: [{ type: 2, address: 0x4000_0000, value: 7n, tag: 1n << 63n }],
  });
  t.equal(home, 'local://a');
  t.same(withControl(changed, { ...before, meeting: undefined, durable: undefined, memoryLimit: undefined }), image);
  t.match(
    caught(() => withControl(image, { id: 'x' })),
    { code: 'INVALID_ARGUMENT', message: /control\.id/ },
  );
  t.match(
    caught(() => withControl(image, { hopsLeft: -1 })),
    { code: 'INVALID_ARGUMENT', message: /control\.hopsLeft/ },
  );
  t.match(
    caught(() => withControl(image, { name: 'x'.repeat(1025) })),
    { message: /control\.name/ },
  );
  t.end();
});

const flows = (fd: number): TableMapping => ({
  node: 'local://a',
  name: 'flows',
  nRows: 2,
  generation: 7n,
  schemaHash: '0123456789abcdef',
  segments: [
    { name: 'rows', bytes: new Uint8Array(16).fill(fd), size: 16, stride: 8, nRecords: 2 },
    { name: 'empty', bytes: new Uint8Array(), size: 0, stride: 1, nRecords: 0 },
  ],
});

t.test('tables and regions: by name in the image, mapped again where they were, stale where they are gone', (t) => {
  const fd = createMemfd('shared', 4096);
  t.teardown(() => closeSync(fd));
  writeSync(fd, Uint8Array.of(5), 0, 1, 0);
  const region = { name: 'shared', node: 'local://a', asid: 1, fd, size: 4096, writable: true };
  const source = `
        r6 = 0x40000000 ll
        call 7
        r7 = r0
        call 7
        r8 = r0
        r9 = *(u8 *)(r8 + 0)
        call 7
        r1 = *(u8 *)(r8 + 0)
        r0 = *(u8 *)(r7 + 0)
        r0 += r1
        r1 = *(u8 *)(r6 + 0)
        r0 += r1
        exit`;
  using run = load(source).start({ suspends: true, tables: [flows(1)] });
  run.step(10n);
  run.answer({ kind: 'region', region });
  run.step(10n);
  run.answer({ kind: 'copy', name: 'raw', bytes: Uint8Array.of(9, 0, 8) });
  t.match(run.step(10n), { kind: 'suspended' });
  const image = run.save(CONTROL);
  const facts = decodeImage(image);
  t.match(facts.tables, [
    { node: 'local://a', table: 'flows', generation: 7n, schemaHash: '0123456789abcdef', nRows: 2, isStale: false },
  ]);
  t.match(facts.tables[0]!.segments, [
    { address: 0x4000_0000, size: 16 },
    { address: 0, size: 0 },
  ]);
  t.match(facts.regions, [{ node: 'local://a', name: 'shared', asid: 1, size: 4096, writable: true, isStale: false }]);
  t.match(facts.memory.at(-1), { name: 'raw', size: 3, writable: false, stored: 3 });

  const end = (options: ResumeOptions) => {
    using resumed = Run.resume(image, options);
    resumed.answer({ kind: 'value', r0: 0n });
    return resumed.step(10n);
  };
  for (const [name, engine] of ENGINES) {
    t.match(end({ tables: [flows(1)], regions: [region], ...engine }), { kind: 'exited', r0: 15n }, name);
    t.match(
      end({ tables: [flows(1)], regions: [null], ...engine }),
      { kind: 'trapped', trap: 'stale', address: 0x4000_2000 },
      name,
    );
    t.match(
      end({ tables: [null], regions: [region], ...engine }),
      { kind: 'trapped', trap: 'stale', address: 0x4000_0000 },
      name,
    );
  }
  using stale = Run.resume(image, { tables: [null], regions: [null] });
  const again = decodeImage(stale.save(CONTROL));
  t.match(again, { tables: [{ isStale: true }], regions: [{ isStale: true }] }, 'it stays so');

  const wrong: [Partial<ResumeOptions>, RegExp][] = [
    [{ tables: [] }, /list of tables/],
    [{ tables: [{ ...flows(1), generation: 8n }] }, /generation 7 but received 8/],
    [{ tables: [{ ...flows(1), name: 'ports' }] }, /table flows but received one of ports/],
    [{ tables: [{ ...flows(1), nRows: 3 }] }, /rows 2 but received 3/],
    [{ regions: [{ ...region, size: 100 }] }, /4096 bytes, writable/],
    [{ regions: [{ ...region, writable: false }] }, /read-only/],
    [{ regions: [] }, /list of regions/],
  ];
  for (const [options, message] of wrong) {
    const error = caught(() => Run.resume(image, { tables: [flows(1)], regions: [region], ...options }));
    t.match(error, { code: 'INVALID_ARGUMENT', message });
  }
  t.end();
});

t.test('buffers of a call that waits are read again, unless they are gone', (t) => {
  const fd = createMemfd('buffer', 4096);
  t.teardown(() => closeSync(fd));
  const region = { name: 'buffer', node: '', asid: 0, fd, size: 4096, writable: true };
  const source = 'call 7\n r1 = r0\n r2 = 1\n r3 = r1\n r4 = 1\n r5 = r10\n r5 -= 16\n call 8\n exit';
  using run = load(source).start({ suspends: true });
  run.step(10n);
  run.answer({ kind: 'region', region });
  t.match(run.step(10n), { kind: 'suspended', call: { inputs: [Uint8Array.of(0)] } });
  const image = run.save(CONTROL);
  writeSync(fd, Uint8Array.of(42), 0, 1, 0);
  using here = Run.resume(image, { tables: [], regions: [region] });
  t.strictSame(here.pending?.inputs[0], Uint8Array.of(42));
  using gone = Run.resume(image, { tables: [], regions: [null] });
  t.strictSame(gone.pending?.inputs, [null, null, null, null, null]);
  gone.answer({ kind: 'value', r0: 0n, outputs: [{ arg: 2, bytes: Uint8Array.of(1) }] });
  t.match(gone.step(1n), { kind: 'exited', r0: errno('EFAULT') });
  t.end();
});

t.test('10,000 images of one program are compiled once', (t) => {
  native().programCache(true);
  const image = migrant();
  for (let i = 0; i < 10_000; i++) {
    decodeImage(withControl(image, { epoch: BigInt(i) }));
  }
  t.match(native().programCache(), { nPrograms: 1 });
  for (let i = 0; i < 300; i++) {
    using run = load(`r1 = ${i}\n call 7\n exit`).start({ suspends: true });
    run.step(10n);
    decodeImage(run.save(CONTROL));
  }
  t.match(native().programCache(), { nPrograms: 256 }, 'and so many are kept at most');
  t.match(native().programCache(true), { nPrograms: 0, nBytes: 0 });
  t.end();
});

t.test('registers and frames to the image and back, in a warm window', (t) => {
  using run = load(DEEP).start({ suspends: true, memory: new Uint8Array(8192), args: [0x3000_0000n] });
  t.match(run.step(1_000n), { kind: 'suspended' });
  t.ok(run.suspendState() > 15);
  run.resumeState();
  run.answer({ kind: 'value', r0: 1n });
  t.match(run.step(1_000n), { kind: 'suspended', call: { args: [2n] } });
  t.end();
});

t.test('what cannot be saved', (t) => {
  using run = load('r0 = 1\n exit').start();
  t.ok(run.save(CONTROL).length > 0, 'a run that did not begin can');
  run.step(1n);
  t.match(
    caught(() => run.save(CONTROL)),
    { code: 'INVALID_ARGUMENT', message: /has ended/ },
  );
  using ended = load('call 7\n exit').start({ suspends: true });
  ended.step(10n);
  ended.answer({ kind: 'end', r0: 1n });
  t.match(
    caught(() => ended.save(CONTROL)),
    { code: 'INVALID_ARGUMENT', message: /has ended/ },
  );
  using named = load('exit').start({ segments: [{ name: 'x'.repeat(256), bytes: Uint8Array.of(1) }] });
  t.match(
    caught(() => named.save(CONTROL)),
    { code: 'INVALID_ARGUMENT', message: /255 bytes/ },
  );
  t.end();
});

t.test('image show has every field of the control section', async (t) => {
  const given = {
    id: '11'.repeat(16),
    epoch: 12_345n,
    name: 'all of it',
    parent: '22'.repeat(16),
    root: '33'.repeat(16),
    childIndex: 4321,
    hopsLeft: 61,
    fuelLeft: 777_000_001n,
    fuelUsed: 777_000_002n,
    memoryLimit: 888_001,
    forksLeft: 53,
    lifetimeLeftNs: 9_000_000_000n,
    priority: 207,
    durable: true,
    meeting: '44'.repeat(16),
    meetingSlot: 1234,
    meetingHome: 'local://meeting',
    home: 'local://home',
    addressSpace: 4711,
  };
  t.same(Object.keys(given).sort(), Object.keys(CONTROL_FIELDS).sort(), 'a new field needs a value here, and a line');
  const run = load('r0 = 0\n exit').start();
  t.teardown(() => run.close());
  const image = run.save(given);
  t.match(decodeImage(image), given);
  const text = imageText(decodeImage(image), image.length);
  for (const [field, value] of Object.entries(given)) {
    const shown = field === 'lifetimeLeftNs' ? '9 s' : field === 'durable' ? 'durable: true' : String(value);
    t.ok(text.includes(shown), `${field}: ${shown}`);
  }
});
