// Damaged object files: refused with a reason, or run in the sandbox. Nothing else happens, and it costs little.
//
//   CTI_ELF_MUTATIONS=20000 npx tsx test/elf-mutations.test.ts          as many as that
//   CTI_ELF_MUTATION=123 npx tsx test/elf-mutations.test.ts             this one only, and what became of it
//   CTI_ELF_MUTATIONS=20000 scripts/asan-node --import tsx test/elf-mutations.test.ts
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { CtiError } from '../lib/errors.js';
import { link } from '../lib/linker/link.js';
import { loadObject } from '../lib/loader/load-object.js';
import { Program } from '../lib/runner/program.js';
import { type BuiltSection, buildElf, symbols } from './support/elf-builder.js';
import { mutateElf } from './support/mutate-elf.js';

t.setTimeout(600_000); // as many as one asks for

const OBJECTS = 'test/fixtures/elf/objects';
const COUNT = Number(process.env.CTI_ELF_MUTATIONS ?? 3000);
const ONLY = process.env.CTI_ELF_MUTATION === undefined ? undefined : Number(process.env.CTI_ELF_MUTATION);
const FUEL = 100_000n;
/** Generous, for machines that are busy: a case takes well under a millisecond. */
const MAX_MS = 20_000;
const MAX_GROWTH = 700 * 2 ** 20;

const objects = readdirSync(OBJECTS)
  .sort()
  .map((name) => ({ name, bytes: new Uint8Array(readFileSync(`${OBJECTS}/${name}`)) }));

/** Loads, links and runs; the outcome in a few words. Anything but a CtiError is thrown. */
function outcomeOf(bytes: Uint8Array, name: string): string {
  try {
    // Every function that is global can be asked for as the entry, so that objects without vm_main run too.
    const object = loadObject(bytes, name);
    const others = name.startsWith('multi_')
      ? objects.filter((o) => o.name.startsWith('multi_') && o.name !== name)
      : [];
    const entry = object.symbols.find(
      (s) => s.binding === 'global' && s.kind === 'function' && s.place === 'section',
    )?.name;
    const all = [object, ...others.map((other) => loadObject(other.bytes, other.name))];
    const linked = link(all, entry === undefined ? {} : { entry });
    const result = Program.load(linked.spec).run({ args: [3n, 4n], fuel: FUEL, memory: new Uint8Array(4096) });
    linked.debug.describe(result.pc);
    return result.kind;
  } catch (error) {
    if (!(error instanceof CtiError)) throw error;
    if (error.code === 'OBJECT_MALFORMED' && !/: .*offset 0x[0-9a-f]+: .*expected .*received /s.test(error.message)) {
      throw new Error(`a refusal that does not say enough: ${error.message}`);
    }
    return error.code;
  }
}

t.test('damaged objects are refused or run', async (t) => {
  const outcomes = new Map<string, number>();
  const before = process.memoryUsage.rss();
  let slowest = 0;
  for (let seed = ONLY ?? 0; seed < (ONLY === undefined ? COUNT : ONLY + 1); seed++) {
    const original = objects[seed % objects.length]!;
    const bytes = mutateElf(original.bytes, seed);
    const begin = performance.now();
    let outcome: string;
    try {
      outcome = outcomeOf(bytes, original.name);
    } catch (error) {
      t.fail(`seed ${seed} (${original.name}): ${(error as Error).stack}`);
      continue;
    }
    slowest = Math.max(slowest, performance.now() - begin);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (ONLY !== undefined) t.comment(outcome);
  }
  t.comment(`${[...outcomes].map(([outcome, n]) => `${n} ${outcome}`).join(', ')}; slowest ${slowest.toFixed(1)} ms`);
  t.ok(slowest < MAX_MS, `the slowest took ${slowest} ms`);
  const growth = process.memoryUsage.rss() - before;
  t.ok(growth < MAX_GROWTH, `memory grew by ${growth} bytes`);
  if (ONLY === undefined && COUNT >= 1000) {
    t.ok(outcomes.get('exited'), 'some still run');
    t.ok(outcomes.get('trapped'), 'some trap');
    t.ok(outcomes.get('OBJECT_MALFORMED'), 'some are refused by the loader');
    t.ok(outcomes.get('PROGRAM_MALFORMED'), 'some are refused by the checker');
  }
});

const EXIT = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
const MAIN = { name: 1, info: 0x12, section: 1 };
/** Sections 1 to 3 of a program that returns 0; others come after. */
const program = (more: Parameters<typeof symbols>[0] = [], names = '\0vm_main\0'): BuiltSection[] => [
  { name: '.text', type: 1, flags: 6, bytes: EXIT, align: 8 },
  { name: '.symtab', type: 2, bytes: symbols([MAIN, ...more]), link: 3, info: 1, entrySize: 24 },
  { name: '.strtab', type: 3, bytes: Buffer.from(names, 'latin1') },
];
const MIB = 2 ** 20;

/** Refuses, or loads and links, in time. */
function inTime(
  t: Pick<typeof import('tap').t, 'ok' | 'equal' | 'match'>,
  what: string,
  sections: readonly BuiltSection[],
  expected: RegExp | undefined,
): void {
  const bytes = buildElf(sections);
  const begin = performance.now();
  try {
    link([loadObject(bytes, 'bomb.o')]);
    t.equal(expected, undefined, `${what}: is taken`);
  } catch (error) {
    t.ok(error instanceof CtiError, `${what}: ${String(error).slice(0, 300)}`);
    t.match((error as Error).message, expected ?? /(?!)/, what);
  }
  const ms = performance.now() - begin;
  t.ok(ms < 20_000, `${what}: ${ms.toFixed(0)} ms for ${(bytes.length / MIB).toFixed(1)} MiB`);
}

t.test('files made to take long, or much memory', async (t) => {
  inTime(t, 'the program itself', program(), undefined);
  inTime(
    t,
    'a larger file',
    [...program(), { name: 'x', type: 1, bytes: new Uint8Array(33 * MIB) }],
    /at most 33554432 bytes/,
  );
  const long = `\0vm_main\0${'n'.repeat(4096)}\0`;
  const manySymbols = Array.from({ length: 1_000_000 }, () => ({ name: 9, info: 0x10, section: 1 }));
  inTime(t, 'a million symbols with one long name', program(manySymbols, long), /names: expected at most 16 times/);
  const unended = [{ name: 9, info: 0x10, section: 1 }];
  inTime(
    t,
    'a name without an end',
    program(unended, `\0vm_main\0${'n'.repeat(8 * MIB)}`),
    /received 4097 bytes without an end/,
  );
  const manySections = Array.from({ length: 65_000 }, () => ({ name: 's', type: 1, flags: 6, bytes: EXIT }));
  inTime(t, 'as many code sections as there can be', [...program(), ...manySections], undefined);
  const bss = Array.from({ length: 1000 }, () => ({ name: '.bss', type: 8, flags: 3, size: 0x1000_0000 }));
  inTime(
    t,
    'a terabyte of bss',
    [...program(), ...bss],
    /data and bss of the program: expected at most 268435456 bytes/,
  );

  const relocations = Buffer.alloc(16 * MIB);
  for (let at = 0; at < relocations.length; at += 16) relocations.writeUInt32LE(2, at + 8);
  const data = { name: '.data', type: 1, flags: 3, bytes: new Uint8Array(8 * MIB), align: 8 };
  const rel = { name: '.rel.data', type: 9, bytes: relocations, link: 2, info: 4, entrySize: 16 };
  inTime(
    t,
    'a million relocations of one place',
    [...program(), data, rel],
    /places that do not overlap, received two here/,
  );
  for (let i = 0; i < MIB; i++) {
    relocations.writeBigUInt64LE(BigInt(8 * i), 16 * i);
    relocations.writeUInt32LE(1, 16 * i + 12);
  }
  inTime(t, 'a million relocations', [...program(), data, rel], undefined);

  // DWARF 4: a header, then special opcodes: each one a row.
  const dwarf = Buffer.alloc(20 * MIB, 0xff);
  dwarf.writeUInt32LE(dwarf.length - 4, 0);
  dwarf.writeUInt16LE(4, 4);
  const opcodes = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];
  dwarf.writeUInt32LE(6 + opcodes.length + 7, 6);
  dwarf.set([8, 1, 1, 0xfb, 14, 13, ...opcodes, 0, 0x66, 0, 0, 0, 0, 0], 10);
  inTime(t, 'a line program of 20 MiB', [...program(), { name: '.debug_line', type: 1, bytes: dwarf }], undefined);

  const btf = Buffer.alloc(24 + 5006);
  btf.set([0x9f, 0xeb, 1, 0, 24, 0, 0, 0], 0);
  btf.writeUInt32LE(5006, 20);
  btf.write('.text\0', 24);
  const ext = Buffer.alloc(28 * MIB);
  ext.set([0x9f, 0xeb, 1, 0, 24, 0, 0, 0], 0);
  ext.writeUInt32LE(ext.length - 24, 20);
  ext.writeUInt32LE(16, 24);
  const debug = [
    { name: '.BTF', type: 1, bytes: btf },
    { name: '.BTF.ext', type: 1, bytes: ext },
  ];
  inTime(t, 'three million empty lists of lines', [...program(), ...debug], /expected at most 65536 sections/);
  ext.writeUInt32LE(Math.floor((ext.length - 36) / 16), 32);
  for (let at = 36; at + 16 <= ext.length; at += 16) ext.writeUInt32LE(((at - 36) / 16) % 5000, at + 4);
  inTime(t, 'two million lines of many files', [...program(), ...debug], /at most 4096 source files/);
});

/** A section of relocations of `.text`: offset, type, symbol. */
const relocationsOfText = (...list: [number, number, number][]): BuiltSection => {
  const bytes = Buffer.alloc(16 * list.length);
  for (const [i, [offset, type, symbol]] of list.entries()) {
    bytes.writeBigUInt64LE(BigInt(offset), 16 * i);
    bytes.writeUInt32LE(type, 16 * i + 8);
    bytes.writeUInt32LE(symbol, 16 * i + 12);
  }
  return { name: '.rel.text', type: 9, bytes, link: 2, info: 1, entrySize: 16 };
};

t.test('what no compiler writes is refused where it stands', async (t) => {
  const refused = (sections: readonly BuiltSection[], message: RegExp) => {
    let received: unknown;
    try {
      link([loadObject(buildElf(sections), 'x.o')]);
    } catch (error) {
      received = error;
    }
    t.match(received, { code: 'OBJECT_MALFORMED', message }, String(message));
  };
  const base = program();
  refused(
    program([{ name: 1, info: 1, section: 0xfff2 }]),
    /section \.symtab, offset 0x36: section of symbol 'vm_main': expected common only/,
  );
  refused(
    program([{ name: 1, info: 0x30, section: 1 }]),
    /offset 0x34: binding of symbol 'vm_main': expected 0 to 2, received 3/,
  );
  refused(
    program([{ name: 1, info: 0, section: 99 }]),
    /offset 0x36: section of symbol 'vm_main': expected below 5, received 99/,
  );
  refused(program([{ name: 77, info: 0, section: 1 }]), /section \.strtab, offset 0x4d: name of symbol 2/);
  refused(
    [...base, relocationsOfText([0, 2, 1])],
    /section \.rel\.text, offset 0x8: type of a relocation of \.text: expected R_BPF_64_64 .*received 2/,
  );
  refused(
    [...base, relocationsOfText([8, 1, 1])],
    /section \.rel\.text, offset 0x0: offset of R_BPF_64_64: expected 16 bytes inside the 16 .*received 8/,
  );
  refused([...base, relocationsOfText([4, 10, 1])], /at a multiple of 8, received 4/);
  refused(
    [...base, relocationsOfText([0, 10, 7])],
    /section \.rel\.text, offset 0xc: symbol of a relocation: expected below 2, received 7/,
  );
  refused(
    [...base, relocationsOfText([0, 1, 1])],
    /section \.text, offset 0x0: relocated address: expected opcode 18 with source 0, received b7 00/,
  );
  refused(
    [...base, relocationsOfText([8, 10, 1])],
    /section \.text, offset 0x8: relocated call: expected opcode 85 with source 1, received 95 00/,
  );
  refused(
    [...base, { ...relocationsOfText([0, 1, 1]), type: 4 }],
    /section \.rel\.text, offset 0x0: relocations: expected REL, .*received RELA/,
  );
  refused(
    [...base, { name: '.tdata', type: 1, flags: 0x403, bytes: EXIT }],
    /section \.tdata, .*expected no thread-local data/,
  );
  refused(
    [...base, { name: '.odd', type: 1, flags: 6, bytes: EXIT.subarray(0, 12) }],
    /section \.odd.*expected a multiple of 8 bytes .*received 12/,
  );
  refused(
    [...base, { name: '.odd', type: 1, flags: 2, bytes: EXIT, align: 3 }],
    /section table, offset 0x13[0-9a-f]: alignment of section 4: expected a power of two, received 3/,
  );
  refused(
    [...base, { name: '.odd', type: 5, flags: 2, bytes: EXIT }],
    /section \.odd.*expected PROGBITS, NOBITS or NOTE, received 5/,
  );
  refused(
    base.filter(({ type }) => type !== 2),
    /symbol table: expected one \(\.symtab\), received none/,
  );
  refused([...base, base[1]!], /symbol table: expected one, received 2/);
});
