/** Types of lib/runner that this folder builds on; those of images come from there once they are there. */
import { CtiError } from '../errors.js';
import type { RegionMapping, Run, StartOptions, TableMapping } from '../runner/program.js';

export type { Answer, AnswerOutput, PendingCall, RegionMapping, Stop as SchedulerStop } from '../runner/program.js';

/** What an image says of its table ranges, as far as a mapper needs it. */
export interface ImageTable {
  readonly node: string;
  readonly table: string;
  readonly generation: bigint;
  readonly schemaHash: string;
  readonly nRows: number;
  readonly segments: readonly {
    readonly address: number;
    readonly size: number;
    readonly stride: number;
    readonly nRecords: number;
  }[];
  readonly isStale: boolean;
}

export interface ImageRegion {
  readonly node: string;
  readonly name: string;
  readonly asid: number;
  readonly address: number;
  readonly size: number;
  readonly writable: boolean;
  readonly isStale: boolean;
}

/** What the scheduler writes into an image. */
export interface ImageControl {
  readonly id: string;
  readonly epoch: bigint;
  readonly name: string;
  readonly parent?: string;
  readonly root?: string;
  readonly childIndex?: number;
  readonly hopsLeft?: number;
  readonly fuelLeft?: bigint;
  readonly fuelUsed?: bigint;
  readonly memoryLimit?: number;
  readonly forksLeft?: number;
  readonly lifetimeLeftNs?: bigint;
  readonly priority?: number;
  readonly durable?: boolean;
  readonly meeting?: string;
  readonly meetingSlot?: number;
  readonly meetingHome?: string;
  readonly home?: string;
  readonly addressSpace?: number;
  readonly monitors?: readonly {
    readonly type: number;
    readonly address: number;
    readonly value: bigint;
    readonly tag: bigint;
  }[];
}

export interface ImageFacts extends ImageControl {
  readonly set: string;
  readonly pending: { readonly name: string; readonly number: number; readonly args: readonly bigint[] } | null;
  readonly callNumber: bigint;
  readonly tables: readonly ImageTable[];
  readonly regions: readonly ImageRegion[];
  readonly memory: readonly {
    readonly name: string;
    readonly address: number;
    readonly size: number;
    readonly stored: number;
  }[];
}

const notYet = (): never => {
  throw new CtiError('INTERNAL', 'images are not here yet');
};
export const decodeImage = (_image: Uint8Array): ImageFacts => notYet();
export const withControl = (_image: Uint8Array, _changes: Partial<ImageControl>): Uint8Array => notYet();
export const saveImage = (_run: Run, _control: ImageControl): Uint8Array => notYet();
export const resumeImage = (
  _image: Uint8Array,
  _options: Omit<StartOptions, 'tables'> & {
    tables: readonly (TableMapping | null)[];
    regions: readonly (RegionMapping | null)[];
  },
): Run => notYet();
