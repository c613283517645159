/** Calls that the host answers: suspension with buffers of every kind, every answer, on every engine; stale and shared memory. */
import { closeSync, readSync, writeSync } from 'node:fs';
import t from 'tap';
import { errno } from '../lib/errno.js';
import { type Answer, createMemfd, type Run, type Stop, stopError, type TableMapping } from '../lib/runner/program.js';
import { ENGINES } from './support/engines.js';
import { caught } from './support/errors.js';
import { load } from './support/programs.js';

const table = (name: string, fill: number, size = 4096): TableMapping => ({
  name,
  nRows: 1,
  generation: BigInt(fill),
  schemaHash: '0123456789abcdef',
  segments: [{ name: 'rows', bytes: new Uint8Array(size).fill(fill), size, stride: 8, nRecords: size / 8 }],
});

/** The call that a run stopped at. */
function waiting(stop: Stop) {
  if (stop.kind !== 'suspended') throw new Error(`stopped as ${stop.kind}`);
  return stop.call;
}

const TWICE = `
        r6 = 5
        r1 = 41
        r2 = 3
        call 7
        r6 += r0
        r1 = r6
        call 7
        r0 += r6
        exit`;

t.test('a suspended call: what the host sees, its answer, the registers, the fuel', (t) => {
  for (const [engine, options] of ENGINES) {
    using run = load(TWICE).start({ suspends: true, ...options });
    const first = run.step(100n);
    t.match(first, { kind: 'suspended', pc: 4, fuelUsed: 2n }, engine);
    t.strictSame(waiting(first), {
      name: 'later',
      number: 7,
      args: [41n, 0n, 0n, 0n, 0n],
      callNumber: 1n,
      inputs: [null, null, null, null, null],
      mapped: null, // nothing beside the program's own memory
    });
    t.equal(run.pending, waiting(first));
    run.answer({ kind: 'value', r0: 10n });
    t.equal(run.pending, null);
    t.match(waiting(run.step(1n)), { args: [15n], callNumber: 2n });
    run.answer({ kind: 'value', r0: -1n });
    t.match(run.step(1n), { kind: 'exited', r0: 14n, fuelUsed: 0n });
  }
  t.end();
});

t.test('a call through a register, in a local function, eight deep', (t) => {
  const source = `
        r1 = 0
        call deeper
        exit
deeper: r1 += 1
        r6 = r1
        if r1 == 7 goto ask
        call deeper
        r0 += r6
        exit
  ask:  r2 = 7
        callx r2
        r0 += r6
        exit`;
  for (const [engine, options] of ENGINES) {
    using run = load(source).start({ suspends: true, ...options });
    t.match(waiting(run.step(1000n)), { name: 'later', args: [7n] }, engine);
    run.answer({ kind: 'value', r0: 100n });
    t.match(run.step(1000n), { kind: 'exited', r0: 100n + 28n }, engine);
  }
  t.end();
});

t.test('a run that cannot suspend answers -ENOSYS; so does Program.run()', (t) => {
  for (const [engine, options] of ENGINES) {
    using run = load('call 7\n exit').start(options);
    t.match(run.step(10n), { kind: 'exited', r0: errno('ENOSYS') }, engine);
    const result = load('call 7\n exit').run({ suspends: true, ...options });
    t.match(result, { kind: 'exited', r0: errno('ENOSYS') }, engine);
  }
  t.end();
});

/** exchange(question at memory, 5; words at memory + 16, 2; reply at memory + 48). */
const EXCHANGE = `
        r6 = r1
        r2 = 5
        r3 = r1
        r3 += 16
        r4 = 2
        r5 = r1
        r5 += 48
        call 8
        exit`;

t.test('buffers: copies go to the host, bytes come back', (t) => {
  const memory = new Uint8Array(4096);
  memory.set(Buffer.from('hello'), 0);
  memory.fill(7, 16, 32);
  for (const [engine, options] of ENGINES) {
    using run = load(EXCHANGE).start({ suspends: true, memory, ...options });
    const call = waiting(run.step(100n));
    t.strictSame(
      call.inputs,
      [Uint8Array.from(Buffer.from('hello')), null, new Uint8Array(16).fill(7), null, null],
      engine,
    );
    const outputs = [
      { arg: 2, bytes: new Uint8Array(16).fill(9) },
      { arg: 4, bytes: Uint8Array.of(1, 2, 3) },
    ];
    run.answer({ kind: 'value', r0: 0n, outputs });
    t.match(run.step(100n), { kind: 'exited', r0: 0n });
    t.strictSame(
      run.read(0x3000_0010, 48),
      Uint8Array.of(...Array(16).fill(9), ...Array(16).fill(0), 1, 2, 3, ...Array(13).fill(0)),
    );
  }
  t.end();
});

t.test('buffers that are not there: -EFAULT, at once; too large: -E2BIG', (t) => {
  const cases: [string, string, bigint][] = [
    ['question unmapped', 'r1 = 0', errno('EFAULT')],
    ['question past its end', 'r2 = 4097', errno('EFAULT')],
    ['words read-only', 'r3 = 0x18000000 ll\n r4 = 1', errno('EFAULT')],
    ['reply across the end of the memory', 'r5 = r1\n r5 += 4081', errno('EFAULT')],
    ['question of 64 KiB and a byte', 'r2 = 65537', errno('E2BIG')],
    ['words whose size overflows', 'r4 = 0x2000000000000001 ll', errno('E2BIG')],
    ['a negative size', 'r2 = -1', errno('E2BIG')],
  ];
  for (const [what, change, expected] of cases) {
    const source = EXCHANGE.replace('call 8', `${change}\n call 8`);
    for (const [engine, options] of ENGINES) {
      const program = load(source, { rodata: new Uint8Array(64) });
      using run = program.start({ suspends: true, memory: new Uint8Array(4096), ...options });
      t.match(run.step(100n), { kind: 'exited', r0: expected }, `${what}, ${engine}`);
    }
  }
  using whole = load('r1 = 0x30000000 ll\n r2 = 65536\n r3 = r1\n r4 = 8192\n r5 = r1\n call 8\n exit').start({
    suspends: true,
    memory: new Uint8Array(65536).fill(1),
  });
  t.match(waiting(whole.step(9n)).inputs, [{ length: 65536 }, null, { length: 65536 }, null, null]);
  t.end();
});

t.test('answers that do not fit are refused, and the call waits on', (t) => {
  using run = load(EXCHANGE).start({ suspends: true, memory: new Uint8Array(4096) });
  const before = caught(() => run.answer({ kind: 'value', r0: 0n }));
  t.match(before, { code: 'INVALID_ARGUMENT', message: /no call waits/ });
  const stop = run.step(100n);
  t.match(
    caught(() => run.step(1n)),
    { code: 'INVALID_ARGUMENT', message: /waits for the answer of exchange/ },
  );
  t.match(stop.kind === 'exited' || stopError(stop), { code: 'INVALID_ARGUMENT', message: /answer of exchange/ });
  const bytes = new Uint8Array(17);
  const wrong: [Answer, RegExp][] = [
    [{ kind: 'value', r0: 0n, outputs: [{ arg: 0, bytes }] }, /argument 0 of exchange is no buffer/],
    [{ kind: 'value', r0: 0n, outputs: [{ arg: 1, bytes }] }, /argument 1 of exchange is no buffer/],
    [{ kind: 'value', r0: 0n, outputs: [{ arg: 2, bytes }] }, /a buffer of 16 bytes, but the answer has 17/],
    [{ kind: 'value', r0: 0n, outputs: [{ arg: 5, bytes }] }, /answer\.outputs\[0\]\.arg/],
    [{ kind: 'value', r0: 1n << 64n }, /answer\.r0/],
    [{ kind: 'table', arg: 0, table: table('t', 1) }, /argument 0 of exchange/],
    [{ kind: 'copy', name: 'c', bytes: new Uint8Array() }, /at least one byte/],
    [{ kind: 'unmap', address: -1 }, /answer\.address/],
    [{ kind: 'else' } as never, /answer\.kind/],
    [{ kind: 'region', region: { name: 'r', node: '', asid: 0, fd: 0, size: 1, writable: true } }, /memfd/],
  ];
  for (const [answer, message] of wrong) {
    t.match(
      caught(() => run.answer(answer)),
      { code: 'INVALID_ARGUMENT', message },
    );
    t.ok(run.pending);
  }
  run.answer({ kind: 'table', arg: 2, table: table('t', 1) });
  t.match(run.step(1n), { kind: 'exited', r0: errno('EINVAL') }, 'a buffer without room for struct cti_table');
  t.match(
    caught(() => run.answer({ kind: 'value', r0: 0n })),
    { code: 'INVALID_ARGUMENT' },
  );
  t.end();
});

/** table_open("flows") into the memory, then a byte of its first segment; r1 holds the memory. */
const OPEN = `
        r6 = r1
        r1 = 0x18000000 ll
        r2 = 5
        r3 = r6
        r4 = 512
        call 1
        if r0 != 0 goto out
        r2 = *(u64 *)(r6 + 32)
        r0 = *(u8 *)(r2 + 0)
  out:  exit`;
const opener = (source: string) =>
  load(source, { kernelFunctions: 'ctinspector', rodata: Uint8Array.from(Buffer.from('flows')) });

t.test('table_open asks the host for what is not open; a table of the same name is replaced', (t) => {
  for (const [engine, options] of ENGINES) {
    const again = OPEN.replace('out:  exit', '').replace('goto out', 'goto failed');
    const source = `${again}\n r7 = r0\n r1 = 0\n call more\n exit\n failed: exit\n more: ${OPEN.replace('r6 = r1', 'r6 = 0x30000000 ll')}`;
    using run = opener(source).start({ suspends: true, memory: new Uint8Array(512), ...options });
    const call = waiting(run.step(1000n));
    t.match(call, { name: 'table_open', inputs: [Uint8Array.from(Buffer.from('flows'))] }, engine);
    run.answer({ kind: 'table', arg: 2, table: table('flows', 3) });
    // The second call finds it open.
    t.match(run.step(1000n), { kind: 'exited', r0: 3n }, engine);
  }
  using run = opener(OPEN).start({ suspends: true, memory: new Uint8Array(512), tables: [table('flow', 1)] });
  run.step(1000n);
  run.answer({ kind: 'value', r0: errno('ENOENT') });
  t.match(run.step(1n), { kind: 'exited', r0: errno('ENOENT') });
  using alone = opener(OPEN).start({ memory: new Uint8Array(512) });
  t.match(alone.step(1000n), { kind: 'exited', r0: errno('ENOENT') }, 'a run that cannot suspend');
  t.end();
});

t.test('a table that the window has no room for: -ENOSPC, and the older one is gone', (t) => {
  const huge = createMemfd('huge', 1);
  t.teardown(() => closeSync(huge));
  const source = 'call 7\n exit';
  using run = load(source).start({ suspends: true });
  run.step(10n);
  t.match(
    caught(() =>
      run.answer({ kind: 'region', region: { name: 'r', node: '', asid: 0, fd: huge, size: 2, writable: true } }),
    ),
    { code: 'INVALID_ARGUMENT', message: /2 bytes are asked for, but the memfd has 1/ },
  );
  run.answer({ kind: 'region', region: { name: 'r', node: '', asid: 0, fd: huge, size: 2 ** 32, writable: true } });
  t.match(run.step(1n), { kind: 'exited', r0: errno('ENOSPC') });
  t.end();
});

t.test('a granted region: both sides see what the other writes; room that is unmapped is used again', (t) => {
  const fd = createMemfd('counters', 8192);
  t.teardown(() => closeSync(fd));
  const region = { name: 'counters', node: '', asid: 0, fd, size: 8192, writable: true };
  const source = `
        call 7
        r6 = r0
        r1 = *(u64 *)(r6 + 0)
        r1 += 1
        *(u64 *)(r6 + 4096) = r1
        r1 = r6
        call 7
        r7 = r0
        call 7
        r0 -= r6
        r1 = 1
        *(u8 *)(r6 + 0) = r1
        exit`;
  for (const [engine, options] of ENGINES) {
    writeSync(fd, Uint8Array.of(41, 0, 0, 0, 0, 0, 0, 0), 0, 8, 0);
    using run = load(source).start({ suspends: true, ...options });
    run.step(10n);
    run.answer({ kind: 'region', region });
    const { args } = waiting(run.step(10n));
    t.equal(args[0], 0x4000_0000n, engine);
    const seen = Buffer.alloc(8);
    readSync(fd, seen, 0, 8, 4096);
    t.equal(seen.readBigUInt64LE(), 42n, engine);
    run.answer({ kind: 'unmap', address: 0x4000_0001 });
    // It was not the start: -EINVAL. The next call unmaps it.
    run.step(10n);
    run.answer({ kind: 'unmap', address: 0x4000_0000 });
    t.match(run.step(10n), { kind: 'trapped', trap: 'unmapped', address: 0x4000_0000 }, engine);
  }
  const reader = load('call 7\n r6 = r0\n call 7\n *(u8 *)(r0 + 0) = 1\n exit');
  for (const [engine, options] of ENGINES) {
    using run = reader.start({ suspends: true, ...options });
    run.step(10n);
    run.answer({ kind: 'copy', name: 'raw', bytes: Uint8Array.of(1, 2, 3) });
    run.step(10n);
    t.strictSame(run.read(0x4000_0000, 4), Uint8Array.of(1, 2, 3, 0));
    run.answer({ kind: 'region', region: { ...region, writable: false } });
    t.match(run.step(10n), { kind: 'trapped', trap: 'read_only', address: 0x4000_2000 }, engine);
  }
  t.end();
});

t.test("an answer that ends the program gives the end of its call's exit", (t) => {
  for (const [engine, options] of ENGINES) {
    using run = load('r6 = 1\n call 7\n goto -1').start({ suspends: true, ...options });
    run.step(10n);
    run.answer({ kind: 'end', r0: 99n });
    t.match(run.step(10n), { kind: 'exited', r0: 99n, pc: 1, fuelUsed: 0n }, engine);
    t.ok(run.ended);
    t.match(
      caught(() => run.step(1n)),
      { code: 'INVALID_ARGUMENT', message: /has ended/ },
    );
  }
  t.end();
});

t.test('a closed run answers nothing', (t) => {
  const run: Run = load('call 7\n exit').start({ suspends: true });
  run.step(10n);
  run.close();
  t.match(
    caught(() => run.answer({ kind: 'value', r0: 0n })),
    { code: 'INVALID_ARGUMENT', message: /closed/ },
  );
  t.end();
});
