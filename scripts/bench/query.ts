// `npm run bench -- query`: a question over a million megaflows against the same by hand in C++ (native/tools/scan_loop.cc). Both map the
// same sealed segments, in turn, and their answers are compared. Page faults of a new mapping cost either side more than the scan does and
// would hide it: so the figure with a goal is that of mappings whose pages are there, and the one with page faults stands by it. Times are
// of CPU, so that what others do on the machine does not count. BENCH_ROUNDS is how many measurements each has (15).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Assembler } from '../../lib/compiler/assembler.js';
import { compileQuestion, HEADER } from '../../lib/compiler/index.js';
import { segmentAddress, TABLE_SIZE } from '../../lib/compiler/memory.js';
import { tableMapping } from '../../lib/query/run.js';
import { dictionariesOf } from '../../lib/query/snapshot-dictionaries.js';
import { type Engine, Program, type ProgramSpec, type Run, SLOT_SIZE, stopError } from '../../lib/runner/program.js';
import { readDpFlowsFile } from '../../lib/sources/dp-flows.js';
import type { TableSnapshot } from '../../lib/tables/snapshot.js';
import { type Bench, bestInTurn } from './bench.js';
import { writeDump } from './flows.js';

const FLOWS = 1_000_000;
const QUESTION = 'dp_flows | where tcp and nw_dst within 10.0.0.0/8 and not (tp_dst in {80,443}) | top 10 by packets';
const rounds = Number(process.env.BENCH_ROUNDS ?? 15);
const PAGE = 4096;
/** Slots of the loop that touches pages. */
const TOUCH_SLOTS = 3;
const NO_END = 1n << 60n;

function buildLoop(): string {
  const stdio = ['ignore', 'ignore', 'inherit'] as const;
  execFileSync('cmake', ['-S', '.', '-B', '.build/release', '-DCMAKE_BUILD_TYPE=Release'], { stdio: [...stdio] });
  execFileSync('cmake', ['--build', '.build/release', '--target', 'scan_loop'], { stdio: [...stdio] });
  return '.build/release/native/tools/scan_loop';
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

/** Instructions before the program's own that read a byte of every page of the first two segments, rows and match. */
function pageTouches(spec: ProgramSpec, schemaName: string): Uint8Array {
  const asm = new Assembler();
  const table = 0x1000_0000n; // on the stack
  const importIndex = spec.imports!.findIndex(({ name }) => name === 'table_open');
  // The name is the first thing in the program's read-only data.
  if (Buffer.from(spec.rodata!.subarray(0, schemaName.length)).toString() !== schemaName)
    throw new Error(`expected the program's read-only data to start with '${schemaName}'`);
  asm.constant(1, 0x1800_0000n);
  asm.constant(2, BigInt(schemaName.length));
  asm.constant(3, table);
  asm.constant(4, BigInt(TABLE_SIZE));
  asm.call(importIndex);
  for (const segment of [0, 1]) {
    const top = asm.label();
    asm.constant(1, table);
    asm.load(8, 2, 1, segmentAddress(segment) + 8);
    asm.load(8, 1, 1, segmentAddress(segment));
    asm.alu('add', 2, 1);
    asm.bind(top);
    asm.load(1, 3, 1, 0);
    asm.aluConstant('add', 1, BigInt(PAGE), 0);
    asm.jump('lt', 1, 2, top);
  }
  return asm.finish().code;
}

interface Timed {
  readonly ns: number;
  readonly rows: string;
}

export const bench: Bench = async (report) => {
  const loop = buildLoop();
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
  const touches = pageTouches(compiled.spec, snapshot.schema.name);
  const touching = Program.load({ ...compiled.spec, code: Buffer.concat([touches, compiled.spec.code]) });
  touching.machineCode({ engine: 'jit' });
  const nTouches = touches.length / SLOT_SIZE;

  const answer = (run: Run): string => {
    const size = Buffer.from(run.read(HEADER.listSize, 8)).readUInt32LE();
    return new Uint32Array(run.read(compiled.layout.list, 4 * size).slice().buffer).join(' ');
  };
  const nPages = ['rows', 'match'].reduce((sum, name) => sum + Math.ceil(snapshot.segment(name).size / PAGE), 0);
  /** Fuel is charged at backward jumps and calls only, so a run can be stopped in its last touches, and then with the first charge after them. */
  const touchPages = (run: Run): void => {
    let { pc } = run.step(BigInt(TOUCH_SLOTS * (nPages - 8)));
    if (pc >= nTouches) throw new Error('the pages took less fuel than expected');
    while (pc < nTouches) ({ pc } = run.step(1n));
  };
  const scan = (program: Program, engine: Engine): Timed => {
    const run = program.start({ tables: [tableMapping(snapshot)], engine });
    try {
      if (program === touching) touchPages(run);
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
