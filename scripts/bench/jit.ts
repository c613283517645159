// Compiled programs, sandbox and fuel on, against the same C source compiled for the host by the same clang with the same flags. One
// process each, in turn; one thread each. BENCH_SECONDS is the time of a measurement (0.1), BENCH_ROUNDS how many each has (5);
// BENCH_VERBOSE=1 shows each program.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { measure } from '../../lib/runner/measure.js';
import type { Addressing } from '../../lib/runner/program.js';
import { type Bench, bestInTurn } from './bench.js';

const PROGRAMS = resolve(import.meta.dirname, 'programs');
const FLAGS = ['-O2', '-fno-vectorize', '-fno-slp-vectorize', '-fno-unroll-loops', '-fno-builtin'];
const BPF_FLAGS = ['-target', 'bpf', '-mcpu=v4', ...FLAGS];
const MIN_SLOTS = 50;
const seconds = Number(process.env.BENCH_SECONDS ?? 0.1);
const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const addressing = (process.env.BENCH_ADDRESSING ?? 'auto') as Addressing;
const only = process.env.BENCH_ONLY?.split(',');

const run = (command: string, args: string[]): string => {
  try {
    return execFileSync(command, args, { encoding: 'utf8' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error(`${command} is not installed; apt-get install clang-19 llvm-19`);
  }
};

/** Random bytes that are the same in every run. */
function memory(): Uint8Array {
  const bytes = new Uint8Array(65536);
  let x = 0x12345678;
  for (let i = 0; i < bytes.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = x >>> 11;
  }
  return bytes;
}

const geomean = (values: readonly number[]) =>
  Math.exp(values.reduce((sum, x) => sum + Math.log(x), 0) / values.length);

export const bench: Bench = async (report) => {
  const folder = mkdtempSync(join(tmpdir(), 'cti-bench-'));
  try {
    const memoryPath = join(folder, 'memory');
    writeFileSync(memoryPath, memory());
    const names = readdirSync(PROGRAMS)
      .filter((file) => file.endsWith('.c') && file !== 'native.c')
      .map((file) => file.slice(0, -2))
      .filter((name) => !only || only.includes(name));
    const ratios = new Map<string, number>();
    const compile: number[] = [];
    for (const name of names) {
      const source = join(PROGRAMS, `${name}.c`);
      const [object, binary, native] = ['o', 'bin', 'native'].map((suffix) => join(folder, `${name}.${suffix}`)) as [
        string,
        string,
        string,
      ];
      run('clang-19', [...BPF_FLAGS, '-c', source, '-o', object]);
      run('llvm-objcopy-19', ['-O', 'binary', '--only-section=.text', object, binary]);
      run('clang-19', [...FLAGS, source, join(PROGRAMS, 'native.c'), '-o', native]);
      const code = new Uint8Array(readFileSync(binary));
      const facts = {
        r0: [new Set<bigint>(), new Set<bigint>()] as const,
        compileNs: Number.POSITIVE_INFINITY,
        nSlots: 0,
      };
      const best = await bestInTurn(
        {
          jit: () => {
            const measured = measure(code, memory(), seconds, { engine: 'jit', addressing });
            facts.r0[0].add(measured.r0);
            facts.compileNs = Math.min(facts.compileNs, measured.compileNs);
            facts.nSlots = measured.nSlots;
            return measured.execNs;
          },
          native: () => {
            const [ns, r0] = run(native, [memoryPath, String(seconds)])
              .trim()
              .split(' ') as [string, string];
            facts.r0[1].add(BigInt(r0));
            return Number(ns);
          },
        },
        rounds,
      );
      const [ours, theirs] = facts.r0.map((set) => [...set].join(','));
      if (ours !== theirs) throw new Error(`${name}: r0 is ${ours} compiled by us and ${theirs} by clang`);
      ratios.set(name, best.jit / best.native);
      if (facts.nSlots > MIN_SLOTS) compile.push(facts.compileNs / facts.nSlots);
      if (process.env.BENCH_VERBOSE) {
        const ns = (value: number) => `${Math.round(value)} ns`;
        console.error(
          `${name.padEnd(14)} ${(best.jit / best.native).toFixed(2)}  ${ns(best.jit)} / ${ns(best.native)}, ${facts.nSlots} slots, compiled in ${ns(facts.compileNs)}`,
        );
      }
    }
    const flags = `clang-19 ${FLAGS.join(' ')}`;
    const call = ratios.get('call_loop');
    ratios.delete('call_loop');
    if (ratios.size > 0) {
      report({
        metric: 'jit.geomean',
        value: geomean([...ratios.values()]),
        unit: 'x',
        against: `${ratios.size} programs in C, ${flags}; ours also with ${BPF_FLAGS.slice(0, 3).join(' ')}, sandbox and fuel on, ${addressing}`,
        goal: { atMost: 1.35 },
      });
    }
    if (compile.length > 0) {
      report({
        metric: 'jit.compile_ns_per_insn',
        value: Math.max(...compile),
        unit: 'ns',
        against: `slots; the worst of ${compile.length} programs over ${MIN_SLOTS}`,
        goal: { atMost: 300 },
      });
    }
    if (call !== undefined) {
      report({
        metric: 'jit.kernel_call_ratio',
        value: call,
        unit: 'x',
        against: `a call through a pointer, ${flags}`,
        goal: { atMost: 3 },
      });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
};
