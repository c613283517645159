// `npm run bench -- query`: a question over a million megaflows against the same by hand in C++ (native/tools/scan_loop.cc). Both map the
// same sealed segments, in turn, and their answers are compared. Page faults of a new mapping cost either side more than the scan does and
// would hide it: so the figure with a goal is that of mappings whose pages are there, and the one with page faults stands by it. Times are
// of CPU, so that what others do on the machine does not count. BENCH_ROUNDS is how many measurements each has (15).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileQuestion, HEADER } from '../../lib/compiler/index.js';
import { tableMapping } from '../../lib/mapper/table-mapping.js';
import { dictionariesOf } from '../../lib/query/snapshot-dictionaries.js';
import { type Engine, Program, type Run, stopError } from '../../lib/runner/program.js';
import { readDpFlowsFile } from '../../lib/sources/dp-flows.js';
import type { TableSnapshot } from '../../lib/tables/snapshot.js';
import { type Bench, bestInTurn } from './bench.js';
import { writeDump } from './flows.js';
import { TouchedPages } from './pages.js';
import { benchGroups } from './query-groups.js';

const FLOWS = 1_000_000;
const QUESTION = 'dp_flows | where tcp and nw_dst within 10.0.0.0/8 and not (tp_dst in {80,443}) | top 10 by packets';
const rounds = Number(process.env.BENCH_ROUNDS ?? 15);
const NO_END = 1n << 60n;

function buildLoops(): void {
  const stdio = ['ignore', 'ignore', 'inherit'] as const;
  execFileSync('cmake', ['-S', '.', '-B', '.build/release', '-DCMAKE_BUILD_TYPE=Release'], { stdio: [...stdio] });
  execFileSync('cmake', ['--build', '.build/release', '--target', 'scan_loop', 'group_loop'], { stdio: [...stdio] });
}

async function makeSnapshot(): Promise<TableSnapshot> {
  const dir = mkdtempSync(join(tmpdir(), 'ctinspector-bench-'));
  try {
    const file = join(dir, 'flows.txt');
    writeDump(file, FLOWS);
    const snapshot = await readDpFlowsFile(file);
    const { nRows, nVerbatim } = snapshot.facts;
    if (nRows !== FLOWS || nVerbatim > 0)
      throw new Error(`expected ${FLOWS} rows as the switch prints them, got ${nRows}, ${nVerbatim} of them verbatim`);
    return snapshot;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Timed {
  readonly ns: number;
  readonly rows: string;
}

export const bench: Bench = async (report) => {
  buildLoops();
  await scanBench(report);
  await benchGroups(report);
};

const scanBench: Bench = async (report) => {
  const loop = '.build/release/native/tools/scan_loop';
  using snapshot = await makeSnapshot();
  const begin = performance.now();
  const compiled = compileQuestion(QUESTION, {
    schema: snapshot.schema,
    dictionaries: dictionariesOf(snapshot),
    nRows: snapshot.facts.nRows,
  });
  const compiledMs = performance.now() - begin;
  const plain = Program.load(compiled.spec);
  if (!plain.machineCode({ engine: 'jit' })) throw new Error('expected machine code');
  const loadedMs = performance.now() - begin - compiledMs;
  const pages = new TouchedPages(snapshot);
  const touching = Program.load(pages.before(compiled.spec));
  touching.machineCode({ engine: 'jit' });

  const answer = (run: Run): string => {
    const size = Buffer.from(run.read(HEADER.listSize, 8)).readUInt32LE();
    return new Uint32Array(run.read(compiled.layout.list, 4 * size).slice().buffer).join(' ');
  };
  const scan = (program: Program, engine: Engine): Timed => {
    const run = program.start({ tables: [tableMapping(snapshot)], engine });
    try {
      if (program === touching) pages.touch(run);
      const begin = process.cpuUsage();
      const stop = run.step(NO_END);
      const { user, system } = process.cpuUsage(begin);
      const ns = 1000 * (user + system);
      if (stop.kind !== 'exited') throw stop.kind === 'trapped' ? stopError(stop) : new Error(stop.kind);
      return { ns, rows: answer(run) };
    } finally {
      run.close();
    }
  };
  const byHand = (pass: 0 | 1): Timed => {
    const fds = ['rows', 'match'].map((name) => snapshot.segment(name).fd);
    const output = execFileSync(loop, ['3', '4', String(FLOWS)], {
      stdio: ['ignore', 'pipe', 'inherit', ...fds],
      encoding: 'utf8',
    });
    const [ns, ...rows] = output.split('\n')[pass]!.split(' ');
    return { ns: Number(ns), rows: rows.join(' ') };
  };
  const expected = byHand(0).rows;
  const time = ({ ns, rows }: Timed): number => {
    if (rows !== expected || rows.split(' ').length !== 10)
      throw new Error(`rows ${rows} by the program and ${expected} by hand`);
    return ns;
  };
  const best = await bestInTurn(
    {
      jit: () => time(scan(touching, 'jit')),
      cpp: () => time(byHand(1)),
      jitFirst: () => time(scan(plain, 'jit')),
      cppFirst: () => time(byHand(0)),
    },
    rounds,
  );
  const interpreter = await bestInTurn({ ns: () => time(scan(touching, 'interpreter')) }, 2);
  const ms = (ns: number): string => `${(ns / 1e6).toFixed(1)} ms`;
  const by = `a loop by hand, g++ -O2, ${FLOWS} rows, one thread, best of ${rounds} in turn`;
  report({
    metric: 'query.scan_vs_cpp',
    value: best.jit / best.cpp,
    unit: 'times',
    against: `${by}: ${ms(best.jit)} and ${ms(best.cpp)}`,
    goal: { atMost: 2 },
  });
  report({
    metric: 'query.scan_vs_cpp_first',
    value: best.jitFirst / best.cppFirst,
    unit: 'times',
    against: `${by}, page faults of a new mapping included: ${ms(best.jitFirst)} and ${ms(best.cppFirst)}`,
    goal: null,
  });
  report({
    metric: 'query.scan_interpreter_ratio',
    value: interpreter.ns / best.cpp,
    unit: 'times',
    against: `${by}: ${ms(interpreter.ns)} interpreted`,
    goal: null,
  });
  report({
    metric: 'query.scan_compile_ms',
    value: compiledMs + loadedMs,
    unit: 'ms',
    against: `the question into eBPF, once, dictionaries included: ${compiledMs.toFixed(1)} ms; checks and machine code: ${loadedMs.toFixed(1)} ms`,
    goal: null,
  });
};
