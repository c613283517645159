/** Runs through the API: fuel, what is mapped, reading and writing the window, options, closing and collecting. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import * as api from '../lib/index.js';
import { Program, type ProgramSpec, type StartOptions, type Stop, stopError } from '../lib/runner/program.js';
import { assemble } from './support/asm.js';
import { caught } from './support/errors.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const load = (source: string, more: Partial<ProgramSpec> = {}): Program =>
  Program.load({ code: assemble(source), kernelFunctions: 'ctinspector', ...more });

const LOOP = `
        r0 = 0
  loop: r0 += 1
        if r0 != $n goto loop
        exit`;
const loop = (n: number): Program => load(LOOP.replace('$n', String(n)));

t.test('fuel: slices add up to an uninterrupted run', (t) => {
  const whole = loop(1000).run();
  t.match(whole, { kind: 'exited', r0: 1000n, pc: 3, fuelUsed: 1998n });
  for (const slice of [1n, 2n, 3n, 7n, 1000n, 1997n]) {
    using run = loop(1000).start();
    let used = 0n;
    let steps = 0;
    let stop: Stop;
    do {
      stop = run.step(slice);
      used += stop.fuelUsed;
      steps++;
      if (stop.kind === 'out_of_fuel') t.equal(stop.pc, 1);
    } while (stop.kind === 'out_of_fuel');
    t.match(stop, { kind: 'exited', r0: 1000n }, `slices of ${slice}`);
    t.equal(used, 1998n);
    t.equal(steps, Math.ceil(1999 / (Math.ceil(Number(slice) / 2) * 2)), `steps of ${slice}`);
  }
  t.match(loop(1000).run({ fuel: 1998n }), { kind: 'out_of_fuel', pc: 1, fuelUsed: 1998n });
  t.match(loop(1000).run({ fuel: 1999n }), { kind: 'exited' });
  t.end();
});

t.test('fuel: what a step can be given', (t) => {
  using run = loop(10).start();
  for (const fuel of [0n, -1n, 1n << 63n, 5, '5', undefined]) {
    t.match(
      caught(() => run.step(fuel as bigint)),
      { code: 'INVALID_ARGUMENT', message: /expected a bigint from 1 to 9223372036854775807 for fuel/ },
    );
  }
  t.equal(run.step((1n << 63n) - 1n).kind, 'exited');
  t.match(caught(() => run.step(1n)).message, /the run has ended \(exited at pc 3\)/);
  t.match(
    caught(() => load('goto -1').run({ fuel: 0n })),
    { code: 'INVALID_ARGUMENT' },
  );
  t.end();
});

t.test('an end other than exit as an error', (t) => {
  const trapped = load('r0 = *(u8 *)(r1 + 0)\nexit').run();
  t.match(trapped, { kind: 'trapped', trap: 'unmapped', pc: 0, address: 0 });
  if (trapped.kind !== 'trapped') throw new Error('unreachable');
  t.match(stopError(trapped), { code: 'PROGRAM_TRAPPED', message: /^unmapped at pc 0, address 0x0: / });
  const endless = load('goto -1').run({ fuel: 5n });
  if (endless.kind !== 'out_of_fuel') throw new Error('unreachable');
  t.match(stopError(endless), { code: 'OUT_OF_FUEL', details: { pc: 0, fuelUsed: '5' } });
  t.doesNotThrow(() => JSON.stringify(stopError(endless).details));
  t.end();
});

t.test('arguments and memory in r1 to r5', (t) => {
  const sum = load(
    'r0 = r1\nr2 *= 10\nr0 += r2\nr3 *= 100\nr0 += r3\nr4 *= 1000\nr0 += r4\nr5 *= 10000\nr0 += r5\nexit',
  );
  t.match(sum.run({ args: [1n, 2n, 3n, 4n, 5n] }), { r0: 54321n });
  t.match(sum.run({ args: [1n] }), { r0: 1n });
  t.match(sum.run({ args: [-1n] }), { r0: (1n << 64n) - 1n });
  t.match(sum.run({ args: [(1n << 64n) - 1n] }), { r0: (1n << 64n) - 1n });
  t.match(sum.run({ args: [], memory: new Uint8Array(8) }), { r0: 0n });
  t.match(sum.run({ memory: new Uint8Array(8) }), { r0: 0x3000_0000n + 80n });
  t.match(sum.run({ memory: new Uint8Array() }), { r0: 0n });
  t.match(sum.run(), { r0: 0n });
  t.end();
});

t.test('memory is a copy, in and out', (t) => {
  const memory = new Uint8Array([1, 2, 3]);
  const result = load('r0 = *(u8 *)(r1 + 0)\n*(u8 *)(r1 + 1) = 9\nexit').run({ memory });
  t.same(result.memory, new Uint8Array([1, 9, 3]));
  t.same(memory, new Uint8Array([1, 2, 3]));
  const shared = new Uint8Array(new SharedArrayBuffer(4));
  shared[2] = 7;
  t.match(load('r0 = *(u32 *)(r1 + 0)\nexit').run({ memory: shared }), { r0: 0x70000n });
  t.end();
});

t.test('reading and writing the window', (t) => {
  using run = load('r0 = *(u64 *)(r10 - 8)\nexit', { data: new Uint8Array([1, 2, 3]), bssSize: 10 }).start();
  t.same(run.read(0x2000_0000, 4), new Uint8Array([1, 2, 3, 0]));
  t.equal(run.read(0x2000_0000, 4096).length, 4096);
  t.equal(run.read(0, 0).length, 0);
  run.write(0x1000_0ff8, new Uint8Array([5, 0, 0, 1]));
  for (const [address, size] of [
    [0x2000_0000, 4097],
    [0, 1],
    [0xffff_ffff, 1],
    [0x1fff_ffff, 2],
  ] as const) {
    t.match(
      caught(() => run.read(address, size)),
      { code: 'INVALID_ARGUMENT', message: /not all of it is mapped/ },
    );
  }
  for (const [address, size] of [
    [-1, 1],
    [2 ** 32, 1],
    [0.5, 1],
    [0, 2 ** 32 + 1],
    [Number.NaN, 1],
  ] as const) {
    t.match(
      caught(() => run.read(address, size)),
      { code: 'INVALID_ARGUMENT', message: /expected an integer/ },
    );
  }
  t.match(caught(() => run.write(0x2000_0fff, new Uint8Array(2))).message, /not all of it is mapped/);
  t.match(caught(() => run.write(0x2000_0000, 'text' as never)).message, /expected a Uint8Array for bytes/);
  t.match(run.step(1n), { r0: 0x1000005n });
  t.end();
});

t.test('segments: from bytes, read-only or writable, at known addresses', (t) => {
  const segments = [
    { name: 'a', bytes: new Uint8Array([1, 2]) },
    { name: 'b', bytes: new Uint8Array(5000).fill(3), writable: true },
    { name: 'none', bytes: new Uint8Array() },
    { name: 'c', bytes: new Uint8Array([4]) },
  ];
  using run = load('r1 = 0x40002000 ll\n*(u8 *)(r1 + 0) = 9\nr1 = 0x40000000 ll\n*(u8 *)(r1 + 0) = 9\nexit').start({
    segments,
  });
  t.same(run.segments, [
    { name: 'a', size: 2, address: 0x4000_0000 },
    { name: 'b', size: 5000, address: 0x4000_2000 },
    { name: 'none', size: 0, address: 0 },
    { name: 'c', size: 1, address: 0x4000_5000 },
  ]);
  t.match(run.step(1n), { kind: 'trapped', trap: 'read_only', address: 0x4000_0000, pc: 5 });
  t.same(run.read(0x4000_2000, 2), new Uint8Array([9, 3]));
  t.match(caught(() => run.write(0x4000_0000, new Uint8Array(1))).message, /not all of it is writable/);
  t.same(segments[1]!.bytes[0], 3, 'the given bytes stay');
  t.end();
});

t.test('segments: descriptors that are not sealed memfds are refused', (t) => {
  const fd = openSync('/etc/passwd', 'r');
  const program = load('exit');
  const start = (segment: object) => caught(() => program.start({ segments: [segment as never] }));
  t.match(start({ name: 'x', fd, size: 1 }), {
    code: 'INVALID_ARGUMENT',
    message: /segment x: .*memory that can shrink is not mapped/,
  });
  t.match(start({ name: 'x', fd: 999999, size: 1 }), { code: 'SYSTEM', message: /descriptor 999999 of segment x/ });
  t.match(start({ name: 'x', fd }), { message: /segments\[0\]\.size/ });
  t.match(start({ name: 'x', fd, size: 1, writable: true }), { message: /segments\[0\]\.writable/ });
  t.match(start({ name: 'x', fd, bytes: new Uint8Array(), size: 1 }), {
    message: /either fd or bytes .* received both/,
  });
  t.match(start({ name: 'x', size: 1 }), { message: /either fd or bytes .* received neither/ });
  t.match(start({ name: 'x', bytes: new Uint8Array(2), size: 1 }), { message: /expected 2, the length of its bytes/ });
  closeSync(fd);
  t.end();
});

t.test('what does not fit is refused as WINDOW_FULL', (t) => {
  const program = load('exit');
  const large = new Uint8Array(0x1000_0001);
  t.match(
    caught(() => program.start({ memory: large })),
    { code: 'WINDOW_FULL' },
  );
  t.match(
    caught(() => load('exit', { data: large })),
    { code: 'WINDOW_FULL' },
  );
  t.match(
    caught(() => load('exit', { rodata: large })),
    { code: 'WINDOW_FULL' },
  );
  t.match(
    caught(() => load('exit', { data: new Uint8Array(9), bssSize: 0x1000_0000 }).start()),
    { code: 'WINDOW_FULL', message: /data and bss/ },
  );
  t.end();
});

t.test('options of the wrong kind', (t) => {
  const code = assemble('exit');
  const spec = (more: object) =>
    caught(() => Program.load({ code, kernelFunctions: 'ctinspector', ...more } as ProgramSpec));
  const cases: [object, RegExp][] = [
    [{ code: 'b7' }, /^expected a Uint8Array for code but received "b7"$/],
    [{ code: undefined }, /^expected a Uint8Array for code but received undefined$/],
    [
      { kernelFunctions: 'all' },
      /^expected one of conformance, upstream, ctinspector for kernelFunctions but received "all"$/,
    ],
    [{ kernelFunctions: 'toString' }, /expected one of/],
    [{ entry: -1 }, /for entry but received -1/],
    [{ entry: 1.5 }, /for entry but received 1.5/],
    [{ functions: 3 }, /expected an array for functions/],
    [{ functions: ['0'] }, /for functions\[0\] but received "0"/],
    [{ imports: [{ name: '', version: 1 }] }, /for imports\[0\]\.name/],
    [{ imports: [{ name: 'x', version: 0 }] }, /for imports\[0\]\.version/],
    [{ imports: [null] }, /expected an object for imports\[0\] but received null/],
    [{ bssSize: -8 }, /for bssSize/],
    [{ bssSize: 2 ** 40 }, /for bssSize/],
    [{ rodata: [1] }, /expected a Uint8Array for rodata but received Array/],
  ];
  for (const [more, message] of cases) t.match(spec(more), { code: 'INVALID_ARGUMENT', message });
  t.match(
    caught(() => Program.load(null as never)),
    { message: /expected an object for spec but received null/ },
  );

  const program = Program.load({ code, kernelFunctions: 'ctinspector' });
  const start = (options: unknown) => caught(() => program.start(options as StartOptions));
  const table = { name: 't', nRows: 1, generation: 1n, schemaHash: '0123456789abcdef', segments: [] };
  const starts: [unknown, RegExp][] = [
    [null, /expected an object for options/],
    [{ memory: 'aa' }, /expected a Uint8Array for memory/],
    [{ args: [1] }, /expected a bigint .* for args\[0\] but received 1/],
    [{ args: [1n << 64n] }, /for args\[0\]/],
    [{ args: [0n, 0n, 0n, 0n, 0n, 0n] }, /at most 5/],
    [{ engine: 'fast' }, /expected one of auto, jit, interpreter for engine but received "fast"/],
    [{ addressing: 'ds' }, /expected one of auto, gs, mask for addressing but received "ds"/],
    [{ tables: [{ ...table, schemaHash: '12' }] }, /tables\[0\]\.schemaHash/],
    [{ tables: [{ ...table, generation: 1 }] }, /tables\[0\]\.generation/],
    [{ tables: [{ ...table, nRows: -1 }] }, /tables\[0\]\.nRows/],
    [{ tables: [{ ...table, segments: new Array(17).fill({}) }] }, /at most 16 segments/],
    [
      { tables: [{ ...table, segments: [{ name: 's', bytes: new Uint8Array(), size: 0, stride: -1, nRecords: 0 }] }] },
      /segments\[0\]\.stride/,
    ],
  ];
  for (const [options, message] of starts) t.match(start(options), { code: 'INVALID_ARGUMENT', message });
  t.equal(program.run({ tables: [table] }).kind, 'exited');
  t.end();
});

t.test('closing', (t) => {
  const run = loop(10).start({ memory: new Uint8Array(3) });
  t.equal(run.closed, false);
  run.close();
  t.equal(run.closed, true);
  t.doesNotThrow(() => run.close());
  for (const use of [
    () => run.step(1n),
    () => run.read(0, 0),
    () => run.write(0, new Uint8Array()),
    () => run.memory(),
  ]) {
    t.match(caught(use), { code: 'INVALID_ARGUMENT', message: 'the run is closed; start another' });
  }
  t.match(`${run}`, 'Run(closed)');
  let inside: api.Run | undefined;
  {
    using scoped = loop(10).start();
    inside = scoped;
  }
  t.equal(inside.closed, true);
  t.end();
});

t.test('a run keeps its program, and both are collected', async (t) => {
  const windows = () =>
    readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .filter((line) => {
        const [from, to] = line
          .split(' ')[0]!
          .split('-')
          .map((text) => BigInt(`0x${text || '0'}`));
        return to !== undefined && to - from! > 0xb000_0000n && line.includes('---p');
      }).length;
  const before = windows();
  const run = (() => loop(5).start())();
  t.equal(windows(), before + 1);
  collect();
  t.equal(run.step(1000n).kind, 'exited');
  run.close();
  t.equal(windows(), before);
  for (let i = 0; i < 300; i++) loop(5).start({ memory: new Uint8Array(100) });
  for (let i = 0; i < 1000 && windows() > before; i++) {
    collect();
    await setTimeout(10);
  }
  t.equal(windows(), before, 'windows that were not closed are given back by the collector');
});

t.test('a program that touches all of its window', (t) => {
  // Stores a byte in each page of 64 MiB.
  const touch = load(
    'r6 = 0x40000000 ll\nr7 = 0x44000000 ll\nloop: *(u8 *)(r6 + 0) = 1\nr6 += 4096\nr0 += 1\nif r6 < r7 goto loop\nexit',
  );
  const result = touch.run({ segments: [{ name: 'all', bytes: new Uint8Array(1 << 26), writable: true }] });
  t.match(result, { kind: 'exited', r0: 16384n });
  t.end();
});

t.test('gotol and code addresses farther than 16 bits', (t) => {
  const far = 100_000;
  const code = new Uint8Array(8 * (far + 4));
  for (let i = 0; i < far + 4; i++) code.set(assemble('exit'), 8 * i);
  code.set(assemble(`gotol +${far - 1}`), 0);
  code.set(assemble(`r0 = 5\ngotol -${far + 1}`), 8 * far);
  code.set(assemble('exit'), 8);
  const program = Program.load({ code, kernelFunctions: 'conformance' });
  t.match(program.run(), { kind: 'exited', r0: 5n, fuelUsed: BigInt(far + 1) });
  t.end();
});

t.test('what the package exports', (t) => {
  for (const name of ['CtiError', 'Program', 'Run', 'TRAPS', 'stopError', 'opcodes', 'DEFAULT_FUEL', 'SLOT_SIZE']) {
    t.ok(name in api, name);
  }
  t.same(load('call +1\nexit\nr0 = 1\nexit').functions(), [
    { entry: 0, nSlots: 2 },
    { entry: 2, nSlots: 2 },
  ]);
  t.end();
});
