/** What the addon offers the runner (native/bind/program.cc). Checks nothing that lib/runner has not checked. */
import { addon } from '../addon.js';
import type { TrapKind } from '../generated/traps.js';
import type { ProgramSpec } from '../program-spec.js';

export interface NativeStop {
  kind: 'exited' | 'trapped' | 'out_of_fuel' | 'suspended';
  r0?: bigint;
  trap?: TrapKind;
  address?: number;
  pc: number;
  fuelUsed: bigint;
}

export interface NativeProgram {
  disassemble(): string;
  opcodes(): (string | null)[];
  functions(): { entry: number; nSlots: number }[];
}

export interface NativeSegment {
  name: string;
  size: number;
  fd?: number;
  bytes?: Uint8Array;
  writable?: boolean;
}

export interface NativeTable {
  name: string;
  nRows: number;
  generation: bigint;
  schemaHash: bigint;
  segments: (NativeSegment & { stride: number; nRecords: number })[];
}

export interface NativeRunOptions {
  memory: Uint8Array | undefined;
  segments: NativeSegment[];
  tables: NativeTable[];
  args: bigint[] | undefined;
}

export interface NativeRun {
  step(fuel: bigint): NativeStop;
  /** Fills `into`. */
  read(address: number, into: Uint8Array): void;
  write(address: number, bytes: Uint8Array): void;
  segmentAddresses(): number[];
  close(): void;
}

export interface Native {
  NativeProgram: new (spec: ProgramSpec) => NativeProgram;
  NativeRun: new (program: NativeProgram, options: NativeRunOptions) => NativeRun;
  opcodeTable(): { name: string; code: number; form: string }[];
}

export const native = (): Native => addon<Native>();
