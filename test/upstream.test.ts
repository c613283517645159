/**
 * The original CTinspector's program interface: its header and numbers, and each of its faults as a test that names it. test/migration.test.ts
 * runs its programs between nodes.
 */
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { CtiError } from '../lib/errors.js';
import { KERNEL_FUNCTIONS } from '../lib/generated/kernel-functions.js';
import { link } from '../lib/linker/link.js';
import { loadObject } from '../lib/loader/load-object.js';
import { Program, type RunResult } from '../lib/runner/program.js';
import { assemble } from './support/asm.js';
import { clangs, compileBpf, scratch } from './support/clang.js';
import { ENGINES } from './support/engines.js';
import { caught } from './support/errors.js';

const load = (source: string): Program => Program.load({ code: assemble(source), kernelFunctions: 'upstream' });
const textOf = (result: RunResult): string =>
  result.output.map((piece) => (piece.kind === 'text' ? piece.text : '?')).join('');
const dir = scratch();
const objectOf = async (source: string, options: Parameters<typeof compileBpf>[2] = {}) =>
  loadObject(await readFile(await compileBpf(source, dir, options)), source);

t.test('the header has the names and numbers of the table', async (t) => {
  const header = await readFile('include/ctinspector/upstream.h', 'utf8');
  for (const [name, { number }] of Object.entries(KERNEL_FUNCTIONS.upstream)) {
    t.match(header, new RegExp(`EBPF_FUNC_${name} = ${number}[,\\n]`), name);
    t.match(header, new RegExp(`^CTI_UPSTREAM\\(${name}, `, 'm'), `${name} can be called`);
  }
  t.equal(Object.keys(KERNEL_FUNCTIONS.upstream).length, 11);
});

t.test('every clang and optimisation: calls by number, the set named by the object', async (t) => {
  for (const { version } of clangs) {
    for (const flags of [[], ['-g'], ['-O1'], ['-O0']]) {
      const object = await objectOf('../../../../examples/upstream/local_call.c', { version, flags });
      const what = `clang ${version} ${flags.join(' ')}`;
      t.equal(object.kernelFunctions, 'upstream', what);
      t.notOk(
        object.sections.some(({ name }) => name === '.ctinspector.set'),
        `${what}: the mark is not part of the program`,
      );
      const { spec } = link([object]);
      t.equal(spec.kernelFunctions, 'upstream', what);
      for (const [engine, options] of ENGINES) {
        const result = Program.load(spec).run(options);
        t.match(result, { kind: 'exited', r0: 0n }, `${what}, ${engine}`);
        t.equal(textOf(result), 'vm debug: 1110\n', `${what}, ${engine}`);
      }
    }
  }
});

t.test('which set a program is linked against', async (t) => {
  const marked = await objectOf('../../../../examples/upstream/local_call.c');
  const { kernelFunctions: _, ...unmarked } = marked;
  const error = caught(() => link([unmarked]));
  t.equal(error.code, 'PROGRAM_UNRESOLVED');
  t.match(
    error.message,
    /local_call\.c: section \.text, offset 0x[0-9a-f]+: call of a kernel function: expected one by name, received number 1; .*--kernel-functions upstream/,
  );
  t.equal(
    link([unmarked], { kernelFunctions: 'upstream' }).spec.kernelFunctions,
    'upstream',
    'an object of the original itself',
  );
  t.match(
    caught(() => link([marked, { ...unmarked, kernelFunctions: 'ctinspector' }])).message,
    /expected objects of one set, received .* of upstream and .* of ctinspector/,
  );
  t.match(
    caught(() => link([{ ...marked, kernelFunctions: 'linux' }])).message,
    /expected one of conformance, upstream, ctinspector, received 'linux'/,
  );
});

t.test('debug_print: a signed number; -1 when the output is full', (t) => {
  for (const [engine, options] of ENGINES) {
    const run = (source: string, more = {}) => load(source).run({ ...options, ...more });
    for (const [given, shown] of [
      ['0', '0'],
      ['-1', '-1'],
      ['0x7fffffffffffffff', '9223372036854775807'],
      ['0x8000000000000000', '-9223372036854775808'],
    ]) {
      const result = run(`r1 = ${given} ll\ncall 1\nexit`);
      t.match(result, { kind: 'exited', r0: 0n }, engine);
      t.equal(textOf(result), `vm debug: ${shown}\n`);
    }
    const full = run('r1 = 1\ncall 1\nexit', { outputLimit: 8 });
    t.match(full, { kind: 'exited', r0: (1n << 64n) - 1n }, `${engine}: full`);
  }
  t.end();
});

t.test('what suspends gives -1 in a run that cannot, as every failure of the original does', (t) => {
  for (const [engine, options] of ENGINES) {
    for (const number of [2, 3, 4, 5, 6, 7, 8, 9, 11]) {
      t.match(
        load(`call ${number}\nexit`).run(options),
        { kind: 'exited', r0: (1n << 64n) - 1n },
        `${engine}: ${number}`,
      );
    }
  }
  t.end();
});

t.test('buffers: a list that is not mapped, too long or of negative length is -1, before anybody is asked', (t) => {
  for (const [engine, options] of ENGINES) {
    for (const [what, source] of [
      ['migrate_to of address 0', 'r1 = 0\ncall 5\nexit'],
      ['migrate_to past the stack', 'r1 = r10\nr1 += -31\ncall 5\nexit'],
      ['clone_to of a negative count', 'r1 = r10\nr1 += -64\nr2 = -1\ncall 6\nexit'],
      ['clone_to of 2^63', 'r1 = r10\nr1 += -64\nr2 = 0x8000000000000000 ll\ncall 6\nexit'],
      ['fork_to of more than 64 KiB', 'r1 = r10\nr1 += -64\nr2 = 1366\ncall 9\nexit'],
      ['fork_to into read-only memory', 'r1 = 0x18000000 ll\nr2 = 1\ncall 9\nexit'],
    ] as const) {
      const program = Program.load({ code: assemble(source), kernelFunctions: 'upstream', rodata: new Uint8Array(64) });
      const run = program.start({ ...options, suspends: true });
      t.match(run.step(1000n), { kind: 'exited', r0: (1n << 64n) - 1n }, `${engine}: ${what}`);
      run.close();
    }
  }
  t.end();
});

// The faults, one by one (upstream-abi.md). Those about received images are in test/image.test.ts.

/** As the assembler takes no such call: eight bytes as they are. */
const byNumber = (number: number): string => {
  const bytes = Buffer.alloc(8);
  bytes[0] = 0x85;
  bytes.writeInt32LE(number, 4);
  return `.slot ${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`;
};

t.test('fault: a kernel function number that is negative or past the table', (t) => {
  for (const number of [0, -1, 12, 255, 256, 0x7fff_ffff, -0x8000_0000]) {
    const error = caught(() => load(`${byNumber(number)}\nexit`));
    t.equal(error.code, 'PROGRAM_UNRESOLVED', `call ${number}`);
    t.match(error.message, new RegExp(`kernel function ${number} is not in set upstream .* at pc 0$`));
  }
  for (const [engine, options] of ENGINES) {
    for (const value of ['0', '12', '255', '65535', '0xffffffffffffffff', '0x100000001', '0x8000000000000001']) {
      const result = load(`r6 = ${value} ll\ncallx r6\nexit`).run(options);
      t.match(result, { kind: 'trapped', trap: 'bad_call_target', pc: 2 }, `${engine}: callx ${value}`);
    }
    t.match(
      load('r6 = 8\ncallx r6\nexit').run(options),
      { kind: 'exited', r0: (1n << 64n) - 1n },
      `${engine}: a number by callx`,
    );
  }
  t.end();
});

t.test('fault: bounds tests that ignore the width of the access', (t) => {
  for (const [engine, options] of ENGINES) {
    for (const [width, size] of [
      ['u8', 1],
      ['u16', 2],
      ['u32', 4],
      ['u64', 8],
    ] as const) {
      for (let before = 0; before <= 8; before++) {
        // The stack ends at a page that is not mapped.
        const result = load(`r1 = 0x10001000 ll\nr1 += -${before}\nr0 = *(${width} *)(r1 + 0)\nr0 = 7\nexit`).run(
          options,
        );
        if (before >= size)
          t.match(result, { kind: 'exited', r0: 7n }, `${engine}: ${width}, ${before} before the end`);
        else
          t.match(
            result,
            { kind: 'trapped', trap: 'unmapped', address: 0x1000_1000 - before },
            `${engine}: ${width}, ${before} before the end`,
          );
      }
    }
  }
  t.end();
});

t.test('fault: an error value dereferenced', (t) => {
  for (const [engine, options] of ENGINES) {
    // mmap gives -1; the program does not look.
    t.match(
      load('r1 = 1\nr2 = 8\ncall 2\nr0 = *(u64 *)(r0 + 0)\nexit').run(options),
      { kind: 'trapped', trap: 'unmapped', address: 0xffff_ffff },
      engine,
    );
    t.match(
      load('r1 = 1\nr2 = 8\ncall 2\n*(u8 *)(r0 + 1) = 1\nexit').run(options),
      { kind: 'trapped', trap: 'unmapped', address: 0 },
      engine,
    );
  }
  t.end();
});

t.test('fault: the return address in memory that the program can write', (t) => {
  // The callee fills all of the stack, its caller's frame included, with 0xff, and returns all the same.
  const source = `
          r6 = 11
          call fill
          r0 = r6
          exit
    fill: r1 = 0x10000000 ll
          r2 = 512
          r6 = -1
    next: *(u64 *)(r1 + 0) = r6
          r1 += 8
          r2 += -1
          if r2 != 0 goto next
          exit`;
  for (const [engine, options] of ENGINES) t.match(load(source).run(options), { kind: 'exited', r0: 11n }, engine);
  t.end();
});

t.test("fault: calls that recurse on the host's stack without limit", (t) => {
  for (const [engine, options] of ENGINES) {
    t.match(load('again: call again\nexit').run(options), { kind: 'trapped', trap: 'stack_overflow' }, engine);
    const byAddress = 'start: r1 = code start ll\ncallx r1\nexit';
    t.match(load(byAddress).run(options), { kind: 'trapped', trap: 'stack_overflow' }, `${engine}: by address`);
  }
  t.end();
});

t.test('fault: no budget, so a loop hangs the host', (t) => {
  for (const [engine, options] of ENGINES) {
    for (const [what, source] of [
      ['goto', 'again: goto again'],
      ['a condition', 'r1 = 1\nagain: if r1 != 0 goto again\nexit'],
      ['kernel calls', 'again: r1 = 5\ncall 8\ngoto again'],
      ['calls that return', 'again: call leaf\ngoto again\nleaf: exit'],
    ] as const) {
      const result = load(source).run({ ...options, fuel: 100_000n });
      t.match(result, { kind: 'out_of_fuel' }, `${engine}: ${what}`);
      t.ok(result.fuelUsed < 100_100n, `${engine}: ${what} used ${result.fuelUsed}`);
    }
  }
  t.end();
});

t.test('fault: jumps, pc and an lddw in the last slot unchecked', (t) => {
  for (const [what, source, message] of [
    ['a jump to before the start', 'goto -2\nexit', /jump to slot -1, outside the program of 2 slots, at pc 0/],
    ['a jump to behind the end', 'goto +2\nexit', /jump to slot 3, outside the program of 2 slots, at pc 0/],
    ['a jump into an lddw', 'goto +1\nr0 = 1 ll\nexit', /second slot of an lddw, at pc 0/],
    ['a call to nowhere', '.slot 85 10 00 00 ff ff ff 7f\nexit', /at pc 0$/],
    ['half an lddw', '.slot 18 00 00 00 01 00 00 00', /at pc 0$/],
    ['no end', 'r0 = 1', /at pc 0$/],
    ['nothing', '', /.*/],
  ] as const) {
    const error = caught(() => load(source));
    t.equal(error.code, 'PROGRAM_MALFORMED', what);
    t.match(error.message, message, what);
  }
  for (const entry of [-1, 2, 2 ** 31]) {
    t.throws(
      () => Program.load({ code: assemble('r0 = 1\nexit'), kernelFunctions: 'upstream', entry }),
      CtiError,
      `entry ${entry}`,
    );
  }
  t.end();
});

t.test('fault: division by zero', (t) => {
  for (const [engine, options] of ENGINES) {
    for (const [operation, expected] of [
      ['r0 /= r2', 0n],
      ['r0 s/= r2', 0n],
      ['w0 /= w2', 0n],
      ['r0 %= r2', 77n],
      ['w0 %= w2', 77n],
      ['r0 s%= r2', 77n],
    ] as const) {
      t.match(
        load(`r0 = 77\nr2 = 0\n${operation}\nexit`).run(options),
        { kind: 'exited', r0: expected },
        `${engine}: ${operation}`,
      );
    }
  }
  t.end();
});
