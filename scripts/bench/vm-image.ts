// Images. vm.suspend_resume_ratio: what a program that waits costs when its window stays: registers and frames of a run, four calls deep,
// encoded as the image has them, and decoded, checked against the program and put back; against copying the same bytes twice with memcpy
// and two calls of the addon that do nothing. All of it in calls from JavaScript, in turn, the least of BENCH_ROUNDS (15).
import { native } from '../../lib/runner/native.js';
import { Program, type ProgramSpec } from '../../lib/runner/program.js';
import { type Bench, bestInTurn } from './bench.js';

const CALLS = 200_000;
const rounds = Number(process.env.BENCH_ROUNDS ?? 15);

/** Instructions as their fields. */
function code(
  ...slots: readonly (readonly [code: number, dst: number, src: number, offset: number, imm: number])[]
): Uint8Array {
  const bytes = Buffer.alloc(8 * slots.length);
  slots.forEach(([op, dst, src, offset, imm], i) => {
    bytes.writeUInt8(op, 8 * i);
    bytes.writeUInt8(dst | (src << 4), 8 * i + 1);
    bytes.writeInt16LE(offset, 8 * i + 2);
    bytes.writeInt32LE(imm, 8 * i + 4);
  });
  return bytes;
}

/** migrate_to("local://b", 9), and exit. */
const MIGRANT: ProgramSpec = {
  code: code([0x18, 1, 0, 0, 0x1800_0000], [0, 0, 0, 0, 0], [0xb7, 2, 0, 0, 9], [0x85, 0, 2, 0, 0], [0x95, 0, 0, 0, 0]),
  kernelFunctions: 'ctinspector',
  imports: [{ name: 'migrate_to', version: 1 }],
  rodata: Buffer.from('local://b'),
};

/** Calls itself until r1 is 4, with r6 to r9 set, and waits there. */
const DEEP: ProgramSpec = {
  code: code(
    [0x07, 1, 0, 0, 1],
    [0xbf, 6, 1, 0, 0],
    [0xbf, 7, 1, 0, 0],
    [0xbf, 8, 1, 0, 0],
    [0xbf, 9, 1, 0, 0],
    [0x15, 1, 0, 2, 5],
    [0x85, 0, 1, 0, -7],
    [0x95, 0, 0, 0, 0],
    [0x85, 0, 0, 0, 7],
    [0x95, 0, 0, 0, 0],
  ),
  kernelFunctions: 'conformance',
};

export const bench: Bench = async (report) => {
  using migrant = Program.load(MIGRANT).start({ suspends: true });
  const stop = migrant.step(100n);
  if (stop.kind !== 'suspended') throw new Error(`expected the program to wait at migrate_to, but it ${stop.kind}`);
  const image = migrant.save({
    id: '0123456789abcdef0123456789abcdef',
    epoch: 1n,
    name: 'migrant',
    hopsLeft: 8,
    fuelLeft: 1_000_000n,
    home: 'local://a',
  });
  report({
    metric: 'vm.image_bytes',
    value: image.length,
    unit: 'bytes',
    against: 'a program that migrates once and exits, its code included',
    goal: { atMost: 256 },
  });

  const program = new (native().NativeProgram)({
    imports: [],
    entry: 0,
    functions: [],
    data: new Uint8Array(),
    rodata: new Uint8Array(),
    bssSize: 0,
    ...DEEP,
  });
  const run = new (native().NativeRun)(program, {
    memory: undefined,
    segments: [],
    tables: [],
    args: undefined,
    outputLimit: 0,
    suspends: true,
    engine: 'auto',
    addressing: 'auto',
  });
  if (run.step(1_000n).kind !== 'suspended') throw new Error('the program of the benchmark did not suspend');
  const bytes = run.suspendState();
  const timed = (each: () => void) => {
    const begin = process.hrtime.bigint();
    for (let i = 0; i < CALLS; i++) each();
    return Number(process.hrtime.bigint() - begin) / CALLS;
  };
  const best = await bestInTurn(
    {
      both: () =>
        timed(() => {
          run.suspendState();
          run.resumeState();
        }),
      copies: () =>
        timed(() => {
          run.copyState();
          run.copyState();
        }),
    },
    rounds,
  );
  run.close();
  report({
    metric: 'vm.suspend_resume_ratio',
    value: best.both / best.copies,
    unit: 'times',
    against: `2 memcpy of the same ${bytes} bytes and 2 empty calls of the addon (${best.copies.toFixed(0)} ns; with state: ${best.both.toFixed(0)} ns)`,
    goal: { atMost: 5 },
  });
};
