/** The VM against data: the public conformance suite, the project's own vectors, and programs that must be refused. */
// Takes 11 s.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { opcodes, Program, type ProgramSpec } from '../lib/runner/program.js';
import { generate } from './conformance/generate.js';
import { assemble } from './support/asm.js';
import { ENGINES } from './support/engines.js';
import { caught } from './support/errors.js';
import { readVectors, substitute, type Vector } from './support/vectors.js';

t.setTimeout(180_000);
const root = resolve(import.meta.dirname, '..');
const hexBytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const IMPORTS = [
  { name: 'add_one', version: 1 },
  { name: 'unwind', version: 1 },
];
/** One page of zeros, so that there is read-only memory to attack. */
const RODATA = new Uint8Array(16);
const spec = (code: Uint8Array): ProgramSpec => ({
  code,
  kernelFunctions: 'conformance',
  imports: IMPORTS,
  rodata: RODATA,
});

const vectors = (...names: string[]): Vector[] =>
  names.flatMap((name) => readVectors(join(root, 'test', 'conformance', name)));
const GENERATED = [...generate().keys()];
const valid = vectors(...GENERATED, 'control.txt', 'traps.txt');
const program = (vector: Vector, inputs: Readonly<Record<string, string>>): Uint8Array =>
  assemble(vector.lines.map((line) => substitute(line, inputs)));

interface SuiteCase {
  name: string;
  bytes: string;
  memory: string;
  expected: string;
}
const suitePath = [resolve(root, '..', 'shared'), '/work/shared']
  .map((folder) => join(folder, 'data', 'bpf-conformance.json'))
  .find((path) => existsSync(path));
const suite = suitePath ? (JSON.parse(readFileSync(suitePath, 'utf8')) as SuiteCase[]) : [];
const noSuite = suitePath ? false : 'shared/data/bpf-conformance.json is not here';

t.test('the public conformance suite', { skip: noSuite }, (t) => {
  t.equal(suite.length, 313);
  for (const { name, bytes, memory, expected } of suite) {
    const program = Program.load(spec(hexBytes(bytes)));
    for (const [engine, options] of ENGINES) {
      const result = program.run({ memory: hexBytes(memory), ...options });
      t.match(result, { kind: 'exited', r0: BigInt(expected) }, `${name}, ${engine}`);
    }
  }
  t.end();
});

const plugin = (args: string[], input: string) =>
  spawnSync(join(root, 'scripts', 'bpf-plugin'), args, { input, encoding: 'utf8' });
const RETURN_2 = 'b7000000020000009500000000000000';

t.test('the conformance suite through scripts/bpf-plugin', { skip: noSuite }, (t) => {
  t.ok(existsSync(join(root, 'dist', 'runner', 'program.js')), 'dist/ is built (npm run build)');
  for (const [i, { name, bytes, memory, expected }] of suite.filter((_, i) => i % 26 === 0).entries()) {
    const separator = ['', ' ', '  '][i % 3]!;
    const spaced = (hex: string) => (hex.match(/../g) ?? []).join(separator);
    const engine = ['interpreter', 'jit', 'auto'][i % 4];
    const args = engine ? [spaced(memory), '--engine', engine] : [spaced(memory)];
    const { status, stdout, stderr } = plugin(args, `${spaced(bytes)}\n`);
    t.match(
      { status, stderr, r0: BigInt(`0x${stdout.trim()}`) },
      { status: 0, stderr: '', r0: BigInt(expected) },
      name,
    );
  }
  t.end();
});

t.test('scripts/bpf-plugin: arguments and failures', (t) => {
  const cases: [name: string, args: string[], input: string, status: number, output: RegExp][] = [
    ['no memory argument', [], RETURN_2, 0, /^2\n$/],
    ['only an option', ['--engine', 'interpreter'], RETURN_2, 0, /^2\n$/],
    ['blank lines around the program', [''], `\n${RETURN_2}\r\n\n`, 0, /^2\n$/],
    ['a refused program', [], RETURN_2.slice(0, 16), 1, /the last instruction is mov64_imm.* at pc 0/],
    ['part of a slot', [], RETURN_2.slice(2), 1, /15 bytes.*at pc 1/],
    ['a trap', [], `79100000000000009500000000000000`, 1, /unmapped at pc 0, address 0x0/],
    ['an endless loop', [], '05 00 ff ff 00 00 00 00', 1, /used up its fuel/],
    [
      'unknown engine',
      ['--engine', 'fast'],
      RETURN_2,
      2,
      /--engine: expected interpreter, jit, auto but received fast/,
    ],
    [
      'engine without a value',
      ['--engine'],
      RETURN_2,
      2,
      /--engine: expected interpreter, jit, auto but received nothing/,
    ],
    ['unknown option', ['--fast'], RETURN_2, 2, /unknown argument "--fast"[\s\S]*usage:/],
    ['memory after the options', ['--engine', 'interpreter', 'aa'], RETURN_2, 2, /unknown argument "aa"/],
    ['memory that is not hex', ['0x11'], RETURN_2, 2, /MEMORY-HEX: expected hex bytes but received "x"/],
    ['half a byte of memory', ['abc'], RETURN_2, 2, /MEMORY-HEX: expected two hex digits a byte/],
    ['a program that is not hex', [], 'r0 = 2', 2, /standard input: expected hex bytes/],
    ['no program', [], '', 2, /standard input: expected one line with a program but received 0/],
    ['two programs', [], `${RETURN_2}\n${RETURN_2}\n`, 2, /expected one line with a program but received 2/],
  ];
  for (const [name, args, input, status, output] of cases) {
    const result = plugin(args, input);
    t.equal(result.status, status, `${name}: status`);
    t.match(status === 0 ? result.stdout : result.stderr, output, `${name}: output`);
    if (status !== 0) t.equal(result.stdout, '', `${name}: nothing on standard output`);
  }
  t.end();
});

t.test('the examples run', (t) => {
  const example = (name: string) => spawnSync(process.execPath, [join(root, 'examples', name)], { encoding: 'utf8' });
  t.match(example('sum-bytes.mjs'), {
    status: 0,
    stdout: /2: 3d 21 04 [\s\S]*goto \+0x4 <7>[\s\S]*sum 256, fuel used 20\n$/,
  });
  t.match(example('slices.mjs'), { status: 0, stdout: /used up its fuel .* at pc 0/ });
  t.end();
});

t.test('generated vectors are up to date', (t) => {
  for (const [name, text] of generate()) {
    t.ok(
      readFileSync(join(root, 'test', 'conformance', name), 'utf8') === text,
      `${name}: npx tsx test/conformance/generate.ts`,
    );
  }
  t.end();
});

t.test('own vectors, on every engine', (t) => {
  let n = 0;
  const failures: unknown[] = [];
  for (const vector of valid) {
    for (const { inputs, expected } of vector.cases) {
      const loaded = Program.load(spec(program(vector, inputs)));
      for (const [engine, options] of ENGINES) {
        n++;
        const result = loaded.run({ memory: hexBytes(vector.memory), fuel: 10_000n, ...options });
        const received: Record<string, string> =
          result.kind === 'exited'
            ? { r0: `0x${result.r0.toString(16)}` }
            : result.kind === 'trapped'
              ? { trap: result.trap, pc: String(result.pc) }
              : { kind: result.kind };
        if (result.kind === 'trapped' && result.address !== undefined)
          received.address = `0x${result.address.toString(16)}`;
        if (expected.memory !== undefined) received.memory = Buffer.from(result.memory).toString('hex');
        const same = Object.keys({ ...expected, ...received }).every((key) => expected[key] === received[key]);
        if (!same) failures.push({ name: vector.name, engine, inputs, expected, received });
      }
    }
  }
  t.same(failures, []);
  t.ok(n > 5000 * ENGINES.length, `${n} cases`);
  t.end();
});

t.test('every row of the opcode table is executed by a vector', (t) => {
  const rows = opcodes();
  // These are known so that the refusal can say what they are; no program that has one is run.
  const runnable = rows.filter((row) => row.form !== 'wide_unlinked').map((row) => row.name);
  const executed = new Set<string>();
  const cases = new Map<string, number>();
  for (const vector of valid.filter((vector) => runnable.includes(vector.op))) {
    cases.set(vector.op, (cases.get(vector.op) ?? 0) + vector.cases.length);
    const code = program(vector, vector.cases[0]!.inputs);
    const names = Program.load(spec(code)).opcodeNames();
    for (const [pc, name] of names.entries()) {
      if (name !== vector.op) continue;
      // With a trap in its place the program must stop right there: then the instruction is reached, not only present.
      const patched = code.slice();
      patched.set(assemble('callx r10'), 8 * pc);
      if (names[pc + 1] === null) patched.set(assemble('goto +0'), 8 * (pc + 1));
      const result = Program.load(spec(patched)).run({ memory: hexBytes(vector.memory), fuel: 10_000n });
      if (result.kind === 'trapped' && result.trap === 'bad_call_target' && result.pc === pc) executed.add(name);
    }
  }
  t.same(
    runnable.filter((name) => !executed.has(name)),
    [],
    'rows that no vector executes',
  );
  const few = runnable.filter((name) => (cases.get(name) ?? 0) < 3);
  t.same(few, [], 'rows with fewer than three cases');
  t.end();
});

t.test('what the disassembler prints assembles to the same bytes', (t) => {
  const programs = valid.flatMap((vector) => vector.cases.slice(0, 2).map(({ inputs }) => program(vector, inputs)));
  programs.push(...suite.map((item) => hexBytes(item.bytes)));
  const failures = programs.filter((code) => {
    const lines = Program.load(spec(code)).disassemble().trimEnd().split('\n');
    // Number, eight bytes, text, note.
    const text = lines.map((line) => line.replace(/^ *\d+: (?:[0-9a-f]{2} ?){8}/, '').replace(/ <[\w-]+>$/, ''));
    return lines.length !== code.length / 8 || Buffer.compare(assemble(text), code) !== 0;
  });
  t.same(
    failures.map((code) => Program.load(spec(code)).disassemble()),
    [],
  );
  t.ok(programs.length > 200);
  t.end();
});

t.test('disassembly: notes and layout', (t) => {
  const code = assemble(`
    r1 = 0x1122334455667788 ll
    r2 = code f ll
    if w1 s<= -2 goto end
    call f
    call 1
    call import 1
    *(u16 *)(r10 - 8) = -1
    goto end
  f: r0 = *(s32 *)(r1 + 0)
  end: exit`);
  t.equal(
    Program.load(spec(code)).disassemble(),
    `     0: 18 01 00 00 88 77 66 55 r1 = 0x1122334455667788 ll
     1: 00 00 00 00 44 33 22 11
     2: 18 42 00 00 07 00 00 00 r2 = code +0x7 ll <10>
     3: 00 00 00 00 00 00 00 00
     4: d6 01 06 00 fe ff ff ff if w1 s<= -0x2 goto +0x6 <11>
     5: 85 10 00 00 04 00 00 00 call +0x4 <10>
     6: 85 00 00 00 01 00 00 00 call 0x1 <add_one>
     7: 85 20 00 00 01 00 00 00 call import 1 <unwind>
     8: 6a 0a f8 ff ff ff ff ff *(u16 *)(r10 - 0x8) = -0x1
     9: 05 00 01 00 00 00 00 00 goto +0x1 <11>
    10: 81 10 00 00 00 00 00 00 r0 = *(s32 *)(r1 + 0x0)
    11: 95 00 00 00 00 00 00 00 exit
`,
  );
  t.end();
});

t.test('programs that must be refused', (t) => {
  const refused = vectors('refused.txt');
  t.ok(refused.length >= 100, `${refused.length} programs`);
  t.equal(new Set(refused.map((vector) => vector.name)).size, refused.length, 'names are unique');
  for (const vector of refused) {
    const error = caught(() => Program.load(spec(assemble(vector.lines))));
    t.equal(error.message, vector.error, vector.name);
    t.match(error.code, /PROGRAM_MALFORMED|PROGRAM_UNRESOLVED/);
    t.match(error.message, /at pc \d+$/);
  }
  t.end();
});

t.test('programs that are refused for their size or entries', (t) => {
  const exit = assemble('exit');
  const many = (n: number) => {
    const code = new Uint8Array(8 * n);
    for (let i = 0; i < n; i++) code.set(exit, 8 * i);
    return code;
  };
  const lddw = assemble('r1 = 1 ll\nexit');
  const load = (code: Uint8Array, more: Partial<ProgramSpec> = {}) => Program.load({ ...spec(code), ...more });
  t.equal(load(many(1 << 20)).nSlots, 1 << 20);
  t.equal(
    caught(() => load(many((1 << 20) + 1))).message,
    'the program has 1048577 slots, more than 1048576, at pc 1048576',
  );
  t.equal(
    caught(() => load(exit.subarray(0, 7))).message,
    'the program is 7 bytes, which is no multiple of 8, at pc 0',
  );
  t.equal(caught(() => load(exit, { entry: 1 })).message, 'entry outside the program of 1 slots at pc 1');
  t.equal(caught(() => load(lddw, { entry: 1 })).message, 'entry is the second slot of an lddw at pc 1');
  t.equal(caught(() => load(lddw, { functions: [2, 1] })).message, 'function is the second slot of an lddw at pc 1');
  t.equal(caught(() => load(lddw, { functions: [9] })).message, 'function outside the program of 3 slots at pc 9');
  const import9 = { imports: [{ name: 'add_one', version: 9 }] };
  const unresolved = caught(() => load(assemble('call import 0\nexit'), import9));
  t.equal(unresolved.code, 'PROGRAM_UNRESOLVED');
  t.equal(
    unresolved.message,
    'kernel function add_one (signature version 9) is not in set conformance (1 add_one, 5 unwind, 7 later, 8 exchange), called at pc 0',
  );
  t.equal(load(exit, import9).nSlots, 1, 'an import that nothing calls is no error');
  t.match(
    caught(() => load(assemble('call 12\nexit'), { kernelFunctions: 'upstream' })).message,
    /set upstream \(1 debug_print, 2 mmap, .*, 11 fork_join\)/,
  );
  t.end();
});
