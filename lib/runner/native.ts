/** What the addon offers the runner (native/bind/program.cc). Checks nothing that lib/runner has not checked. */
import { addon } from '../addon.js';
import type { ControlFields } from '../generated/image-control.js';
import type { TrapKind } from '../generated/traps.js';
import type { ProgramSpec } from '../program-spec.js';
import type { PendingCall } from './call.js';
import type { ImageFacts, ImageMonitor } from './image.js';

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
  machineCode(
    engine: string,
    addressing: string,
  ): { name: 'interpreter' | 'jit'; code: Uint8Array; offsets: Uint32Array };
}

export interface NativeSegment {
  name: string;
  size: number;
  fd?: number;
  bytes?: Uint8Array;
  writable?: boolean;
}

export interface NativeTable {
  node: string;
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
  outputLimit: number;
  suspends: boolean;
  engine: string;
  addressing: string;
}

export interface NativeRegion {
  node: string;
  name: string;
  asid: number;
  fd: number;
  size: number;
  writable: boolean;
}

export interface NativeOutput {
  arg: number;
  bytes: Uint8Array;
}

/** An Answer of call.ts, with all its defaults. */
export type NativeAnswer =
  | { kind: 'value'; r0: bigint; outputs: NativeOutput[] }
  | { kind: 'table'; arg: number; table: NativeTable }
  | { kind: 'region'; region: NativeRegion; outputs: NativeOutput[] }
  | { kind: 'copy'; name: string; bytes: Uint8Array; outputs: NativeOutput[] }
  | { kind: 'unmap'; address: number }
  | { kind: 'end'; r0: bigint };

/** Control fields of an image by name (generated/image-control.ts), and its monitors. */
export interface NativeControl {
  fields: Record<string, unknown>;
  monitors: ImageMonitor[];
}

/** ImageFacts, with its control apart. */
export interface NativeImageFacts extends Omit<ImageFacts, keyof ControlFields | 'codeHash' | 'tables'> {
  control: Partial<ControlFields>;
  programOffset: number;
  programSize: number;
  tables: (Omit<ImageFacts['tables'][number], 'schemaHash'> & { schemaHash: bigint })[];
}

export interface NativeResumeOptions {
  tables: (NativeTable | null)[];
  regions: (NativeRegion | null)[];
  outputLimit: number;
  engine: string;
  addressing: string;
}

export interface NativeRun {
  step(fuel: bigint): NativeStop;
  /** Another program in the same window, after an end; tables stay. */
  restart(program: NativeProgram, engine: string, addressing: string): void;
  pending(): PendingCall | null;
  answer(answer: NativeAnswer): void;
  privateBytes(): number;
  /** An image of at most `maxText` bytes as a string of as many characters. */
  save(control: NativeControl, maxText: number): Uint8Array | string;
  /** Writes registers and frames into the run's own image block; how many bytes. */
  suspendState(): number;
  /** Takes them from there again, checked. */
  resumeState(): void;
  /** Copies them once and does nothing else; for benchmarks. */
  copyState(): void;
  /** Fills `into`. */
  read(address: number, into: Uint8Array): void;
  write(address: number, bytes: Uint8Array): void;
  segmentAddresses(): number[];
  /** Pieces as native/vm/output.h lays them out; null: none. */
  takeOutput(): Uint8Array | null;
  close(): void;
}

export interface NativeMeasured {
  loadNs: number;
  compileNs: number;
  execNs: number;
  r0: bigint;
  nSlots: number;
}

export interface Native {
  NativeProgram: new (spec: ProgramSpec) => NativeProgram;
  NativeRun: {
    new (program: NativeProgram, options: NativeRunOptions): NativeRun;
    new (image: Uint8Array, options: NativeResumeOptions): NativeRun;
  };
  decodeImage(image: Uint8Array): NativeImageFacts;
  disassembleImage(image: Uint8Array): string;
  withControl(image: Uint8Array, control: NativeControl): Uint8Array;
  /** Programs of images that are kept compiled; emptied before if so asked. */
  programCache(clear?: boolean): { nPrograms: number; nBytes: number };
  measure(code: Uint8Array, memory: Uint8Array, seconds: number, engine: string, addressing: string): NativeMeasured;
  createMemfd(name: string, size: number): number;
  opcodeTable(): { name: string; code: number; form: string }[];
}

export const native = (): Native => addon<Native>();
