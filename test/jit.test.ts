/// <reference path="./support/webassembly.d.ts" />
/** Compiled programs in a Node process: engine options, faults beside WebAssembly's, memory that is never writable and executable. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { CtiError } from '../lib/errors.js';
import { Program, type StartOptions } from '../lib/runner/program.js';
import { assemble } from './support/asm.js';
import { ENGINES, HAS_FSGSBASE, JIT_ENGINES } from './support/engines.js';

const root = resolve(import.meta.dirname, '..');
const load = (text: string) => Program.load({ code: assemble(text), kernelFunctions: 'conformance' });
const WILD = 'r1 = 0x1234 ll\nr0 = *(u64 *)(r1 + 8)\nexit';

/** The part of it that Node's types leave to the DOM's. */
declare const WebAssembly: {
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object) => { exports: Record<string, unknown> };
  RuntimeError: ErrorConstructor;
};

/** (module (memory 1) (func (export "peek") (param i32) (result i32) local.get 0 i32.load)) */
const WASM = Uint8Array.from(
  Buffer.from('0061736d0100000001060160017f017f030201000503010001070801047065656b00000a0901070020002802000b', 'hex'),
);
const peek = new WebAssembly.Instance(new WebAssembly.Module(WASM)).exports.peek as (at: number) => number;

const wasmTrap = (): string => {
  try {
    peek(0x7fff_0000);
    return 'none';
  } catch (error) {
    return error instanceof WebAssembly.RuntimeError ? error.message : String(error);
  }
};

t.test('a fault of WebAssembly stays its own, before and after one of a compiled program', async (t) => {
  t.equal(peek(0), 0);
  t.equal(wasmTrap(), 'memory access out of bounds', 'before any program was compiled');
  const program = load(WILD);
  for (const [name, options] of JIT_ENGINES) {
    for (let i = 0; i < 3; i++) {
      t.match(program.run(options), { kind: 'trapped', trap: 'unmapped', pc: 2, address: 0x123c }, name);
      t.equal(wasmTrap(), 'memory access out of bounds', `after ${name}`);
    }
  }
  t.equal(peek(4), 0);

  // The same on a worker: its signal stack, its thread-local words, its WebAssembly.
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    (async () => {
      const { Program } = await import(workerData.program);
      const peek = new WebAssembly.Instance(new WebAssembly.Module(workerData.wasm)).exports.peek;
      const wasmTrap = () => { try { peek(0x7fff0000); return 'none'; } catch (e) { return e.constructor.name + ': ' + e.message; } };
      const seen = [wasmTrap()];
      const program = Program.load({ code: workerData.code, kernelFunctions: 'conformance' });
      for (const options of workerData.engines) {
        const { kind, trap, pc, address } = program.run(options);
        seen.push([kind, trap, pc, address].join(' '), wasmTrap());
      }
      parentPort.postMessage(seen);
    })();`;
  const engines = JIT_ENGINES.map(([, options]) => options);
  const workerData = {
    program: new URL('../dist/runner/program.js', import.meta.url).href,
    wasm: WASM,
    code: assemble(WILD),
    engines,
  };
  const trap = 'RuntimeError: memory access out of bounds';
  for (let i = 0; i < 2; i++) {
    const seen = await new Promise((done, fail) => {
      const worker = new Worker(source, { eval: true, workerData, execArgv: [] });
      worker.once('message', done).once('error', fail);
    });
    t.same(seen, [trap, ...engines.flatMap(() => ['trapped unmapped 2 4668', trap])], `worker ${i}`);
  }
  t.equal(wasmTrap(), 'memory access out of bounds', 'on the main thread, after the workers are gone');
});

t.test("a fault that is nobody's ends the process as it would have", (t) => {
  const crash = `
    const { Program } = await import(${JSON.stringify(new URL('../dist/runner/program.js', import.meta.url).href)});
    Program.load({ code: Buffer.from('b7000000000000009500000000000000', 'hex'), kernelFunctions: 'conformance' }).run({ engine: 'jit' });
    process.kill(process.pid, process.argv[1]);
    setTimeout(() => {}, 5000);`;
  for (const signal of ['SIGSEGV', 'SIGBUS']) {
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', crash, signal], {
      cwd: root,
      encoding: 'utf8',
    });
    t.equal(child.signal, signal, child.stderr);
  }
  t.end();
});

t.test('no memory is writable and executable at once', (t) => {
  const programs = Array.from({ length: 200 }, (_, i) => load(`r0 = ${i}\nexit`));
  for (const [i, program] of programs.entries()) {
    for (const [, options] of JIT_ENGINES) t.match(program.run(options), { r0: BigInt(i) });
    if (i % 50 === 0) {
      const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
      // V8 has pages of its own that are both; the addon's code is in memfds, mapped twice.
      const memfds = maps.filter((line) => /memfd:|\/dev\/shm|asmjit/.test(line));
      t.ok(
        memfds.some((line) => / r-xs /.test(line)),
        'code is mapped to execute',
      );
      t.ok(
        memfds.some((line) => / rw-s /.test(line)),
        'and, elsewhere, to write',
      );
      t.same(
        memfds.filter((line) => / .w.?x/.test(line)),
        [],
      );
    }
  }
  t.end();
});

t.test('engine options', (t) => {
  const program = load('r0 = 7\nexit');
  t.ok(program.machineCode({ engine: 'jit' })!.code.length > 0);
  t.equal(program.machineCode({ engine: 'interpreter' }), null);
  t.ok(program.machineCode()!.offsets.length === 3);
  if (HAS_FSGSBASE) {
    const loads = load('r0 = *(u64 *)(r10 - 8)\nexit');
    const [gs, mask] = (['gs', 'mask'] as const).map((addressing) =>
      Buffer.from(loads.machineCode({ engine: 'jit', addressing })!.code).toString('hex'),
    );
    t.match(gs, /^65/, 'a gs prefix');
    t.notMatch(mask, /^65/);
  }
  process.env.CTINSPECTOR_JIT = 'off';
  t.teardown(() => delete process.env.CTINSPECTOR_JIT);
  t.equal(program.machineCode(), null, 'jit=off: auto interprets');
  t.match(program.run(), { r0: 7n });
  const error = (() => {
    try {
      return program.run({ engine: 'jit' });
    } catch (error) {
      return error as CtiError;
    }
  })();
  t.ok(error instanceof CtiError);
  t.match(error, { code: 'INVALID_ARGUMENT', message: /switched off by CTINSPECTOR_JIT=off/ });
  t.end();
});

t.test('a run goes on after each slice, on every engine alike', (t) => {
  const program = load(`
    r6 = 0
    r7 = 5
  head: r1 = r6
    call f
    r6 = r0
    r7 += -1
    if r7 != 0 goto head
    r0 = r6
    exit
  f: r0 = r1
    r0 += 3
    call 1
    exit`);
  const trace = (options: StartOptions) => {
    const stops: string[] = [];
    using run = program.start(options);
    for (let i = 0; i < 100; i++) {
      const stop = run.step(1n);
      stops.push(JSON.stringify(stop, (_, v) => (typeof v === 'bigint' ? String(v) : v)));
      if (stop.kind !== 'out_of_fuel') break;
    }
    return stops;
  };
  const traces = ENGINES.map(([, options]) => trace(options));
  t.ok(traces[0]!.length > 10, `${traces[0]!.length} stops`);
  for (const other of traces.slice(1)) t.same(other, traces[0]);
  t.end();
});
