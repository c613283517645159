/**
 * The memory of a compiled question: addresses in the program's window (docs/internals.md, Guest ABI). Read-only data holds
 * tables over dictionaries; everything a run writes is in bss, which starts at the data's address because there is no data.
 */
import { CtiError } from '../errors.js';

export const RODATA = 0x1800_0000;
const BSS = 0x2000_0000;
const MAX_BSS = 0x1000_0000;
const MAX_RODATA = 0x0800_0000;
/** sizeof(struct cti_table), ctinspector/table.h. */
export const TABLE_SIZE = 416;
/** Offset of segments[i].address in it. */
export const segmentAddress = (i: number): number => 32 + 24 * i;

/** Counters at the start of bss, u64 each. */
export const HEADER = {
  /** Rows in the list; after the last loop the rows of the answer. */
  listSize: BSS,
  undecided: BSS + 8,
  couldCarry: BSS + 16,
  scanned: BSS + 24,
  /** Rows left out of top and bottom because they have no value to rank by. */
  noValue: BSS + 32,
  /** What `count` alone counts. */
  count: BSS + 40,
  threshold: BSS + 48,
  nPairs: BSS + 56,
  nRest: BSS + 64,
  /** Rows of later passes that a sum of first passes left out. */
  laterPasses: BSS + 72,
  /** Rows that do not look at which pass they are of: such a sum has them. */
  anyPass: BSS + 80,
  /** Which sum or average was too large, of those that ProgramLayout.overflows names. */
  overflow: BSS + 88,
} as const;
const HEADER_SIZE = 96;

export class Memory {
  private bssSize = HEADER_SIZE;
  private readonly chunks: Uint8Array[] = [];
  private rodataSize = 0;
  private readonly tables = new Map<Uint8Array | Uint32Array, number>();

  /** Zeroed room, 8-byte aligned. */
  bss(size: number, what: string): number {
    const address = BSS + this.bssSize;
    this.bssSize += Math.ceil(size / 8) * 8;
    if (this.bssSize > MAX_BSS) {
      const message = `${what} needs ${this.bssSize} bytes of memory, and a program has ${MAX_BSS}: narrow the question with where first`;
      throw new CtiError('WINDOW_FULL', message);
    }
    return address;
  }

  /** The address of a constant table, 8-byte aligned. */
  rodata(table: Uint8Array | Uint32Array): number {
    const known = this.tables.get(table);
    if (known !== undefined) return known;
    const address = RODATA + this.rodataSize;
    const bytes = new Uint8Array(Math.max(8, Math.ceil(table.byteLength / 8) * 8));
    bytes.set(new Uint8Array(table.buffer, table.byteOffset, table.byteLength));
    this.chunks.push(bytes);
    this.rodataSize += bytes.length;
    if (this.rodataSize > MAX_RODATA) {
      throw new CtiError(
        'WINDOW_FULL',
        `the question's tables of names need more than ${MAX_RODATA} bytes: ask in parts`,
      );
    }
    this.tables.set(table, address);
    return address;
  }

  get sizes(): { readonly rodata: Uint8Array; readonly bssSize: number } {
    const rodata = new Uint8Array(this.rodataSize);
    let at = 0;
    for (const chunk of this.chunks) {
      rodata.set(chunk, at);
      at += chunk.length;
    }
    return { rodata, bssSize: this.bssSize };
  }
}
