// ELF objects of real clangs: loaded, linked, run, and compared with the same C on the host.
// Takes 21 s.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { link } from '../lib/linker/link.js';
import { loadObject } from '../lib/loader/load-object.js';
import { Program } from '../lib/runner/program.js';
import {
  CLANG_VERSIONS,
  type Clang,
  clangs,
  compileBpf,
  inParallel,
  programsDir,
  runOnHost,
  scratch,
} from './support/clang.js';

t.setTimeout(600_000); // compilers, on a machine that may be busy

const dir = scratch();
const load = (path: string) => loadObject(readFileSync(path), basename(path));

const PAIRS = [
  [0n, 0n],
  [1n, 2n],
  [5n, 0x8000_0000n],
  [0xffff_ffff_ffff_fff0n, 3n],
  [0x1234_5678_9abc_def0n, 0xfedc_ba98_7654_3210n],
];

/** The sources of a program, and the first -mcpu that has what it uses. */
const PROGRAMS: readonly { sources: readonly string[]; from: string }[] = [
  ...['sort', 'strings', 'functions', 'branches', 'arithmetic', 'memory', 'atomics'].map((name) => ({
    sources: [`${name}.c`],
    from: 'v1',
  })),
  { sources: ['atomics_v3.c'], from: 'v3' },
  { sources: ['signed_v4.c'], from: 'v4' },
  { sources: ['multi_a.c', 'multi_b.c', 'multi_c.c'], from: 'v1' },
];

for (const version of CLANG_VERSIONS) {
  const clang = clangs.find((candidate) => candidate.version === version);
  const skip = clang || version === 19 ? false : `clang-${version} is not installed`;
  t.test(`objects of clang ${version} give what the host gives`, { skip }, async (t) => {
    if (!clang) throw new Error('clang-19 is needed: apt-get install clang-19');
    await matrix(t, clang);
  });
}

async function matrix(
  t: typeof import('tap').default | { strictSame: typeof import('tap').default.strictSame },
  { version, cpus }: Clang,
): Promise<void> {
  for (const { sources, from } of PROGRAMS) {
    const expected = runOnHost(sources, dir, PAIRS);
    const variants = cpus.filter((cpu) => cpu >= from).flatMap((cpu) => [[], ['-g']].map((flags) => ({ cpu, flags })));
    if (variants.length === 0) continue;
    await inParallel(variants, 2, async ({ cpu, flags }) => {
      const objects = [];
      for (const source of sources) objects.push(load(await compileBpf(source, dir, { version, cpu, flags })));
      const program = Program.load(link(objects).spec);
      const results = PAIRS.map((args) => {
        const result = program.run({ args });
        return result.kind === 'exited' ? result.r0 : result;
      });
      t.strictSame(results, expected, `${sources[0]} -mcpu=${cpu} ${flags.join(' ')}`);
    });
  }
}

const codeOf = (build: () => unknown): { code?: string; message?: string } => {
  try {
    build();
    return {};
  } catch (error) {
    return error as { code: string; message: string };
  }
};

t.test('objects of different versions make one program', async (t) => {
  const sources = ['multi_a.c', 'multi_b.c', 'multi_c.c'];
  const expected = runOnHost(sources, dir, PAIRS);
  const versions = [clangs[0]!.version, 19, clangs.at(-2)?.version ?? 19];
  const objects = [];
  for (const [i, source] of sources.entries())
    objects.push(load(await compileBpf(source, dir, { version: versions[i]! })));
  const program = Program.load(link(objects).spec);
  t.strictSame(
    PAIRS.map((args) => program.run({ args })).map((result) => result.kind === 'exited' && result.r0),
    expected,
    `clang ${versions.join(', ')}`,
  );
});

t.test('sections of their own for each function and variable', async (t) => {
  const flags = ['-g', '-ffunction-sections', '-fdata-sections'];
  for (const name of ['functions.c', 'strings.c', 'memory.c']) {
    const program = Program.load(link([load(await compileBpf(name, dir, { flags }))]).spec);
    const results = PAIRS.map((args) => program.run({ args })).map((result) => result.kind === 'exited' && result.r0);
    t.strictSame(results, runOnHost([name], dir, PAIRS), name);
  }
});

/** The object with BTF out of reach, so that DWARF's lines are read. */
function withoutBtf(path: string): Uint8Array {
  const bytes = readFileSync(path);
  for (let at = bytes.indexOf('.BTF'); at >= 0; at = bytes.indexOf('.BTF', at)) bytes.write('.XTF', at);
  return bytes;
}

t.test('a trap says its function and source line, from BTF and from DWARF alike', async (t) => {
  const source = readFileSync(join(programsDir, 'traps.c'), 'utf8').split('\n');
  const line = source.findIndex((text) => text.includes('trap here')) + 1;
  for (const { version } of clangs) {
    for (const flags of [['-g'], ['-g', '-gdwarf-4'], ['-g', '-gdwarf-5']]) {
      const path = await compileBpf('traps.c', dir, { version, flags });
      for (const [kind, bytes] of [
        ['BTF', readFileSync(path)],
        ['DWARF', withoutBtf(path)],
      ] as const) {
        const linked = link([loadObject(bytes, 'traps.o')]);
        const result = Program.load(linked.spec).run({ args: [0x5000_0008n, 1n] });
        t.match(result, { kind: 'trapped', trap: 'unmapped', address: 0x5000_0008 });
        const found = linked.debug.locate(result.pc);
        t.match(found, { line }, `clang ${version} ${flags.join(' ')} ${kind}`);
        // DWARF 4's line table does not say the directory that relative names start from.
        const isWhole = kind === 'BTF' || !flags.includes('-gdwarf-4');
        t.match(found?.file, isWhole ? join(programsDir, 'traps.c') : /^test\/.*traps\.c$/);
        t.match(linked.debug.describe(result.pc), new RegExp(`^pc ${result.pc} in store, .*traps\\.c:${line}:\\d+$`));
      }
    }
    const plain = link([load(await compileBpf('traps.c', dir, { version }))]);
    t.equal(
      plain.debug.describe(0),
      'pc 0 in vm_main'.replace('vm_main', plain.debug.functionAt(0) ?? '?'),
      'without -g',
    );
  }
});

t.test('BTF and DWARF agree on every instruction', async (t) => {
  for (const { version } of clangs) {
    const path = await compileBpf('functions.c', dir, { version, flags: ['-g'] });
    const btf = link([load(path)]);
    const dwarf = link([loadObject(withoutBtf(path), 'functions.o')]);
    const n = btf.spec.code.length / 8;
    let nBoth = 0;
    const differing: unknown[] = [];
    for (let pc = 0; pc < n; pc++) {
      const [a, b] = [btf.debug.locate(pc), dwarf.debug.locate(pc)];
      if (a && b) nBoth++;
      // BTF leaves out what has no line (0), DWARF says so: then the line before goes on in one and not in the other.
      if (a && b && (a.line !== b.line || a.file !== b.file)) differing.push({ pc, a, b });
    }
    t.ok(nBoth > n / 2, `clang ${version}: ${nBoth} of ${n} have lines in both`);
    t.strictSame(differing, []);
  }
});

t.test('the entry', async (t) => {
  const two = load(await compileBpf('conformance.c', dir));
  const set = { kernelFunctions: 'conformance' } as const;
  t.match(
    codeOf(() => link([two], set)),
    { code: 'LINK', message: /^conformance.*entry: expected .*vm_main.* received first, second; .*--entry/ },
  );
  t.match(
    codeOf(() => link([two], { ...set, entry: 'third' })),
    { code: 'LINK', message: /'third', received first, second/ },
  );
  const results = ['first', 'second'].map((entry) =>
    Program.load(link([two], { ...set, entry }).spec).run({ args: [3n, 4n] }),
  );
  t.match(
    results,
    [
      { kind: 'exited', r0: 16n },
      { kind: 'exited', r0: 9n },
    ],
    'kernel functions by number',
  );
  const one = load(await compileBpf('multi_c.c', dir));
  t.match(
    codeOf(() => link([one])),
    { code: 'LINK' },
  );
  t.equal(link([load(await compileBpf('sort.c', dir))], { entry: 'vm_main' }).entry, 'vm_main');
  t.match(
    codeOf(() => link([])),
    { code: 'LINK', message: /at least one/ },
  );
});

t.test('symbols that do not resolve, or resolve twice', async (t) => {
  const misspelt = load(await compileBpf('misspelt.c', dir));
  t.match(
    codeOf(() => link([misspelt])),
    {
      code: 'PROGRAM_UNRESOLVED',
      message: /misspelt.*section \.text, offset 0x[0-9a-f]+: symbol 'topk_ofer': .*did you mean 'topk_offer'\?$/,
    },
  );
  const b = load(await compileBpf('multi_b.c', dir));
  t.match(
    codeOf(() => link([b, { ...b, file: 'again.o' }])),
    {
      code: 'LINK',
      message: /symbol '\w+': expected one definition, received two, in multi_b.*\.o and again\.o/,
    },
  );
  const weak = Program.load(link([load(await compileBpf('weak_call.c', dir))]).spec);
  t.match(weak.run({ args: [1n] }), { kind: 'trapped', trap: 'bad_call_target' });
});

t.test('the address of a kernel function', async (t) => {
  for (const { version } of clangs) {
    const linked = link([load(await compileBpf('kernel_pointer.c', dir, { version }))]);
    const keys = Array.from({ length: 20 }, (_, i) => (i * 7) % 11).concat(100);
    const [x, y, z] = keys.sort((p, q) => q - p);
    t.match(Program.load(linked.spec).run({ args: [20n] }), {
      kind: 'exited',
      r0: BigInt((x! << 16) | (y! << 8) | z!),
    });
    t.strictSame(
      linked.spec.imports.map(({ name }) => name).sort(),
      ['pairs_sort', 'topk_offer'],
      'each imported once',
    );
  }
});

t.test('tentative definitions', async (t) => {
  const flags = ['-fcommon'];
  const objects = [];
  for (const name of ['tentative_other.c', 'tentative.c']) objects.push(load(await compileBpf(name, dir, { flags })));
  const result = Program.load(link(objects).spec).run({ args: [5n, 6n] });
  t.match(result, { kind: 'exited', r0: 11n }, 'one array, the larger, and the alignment asked for');
});

t.test('global data can be found by name', async (t) => {
  const linked = link([load(await compileBpf('atomics.c', dir))]);
  const slots = linked.data.get('slots');
  t.match(slots, { size: 32 });
  using run = Program.load(linked.spec).start({ args: [1n, 2n] });
  t.match(run.step(100_000n), { kind: 'exited' });
  const bytes = Buffer.from(run.read(slots?.address ?? 0, 32));
  const sum = [0, 8, 16, 24].reduce((total, at) => total + Number(bytes.readBigUInt64LE(at)), 0);
  t.equal(
    sum,
    Array.from({ length: 30 }, (_, i) => i * i).reduce((a, b) => a + b),
  );
});

t.test('what is not an object of clang is refused with file, part and offset', async (t) => {
  const path = await compileBpf('functions.c', dir, { flags: ['-g'] });
  const good = readFileSync(path);
  const refused = (bytes: Uint8Array, message: RegExp) =>
    t.match(
      codeOf(() => loadObject(bytes, 'x.o')),
      { code: 'OBJECT_MALFORMED', message },
      String(message),
    );
  const patched = (at: number, ...values: number[]) => {
    const copy = Buffer.from(good);
    for (const [i, value] of values.entries()) copy[at + i] = value;
    return copy;
  };
  refused(new Uint8Array(0), /^x\.o: the ELF header, offset 0x0: the header: expected 64 bytes/);
  refused(
    Buffer.from('uint64_t vm_main(void) { return 0; }                             '),
    /magic number: expected 7f 45 4c 46/,
  );
  refused(patched(4, 1), /class: expected 2, received 1/);
  refused(patched(5, 2), /byte order: expected 1, received 2.*bpfel/);
  refused(patched(16, 3), /file type: expected 1, received 3/);
  refused(patched(18, 62, 0), /machine: expected 247, received 62.*-target bpf/);
  refused(
    patched(40, 0xff, 0xff, 0xff, 0xff),
    /offset 0x28: offset of the section table: expected at most 0x[0-9a-f]+, received 0xffffffff/,
  );
  refused(patched(62, 0xff, 0xfe), /offset 0x3e: number of the section of names: expected below \d+, received 65279/);
  refused(good.subarray(0, good.length - 100), /^x\.o: .*, offset 0x[0-9a-f]+: .*expected .*received/);
  refused(readFileSync(process.execPath).subarray(0, 4096), /received/);
  const withConstructor = readFileSync(await compileBpf('constructor.c', dir));
  refused(withConstructor, /section \.init_array.*constructors/);
  const table = Number(good.readBigUInt64LE(40));
  const overlapping = Buffer.from(good);
  for (let i = 1; i < good.readUInt16LE(60); i++) {
    overlapping.writeBigUInt64LE(0n, table + 64 * i + 24);
    overlapping.writeBigUInt64LE(BigInt(good.length), table + 64 * i + 32);
  }
  refused(overlapping, /expected sections that do not overlap/);
});
