// Page faults of a new mapping cost a question over a million rows more than its work does. So a measured program begins with instructions
// that read a byte of every page of the table's first two segments, rows and match; the clock starts behind them.
import { Assembler } from '../../lib/compiler/assembler.js';
import { segmentAddress, TABLE_SIZE } from '../../lib/compiler/memory.js';
import { type ProgramSpec, type Run, SLOT_SIZE } from '../../lib/runner/program.js';
import type { TableSnapshot } from '../../lib/tables/snapshot.js';

const PAGE = 4096;
/** Slots of the loop that touches pages. */
const TOUCH_SLOTS = 3;

export class TouchedPages {
  private nTouches = 0;

  constructor(private readonly snapshot: TableSnapshot) {}

  /** The program with the instructions before its own. */
  before(spec: ProgramSpec): ProgramSpec {
    const touches = pageTouches(spec, this.snapshot.schema.name);
    this.nTouches = touches.length / SLOT_SIZE;
    return { ...spec, code: Buffer.concat([touches, spec.code]) };
  }

  /**
   * Runs them. Fuel is charged at backward jumps and calls only, so a run can be stopped in its last touches, and then with the first
   * charge after them.
   */
  touch(run: Run): void {
    const sizes = ['rows', 'match'].map((name) => this.snapshot.segment(name).size);
    const nPages = sizes.reduce((sum, size) => sum + Math.ceil(size / PAGE), 0);
    let { pc } = run.step(BigInt(TOUCH_SLOTS * (nPages - 8)));
    if (pc >= this.nTouches) throw new Error('the pages took less fuel than expected');
    while (pc < this.nTouches) ({ pc } = run.step(1n));
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
