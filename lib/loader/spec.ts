/**
 * What an object file says, apart from any running system: sections that take part in a program, symbols, relocations,
 * and where each instruction comes from. Made by `loadObject`; made into a program by `lib/linker`.
 */

export type SectionKind = 'code' | 'rodata' | 'data' | 'bss';

export interface Relocation {
  /** Bytes from the section's start. */
  readonly offset: number;
  /**
   * lddw: the two immediates of an lddw (R_BPF_64_64); call: the immediate of a call (R_BPF_64_32); abs64 and abs32: 8
   * or 4 bytes of data. The addend is what stands in the place.
   */
  readonly form: 'lddw' | 'call' | 'abs64' | 'abs32';
  /** Index into ObjectSpec.symbols. */
  readonly symbol: number;
}

export interface SectionSpec {
  readonly name: string;
  readonly kind: SectionKind;
  /** A view of the file; empty for bss. */
  readonly bytes: Uint8Array;
  readonly size: number;
  /** A power of two. */
  readonly align: number;
  readonly relocations: readonly Relocation[];
  /** Ascending by offset; empty where the file has no line information. */
  readonly lines: readonly LineSpec[];
}

/** The instruction at `offset`, and those after it up to the next entry, come from this line. */
export interface LineSpec {
  readonly offset: number;
  readonly file: string;
  readonly line: number;
  /** 1-based; 0: not known. */
  readonly column: number;
}

export interface SymbolSpec {
  readonly name: string;
  readonly binding: 'local' | 'global' | 'weak';
  readonly kind: 'function' | 'object' | 'section' | 'other';
  /**
   * section: in sections[section] at `value`; undefined: defined elsewhere; absolute: the number `value`; common: to
   * be given `size` bytes aligned to `value`; outside: in a section that takes no part in the program (debug
   * information).
   */
  readonly place: 'section' | 'undefined' | 'absolute' | 'common' | 'outside';
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

export interface ObjectSpec {
  /** As messages name it. */
  readonly file: string;
  readonly sections: readonly SectionSpec[];
  readonly symbols: readonly SymbolSpec[];
  /** The set of kernel functions that the object says it is made for (section .ctinspector.set), as it stands there. */
  readonly kernelFunctions?: string;
}
