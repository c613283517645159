// ELF objects of real clangs: loaded, linked, run, and compared with the same C on the host.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import t from 'tap';
import { link } from '../lib/linker/link.js';
import { loadObject } from '../lib/loader/load-object.js';
import { Program } from '../lib/runner/program.js';
import { CLANG_VERSIONS, type Clang, clangs, compileBpf, inParallel, runOnHost, scratch } from './support/clang.js';

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
